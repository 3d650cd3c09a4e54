"""The statements that enter what was folded into the tables; run inside one transaction, in this order.

`new_...` are the tables of a `Folded`. Names come first: a movement is never entered before its place is known.
"""

from typing import Final

import duckdb

from analytics.costing import BY_AVERAGE, BY_MOMENT, COST, costed

DAY_START: Final = "04:00:00"
"""When the business day of a place begins that says nothing else."""
TIME_ZONE: Final = "UTC"
"""Of a place that says no other."""

_NAMES: Final = {
    "products": "sku_key",
    "warehouses": "warehouse",
    "channels": "channel",
    "clients": "client",
}
_PLAIN: Final = ("holds", "refusals", "settings", "alerts")

# A SKU's number is that of its definition in its shard's journal, dealt so that no two shards give the same: whoever
# makes the tables anew gives it the same one, and numbers lie close together, as joins by an array want them.
_NUMBERED: Final = """
create temp table numbered as
with defined as (select sku_key, shard, min(seq << 24 | row) as place from new_products group by all),
used as (
    select (product % shards)::USMALLINT as shard, max(product // shards) + 1 as n
    from products, file where product is not null group by all
)
select d.sku_key, ((coalesce(used.n, 0) + row_number() over (partition by d.shard order by d.place) - 1) * file.shards
                   + d.shard)::UINTEGER as product
from defined d left join used using (shard), file
where not exists (select 1 from products known where known.sku_key = d.sku_key and known.product is not null)"""
_NUMBER_KNOWN: Final = """
update products set product = numbered.product from numbered where products.sku_key = numbered.sku_key"""

_PLACED: Final = """
    goods.product, on_the_wall(line.occurred_at, place.time_zone) as local_at,
    business_day(local_at, place.day_start) as business_day,
    business_day(on_the_wall(line.booked_at, place.time_zone), place.day_start) as booked_day
    from line join warehouses place on place.warehouse = line.warehouse
    left join products goods on goods.sku_key = line.sku_key"""
_COSTED: Final = f"{COST}, {_PLACED}"

_SALES_AT_ONCE: Final = f"""
insert into sales by name
with line as (select *, half_up(unit_price, quantity, 1000) as gross from new_sales_at_once)
select line.*, 'sell' as kind, tax_in(coalesce(gross, 0) - line.discount, tax_rate) as tax, {_COSTED}"""

_TERMS: Final = """
create temp table terms as
select f.* exclude (made_seq, channel), coalesce(h.channel, f.channel) as channel, h.requested, h.reference,
       h.customer, h.unit_price, h.currency, h.tax_rate, coalesce(h.discount, 0) as discount,
       0::BIGINT as before
from new_fulfilments f
left join holds h on h.shard = f.shard and h.seq >= $oldest and h.made_seq = f.made_seq
     and h.reservation = f.reservation and h.line = f.line and h.warehouse = f.warehouse"""

_DONE_BEFORE: Final = """
update terms set before = done.quantity
from (select s.shard, s.reservation, s.line, sum(s.quantity) as quantity from sales s
      where s.seq >= $oldest and s.reservation in (select reservation from terms where discount <> 0)
      group by all) done
where terms.shard = done.shard and terms.reservation = done.reservation and terms.line = done.line"""

_FULFILMENTS: Final = f"""
insert into sales by name
with counted as (
    select *, before + sum(quantity) over (partition by shard, reservation, line order by seq, n) as done from terms
),
line as (
    select * exclude (before, done, requested, discount), reservation as order_key,
           half_up(unit_price, quantity, 1000) as gross,
           case when discount = 0 then 0
                else half_up(discount, done, requested) - half_up(discount, done - quantity, requested)
           end as discount
    from counted
)
select line.*, 'fulfil' as kind, tax_in(coalesce(gross, 0) - line.discount, tax_rate) as tax, {_COSTED}"""

_RETURNS: Final = f"""
insert into returns by name
with line as (
    select r.*, found.sale_channel, half_up(unit_price, quantity, 1000) as amount
    from new_returns r left join found using (shard, seq, n)
)
select line.*, tax_in(amount, tax_rate) as tax, {_COSTED}"""

