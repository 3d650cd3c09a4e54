"""What a figure is made of: a SKU's cells at a moment, a cell's entries and holds, and why a command ended as it did.

The parts of a figure are added up here and compared with the figure itself, which was journaled beside them: an
answer says whether they agree.
"""

from collections.abc import Sequence
from typing import Any, Final

import duckdb
import orjson

from analytics.formats import number
from analytics.questions import CommandAsked, ExplainAsked, Refused

_CELLS: Final = """
with cell as (
    select warehouse, arg_max(on_hand, seq << 24 | n) as on_hand, arg_max(reserved, seq << 24 | n) as reserved,
           arg_max(incoming, seq << 24 | n) as incoming, arg_max(available, seq << 24 | n) as available
    from movements
    where sku_key = $sku_key and warehouse is not null and {until}
    group by warehouse
),
floors as (
    select warehouse, arg_max(floor, seq << 24 | n) filter (floor is not null) as floor
    from settings where sku_key = $sku_key and {set_until}
    group by warehouse
)
select w.code, w.kind, cell.on_hand, cell.reserved, cell.on_hand - cell.reserved - cell.available as safety_stock,
       coalesce(floors.floor, 0) as floor, cell.incoming, cell.available, w.priority
from cell join warehouses w using (warehouse) left join floors using (warehouse)
order by w.priority, w.warehouse"""
_CELL_FIELDS: Final = ("on_hand", "reserved", "safety_stock", "floor", "incoming", "available")
_UNTIL_MOMENT: Final = "($moment::TIMESTAMPTZ is null or booked_at <= $moment::TIMESTAMPTZ)"
_BEFORE_ROW: Final = "shard = $shard and (seq < $seq or (seq = $seq and coalesce(row, -1) < $row))"
_BEFORE_RECORD: Final = "shard = $shard and seq < $seq"
"""Settings are few: of those in the same record none is taken for earlier."""

_OF_CELL: Final = f"""
select m.* from movements m join products p using (sku_key) join warehouses w using (warehouse)
where p.sku = $sku and w.code = $warehouse and {_UNTIL_MOMENT.replace("booked_at", "m.booked_at")}"""
_SUMS: Final = f"""
with entry as ({_OF_CELL})
select kind, count(*) as entries, sum(on_hand_delta) as on_hand, sum(reserved_delta) as reserved,
       sum(incoming_delta) as incoming
from entry group by kind order by kind"""
_HOLDS: Final = f"""
with entry as ({_OF_CELL}),
open as (
    select shard, reservation, partition, line, sum(reserved_delta) as quantity, min(booked_at) as made_at,
           arg_max(state, seq << 24 | n) as state, bool_and(hidden) as undecided
    from entry where reservation is not null
    group by all having sum(reserved_delta) <> 0
)
select reservation_id(open.partition, open.reservation) as reservation, open.line, open.quantity,
       case when open.undecided then 'prepared' else open.state end as state, c.code as channel,
       h.reference, h.customer, strftime(open.made_at, '%Y-%m-%dT%H:%M:%S.%gZ') as made_at
from open
left join (select distinct on (shard, reservation, line) * from holds
           where reservation in (select reservation from open)) h
     on h.shard = open.shard and h.reservation = open.reservation and h.line = open.line
left join channels c on c.channel = h.channel
order by open.made_at, open.reservation, open.line"""
_INCOMING: Final = f"""
with entry as ({_OF_CELL})
select source, sum(incoming_delta) as quantity from entry where incoming_delta <> 0
group by source having sum(incoming_delta) <> 0 order by source"""
_SETTINGS: Final = f"""
select arg_max(safety_stock, seq << 24 | n) filter (safety_stock is not null),
       arg_max(floor, seq << 24 | n) filter (floor is not null),
       arg_max(reorder_point, seq << 24 | n) filter (reorder_point is not null),
       arg_max(order_up_to, seq << 24 | n) filter (order_up_to is not null)
from settings s join products p using (sku_key) join warehouses w using (warehouse)
where p.sku = $sku and w.code = $warehouse and {_UNTIL_MOMENT.replace("booked_at", "s.booked_at")}"""
_ENTRIES: Final = f"""
with entry as ({_OF_CELL})
select shard, seq, n, strftime(booked_at, '%Y-%m-%dT%H:%M:%S.%gZ') as at, kind, quantity, on_hand_delta,
       reserved_delta, incoming_delta, on_hand, reserved, incoming, available, command_id, reference, reason,
       case when reservation is not null then reservation_id(partition, reservation) end as reservation, hidden
from entry order by seq desc, n desc limit $entries_max"""
_QUANTITIES: Final = frozenset((
    *_CELL_FIELDS, "quantity", "on_hand_delta", "reserved_delta", "incoming_delta", "requested", "obtained",
))  # fmt: skip

