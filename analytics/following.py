"""Follows the journals: reads what is durable and not yet in the tables, folds it, enters it, a bounded piece a turn.

Knows a journal only as something that can be read; whose it is and where it lies is for `actors` to say. A shard
never waits for this, and never hears of it. While one piece is entered the next one can be read and folded: DuckDB's
commit takes as long as both.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from analytics.fold import Folded, fold
from analytics.store import Position, Store
from engine.journal_format import NO_HASH
from engine.record import Record

ROWS_MAX: Final = 2 * 122_880
"""Rows and movements of a turn. What busy shards enter at once then is a whole row group of DuckDB's, which goes into
the file at once and not into the log before."""
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
    """reading, folding and entering, one after the other"""


class _Piece(NamedTuple):
    """What is entered at once."""

    began: float
    folded: dict[int, tuple[Folded, bytes]]
    """of each shard that had more, with the hash of the last record"""
    rows: int
    records: int
    whole: list[bool]
    """for each shard whether it goes up to what was durable when it began"""
    took_s: float
    """to read and fold"""

    def position(self, shard: int) -> Position:
        folded, hash_ = self.folded[shard]
        return Position(folded.last_seq, hash_, folded.last_ms)


class Following:
    """All journals of a data directory, and the store they are followed into. One thread calls what follows them."""

    def __init__(self, store: Store, journals: Sequence[Journal], rows_max: int = ROWS_MAX) -> None:
        self.store = store
        self.counted = Counted()
        self.entered: Callable[[float], None] = _nobody
        """told after every turn when it began: what was durable then and fits a piece is in the tables. Not always
        told by the thread that follows"""
        self._journals = journals
        self._rows_max = rows_max
        known = store.positions()
        nowhere = Position(0, NO_HASH, 0)
        self.positions = [known.get(shard, nowhere) for shard in range(len(journals))]
        self.rows_taken = 0
        """command rows and movements of the last turn"""
        self.left_some = False
        """whether the last turn could not take all that was durable when it began"""
        self.caught_up = False
        """whether any turn could"""
        self._up_to_date_at = [time.monotonic()] * len(journals)
        self._hand = ThreadPoolExecutor(1, "enter")
        self._under_way: _Piece | None = None
        self._done: Future[None] | None = None

    def advance(self) -> bool:
        """A bounded piece of every journal that has more, entered at once; whether there was any."""
        moved = self.take(time.monotonic())
        self.settle()
        return moved

    def take(self, began: float) -> bool:
        """As `advance`, but the piece is entered in a thread of its own, after the one before it: see `settle`.

        What goes wrong with a piece is raised by the next call; it is read again then. `began` is when this turn did.
        """
        piece = self._read_piece(began)
        self.settle()
        self.rows_taken = piece.rows
        self.left_some = not all(piece.whole)
        if piece.folded:
            self._under_way = piece
            self._done = self._hand.submit(self._enter, piece)
        else:
            self._is_there(piece)
        return bool(piece.folded)

    def settle(self) -> None:
        """Wait for what is being entered; raises what went wrong with it."""
        done, self._done = self._done, None
        try:
            if done is not None:
                done.result()
        finally:
            self._under_way = None

    def close(self) -> None:
        """Wait for what is being entered, and let go of the thread."""
        self._hand.shutdown()

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

    def _read_piece(self, began: float) -> _Piece:
        """What follows the piece that is being entered, or the tables."""
        looked_at = time.monotonic()
        durable = [journal.durable_seq for journal in self._journals]
        before = [
            self._under_way.position(shard) if self._under_way and shard in self._under_way.folded else position
            for shard, position in enumerate(self.positions)
        ]
        new = [shard for shard, position in enumerate(before) if durable[shard] > position.seq]
        folded = {}
        rows = records = 0
        for shard in new:
            found, found_rows = self._read(shard, before[shard], durable[shard], max(1, self._rows_max // len(new)))
            of_shard = fold(found, self._journals[shard].read)
            folded[shard] = of_shard, self._journals[shard].hash_at(of_shard.last_seq)
            rows += found_rows
            records += len(found)
        whole = [shard not in folded or folded[shard][0].last_seq >= durable[shard] for shard in range(len(durable))]
        return _Piece(began, folded, rows, records, whole, time.monotonic() - looked_at)

    def _read(self, shard: int, after: Position, durable_seq: int, rows_max: int) -> tuple[list[Record], int]:
        """Records, and how many rows and movements they have."""
        records: list[Record] = []
        rows = 0
        for record in self._journals[shard].scan(after.seq + 1, durable_seq, after.hash):
            records.append(record)
            rows += len(record.rows) + len(record.movements)
            if rows >= rows_max or len(records) >= RECORDS_MAX:
                break
        return records, rows

    def _enter(self, piece: _Piece) -> None:
        began = time.monotonic()
        self.store.enter(piece.folded)
        for shard in piece.folded:
            self.positions[shard] = piece.position(shard)
        self.counted.turns += 1
        self.counted.rows += piece.rows
        self.counted.records += piece.records
        self.counted.busy_s += piece.took_s + time.monotonic() - began
        self._is_there(piece)

    def _is_there(self, piece: _Piece) -> None:
        for shard, whole in enumerate(piece.whole):
            if whole:
                self._up_to_date_at[shard] = piece.began
        self.caught_up = self.caught_up or all(piece.whole)
        self.entered(piece.began)


def _nobody(began: float) -> None:
    """Nobody wants to hear of it."""
