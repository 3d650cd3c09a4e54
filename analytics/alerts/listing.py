"""The list of alerts: what is raised now, with what was said of it, ranked by what it may cost a day.

What a reorder alert may cost is what the cell's goods bring a day while they last: units sold a day, times what a unit
brings without tax, less what it costs on average. Cells that have run out lose it now and come before those that may;
days on which there was nothing to sell say nothing of what would have been sold. Alerts on channels come first: they
are few, and the figures of everything else depend on them.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import duckdb
import orjson

from analytics.alerts.watching import watch
from analytics.alerts.words import GROUPINGS, REORDER, moment_text
from analytics.costing import SCALE
from analytics.formats import number
from analytics.questions import AlertsAsked

VELOCITY_DAYS: Final = 28
"""Days by which the rate of sales is told: four of each weekday, the last ones until now or until the cell ran out. Of
goods that are new, the days since their first sale."""

_STATE: Final = """case when m.state = 'acknowledged' then 'acknowledged'
            when m.state = 'snoozed' and m.until > $now::TIMESTAMPTZ then 'snoozed' else 'open' end"""

_REORDER: Final = f"""
with last as (
    select sku_key, warehouse, max(seq << 24 | n) as place, arg_max(raised, seq << 24 | n) as raised
    from alerts group by sku_key, warehouse
),
raised as (
    select 'a' || $era::VARCHAR || '-' || a.shard || '-' || a.seq || '-' || a.n as id,
           a.booked_at, a.sku_key, a.warehouse, p.sku, p.name, w.code as place,
           array_to_string(p.group_path, ' / ') as group_name
    from alerts a join last l on l.sku_key = a.sku_key and l.warehouse = a.warehouse and (a.seq << 24 | a.n) = l.place
    join products p on p.sku_key = a.sku_key join warehouses w on w.warehouse = a.warehouse
    where l.raised and not p.archived and not w.archived
      and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
),
marked as (
    select r.*, {_STATE} as state, m.author, m.until from raised r left join alert_marks m on m.alert = r.id
    where ($id::VARCHAR is null or r.id = $id)
),
wanted as (select * from marked where $state::VARCHAR is null or state = $state),
moved as (
    select sku_key, warehouse, seq << 24 | n as place, booked_at, available, on_hand - reserved + incoming as position
    from movements where (sku_key, warehouse) in (select (sku_key, warehouse) from wanted)
),
latest as (
    select sku_key, warehouse, arg_max(position, place) as position, arg_max(available, place) as available,
           coalesce(max(place) filter (available > 0), -1) as was_there
    from moved group by all
),
cell as (
    select l.sku_key, l.warehouse, any_value(l.position) as position, any_value(l.available) as available,
           coalesce(min(m.booked_at) filter (m.place > l.was_there), $now::TIMESTAMPTZ) as until
    from latest l join moved m using (sku_key, warehouse) group by all
),
setting as (
    select sku_key, warehouse, arg_max(reorder_point, seq << 24 | n) filter (reorder_point is not null) as point,
           arg_max(order_up_to, seq << 24 | n) filter (order_up_to is not null) as up_to
    from settings where (sku_key, warehouse) in (select (sku_key, warehouse) from wanted) group by all
),
sold as (
    select s.sku_key, s.warehouse, s.currency, sum(s.quantity) as units, sum(s.gross - s.discount - s.tax) as net,
           min(s.occurred_at) as since, any_value(c.until) as until
    from sales s join cell c using (sku_key, warehouse)
    where s.booked_at > (select min(until) from cell) - to_days({VELOCITY_DAYS})
      and s.occurred_at > c.until - to_days({VELOCITY_DAYS}) and s.occurred_at <= c.until
    group by all
),
known as (
    -- Goods that sold before are not new, however few of them sold of late.
    select distinct s.sku_key, s.warehouse from sales s join (select distinct sku_key, warehouse, until from sold) w
    on w.sku_key = s.sku_key and w.warehouse = s.warehouse and s.occurred_at <= w.until - to_days({VELOCITY_DAYS})
),
rate as (
    select sku_key, warehouse, arg_max(currency, units) filter (currency is not null) as currency,
           sum(units) / case when any_value(known.sku_key) is not null then {VELOCITY_DAYS} else
           least({VELOCITY_DAYS}, greatest(1, date_diff('day', min(since), any_value(until)))) end as a_day
    from sold left join known using (sku_key, warehouse) group by all
),
priced as (
    select r.sku_key, r.warehouse, r.a_day, r.currency, s.net::DOUBLE * 1000 / s.units as unit_net,
           c.unit_cost::DOUBLE / {SCALE} as unit_cost
    from rate r left join sold s using (sku_key, warehouse, currency)
    left join averages c using (sku_key, currency)
),
valued as (
    select w.*, c.position, c.available, s.point, s.up_to, coalesce(p.a_day, 0) as a_day,
           p.unit_cost is not null as cost_known, p.currency,
           round(p.a_day / 1000 * (p.unit_net - p.unit_cost))::BIGINT as lost,
           round(p.a_day / 1000 * p.unit_net)::BIGINT as revenue, {{label}} as label
    from wanted w left join cell c using (sku_key, warehouse) left join setting s using (sku_key, warehouse)
    left join priced p using (sku_key, warehouse)
),
ranked as (
    select *, count(*) over (partition by currency) as alike, sum(lost) over (partition by label, currency) as of_label,
           sum(revenue) over (partition by label, currency) as revenue_of_label
    from valued
)
"""
_ITEMS: Final = """
select id, epoch_ms(booked_at) as raised_at_ms, sku, name, place as warehouse, group_name, position, point, up_to,
       available, a_day, cost_known, currency, lost, revenue, state, author, epoch_ms(until) as until_ms
