"""A year of real sales as journal records, without HTTP between, and the same lines as a Parquet file beside it.

Lines of the sample retailer are sold over the counter of their store, in one of three channels, at their prices and a
tax rate by department; before that every cell is stocked at a cost that its SKU has everywhere. So whoever asks the
Parquet file in plain SQL must come to what the reports say, and the file knows nothing of journals and tables.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from analytics.following import Following
from analytics.retailer import SalesFiles
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
BOOKED_MS: Final = 1_527_854_400_000
"""1 June 2018, 12:00: after the last sale"""
CHANNELS: Final = ("till", "web", "collect")
_ID_BYTES: Final = 9
_BASKET_BYTES: Final = 11
_DEFINED_AT_A_TIME: Final = 4_096

_LINES: Final = """
select t.basket_id as basket, t.product_id::VARCHAR as sku, 'store-' || t.store_id as store,
       t.quantity::BIGINT as units,
       ['till', 'web', 'collect'][t.store_id % 3 + 1] as channel, t.transaction_timestamp as sold_at,
       round(t.sales_value * 100)::BIGINT // t.quantity as unit_price,
       if(p.department = 'GROCERY', 70000, 190000)::INTEGER as tax_rate, t.product_id % 900 + 10 as unit_cost,
       p.department, p.product_category as category
