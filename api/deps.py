"""What the API is given to work with: one `Runtime`, made by the composition root, and the limits of requests."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request

from actors.analytics_link import AnalyticsLink
from actors.client import Client
from actors.device_link import Devices
from actors.documents.directory import Directory
from actors.documents.gateway import Documents
from actors.planner_sql import PlannerSql
from api.array_room import ArrayRoom
from api.device_feed import DeviceFeed
from api.feed import Feed
from api.lookup import RememberedTexts
from api.metrics import Counters, HttpMetrics, Sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """Sizes that a request is held to; `/v1/limits` lists them."""

    single_body_bytes: int = 262_144
    array_body_bytes: int = 8_388_608
    commands: int = 10_000
    """in an array"""
    reservation_lines: int = 1_000
    page: int = 1_000
    feed_page: int = 50_000
    """events of a page of the feed as an Arrow stream"""
    query_skus: int = 1_000
    streams: int = 256
    """live feeds open at a time, for each process"""
    connections: int = 8_192
    """open at a time, for each process"""
    head_bytes: int = 32_768
    """of a request line and its headers"""
    head_s: float = 20.0
    """from a request's first byte to the end of its headers"""
    body_s: float = 60.0
    """from there to the end of its body"""
    bodies_bytes: int = 268_435_456
    """of all requests that are arriving or being decided, for each process"""
    arrays_bytes: int = 25_165_824
    """of the arrays of commands among them that are there as a whole: a second's work or so; more is refused unread"""
    unread_s: float = 60.0
    """that a caller may take nothing of an answer that is there for it"""
    unread_bytes: int = 268_435_456
    """of all answers that their callers have not taken, for each process"""


@dataclass(slots=True)
class Runtime:
    """Everything a request may need."""

    client: Client
    directory: Directory
    feed: Feed
    documents: Documents
    analytics: AnalyticsLink
    devices: Devices
    device_feed: DeviceFeed
    sql: PlannerSql
    now_ms: Callable[[], int]
    limits: ApiLimits = field(default_factory=ApiLimits)
    console: str | None = None
    """where the planners' console answers"""
    share: Path | None = None
    """a private directory in which several workers exchange their counters"""
    http: HttpMetrics = field(default_factory=HttpMetrics)
    texts: RememberedTexts = field(default_factory=RememberedTexts)
    arrays: ArrayRoom = field(default_factory=ArrayRoom)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """set when the process is to stop: live feeds end"""

    def own_counters(self) -> Counters:
        """What this process has counted."""
        admission = self.client.admission
        return Counters(
            str(os.getpid()), self.http, self.client.metrics, self.feed.streams, admission.rows, admission.size
        )

    def sharing(self) -> Sharing:
        """Where the workers' counters are."""
        return Sharing(self.share, str(os.getpid()))

    def counted(self) -> list[Counters]:
        """What all workers have counted, this one first."""
        return [self.own_counters(), *self.sharing().others()]


def get_runtime(request: Request) -> Runtime:
    """The FastAPI dependency."""
    runtime: Runtime = request.app.state.runtime
    return runtime