from ranked
order by currency is null, alike desc, currency, {by_label} available <= 0 desc, lost desc nulls last,
         revenue desc nulls last, raised_at_ms, id
limit $limit offset $offset"""
_GROUPS: Final = """
select label, currency, count(*) as alerts, sum(lost)::BIGINT as lost, sum(revenue)::BIGINT as revenue
from ranked group by label, currency
order by currency is null, max(alike) desc, currency, lost desc nulls last, revenue desc nulls last, label"""
_LABELS: Final = dict(zip(GROUPINGS, ("w.group_name", "w.place"), strict=True))

_MARKS: Final = f"select m.alert, {_STATE}, m.author, epoch_ms(m.until) from alert_marks m"


class _Mark(NamedTuple):
    state: str = "open"
    author: str | None = None
    until_ms: int | None = None


def alerts(
    connection: duckdb.DuckDBPyConnection, asked: AlertsAsked, era: int, seen: Sequence[dict[str, Any]] | None = None
) -> bytes:
    """As JSON: a page of alerts, and where the next one begins. `seen`: those on channels, who else are judged now."""
    odd = _odd(connection, asked, seen)
    page = odd[asked.offset : asked.offset + asked.limit]
    items = [*page]
    groups = None
    left = asked.limit - len(page)
    if asked.kind in (None, REORDER) and asked.channel is None:
        offset = max(0, asked.offset - len(odd))
        bound = {
            "now": asked.now, "era": era, "warehouse": asked.warehouse, "group_name": asked.group, "id": asked.id,
            "state": asked.state,
        }  # fmt: skip
        ranked = _REORDER.format(label=_LABELS.get(asked.by or "", "null"))
        by_label = "of_label desc nulls last, revenue_of_label desc nulls last, label nulls last," if asked.by else ""
        rows = _rows(
            connection, ranked + _ITEMS.format(by_label=by_label), bound | {"limit": left + 1, "offset": offset}
        )
        items += [_shown(row) for row in rows[:left]]
        more = len(rows) > left
        if asked.by:
            groups = [_group(asked.by, row) for row in _rows(connection, ranked + _GROUPS, bound)]
    else:
        more = len(odd) > asked.offset + len(page)
    following = asked.offset + len(items) if more else None
    return orjson.dumps({"items": items, **({} if groups is None else {"groups": groups}), "next": following})


def _odd(
    connection: duckdb.DuckDBPyConnection, asked: AlertsAsked, seen: Sequence[dict[str, Any]] | None
) -> list[dict[str, Any]]:
    """Those on channels, as they are shown: a place or a group of goods has none."""
    if asked.kind == REORDER or asked.warehouse is not None or asked.group is not None:
        return []
    marks = {row[0]: _Mark(*row[1:]) for row in connection.execute(_MARKS, {"now": asked.now}).fetchall()}
    if seen is None:
        seen = watch(connection, asked.now, asked.now_ms, asked.channel)
    found = []
    for alert in seen:
        if asked.channel not in (None, alert["channel"]):
            continue
        mark = marks.get(alert["id"], _Mark())
        wanted = asked.kind in (None, alert["kind"]) and asked.id in (None, alert["id"])
        if wanted and asked.state in (None, mark.state):
            found.append(_shown_odd(dict(alert), mark))
    return found


def _shown_odd(alert: dict[str, Any], mark: _Mark) -> dict[str, Any]:
    rows = [{**row, "quantity": number(row["quantity"])} for row in alert.pop("rows")]
    times = {name: moment_text(alert.pop(f"{name}_ms")) for name in ("raised_at", "since", "until")}
    return {
        "id": alert.pop("id"), "kind": alert.pop("kind"), "channel": alert.pop("channel"),
        "raised_at": times.pop("raised_at"), **_said(mark), **alert, **times, "rows": rows,
    }  # fmt: skip


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": REORDER,
        "sku": row["sku"],
        "name": row["name"],
        "warehouse": row["warehouse"],
        "group": row["group_name"],
        "raised_at": moment_text(row["raised_at_ms"]),
        **_said(_Mark(row["state"], row["author"], row["until_ms"])),
        "available": number(row["available"]),
        "position": number(row["position"]),
        "reorder_point": number(row["point"] or 0),
        "order_up_to": number(row["up_to"] or 0),
        "units_per_day": round(row["a_day"] / 1000, 2),
        "expected_lost_margin_per_day": _money(row["lost"], row["currency"]),
        "expected_lost_revenue_per_day": _money(row["revenue"], row["currency"]),
        "cost_known": row["cost_known"],
    }


def _said(mark: _Mark) -> dict[str, Any]:
    return {
        "state": mark.state,
        "acknowledged_by": mark.author if mark.state == "acknowledged" else None,
        "snoozed_by": mark.author if mark.state == "snoozed" else None,
        "snoozed_until": moment_text(mark.until_ms) if mark.state == "snoozed" and mark.until_ms is not None else None,
    }


def _group(by: str, row: dict[str, Any]) -> dict[str, Any]:
    return {
        by: row["label"],
        "alerts": row["alerts"],
        "expected_lost_margin_per_day": _money(row["lost"], row["currency"]),
        "expected_lost_revenue_per_day": _money(row["revenue"], row["currency"]),
    }


def _money(amount: int | None, currency: str | None) -> dict[str, Any] | None:
    return None if amount is None or currency is None else {"amount": amount, "currency": currency}


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, bound: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found = connection.execute(sql, bound)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
