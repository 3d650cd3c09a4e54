"""Goods that lie: what is on hand and when it last sold."""

from typing import Final

from analytics.reports.report import AT, GROUP, SKU, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="slow_stock",
    about="What is on hand, with how long it has not sold there; that which never sold first, then the longest.",
    columns=(
        Column("sku", Sort.TEXT, "of the goods"),
        Column("warehouse", Sort.TEXT, "code of the place; quarantine is left out"),
        Column("on_hand", Sort.UNITS, "in the place"),
        Column("first_received", Sort.DAY, "business day; null: came by a transfer, a count or a return"),
        Column("last_received", Sort.DAY, "business day"),
        Column(
            "there_since", Sort.DAY, "business day on which there was some again after there was none, however it came"
        ),
        Column("last_sold", Sort.DAY, "business day; null: never"),
        Column("days_without_sale", Sort.COUNT, "since it last sold or has been there, whichever is later"),
        Column("state", Sort.TEXT, "dead: no sale for 90 days or more; slow: for 28 or more; else moving"),
        Column("value", Sort.MONEY, "on hand at the SKU's moving average; null: it has none, or in several currencies"),
        Column("currency", Sort.TEXT, "of the value"),
    ),
    parameters=(AT, WAREHOUSE, SKU, GROUP),
    sql="""
with last as (
    -- The last movement of each cell, as in `analytics.reports.report.LAST`.
    select max(rowid) as spot, min(occurred_at) filter (kind = 'receive') as first_in,
           max(occurred_at) filter (kind = 'receive') as last_in,
           max(occurred_at) filter (on_hand between 1 and on_hand_delta) as rose
    from movements
    where warehouse is not null and ($moment::TIMESTAMPTZ is null or booked_at <= $moment) and {cells}
    group by sku_key, warehouse
),
cell as (
    select m.sku_key, m.warehouse, m.on_hand, last.first_in, last.last_in, last.rose
    from last join movements m on m.rowid = last.spot where m.on_hand > 0
),
sold as (
    select sku_key, warehouse, max(business_day) as last_sold from sales
    where ($moment is null or booked_at <= $moment) and {cells} group by all
),
placed as (
    select cell.*, w.code, sold.last_sold,
           business_day(on_the_wall(first_in, w.time_zone), w.day_start) as first_received,
           business_day(on_the_wall(last_in, w.time_zone), w.day_start) as last_received,
           business_day(on_the_wall(rose, w.time_zone), w.day_start) as there_since,
           business_day(on_the_wall(coalesce($moment, now()), w.time_zone), w.day_start) as today
    from cell join warehouses w using (warehouse) left join sold using (sku_key, warehouse)
    where w.kind <> 'quarantine'
),
average as (
    select sku_key, arg_max(unit_cost, seq << 24 | n) as unit_cost, any_value(currency) as currency
    from costs where ($moment is null or booked_at <= $moment) and {skus}
    group by sku_key having min(currency) = max(currency)
)
select p.sku, placed.code as warehouse, placed.on_hand, placed.first_received, placed.last_received,
       placed.there_since, placed.last_sold,
       placed.today - greatest(placed.last_sold, placed.there_since) as days_without_sale,
       case when days_without_sale >= 90 then 'dead' when days_without_sale >= 28 then 'slow'
            else 'moving' end as state,
       half_up(average.unit_cost, placed.on_hand, 1000000000) as value, average.currency
from placed join products p using (sku_key) left join average using (sku_key)
order by placed.last_sold is not null, days_without_sale desc, p.sku, warehouse""",
)
