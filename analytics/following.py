"""Follows the journals: reads what is durable and not yet in the tables, folds it, enters it, a bounded piece a turn.

Knows a journal only as something that can be read; whose it is and where it lies is for `actors` to say. A shard
never waits for this, and never hears of it.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from analytics.fold import fold
from analytics.store import Position, Store
from engine.journal_format import NO_HASH
from engine.record import Record

ROWS_MAX: Final = 1 << 18
"""Rows and movements of a turn: what is written at once then fills DuckDB's row groups."""
RECORDS_MAX: Final = 8_192


class Journal(Protocol):
    """What is read of a journal; see `actors.journal.JournalReader`."""

    @property
    def durable_seq(self) -> int:
        """The last record that may be read."""
        ...

    def read(self, seq: int) -> Record:
        """One durable record."""
        ...

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """Durable records, every hash checked."""
        ...

    def hash_at(self, seq: int) -> bytes:
        """The hash of a durable record."""
        ...


@dataclass(slots=True)
class Counted:
    """What was entered since the start."""

    rows: int = 0
    """command rows and movements"""
    records: int = 0
    turns: int = 0
    busy_s: float = 0.0


class Following:
    """All journals of a data directory, and the store they are followed into."""

    def __init__(self, store: Store, journals: Sequence[Journal], rows_max: int = ROWS_MAX) -> None:
        self.store = store
        self.counted = Counted()
        self._journals = journals
        self._rows_max = rows_max
        known = store.positions()
        nowhere = Position(0, NO_HASH, 0)
        self.positions = [known.get(shard, nowhere) for shard in range(len(journals))]
        self._up_to_date_at = [time.monotonic()] * len(journals)

    def advance(self) -> bool:
        """A turn for every shard; whether anything was new."""
        moved = [self._advance(shard) for shard in range(len(self._journals))]
        return any(moved)

    def behind(self) -> list[int]:
        """How many durable records of each shard are not in the tables."""
        return [
            max(0, journal.durable_seq - position.seq)
            for journal, position in zip(self._journals, self.positions, strict=True)
        ]

    def lag_s(self) -> list[float]:
        """For each shard how long ago all that was durable was in the tables; 0 when it is now."""
        now = time.monotonic()
        return [now - at if behind else 0.0 for at, behind in zip(self._up_to_date_at, self.behind(), strict=True)]

    def _advance(self, shard: int) -> bool:
        journal, position = self._journals[shard], self.positions[shard]
        looked_at = time.monotonic()
        durable_seq = journal.durable_seq
        if durable_seq <= position.seq:
            self._up_to_date_at[shard] = looked_at
            return False
        records: list[Record] = []
        rows = 0
        for record in journal.scan(position.seq + 1, durable_seq, position.hash):
            records.append(record)
            rows += len(record.rows) + len(record.movements)
            if rows >= self._rows_max or len(records) >= RECORDS_MAX:
                break
        folded = fold(records, journal.read)
        hash_ = journal.hash_at(folded.last_seq)
        self.store.enter(shard, folded, hash_)
        self.positions[shard] = Position(folded.last_seq, hash_, folded.last_ms)
        if folded.last_seq >= durable_seq:
            self._up_to_date_at[shard] = looked_at
        self.counted.rows += rows
        self.counted.records += len(records)
        self.counted.turns += 1
        self.counted.busy_s += time.monotonic() - looked_at
        return True
