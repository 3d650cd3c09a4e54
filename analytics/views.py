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
    select h.reservation, h.partition, h.line, h.sku_key, h.warehouse, h.channel, h.client, h.booked_at as made_at,
           h.requested, h.quantity, h.reference, h.customer, h.unit_price, h.currency,
           coalesce(-sum(m.quantity) filter (m.kind = 'fulfil'), 0) as fulfilled,
           coalesce(-sum(m.quantity) filter (m.kind = 'release' and c.confirmed_at is null), 0) as released,
           coalesce(-sum(m.quantity) filter (m.kind = 'release' and c.confirmed_at is not null), 0) as cancelled,
           coalesce(-sum(m.quantity) filter (m.kind = 'expire'), 0) as expired,
           any_value(c.confirmed_at) as confirmed_at,
           max(m.booked_at) filter (m.state in ('fulfilled', 'released', 'expired')) as closed_at,
           coalesce(arg_max(m.state, (m.seq, m.n)), 'held') as state,
           arg_max(coalesce(m.expires_at, h.expires_at), (m.seq, m.n)) as expires_at
    from (select holds.*, made.expires_at from holds left join movements made using (shard, seq, n)) h
    left join movements m on m.shard = h.shard and m.reservation = h.reservation and m.line = h.line
         and m.warehouse is not distinct from h.warehouse and not m.hidden
    left join (select shard, reservation, min(booked_at) as confirmed_at from movements
               where kind = 'confirm' and not hidden group by all) c
         on c.shard = h.shard and c.reservation = h.reservation
    group by all""",
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
