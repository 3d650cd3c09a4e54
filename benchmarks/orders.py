"""Orders as Parquet files: what was asked for, held, shipped and looked at, event by event.

Made from lines of sales, a year's or those of TPC-DS, by rules that leave nothing open: every line does what the last
digit of its number says, and what it comes to is written beside it; the engine must come to the same. Lines of the
counter are sold, of the other channels reserved and carried on, given up or forgotten; some ask for more than there is.
What was sold of TPC-DS comes back when its own returns say, the year has none and makes some. Some lines bring a
purchase order or a transfer on its way with them, and two business days of three are closed as soon as they are over.
"""

from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

MUCH: Final = 100_000_000
"""Nobody has so much."""
STOCKED: Final = 1_000_000
"""Everybody has so much of everything to begin with; the outlet has nothing."""
OUTLET: Final = "outlet"
STEPS: Final = 16
"""An event's number is that of its line times so many, and its step."""
_DAYS_S: Final = 86_400

_COUNTER: Final = f"""
    ([0,1,2,3,4,5,6,7,8,9,10,11,12,13], 1, 'sell', 0, 1, 0, 'all', 0),
    ([14], 1, 'sell', 0, 1, {MUCH}, 'none', 0), ([14], 2, 'sell', 60, 1, 0, 'all', 0),
    ([15], 1, 'sell', 0, 1, {MUCH}, 'none', 0)"""
_ONLINE: Final = f"""
    ([0,1,2,3,4,9,10,12], 1, 'reserve', 0, 1, 0, 'all', {20 * _DAYS_S}),
    ([0,1,2,3,4,12], 2, 'confirm', 180, 1, 0, 'all', 1), ([0,1,2,3,4,12], 8, 'fulfil', 1440, 1, 0, 'all', 1),
    ([5,6], 1, 'reserve', 0, 1, 1, 'all', {20 * _DAYS_S}), ([5,6], 2, 'confirm', 180, 1, 1, 'all', 1),
    ([5,6], 8, 'fulfil', 1440, 1, 0, 'all', 1), ([5,6], 9, 'release', 2880, 0, 1, 'all', 1),
    ([7], 1, 'reserve', 0, 1, 0, 'all', {20 * _DAYS_S}), ([7], 2, 'release', 60, 1, 0, 'all', 1),
    ([8], 1, 'reserve', 0, 1, 0, 'all', 7201), ([11], 1, 'reserve', 0, 1, 0, 'all', {29 * _DAYS_S}),
    ([9], 2, 'confirm', 60, 1, 0, 'all', 1), ([9], 8, 'release', 300, 1, 0, 'all', 1),
    ([10], 2, 'confirm', 120, 1, 0, 'all', 1),
    ([13], 1, 'reserve', 0, 1, {MUCH}, 'none', 60), ([13], 2, 'reserve', 120, 1, 0, 'counter', {20 * _DAYS_S}),
    ([14], 1, 'reserve', 0, 1, {MUCH}, 'none', 60), ([14], 2, 'reserve', 10, 2, {MUCH}, 'nowhere', 60),
    ([15], 1, 'receive', 0, 1, 0, '{OUTLET}', 0), ([15], 2, 'reserve', 0, 1, 2, '{OUTLET}', {20 * _DAYS_S}),
    ([15], 3, 'confirm', 30, 1, 0, '{OUTLET}', 2), ([15], 8, 'fulfil', 1440, 1, 0, '{OUTLET}', 2)"""
_EITHER: Final = """
    ([5], 3, 'expect', 0, 10, 0, 'all', 9), ([5], 4, 'expect', 1440, 0, 3, 'all', 5),
    ([5], 5, 'receive', 2880, 4, 0, 'all', 3), ([6], 6, 'ship', 0, 1, 0, 'all', 0),
    ([7], 6, 'ship', 0, 1, 0, 'all', 0), ([7], 7, 'receive', 1500, 1, 0, 'next', 6)"""
"""Last digits of a line, step, kind, minutes after the line, what is asked for as a multiple of its units and so many
more, how it ends, and what belongs to it: seconds that a hold lasts, the step of the reservation, of the transfer or
purchase order, days until an order is due."""

