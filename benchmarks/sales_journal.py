"""Sales and returns as journal records, without HTTP between: what analytics follows in tests and benchmarks.

Every line is sold over the counter of its store, in its channel, at its price, and booked with its batch, when the last
of them was sold. Before the first half and before the second every cell is stocked with what it is going to sell, some
with a little more, at a cost that its SKU has everywhere; after all sales come the returns, each naming its sale. They
are decided by the engine like any others, so whoever asks files of them in plain SQL must come to what the reports say.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analytics.following import Following
from analytics.store import Details, Store
from engine.ids import finish_rows, sku_key, text_keys
from engine.kinds import Flag, Kind
from engine.layout import COMMAND, NO_WAREHOUSE, TEXTS
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from tests.builders import define_channel, define_sku, define_warehouse, flat
from tests.rows import Row
from tests.world import SECRET, World

BATCH_ROWS: Final = 8_192
BATCHES: Final = 64
"""decided before they are followed, so that the one is not in the other's time"""
BOOKED: Final = f"max(sold_at) over (partition by line // {BATCH_ROWS})"
"""When the line of this number is booked, in SQL."""
_DAY_MS: Final = 86_400_000
_ID_BYTES: Final = 9
_BASKET_BYTES: Final = 11
_DEFINED_AT_A_TIME: Final = 4_096

Int64s = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """What is decided at once."""

    table: npt.NDArray[np.void]
    heap: npt.NDArray[np.uint8]
    now_ms: int


class Delivery(NamedTuple):
    """What comes in before these lines are sold."""

    lines: slice
    now_ms: int
    sku: Int64s
    store: Int64s
    units: Int64s


