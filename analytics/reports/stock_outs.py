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
        Column(
            "refused",
            Sort.UNITS,
            "asked for in this place, or in any, and refused meanwhile; who asks again counts once",
        ),
        Column("usual", Sort.UNITS, "what sells here in so many hours, by the 28 days before, rounded half up"),
        Column("lost", Sort.UNITS, "the larger of refused and usual: most who see no stock do not ask"),
        Column("lost_sales", Sort.MONEY, "lost at the SKU's last price before, tax included; null: there is none"),
        Column("lost_margin", Sort.MONEY, "lost at the margin of that sale; null: its cost is not known"),
        Column("currency", Sort.TEXT, "of that price"),
    ),
    parameters=(FROM, TO, WAREHOUSE, SKU, GROUP),
    sql="""
with changed as (
    select sku_key, warehouse, seq << 24 | n as place, booked_at, available > 0 as there,
           lag(available > 0) over (partition by sku_key, warehouse order by seq << 24 | n) as there_before
    from movements
    where warehouse is not null and {cells}
),
turned as (
    select sku_key, warehouse, place, there, booked_at as began,
           lead(booked_at) over (partition by sku_key, warehouse order by place) as ended
    from changed where there is distinct from there_before
),
out as (
    select t.*, w.code, business_day(on_the_wall(t.began, w.time_zone), w.day_start) as day,
           epoch_ms(coalesce(t.ended, (select max(booked_at) from positions))) - epoch_ms(t.began) as ms,
           lag(t.there) over (partition by t.sku_key, t.warehouse order by t.place) as was_there
    from turned t join warehouses w using (warehouse) where w.kind <> 'quarantine'
),
attempt as (
    select o.sku_key, o.warehouse, o.place, f.client, f.command_id, sum(f.requested - f.obtained) as units,
           coalesce(f.customer, f.reference, concat_ws('-', f.shard, f.seq, f.row)) as asker
    from out o join refusals f on f.sku_key = o.sku_key and coalesce(f.warehouse, o.warehouse) = o.warehouse
         and f.booked_at >= o.began and (o.ended is null or f.booked_at < o.ended)
    where not o.there and f.kind in ('reserve', 'sell') and f.outcome in ('insufficient_stock', 'ok')
    group by all
),
lost as (
    -- Who asks again and again wants it once, as in unmet_demand.
    select sku_key, warehouse, place, sum(units) as refused
    from (select sku_key, warehouse, place, asker, max(units) as units from attempt group by all) group by all
),
began as (
    select out.*, coalesce(lost.refused, 0) as refused
    from out left join lost using (sku_key, warehouse, place)
    where not out.there and out.was_there
      and ($from_day::DATE is null or out.day >= $from_day) and ($to_day::DATE is null or out.day <= $to_day)
),
rate as (
    select b.sku_key, b.warehouse, b.place, sum(s.quantity) as units
    from began b join (from sales where {cells}) s on s.sku_key = b.sku_key and s.warehouse = b.warehouse
         and s.booked_at <= b.began and s.booked_at > b.began - interval '28 days'
    group by all
),
estimated as (
    select b.*, half_up(coalesce(rate.units, 0), b.ms, 2419200000) as usual, greatest(b.refused, usual) as lost
    from began b left join rate using (sku_key, warehouse, place)
),
priced as (
    select sku_key, seq << 24 | n as place, quantity, gross - discount as sales,
           gross - discount - tax - cost as margin, currency
    from sales where gross is not null and {goods}
)
select p.sku, out.code as warehouse, out.began, out.ended, out.ms / 3600000 as hours, out.refused, out.usual, out.lost,
       half_up(sold.sales, out.lost, sold.quantity) as lost_sales,
       half_up(sold.margin, out.lost, sold.quantity) as lost_margin, sold.currency
from estimated out join products p using (sku_key)
asof left join priced sold on sold.sku_key = out.sku_key and out.place >= sold.place
order by out.began, p.sku, out.code, out.place""",
)
