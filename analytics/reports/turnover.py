"""How fast goods turn, and how long what is there will last."""

from typing import Final

from analytics.reports.report import FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="turnover",
    about="How fast goods turn in each place over the days asked for, and how long what is there will last.",
    columns=(
        Column("sku", Sort.TEXT, "of the goods"),
        Column("warehouse", Sort.TEXT, "code of the place; quarantine is left out"),
        Column("days", Sort.COUNT, "business days asked for; from the first movement, until now, unless given"),
        Column("sold", Sort.UNITS, "in these days"),
        Column("received", Sort.UNITS, "by `receive` in these days"),
        Column("average_stock", Sort.UNITS, "on hand at the end of each of these days, on average, rounded half up"),
        Column("on_hand", Sort.UNITS, "at the end of the last of them"),
        Column("turns", Sort.SHARE, "sold / average stock; null without stock"),
        Column("days_of_cover", Sort.SHARE, "on hand / sold in a day; null: nothing was sold"),
        Column("sell_through", Sort.SHARE, "sold / (sold + on hand); null: neither"),
    ),
    parameters=(FROM, TO, WAREHOUSE, SKU, GROUP),
    sql="""
with entry as (
    select m.sku_key, m.warehouse, m.kind, m.quantity, m.on_hand, m.seq << 24 | m.n as place,
           business_day(on_the_wall(m.booked_at, w.time_zone), w.day_start) as day
    from movements m join warehouses w using (warehouse) join products p using (sku_key)
    where w.kind <> 'quarantine' and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($sku::VARCHAR is null or p.sku = $sku)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
),
span as (
    select coalesce($from_day::DATE, min(day)) as first, coalesce($to_day::DATE, max(day)) as last,
           last - first + 1 as days
    from entry
),
closing as (
    select sku_key, warehouse, day, arg_max(on_hand, place) as on_hand,
           coalesce(sum(quantity) filter (kind = 'receive'), 0) as received
    from entry group by all
),
lasting as (
    -- Each closing counts for the days from its own to the one before the next, as far as they were asked for.
    select c.*, greatest(c.day, span.first) as since,
           least(coalesce(lead(c.day) over (partition by sku_key, warehouse order by c.day) - 1, span.last),
                 span.last) as until,
           c.day between span.first and span.last as inside
    from closing c, span
    where c.day <= span.last
),
stock as (
    select sku_key, warehouse, sum(on_hand * greatest(until - since + 1, 0)) as unit_days,
           arg_max(on_hand, day) as on_hand, coalesce(sum(received) filter (inside), 0) as received
    from lasting group by all
),
sold as (
    select sku_key, warehouse, sum(quantity) as units from sales, span
    where business_day between span.first and span.last group by all
)
select p.sku, w.code as warehouse, span.days, coalesce(sold.units, 0) as sold, stock.received,
       half_up(stock.unit_days, 1, span.days) as average_stock, stock.on_hand,
       coalesce(sold.units, 0)::DOUBLE * span.days / nullif(stock.unit_days, 0)::DOUBLE as turns,
       stock.on_hand::DOUBLE * span.days / nullif(sold.units, 0)::DOUBLE as days_of_cover,
       coalesce(sold.units, 0)::DOUBLE / nullif(coalesce(sold.units, 0) + stock.on_hand, 0)::DOUBLE as sell_through
from stock join products p using (sku_key) join warehouses w using (warehouse)
left join sold using (sku_key, warehouse), span
order by p.sku, w.code""",
)
