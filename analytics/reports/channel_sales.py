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
                "day": "business_day",
                "hour": "date_trunc('hour', local_at)",
                "week": "date_trunc('week', business_day)",
                "group": "shelf",
            },
            {
                "day": "strftime(part, '%Y-%m-%d')",
                "hour": "strftime(part, '%Y-%m-%dT%H:00')",
                "week": "strftime(part, '%G-W%V')",
                "group": "(select any_value(label) from shelves where shelves.shelf = part)",
            },
            {"group": "join shelves using (product)"},
        ),
    ),
    sql="""
with shelves as (
    select product, coalesce(array_to_string(group_path, ' / '), '') as label,
           (dense_rank() over (order by label))::INTEGER as shelf
    from products where product is not null
),
line as (
    select channel, {by} as part, currency, order_key, quantity, coalesce(gross, 0) as gross, discount,
           0::BIGINT as returns, coalesce(tax, 0) as tax
    from sales {by_joined} where {only}
    union all
    select channel, {by} as part, currency, null as order_key, 0 as quantity, 0 as gross, 0 as discount,
           coalesce(amount, 0) as returns, -coalesce(tax, 0) as tax
    from returned {by_joined} where {only}
),
summed as (
    -- By numbers and dates; texts are made of what is left.
    select channel, part, currency, count(distinct order_key) as orders, sum(quantity) as units, sum(gross) as gross,
           sum(discount) as discount, sum(returns) as returns, sum(tax) as tax
    from line group by channel, part, currency
)
select c.code as channel, {by_shown} as period, orders, units, gross, discount, returns,
       gross - discount - returns as net, tax, currency
from summed join channels c using (channel)
order by c.code, period, currency""",
)
