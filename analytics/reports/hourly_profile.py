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
with counted as (
    select channel, isodow(business_day) as weekday, hour(local_at) as hour, count(distinct order_key) as orders,
           sum(quantity) as units
    from sales where {only} group by all
)
select c.code as channel, weekday, hour, orders, units,
       orders::DOUBLE / (sum(orders) over (partition by channel))::DOUBLE as share
from counted join channels c using (channel)
order by c.code, weekday, hour""",
)
