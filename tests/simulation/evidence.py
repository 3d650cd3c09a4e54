"""What stands in the journals, by command, and how a check says that something is wrong with it."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from engine.kinds import Flag, ResultFlag
from engine.layout import COMMAND, MOVEMENT, RESULT
from engine.outcomes import Outcome
from engine.record import Record

C: Final = {name: at for at, name in enumerate(COMMAND.names or ())}
R: Final = {name: at for at, name in enumerate(RESULT.names or ())}
M: Final = {name: at for at, name in enumerate(MOVEMENT.names or ())}
"""Columns of rows as plain values."""
# Plain numbers: an enumeration's members and operators cost more than everything else about a row.
_UNDECIDED: Final = frozenset((int(Outcome.ID_REUSED), int(Outcome.OVERLOADED)))
_REPLAYED: Final = int(ResultFlag.REPLAYED)
_CONTINUES, _PREPARE = int(Flag.CONTINUES), int(Flag.PREPARE)
_FLAGS, _R_FLAGS, _R_OUTCOME = C["flags"], R["flags"], R["outcome"]


class Broken(AssertionError):
    """Something that must never be."""

    def __init__(self, what: str, shard: int = -1, seq: int = 0, detail: object = "") -> None:
        super().__init__(what, shard, seq, detail)
        self.what = what
        self.shard = shard
        self.seq = seq
        self.detail = detail

    def __str__(self) -> str:
        where = f" (shard {self.shard}, record {self.seq})" if self.shard >= 0 else ""
        return f"{self.what}{where}: {self.detail}"


class Entry(NamedTuple):
    """Where a command was decided."""

    shard: int
    seq: int
    row: int
    prepared: bool
    values: tuple[Any, ...]
    """of COMMAND"""
    results: list[tuple[Any, ...]]
    """of its record"""


Index = dict[tuple[int, int], list[Entry]]


def index_of(journals: Sequence[Sequence[Record]]) -> Index:
    """Every decided command by its id; repeats that were answered from memory are not decisions."""
    index: Index = {}
    for shard, journal in enumerate(journals):
        for record in journal:
            results = record.results.tolist()
            for row, values in enumerate(record.rows.tolist()):
                flags, result = values[_FLAGS], results[row]
                if (flags & _CONTINUES and not values[0]) or result[_R_FLAGS] & _REPLAYED:
                    continue
                if result[_R_OUTCOME] in _UNDECIDED:
                    continue
                entry = Entry(shard, record.seq, row, bool(flags & _PREPARE), values, results)
                index.setdefault((values[0], values[1]), []).append(entry)
    return index
