"""What a business day came to: the figures that are written down when it is closed, and what came after.

A closed day says for each shard the last record that it counts; what of the day stands behind that came later, and is
a correction of the day on which it was booked.
"""

from typing import Any, Final

import duckdb
import orjson

from analytics.formats import number
from analytics.questions import CorrectionsAsked, DayAsked, Refused

_PLACES: Final = """
select code, business_day(on_the_wall(make_timestamptz($now_ms * 1000), time_zone), day_start) > $day::DATE as over
from warehouses
where code = $warehouse or ($warehouse::VARCHAR is null
      and (kind <> 'quarantine' and not archived
           or warehouse in (select warehouse from trade where business_day = $day::DATE)))
order by code"""
_SUMS: Final = """
       count(distinct t.order_key) as orders, sum(t.units) as units, sum(t.back) as returned, sum(t.gross) as gross,
       sum(t.discount) as discount, sum(t.returns) as returns, sum(t.gross - t.discount - t.returns) as net,
       sum(t.tax) as tax"""
_OF_DAY: Final = """
from trade t join warehouses w using (warehouse) join channels c using (channel)
where t.business_day = $day::DATE
  and ($warehouse::VARCHAR is null or w.code = $warehouse) and ($channel::VARCHAR is null or c.code = $channel)
group by all order by all"""
_FIGURES: Final = f"select w.code as warehouse, c.code as channel, t.currency, {_SUMS} {_OF_DAY}"
_TAXES: Final = f"""
select w.code as warehouse, c.code as channel, t.currency, coalesce(t.tax_rate, 0) as rate,
       sum(t.gross - t.discount) as sales, sum(t.returns) as returns, sum(t.gross - t.discount - t.returns) as net,
       sum(t.tax) as tax {_OF_DAY}"""
_LATER: Final = f"""
select strftime(t.booked_day, '%Y-%m-%d') as booked, t.currency, count(*) as lines, {_SUMS} {
    _OF_DAY.replace("group by", "and t.seq > $records[t.shard + 1] group by")
}"""
FIGURES: Final = ("currency", "orders", "units", "returned", "gross", "discount", "returns", "net", "tax")
_ADDED: Final = FIGURES[2:]
_UNITS: Final = ("units", "returned")


def figures_of_day(connection: duckdb.DuckDBPyConnection, asked: DayAsked) -> bytes:
    """`{"items": [{"warehouse", "channel", "figures", "taxes"}]}`; refused while the day is not over everywhere."""
    places = connection.execute(
        _PLACES, {"day": asked.day, "now_ms": asked.now_ms, "warehouse": asked.warehouse}
    ).fetchall()
    going_on = [code for code, over in places if not over]
    if going_on:
        raise Refused(409, "conflict", f"{asked.day} is not over yet in {', '.join(going_on[:5])}")
    bound = {"day": asked.day, "warehouse": asked.warehouse, "channel": asked.channel}
    items: dict[tuple[str, str], dict[str, Any]] = {}

    def of(warehouse: str, channel: str) -> dict[str, Any]:
        found = {"warehouse": warehouse, "channel": channel, "figures": [], "taxes": []}
        return items.setdefault((warehouse, channel), found)

    if asked.warehouse is not None and asked.channel is not None:
        of(asked.warehouse, asked.channel)
    for row in _rows(connection, _FIGURES, bound):
        of(row.pop("warehouse"), row.pop("channel"))["figures"].append(_shown(row))
    for row in _rows(connection, _TAXES, bound):
        row["rate"] = row["rate"] / 1_000_000
        of(row.pop("warehouse"), row.pop("channel"))["taxes"].append(_shown(row))
    return orjson.dumps({"items": list(items.values())})


def corrections(connection: duckdb.DuckDBPyConnection, asked: CorrectionsAsked) -> bytes:
    """`{"figures", "corrections"}`: the day as it is now, and what came later by the day on which it was booked.

    What moved without a line of its own (a place's time zone was changed, a return found its sale) is not booked
    anywhere: whoever compares the figures sees it as what the corrections leave over.
    """
    bound = {"day": asked.day, "warehouse": asked.warehouse, "channel": asked.channel}
    now = [_without_names(row) for row in _rows(connection, _FIGURES, bound)]
    later = _rows(connection, _LATER, {**bound, "records": asked.records})
    return orjson.dumps({"figures": list(map(_shown, now)), "corrections": list(map(_shown, later))})


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, bound: dict[str, Any]) -> list[dict[str, Any]]:
    found = connection.execute(sql, bound)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _without_names(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("warehouse", "channel")}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Units as people write them; amounts digit by digit, however many there are."""
    return {
        name: number(int(value)) if name in _UNITS else orjson.Fragment(str(value)) if name in _ADDED else value
        for name, value in row.items()
    }
