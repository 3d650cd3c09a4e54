"""Which products make the turnover, and how steadily they sell."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="abc_xyz",
    about="Products by their part of the turnover (A, B, C) and by how steadily they sell (X, Y, Z).",
    columns=(
        Column("sku", Sort.TEXT, "of the product"),
        Column("units", Sort.UNITS, "sold"),
        Column("sales", Sort.MONEY, "gross - discount"),
        Column("share", Sort.SHARE, "part of all sales in this currency"),
        Column("running", Sort.SHARE, "the shares of this product and of those before it"),
        Column("abc", Sort.TEXT, "A: those before it have less than 80 % of the sales; B: less than 95 %; C: the rest"),
        Column("variation", Sort.SHARE, "standard deviation of a week's units / their mean, over all weeks asked for"),
        Column("xyz", Sort.TEXT, "X: variation up to 0.5; Y: up to 1; Z: above"),
        Column("currency", Sort.TEXT, "of the amounts"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, GROUP),
    sql="""
with line as (
    select s.sku_key, s.currency, s.quantity, coalesce(s.gross, 0) - s.discount as sales,
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
product as (select sku_key, currency, sum(quantity) as units, sum(sales) as sales from line group by all),
ranked as (
    select product.*, sales::DOUBLE / nullif(sum(sales) over (partition by currency), 0)::DOUBLE as share,
           (sum(sales) over (partition by currency order by sales desc, sku_key))::DOUBLE
               / nullif(sum(sales) over (partition by currency), 0)::DOUBLE as running
    from product
)
select p.sku, ranked.units, ranked.sales, ranked.share, ranked.running,
       case when ranked.running - ranked.share < 0.8 - 1e-12 then 'A'
            when ranked.running - ranked.share < 0.95 - 1e-12 then 'B' else 'C' end as abc,
       spread.variation,
       case when spread.variation <= 0.5 then 'X' when spread.variation <= 1 then 'Y' else 'Z' end as xyz,
       ranked.currency
from ranked join spread using (sku_key) join products p using (sku_key)
order by ranked.currency, ranked.sales desc, p.sku""",
)
