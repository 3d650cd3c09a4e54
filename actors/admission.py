"""Decides whether rows may join the queues: at once, and with a time to come back when they may not.

Called by the client for every request, before anything is queued. It bounds what one process keeps
(rows and bytes, per shard and in all) and what one caller may send (a token bucket). It never waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from actors.settings import Settings

_RETRY_MIN_MS = 50
_RETRY_MAX_MS = 5_000
_RATE_WINDOW_MS = 1_000


class Share(NamedTuple):
    """What one request asks of one shard."""

    shard: int
    rows: int
    size: int
    """bytes"""


@dataclass(slots=True)
class _Queue:
    rows: int = 0
    size: int = 0
    rate: float = 0.0
    """rows answered per ms, over the last whole window"""
    answered: int = 0
    window_from_ms: int = 0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at_ms: int


@dataclass(slots=True)
class Admission:
    """The queues and buckets of one client process; counters are read by metrics as they are."""

    settings: Settings
    shards: int
    rows: int = 0
    size: int = 0
    refused_rows: int = 0
    retry_after_ms: int = 0
    """for the latest refusal"""
    _queues: list[_Queue] = field(init=False)
    _buckets: dict[int, _Bucket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._queues = [_Queue() for _ in range(self.shards)]

    def queued_rows(self, shard: int) -> int:
        """Rows admitted and unanswered."""
        return self._queues[shard].rows

    def admit(self, shares: Sequence[Share], client: int, now_ms: int) -> list[bool]:
        """One answer per share; the admitted ones count until `release`. A client over its rate gets none in."""
        wanted = sum(share.rows for share in shares)
        short_ms = self._take(client, wanted, now_ms)
        if short_ms:
            self._refuse(wanted, short_ms)
            return [False] * len(shares)
        return [self._admit_share(share) for share in shares]

    def admit_row(self, shard: int, size: int, client: int, now_ms: int) -> bool:
        """`admit` of one row."""
        short_ms = self._take(client, 1, now_ms)
        if short_ms:
            self._refuse(1, short_ms)
            return False
        return self._admit_share(Share(shard, 1, size))

    def release(self, share: Share, now_ms: int) -> None:
        """The rows of an admitted share are answered, one way or the other."""
        queue = self._queues[share.shard]
        queue.rows -= share.rows
        queue.size -= share.size
        self.rows -= share.rows
        self.size -= share.size
        queue.answered += share.rows
        passed_ms = now_ms - queue.window_from_ms
        if passed_ms >= _RATE_WINDOW_MS:
            queue.rate = queue.answered / passed_ms
            queue.answered = 0
            queue.window_from_ms = now_ms

    def _admit_share(self, share: Share) -> bool:
        limits, queue = self.settings, self._queues[share.shard]
        # One request is let into an empty queue whatever its size: the limits of a request are the API's.
        if queue.rows and (
            queue.rows + share.rows > limits.queue_rows_max or queue.size + share.size > limits.queue_bytes_max
        ):
            self._refuse(share.rows, self._drained_in_ms(queue))
            return False
        if self.rows and (
            self.rows + share.rows > limits.total_rows_max or self.size + share.size > limits.total_bytes_max
        ):
            self._refuse(share.rows, self._drained_in_ms(queue))
            return False
        queue.rows += share.rows
        queue.size += share.size
        self.rows += share.rows
        self.size += share.size
        return True

    def _refuse(self, rows: int, retry_after_ms: int) -> None:
        self.refused_rows += rows
        self.retry_after_ms = max(_RETRY_MIN_MS, min(_RETRY_MAX_MS, retry_after_ms))

    def _drained_in_ms(self, queue: _Queue) -> int:
        """When a quarter of the queue should be answered, by the rate of late."""
        return int(queue.rows / 4 / queue.rate) if queue.rate else self.settings.retry_after_ms

    def _take(self, client: int, rows: int, now_ms: int) -> int:
        """Take tokens; gives 0, or the milliseconds until there are enough and takes none."""
        rate = self.settings.client_rows_per_s / 1000
        if not rate:
            return 0
        burst = self.settings.client_burst_rows
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = _Bucket(burst, now_ms)
        bucket.tokens = min(burst, bucket.tokens + (now_ms - bucket.filled_at_ms) * rate)
        bucket.filled_at_ms = now_ms
        # A request larger than the bucket passes when the bucket is full, and leaves a debt.
        if bucket.tokens >= min(rows, burst):
            bucket.tokens -= rows
            return 0
        return int((min(rows, burst) - bucket.tokens) / rate) + 1
