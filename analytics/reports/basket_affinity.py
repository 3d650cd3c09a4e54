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
with bought as (select distinct order_key, product from sales where {places}),
orders as (select count(distinct order_key) as n from bought),
each as (select product, count(*) as n from bought group by product),
asked as (select * from bought where {goods}),
pair as (
    select a.product as first, b.product as second, count(*) as n
    from asked a join bought b on a.order_key = b.order_key and a.product <> b.product
    group by all having count(*) > 1
)
select p.sku, q.sku as "with", pair.n as orders, pair.n::DOUBLE / a.n as confidence,
       (pair.n::DOUBLE / a.n) / (b.n::DOUBLE / orders.n) as lift
from pair join each a on a.product = pair.first join each b on b.product = pair.second
join products p on p.product = pair.first join products q on q.product = pair.second, orders
order by p.sku, pair.n desc, lift desc, q.sku""",
)
