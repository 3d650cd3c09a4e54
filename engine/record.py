"""One journaled batch: every input of the decision, and what was decided.

The journal of these records is the truth; the state of a shard is a fold of them. `engine.journal_format`
turns a record into bytes and back.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from engine.layout import COMMAND, LINE, MOVEMENT, RESULT

RULES_VERSION = 2
"""Raised when the kernels would decide the same input differently."""
ALERTS_SINCE = 2
"""The rules that decide alerts; the ones before are these without them."""
RULES_KNOWN = (1, RULES_VERSION)
"""The rules that the kernels can decide by again."""


class RecordKind(IntEnum):
    """What a record is for."""

    BATCH = 1
    """decided rows"""
    OPEN = 2
    """a new epoch began: `downtime_ms` is how far the deadlines that fell into the downtime were moved"""
    SEAL = 3
    """a clean stop: nothing was in flight"""


def _no_rows(dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    return np.empty(0, dtype)


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of one shard's journal; arrays are contiguous and never written to afterwards."""

    kind: RecordKind
    shard: int
    era: int
    """which partition map was in force"""
    seq: int
    """from 1, gap-free"""
    epoch: int
    """raised by every opening; never goes down"""
    now_ms: int
    """the shard's clock when it decided; never goes down"""
    rules: int = RULES_VERSION
    downtime_ms: int = 0
    id_window_ms: int = 0
    """how long ids were remembered when this was decided"""
    rows: npt.NDArray[np.void] = field(default_factory=lambda: _no_rows(COMMAND))
    results: npt.NDArray[np.void] = field(default_factory=lambda: _no_rows(RESULT))
    movements: npt.NDArray[np.void] = field(default_factory=lambda: _no_rows(MOVEMENT))
    lines: npt.NDArray[np.void] = field(default_factory=lambda: _no_rows(LINE))
    heap: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))


def position_of(seq: int, row: int) -> int:
    """Where the answer to row `row` of record `seq` lies, as one number that fits 64 bits."""
    return seq << 24 | row


def seq_and_row(position: int) -> tuple[int, int]:
    """The inverse of `position_of`."""
    return position >> 24, position & 0xFFFFFF
