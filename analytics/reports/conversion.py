"""From looking to buying, for each channel that says what its customers look at."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, Choice, Column, Report, Sort

REPORT: Final = Report(
    name="conversion",
    about=(
        "From looking to buying in each channel, on the days of which it said what its customers looked at; "
        "what is looked at most first."
    ),
    columns=(
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("part", Sort.TEXT, "empty, or the day, SKU or group asked for by `by`"),
        Column("views", Sort.COUNT, "how often products were looked at"),
        Column("cart_adds", Sort.COUNT, "how often they were put into a cart"),
        Column("orders", Sort.COUNT, "different orders with a sale of them"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("cart_rate", Sort.SHARE, "cart_adds / views; null: no views"),
        Column("conversion", Sort.SHARE, "orders / views; null: no views"),
    ),
    parameters=(FROM, TO, CHANNEL, SKU, GROUP),
    choices=(
        Choice(
            "by",
            "what a row is for",
            {
                "channel": "''",
                "day": "strftime(x.day, '%Y-%m-%d')",
                "sku": "p.sku",
                "group": "coalesce(array_to_string(p.group_path, ' / '), '')",
            },
        ),
    ),
    sql="""
with said as (select distinct channel, day from interest where sku_key is not null),
x as (
    select channel, day, sku_key, views, cart_adds, null as order_key, 0 as units from interest
    where sku_key is not null
    union all by name
    select s.channel, s.business_day as day, s.sku_key, 0 as views, 0 as cart_adds, s.order_key, s.quantity as units
    from sales s join said on said.channel = s.channel and said.day = s.business_day
)
select c.code as channel, {by} as part, sum(x.views) as views, sum(x.cart_adds) as cart_adds,
       count(distinct x.order_key) as orders, sum(x.units) as units,
       sum(x.cart_adds)::DOUBLE / nullif(sum(x.views), 0)::DOUBLE as cart_rate,
       count(distinct x.order_key)::DOUBLE / nullif(sum(x.views), 0)::DOUBLE as conversion
from x join channels c using (channel) join products p using (sku_key)
where ($from_day::DATE is null or x.day >= $from_day) and ($to_day::DATE is null or x.day <= $to_day)
  and ($channel::VARCHAR is null or c.code = $channel) and ($sku::VARCHAR is null or p.sku = $sku)
  and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
group by all
order by channel, views desc, part""",
)
