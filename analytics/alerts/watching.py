"""The channels' past from the tables, judged, with the rows behind what is odd.

What is read is bounded by `judging.HOURS`, and follows from the tables and the moment asked for alone: whoever asks
again of the same tables is told the same, under the same ids.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import numpy as np

from analytics.alerts.judging import HOURS, PEAK_HOURS, PEAKS, Finding, History, judge
from analytics.alerts.words import Odd, moment_text

ROWS_SHOWN: Final = 20
"""of the rows behind an alert, the newest first"""
_HOUR_MS: Final = 3_600_000
_DAY_BEGINS: Final = 4
"""A peak that lasts past this hour of the channel's night is another one."""

# A channel's clock is that of the place where it sells most. What a caller says happened later than it was booked did
# not: a clock that is ahead would hide a silence. Rows are counted by hours since 1970 first, and only these are put on
# the wall: of 1.8 million orders that takes half the time, 0.9 s of a processor.
_COUNTS: Final = """
with recent as (select $now::TIMESTAMPTZ - to_hours($hours) as since, $now::TIMESTAMPTZ as until),
zone as (
    select s.channel, mode(w.time_zone) as zone from sales s join warehouses w using (warehouse), recent
    where s.booked_at > since and s.booked_at <= until and s.channel is not null group by s.channel
),
said as (
    select channel, 'orders' as name, least(occurred_at, booked_at) as moment, order_key as who
    from sales, recent where booked_at > since
    union all
    select channel, 'unpaid', least(occurred_at, booked_at), order_key
    from sales, recent where booked_at > since and reference is null
    union all
    select channel, 'refusals', least(occurred_at, booked_at), hash(coalesce(customer, reference, command_id))
    from refusals, recent where booked_at > since and outcome not in ('ok', 'group_failed')
    union all
    select channel, 'returns', least(occurred_at, booked_at), hash(coalesce(original, reference, command_id))
    from returns, recent where booked_at > since
    union all
    select channel, 'releases', booked_at, reservation
    from movements, recent where booked_at > since and kind = 'release' and not hidden
),
counted as (
    select channel, name, epoch_ms(moment) // 3600000 as hour, count(distinct who) as n, max(moment) as last
    from said, recent where moment > since and moment <= until group by all
),
placed as (
    select c.code as channel, counted.name, counted.n, counted.last,
           epoch_ms(on_the_wall($now::TIMESTAMPTZ, zone.zone)::TIMESTAMP) as wall,
           epoch_ms(on_the_wall(to_timestamp(counted.hour * 3600), zone.zone)::TIMESTAMP) // 3600000 as hour,
           epoch_ms(on_the_wall(date_trunc('hour', $now::TIMESTAMPTZ), zone.zone)::TIMESTAMP) // 3600000 as this_hour
    from counted join zone using (channel) join channels c using (channel)
    where not c.archived and ($channel::VARCHAR is null or c.code = $channel)
)
select channel, any_value(wall) as wall, name, this_hour - hour as ago, sum(n)::BIGINT as n, epoch_ms(max(last)) as last
from placed where this_hour - hour between 0 and $hours - 1 group by channel, name, ago order by channel, name, ago"""

_ROWS: Final = {
    "orders": "select 'sales' as kind, *, null as why from sales",
    "unpaid": "select 'sales' as kind, *, null as why from sales where reference is null",
    "refusals": "select 'refusals' as kind, * exclude (kind), outcome as why, requested as quantity from refusals"
    " where outcome not in ('ok', 'group_failed')",
    "returns": "select 'returns' as kind, *, reason as why from returns",
    "releases": "select 'releases' as kind, * exclude (kind), reason as why from movements"
    " where kind = 'release' and not hidden",
}
_BEHIND: Final = """
select strftime(least(r.occurred_at, r.booked_at), '%Y-%m-%dT%H:%M:%S.%gZ') as "at", p.sku, w.code as warehouse,
       r.quantity, r.command_id, r.reference, r.why
from ({rows}) r join channels c using (channel) left join products p using (sku_key)
left join warehouses w on w.warehouse = r.warehouse
where c.code = $channel and least(r.occurred_at, r.booked_at) > $since::TIMESTAMPTZ
  and least(r.occurred_at, r.booked_at) <= $until::TIMESTAMPTZ
order by least(r.occurred_at, r.booked_at) desc, r.seq desc limit {limit}"""


