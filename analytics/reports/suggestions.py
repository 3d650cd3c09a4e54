"""What to show beside a product: what was bought with it in any channel, that which is in stock here first."""

from typing import Final

from analytics.reports.report import CONDITIONS, FROM, SKU, TO, WAREHOUSE, Column, Part, Report, Sort

REPORT: Final = Report(
    name="suggestions",
    about="What was bought together with a product in any channel; what is in stock here comes first.",
    columns=(
        Column("sku", Sort.TEXT, "beside this ..."),
        Column("suggested", Sort.TEXT, "... show this"),
        Column("orders", Sort.COUNT, "orders with both, in all channels"),
        Column("confidence", Sort.SHARE, "orders with both / orders with the first"),
        Column("available", Sort.UNITS, "of the suggested in the place asked for, else in all but quarantine"),
    ),
    parameters=(SKU, WAREHOUSE, FROM, TO),
    # Of one product: only its orders are looked through.
    parts={"with_it": Part((SKU,), f"and order_key in (select order_key from sales where {CONDITIONS[SKU]})")},
    sql="""
with asked as (select distinct order_key, product from sales where {days} and {goods}),
bought as (select distinct order_key, product from sales where {days} {with_it}),
pair as (
    select a.product as first, b.product as second, count(*) as n
    from asked a join bought b on a.order_key = b.order_key and a.product <> b.product
    group by all
),
each as (select product, count(*) as n from asked group by product),
last as (
    -- The last movement of each cell, as in `analytics.reports.report.LAST`.
    select max(rowid) as spot from movements
    where sku_key in (select sku_key from products where product in (select second from pair))
      and warehouse in (select warehouse from warehouses where kind <> 'quarantine'
                        and ($warehouse::VARCHAR is null or code = $warehouse))
    group by sku_key, warehouse
),
here as (
    select sku_key, sum(available) as available from movements where rowid in (select spot from last) group by sku_key
)
select p.sku, q.sku as suggested, pair.n as orders, pair.n::DOUBLE / each.n as confidence,
       coalesce(here.available, 0) as available
from pair join each on each.product = pair.first join products p on p.product = pair.first
join products q on q.product = pair.second left join here on here.sku_key = q.sku_key
where not q.archived
order by p.sku, coalesce(here.available, 0) > 0 desc, pair.n desc, q.sku""",
)
