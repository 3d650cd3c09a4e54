"""What is bought together."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, SKU, TO, Column, Report, Sort

REPORT: Final = Report(
    name="basket_affinity",
    about="Pairs of products that were sold in one order at least twice, each pair in both directions.",
    columns=(
        Column("sku", Sort.TEXT, "who buys this ..."),
        Column("with", Sort.TEXT, "... buys this with it"),
        Column("orders", Sort.COUNT, "orders with both"),
        Column("confidence", Sort.SHARE, "orders with both / orders with the first"),
        Column("lift", Sort.SHARE, "confidence / the second's part of all orders; above 1: more often than by chance"),
    ),
    parameters=(FROM, TO, CHANNEL, SKU),
    sql="""
with bought as (
    select distinct s.order_key, s.sku_key
    from sales s join channels c using (channel)
    where ($from_day::DATE is null or s.business_day >= $from_day)
      and ($to_day::DATE is null or s.business_day <= $to_day) and ($channel::VARCHAR is null or c.code = $channel)
),
orders as (select count(distinct order_key) as n from bought),
each as (select sku_key, count(*) as n from bought group by sku_key),
pair as (
    select a.sku_key as first, b.sku_key as second, count(*) as n
    from bought a join bought b on a.order_key = b.order_key and a.sku_key <> b.sku_key
    where $sku::VARCHAR is null or a.sku_key in (select sku_key from products where sku = $sku)
    group by all having count(*) > 1
)
select p.sku, q.sku as "with", pair.n as orders, pair.n::DOUBLE / a.n as confidence,
       (pair.n::DOUBLE / a.n) / (b.n::DOUBLE / orders.n) as lift
from pair join each a on a.sku_key = pair.first join each b on b.sku_key = pair.second
join products p on p.sku_key = pair.first join products q on q.sku_key = pair.second, orders
order by p.sku, pair.n desc, lift desc, q.sku""",
)
