"""What customers decided to buy and when, whatever became of it: confirmed reservations, and sales over the counter."""

from typing import Final

from analytics.reports.report import (
    CHANNEL,
    CONDITIONS,
    FROM,
    GROUP,
    SKU,
    TO,
    WAREHOUSE,
    Choice,
    Column,
    Part,
    Report,
    Sort,
)

REPORT: Final = Report(
    name="demand",
    about=(
        "What each channel's customers decided to buy in each period: reservations when they were confirmed, and what "
        "was sold over the counter. What was cancelled afterwards stands beside it."
    ),
    columns=(
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("period", Sort.TEXT, "day 2026-11-22 or week 2026-W47"),
        Column("orders", Sort.COUNT, "different orders confirmed or sold over the counter in the period"),
        Column("units", Sort.UNITS, "confirmed + counter; cancelled units are not taken off"),
        Column("confirmed", Sort.UNITS, "held by reservations when they were confirmed"),
        Column("counter", Sort.UNITS, "sold over the counter"),
        Column("cancelled", Sort.UNITS, "released in the period, after they were confirmed in it or before"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    choices=(
        Choice(
            "by",
            "the period",
            {"day": "business_day", "week": "date_trunc('week', business_day)"},
            {"day": "strftime(part, '%Y-%m-%d')", "week": "strftime(part, '%G-W%V')"},
        ),
    ),
    parts={"of_channel": Part((CHANNEL,), f"and {CONDITIONS[CHANNEL]}")},
    sql="""
with confirmed as (
    select shard, reservation, channel, warehouse, occurred_at, quantity from movements
    where kind = 'confirm' and not hidden and {cells} {of_channel}
),
cancelled as (
    -- What is let go of a reservation that is held still was nobody's decision to buy.
    select channel, warehouse, occurred_at, -quantity as quantity from movements
    where kind = 'release' and state <> 'held' and not hidden and {cells} {of_channel}
      and (shard, reservation) in (select (shard, reservation) from confirmed)
),
booked as (
    select channel, warehouse, occurred_at, reservation as order_key, quantity as confirmed, 0::BIGINT as cancelled
    from confirmed
    union all
    select channel, warehouse, occurred_at, null, 0, quantity from cancelled
),
line as (
    select b.channel, business_day(on_the_wall(b.occurred_at, w.time_zone), w.day_start) as business_day, b.order_key,
           b.confirmed, 0::BIGINT as counter, b.cancelled
    from booked b join warehouses w using (warehouse)
    union all
    select channel, business_day, order_key, 0, quantity, 0 from sales where kind = 'sell' and {only}
),
summed as (
    select channel, {by} as part, count(distinct order_key) as orders, sum(confirmed) as confirmed,
           sum(counter) as counter, sum(cancelled) as cancelled
    from line where {days} group by all
)
select c.code as channel, {by_shown} as period, orders, confirmed + counter as units, confirmed, counter, cancelled
from summed join channels c using (channel)
order by c.code, period""",
)
