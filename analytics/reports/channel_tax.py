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
    select channel, warehouse, tax_rate, currency, coalesce(gross, 0) - discount as sales, 0::BIGINT as returns,
           coalesce(tax, 0) as tax
    from sales where {only}
    union all
    select channel, warehouse, tax_rate, currency, 0 as sales, coalesce(amount, 0) as returns, -coalesce(tax, 0) as tax
    from returned where {only}
),
summed as (
    select channel, warehouse, coalesce(tax_rate, 0) as rate, currency, sum(sales) as sales, sum(returns) as returns,
           sum(tax) as tax
    from line group by all
)
select c.code as channel, w.code as warehouse, s.rate / 1000000 as rate, s.sales, s.returns,
       s.sales - s.returns as net, s.tax, s.currency
from summed s join channels c using (channel) join warehouses w using (warehouse)
order by c.code, w.code, rate, s.currency""",
)
