"""The reports on what was asked for, held, on its way and looked at, in plain SQL over the files of orders.

Every statement is made of events as they came; none knows of the tables, nor of what a report keeps ready.
"""

from typing import Final

import duckdb

from benchmarks.orders import TRADE, Orders

_MIDDLE: Final = "2017-01-03T12:00:00Z"
_MIDDLE_TPCDS: Final = "1998-06-15T12:00:00Z"
"""Moments at which some of everything is open."""
_DAY: Final = "(happened - interval 4 hour)::DATE"
_VIEWS: Final = (
    "create view event as from read_parquet('{events}')",
    TRADE,
    "create view interest as from read_parquet('{interest}')",
    "create view closing as from read_parquet('{closings}')",
)


def _stock(until: str) -> str:
    return f"""
    with change as (
        select sku, store, case when kind in ('receive', 'return') then obtained
                                when kind in ('sell', 'fulfil', 'ship') then -obtained else 0 end as on_hand,
               case when kind = 'reserve' then obtained when kind in ('fulfil', 'release', 'expire') then -obtained
                    else 0 end as reserved,
               case when kind = 'expect' then obtained when kind = 'receive' and source is not null then -obtained
                    else 0 end as incoming
        from event where obtained > 0 {until}
        union all
        select sku, to_store, 0, 0, obtained from event where kind = 'ship' {until}
    )
    select sku, store, sum(on_hand), sum(reserved), sum(incoming), sum(on_hand - reserved)
    from change group by all order by sku, store"""


def _deliveries(until: str) -> str:
    return f"""
    with said as (
        select sku, store, source, obtained as units, due, booked_at, n from event where kind = 'expect' {until}
        union all
        select sku, store, source, -obtained, null, booked_at, n from event
        where kind = 'receive' and source is not null {until}
        union all
        select sku, to_store, printf('y%010d', number), obtained, null, booked_at, n from event
        where kind = 'ship' {until}
    )
    select sku, store, source, sum(units) as incoming, max_by(due, n) filter (due is not null)::TIMESTAMPTZ as due,
           min(booked_at)::TIMESTAMPTZ as announced
    from said group by sku, store, source having sum(units) > 0
    order by due nulls last, announced, sku, store, source"""


def _conversion(looked: str, bought: str) -> str:
    return f"""
    with department as (select sku, any_value(department) as department from event group by sku),
    looked as (
        select channel, {looked} as part, sum(views) as views, sum(cart_adds) as cart_adds
        from interest join department using (sku) group by all
    ),
    bought as (
        select channel, {bought} as part, count(distinct basket) as orders, sum(units) as units
        from trade join department using (sku) join (select distinct channel, day from interest where sku is not null)
             using (channel, day)
        where basket is not null group by all
    )
    select channel, part, coalesce(views, 0) as views, coalesce(cart_adds, 0), coalesce(orders, 0), coalesce(units, 0),
           cart_adds / nullif(views, 0), case when views > 0 then coalesce(orders, 0) / views end
    from looked full join bought using (channel, part) order by channel, views desc, part"""


def _demand(period: str, shown: str) -> str:
    return f"""
    with wanted as (
        select channel, {_DAY} as day, 'r' || reserved_by as basket, obtained as confirmed, 0 as counter, 0 as cancelled
        from event where kind = 'confirm'
        union all
        select channel, {_DAY}, coalesce(reference || ' of ' || {_DAY}, 'n' || number), 0, obtained, 0
        from event where kind = 'sell' and obtained > 0
        union all
        select channel, {_DAY}, null, 0, 0, obtained from event
        where kind = 'release' and reserved_by in (select reserved_by from event where kind = 'confirm')
    )
    select channel, strftime({period}, '{shown}') as period, count(distinct basket), sum(confirmed + counter),
           sum(confirmed), sum(counter), sum(cancelled)
    from wanted group by channel, period order by channel, period"""