# `original` is the id of a command or of a reservation, whose last 16 digits are its key.
_FOUND: Final = """
create temp table found as
with asked as (
    select shard, seq, n, sku_key, original, try_cast('0x' || right(original, 16) as UBIGINT) as reservation
    from new_returns where original is not null
),
met as (
    select a.shard, a.seq, a.n, s.channel, s.seq << 24 | s.n as place
    from asked a join sales s on s.shard = a.shard and s.sku_key = a.sku_key and s.command_id = a.original
    union all
    select a.shard, a.seq, a.n, s.channel, s.seq << 24 | s.n as place
    from asked a join sales s on s.shard = a.shard and s.sku_key = a.sku_key and s.reservation = a.reservation
)
-- Two callers may have sold under one id: the first sale counts, however much is entered at a time.
select shard, seq, n, arg_min(channel, place) as sale_channel from met group by shard, seq, n"""
_WAITING: Final = "select exists (select 1 from returns where original is not null and sale_channel is null)"
_FOUND_LATER: Final = """
update returns set sale_channel = found.channel
from (
    with sold as (
        select shard, sku_key, command_id, lower(lpad(to_hex(reservation), 16, '0')) as reservation, channel,
               seq << 24 | n as place
        from sales where seq >= $first
    ),
    met as (
        select r.shard, r.seq, r.n, s.channel, s.place
        from sold s join returns r on r.shard = s.shard and r.sku_key = s.sku_key and r.original = s.command_id
        where r.sale_channel is null
        union all
        select r.shard, r.seq, r.n, s.channel, s.place
        from sold s join returns r on r.shard = s.shard and r.sku_key = s.sku_key
             and right(r.original, 16) = s.reservation
        where r.sale_channel is null
    )
    select shard, seq, n, arg_min(channel, place) as channel from met group by shard, seq, n
) found
where returns.shard = found.shard and returns.seq = found.seq and returns.n = found.n"""
"""A store's box may send what it sold after the return of it came in elsewhere."""

PLACE_AGAIN: Final = """
update {table} set local_at = on_the_wall(occurred_at, place.time_zone),
    business_day = business_day(on_the_wall(occurred_at, place.time_zone), place.day_start),
    booked_day = business_day(on_the_wall(booked_at, place.time_zone), place.day_start)
from warehouses place
where place.warehouse = {table}.warehouse and place.warehouse = $warehouse"""
"""After a place's time zone or cut-off was changed: `table` is sales or returns."""


def enter(connection: duckdb.DuckDBPyConnection, given: frozenset[str]) -> None:
    """Enter the tables `new_...` whose names are given."""
    for table, key in _NAMES.items():
        if table in given:
            _enter_names(connection, table, key)
    for table in _PLAIN:
        if table in given:
            connection.execute(f"insert into {table} by name select * from new_{table}")
    if "movements" not in given:
        return
    with costed(connection) as any_costs:
        connection.execute("insert into movements by name select * from new_movements")
        at_cost = BY_MOMENT if any_costs else BY_AVERAGE
        if "sales_at_once" in given:
            connection.execute(f"{_SALES_AT_ONCE} {at_cost}")
        if "fulfilments" in given:
            _enter_fulfilments(connection, at_cost)
        if "returns" in given:
            connection.execute(_FOUND)
            connection.execute(f"{_RETURNS} {at_cost}")
            connection.execute("drop table found")
    if not given.isdisjoint(("sales_at_once", "fulfilments")):
        _find_sales(connection)


def _enter_names(connection: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    """Those that are new: what a number stands for never changes, the rest is for the documents to say."""
    what = "new.*"
    if table == "warehouses":
        what = f"new.*, '{TIME_ZONE}' as time_zone, interval '{DAY_START}' as day_start"
    if table == "products":
        connection.execute(_NUMBERED)
        connection.execute(_NUMBER_KNOWN)
        what = """new.* exclude (shard, seq, row),
            (select product from numbered where numbered.sku_key = new.sku_key) as product"""
    connection.execute(
        f"insert into {table} by name select distinct on ({key}) {what} from new_{table} new"
        f" where not exists (select 1 from {table} known where known.{key} = new.{key})"
    )
    if table == "products":
        connection.execute("drop table numbered")


def _find_sales(connection: duckdb.DuckDBPyConnection) -> None:
    """What came in now may be the sale of a return that came in before."""
    if connection.execute(_WAITING).fetchall()[0][0]:
        ((first,),) = connection.execute("select min(seq) from new_movements").fetchall()
        connection.execute(_FOUND_LATER, {"first": first})


def _enter_fulfilments(connection: duckdb.DuckDBPyConnection, at_cost: str) -> None:
    """With the price at which each line was reserved, and its part of the line's discount.

    Only what was journaled since the oldest of these reservations was made is looked through.
    """
    found = connection.execute("select min(made_seq) from new_fulfilments").fetchall()
    oldest = {"oldest": found[0][0]}
    connection.execute(_TERMS, oldest)
    parts = connection.execute("select count(*) from terms where discount <> 0 and quantity < requested").fetchall()
    if parts[0][0]:
        connection.execute(_DONE_BEFORE, oldest)
    connection.execute(f"{_FULFILMENTS} {at_cost}")
    connection.execute("drop table terms")
