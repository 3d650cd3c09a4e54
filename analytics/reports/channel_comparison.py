"""Channels beside each other: which to push and which to close."""

from typing import Final

from analytics.reports.report import FROM, TO, WAREHOUSE, Column, Part, Report, Sort

_EARLIER: Final = """union all by name
    select channel, currency, sum(gross - discount - returns) as net_before
    from trade
    where business_day < $from_day::DATE
      and business_day >= $from_day::DATE - ($to_day::DATE - $from_day::DATE + 1)::INTEGER
      and ($warehouse::VARCHAR is null
           or warehouse = (select any_value(warehouse) from warehouses where code = $warehouse::VARCHAR))
    group by channel, currency"""
_PREFERRED: Final = "from warehouses where kind <> 'quarantine' and not archived order by priority, code limit 1"
_DAY_ASKED: Final = f"""business_day(
                on_the_wall(a.occurred_at, coalesce(w.time_zone, (select time_zone {_PREFERRED}), 'UTC')),
                coalesce(w.day_start, (select day_start {_PREFERRED}), interval '4 hours'))"""
_ASKED_THEN: Final = f"""left join warehouses w using (warehouse)
          where ($warehouse::VARCHAR is null or w.code = $warehouse)
            and ($from_day::DATE is null or {_DAY_ASKED} >= $from_day)
            and ($to_day::DATE is null or {_DAY_ASKED} <= $to_day)"""

