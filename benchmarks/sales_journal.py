"""Sales and returns as journal records, without HTTP between: what analytics follows in tests and benchmarks.

Every line is sold over the counter of its store, in its channel, at its price, and booked with its batch, when the last
of them was sold. Before the first half and before the second every cell is stocked with what it is going to sell, some
with a little more, at a cost that its SKU has everywhere; after all sales come the returns, each naming its sale. They
are decided by the engine like any others, so whoever asks files of them in plain SQL must come to what the reports say.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analytics.store import Details
from benchmarks.decided_journal import BATCH_ROWS, Batch, DecidedJournal, Int64s, different, milliseconds, slices
from engine.ids import sku_key, text_keys
from engine.kinds import Flag, Kind
from engine.layout import COMMAND, NO_WAREHOUSE, TEXTS

BOOKED: Final = f"max(sold_at) over (partition by line // {BATCH_ROWS})"
"""When the line of this number is booked, in SQL."""
_DAY_MS: Final = 86_400_000
_ID_BYTES: Final = 9
_BASKET_BYTES: Final = 11


class Delivery(NamedTuple):
    """What comes in before these lines are sold."""

    lines: slice
    now_ms: int
    sku: Int64s
    store: Int64s
    units: Int64s


class SalesJournal(DecidedJournal):
    """What came in, what was sold, and what came back."""

    def __init__(self, sales: pa.Table, returns: pa.Table | None = None) -> None:
        """Columns of `sales`: sku, store, channel, department, basket, sold_at, units, unit_price, tax_rate, unit_cost,
        booked_at, and perhaps discount; of `returns`: line (which of the sales), returned_at, units, booked_at."""
        self.sales, self.returns = sales, returns
        self._booked_ms = milliseconds(sales["booked_at"])
        self._skus, self._sku_of = different(sales["sku"])
        self._stores, self._store_of = different(sales["store"])
        self._channels, self._channel_of = different(sales["channel"])
        super().__init__(int(milliseconds(sales["sold_at"][:1])[0]) - _DAY_MS, self._skus, self._stores, self._channels)
        half = -(-sales.num_rows // (2 * BATCH_ROWS)) * BATCH_ROWS
        self._deliveries = [
            self._delivery(slice(0, half), self.world.now_ms),
            self._delivery(slice(half, sales.num_rows), int(self._booked_ms[half - 1]) + 1),
        ]

    def details(self) -> Details:
        """Groups of the products."""
        departments, department_of = different(self.sales["department"])
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

    def batches(self) -> Iterator[Batch]:
        """See `DecidedJournal`."""
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
        for part in slices(0, len(delivery.sku)):
            table = self._rows(Kind.RECEIVE, delivery.sku[part], delivery.store[part], delivery.units[part])
            table["unit_price"] = costs[delivery.sku[part]]
            yield _with_texts(table, delivery.now_ms, number + part.start)

    def _sold(self, lines: slice) -> Iterator[Batch]:
        names = ("units", "unit_price", "tax_rate", "basket", "discount")
        columns = {name: self.sales[name].to_numpy() for name in names if name in self.sales.column_names}
        sold_at = milliseconds(self.sales["sold_at"])
        for part in slices(lines.start, lines.stop):
            table = self._rows(Kind.SELL, self._sku_of[part], self._store_of[part], columns["units"][part])
            table["channel"] = self.ways[self._channel_of[part]]
            table["unit_price"], table["tax_rate"] = columns["unit_price"][part], columns["tax_rate"][part]
            if "discount" in columns:
                table["discount"] = columns["discount"][part]
            table["occurred_at_ms"] = sold_at[part]
            now_ms = int(self._booked_ms[part][-1])
            yield _with_texts(table, now_ms, part.start, reference=columns["basket"][part])

    def _brought_back(self, number: int) -> Iterator[Batch]:
        assert self.returns is not None
        line, units = self.returns["line"].to_numpy(), self.returns["units"].to_numpy()
        returned_at, booked_ms = milliseconds(self.returns["returned_at"]), milliseconds(self.returns["booked_at"])
        price, rate = self.sales["unit_price"].to_numpy(), self.sales["tax_rate"].to_numpy()
        for part in slices(0, len(line)):
            of = line[part]
            table = self._rows(Kind.RETURN, self._sku_of[of], self._store_of[of], units[part])
            # Brought back where the till says, not in the channel of the sale: the reports have to find that.
            table["channel"] = self.ways[(self._channel_of[of] + of) % len(self.ways)]
            table["unit_price"], table["tax_rate"] = price[of], rate[of]
            table["occurred_at_ms"] = returned_at[part]
            yield _with_texts(table, int(booked_ms[part][-1]), number + part.start, original=of)

    def _rows(self, kind: Kind, sku: Int64s, store: Int64s, units: Int64s) -> npt.NDArray[np.void]:
        table = np.zeros(len(sku), COMMAND)
        table["kind"], table["flags"] = kind, int(Flag.HAS_PRICE)
        table["sku_key"], table["warehouse"] = self.keys[sku], self.places[store]
        table["to_warehouse"] = table["channel"] = NO_WAREHOUSE
        table["quantity"], table["line"] = units * 1000, -1
        table["currency"] = int.from_bytes(b"USD", "little")
        return table


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