_PLAIN: Final[dict[tuple[str, str], str]] = {
    ("unmet_demand", ""): f"""
    with recursive asked as (
        select *, {_DAY} as day, coalesce(customer, reference) as who from event where kind in ('sell', 'reserve')
    ),
    shopper as (
        select reference, max(customer) as name, count(distinct customer) as names from asked
        where obtained < asked and reference is not null group by reference
    ),
    person as (
        select a.* replace (case when names = 0 then reference when customer is not null then customer
                                 when names = 1 then name else coalesce(reference, 'nobody ' || number) end as who)
        from asked a left join shopper using (reference)
    ),
    wish as (
        select *, row_number() over (partition by sku, who order by day) as turn
        from (select sku, who, day, min(booked_at) as since, day + interval 8 day + interval 4 hour as until,
                     min_by(channel, n) as channel, max(asked)::BIGINT as asked
              from person where obtained < asked group by all)
    ),
    fate as (
        select reserved_by, sum(obtained) filter (kind = 'expire') as expired,
               sum(obtained) filter (kind = 'release') as released, bool_or(kind = 'confirm') as confirmed
        from event where reserved_by is not null group by all
    ),
    purchase as (
        select p.sku, p.who, p.booked_at, p.number,
               p.obtained - coalesce(expired, 0) - if(coalesce(confirmed, false), 0, coalesce(released, 0)) as units
        from person p semi join wish using (sku, who) left join fate on fate.reserved_by = p.number where p.obtained > 0
    ),
    shelf as (
        -- All that somebody obtained of a SKU as one line of units, the wish has its eye on some of them.
        select w.*, coalesce(sum(units) filter (booked_at < since), 0)::BIGINT as first,
               coalesce(sum(units) filter (booked_at < until), 0)::BIGINT as last
        from wish w left join purchase using (sku, who) group by all
    ),
    served as (
        select *, least(asked, last - first) as got, first + least(asked, last - first) as used
        from shelf where turn = 1
        union all
        select s.*, greatest(0, least(s.asked, s.last - greatest(s.first, before.used))) as got,
               greatest(s.first, before.used) + greatest(0, least(s.asked, s.last - greatest(s.first, before.used)))
        from served before join shelf s on s.sku = before.sku and s.who = before.who and s.turn = before.turn + 1
    )
    select sku, channel, day, sum(asked), sum(got), sum(asked - got)
    from served where got < asked group by all order by day, sku, channel""",
    ("demand", "day"): _demand("day", "%Y-%m-%d"),
    ("demand", "week"): _demand("day", "%G-W%V"),
    ("stock_outs", ""): """
    with moved as (
        select sku, store, booked_at, n, if(kind in ('sell', 'ship', 'reserve'), -obtained, obtained) as units
        from event where obtained > 0 and kind not in ('expect', 'confirm', 'fulfil')
    ),
    level as (
        select *, sum(units) over (partition by sku, store order by booked_at, n nulls first
                                   rows between unbounded preceding and current row) > 0 as there from moved
    ),
    flip as (
        select *, lag(there) over (partition by sku, store order by booked_at, n nulls first) as before from level
    ),
    turned as (
        select *, lead(booked_at) over (partition by sku, store order by booked_at, n nulls first) as ended
        from flip where there is distinct from before
    ),
    gone as (
        select sku, store, booked_at as began, n as gone_n, ended,
               epoch_ms(coalesce(ended, (select max(booked_at) from event))) - epoch_ms(began) as ms
        from turned where not there and before
    ),
    asker as (
        select e.number, any_value(coalesce(customer, reference, 'nobody ' || number)) as who, g.sku,
               min_by((g.store, g.gone_n), g.store) as spot, any_value(asked - obtained) as units
        from event e join gone g on g.sku = e.sku and coalesce(e.store, g.store) = g.store
             and e.booked_at >= g.began and e.booked_at < coalesce(g.ended, timestamp 'infinity')
        where e.kind in ('sell', 'reserve') and obtained < asked group by e.number, g.sku
    ),
    refused as (
        select sku, spot, sum(units) as refused
        from (select sku, spot, who, max(units) as units from asker group by all) group by all
    ),
    sold as (
        select sku, store, booked_at, n, obtained as units, obtained * unit_price as paid
        from event where kind in ('sell', 'fulfil') and obtained > 0
    ),
    rate as (
        select g.sku, g.store, gone_n, sum(s.units) as units
        from gone g join sold s on s.sku = g.sku and s.store = g.store
             and s.booked_at between g.began - interval 28 day + interval 1 microsecond and g.began
        group by all
    ),
    guess as (
        select g.*, coalesce(refused, 0)::HUGEINT as refused,
               (2000 * coalesce(units, 0) * ms + 2419200000) // (2 * 2419200000) as usual
        from gone g left join rate using (sku, store, gone_n) left join refused r on r.sku = g.sku
             and r.spot = (g.store, gone_n)
    )
    select g.sku, g.store, began::TIMESTAMPTZ, ended::TIMESTAMPTZ, ms / 3600000, refused,
           usual::DECIMAL(18, 0) * 0.001, greatest(1000 * refused, usual)::DECIMAL(28, 0) * 0.001,
           (2 * s.paid * greatest(1000 * refused, usual) + 1000 * s.units) // (2000 * s.units), null,
           if(s.paid is null, null, 'USD')
    from guess g asof left join sold s on s.sku = g.sku and g.gone_n >= s.n
    order by began, g.sku, g.store, gone_n""",
    ("reservation_funnel", ""): """
    with life as (
        select coalesce(reserved_by, number) as reservation, min_by(channel, n) as channel,
               sum(asked) filter (kind = 'reserve') as asked, sum(obtained) filter (kind = 'reserve') as held,
               epoch_ms(max(booked_at) filter (kind = 'confirm')) - epoch_ms(min(booked_at)) as ms,
               coalesce(sum(obtained) filter (kind = 'fulfil'), 0) as fulfilled,
               coalesce(sum(obtained) filter (kind = 'release'), 0) as released,
               coalesce(sum(obtained) filter (kind = 'expire'), 0) as expired
        from event where kind in ('reserve', 'confirm', 'fulfil', 'release', 'expire') group by reservation
    )
    select channel, count(*) filter (held > 0), sum(asked), sum(asked - held), sum(held) as all_held,
           coalesce(sum(held) filter (ms is not null), 0) as confirmed, sum(fulfilled),
           coalesce(sum(released) filter (ms is not null), 0), coalesce(sum(released) filter (ms is null), 0),
           sum(expired), sum(held - fulfilled - released - expired), sum(fulfilled) / all_held,
           sum(held * ms) / 3600000 / nullif(confirmed, 0)
    from life group by channel order by channel""",
    ("deliveries", ""): _deliveries(""),
    ("stock_as_of", ""): _stock(""),
    ("conversion", "channel"): _conversion("''", "''"),
    ("conversion", "day"): _conversion("strftime(day, '%Y-%m-%d')", "strftime(day, '%Y-%m-%d')"),
    ("conversion", "sku"): _conversion("sku", "sku"),
    ("conversion", "group"): _conversion("department", "department"),
    ("empty_searches", ""): """
    select query, sku, channel, sum(empty_searches) as searches, count(distinct day), min(day), max(day)
    from interest where empty_searches > 0 group by query, sku, channel order by searches desc, query, sku, channel""",
    ("books", ""): """
    with day as (
        select day, store, channel, count(distinct basket) as orders, sum(units) as units, sum(gross) as gross,
               sum(returns) as returns, sum(net) as net, sum(tax) as tax
        from trade group by all
    )
    select day, store, channel, d.orders, units, gross, 0, returns, d.net, d.tax, c.net, c.tax, d.net - c.net,
           closed_at::TIMESTAMPTZ, if(closed_at is null, null, 'Ann'), 'USD'
    from day d left join closing c using (day, store, channel) order by day, store, channel""",
    ("book_corrections", ""): """
    select day, (booked_at - interval 4 hour)::DATE as booked, store, channel, count(*), sum(units), sum(gross), 0,
           sum(returns), sum(trade.net), sum(trade.tax), 'USD'
    from trade join closing using (day, store, channel) where booked_at > closed_at
    group by all order by day, booked, store, channel""",
}


