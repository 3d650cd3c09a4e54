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
with span as (select $from_day::DATE as first, $to_day::DATE as last),
parts as (
    -- Lines with a known cost and lines without: filters on every sum would take twice as long.
    select t.channel, t.currency, t.cost is null as unknown, count(*) as lines, sum(t.units) as units,
           sum(t.back) as back, sum(t.gross - t.discount) as sales, sum(t.returns) as returns, sum(t.tax) as tax,
           sum(t.cost) as cost, count(distinct t.order_key) as orders
    from trade t join warehouses w using (warehouse)
    where ($from_day is null or t.business_day >= $from_day) and ($to_day is null or t.business_day <= $to_day)
      and ($warehouse::VARCHAR is null or w.code = $warehouse)
    group by all
),
shared as (
    -- Orders with lines of both kinds are counted in both parts.
    select channel, currency, count(*) as orders
    from (select channel, currency, order_key from sales s join warehouses w using (warehouse)
          where (select count(*) from (select distinct unknown from parts where lines > 0)) > 1
            and ($from_day is null or s.business_day >= $from_day) and ($to_day is null or s.business_day <= $to_day)
            and ($warehouse is null or w.code = $warehouse)
          group by all having bool_or(s.cost is null) and bool_or(s.cost is not null))
    group by all
),
earlier as (
    select t.channel, t.currency, sum(t.gross - t.discount - t.returns) as net
    from trade t join warehouses w using (warehouse)
    where t.business_day < $from_day::DATE
      and t.business_day >= $from_day::DATE - ($to_day::DATE - $from_day::DATE + 1)::INTEGER
      and ($warehouse is null or w.code = $warehouse)
    group by all
),
summed as (
    select p.channel, p.currency, sum(p.orders) - coalesce(any_value(shared.orders), 0) as orders,
           sum(p.units) as units, sum(p.back) as back, sum(p.sales) as sales, sum(p.sales - p.returns) as net,
           any_value(earlier.net) as net_before, sum(p.tax) as tax, sum(p.cost) as cost,
           coalesce(sum(p.lines) filter (p.unknown), 0) as uncosted,
           sum(p.sales - p.returns - p.tax - p.cost) as margin,
           sum(p.sales - p.returns) filter (not p.unknown) as costed_net,
           sum(p.sales) filter (not p.unknown) as costed_sales,
           coalesce(sum(p.orders) filter (not p.unknown), 0) as costed_orders
    from parts p
    left join shared on shared.channel = p.channel and shared.currency is not distinct from p.currency
    left join earlier on earlier.channel = p.channel and earlier.currency is not distinct from p.currency
    group by p.channel, p.currency
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
    from (select a.channel, a.refused, a.warehouse,
                 business_day(on_the_wall(a.occurred_at, coalesce(w.time_zone, 'UTC')),
                              coalesce(w.day_start, interval '4 hours')) as day
          from (select channel, true as refused, occurred_at, warehouse from refusals
                where kind in ('reserve', 'sell') and outcome = 'insufficient_stock'
                union all by name
                select distinct on (shard, reservation, line) channel, false as refused, occurred_at, warehouse
                from holds where quantity > 0) a
          left join warehouses w using (warehouse)
          union all by name
          select channel, false as refused, warehouse, business_day as day from sales where kind = 'sell') a
    left join warehouses w using (warehouse), span
    where ($warehouse is null or w.code = $warehouse) and (span.first is null or a.day >= span.first)
      and (span.last is null or a.day <= span.last)
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
order by s.net desc, channel, s.currency""",
)
