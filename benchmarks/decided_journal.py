"""A journal of commands that the engine decided in this process: what analytics follows in tests and benchmarks.

Whoever derives from it says which batches there are. They are decided a piece at a time, so that deciding is not in the
time of following, and what was followed is forgotten.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analytics.following import Following
from analytics.store import Details, Store
from engine.ids import finish_rows, sku_key
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from tests.builders import define_channel, define_sku, define_warehouse, flat
from tests.rows import Row
from tests.world import SECRET, World

BATCH_ROWS: Final = 8_192
BATCHES: Final = 64
"""decided before they are followed, so that the one is not in the other's time"""
_DEFINED_AT_A_TIME: Final = 4_096

Int64s = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """What is decided at once."""

    table: npt.NDArray[np.void]
    heap: npt.NDArray[np.uint8]
    now_ms: int
    obtained: Int64s | None = None
    """what each row must come to, nothing for one that must be refused; None: every row is carried out"""


class DecidedJournal(ABC):
    """The shard that decides it all, and the journal that is followed."""

    def __init__(self, now_ms: int, skus: Sequence[str], stores: Sequence[str], channels: Sequence[str]) -> None:
        """These names are there from `now_ms` on."""
        self.world = World()
        self.world.now_ms = now_ms
        self._kept: list[Record] = self.world.records
        definitions: list[Row] = [*flat(define_channel(code) for code in channels), *map(define_warehouse, stores)]
        definitions += map(define_sku, skus)
        for at in range(0, len(definitions), _DEFINED_AT_A_TIME):
            self.world.send(*definitions[at : at + _DEFINED_AT_A_TIME])
        self.keys = np.array([sku_key(name) for name in skus], np.int64)
        self.places = np.array([self.world.warehouses[name] for name in stores], np.uint16)
        self.ways = np.array([self.world.channels[name] for name in channels], np.uint16)

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """What is decided, in order."""

    @abstractmethod
    def details(self) -> Details:
        """What the documents say beside the journal."""

    def records(self) -> Iterator[int]:
        """Decide a piece; gives how many command rows it has. What was decided before it is forgotten."""
        for batches in _chunks(self.batches(), BATCHES):
            self._kept[:] = [self._kept[-1]] * len(self._kept)
            rows = 0
            for batch in batches:
                self._decide(batch)
                rows += len(batch.table)
            yield rows

    # ---- a journal, as analytics reads one

    @property
    def durable_seq(self) -> int:
        """See `analytics.following.Journal`."""
        return len(self._kept)

    def read(self, seq: int) -> Record:
        """See `analytics.following.Journal`."""
        return self._kept[seq - 1]

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """See `analytics.following.Journal`."""
        yield from self._kept[first_seq - 1 : last_seq]

    def hash_at(self, seq: int) -> bytes:
        """See `analytics.following.Journal`."""
        return bytes(32)

    def _decide(self, batch: Batch) -> None:
        finish_rows(batch.table, batch.heap, SECRET)
        seq = self.world.next_seq
        decision = self.world.shard.decide(batch.table, batch.heap, now_ms=batch.now_ms, seq=seq)
        outcomes = decision.results["outcome"]
        if batch.obtained is None:
            assert (outcomes == Outcome.OK).all()
        else:
            refused = batch.obtained == 0
            assert (outcomes == np.where(refused, Outcome.INSUFFICIENT_STOCK, Outcome.OK)).all()
            assert (decision.results["quantity"] == batch.obtained)[~refused].all()
        self._kept.append(
            Record(
                RecordKind.BATCH, shard=0, era=0, seq=seq, epoch=1, now_ms=batch.now_ms,
                id_window_ms=self.world.limits.id_window_ms, rows=batch.table, results=decision.results,
                movements=decision.movements, lines=decision.lines, heap=batch.heap,
            )
        )  # fmt: skip


def followed(journal: DecidedJournal, store: Store) -> None:
    """All of it in the tables."""
    following = Following(store, [journal])
    while following.advance():
        pass
    for _ in journal.records():
        while following.advance():
            pass
    store.enter_details(journal.details())


def different(column: pa.ChunkedArray) -> tuple[list[str], Int64s]:
    """The values of a column, and for each row which of them it has."""
    encoded = column.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def milliseconds(column: pa.ChunkedArray) -> Int64s:
    """Moments as a record has them."""
    found: Int64s = column.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
    return found


def slices(first: int, end: int, rows: int = BATCH_ROWS) -> Iterator[slice]:
    """The rows of each batch."""
    for at in range(first, end, rows):
        yield slice(at, min(at + rows, end))


def _chunks(batches: Iterator[Batch], count: int) -> Iterator[Sequence[Batch]]:
    piece = []
    for batch in batches:
        piece.append(batch)
        if len(piece) == count:
            yield piece
            piece = []
    if piece:
        yield piece