class SalesJournal:
    """The shard that decides it all, and the journal that is followed."""

    def __init__(self, sales: pa.Table, returns: pa.Table | None = None) -> None:
        """Columns of `sales`: sku, store, channel, department, basket, sold_at, units, unit_price, tax_rate, unit_cost,
        booked_at, and perhaps discount; of `returns`: line (which of the sales), returned_at, units, booked_at."""
        self.sales, self.returns = sales, returns
        self._booked_ms = _ms(sales["booked_at"])
        self.world = World()
        self.world.now_ms = int(_ms(sales["sold_at"][:1])[0]) - _DAY_MS
        self._kept: list[Record] = self.world.records
        self._skus, self._sku_of = _different(sales["sku"])
        self._stores, self._store_of = _different(sales["store"])
        self._channels, self._channel_of = _different(sales["channel"])
        definitions: list[Row] = [
            *flat(define_channel(code) for code in self._channels),
            *map(define_warehouse, self._stores),
        ]
        definitions += map(define_sku, self._skus)
        for at in range(0, len(definitions), _DEFINED_AT_A_TIME):
            self.world.send(*definitions[at : at + _DEFINED_AT_A_TIME])
        self._keys = np.array([sku_key(name) for name in self._skus], np.int64)
        self._places = np.array([self.world.warehouses[name] for name in self._stores], np.uint16)
        self._ways = np.array([self.world.channels[name] for name in self._channels], np.uint16)
        half = -(-sales.num_rows // (2 * BATCH_ROWS)) * BATCH_ROWS
        self._deliveries = [
            self._delivery(slice(0, half), self.world.now_ms),
            self._delivery(slice(half, sales.num_rows), int(self._booked_ms[half - 1]) + 1),
        ]

    def details(self) -> Details:
        """Groups of the products, as documents have them."""
        departments, department_of = _different(self.sales["department"])
        first = np.zeros(len(self._skus), np.int64)
        first[self._sku_of] = department_of
        rows = [
            (sku_key(sku), sku, 0, sku, [departments[at]], False)
            for sku, at in zip(self._skus, first.tolist(), strict=True)
        ]
        return Details(1, products=rows)

    def receipts(self) -> pa.Table:
        """What each cell was stocked with, and when: sku, store, units, unit_cost, booked_at."""
        return pa.concat_tables(
            [
                pa.table(
                    {
                        "sku": np.array(self._skus)[each.sku],
                        "store": np.array(self._stores)[each.store],
                        "units": each.units,
                        "unit_cost": self._costs()[each.sku],
                        "booked_at": pa.array(np.full(len(each.sku), each.now_ms)).cast(pa.timestamp("ms")),
                    }
                )
                for each in self._deliveries
            ]
        )

    def records(self) -> Iterator[int]:
        """Decide a piece; gives how many command rows it has. What was decided before it is forgotten."""
        for batches in _chunks(self._batches(), BATCHES):
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

    # ---- commands

    def _batches(self) -> Iterator[Batch]:
        # A sale's number is that of its line, for a return names it.
        number = self.sales.num_rows
        for delivery in self._deliveries:
            yield from self._received(delivery, number)
            number += len(delivery.sku)
            yield from self._sold(delivery.lines)
        if self.returns is not None:
            yield from self._brought_back(number)

    def _delivery(self, lines: slice, now_ms: int) -> Delivery:
        """What the cells of these lines need, and for some up to three more."""
        cell_of = self._sku_of[lines].astype(np.int64) * len(self._stores) + self._store_of[lines]
        cells, of_line = np.unique(cell_of, return_inverse=True)
        wanted = np.bincount(of_line, weights=self.sales["units"].to_numpy()[lines]).astype(np.int64)
        sku, store = cells // len(self._stores), cells % len(self._stores)
        return Delivery(lines, now_ms, sku, store, wanted + sku % 4)

    def _costs(self) -> Int64s:
        costs = np.zeros(len(self._skus), np.int64)
        costs[self._sku_of] = self.sales["unit_cost"].to_numpy()
        return costs

    def _received(self, delivery: Delivery, number: int) -> Iterator[Batch]:
        costs = self._costs()
        for part in _slices(0, len(delivery.sku)):
            table = self._rows(Kind.RECEIVE, delivery.sku[part], delivery.store[part], delivery.units[part])
            table["unit_price"] = costs[delivery.sku[part]]
            yield _with_texts(table, delivery.now_ms, number + part.start)

    def _sold(self, lines: slice) -> Iterator[Batch]:
        names = ("units", "unit_price", "tax_rate", "basket", "discount")
        columns = {name: self.sales[name].to_numpy() for name in names if name in self.sales.column_names}
        sold_at = _ms(self.sales["sold_at"])
        for part in _slices(lines.start, lines.stop):
            table = self._rows(Kind.SELL, self._sku_of[part], self._store_of[part], columns["units"][part])
            table["channel"] = self._ways[self._channel_of[part]]
            table["unit_price"], table["tax_rate"] = columns["unit_price"][part], columns["tax_rate"][part]
            if "discount" in columns:
                table["discount"] = columns["discount"][part]
            table["occurred_at_ms"] = sold_at[part]
            now_ms = int(self._booked_ms[part][-1])
            yield _with_texts(table, now_ms, part.start, reference=columns["basket"][part])

    def _brought_back(self, number: int) -> Iterator[Batch]:
        assert self.returns is not None
        line, units = self.returns["line"].to_numpy(), self.returns["units"].to_numpy()
        returned_at, booked_ms = _ms(self.returns["returned_at"]), _ms(self.returns["booked_at"])
        price, rate = self.sales["unit_price"].to_numpy(), self.sales["tax_rate"].to_numpy()
        for part in _slices(0, len(line)):
            of = line[part]
            table = self._rows(Kind.RETURN, self._sku_of[of], self._store_of[of], units[part])
            # Brought back where the till says, not in the channel of the sale: the reports have to find that.
            table["channel"] = self._ways[(self._channel_of[of] + of) % len(self._ways)]
            table["unit_price"], table["tax_rate"] = price[of], rate[of]
            table["occurred_at_ms"] = returned_at[part]
            yield _with_texts(table, int(booked_ms[part][-1]), number + part.start, original=of)

    def _rows(self, kind: Kind, sku: Int64s, store: Int64s, units: Int64s) -> npt.NDArray[np.void]:
        table = np.zeros(len(sku), COMMAND)
        table["kind"], table["flags"] = kind, int(Flag.HAS_PRICE)
        table["sku_key"], table["warehouse"] = self._keys[sku], self._places[store]
        table["to_warehouse"] = table["channel"] = NO_WAREHOUSE
        table["quantity"], table["line"] = units * 1000, -1
        table["currency"] = int.from_bytes(b"USD", "little")
        return table

    def _decide(self, batch: Batch) -> None:
        finish_rows(batch.table, batch.heap, SECRET)
        seq = self.world.next_seq
        decision = self.world.shard.decide(batch.table, batch.heap, now_ms=batch.now_ms, seq=seq)
        assert (decision.results["outcome"] == Outcome.OK).all()
        self._kept.append(
            Record(
                RecordKind.BATCH, shard=0, era=0, seq=seq, epoch=1, now_ms=batch.now_ms,
                id_window_ms=self.world.limits.id_window_ms, rows=batch.table, results=decision.results,
                movements=decision.movements, lines=decision.lines, heap=batch.heap,
            )
        )  # fmt: skip


def followed(journal: SalesJournal, store: Store) -> None:
    """All of it in the tables."""
    following = Following(store, [journal])
    while following.advance():
        pass
    for _ in journal.records():
        while following.advance():
            pass
    store.enter_details(journal.details())


def _different(column: pa.ChunkedArray) -> tuple[list[str], Int64s]:
    encoded = column.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _ms(column: pa.ChunkedArray) -> Int64s:
    found: Int64s = column.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
    return found


def _slices(first: int, end: int) -> Iterator[slice]:
    for at in range(first, end, BATCH_ROWS):
        yield slice(at, min(at + BATCH_ROWS, end))


def _chunks(batches: Iterator[Batch], count: int) -> Iterator[Sequence[Batch]]:
    piece = []
    for batch in batches:
        piece.append(batch)
        if len(piece) == count:
            yield piece
            piece = []
    if piece:
        yield piece


def _with_texts(
    table: npt.NDArray[np.void],
    now_ms: int,
    first: int,
    *,
    reference: Int64s | None = None,
    original: Int64s | None = None,
) -> Batch:
    """Ids of nine bytes, the basket as the reference, the id of the sale as the original."""
    texts = [_ids(first + np.arange(len(table)))]
    table["text_lengths"][:, TEXTS.index("id")] = _ID_BYTES
    if reference is not None:
        texts.append(_digits(reference, _BASKET_BYTES))
        table["text_lengths"][:, TEXTS.index("reference")] = _BASKET_BYTES
        offsets = (np.arange(len(table) + 1) * _BASKET_BYTES).astype(np.int32)
        table["reference_key"] = text_keys(np.ascontiguousarray(texts[1]).reshape(-1), offsets)
    if original is not None:
        texts.append(_ids(original))
        table["text_lengths"][:, TEXTS.index("original")] = _ID_BYTES
    laid = np.ascontiguousarray(np.hstack(texts))
    table["text_at"] = np.arange(len(table)) * laid.shape[1]
    return Batch(table, laid.reshape(-1), now_ms)


def _ids(numbers: Int64s) -> npt.NDArray[np.uint8]:
    ids = _digits(numbers, _ID_BYTES)
    ids[:, 0] = ord("y")
    return ids


def _digits(numbers: Int64s, width: int) -> npt.NDArray[np.uint8]:
    places = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // places % 10 + ord("0")).astype(np.uint8)