from read_parquet($transactions) t join read_parquet($products) p using (product_id)
where p.department not in ('FUEL', 'COUPON', 'MISCELLANEOUS') and t.quantity between 1 and 100
order by sold_at, basket, sku limit $rows"""


def lines_of(files: SalesFiles, rows: int, path: Path) -> pa.Table:
    """The first so many lines, also as a Parquet file."""
    with duckdb.connect() as connection:
        given = {"transactions": str(files.transactions), "products": str(files.products), "rows": rows}
        found = connection.sql(_LINES, params=given).to_arrow_table()
    parquet.write_table(found, path)
    return found


class Year:
    """The shard that decides it all, and the journal that is followed."""

    def __init__(self, lines: pa.Table) -> None:
        self.lines = lines
        self.world = World()
        self.world.now_ms = BOOKED_MS
        self._kept: list[Record] = self.world.records
        self._skus, self._sku_of = _different(lines["sku"])
        self._stores, self._store_of = _different(lines["store"])
        definitions: list[Row] = [
            *flat(define_channel(code) for code in CHANNELS),
            *map(define_warehouse, self._stores),
        ]
        definitions += map(define_sku, self._skus)
        for at in range(0, len(definitions), _DEFINED_AT_A_TIME):
            self.world.send(*definitions[at : at + _DEFINED_AT_A_TIME])

    def details(self) -> Details:
        """Groups of the products, as documents have them."""
        groups = dict(zip(*(self.lines[name].to_pylist() for name in ("sku", "department")), strict=True))
        rows = [(sku_key(sku), sku, 0, sku, [groups[sku]], False) for sku in self._skus]
        return Details(1, products=rows)

    def records(self) -> Iterator[int]:
        """Decide a piece; gives how many command rows it has. What was decided before it is forgotten."""
        for batches in _chunks(self._batches(), BATCHES):
            self._kept[:] = [self._kept[-1]] * len(self._kept)
            rows = 0
            for table, heap in batches:
                self._decide(table, heap)
                rows += len(table)
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

    def _batches(self) -> Iterator[tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]]:
        cells = np.unique(self._sku_of.astype(np.int64) * len(self._stores) + self._store_of, return_inverse=True)
        wanted = np.bincount(cells[1], weights=self.lines["units"].to_numpy()).astype(np.int64)
        costs = np.zeros(len(self._skus), np.int64)
        costs[self._sku_of] = self.lines["unit_cost"].to_numpy()
        sku, store = cells[0] // len(self._stores), cells[0] % len(self._stores)
        number = 0
        for part in _slices(len(sku)):
            table = self._rows(Kind.RECEIVE, sku[part], store[part], wanted[part] + sku[part] % 4)
            table["unit_price"] = costs[sku[part]]
            yield _with_texts(table, number, None)
            number += len(table)
        channels = np.array([self.world.channels[code] for code in CHANNELS], np.uint16)
        columns = {name: self.lines[name].to_numpy() for name in ("units", "unit_price", "tax_rate", "basket")}
        sold_at = self.lines["sold_at"].cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
        which = np.array([CHANNELS.index(code) for code in self.lines["channel"].to_pylist()])
        for part in _slices(self.lines.num_rows):
            table = self._rows(Kind.SELL, self._sku_of[part], self._store_of[part], columns["units"][part])
            table["channel"] = channels[which[part]]
            table["unit_price"], table["tax_rate"] = columns["unit_price"][part], columns["tax_rate"][part]
            table["occurred_at_ms"] = sold_at[part]
            yield _with_texts(table, number, columns["basket"][part])
            number += len(table)

    def _rows(
        self, kind: Kind, sku: npt.NDArray[np.int64], store: npt.NDArray[np.int64], units: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.void]:
        keys = np.array([sku_key(name) for name in self._skus], np.int64)
        numbers = np.array([self.world.warehouses[name] for name in self._stores], np.uint16)
        table = np.zeros(len(sku), COMMAND)
        table["kind"], table["flags"] = kind, int(Flag.HAS_PRICE)
        table["sku_key"], table["warehouse"] = keys[sku], numbers[store]
        table["to_warehouse"] = table["channel"] = NO_WAREHOUSE
        table["quantity"], table["line"] = units * 1000, -1
        table["currency"] = int.from_bytes(b"USD", "little")
        return table

    def _decide(self, table: npt.NDArray[np.void], heap: npt.NDArray[np.uint8]) -> None:
        finish_rows(table, heap, SECRET)
        seq = self.world.next_seq
        decision = self.world.shard.decide(table, heap, now_ms=BOOKED_MS, seq=seq)
        assert (decision.results["outcome"] == Outcome.OK).all()
        self._kept.append(
            Record(
                RecordKind.BATCH, shard=0, era=0, seq=seq, epoch=1, now_ms=BOOKED_MS,
                id_window_ms=self.world.limits.id_window_ms, rows=table, results=decision.results,
                movements=decision.movements, lines=decision.lines, heap=heap,
            )
        )  # fmt: skip


def followed(year: Year, store: Store) -> None:
    """The whole year in the tables."""
    following = Following(store, [year])
    while following.advance():
        pass
    for _ in year.records():
        while following.advance():
            pass
    store.enter_details(year.details())


def _different(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _slices(count: int) -> Iterator[slice]:
    for at in range(0, count, BATCH_ROWS):
        yield slice(at, min(at + BATCH_ROWS, count))


def _chunks(batches: Iterator[tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]], count: int) -> Iterator[
    Sequence[tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]]
]:  # fmt: skip
    piece = []
    for batch in batches:
        piece.append(batch)
        if len(piece) == count:
            yield piece
            piece = []
    if piece:
        yield piece


def _with_texts(
    table: npt.NDArray[np.void], first: int, baskets: npt.NDArray[np.int64] | None
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]:
    """Ids of nine bytes, and the basket as the reference."""
    ids = _digits(first + np.arange(len(table)), _ID_BYTES)
    ids[:, 0] = ord("y")
    texts = ids if baskets is None else np.hstack([ids, _digits(baskets, _BASKET_BYTES)])
    heap = np.ascontiguousarray(texts).reshape(-1)
    table["text_at"] = np.arange(len(table)) * texts.shape[1]
    table["text_lengths"][:, TEXTS.index("id")] = _ID_BYTES
    if baskets is not None:
        table["text_lengths"][:, TEXTS.index("reference")] = _BASKET_BYTES
        offsets = (np.arange(len(table) + 1) * _BASKET_BYTES).astype(np.int32)
        table["reference_key"] = text_keys(np.ascontiguousarray(texts[:, _ID_BYTES:]).reshape(-1), offsets)
    return table, heap


def _digits(numbers: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    places = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // places % 10 + ord("0")).astype(np.uint8)
