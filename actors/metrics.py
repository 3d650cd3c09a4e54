"""Plain counters and histograms of clients and shards; the API turns them into whatever its reader wants.

No library: a shard sends its own with the answer to a probe, as JSON. One writer per object, so no lock; a
reader in another thread sees whole numbers, perhaps of two neighbouring moments.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.outcomes import Outcome

SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
_OUTCOMES_MAX: Final = max(Outcome) + 1


@dataclass(slots=True)
class Histogram:
    """Counts per bucket: `counts[i]` of values <= bounds[i], the last of those above all bounds."""

    bounds: tuple[float, ...] = SECONDS
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        if not self.counts:
            self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values were seen."""
        return sum(self.counts)


def _rows() -> Histogram:
    return Histogram(ROWS)


@dataclass(slots=True)
class ShardMetrics:
    """What one shard has done since it was made."""

    batches: int = 0
    rows: int = 0
    questions: int = 0
    replays: int = 0
    """rows answered from the journal, because their ids were known"""
    refused_read_only: int = 0
    """rows not run for lack of space"""
    batch_rows: Histogram = field(default_factory=_rows)
    decide_s: Histogram = field(default_factory=Histogram)
    append_s: Histogram = field(default_factory=Histogram)
    """from the decision until it is durable: encoding, writing and fsync"""
    outcomes: list[int] = field(default_factory=lambda: [0] * _OUTCOMES_MAX)
    """answers by Outcome number"""
    tables: dict[str, tuple[int, int]] = field(default_factory=dict)
    """`actors.open_shard.OpenShard.tables`, as of the latest probe"""

    def count_outcomes(self, outcomes: npt.NDArray[np.uint8]) -> None:
        """Add the answers of one batch."""
        for outcome, n in enumerate(np.bincount(outcomes, minlength=_OUTCOMES_MAX).tolist()):
            if n:
                self.outcomes[outcome] += n


@dataclass(slots=True)
class ClientMetrics:
    """What one client process has asked, and how it went."""

    requests: int = 0
    rows: int = 0
    questions: int = 0
    refused_rows: int = 0
    """rows that admission did not let in"""
    unavailable_rows: int = 0
    calls: int = 0
    calls_lost: int = 0
    """calls that ended without an answer, time-outs among them"""
    calls_timed_out: int = 0
    stale_replies: int = 0
    """replies of an earlier epoch, dropped"""
    malformed_replies: int = 0
    """replies that do not fit their batch, dropped: there is a bug"""
    call_rows: Histogram = field(default_factory=_rows)
    call_s: Histogram = field(default_factory=Histogram)
    queue_s: Histogram = field(default_factory=Histogram)
    """how long the oldest row of a batch had waited when the batch was sent"""
