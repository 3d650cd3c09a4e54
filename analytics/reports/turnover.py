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
        Column("cost", Sort.MONEY, "of what was sold, as far as it is known; null: of none it is, or in currencies"),
        Column("margin", Sort.MONEY, "sales - tax - cost of the lines with a known cost; null like cost"),
        Column("uncosted", Sort.COUNT, "lines sold whose cost is not known: they are in no margin"),
        Column("value", Sort.MONEY, "on hand at the SKU's moving average then; null: it has none, or in currencies"),
        Column("currency", Sort.TEXT, "of cost, margin and value; null: of none, or of several"),
    ),
    parameters=(FROM, TO, WAREHOUSE, SKU, GROUP),
    sql="""
with place as (
    select warehouse, code, time_zone, day_start from warehouses where kind <> 'quarantine'
),
entry as (
    select m.sku_key, m.warehouse, m.kind, m.quantity, m.on_hand_delta, m.on_hand, m.seq << 24 | m.n as place,
           business_day(on_the_wall(m.booked_at, place.time_zone), place.day_start) as day
    from movements m join place using (warehouse) where {cells}
),
span as (
    select coalesce($from_day::DATE, min(day)) as first, coalesce($to_day::DATE, max(day)) as last,
           last - first + 1 as days
    from entry
),
cell as (
    -- What comes in is there at the end of every day from then on.
    select sku_key, warehouse, arg_max(on_hand, place) as on_hand, sum(on_hand_delta) as moved,
           sum(on_hand_delta * (span.last - greatest(day, span.first) + 1)) as unit_days,
           coalesce(sum(quantity) filter (kind = 'receive' and day >= span.first), 0) as received
    from entry, span where day <= span.last group by all
),
stock as (
    -- What was there before the first entry was there on every day.
    select sku_key, warehouse, on_hand, received, unit_days + (on_hand - moved) * span.days as unit_days
    from cell, span
),
sold as (
    select sku_key, warehouse, sum(quantity) as units, count(*) - count(cost) as uncosted,
           sum(cost) as cost, sum(coalesce(gross, 0) - discount - coalesce(tax, 0) - cost) as margin
    from sales, span
    where business_day between span.first and span.last and {cells} group by all
),
average as (
    -- At the end of the last business day, whose moment hangs on the place's clock; if costs are in one currency.
    select c.sku_key, clock.time_zone, clock.day_start, arg_max(c.unit_cost, c.seq << 24 | c.n) as unit_cost,
           any_value(c.currency) as currency
    from costs c, (select distinct time_zone, day_start from place) clock, span
    where business_day(on_the_wall(c.booked_at, clock.time_zone), clock.day_start) <= span.last and {skus}
    group by all having min(c.currency) = max(c.currency)
)
select p.sku, w.code as warehouse, span.days, coalesce(sold.units, 0) as sold, stock.received,
       half_up(stock.unit_days, 1, span.days) as average_stock, stock.on_hand,
       coalesce(sold.units, 0)::DOUBLE * span.days / nullif(stock.unit_days, 0)::DOUBLE as turns,
       stock.on_hand::DOUBLE * span.days / nullif(sold.units, 0)::DOUBLE as days_of_cover,
       coalesce(sold.units, 0)::DOUBLE / nullif(coalesce(sold.units, 0) + stock.on_hand, 0)::DOUBLE as sell_through,
       case when average.currency is not null then sold.cost end as cost,
       case when average.currency is not null then sold.margin end as margin, coalesce(sold.uncosted, 0) as uncosted,
       half_up(average.unit_cost, greatest(stock.on_hand, 0), 1000000000) as value, average.currency
from stock join products p using (sku_key) join place w using (warehouse)
left join sold using (sku_key, warehouse)
left join average on average.sku_key = stock.sku_key and average.time_zone = w.time_zone
     and average.day_start = w.day_start, span
order by p.sku, w.code""",
)
