"""From journal records to what is entered into the tables, by columns: no Python object is made for a row.

Everything here follows from the records alone. What also wants what is in the tables already (the price at which a
reservation was made, the business day of a place) is added by `analytics.entering`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute

from analytics.rows_behind import ROW_BITS, Array, Bools, Int64s, Stretch
from engine.kinds import Flag, Kind, MovementFlag, ReservationState, ResultFlag, Setting, WarehouseKind
from engine.layout import NO_ROW, NO_WAREHOUSE, QUANTITY_SCALE
from engine.outcomes import Outcome
from engine.record import Record

_MOMENT: Final = pa.timestamp("ms", "UTC")
_TEN: Final = np.array([QUANTITY_SCALE // 10**decimals for decimals in range(4)], np.int64)
"""by decimals: what makes smallest units thousandths"""
_HIDDEN: Final = np.uint8(MovementFlag.HIDDEN)
_REPLAYED: Final = np.uint8(ResultFlag.REPLAYED)
_HAS_PRICE: Final = np.uint16(Flag.HAS_PRICE)
_ARCHIVED: Final = np.uint16(Flag.ARCHIVED)
WIDE_PRICE: Final = 1_000_000_000
"""Minor units for one written unit, ten million euros ..."""
WIDE_QUANTITY: Final = 1_000_000_000_000
"""... and thousandths, a thousand million pieces: up to both, sums of a line's amounts fit 64 bits."""
_SOLD: Final = (int(Kind.SELL), int(Kind.FULFIL), int(Kind.RETURN))
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_EARLIEST_MS: Final = -62_135_596_800_000 + 2 * 86_400_000
_LATEST_MS: Final = 253_402_300_799_999 - 2 * 86_400_000
"""Two days within the years 1 to 9999: a clock on a wall is up to 14 hours off UTC, a business day up to 24."""
_DEMAND: Final = (int(Kind.RESERVE), int(Kind.SELL), int(Kind.TRANSFER))
_SETTINGS: Final = (
    ("safety_stock", Setting.SAFETY_STOCK, "quantity"),
    ("floor", Setting.FLOOR, "expected"),
    ("reorder_point", Setting.REORDER_POINT, "unit_price"),
    ("order_up_to", Setting.ORDER_UP_TO, "discount"),
)


def _names(members: Sequence[Any]) -> pa.Array:
    by_number = {int(member): getattr(member, "text", member.name.lower()) for member in members}
    return pa.array([by_number.get(number, "") for number in range(max(by_number) + 1)], pa.string())


_KINDS: Final = _names(list(Kind))
_STATES: Final = _names(list(ReservationState))
_OUTCOMES: Final = _names(list(Outcome))
_PLACE_KINDS: Final = _names(list(WarehouseKind))


class Folded(NamedTuple):
    """What some records of one shard add."""

    tables: dict[str, pa.Table]
    """by name; those that are empty are left out. `sales_at_once` and `fulfilments` become `sales`"""
    last_seq: int
    last_ms: int
    wide: bool
    """whether a price or a quantity is beyond WIDE_PRICE or WIDE_QUANTITY"""


def fold(records: Sequence[Record], read: Callable[[int], Record]) -> Folded:
    """What these records, in order and of one shard, add; `read` gives an earlier record of the same journal."""
    stretch = Stretch(records, read)
    tables = {
        **(_of_movements(stretch) if len(stretch.movements) else {}),
        **(_of_rows(stretch) if len(stretch.results) else {}),
    }
    last = records[-1]
    given = {name: table for name, table in tables.items() if table.num_rows}
    return Folded(given, last.seq, last.now_ms, _is_wide(stretch))


def _is_wide(stretch: Stretch) -> bool:
    rows, movements = stretch.rows, stretch.movements
    priced = (rows["flags"] & _HAS_PRICE) != 0
    units = movements["quantity"][np.isin(movements["kind"], _SOLD)]
    most = (_most(rows["unit_price"][priced]), _most(rows["discount"][priced]), _most(units) * QUANTITY_SCALE)
    return most[0] > WIDE_PRICE or most[1] > WIDE_PRICE or most[2] > WIDE_QUANTITY


def _most(values: Int64s) -> int:
    """The largest amount, of whatever sign."""
    return max(int(values.max()), -int(values.min())) if len(values) else 0