_ATTEMPTS: Final = """
with attempt as (
    select shard, seq, row, kind, sku_key, warehouse as named, channel, client, outcome, requested, obtained,
           null as taken_from, booked_at
    from refusals where command_id = $command_id and (outcome <> 'ok' or obtained = 0)
    union all by name
    -- Of several shards a hold is shown when all agreed; what there was before is what its shard saw when it was made.
    select h.shard, h.made_seq as seq, made.row, 'reserve' as kind, h.sku_key, h.named, h.channel, h.client,
           'ok' as outcome, any_value(h.requested) as requested, sum(h.quantity) as obtained,
           list({'warehouse': w.code, 'quantity': h.quantity} order by m.n) as taken_from, h.booked_at
    from holds h join movements m using (shard, seq, n) join warehouses w on w.warehouse = h.warehouse
    join movements made on made.shard = h.shard and made.seq = h.made_seq and made.reservation = h.reservation
         and made.line = h.line and made.warehouse = h.warehouse and made.kind = 'reserve'
    where m.command_id = $command_id and h.quantity > 0 group by all
)
select a.shard, a.seq, a.row, a.kind, p.sku_key, p.sku, w.code as warehouse, w.kind as place,
       c.code as channel, a.outcome, a.requested,
       a.obtained, a.taken_from, strftime(a.booked_at, '%Y-%m-%dT%H:%M:%S.%gZ') as at, c.warehouses
from attempt a left join products p using (sku_key) left join warehouses w on w.warehouse = a.named
left join channels c using (channel) left join clients k using (client)
where $client::VARCHAR is null or k.name = $client
order by a.shard, a.seq, a.row"""


_SHOWN_OF_ATTEMPT: Final = ("at", "kind", "sku", "warehouse", "channel", "outcome", "requested", "obtained")


def stock(connection: duckdb.DuckDBPyConnection, sku: str, moment: str) -> bytes:
    """What `GET /v1/stock/{sku}` answered at that moment, as JSON."""
    found = connection.execute("select sku_key from products where sku = ?", [sku]).fetchall()
    if not found:
        raise Refused(404, "unknown_sku", "")
    cells = _cells(connection, _UNTIL_MOMENT, _UNTIL_MOMENT, {"sku_key": found[0][0], "moment": moment})
    sums = {
        name: sum(cell[name] for cell in cells if name != "available" or cell["kind"] != "quarantine")
        for name in ("on_hand", "reserved", "available", "incoming")
    }
    return orjson.dumps(
        {
            "sku": sku,
            **{name: number(value) for name, value in sums.items()},
            "cells": [
                {"warehouse": cell["warehouse"], **{name: number(cell[name]) for name in _CELL_FIELDS}}
                for cell in cells
            ],
        }
    )


def _cells(
    connection: duckdb.DuckDBPyConnection, until: str, set_until: str, bound: dict[str, Any]
) -> list[dict[str, Any]]:
    """In thousandths, the most preferred place first."""
    found = connection.execute(_CELLS.format(until=until, set_until=set_until), bound).fetchall()
    names = ("warehouse", "kind", *_CELL_FIELDS)
    return [dict(zip(names, row, strict=False)) for row in found]


