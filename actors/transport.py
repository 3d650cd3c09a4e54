"""The seam between clients and shards: bytes to a shard number, bytes back.

`LocalTransport` (`actors.local_transport`) runs shards as threads of this process, `RayTransport` as actor
processes; the messages and the shard's class are the same. A transport retries nothing and knows no rows.
"""

from collections.abc import Awaitable
from typing import Any, Final, Protocol

import msgspec

from engine.wire import ShardState

BATCHES_AT_ONCE: Final = 2
"""In one shard: the second is decided while the first is written and synced."""


class TransportError(Exception):
    """A call came back without an answer; `may_have_run` is False only when the shard never saw it."""

    def __init__(self, shard: int, reason: str, may_have_run: bool = True) -> None:
        super().__init__(shard, reason, may_have_run)
        self.shard = shard
        self.reason = reason
        self.may_have_run = may_have_run

    def __str__(self) -> str:
        return f"shard {self.shard}: {self.reason}"


class ShardStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A shard's answer to a probe, given without waiting for the batch that it is deciding."""

    shard: int
    state: ShardState
    epoch: int = 0
    seq: int = 0
    """highest durable seq"""
    pid: int = 0
    started: int = 0
    """start time of the process as the kernel counts it; tells a pid from its next owner. 0 = unknown"""
    busy_ms: int = 0
    """age of the batch being decided, 0 = idle"""
    due_ms: int = 0
    """the earliest deadline of a hold, 0 = none"""
    now_ms: int = 0
    """the shard's clock"""
    clock_alarm: bool = False
    died_deciding: list[int] = []
    """the `call` numbers of the batches that the predecessor was at when it died"""
    reason: str = ""
    """why it is starting or read only, in words"""
    metrics: dict[str, Any] = {}
    """counters and histograms as `actors.metrics.ShardMetrics` has them"""

    def to_bytes(self) -> bytes:
        """The message, as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_bytes(cls, message: bytes) -> "ShardStatus":
        """Read a message; raises msgspec.ValidationError when it is none."""
        return msgspec.json.decode(message, type=cls)


def away(shard: int) -> ShardStatus:
    """What is known of a shard that does not answer."""
    return ShardStatus(shard=shard, state=ShardState.AWAY, reason="no answer")


class Probes(Protocol):
    """A way to ask how somebody is."""

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        """Ask how the shard is, beside its work; gives a ShardStatus. Raises TransportError."""
        ...


class Transport(Probes, Protocol):
    """What carries messages; both calls raise TransportError."""

    def call(self, shard: int, message: bytes, timeout_s: float) -> Awaitable[bytes]:
        """Have the shard decide a Batch; gives a Reply. A future when the message is on its way already."""
        ...
