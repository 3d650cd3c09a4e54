"""The books of each channel: what every business day came to, and what was written down when it was closed."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="books",
    about="What each business day came to in each place and channel, beside what was written down when it was closed.",
    columns=(
        Column("day", Sort.DAY, "business day of the place"),
        Column("warehouse", Sort.TEXT, "code of the place; of a return: where it was taken back"),
        Column("channel", Sort.TEXT, "code of the channel; of a return: that of the sale it belongs to"),
        Column("orders", Sort.COUNT, "different orders with a sale"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("gross", Sort.MONEY, "price x quantity of each line, rounded half up, added"),
        Column("discount", Sort.MONEY, "discounts of these lines"),
        Column("returns", Sort.MONEY, "price x quantity of what was returned"),
        Column("net", Sort.MONEY, "gross - discount - returns, as it is known now"),
        Column("tax", Sort.MONEY, "the tax in net, as it is known now"),
        Column("closed_net", Sort.MONEY, "net as it was written down; null: the day is not closed"),
        Column("closed_tax", Sort.MONEY, "tax as it was written down; null: the day is not closed"),
        Column("difference", Sort.MONEY, "net - closed_net: what came later; see book_corrections"),
        Column("closed_at", Sort.MOMENT, "when the day was closed; null: it is not"),
        Column("closed_by", Sort.TEXT, "who closed it"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE),
    sql="""
with live as (
    select business_day as day, warehouse, channel, currency, count(distinct order_key) as orders, sum(units) as units,
           sum(gross) as gross, sum(discount) as discount, sum(returns) as returns,
           sum(gross - discount - returns) as net, sum(tax) as tax
    from trade where {only} group by all
),
signed as (
    select day, warehouse, channel, any_value(closed_at) as closed_at,
           any_value(coalesce(author, closed_by)) as closed_by
    from closings group by all
),
written as (
    select day as business_day, warehouse, channel, currency, net, tax from closings where {only}
),
paired as (
    select coalesce(l.day, k.business_day) as day, coalesce(l.warehouse, k.warehouse) as warehouse,
           coalesce(l.channel, k.channel) as channel, coalesce(l.currency, k.currency) as currency,
           coalesce(l.orders, 0) as orders, coalesce(l.units, 0) as units, coalesce(l.gross, 0) as gross,
           coalesce(l.discount, 0) as discount, coalesce(l.returns, 0) as returns, coalesce(l.net, 0) as net,
           coalesce(l.tax, 0) as tax, coalesce(k.net, 0) as closed_net, coalesce(k.tax, 0) as closed_tax
    from live l full join written k on l.day = k.business_day and l.warehouse = k.warehouse and l.channel = k.channel
         and l.currency is not distinct from k.currency
)
select b.day, w.code as warehouse, c.code as channel, b.orders, b.units, b.gross, b.discount, b.returns, b.net, b.tax,
       case when s.closed_at is not null then b.closed_net end as closed_net,
       case when s.closed_at is not null then b.closed_tax end as closed_tax,
       case when s.closed_at is not null then b.net - b.closed_net end as difference, s.closed_at, s.closed_by,
       b.currency
from paired b join warehouses w using (warehouse) join channels c using (channel)
left join signed s using (day, warehouse, channel)
order by b.day, warehouse, channel, b.currency""",
)
