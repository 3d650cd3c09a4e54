"""What to show beside a product: what was bought with it in any channel, that which is in stock here first."""

from typing import Final

from analytics.reports.report import FROM, SKU, TO, WAREHOUSE, Column, Report, Sort

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
    sql="""
with bought as (
    select distinct order_key, sku_key from sales
    where ($from_day::DATE is null or business_day >= $from_day) and ($to_day::DATE is null or business_day <= $to_day)
),
asked as (
    select b.order_key, b.sku_key from bought b join products p using (sku_key)
    where $sku::VARCHAR is null or p.sku = $sku
),
pair as (
    select a.sku_key as first, b.sku_key as second, count(*) as n
    from asked a join bought b on a.order_key = b.order_key and a.sku_key <> b.sku_key
    group by all
),
each as (select sku_key, count(*) as n from asked group by sku_key),
here as (
    select sku_key, sum(available) as available
    from (select sku_key, warehouse, arg_max(available, seq << 24 | n) as available from movements
          where warehouse is not null and sku_key in (select second from pair) group by all)
    join warehouses w using (warehouse)
    where w.kind <> 'quarantine' and ($warehouse::VARCHAR is null or w.code = $warehouse)
    group by sku_key
)
select p.sku, q.sku as suggested, pair.n as orders, pair.n::DOUBLE / each.n as confidence,
       coalesce(here.available, 0) as available
from pair join each on each.sku_key = pair.first join products p on p.sku_key = pair.first
join products q on q.sku_key = pair.second left join here on here.sku_key = pair.second
where not q.archived
order by p.sku, coalesce(here.available, 0) > 0 desc, pair.n desc, q.sku""",
)