def explain(connection: duckdb.DuckDBPyConnection, asked: ExplainAsked) -> bytes:
    """What a cell's figures are made of, as JSON."""
    known = connection.execute(
        "select (select count(*) from products where sku = ?), (select count(*) from warehouses where code = ?)",
        [asked.sku, asked.warehouse],
    ).fetchall()[0]
    for count, code in zip(known, ("unknown_sku", "unknown_warehouse"), strict=True):
        if not count:
            raise Refused(404, code, "")
    bound = {"sku": asked.sku, "warehouse": asked.warehouse, "moment": asked.moment}
    kinds = _rows(connection, _SUMS, bound)
    holds = _rows(connection, _HOLDS, bound)
    incoming = _rows(connection, _INCOMING, bound)
    (settings,) = connection.execute(_SETTINGS, bound).fetchall()
    entries = _rows(connection, _ENTRIES, {**bound, "entries_max": asked.entries_max})
    last = entries[0] if entries else dict.fromkeys(("on_hand", "reserved", "incoming", "available"), 0)
    safety_stock = settings[0] or 0
    sums = {name: sum(int(kind[name]) for kind in kinds) for name in ("on_hand", "reserved", "incoming")}
    agrees = (
        all(sums[name] == last[name] for name in sums)
        and sum(int(hold["quantity"]) for hold in holds) == last["reserved"]
        and sum(int(each["quantity"]) for each in incoming) == last["incoming"]
        and last["on_hand"] - last["reserved"] - safety_stock == last["available"]
    )
    made = sum(kind["entries"] for kind in kinds)
    return orjson.dumps(
        {
            "sku": asked.sku,
            "warehouse": asked.warehouse,
            "on_hand": number(last["on_hand"]),
            "reserved": number(last["reserved"]),
            "safety_stock": number(safety_stock),
            "available": number(last["available"]),
            "incoming": number(last["incoming"]),
            "floor": number(settings[1] or 0),
            "reorder_point": number(settings[2] or 0),
            "order_up_to": number(settings[3] or 0),
            "rule": "available = on_hand - reserved - safety_stock",
            "checked": agrees,
            "kinds": [_shown(kind) for kind in kinds],
            "holds": [_shown(hold) for hold in holds[: asked.entries_max]],
            "holds_left_out": max(0, len(holds) - asked.entries_max),
            "sources": [_shown(each) for each in incoming[: asked.entries_max]],
            "entries": [_shown(entry) for entry in entries],
            "entries_left_out": made - len(entries),
        }
    )


def why(connection: duckdb.DuckDBPyConnection, asked: CommandAsked) -> bytes:
    """For every line of a command that asked for stock: what there was just before, and what followed; as JSON."""
    bound = {"command_id": asked.command_id, "client": asked.client}
    attempts = _rows(connection, _ATTEMPTS, bound)
    if not attempts:
        raise Refused(404, "unknown_command", "no command of this id held, took or was refused anything")
    lines = []
    for attempt in attempts:
        cells: list[dict[str, Any]] = []
        if attempt["sku_key"] is not None:
            place = {name: attempt[name] for name in ("shard", "seq", "row", "sku_key")}
            cells = _cells(connection, _BEFORE_ROW, _BEFORE_RECORD, place)
        taken = attempt["taken_from"] or []
        lines.append(
            {
                **_shown({name: attempt[name] for name in _SHOWN_OF_ATTEMPT}),
                "taken_from": [{**each, "quantity": number(each["quantity"])} for each in taken],
                "because": _reason(attempt, taken),
                "places": [_shown(place) for place in _considered(cells, attempt)],
            }
        )
    return orjson.dumps({"command_id": asked.command_id, "lines": lines})


def _considered(cells: Sequence[dict[str, Any]], attempt: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells as the line saw them, in the order in which they were asked; rank null = it was not asked."""
    named, order = attempt["warehouse"], attempt["warehouses"]
    if named is not None:
        asked = [named]
    elif order is not None:
        asked = list(order)
    else:
        asked = [cell["warehouse"] for cell in cells if cell["kind"] != "quarantine"]
    ranks = {code: rank for rank, code in enumerate(asked)}
    places = [
        {"warehouse": cell["warehouse"], "rank": ranks.get(cell["warehouse"]), **{n: cell[n] for n in _CELL_FIELDS}}
        for cell in cells
    ]
    return sorted(places, key=lambda place: (place["rank"] is None, place["rank"]))


def _reason(attempt: dict[str, Any], taken: Sequence[dict[str, Any]]) -> str:
    """One of a few words; docs/analytics.md says what each means."""
    if attempt["outcome"] == "insufficient_stock" and attempt["place"] == "quarantine":
        return "quarantine"
    if attempt["outcome"] != "ok":
        return str(attempt["outcome"])
    if attempt["obtained"] < attempt["requested"]:
        return "partial"
    if len(taken) > 1:
        return "split"
    if attempt["warehouse"] is not None:
        return "named"
    return "one_place"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, bound: dict[str, Any]) -> list[dict[str, Any]]:
    found = connection.execute(sql, bound)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """With quantities as people write them."""
    return {
        name: number(int(value)) if name in _QUANTITIES and value is not None else value for name, value in row.items()
    }
