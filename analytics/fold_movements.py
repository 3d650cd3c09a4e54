"""What movements add to the tables: themselves, holds, sales, returns, settings and alerts."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analytics.columns import KINDS, TEN, goods, moments, named, names, occurred, place, price, said_or, texts, where
from analytics.rows_behind import ROW_BITS, Array, Int64s, Stretch
from engine.kinds import Kind, MovementFlag, ReservationState, Setting
from engine.layout import NO_ROW, NO_WAREHOUSE

_HIDDEN: Final = np.uint8(MovementFlag.HIDDEN)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_DAY_MS: Final = 86_400_000
_NIGHT_MS: Final = 4 * 3_600_000
"""Lines of one order are of one moment, or nearly: the day changes when few sell."""
_SETTINGS: Final = (
    ("safety_stock", Setting.SAFETY_STOCK, "quantity"),
    ("floor", Setting.FLOOR, "expected"),
    ("reorder_point", Setting.REORDER_POINT, "unit_price"),
    ("order_up_to", Setting.ORDER_UP_TO, "discount"),
)
_STATES: Final = names(list(ReservationState))


def of_movements(stretch: Stretch) -> dict[str, pa.Table]:
    """By table; `sales_at_once` and `fulfilments` become `sales`."""
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


def _movements(stretch: Stretch) -> pa.Table:
    which = np.arange(len(stretch.movements))
    movements, causes = stretch.movements, stretch.causes
    rows = stretch.rows.take(causes)
    scale = TEN[movements["decimals"]]
    reserved = movements["reservation"] != 0
    held_until = reserved & np.isin(movements["kind"], (Kind.RESERVE, Kind.EXTEND))
    sourced = np.isin(movements["kind"], (Kind.RECEIVE, Kind.EXPECT)) | (movements["incoming_delta"] != 0)
    ids = stretch.texts(stretch.heads[causes], "id")
    sources = stretch.texts(causes, "source")
    in_transit = pa.array(movements["kind"] == Kind.TRANSFER)
    return pa.table(
        {
            **place(stretch, which),
            "booked_at": moments(stretch.times[stretch.of_movement]),
            "occurred_at": occurred(stretch, which, rows),
            "row": pa.array(movements["row"].astype(np.int32), mask=movements["row"] == NO_ROW),
            "kind": named(movements["kind"], KINDS),
            **goods(movements),
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
            "state": named(movements["state"], _STATES, reserved),
            "expires_at": moments(movements["value"], held_until),
            "hidden": (movements["flags"] & _HIDDEN) != 0,
            "command_id": ids,
            "reference": stretch.texts(stretch.with_text(causes, "reference"), "reference"),
            "reason": stretch.texts(causes, "reason"),
            "source": where(pa.array(sourced), where(in_transit, ids, sources)),
            "due": moments(rows["due_ms"], (movements["kind"] == Kind.EXPECT) & (rows["due_ms"] != 0)),
            **price(rows),
        }
    )


def _holds(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    scale = TEN[movements["decimals"]]
    own = stretch.seqs[stretch.of_movement[which]]
    prepared = movements["prepared_at"].astype(np.int64) >> ROW_BITS
    return pa.table(
        {
            **place(stretch, which),
            "made_seq": np.where(prepared != 0, prepared, own),
            "booked_at": moments(stretch.times[stretch.of_movement[which]]),
            "occurred_at": occurred(stretch, which, rows),
            "reservation": movements["reservation"],
            "partition": movements["partition"],
            "line": movements["line"],
            **goods(movements),
            "named": pa.array(rows["warehouse"], mask=rows["warehouse"] == NO_WAREHOUSE),
            "requested": movements["requested"] * scale,
            "quantity": movements["quantity"] * scale,
            **{name: stretch.texts(stretch.with_text(causes, name), name) for name in ("reference", "customer")},
            **price(rows),
            "discount": rows["discount"],
            "tax_rate": rows["tax_rate"],
        }
    )


def _sales(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    booked = stretch.times[stretch.of_movement[which]]
    occurred_ms = said_or(rows, booked)
    return pa.table(
        {
            **place(stretch, which),
            "booked_at": moments(booked),
            "occurred_at": moments(occurred_ms),
            **goods(movements),
            "order_key": _orders(stretch, movements, causes, occurred_ms),
            "quantity": -movements["quantity"] * TEN[movements["decimals"]],
            **texts(stretch, causes, "customer"),
            **price(rows),
            "discount": rows["discount"],
            "tax_rate": rows["tax_rate"],
        }
    )


def _orders(stretch: Stretch, movements: Array, causes: Int64s, occurred_ms: Int64s) -> npt.NDArray[np.uint64]:
    """What was sold together: by its reference, else as a group over several shards, else as a group here.

    Tills begin with receipt 1 again: a reference is one order of its client and channel on one day, from 04:00 UTC on.
    """
    referring = stretch.rows["reference_key"][stretch.with_text(causes, "reference")].astype(np.uint64)
    days = ((occurred_ms - _NIGHT_MS) // _DAY_MS).astype(np.uint64)
    whose = movements["client"].astype(np.uint64) << np.uint64(16) | movements["channel"].astype(np.uint64)
    said = referring ^ ((days << np.uint64(32) | whose) * _MIX)
    starts = stretch.starts[causes]
    alone = (stretch.positions(starts).astype(np.uint64) << np.uint64(8) | np.uint64(stretch.shard)) * _MIX
    return np.where(referring != 0, said, np.where(movements["reservation"] != 0, movements["reservation"], alone))


def _fulfilments(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    return pa.table(
        {
            **place(stretch, which),
            "made_seq": stretch.results_of(which)["made_at"].astype(np.int64) >> ROW_BITS,
            "booked_at": moments(stretch.times[stretch.of_movement[which]]),
            "occurred_at": occurred(stretch, which, rows),
            **goods(movements),
            "reservation": movements["reservation"],
            "line": movements["line"],
            "quantity": -movements["quantity"] * TEN[movements["decimals"]],
            "command_id": stretch.texts(stretch.heads[causes], "id"),
        }
    )


def _returns(stretch: Stretch, which: Int64s) -> pa.Table:
    movements, causes = stretch.movements.take(which), stretch.causes[which]
    rows = stretch.rows.take(causes)
    return pa.table(
        {
            **place(stretch, which),
            "booked_at": moments(stretch.times[stretch.of_movement[which]]),
            "occurred_at": occurred(stretch, which, rows),
            **goods(movements),
            "quantity": movements["quantity"] * TEN[movements["decimals"]],
            **texts(stretch, causes, "original", "reason"),
            "condition": stretch.texts(causes, "name"),
            **price(rows),
            "tax_rate": rows["tax_rate"],
        }
    )


def _settings(stretch: Stretch, which: Int64s) -> pa.Table:
    movements = stretch.movements.take(which)
    rows = stretch.rows.take(stretch.causes[which])
    set_ = {name: (rows["line"] & np.int16(bit)) != 0 for name, bit, _ in _SETTINGS}
    return pa.table(
        {
            **place(stretch, which),
            "booked_at": moments(stretch.times[stretch.of_movement[which]]),
            "sku_key": movements["sku_key"],
            "warehouse": movements["warehouse"],
            **{name: pa.array(rows[column], mask=~set_[name]) for name, _, column in _SETTINGS},
        }
    )


def _alerts(stretch: Stretch, which: Int64s) -> pa.Table:
    movements = stretch.movements.take(which)
    scale = TEN[movements["decimals"]]
    return pa.table(
        {
            **place(stretch, which),
            "booked_at": moments(stretch.times[stretch.of_movement[which]]),
            "sku_key": movements["sku_key"],
            "warehouse": movements["warehouse"],
            "raised": movements["kind"] == Kind.ALERT_RAISED,
            "position": (movements["on_hand"] - movements["reserved"] + movements["incoming"]) * scale,
            "reorder_point": movements["value"] * scale,
            "order_up_to": movements["requested"] * scale,
        }
    )