_LINE: Final = f"""
create view line as
select file_row_number as i, (file_row_number % {STEPS})::INTEGER as digit, sku, channel, sold_at, units, unit_price,
       tax_rate, department, regexp_extract(store, '[0-9]+$')::INTEGER as place, 'shop-' || place % 20 as shop,
       'shop-' || (place + 1) % 20 as next_shop, channel = '{{counter}}' as over_counter,
       case when file_row_number % 3 > 0 then 'c' || basket % 7919 end as customer,
       case when file_row_number % 7 > 0 then 'b' || basket end as reference
from read_parquet('{{lines}}', file_row_number = true)"""
_MADE_BACK: Final = """
create view back as
select i as line, sold_at + interval 1200 minute as returned_at, units from line where digit = 13 and over_counter"""
_BACK: Final = "create view back as from brought where returned_at <= (select max(sold_at) from line)"
_EVENTS: Final = f"""
create table event as
with step (digits, step, kind, minutes, times, more, ending, what, counter) as (
    select *, true from (values {_COUNTER}) union all select *, false from (values {_ONLINE})
    union all select *, null from (values {_EITHER})
),
planned as (
    select line.*, step.*, i * {STEPS} + step as number, line.sold_at + to_minutes(minutes) as happened,
           line.units * times + more as asked
    from line join step on list_contains(digits, digit) and coalesce(counter, over_counter) = over_counter
),
told as (
    select number, kind, happened, sku, department, if(ending = 'counter', '{{counter}}', channel) as channel,
           case ending when 'nowhere' then null when 'next' then next_shop when '{OUTLET}' then '{OUTLET}'
                else shop end as store,
           if(kind = 'ship', next_shop, null) as to_store, asked,
           case when ending in ('none', 'nowhere') then 0 when ending = '{OUTLET}' then units
                else asked end as obtained,
           if(kind in ('confirm', 'release', 'fulfil'), i * {STEPS} + what, null) as reserved_by, customer, reference,
           case when kind = 'expect' or (kind = 'receive' and what = 3) then 'po-' || i
                when kind = 'receive' and what = 6 then printf('y%010d', i * {STEPS} + what) end as source,
           if(kind = 'expect', sold_at + to_days(what + i % 9), null) as due,
           if(kind = 'reserve', what, 0) as ttl_s, unit_price, tax_rate
    from planned
    union all
    select i * {STEPS} + 10, 'return', greatest(returned_at, happened), sku, department, channel, shop, null,
           back.units, back.units, null, customer, reference, null, null, 0, unit_price, tax_rate
    from back join planned on i = back.line and kind in ('sell', 'fulfil') and ending <> 'none'
    union all
    select ({1 << 26} + row_number() over (order by sku, shop)) * {STEPS}, 'receive',
           (select min(sold_at) from line) - interval 1 day, sku, department, null, shop, null, {STOCKED}, {STOCKED},
           null, null, null, null, null, 0, null, null
    from (select distinct sku, department, shop from line)
),
numbered as (select *, row_number() over (order by happened, number) - 1 as n from told)
select *, max(happened) over (partition by n // {{batch}}) as booked_at from numbered"""
_EXPIRED: Final = """
insert into event by name
with forgotten as (
    select * replace ('expire' as kind, booked_at + to_seconds(ttl_s) as happened, number as reserved_by) from event
    where kind = 'reserve' and obtained > 0 and number not in (select reserved_by from event where reserved_by > 0)
)
select f.* exclude (number, n, booked_at), b.booked_at
from forgotten f asof join (select distinct booked_at from event) b on b.booked_at >= f.happened"""
_INTEREST: Final = """
select day, channel, sku, query, sum(views)::BIGINT as views, sum(cart_adds)::BIGINT as cart_adds,
       sum(empty)::BIGINT as empty_searches
from (
    select (sold_at - interval 4 hour)::DATE + (i % 2)::INTEGER as day, channel, sku, null as query,
           7 * units + 1 as views, units as cart_adds, (i % 4 = 0)::INTEGER as empty
    from line where i % 5 = 0 and day(sold_at) % 4 > 0
    union all
    select (sold_at - interval 4 hour)::DATE, channel, null, 'something ' || i % 97, 0, 0, 1 from line where i % 11 = 0
)
group by all"""
_CLOSINGS: Final = """
with closed as (
    select distinct day, store, channel, day + interval 28 hour as closed_at from trade where day(day) % 3 > 0
)
select day, store, channel, closed_at, count(distinct case when booked_at <= closed_at then basket end) as orders,
       coalesce(sum(net) filter (booked_at <= closed_at), 0)::BIGINT as net,
       coalesce(sum(tax) filter (booked_at <= closed_at), 0)::BIGINT as tax
from closed join trade using (day, store, channel) group by all"""
TRADE: Final = """
create view trade as
select *, gross - returns as net,
       sign(net) * ((2 * abs(net) * tax_rate + 1000000 + tax_rate) // (2 * (1000000 + tax_rate))) as tax
from (
    select booked_at, (happened - interval 4 hour)::DATE as day, sku, store, channel, tax_rate,
           case when kind = 'fulfil' then 'r' || reserved_by
                when kind = 'sell' then coalesce(reference || ' of ' || day, 'n' || number) end as basket,
           if(kind = 'return', 0, obtained) as units,
           if(kind = 'return', 0, obtained * unit_price) as gross,
           if(kind = 'return', obtained * unit_price, 0) as returns
    from event where kind in ('sell', 'fulfil', 'return') and obtained > 0
)"""
"""What was sold and what came back, of the events."""


class Orders(NamedTuple):
    """The files; events stand in the order in which they are decided, those of the shard itself at the end."""

    events: Path
    interest: Path
    closings: Path


def orders_of(lines: Path, batch: int, *, counter: str = "till", returns: pa.Table | None = None) -> Orders:
    """Of these lines, beside their file; so many commands are booked at a time, some days' at most.

    What is sold in the channel `counter` is not reserved before. `returns`, line, returned_at and units, are of lines
    by their number; those are left out that come after the last sale, or of what was never sold here. Without them some
    lines of the counter come back.
    """
    made = Orders(*(lines.with_name(f"{name}.parquet") for name in Orders._fields))
    with duckdb.connect(config={"temp_directory": str(lines.with_name("spill"))}) as connection:
        connection.execute(_LINE.format(lines=lines, counter=counter))
        if returns is not None:
            connection.register("brought", returns)
        back = _MADE_BACK if returns is None else _BACK
        for statement in (back, _EVENTS.format(batch=batch, counter=counter), _EXPIRED, TRADE):
            connection.execute(statement)
        connection.execute(f"copy (from event order by n nulls last) to '{made.events}'")
        connection.execute(f"copy ({_INTEREST}) to '{made.interest}'")
        connection.execute(f"copy ({_CLOSINGS}) to '{made.closings}'")
    return made
