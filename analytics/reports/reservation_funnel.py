"""What became of reservations: made, confirmed, fulfilled, or lost on the way."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="reservation_funnel",
    about="What became of the units that were reserved on the days asked for, up to now.",
    columns=(
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("reservations", Sort.COUNT, "that held anything"),
        Column("requested", Sort.UNITS, "asked for: held + refused"),
        Column("refused", Sort.UNITS, "asked for and not held, as often as it was asked for"),
        Column("held", Sort.UNITS, "reserved at first"),
        Column("confirmed", Sort.UNITS, "of these still held when their reservation was confirmed"),
        Column("fulfilled", Sort.UNITS, "left the house"),
        Column("cancelled", Sort.UNITS, "released after they were confirmed"),
        Column("released", Sort.UNITS, "released before"),
        Column("expired", Sort.UNITS, "given back at their deadline"),
        Column("open", Sort.UNITS, "still held"),
        Column("conversion", Sort.SHARE, "fulfilled / held; null: nothing was held"),
        Column("confirm_hours", Sort.SHARE, "from reserving to confirming, a unit on average; null: none was"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql="""
with moved as (
    -- As the view `reservations` has it, without looking for the movement that made each hold.
    select shard, reservation, line, warehouse, coalesce(-sum(quantity) filter (kind = 'fulfil'), 0) as fulfilled,
           coalesce(-sum(quantity) filter (kind = 'release'), 0) as let_go,
           coalesce(-sum(quantity) filter (kind = 'release' and state = 'held'), 0) as let_go_held,
           coalesce(-sum(quantity) filter (kind = 'expire'), 0) as expired
    from movements
    where reservation is not null and kind in ('fulfil', 'release', 'expire') and not hidden group by all
),
confirmed as (
    select shard, reservation, min(booked_at) as confirmed_at from movements
    where kind = 'confirm' and not hidden group by all
),
life as (
    select c.code as channel, h.reservation, h.quantity, h.booked_at as made_at, coalesce(m.fulfilled, 0) as fulfilled,
           coalesce(m.let_go, 0) as let_go, coalesce(m.expired, 0) as expired, k.confirmed_at,
           coalesce(case when k.confirmed_at is null then m.let_go else m.let_go_held end, 0) as released,
           business_day(on_the_wall(h.booked_at, w.time_zone), w.day_start) as day
    from (select * from holds where quantity > 0 and {cells}) h
    join warehouses w using (warehouse) join channels c using (channel)
    left join moved m on m.shard = h.shard and m.reservation = h.reservation and m.line = h.line
         and m.warehouse = h.warehouse
    left join confirmed k on k.shard = h.shard and k.reservation = h.reservation
    where $channel::VARCHAR is null or c.code = $channel
),
kept as (
    select channel, count(distinct reservation) as reservations, sum(quantity) as held,
           coalesce(sum(quantity - released) filter (confirmed_at is not null), 0) as confirmed,
           sum(fulfilled) as fulfilled, sum(let_go - released) as cancelled, sum(released) as released,
           sum(expired) as expired,
           sum((quantity - released)::DOUBLE * (epoch_ms(confirmed_at) - epoch_ms(made_at)) / 3600000) as hours
    from life
    where ($from_day::DATE is null or day >= $from_day) and ($to_day::DATE is null or day <= $to_day)
    group by channel
),
preferred as (
    select time_zone, day_start from warehouses where kind <> 'quarantine' and not archived
    order by priority, code limit 1
),
turned_away as (
    select c.code as channel, f.requested - f.obtained as units,
           business_day(on_the_wall(f.booked_at, coalesce(w.time_zone, (select time_zone from preferred), 'UTC')),
                        coalesce(w.day_start, (select day_start from preferred), interval '4 hours')) as day
    from (select * from refusals where {cells}) f join channels c using (channel)
    left join warehouses w using (warehouse)
    where f.kind = 'reserve' and f.outcome in ('insufficient_stock', 'ok') and ($channel is null or c.code = $channel)
),
refused as (
    select channel, sum(units) as refused from turned_away
    where ($from_day is null or day >= $from_day) and ($to_day is null or day <= $to_day) group by channel
)
select channel, coalesce(reservations, 0) as reservations,
       coalesce(held, 0) + coalesce(refused, 0) as requested, coalesce(refused, 0) as refused,
       coalesce(held, 0) as held, coalesce(confirmed, 0) as confirmed, coalesce(fulfilled, 0) as fulfilled,
       coalesce(cancelled, 0) as cancelled, coalesce(released, 0) as released, coalesce(expired, 0) as expired,
       coalesce(held - fulfilled - cancelled - released - expired, 0) as open,
       fulfilled::DOUBLE / nullif(held, 0)::DOUBLE as conversion, hours / nullif(confirmed, 0)::DOUBLE as confirm_hours
from kept full join refused using (channel)
order by channel""",
)
