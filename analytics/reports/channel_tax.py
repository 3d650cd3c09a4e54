"""For the books: what each channel sold and took back at each rate of tax."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="channel_tax",
    about="What each channel sold and took back in each place at each rate of tax, with the tax in it.",
    columns=(
        Column("channel", Sort.TEXT, "code of the channel; of a return: that of the sale it belongs to"),
        Column("warehouse", Sort.TEXT, "code of the place; of a return: where it was taken back"),
        Column("rate", Sort.SHARE, "0.19 = 19 %; lines without a rate stand at 0"),
        Column("sales", Sort.MONEY, "gross - discount, tax included"),
        Column("returns", Sort.MONEY, "price x quantity of what was returned, tax included"),
        Column("net", Sort.MONEY, "sales - returns"),
        Column("tax", Sort.MONEY, "the tax in net, added line by line"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE),
    sql="""
with line as (
    select channel, warehouse, business_day, tax_rate, currency, coalesce(gross, 0) - discount as sales,
           0::HUGEINT as returns, coalesce(tax, 0) as tax
    from sales
    union all by name
    select channel, warehouse, business_day, tax_rate, currency, 0 as sales, coalesce(amount, 0) as returns,
           -coalesce(tax, 0) as tax
    from returned
)
select c.code as channel, w.code as warehouse, coalesce(line.tax_rate, 0) / 1000000 as rate, sum(line.sales) as sales,
       sum(line.returns) as returns, sum(line.sales - line.returns) as net, sum(line.tax) as tax, line.currency
from line join channels c using (channel) join warehouses w using (warehouse)
where ($from_day::DATE is null or line.business_day >= $from_day)
  and ($to_day::DATE is null or line.business_day <= $to_day)
  and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
group by all
order by channel, warehouse, rate, line.currency""",
)
