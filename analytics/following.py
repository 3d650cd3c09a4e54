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
        self.left_some = False
        """whether the last turn could not take all that was durable when it began"""
        self.caught_up = False
        """whether any turn could"""
        self._up_to_date_at = [time.monotonic()] * len(journals)

    def advance(self) -> bool:
        """A bounded piece of every journal that has more, entered at once; whether there was any."""
        began = time.monotonic()
        durable = [journal.durable_seq for journal in self._journals]
        new = [shard for shard, position in enumerate(self.positions) if durable[shard] > position.seq]
        pieces = {}
        for shard in new:
            records = self._read(shard, durable[shard], max(1, self._rows_max // len(new)))
            folded = fold(records, self._journals[shard].read)
            pieces[shard] = folded, self._journals[shard].hash_at(folded.last_seq)
        if pieces:
            self.store.enter(pieces)
            self.counted.turns += 1
            self.counted.busy_s += time.monotonic() - began
        for shard, (folded, hash_) in pieces.items():
            self.positions[shard] = Position(folded.last_seq, hash_, folded.last_ms)
        self.left_some = False
        for shard, position in enumerate(self.positions):
            if position.seq >= durable[shard]:
                self._up_to_date_at[shard] = began
            else:
                self.left_some = True
        self.caught_up = self.caught_up or not self.left_some
        return bool(pieces)

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

    def _read(self, shard: int, durable_seq: int, rows_max: int) -> list[Record]:
        position = self.positions[shard]
        records: list[Record] = []
        rows = 0
        for record in self._journals[shard].scan(position.seq + 1, durable_seq, position.hash):
            records.append(record)
            rows += len(record.rows) + len(record.movements)
            if rows >= rows_max or len(records) >= RECORDS_MAX:
                break
        self.counted.rows += rows
        self.counted.records += len(records)
        return records
