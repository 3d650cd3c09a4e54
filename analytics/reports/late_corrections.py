"""Sales and returns that were booked after their business day had ended: corrections, with both dates."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="late_corrections",
    about="What was booked after the business day in which it happened had ended: by how much that day was changed.",
    columns=(
        Column("day", Sort.DAY, "business day in which it happened; the sales reports have it there"),
        Column("booked", Sort.DAY, "business day in which it was booked"),
        Column("warehouse", Sort.TEXT, "code of the place"),
        Column("channel", Sort.TEXT, "code of the channel; of a return: that of the sale it belongs to"),
        Column("lines", Sort.COUNT, "sold and returned lines"),
        Column("units", Sort.UNITS, "sold, less returned"),
        Column("sales", Sort.MONEY, "gross - discount of the sold lines"),
        Column("returns", Sort.MONEY, "price x quantity of the returned lines"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE),
    sql="""
with line as (
    select business_day, booked_day, warehouse, channel, currency, quantity, coalesce(gross, 0) - discount as sales,
           0::BIGINT as returns
    from sales where booked_day > business_day and {only}
    union all
    select business_day, booked_day, warehouse, channel, currency, -quantity as quantity, 0 as sales,
           coalesce(amount, 0) as returns
    from returned where booked_day > business_day and {only}
),
summed as (
    select business_day, booked_day, warehouse, channel, currency, count(*) as lines, sum(quantity) as units,
           sum(sales) as sales, sum(returns) as returns
    from line group by all
)
select s.business_day as day, s.booked_day as booked, w.code as warehouse, c.code as channel, s.lines, s.units,
       s.sales, s.returns, s.currency
from summed s join channels c using (channel) join warehouses w using (warehouse)
order by day, booked, w.code, c.code, s.currency""",
)
