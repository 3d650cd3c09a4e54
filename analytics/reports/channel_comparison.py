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
        Column("tax", Sort.MONEY, "the tax in net"),
        Column("cost", Sort.MONEY, "of the goods sold less those returned, as far as it is known; null: of none it is"),
        Column("margin", Sort.MONEY, "net - tax - cost, of the lines with a known cost; null: there are none"),
        Column("uncosted", Sort.COUNT, "lines sold and returned whose cost is not known: they are in no margin"),
        Column("contribution", Sort.MONEY, "margin less the channel's fee, payment and fixed cost of these lines"),
        Column("per_order", Sort.MONEY, "contribution / orders with a known cost, rounded half up"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, WAREHOUSE),
    sql="""
with span as (select $from_day::DATE as first, $to_day::DATE as last, last - first + 1 as days),
placed as (
    select line.*, gross - discount as sales, (span.first is null or business_day >= span.first)
                   and (span.last is null or business_day <= span.last) as now,
           business_day < span.first and business_day >= span.first - span.days::INTEGER as before
    from trade line, span join warehouses w on true
    where w.warehouse = line.warehouse and ($warehouse::VARCHAR is null or w.code = $warehouse)
),
summed as (
    select channel, currency, count(distinct order_key) filter (now) as orders,
           coalesce(sum(units) filter (now), 0) as units, coalesce(sum(back) filter (now), 0) as back,
           coalesce(sum(sales) filter (now), 0) as sales, coalesce(sum(sales - returns) filter (now), 0) as net,
           sum(sales - returns) filter (before) as net_before, bool_or(now) as there,
           coalesce(sum(tax) filter (now), 0) as tax, sum(cost) filter (now) as cost,
           count(*) filter (now and cost is null) as uncosted,
           sum(sales - returns - tax - cost) filter (now) as margin,
           sum(sales - returns) filter (now and cost is not null) as costed_net,
           sum(sales) filter (now and cost is not null) as costed_sales,
           count(distinct order_key) filter (now and cost is not null) as costed_orders
    from placed group by all
),
charged as (
    -- A channel gives its fee back with a return; whoever took the payment does not, nor does the parcel.
    select s.*, c.code, case when coalesce(c.fixed_cost, 0) = 0 or c.fixed_currency = s.currency then
           margin - half_up(costed_net, coalesce(c.fee_rate, 0), 1000000)
                  - half_up(costed_sales, coalesce(c.payment_rate, 0), 1000000)
                  - costed_orders * coalesce(c.fixed_cost, 0) end as contribution
    from summed s join channels c using (channel)
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
select s.code as channel, s.orders, s.units, s.net,
       s.net::DOUBLE / nullif(sum(s.net) over (partition by s.currency), 0)::DOUBLE as share,
       s.net::DOUBLE / nullif(s.net_before, 0)::DOUBLE - 1 as growth,
       case when s.orders > 0 then half_up(s.sales, 1, s.orders) end as basket,
       coalesce(a.refused::DOUBLE / a.lines, 0) as refusal_rate,
       (sum(s.back) over (partition by s.channel))::DOUBLE
           / nullif(sum(s.units) over (partition by s.channel), 0)::DOUBLE as return_rate,
       s.tax, s.cost, s.margin, s.uncosted, s.contribution,
       case when s.costed_orders > 0 then half_up(s.contribution, 1, s.costed_orders) end as per_order, s.currency
from charged s left join asked a using (channel)
where s.there
order by s.net desc, channel, s.currency""",
)
