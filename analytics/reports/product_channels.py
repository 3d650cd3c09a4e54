"""For each product: which channels sell it most."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="product_channels",
    about="For each product the channels that sell it, the one that sells most of it first.",
    columns=(
        Column("sku", Sort.TEXT, "of the product"),
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("units", Sort.UNITS, "sold in the channel; returned units are not taken off"),
        Column("net", Sort.MONEY, "gross - discount - returns; null: in several currencies, which are never added"),
        Column("share", Sort.SHARE, "the channel's part of the product's units in all channels that were asked for"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql="""
with line as (
    select product, channel, currency, quantity, coalesce(gross, 0) - discount as net from sales where {only}
    union all
    select product, channel, currency, 0 as quantity, -coalesce(amount, 0) as net from returned where {only}
),
sold as (
    select product, channel, sum(quantity) as units,
           case when min(currency) is not distinct from max(currency) then sum(net) end as net
    from line group by product, channel
)
select p.sku, c.code as channel, sold.units, sold.net,
       sold.units::DOUBLE / nullif(sum(sold.units) over (partition by sold.product), 0)::DOUBLE as share
from sold join products p using (product) join channels c using (channel)
order by p.sku, sold.units desc, c.code""",
)