REPORT: Final = Report(
    name="channel_comparison",
    about="Channels beside each other: share, growth, basket, refusals and returns, to decide which to push or close.",
    columns=(
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("orders", Sort.COUNT, "different orders with a sale"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("net", Sort.MONEY, "gross - discount - returns"),
        Column("share", Sort.SHARE, "part of the net of all channels in this currency"),
        Column(
            "growth",
            Sort.SHARE,
            "net / net of as many days before `from`, less 1; -1: nothing since; null: no from or to",
        ),
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
    parts={
        "earlier": Part((FROM, TO), _EARLIER, every=True),
        # One that has sold before and nothing since is the first to think about.
        "shown": Part(
            (FROM, TO), "having count(lines) > 0 or sum(net_before) <> 0", "having count(lines) > 0", every=True
        ),
        "asked": Part((FROM, TO, WAREHOUSE), _ASKED_THEN),
    },
    sql="""
with sold as (
    select channel, currency, count(*) as lines, count(*) - count(line) as at_once, sum(quantity) as units,
           sum(coalesce(gross, 0) - discount) as sales, sum(coalesce(tax, 0)) as tax, sum(cost) as cost,
           count(distinct order_key) as orders
    from sales where {only} group by channel, currency
),
back as (
    select channel, currency, count(*) as lines, sum(quantity) as units, sum(coalesce(amount, 0)) as returns,
           sum(coalesce(tax, 0)) as tax, sum(cost) as cost
    from returned where {only} group by channel, currency
),
uncosted as (
    -- Lines without a known cost, apart: filters on every sum above would take twice as long.
    select channel, currency, count(*) as lines, sum(coalesce(gross, 0) - discount) as sales, 0 as returns,
           sum(coalesce(tax, 0)) as tax, count(distinct order_key) as orders
    from sales where cost is null and {only} group by channel, currency
    union all
    select channel, currency, count(*) as lines, 0 as sales, sum(coalesce(amount, 0)) as returns,
           -sum(coalesce(tax, 0)) as tax, 0 as orders
    from returned where cost is null and {only} group by channel, currency
),
mixed as (
    select distinct order_key from sales
    where cost is not null and {only} and order_key in (select order_key from sales where cost is null and {only})
),
half_costed as (
    -- Orders with lines of both kinds have a line of known cost.
    select channel, currency, count(*) as orders
    from (select channel, currency, order_key from sales where order_key in (select order_key from mixed) and {only}
          group by all having count(cost) > 0 and count(cost) < count(*))
    group by channel, currency
),
asked as (
    select channel, sum(lines) as lines, sum(refused) as refused
    from (select channel, at_once as lines, 0 as refused from sold
          union all
          select a.channel, count(*) as lines, count(*) as refused
          from (select channel, occurred_at, warehouse from refusals
                where kind in ('reserve', 'sell') and outcome = 'insufficient_stock') a
          {asked}
          group by a.channel
          union all
          -- A line that is held in several places was asked for once, whichever of them are looked at.
          select a.channel, count(distinct (a.shard, a.reservation, a.line)) as lines, 0 as refused
          from (select channel, occurred_at, warehouse, shard, reservation, line from holds where quantity > 0) a
          {asked}
          group by a.channel)
    group by channel
),
part as (
    select channel, currency, lines, units, 0 as back, sales, 0 as returns, tax, cost, orders, 0 as unknown_lines,
           0 as unknown_sales, 0 as unknown_returns, 0 as unknown_tax, 0 as unknown_orders, null as net_before
    from sold
    union all by name
    select channel, currency, lines, units as back, returns, -tax as tax, -cost as cost from back
    union all by name
    select channel, currency, lines as unknown_lines, sales as unknown_sales, returns as unknown_returns,
           tax as unknown_tax, orders as unknown_orders from uncosted
    union all by name
    select channel, currency, -orders as unknown_orders from half_costed
    union all by name
    -- A channel that sold nothing because it was refused is not to be overlooked.
    select asked.channel, null as currency, 0 as lines
    from asked left join (select channel from sold union select channel from back) traded using (channel)
    where asked.refused > 0 and traded.channel is null
    {earlier}
),
added as (
    select channel, currency, coalesce(sum(lines), 0) as lines, coalesce(sum(units), 0) as units,
           coalesce(sum(back), 0) as back, coalesce(sum(sales), 0) as sales, coalesce(sum(returns), 0) as returns,
           coalesce(sum(tax), 0) as tax, sum(cost) as cost, coalesce(sum(orders), 0) as orders,
           coalesce(sum(unknown_lines), 0) as unknown_lines, coalesce(sum(unknown_sales), 0) as unknown_sales,
           coalesce(sum(unknown_returns), 0) as unknown_returns, coalesce(sum(unknown_tax), 0) as unknown_tax,
           coalesce(sum(unknown_orders), 0) as unknown_orders, sum(net_before) as net_before
    from part group by channel, currency {shown}
),
summed as (
    select *, sales - returns as net, sales - unknown_sales as costed_sales,
           sales - unknown_sales - (returns - unknown_returns) as costed_net,
           costed_net - (tax - unknown_tax) - cost as margin, orders - unknown_orders as costed_orders
    from added
),
charged as (
    -- A channel gives its fee back with a return; whoever took the payment does not, nor does the parcel.
    select s.*, c.code, case when coalesce(c.fixed_cost, 0) = 0 or c.fixed_currency = s.currency then
           margin - half_up(costed_net, coalesce(c.fee_rate, 0), 1000000)
                  - half_up(costed_sales, coalesce(c.payment_rate, 0), 1000000)
                  - costed_orders * coalesce(c.fixed_cost, 0) end as contribution
    from summed s join channels c using (channel)
)
select s.code as channel, s.orders, s.units, s.net,
       s.net::DOUBLE / nullif(sum(s.net) over (partition by s.currency), 0)::DOUBLE as share,
       s.net::DOUBLE / nullif(s.net_before, 0)::DOUBLE - 1 as growth,
       case when s.orders > 0 then half_up(s.sales, 1, s.orders) end as basket,
       coalesce(a.refused::DOUBLE / nullif(a.lines, 0)::DOUBLE, 0) as refusal_rate,
       (sum(s.back) over (partition by s.channel))::DOUBLE
           / nullif(sum(s.units) over (partition by s.channel), 0)::DOUBLE as return_rate,
       s.tax, s.cost, s.margin, s.unknown_lines as uncosted, s.contribution,
       case when s.costed_orders > 0 then half_up(s.contribution, 1, s.costed_orders) end as per_order, s.currency
from charged s left join asked a using (channel)
order by s.net desc, s.code, s.currency""",
)
