"""How old what is on hand is: first in, first out, so that what is left is what came in last."""

from typing import Final

from analytics.reports.report import AT, GROUP, LAST, SKU, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="ageing",
    about=(
        "How long ago what is on hand came in to its place, first in, first out. "
        "Whatever brings goods in is a layer of its own: a receipt, a transfer, a return, a count that found more."
    ),
    columns=(
        Column("sku", Sort.TEXT, "of the goods"),
        Column("warehouse", Sort.TEXT, "code of the place; quarantine is left out"),
        Column("on_hand", Sort.UNITS, "in the place"),
        Column("days", Sort.SHARE, "age of a unit on average"),
        Column("oldest", Sort.DAY, "business day on which the oldest of them came in"),
        Column("to_30", Sort.UNITS, "of them 30 days old or less"),
        Column("to_60", Sort.UNITS, "31 to 60 days"),
        Column("to_90", Sort.UNITS, "61 to 90 days"),
        Column("to_180", Sort.UNITS, "91 to 180 days"),
        Column("older", Sort.UNITS, "older than 180 days"),
        Column("value", Sort.MONEY, "on hand at the SKU's moving average; null: it has none, or in several currencies"),
        Column("currency", Sort.TEXT, "of the value"),
    ),
    parameters=(AT, WAREHOUSE, SKU, GROUP),
    sql=f"""
with place as (
    select warehouse, code, time_zone, day_start,
           business_day(on_the_wall(coalesce($moment::TIMESTAMPTZ, now()), time_zone), day_start) as today
    from warehouses where kind <> 'quarantine'
),
{LAST},
layer as (
    select sku_key, warehouse, occurred_at, on_hand_delta as units,
           sum(on_hand_delta) over (partition by sku_key, warehouse order by seq << 24 | n desc
                                    rows between unbounded preceding and current row) - on_hand_delta as newer
    from movements where on_hand_delta > 0 and ($moment is null or booked_at <= $moment) and {{cells}}
),
remaining as (
    select sku_key, warehouse, place.code, cell.on_hand,
           business_day(on_the_wall(layer.occurred_at, place.time_zone), place.day_start) as day,
           greatest(place.today - day, 0) as age, least(layer.units, cell.on_hand - layer.newer)::BIGINT as units
    from layer join cell using (sku_key, warehouse) join place using (warehouse) where layer.newer < cell.on_hand
),
average as (
    select sku_key, arg_max(unit_cost, seq << 24 | n) as unit_cost, any_value(currency) as currency
    from costs where ($moment is null or booked_at <= $moment) and {{skus}}
    group by sku_key having min(currency) = max(currency)
)
select p.sku, r.code as warehouse, any_value(r.on_hand) as on_hand,
       sum(r.units * r.age)::DOUBLE / sum(r.units)::DOUBLE as days, min(r.day) as oldest,
       coalesce(sum(r.units) filter (r.age <= 30), 0) as to_30,
       coalesce(sum(r.units) filter (r.age between 31 and 60), 0) as to_60,
       coalesce(sum(r.units) filter (r.age between 61 and 90), 0) as to_90,
       coalesce(sum(r.units) filter (r.age between 91 and 180), 0) as to_180,
       coalesce(sum(r.units) filter (r.age > 180), 0) as older,
       half_up(any_value(a.unit_cost), any_value(r.on_hand), 1000000000) as value, any_value(a.currency) as currency
from remaining r join products p using (sku_key) left join average a using (sku_key)
group by p.sku, r.code
order by days desc, p.sku, r.code""",
)
