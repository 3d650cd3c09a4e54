"""The events of `benchmarks.orders` as commands, decided by the engine: it must come to what stands beside each."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from analytics.store import Details
from benchmarks.decided_journal import Batch, DecidedJournal, Int64s, different, milliseconds, slices
from benchmarks.orders import Orders
from engine.ids import finish_rows, sku_key, text_keys
from engine.kinds import Flag, Kind
from engine.layout import COMMAND, NO_WAREHOUSE, TEXTS
from tests.world import SECRET

_TEXTS: Final = ("id", "reference", "source", "customer")
_KINDS: Final = {kind: Kind.TRANSFER if kind == "ship" else Kind[kind.upper()] for kind in (
    *("receive", "expect", "ship", "sell", "return", "reserve", "confirm", "release", "fulfil"),
)}  # fmt: skip
_FLAGS: Final = {
    "ship": Flag.IN_TRANSIT,
    "release": Flag.HAS_QUANTITY,
    "fulfil": Flag.HAS_QUANTITY,
    "reserve": Flag.PARTIAL | Flag.HAS_PRICE,
    "sell": Flag.HAS_PRICE,
    "return": Flag.HAS_PRICE,
}
_ON_HOLDS: Final = ("confirm", "release", "fulfil")
_MUCH: Final = 1_000_000_000_000
"""Thousandths: who asks for more wants all of it or nothing."""


class OrdersJournal(DecidedJournal):
    """All events but those of the shard itself."""

    def __init__(self, orders: Orders, batch: int) -> None:
        """`batch`: as many as are booked at a time, as the events were made with."""
        self._batch = batch
        self._orders = orders
        events = parquet.read_table(orders.events)
        self._events = events.slice(0, len(events) - events["n"].null_count)
        self._skus, self._sku_of = different(self._events["sku"])
        self._stores = sorted({*_names(self._events["store"]), *_names(self._events["to_store"])})
        self._channels = sorted(set(self._events["channel"].to_pylist()) - {None})
        self._booked_ms = milliseconds(self._events["booked_at"])
        super().__init__(int(self._booked_ms[0]) - 1, self._skus, self._stores, self._channels)
        self._before = self.world.next_seq - 1
        self._keys_of: dict[int, tuple[int, int]] = {}

    def batches(self) -> Iterator[Batch]:
        """See `DecidedJournal`."""
        for part in slices(0, self._events.num_rows, self._batch):
            events = self._events.slice(part.start, part.stop - part.start)
            table, heap = self._rows(events, self._sku_of[part])
            yield Batch(table, heap, int(self._booked_ms[part][-1]), _numbers(events["obtained"]))

    def details(self) -> Details:
        """Groups of the products, what was looked at, and the closed days."""
        first = self._events.select(["sku", "department"]).group_by("sku").aggregate([("department", "min")])
        groups = dict(zip(first["sku"].to_pylist(), first["department_min"].to_pylist(), strict=True))
        channels = {code: int(number) for code, number in zip(self._channels, self.ways, strict=True)}
        places = {code: int(number) for code, number in zip(self._stores, self.places, strict=True)}
        interest = [
            (row["day"], channels[row["channel"]], None if row["sku"] is None else sku_key(row["sku"]), row["query"],
             row["views"], row["cart_adds"], row["empty_searches"])
            for row in parquet.read_table(self._orders.interest).to_pylist()
        ]  # fmt: skip
        closings = [
            (row["day"], places[row["store"]], channels[row["channel"]], row["closed_at"].replace(tzinfo=UTC), "office",
             "Ann", [self._decided_by(row["closed_at"])], "USD", row["orders"], 0, 0, row["net"], 0, 0, row["net"],
             row["tax"])
            for row in parquet.read_table(self._orders.closings).to_pylist()
        ]  # fmt: skip
        products = [(sku_key(sku), sku, 0, sku, [groups[sku]], False) for sku in self._skus]
        return Details(1, products=products, interest=interest, closings=closings)

    def _decided_by(self, moment: Any) -> int:
        """The last record that was there then: each batch is one."""
        last_of_batch = self._booked_ms[:: self._batch]
        at_ms = int(moment.replace(tzinfo=UTC).timestamp() * 1000)
        return self._before + int(np.searchsorted(last_of_batch, at_ms, side="right"))

    def _rows(self, events: pa.Table, sku: Int64s) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]:
        kinds = np.array(events["kind"].to_pylist())
        table = np.zeros(events.num_rows, COMMAND)
        table["sku_key"], table["line"] = self.keys[sku], -1
        for kind, number in _KINDS.items():
            of = kinds == kind
            table["kind"][of], table["flags"][of] = number, int(_FLAGS.get(kind, 0))
        asked = _numbers(events["asked"]) * 1000
        table["quantity"] = asked
        table["flags"][(kinds == "reserve") & (asked >= _MUCH // 10)] = int(Flag.HAS_PRICE)
        table["line"][np.isin(kinds, ("reserve", "release", "fulfil"))] = 0
        table["warehouse"] = self._numbered(events["store"], self._stores, self.places)
        table["to_warehouse"] = self._numbered(events["to_store"], self._stores, self.places)
        table["channel"] = self._numbered(events["channel"], self._channels, self.ways)
        priced = np.isin(kinds, ("sell", "reserve", "return"))
        for name in ("unit_price", "tax_rate"):
            table[name] = np.where(priced, _numbers(events[name]), 0)
        table["currency"] = np.where(priced, int.from_bytes(b"USD", "little"), 0)
        table["occurred_at_ms"] = milliseconds(events["happened"])
        due = _numbers(events["due"].cast(pa.timestamp("ms")).cast(pa.int64()))
        table["due_ms"], table["ttl_s"] = due, _numbers(events["ttl_s"])
        heap = self._with_texts(table, events)
        self._with_holds(table, heap, events, kinds)
        return table, heap

    def _with_texts(self, table: npt.NDArray[np.void], events: pa.Table) -> npt.NDArray[np.uint8]:
        ids = pa.array([f"y{number:010d}" for number in events["number"].to_pylist()])
        texts = [ids, *(pc.fill_null(events[name], "").combine_chunks() for name in _TEXTS[1:])]
        for name, column in zip(_TEXTS, texts, strict=True):
            table["text_lengths"][:, TEXTS.index(name)] = pc.binary_length(column).to_numpy()
            if name in ("reference", "source"):
                offsets, data = _laid(column)
                table[f"{name}_key"] = text_keys(data, offsets)
        offsets, heap = _laid(pc.binary_join_element_wise(*texts, ""))
        table["text_at"] = offsets[:-1]
        return heap

    def _with_holds(
        self, table: npt.NDArray[np.void], heap: npt.NDArray[np.uint8], events: pa.Table, kinds: npt.NDArray[np.str_]
    ) -> None:
        """What is meant by those that go on with a reservation: the key that the row that made it was given."""
        made = np.flatnonzero(kinds == "reserve")
        finished = table.copy()
        finish_rows(finished, heap, SECRET)
        numbers = events["number"].to_numpy()
        for at in made.tolist():
            self._keys_of[int(numbers[at])] = int(finished["reservation"][at]), int(finished["partition"][at])
        of = _numbers(events["reserved_by"])
        for at in np.flatnonzero(np.isin(kinds, _ON_HOLDS)).tolist():
            table["reservation"][at], table["partition"][at] = self._keys_of[int(of[at])]

    def _numbered(self, codes: pa.ChunkedArray, names: list[str], numbers: npt.NDArray[np.uint16]) -> Int64s:
        index = pc.fill_null(pc.index_in(codes, pa.array(names)), -1).to_numpy()
        return np.where(index < 0, NO_WAREHOUSE, numbers[index])


def _names(column: pa.ChunkedArray) -> list[str]:
    found: list[str] = pc.unique(column.drop_null()).to_pylist()
    return found


def _numbers(column: pa.ChunkedArray) -> Int64s:
    return pc.fill_null(column, 0).to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def _laid(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Where each begins, and all of them end to end."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    texts = pa.concat_arrays([texts])  # from 0
    _, offsets, data = texts.buffers()
    begin = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    heap = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return begin - begin[0], heap[begin[0] : begin[-1]]
