"""When there was nothing to sell, and what that cost."""

from typing import Final

from analytics.reports.report import CONDITIONS, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Part, Report, Sort

REPORT: Final = Report(
    name="stock_outs",
    about=(
        "When a cell that had been available had nothing available on any of the days asked for, how long, and what "
        "was refused there meanwhile."
    ),
    columns=(
        Column("sku", Sort.TEXT, "of the cell"),
        Column("warehouse", Sort.TEXT, "code of the place; quarantine is left out"),
        Column("began", Sort.MOMENT, "when `available` fell to 0 or below"),
        Column("ended", Sort.MOMENT, "when it rose above; null: it has not yet"),
        Column("hours", Sort.SHARE, "from the one to the other; until the newest record if it has not ended"),
        Column(
            "refused",
            Sort.UNITS,
            "asked for here and refused meanwhile; what names no place counts in the first that its channel sources "
            "from and that is out; who asks again counts once",
        ),
        Column("usual", Sort.UNITS, "what sells here in so many hours, by the 28 days before, rounded half up"),
        Column("lost", Sort.UNITS, "the larger of refused and usual: most who see no stock do not ask"),
        Column("lost_sales", Sort.MONEY, "lost at the SKU's last price before, tax included; null: there is none"),
        Column("lost_margin", Sort.MONEY, "lost at the margin of that sale; null: its cost is not known"),
        Column("currency", Sort.TEXT, "of that price"),
    ),
    parameters=(FROM, TO, WAREHOUSE, SKU, GROUP),
    # What names no place may be another's: of such goods all places are looked at.
    parts={
        "among": Part((WAREHOUSE,), f"and ({CONDITIONS[WAREHOUSE]} or sku_key in (select sku_key from anywhere))"),
        "there": Part((WAREHOUSE,), f"and {CONDITIONS[WAREHOUSE]}"),
    },
    sql="""
with short as (
    select shard, seq, row, sku_key, warehouse, channel, client, command_id, booked_at, requested - obtained as units,
           coalesce(customer, reference, concat_ws('-', shard, seq, row)) as asker
    from refusals where kind in ('reserve', 'sell') and outcome in ('insufficient_stock', 'ok') and {skus}
),
anywhere as (select distinct sku_key from short where warehouse is null),
changed as (
    select sku_key, warehouse, seq << 24 | n as place, booked_at, available > 0 as there,
           lag(available > 0) over (partition by sku_key, warehouse order by seq << 24 | n) as there_before
    from movements
    where warehouse is not null and {skus} {among}
),
turned as (
    select *, lead(booked_at) over (partition by sku_key, warehouse order by place) as ended
    from changed where there is distinct from there_before
),
out as (
    select t.sku_key, t.warehouse, t.place, t.booked_at as began, t.ended, w.code, w.time_zone, w.day_start, w.archived,
           epoch_ms(coalesce(t.ended, (select max(booked_at) from positions))) - epoch_ms(t.booked_at) as ms
    from turned t join warehouses w using (warehouse)
    where not t.there and t.there_before and w.kind <> 'quarantine'
),
sourced as (
    -- The places of each channel as the engine asks them.
    select c.channel, w.warehouse,
           row_number() over (partition by c.channel
                              order by list_position(c.warehouses, w.code), w.priority, w.warehouse) as rank
    from channels c join warehouses w on c.warehouses is null or list_contains(c.warehouses, w.code)
    where not w.archived
),
charged as (
    -- Every line once, whichever places are out.
    select o.sku_key, o.warehouse, o.place, f.client, f.command_id, f.asker, f.units
    from short f join out o on o.sku_key = f.sku_key and f.booked_at >= o.began
         and (o.ended is null or f.booked_at < o.ended)
    left join sourced s on s.channel = f.channel and s.warehouse = o.warehouse
    where f.warehouse = o.warehouse or (f.warehouse is null and s.rank is not null)
    qualify row_number() over (partition by f.shard, f.seq, f.row order by s.rank) = 1
),
attempt as (
    select sku_key, warehouse, place, client, command_id, asker, sum(units) as units from charged group by all
),
lost as (
    -- Who asks again and again wants it once, as in unmet_demand.
    select sku_key, warehouse, place, sum(units) as refused
    from (select sku_key, warehouse, place, asker, max(units) as units from attempt group by all) group by all
),
began as (
    select out.*, coalesce(lost.refused, 0) as refused
    from out left join lost using (sku_key, warehouse, place)
    where ($from_day::DATE is null or out.ended is null
           or business_day(on_the_wall(out.ended, out.time_zone), out.day_start) >= $from_day)
      and ($to_day::DATE is null or business_day(on_the_wall(out.began, out.time_zone), out.day_start) <= $to_day)
      {there}
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
where out.ended is not null or not (p.archived or out.archived)
order by out.began, p.sku, out.code, out.place""",
)