def _of_movements(stretch: Stretch) -> dict[str, pa.Table]:
    movements = stretch.movements
    kind = movements["kind"]
    shown = (movements["flags"] & _HIDDEN) == 0
    return {
        "movements": _movements(stretch),
        "holds": _holds(stretch, np.flatnonzero(shown & (kind == Kind.RESERVE))),
        "sales_at_once": _sales(stretch, np.flatnonzero(shown & (kind == Kind.SELL))),
        "fulfilments": _fulfilments(stretch, np.flatnonzero(shown & (kind == Kind.FULFIL))),
        "returns": _returns(stretch, np.flatnonzero(kind == Kind.RETURN)),
        "settings": _settings(stretch, np.flatnonzero(kind == Kind.CONFIGURE)),
        "alerts": _alerts(stretch, np.flatnonzero(np.isin(kind, (Kind.ALERT_RAISED, Kind.ALERT_CLEARED)))),
    }


def _of_rows(stretch: Stretch) -> dict[str, pa.Table]:
    count = len(stretch.results)
    rows, results = stretch.rows[stretch.first_row : stretch.first_row + count], stretch.results
    decided = (results["flags"] & _REPLAYED) == 0
    outcome = results["outcome"]
    short = (outcome != Outcome.OK) | ((rows["kind"] == Kind.RESERVE) & (results["quantity"] < results["requested"]))
    refused = decided & short & np.isin(rows["kind"], _DEMAND) & (outcome != Outcome.OVERLOADED)
    defined = decided & (outcome == Outcome.OK)
    return {
        "refusals": _refusals(stretch, np.flatnonzero(refused)),
        **{
            table: make(stretch, np.flatnonzero(defined & (rows["kind"] == of)))
            for table, of, make in (
                ("products", Kind.DEFINE_SKU, _products),
                ("warehouses", Kind.DEFINE_WAREHOUSE, _warehouses),
                ("channels", Kind.DEFINE_CHANNEL, _channels),
                ("clients", Kind.DEFINE_CLIENT, _clients),
            )
        },
    }


def _movements(stretch: Stretch) -> pa.Table:
    which = np.arange(len(stretch.movements))
    movements, causes = stretch.movements, stretch.causes
    rows = stretch.rows.take(causes)
    scale = _TEN[movements["decimals"]]
    reserved = movements["reservation"] != 0
    held_until = reserved & np.isin(movements["kind"], (Kind.RESERVE, Kind.EXTEND))
    sourced = np.isin(movements["kind"], (Kind.RECEIVE, Kind.EXPECT)) | (movements["incoming_delta"] != 0)
    ids = stretch.texts(stretch.heads[causes], "id")
    sources = stretch.texts(causes, "source")
    in_transit = pa.array(movements["kind"] == Kind.TRANSFER)
    return pa.table(
        {
            **_place(stretch, which),
            "booked_at": _moments(stretch.times[stretch.of_movement]),
            "occurred_at": _occurred(stretch, which, rows),
            "row": pa.array(movements["row"].astype(np.int32), mask=movements["row"] == NO_ROW),
            "kind": _named(movements["kind"], _KINDS),
            **_goods(movements),
            **{
                name: movements[name] * scale
                for name in (
                    *("quantity", "on_hand_delta", "reserved_delta", "incoming_delta"),
                    *("on_hand", "reserved", "incoming", "available"),
                )
            },
            "reservation": pa.array(movements["reservation"], mask=~reserved),
            "partition": pa.array(movements["partition"], mask=~reserved),
            "line": pa.array(movements["line"], mask=~reserved),
            "state": _named(movements["state"], _STATES, reserved),
            "expires_at": _moments(movements["value"], held_until),
            "hidden": (movements["flags"] & _HIDDEN) != 0,
            "command_id": ids,
            "reference": stretch.texts(stretch.with_text(causes, "reference"), "reference"),
            "reason": stretch.texts(causes, "reason"),
            "source": _where(pa.array(sourced), _where(in_transit, ids, sources)),
            "due": _moments(rows["due_ms"], (movements["kind"] == Kind.EXPECT) & (rows["due_ms"] != 0)),
            **_price(rows),
        }
    )


