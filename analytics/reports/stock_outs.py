"""When there was nothing to sell, and what that cost."""

from typing import Final

from analytics.reports.report import FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="stock_outs",
    about="When a cell that had been available had nothing available, how long, and what was refused there meanwhile.",
    columns=(
        Column("sku", Sort.TEXT, "of the cell"),
        Column("warehouse", Sort.TEXT, "code of the place; quarantine is left out"),
        Column("began", Sort.MOMENT, "when `available` fell to 0 or below"),
        Column("ended", Sort.MOMENT, "when it rose above; null: it has not yet"),
        Column("hours", Sort.SHARE, "from the one to the other; until the newest record if it has not ended"),
        Column("refused", Sort.UNITS, "asked for in this place, or in any, and refused meanwhile"),
    ),
    parameters=(FROM, TO, WAREHOUSE, SKU, GROUP),
    sql="""
with changed as (
    select sku_key, warehouse, seq << 24 | n as place, booked_at, available > 0 as there,
           lag(available > 0) over (partition by sku_key, warehouse order by seq << 24 | n) as there_before
    from movements
    where warehouse is not null
      and ($sku::VARCHAR is null or sku_key in (select sku_key from products where sku = $sku))
),
turned as (
    select sku_key, warehouse, there, booked_at as began,
           lead(booked_at) over (partition by sku_key, warehouse order by place) as ended
    from changed where there is distinct from there_before
),
out as (
    select t.*, w.code, business_day(on_the_wall(t.began, w.time_zone), w.day_start) as day,
           epoch_ms(coalesce(t.ended, (select max(booked_at) from positions))) - epoch_ms(t.began) as ms,
           lag(t.there) over (partition by t.sku_key, t.warehouse order by t.began) as was_there
    from turned t join warehouses w using (warehouse) where w.kind <> 'quarantine'
),
lost as (
    select o.sku_key, o.warehouse, o.began, sum(f.requested - f.obtained) as refused
    from out o join refusals f on f.sku_key = o.sku_key and coalesce(f.warehouse, o.warehouse) = o.warehouse
         and f.booked_at >= o.began and (o.ended is null or f.booked_at < o.ended)
    where not o.there and f.kind in ('reserve', 'sell') and f.outcome in ('insufficient_stock', 'ok')
    group by all
)
select p.sku, out.code as warehouse, out.began, out.ended, out.ms / 3600000 as hours,
       coalesce(lost.refused, 0) as refused
from out join products p using (sku_key) left join lost using (sku_key, warehouse, began)
where not out.there and out.was_there
  and ($from_day::DATE is null or out.day >= $from_day) and ($to_day::DATE is null or out.day <= $to_day)
  and ($warehouse::VARCHAR is null or out.code = $warehouse)
  and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
order by out.began, p.sku, out.code""",
)
