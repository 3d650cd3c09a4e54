"""What to show beside a product: what was bought with it in any channel, then what customers look at in its group.

Nobody says who looked, so interest makes no pairs: it decides between what was bought together equally often, and goes
on where too little was.
"""

from typing import Final

from analytics.reports.report import CONDITIONS, FROM, SKU, TO, WAREHOUSE, Column, Part, Report, Sort

LOOKED_DAYS: Final = 28
"""As long as what is usual for a stock-out: four of each weekday."""
_OF_ITS_GROUP: Final = """
union all
select f.product as first, s.product as second, 0 as n
from products f join products s on s.group_path = f.group_path and s.product <> f.product
where f.sku = $sku and s.product in (select product from looked) and s.product not in (select second from pair)"""

REPORT: Final = Report(
    name="suggestions",
    about=(
        "What was bought together with a product in any channel, then what is put into carts and looked at most in its "
        "group; of both, what is in stock here comes first."
    ),
    columns=(
        Column("sku", Sort.TEXT, "beside this ..."),
        Column("suggested", Sort.TEXT, "... show this"),
        Column("orders", Sort.COUNT, "orders with both, in all channels"),
        Column("confidence", Sort.SHARE, "orders with both / orders with the first; null: it has none"),
        Column("available", Sort.UNITS, "of the suggested in the place asked for, else in all but quarantine"),
        Column("because", Sort.TEXT, "bought_together; or interest: of the same group, when one SKU is asked for"),
        Column("cart_adds", Sort.COUNT, "of the suggested in all channels, on the last 28 days or those asked for"),
        Column("views", Sort.COUNT, "how often it was looked at, on the same days"),
    ),
    parameters=(SKU, WAREHOUSE, FROM, TO),
    parts={
        # Of one product: only its orders are looked through, and only its group goes on after them.
        "with_it": Part((SKU,), f"and order_key in (select order_key from sales where {CONDITIONS[SKU]})"),
        "of_its_group": Part((SKU,), _OF_ITS_GROUP),
    },
    sql=f"""
with asked as (select distinct order_key, product from sales where {{days}} and {{goods}}),
bought as (select distinct order_key, product from sales where {{days}} {{with_it}}),
pair as (
    select a.product as first, b.product as second, count(*) as n
    from asked a join bought b on a.order_key = b.order_key and a.product <> b.product
    group by all
),
each as (select product, count(*) as n from asked group by product),
span as (
    -- The newest day that has begun anywhere, by the newest record; a day that a channel only says would be no bound.
    select coalesce($to_day::DATE, (max(booked_at) + interval 14 hour)::DATE) as last,
           coalesce($from_day::DATE, last - {LOOKED_DAYS - 1}) as first
    from positions
),
looked as (
    select product, sum(cart_adds)::BIGINT as cart_adds, sum(views)::BIGINT as views
    from interest join products using (sku_key)
    where day between (select first from span) and (select last from span)
    group by product having sum(cart_adds) + sum(views) > 0
),
beside as (from pair {{of_its_group}}),
last as (
    -- The last movement of each cell, as in `analytics.reports.report.LAST`.
    select max(rowid) as spot from movements
    where sku_key in (select sku_key from products where product in (select second from beside))
      and warehouse in (select warehouse from warehouses where kind <> 'quarantine'
                        and ($warehouse::VARCHAR is null or code = $warehouse))
    group by sku_key, warehouse
),
here as (
    select sku_key, sum(available) as available from movements where rowid in (select spot from last) group by sku_key
)
select p.sku, q.sku as suggested, b.n as orders, b.n::DOUBLE / each.n as confidence,
       coalesce(here.available, 0) as available, if(b.n > 0, 'bought_together', 'interest') as because,
       coalesce(l.cart_adds, 0) as cart_adds, coalesce(l.views, 0) as views
from beside b join products p on p.product = b.first join products q on q.product = b.second
left join each on each.product = b.first left join looked l on l.product = b.second
left join here on here.sku_key = q.sku_key
where not q.archived
order by p.sku, b.n = 0, coalesce(here.available, 0) > 0 desc, b.n desc, coalesce(l.cart_adds, 0) desc,
         coalesce(l.views, 0) desc, q.sku""",
)
