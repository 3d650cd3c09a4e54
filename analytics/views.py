"""What is made in an empty file: the tables, the macros of statements, and the views over the tables."""

from typing import Final

from analytics.schema import AMOUNTS, TABLES

_MACROS: Final = (
    "create table file (version INTEGER, era INTEGER, shards INTEGER, documents BIGINT)",
    # In 64 bits where they suffice, which takes a sixth of the time.
    """create macro half_up(amount, part, whole) as (
        case when abs(amount::DOUBLE * part::DOUBLE) < 4e18
        then case when amount < 0 then -1 else 1 end
             * ((abs(amount)::BIGINT * part::BIGINT * 2 + whole::BIGINT) // (2 * whole::BIGINT))
        else case when amount < 0 then -1 else 1 end
             * ((abs(amount)::HUGEINT * part * 2 + whole) // (2 * whole)) end)""",
    "create macro tax_in(amount, rate) as (half_up(amount, rate, 1000000 + rate))",
    "create macro on_the_wall(moment, zone) as (timezone(zone, moment))",
    "create macro business_day(local, day_start) as ((local - day_start)::DATE)",
    """create macro reservation_id(part, key) as (
        'r' || lpad(lower(to_hex(part::UHUGEINT * 18446744073709551616::UHUGEINT + key::UHUGEINT)), 19, '0'))""",
)
VIEWS: Final = (
    """create or replace view returned as
    select * replace (coalesce(sale_channel, channel) as channel), channel as taken_back_in from returns""",
    """create or replace view trade as
    select 'sale' as side, shard, seq, n, booked_at, business_day, booked_day, local_at, sku_key, product, warehouse,
           channel, tax_rate, order_key, quantity as units, 0::BIGINT as back, currency, coalesce(gross, 0) as gross,
           discount, 0::BIGINT as returns, coalesce(tax, 0) as tax, cost
    from sales
    union all by name
    select 'return' as side, shard, seq, n, booked_at, business_day, booked_day, local_at, sku_key, product, warehouse,
           channel, tax_rate, null as order_key, 0::BIGINT as units, quantity as back, currency, 0::BIGINT as gross,
           0::BIGINT as discount, coalesce(amount, 0) as returns, -coalesce(tax, 0) as tax, -cost as cost
    from returned""",
    """create or replace view reservations as
    with moved as (
        select shard, reservation, line, warehouse, coalesce(-sum(quantity) filter (kind = 'fulfil'), 0) as fulfilled,
               coalesce(-sum(quantity) filter (kind = 'release'), 0) as released,
               -- A part that is released before the reservation is confirmed leaves it as it is: held.
               coalesce(-sum(quantity) filter (kind = 'release' and state = 'held'), 0) as released_held,
               coalesce(-sum(quantity) filter (kind = 'expire'), 0) as expired,
               max(booked_at) filter (state in ('fulfilled', 'released', 'expired')) as closed_at,
               arg_max(state, seq << 24 | n) as state, arg_max(expires_at, seq << 24 | n) as expires_at
        from movements where reservation is not null and not hidden group by all
    ),
    confirmed as (
        select shard, reservation, min(booked_at) as confirmed_at from movements
        where kind = 'confirm' and not hidden group by all
    )
    select h.reservation, h.partition, h.line, h.sku_key, h.warehouse, h.channel, h.client, h.booked_at as made_at,
           h.requested, h.quantity, h.reference, h.customer, h.unit_price, h.currency,
           coalesce(m.fulfilled, 0) as fulfilled,
           coalesce(case when c.confirmed_at is null then m.released else m.released_held end, 0) as released,
           coalesce(case when c.confirmed_at is not null then m.released - m.released_held end, 0) as cancelled,
           coalesce(m.expired, 0) as expired, c.confirmed_at, m.closed_at, coalesce(m.state, 'held') as state,
           coalesce(m.expires_at, made.expires_at) as expires_at
    from holds h left join movements made using (shard, seq, n)
    left join moved m on m.shard = h.shard and m.reservation = h.reservation and m.line = h.line
         and m.warehouse is not distinct from h.warehouse
    left join confirmed c on c.shard = h.shard and c.reservation = h.reservation""",
)


def widening() -> list[str]:
    """What makes room for amounts of any size."""
    made = [
        f"alter table {table} alter {column} type HUGEINT" for table, columns in AMOUNTS.items() for column in columns
    ]
    return [*made, *VIEWS]


def statements() -> list[str]:
    """What makes the tables in an empty file."""
    made = []
    for name, columns in TABLES.items():
        described = ", ".join(f'"{column.name}" {column.type}' for column in columns)
        made.append(f"create table {name} ({described})")
    return [*made, *_MACROS, *VIEWS]
