"""Live feeds, followed once for all pages: what was sold lately, and how fast, without a question to the API.

Nothing is followed while nobody looks: the stream begins with the first page that asks and ends a minute after the
last one did.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Final

import orjson

from api.console.client import Api, ApiProblem

EVENTS_MAX: Final = 500
"""kept for pages that show what just happened"""
WINDOW_S: Final = 300
"""of the sales by channel"""
IDLE_S: Final = 60.0
_RETRY_S: Final = (0.5, 5.0)
SOLD: Final = frozenset(("sell", "fulfil"))
"""what counts as a sale, as in the reports: goods that left for a customer"""


class Followed:
    """A stream of events; belongs to one event loop. A subclass says what it remembers of them."""

    def __init__(self, api: Api, path: str) -> None:
        self._api = api
        self._path = path
        self._task: asyncio.Task[None] | None = None
        self._watched_s = 0.0
        self._cursor = ""
        self.version = 0
        """goes up with each event"""
        self.connected = False

    def watch(self) -> None:
        """Somebody looks; to be called again at least once in IDLE_S."""
        self._watched_s = time.monotonic()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow(), name=f"live {self._path}")

    async def close(self) -> None:
        """End the stream."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _follow(self) -> None:
        pause_s = _RETRY_S[0]
        while time.monotonic() - self._watched_s < IDLE_S:
            try:
                await self._stream()
                pause_s = _RETRY_S[0]
            except ApiProblem as problem:
                if problem.status == 410:  # what came since then is kept no more: from now on
                    self._cursor = ""
                pause_s = min(2 * pause_s, _RETRY_S[1])
            self.connected = False
            await asyncio.sleep(pause_s)
        # What is missed from here on is of no interest to a page that comes later.
        self._cursor = ""

    async def _stream(self) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._cursor} if self._cursor else {})
        async with self._api.stream(self._path, headers=headers) as answer:
            self.connected = True
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    self._take(orjson.loads(line[5:]))
                if time.monotonic() - self._watched_s > IDLE_S:
                    return

    def _take(self, event: dict[str, Any]) -> None:
        self._cursor = event["cursor"]
        self.version += 1


class Live(Followed):
    """The stock's feed."""

    def __init__(self, api: Api) -> None:
        super().__init__(api, "/v1/feed")
        self._seconds: deque[tuple[int, Counter[str], Counter[str]]] = deque()
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_MAX)
        """the newest last"""

    def sold(self, now_s: float, bucket_s: int = 5) -> tuple[list[int], dict[str, list[float]]]:
        """(when the buckets of the last WINDOW_S begin, units sold in each by channel)."""
        last = int(now_s) // bucket_s
        begins = [at * bucket_s for at in range(last - WINDOW_S // bucket_s + 1, last + 1)]
        channels: dict[str, list[float]] = {}
        for second, units, _ in self._seconds:
            at = second // bucket_s - begins[0] // bucket_s
            if 0 <= at < len(begins):
                for channel, quantity in units.items():
                    channels.setdefault(channel, [0.0] * len(begins))[at] += quantity
        return begins, channels

    def kinds(self, now_s: float, within_s: int = 60) -> Mapping[str, int]:
        """How many events of each kind there were lately."""
        counted: Counter[str] = Counter()
        for second, _, kinds in self._seconds:
            if second > now_s - within_s:
                counted.update(kinds)
        return counted

    def _take(self, event: dict[str, Any]) -> None:
        super()._take(event)
        self.events.append(event)
        second = int(time.time())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, Counter(), Counter()))
            while self._seconds[0][0] < second - WINDOW_S:
                self._seconds.popleft()
        _, units, kinds = self._seconds[-1]
        kinds[event["kind"]] += 1
        if event["kind"] in SOLD:
            units[event.get("channel") or "?"] += abs(event["quantity"])


class DeviceNews(Followed):
    """The devices' feed, of which pages need to know only that there is something new."""

    def __init__(self, api: Api) -> None:
        super().__init__(api, "/v1/feed/devices")
        self._of: Counter[str] = Counter()

    def version_of(self, device: str | None) -> int:
        """Goes up with each event of this device; of any, without one."""
        return self.version if device is None else self._of[device]

    def _take(self, event: dict[str, Any]) -> None:
        """Count it."""
        super()._take(event)
        self._of[event["device"]] += 1
