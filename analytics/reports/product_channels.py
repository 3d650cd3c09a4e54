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
    select channel, warehouse, sku_key, business_day, quantity, currency, coalesce(gross, 0) - discount as net
    from sales
    union all by name
    select channel, warehouse, sku_key, business_day, 0 as quantity, currency, -coalesce(amount, 0) as net
    from returned
),
sold as (
    select line.sku_key, line.channel, sum(line.quantity) as units,
           case when count(distinct line.currency) <= 1 then sum(line.net) end as net
    from line join channels c using (channel) join warehouses w using (warehouse) join products p using (sku_key)
    where ($from_day::DATE is null or line.business_day >= $from_day)
      and ($to_day::DATE is null or line.business_day <= $to_day)
      and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($sku::VARCHAR is null or p.sku = $sku)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
    group by line.sku_key, line.channel
)
select p.sku, c.code as channel, sold.units, sold.net,
       sold.units::DOUBLE / nullif(sum(sold.units) over (partition by sold.sku_key), 0)::DOUBLE as share
from sold join products p using (sku_key) join channels c using (channel)
order by p.sku, sold.units desc, c.code""",
)
