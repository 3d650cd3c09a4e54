"""What command rows add to the tables beside their movements: refusals, and what names stand for."""

from typing import Final

import numpy as np
import pyarrow as pa

from analytics.columns import KINDS, TEN, goods, moments, named, names, price, said_or, texts
from analytics.rows_behind import Int64s, Stretch
from engine.kinds import Flag, Kind, ResultFlag, WarehouseKind
from engine.outcomes import Outcome

_REPLAYED: Final = np.uint8(ResultFlag.REPLAYED)
_ARCHIVED: Final = np.uint16(Flag.ARCHIVED)
_DEMAND: Final = (int(Kind.RESERVE), int(Kind.SELL), int(Kind.TRANSFER))
_OUTCOMES: Final = names(list(Outcome))
_PLACE_KINDS: Final = names(list(WarehouseKind))


def of_rows(stretch: Stretch) -> dict[str, pa.Table]:
    """By table."""
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


def _refusals(stretch: Stretch, which: Int64s) -> pa.Table:
    at = stretch.first_row + which
    rows, results = stretch.rows.take(at), stretch.results.take(which)
    record = stretch.of_row[which]
    scale = TEN[results["decimals"]]
    booked = stretch.times[record]
    unknown = results["requested"] == 0
    return pa.table(
        {
            "shard": np.full(len(which), stretch.shard, np.uint16),
            "seq": stretch.seqs[record],
            "row": stretch.row_n[which].astype(np.int32),
            "booked_at": moments(booked),
            "occurred_at": moments(said_or(rows, booked)),
            "kind": named(rows["kind"], KINDS),
            **goods(rows),
            "outcome": named(results["outcome"], _OUTCOMES),
            "requested": np.where(unknown, rows["quantity"], results["requested"] * scale),
            "obtained": np.where(results["outcome"] == Outcome.OK, results["quantity"] * scale, 0),
            "available": results["available"] * scale,
            **texts(stretch, at, "customer"),
            **price(rows),
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
            "kind": named(rows["place_kind"], _PLACE_KINDS),
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
