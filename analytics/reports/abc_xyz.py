"""Which products make the turnover, and how steadily they sell."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, TO, WAREHOUSE, Choice, Column, Report, Sort

REPORT: Final = Report(
    name="abc_xyz",
    about="Products by their part of the turnover or margin (A, B, C) and by how steadily they sell (X, Y, Z).",
    columns=(
        Column("sku", Sort.TEXT, "of the product"),
        Column("units", Sort.UNITS, "sold"),
        Column("sales", Sort.MONEY, "gross - discount"),
        Column("share", Sort.SHARE, "part of all sales in this currency, or of all margins above 0, as asked"),
        Column("running", Sort.SHARE, "the shares of this product and of those before it"),
        Column("abc", Sort.TEXT, "A: those before it have less than 80 % of the whole; B: less than 95 %; C: the rest"),
        Column("variation", Sort.SHARE, "standard deviation of a week's units / their mean, over all weeks asked for"),
        Column("xyz", Sort.TEXT, "X: variation up to 0.5; Y: up to 1; Z: above"),
        Column("margin", Sort.MONEY, "sales - tax - cost of the lines with a known cost; null: there are none"),
        Column("uncosted", Sort.COUNT, "lines sold whose cost is not known: they are in no margin"),
        Column("currency", Sort.TEXT, "of the amounts"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, GROUP),
    choices=(Choice("by", "what the classes A, B and C are made of", {"sales": "sales", "margin": "margin"}),),
    sql="""
with line as (
    select s.sku_key, s.currency, s.quantity, coalesce(s.gross, 0) - s.discount as sales,
           coalesce(s.gross, 0) - s.discount - coalesce(s.tax, 0) - s.cost as margin, s.cost is null as uncosted,
           date_trunc('week', s.business_day)::DATE as week
    from sales s join channels c using (channel) join warehouses w using (warehouse) join products p using (sku_key)
    where ($from_day::DATE is null or s.business_day >= $from_day)
      and ($to_day::DATE is null or s.business_day <= $to_day)
      and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
),
span as (
    select 1 + (date_trunc('week', coalesce($to_day, max(week)))::DATE
                - date_trunc('week', coalesce($from_day, min(week)))::DATE) // 7 as weeks
    from line
),
weekly as (select sku_key, week, sum(quantity)::DOUBLE as units from line group by all),
spread as (
    -- Weeks without a sale count as 0: variance = mean of squares - square of mean.
    select sku_key, sqrt(greatest(sum(units * units) / any_value(weeks) - pow(sum(units) / any_value(weeks), 2), 0))
                    / (sum(units) / any_value(weeks)) as variation
    from weekly, span group by sku_key
),
product as (
    select sku_key, currency, sum(quantity) as units, sum(sales) as sales, sum(margin) as margin,
           count(*) filter (uncosted) as uncosted
    from line group by all
),
weighed as (select product.*, greatest(coalesce({by}, 0), 0) as weight from product),
ranked as (
    select weighed.*, weight::DOUBLE / nullif(sum(weight) over (partition by currency), 0)::DOUBLE as share,
           (sum(weight) over (partition by currency order by weight desc, sku_key))::DOUBLE
               / nullif(sum(weight) over (partition by currency), 0)::DOUBLE as running
    from weighed
)
select p.sku, ranked.units, ranked.sales, ranked.share, ranked.running,
       case when ranked.running - ranked.share < 0.8 - 1e-12 then 'A'
            when ranked.running - ranked.share < 0.95 - 1e-12 then 'B' else 'C' end as abc,
       spread.variation,
       case when spread.variation <= 0.5 + 1e-9 then 'X' when spread.variation <= 1 + 1e-9 then 'Y' else 'Z' end as xyz,
       ranked.margin, ranked.uncosted, ranked.currency
from ranked join spread using (sku_key) join products p using (sku_key)
order by ranked.currency, ranked.weight desc, p.sku""",
)