def watch(connection: duckdb.DuckDBPyConnection, now: str, now_ms: int, channel: str | None) -> list[dict[str, Any]]:
    """What is odd now about each channel, or about one; quantities are in thousandths."""
    found = []
    for code, wall_ms, history, last_ms in _histories(connection, now, now_ms, channel):
        found += [_alert(connection, code, now_ms, wall_ms, last_ms, each) for each in judge(history)]
    return sorted(found, key=lambda alert: (alert["raised_at_ms"], alert["id"]), reverse=True)


def _histories(
    connection: duckdb.DuckDBPyConnection, now: str, now_ms: int, channel: str | None
) -> Iterator[tuple[str, int, History, int]]:
    """(channel, what the clock on its wall shows as if it were UTC, its past, when its last order came)"""
    rows = connection.execute(_COUNTS, {"now": now, "hours": HOURS, "channel": channel}).fetchall()
    by_channel: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_channel.setdefault(row[0], []).append(row)
    passed = now_ms % _HOUR_MS / _HOUR_MS
    for code, own in by_channel.items():
        series = {name: np.zeros(HOURS, np.int64) for name in ("orders", "unpaid", *PEAKS.values())}
        last_ms = age = 0
        for _, _, name, hour, count, at_ms in own:
            series[name][hour] = count
            if name == "orders":
                age, last_ms = max(age, hour + 1), max(last_ms, at_ms)
        if last_ms:
            yield code, own[0][1], History(series, passed, age, (now_ms - last_ms) / _HOUR_MS), last_ms


def _alert(
    connection: duckdb.DuckDBPyConnection, channel: str, now_ms: int, wall_ms: int, last_ms: int, finding: Finding
) -> dict[str, Any]:
    raised_ms = now_ms - round(finding.hours_ago * _HOUR_MS)
    since_ms, until_ms = _span(now_ms, last_ms, finding)
    name = "orders" if finding.odd is Odd.SILENT else "unpaid" if finding.odd is Odd.UNPAID else PEAKS[finding.odd]
    statement = _BEHIND.format(rows=_ROWS[name], limit=ROWS_SHOWN)
    bound = {"channel": channel, "since": moment_text(since_ms), "until": moment_text(until_ms)}
    rows = connection.execute(statement, bound)
    names = [column[0] for column in rows.description or ()]
    # The same silence begins with the same order; the same peak was there last in the same day of the channel.
    day = (wall_ms - (_DAY_BEGINS + finding.last) * _HOUR_MS) // (24 * _HOUR_MS)
    mark = last_ms if finding.odd is Odd.SILENT else day
    return {
        "id": alert_id(finding.odd, channel, mark),
        "kind": finding.odd.value,
        "channel": channel,
        "raised_at_ms": raised_ms,
        "found": finding.found,
        "expected": round(finding.expected, 1),
        "since_ms": since_ms,
        "until_ms": until_ms,
        "rows": [dict(zip(names, row, strict=True)) for row in rows.fetchall()],
    }


def _span(now_ms: int, last_ms: int, finding: Finding) -> tuple[int, int]:
    """Between which moments the rows lie: of a peak its hours; of a silence the day before it, with the last orders."""
    if finding.odd is Odd.SILENT:
        return last_ms - PEAK_HOURS * _HOUR_MS, last_ms
    begun_ms = now_ms - now_ms % _HOUR_MS
    since_ms = begun_ms - finding.first * _HOUR_MS - 1
    return since_ms, min(now_ms, begun_ms + (1 - finding.last) * _HOUR_MS - 1)


def alert_id(odd: Odd, channel: str, mark: int) -> str:
    """The same whenever it is asked for."""
    return "w" + hashlib.blake2b(f"{odd}|{channel}|{mark}".encode(), digest_size=12).hexdigest()