def _holds(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    scale = _TEN[movements["decimals"]]
    own = stretch.seqs[stretch.of_movement[which]]
    prepared = movements["prepared_at"].astype(np.int64) >> ROW_BITS
    return pa.table(
        {
            **_place(stretch, which),
            "made_seq": np.where(prepared != 0, prepared, own),
            "booked_at": _moments(stretch.times[stretch.of_movement[which]]),
            "occurred_at": _occurred(stretch, which, rows),
            "reservation": movements["reservation"],
            "partition": movements["partition"],
            "line": movements["line"],
            **_goods(movements),
            "requested": movements["requested"] * scale,
            "quantity": movements["quantity"] * scale,
            **{name: stretch.texts(stretch.with_text(causes, name), name) for name in ("reference", "customer")},
            **_price(rows),
            "discount": rows["discount"],
            "tax_rate": rows["tax_rate"],
        }
    )


def _sales(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    return pa.table(
        {
            **_place(stretch, which),
            "booked_at": _moments(stretch.times[stretch.of_movement[which]]),
            "occurred_at": _occurred(stretch, which, rows),
            **_goods(movements),
            "order_key": _orders(stretch, movements, causes),
            "quantity": -movements["quantity"] * _TEN[movements["decimals"]],
            **_texts(stretch, causes, "customer"),
            **_price(rows),
            "discount": rows["discount"],
            "tax_rate": rows["tax_rate"],
        }
    )


def _orders(stretch: Stretch, movements: Array, causes: Int64s) -> npt.NDArray[np.uint64]:
    """What was sold together: by its reference, else as a group over several shards, else as a group here."""
    referring = stretch.rows["reference_key"][stretch.with_text(causes, "reference")].astype(np.uint64)
    starts = stretch.starts[causes]
    alone = (stretch.positions(starts).astype(np.uint64) << np.uint64(8) | np.uint64(stretch.shard)) * _MIX
    return np.where(referring != 0, referring, np.where(movements["reservation"] != 0, movements["reservation"], alone))


def _fulfilments(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    return pa.table(
        {
            **_place(stretch, which),
            "made_seq": stretch.results_of(which)["made_at"].astype(np.int64) >> ROW_BITS,
            "booked_at": _moments(stretch.times[stretch.of_movement[which]]),
            "occurred_at": _occurred(stretch, which, rows),
            **_goods(movements),
            "reservation": movements["reservation"],
            "line": movements["line"],
            "quantity": -movements["quantity"] * _TEN[movements["decimals"]],
            "command_id": stretch.texts(stretch.heads[causes], "id"),
        }
    )


def _returns(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    return pa.table(
        {
            **_place(stretch, which),
            "booked_at": _moments(stretch.times[stretch.of_movement[which]]),
            "occurred_at": _occurred(stretch, which, rows),
            **_goods(movements),
            "quantity": movements["quantity"] * _TEN[movements["decimals"]],
            **_texts(stretch, causes, "original", "reason"),
            "condition": stretch.texts(causes, "name"),
            **_price(rows),
            "tax_rate": rows["tax_rate"],
        }
    )


def _settings(stretch: Stretch, which: Int64s) -> pa.Table:
    movements = stretch.movements.take(which)
    rows = stretch.rows.take(stretch.causes[which])
    set_ = {name: (rows["line"] & np.int16(bit)) != 0 for name, bit, _ in _SETTINGS}
    return pa.table(
        {
            **_place(stretch, which),
            "booked_at": _moments(stretch.times[stretch.of_movement[which]]),
            "sku_key": movements["sku_key"],
            "warehouse": movements["warehouse"],
            **{name: pa.array(rows[column], mask=~set_[name]) for name, _, column in _SETTINGS},
        }
    )


def _alerts(stretch: Stretch, which: Int64s) -> pa.Table:
    movements = stretch.movements.take(which)
    scale = _TEN[movements["decimals"]]
    return pa.table(
        {
            **_place(stretch, which),
            "booked_at": _moments(stretch.times[stretch.of_movement[which]]),
            "sku_key": movements["sku_key"],
            "warehouse": movements["warehouse"],
            "raised": movements["kind"] == Kind.ALERT_RAISED,
            "position": (movements["on_hand"] - movements["reserved"] + movements["incoming"]) * scale,
            "reorder_point": movements["value"] * scale,
            "order_up_to": movements["requested"] * scale,
        }
    )


def _refusals(stretch: Stretch, which: Int64s) -> pa.Table:
    at = stretch.first_row + which
    rows, results = stretch.rows.take(at), stretch.results.take(which)
    record = stretch.of_row[which]
    scale = _TEN[results["decimals"]]
    booked = stretch.times[record]
    unknown = results["requested"] == 0
    return pa.table(
        {
            "shard": np.full(len(which), stretch.shard, np.uint16),
            "seq": stretch.seqs[record],
            "row": stretch.row_n[which].astype(np.int32),
            "booked_at": _moments(booked),
            "occurred_at": _moments(_said_or(rows, booked)),
            "kind": _named(rows["kind"], _KINDS),
            **_goods(rows),
            "outcome": _named(results["outcome"], _OUTCOMES),
            "requested": np.where(unknown, rows["quantity"], results["requested"] * scale),
            "obtained": np.where(results["outcome"] == Outcome.OK, results["quantity"] * scale, 0),
            "available": results["available"] * scale,
            **_texts(stretch, at, "customer"),
            **_price(rows),
        }
    )


def _products(stretch: Stretch, which: Int64s) -> pa.Table:
    rows = stretch.rows.take(stretch.first_row + which)
    return pa.table(
        {
            "shard": np.full(len(which), stretch.shard, np.uint16),
            "seq": stretch.seqs[stretch.of_row[which]],
            "row": stretch.row_n[which].astype(np.int32),
            "sku_key": rows["sku_key"],
            "sku": stretch.texts(stretch.first_row + which, "name"),
            "decimals": rows["quantity"].astype(np.uint8),
            "archived": (rows["flags"] & _ARCHIVED) != 0,
        }
    )


def _warehouses(stretch: Stretch, which: Int64s) -> pa.Table:
    rows = stretch.rows.take(stretch.first_row + which)
    return pa.table(
        {
            "warehouse": rows["warehouse"],
            "code": stretch.texts(stretch.first_row + which, "name"),
            "kind": _named(rows["place_kind"], _PLACE_KINDS),
            "priority": rows["priority"],
            "archived": (rows["flags"] & _ARCHIVED) != 0,
        }
    )


def _channels(stretch: Stretch, which: Int64s) -> pa.Table:
    rows = stretch.rows.take(stretch.first_row + which)
    return pa.table(
        {
            "channel": rows["channel"],
            "code": stretch.texts(stretch.first_row + which, "name"),
            "archived": (rows["flags"] & _ARCHIVED) != 0,
        }
    )


def _clients(stretch: Stretch, which: Int64s) -> pa.Table:
    rows = stretch.rows.take(stretch.first_row + which)
    return pa.table({"client": rows["client"], "name": stretch.texts(stretch.first_row + which, "name")})


def _place(stretch: Stretch, which: Int64s) -> dict[str, Any]:
    return {
        "shard": np.full(len(which), stretch.shard, np.uint16),
        "seq": stretch.seqs[stretch.of_movement[which]],
        "n": stretch.n[which].astype(np.int32),
    }


def _goods(rows: Array) -> dict[str, Any]:
    """Of movements and of command rows, which name them alike."""
    return {
        "sku_key": rows["sku_key"],
        **{name: pa.array(rows[name], mask=rows[name] == NO_WAREHOUSE) for name in ("warehouse", "channel")},
        "client": rows["client"],
    }


def _texts(stretch: Stretch, causes: Int64s, *more: str) -> dict[str, pa.Array]:
    """The command's id and reference, and others that its first row may have for all."""
    return {
        "command_id": stretch.texts(stretch.heads[causes], "id"),
        **{name: stretch.texts(stretch.with_text(causes, name), name) for name in ("reference", *more)},
    }


def _price(rows: Array) -> dict[str, Any]:
    given = (rows["flags"] & _HAS_PRICE) != 0
    different, back = np.unique(rows["currency"], return_inverse=True)
    texts = [number.to_bytes(4, "little").rstrip(b"\0").decode("ascii", "replace") for number in different.tolist()]
    return {
        "unit_price": pa.array(rows["unit_price"], mask=~given),
        "currency": pa.DictionaryArray.from_arrays(
            pa.array(back.astype(np.int32), mask=rows["currency"] == 0), pa.array(texts, pa.string())
        ),
    }


def _occurred(stretch: Stretch, which: Int64s, rows: Array) -> pa.Array:
    return _moments(_said_or(rows, stretch.times[stretch.of_movement[which]]))


def _said_or(rows: Array, booked: Int64s) -> Int64s:
    """When it happened: as the caller said, within the years in which every place's clock and day can be written."""
    said = rows["occurred_at_ms"]
    return np.where(said != 0, np.clip(said, _EARLIEST_MS, _LATEST_MS), booked)


def _moments(times_ms: Int64s, valid: Bools | None = None) -> pa.Array:
    return pa.array(times_ms, mask=None if valid is None else ~valid).cast(_MOMENT)


def _named(numbers: npt.NDArray[np.uint8], names: pa.Array, valid: Bools | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(numbers.astype(np.int32), mask=None if valid is None else ~valid), names
    )


def _where(condition: pa.Array, texts: pa.Array, otherwise: pa.Array | None = None) -> pa.Array:
    return compute.if_else(condition, texts, pa.nulls(len(texts), pa.string()) if otherwise is None else otherwise)
