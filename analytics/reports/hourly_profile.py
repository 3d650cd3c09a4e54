"""When a channel sells: by weekday and hour of the clock on the wall of the place."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="hourly_profile",
    about="When each channel sells, by weekday and hour of the clock on the wall of the place.",
    columns=(
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("weekday", Sort.COUNT, "1 Monday to 7 Sunday, of the business day"),
        Column("hour", Sort.COUNT, "0 to 23"),
        Column("orders", Sort.COUNT, "different orders with a sale then"),
        Column("units", Sort.UNITS, "sold"),
        Column("share", Sort.SHARE, "part of the channel's orders, each counted in every hour it has a sale in"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql="""
with hours as (
    select c.code as channel, isodow(s.business_day) as weekday, hour(s.local_at) as hour,
           count(distinct s.order_key) as orders, sum(s.quantity) as units
    from sales s join channels c using (channel) join warehouses w using (warehouse) join products p using (sku_key)
    where ($from_day::DATE is null or s.business_day >= $from_day)
      and ($to_day::DATE is null or s.business_day <= $to_day)
      and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($sku::VARCHAR is null or p.sku = $sku)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
    group by all
)
select channel, weekday, hour, orders, units,
       orders::DOUBLE / (sum(orders) over (partition by channel))::DOUBLE as share
from hours
order by channel, weekday, hour""",
)
