"""Channels beside each other: which to push and which to close."""

from typing import Final

from analytics.reports.report import FROM, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="channel_comparison",
    about="Channels beside each other: share, growth, basket, refusals and returns, to decide which to push or close.",
    columns=(
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("orders", Sort.COUNT, "different orders with a sale"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("net", Sort.MONEY, "gross - discount - returns"),
        Column("share", Sort.SHARE, "part of the net of all channels in this currency"),
        Column("growth", Sort.SHARE, "net / net of as many days before `from`, less 1; null without from and to"),
        Column("basket", Sort.MONEY, "gross - discount of an order on average, rounded half up"),
        Column("refusal_rate", Sort.SHARE, "lines refused for lack of stock / all lines asked for, in all currencies"),
        Column("return_rate", Sort.SHARE, "units returned / units sold, in all currencies"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, WAREHOUSE),
    sql="""
with span as (select $from_day::DATE as first, $to_day::DATE as last, last - first + 1 as days),
line as (
    select channel, warehouse, business_day, currency, order_key, quantity, 0 as back,
           coalesce(gross, 0) - discount as sales, 0::HUGEINT as returns
    from sales
    union all by name
    select channel, warehouse, business_day, currency, null as order_key, 0 as quantity, quantity as back, 0 as sales,
           coalesce(amount, 0) as returns
    from returned
),
placed as (
    select line.*, (span.first is null or business_day >= span.first)
                   and (span.last is null or business_day <= span.last) as now,
           business_day < span.first and business_day >= span.first - span.days::INTEGER as before
    from line, span join warehouses w on true
    where w.warehouse = line.warehouse and ($warehouse::VARCHAR is null or w.code = $warehouse)
),
summed as (
    select channel, currency, count(distinct order_key) filter (now) as orders,
           coalesce(sum(quantity) filter (now), 0) as units, coalesce(sum(back) filter (now), 0) as back,
           coalesce(sum(sales) filter (now), 0) as sales, coalesce(sum(sales - returns) filter (now), 0) as net,
           sum(sales - returns) filter (before) as net_before, bool_or(now) as there
    from placed group by all
),
asked as (
    select channel, count(*) as lines, count(*) filter (refused) as refused
    from (select f.channel, true as refused, f.occurred_at, f.warehouse from refusals f
          where f.kind in ('reserve', 'sell') and f.outcome = 'insufficient_stock'
          union all by name
          select distinct on (shard, reservation, line) channel, false as refused, occurred_at, warehouse
          from holds where quantity > 0
          union all by name
          select channel, false as refused, occurred_at, warehouse from sales where kind = 'sell') a
    left join warehouses w using (warehouse), span
    where ($warehouse is null or w.code = $warehouse)
      and (span.first is null or business_day(on_the_wall(a.occurred_at, coalesce(w.time_zone, 'UTC')),
                                              coalesce(w.day_start, interval '4 hours')) >= span.first)
      and (span.last is null or business_day(on_the_wall(a.occurred_at, coalesce(w.time_zone, 'UTC')),
                                             coalesce(w.day_start, interval '4 hours')) <= span.last)
    group by channel
)
select c.code as channel, s.orders, s.units, s.net,
       s.net::DOUBLE / nullif(sum(s.net) over (partition by s.currency), 0)::DOUBLE as share,
       s.net::DOUBLE / nullif(s.net_before, 0)::DOUBLE - 1 as growth,
       case when s.orders > 0 then half_up(s.sales, 1, s.orders) end as basket,
       coalesce(a.refused::DOUBLE / a.lines, 0) as refusal_rate,
       (sum(s.back) over (partition by s.channel))::DOUBLE
           / nullif(sum(s.units) over (partition by s.channel), 0)::DOUBLE as return_rate, s.currency
from summed s join channels c using (channel) left join asked a using (channel)
where s.there
order by s.net desc, channel, s.currency""",
)
