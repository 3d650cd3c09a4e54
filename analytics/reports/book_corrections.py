"""What came to closed days after they were closed: dated corrections."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="book_corrections",
    about="What came to closed business days after they were closed, by the day on which it was booked.",
    columns=(
        Column("day", Sort.DAY, "the closed business day that it belongs to"),
        Column("booked", Sort.DAY, "the business day on which it was booked: the date of the correction"),
        Column("warehouse", Sort.TEXT, "code of the place; of a return: where it was taken back"),
        Column("channel", Sort.TEXT, "code of the channel; of a return: that of the sale it belongs to"),
        Column("lines", Sort.COUNT, "sold and returned lines"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("gross", Sort.MONEY, "price x quantity of each line, rounded half up, added"),
        Column("discount", Sort.MONEY, "discounts of these lines"),
        Column("returns", Sort.MONEY, "price x quantity of what was returned"),
        Column("net", Sort.MONEY, "gross - discount - returns"),
        Column("tax", Sort.MONEY, "the tax in net"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE),
    sql="""
with closed as (select day, warehouse, channel, any_value(records) as records from closings group by all)
select t.business_day as day, t.booked_day as booked, w.code as warehouse, c.code as channel, count(*) as lines,
       sum(t.units) as units, sum(t.gross) as gross, sum(t.discount) as discount, sum(t.returns) as returns,
       sum(t.gross - t.discount - t.returns) as net, sum(t.tax) as tax, t.currency
from closed k join trade t on t.business_day = k.day and t.warehouse = k.warehouse and t.channel = k.channel
join warehouses w on w.warehouse = t.warehouse join channels c on c.channel = t.channel
where t.seq > k.records[t.shard + 1]
  and ($from_day::DATE is null or t.business_day >= $from_day)
  and ($to_day::DATE is null or t.business_day <= $to_day)
  and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
group by all
order by day, booked, warehouse, channel, t.currency""",
)
