"""What each product earns in each channel."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="product_margins",
    about="What each product earns in each channel: net of tax, less what the goods cost when they left.",
    columns=(
        Column("sku", Sort.TEXT, "of the product"),
        Column("channel", Sort.TEXT, "code of the channel; of a return: that of the sale it belongs to"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("net", Sort.MONEY, "gross - discount - returns"),
        Column("tax", Sort.MONEY, "the tax in net"),
        Column("cost", Sort.MONEY, "of the goods sold less those returned, as far as it is known; null: of none it is"),
        Column("margin", Sort.MONEY, "net - tax - cost, of the lines with a known cost; null: there are none"),
        Column("margin_rate", Sort.SHARE, "margin / (net - tax), both of the lines with a known cost"),
        Column("uncosted", Sort.COUNT, "lines sold and returned whose cost is not known: they are in no margin"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql="""
with line as (
    select product, channel, currency, quantity, coalesce(gross, 0) - discount as net, coalesce(tax, 0) as tax, cost
    from sales where {only}
    union all
    select product, channel, currency, 0 as quantity, -coalesce(amount, 0) as net, -coalesce(tax, 0) as tax,
           -cost as cost
    from returned where {only}
),
summed as (
    select product, channel, currency, sum(quantity) as units, sum(net) as net, sum(tax) as tax, sum(cost) as cost,
           sum(net - tax) filter (cost is not null) as revenue, count(*) - count(cost) as uncosted
    from line group by product, channel, currency
)
select p.sku, c.code as channel, s.units, s.net, s.tax, s.cost, s.revenue - s.cost as margin,
       (s.revenue - s.cost)::DOUBLE / nullif(s.revenue, 0)::DOUBLE as margin_rate, s.uncosted, s.currency
from summed s join products p using (product) join channels c using (channel)
order by p.sku, margin desc nulls last, c.code, s.currency""",
)
