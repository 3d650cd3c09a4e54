"""What each channel sold, by hour, business day, week or product group: gross, discount, returns, net and tax."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Choice, Column, Report, Sort

REPORT: Final = Report(
    name="channel_sales",
    about="What each channel sold in each period. Amounts include tax; those of different currencies stand apart.",
    columns=(
        Column("channel", Sort.TEXT, "code of the channel; of a return: that of the sale it belongs to"),
        Column("period", Sort.TEXT, "hour 2026-11-22T13:00, day 2026-11-22, week 2026-W47, or group Kitchen / Cups"),
        Column("orders", Sort.COUNT, "different orders with a sale in the period"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("gross", Sort.MONEY, "price x quantity of each line, rounded half up, added"),
        Column("discount", Sort.MONEY, "discounts of these lines"),
        Column("returns", Sort.MONEY, "price x quantity of what was returned in the period"),
        Column("net", Sort.MONEY, "gross - discount - returns"),
        Column("tax", Sort.MONEY, "the tax in net: line by line amount x rate / (1 + rate), rounded half up"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    choices=(
        Choice(
            "by",
            "the period",
            {
                "day": "line.business_day",
                "hour": "date_trunc('hour', line.local_at)",
                "week": "date_trunc('week', line.business_day)",
                "group": "p.shelf",
            },
            {
                "day": "strftime(part, '%Y-%m-%d')",
                "hour": "strftime(part, '%Y-%m-%dT%H:00')",
                "week": "strftime(part, '%G-W%V')",
                "group": "(select any_value(label) from shelf where shelf.shelf = part)",
            },
        ),
    ),
    sql="""
with shelf as (
    select sku_key, sku, group_path, coalesce(array_to_string(group_path, ' / '), '') as label,
           dense_rank() over (order by label) as shelf
    from products
),
line as (
    select channel, warehouse, sku_key, business_day, local_at, order_key, quantity, currency,
           coalesce(gross, 0) as gross, discount, 0::HUGEINT as returns, coalesce(tax, 0) as tax
    from sales
    union all by name
    select channel, warehouse, sku_key, business_day, local_at, null as order_key, 0 as quantity, currency,
           0 as gross, 0 as discount, coalesce(amount, 0) as returns, -coalesce(tax, 0) as tax
    from returned
),
summed as (
    -- By numbers and dates; texts are made of what is left.
    select c.code as channel, {by} as part, count(distinct line.order_key) as orders, sum(line.quantity) as units,
           sum(line.gross) as gross, sum(line.discount) as discount, sum(line.returns) as returns,
           sum(line.gross - line.discount - line.returns) as net, sum(line.tax) as tax, line.currency
    from line join channels c using (channel) join warehouses w using (warehouse) join shelf p using (sku_key)
    where ($from_day::DATE is null or line.business_day >= $from_day)
      and ($to_day::DATE is null or line.business_day <= $to_day)
      and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($sku::VARCHAR is null or p.sku = $sku)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
    group by c.code, part, line.currency
)
select channel, {by_shown} as period, orders, units, gross, discount, returns, net, tax, currency
from summed
order by channel, period, currency""",
)
