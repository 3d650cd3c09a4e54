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
    select product, currency, quantity, coalesce(gross, 0) - discount as sales,
           coalesce(gross, 0) - discount - coalesce(tax, 0) - cost as margin, cost is null as uncosted,
           date_trunc('week', business_day)::DATE as week
    from sales where {only}
),
span as (
    select 1 + (date_trunc('week', coalesce($to_day::DATE, max(week)))::DATE
                - date_trunc('week', coalesce($from_day::DATE, min(week)))::DATE) // 7 as weeks
    from line
),
weekly as (select product, week, sum(quantity)::DOUBLE as units from line group by all),
spread as (
    -- Weeks without a sale count as 0: variance = mean of squares - square of mean.
    select product, sqrt(greatest(sum(units * units) / any_value(weeks) - pow(sum(units) / any_value(weeks), 2), 0))
                    / (sum(units) / any_value(weeks)) as variation
    from weekly, span group by product
),
each as (
    select product, currency, sum(quantity) as units, sum(sales) as sales, sum(margin) as margin,
           count(*) filter (uncosted) as uncosted
    from line group by all
),
weighed as (select each.*, greatest(coalesce({by}, 0), 0) as weight from each),
ranked as (
    select weighed.*, p.sku, weight::DOUBLE / nullif(sum(weight) over (partition by currency), 0)::DOUBLE as share,
           (sum(weight) over (partition by currency order by weight desc, p.sku_key))::DOUBLE
               / nullif(sum(weight) over (partition by currency), 0)::DOUBLE as running
    from weighed join products p using (product)
)
select ranked.sku, ranked.units, ranked.sales, ranked.share, ranked.running,
       case when ranked.running - ranked.share < 0.8 - 1e-12 then 'A'
            when ranked.running - ranked.share < 0.95 - 1e-12 then 'B' else 'C' end as abc,
       spread.variation,
       case when spread.variation <= 0.5 + 1e-9 then 'X' when spread.variation <= 1 + 1e-9 then 'Y' else 'Z' end as xyz,
       ranked.margin, ranked.uncosted, ranked.currency
from ranked join spread using (product)
order by ranked.currency, ranked.weight desc, ranked.sku""",
)
