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
    select business_day, booked_day, warehouse, channel, quantity, coalesce(gross, 0) - discount as sales,
           0::HUGEINT as returns, currency
    from sales where booked_day > business_day
    union all by name
    select business_day, booked_day, warehouse, channel, -quantity as quantity, 0 as sales,
           coalesce(amount, 0) as returns, currency
    from returned where booked_day > business_day
)
select line.business_day as day, line.booked_day as booked, w.code as warehouse, c.code as channel, count(*) as lines,
       sum(line.quantity) as units, sum(line.sales) as sales, sum(line.returns) as returns, line.currency
from line join channels c using (channel) join warehouses w using (warehouse)
where ($from_day::DATE is null or line.business_day >= $from_day)
  and ($to_day::DATE is null or line.business_day <= $to_day)
  and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
group by all
order by day, booked, warehouse, channel, line.currency""",
)