def _as_of(moment: str) -> dict[tuple[str, str], str]:
    until = f"and booked_at <= '{moment[:-1]}'"
    return {("deliveries", f"at={moment}"): _deliveries(until), ("stock_as_of", f"at={moment}"): _stock(until)}


def _suggestions(sku: str) -> dict[tuple[str, str], str]:
    statement = f"""
    with mine as (select distinct basket from trade where sku = '{sku}' and basket is not null),
    together as (
        select sku, count(distinct basket) as orders from trade join mine using (basket)
        where sku <> '{sku}' group by sku
    ),
    recent as (
        select sku, sum(cart_adds) as cart_adds, sum(views) as views from interest
        where day > (select max(booked_at) + interval 14 hour from event)::DATE - 28 group by sku
    ),
    shelf as (
        select sku, sum(case kind when 'receive' then obtained when 'return' then obtained when 'release' then obtained
                                  when 'expire' then obtained when 'sell' then -obtained when 'reserve' then -obtained
                                  else 0 end) as units  -- a shipment is on its way to another place of ours
        from event group by sku
    ),
    shipped as (select sku, sum(obtained) as units from event where kind = 'ship' group by sku),
    kin as (
        select distinct sku from event
        where sku <> '{sku}' and department = (select any_value(department) from event where sku = '{sku}')
    )
    select '{sku}', sku, coalesce(orders, 0) as n, n / nullif((select count(*) from mine), 0),
           shelf.units - coalesce(shipped.units, 0) as here, if(n > 0, 'bought_together', 'interest') as because,
           coalesce(cart_adds, 0) as carts, coalesce(views, 0) as looks
    from shelf left join together using (sku) left join recent using (sku) left join shipped using (sku)
    where n > 0 or (sku in (select sku from kin) and carts + looks > 0)
    order by because, here > 0 desc, n desc, carts desc, looks desc, sku"""
    return {("suggestions", f"sku={sku}"): statement}


PLAIN_ORDERS: Final = {**_PLAIN, **_as_of(_MIDDLE), **_suggestions("1082185")}
PLAIN_TPCDS_ORDERS: Final = {**_PLAIN, **_as_of(_MIDDLE_TPCDS), **_suggestions("item-1")}
"""By report and what is asked of it, over orders of the year and over those of TPC-DS."""


def opened_orders(orders: Orders) -> duckdb.DuckDBPyConnection:
    """A database with the files and nothing else."""
    connection = duckdb.connect(config={"threads": 1, "memory_limit": "2GB"})
    connection.execute("set TimeZone = 'UTC'")
    for view in _VIEWS:
        connection.execute(view.format(**orders._asdict()))
    return connection
