"""What became of reservations: made, confirmed, fulfilled, or lost on the way."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="reservation_funnel",
    about="What became of the units that were reserved on the days asked for, up to now.",
    columns=(
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("reservations", Sort.COUNT, "that held anything"),
        Column("held", Sort.UNITS, "reserved at first"),
        Column("confirmed", Sort.UNITS, "of these in reservations that were confirmed"),
        Column("fulfilled", Sort.UNITS, "left the house"),
        Column("cancelled", Sort.UNITS, "released after they were confirmed"),
        Column("released", Sort.UNITS, "released before"),
        Column("expired", Sort.UNITS, "given back at their deadline"),
        Column("open", Sort.UNITS, "still held"),
        Column("conversion", Sort.SHARE, "fulfilled / held"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql="""
with life as (
    select r.*, c.code as channel_code, business_day(on_the_wall(r.made_at, w.time_zone), w.day_start) as day
    from reservations r join warehouses w using (warehouse) join channels c using (channel)
    join products p using (sku_key)
    where ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($sku::VARCHAR is null or p.sku = $sku)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
)
select channel_code as channel, count(distinct reservation) as reservations, sum(quantity) as held,
       coalesce(sum(quantity) filter (confirmed_at is not null), 0) as confirmed, sum(fulfilled) as fulfilled,
       sum(cancelled) as cancelled, sum(released) as released, sum(expired) as expired,
       sum(quantity - fulfilled - cancelled - released - expired) as open,
       sum(fulfilled)::DOUBLE / sum(quantity)::DOUBLE as conversion
from life
where quantity > 0 and ($from_day::DATE is null or day >= $from_day) and ($to_day::DATE is null or day <= $to_day)
group by channel_code
order by channel""",
)
