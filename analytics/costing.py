"""What goods cost: a moving average for each SKU and currency, worked out while the journals are followed.

One average for a SKU in all its places, as for one business entity (Odoo's AVCO and Shopify's cost per item do the
same; SAP keeps one for each valuation area, which is an accounting unit and no shelf): a transfer changes no value, and
the margin of a channel does not depend on the place that its order happened to be sourced from. An average is changed
by goods that come in with a `unit_cost`, and by nothing else: what comes in without (a count, a return, a transfer, a
receipt that does not say) is taken at the average that there is. History is never worked out again: a sale costs what
the goods cost when they left.

    average = (on hand before x average + received x unit_cost) / (on hand before + received), rounded half up

On hand before is that of the SKU in all places, never less than 0; units in transit between own places are in none.
Currencies are never mixed: a sale has a cost if its SKU has an average in the currency of the sale.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb
import pyarrow as pa

SCALE: Final = 1_000_000
"""Averages are kept in so many parts of a minor unit."""
_INT64_MAX: Final = (1 << 63) - 1

_COSTED: Final = "kind = 'receive' and unit_price is not null and currency is not null"
_ANY: Final = f"""
select exists (select 1 from new_movements where {_COSTED}), exists (select 1 from averages)"""
_RECEIVED: Final = f"""
with piece as (
    select shard, seq, n, booked_at, sku_key, currency, quantity, unit_price, on_hand_delta, {_COSTED} as costed,
           sum(on_hand_delta) over (partition by sku_key order by seq, n) - on_hand_delta as before
    from new_movements
    where sku_key in (select sku_key from new_movements where {_COSTED})
),
known as (select sku_key, any_value(on_hand) as on_hand from averages group by sku_key),
fresh as (
    -- Nothing is kept of a SKU before its first cost: then its stock is added up from all its movements.
    select sku_key, sum(on_hand_delta) as on_hand from movements
    where sku_key in (select sku_key from piece where sku_key not in (select sku_key from known)) group by sku_key
)
select p.shard, p.seq, p.n, p.booked_at, p.sku_key, p.currency::VARCHAR as currency, p.quantity, p.unit_price,
       coalesce(known.on_hand, fresh.on_hand, 0)::BIGINT as before_piece,
       (before_piece + p.before)::BIGINT as before, a.unit_cost as known
from piece p left join known using (sku_key) left join fresh using (sku_key)
left join averages a on a.sku_key = p.sku_key and a.currency = p.currency
where p.costed
order by p.sku_key, p.seq, p.n"""

_KEEP_UP: Final = """
update averages set on_hand = averages.on_hand + moved.units
from (select sku_key, sum(on_hand_delta)::BIGINT as units from new_movements where on_hand_delta <> 0
      group by sku_key) moved
where averages.sku_key = moved.sku_key"""
_FORGET: Final = """
delete from averages where (sku_key, currency) in (select (sku_key, currency) from new_costs)"""
_REMEMBER: Final = """
insert into averages
with moved as (
    select sku_key, sum(on_hand_delta)::BIGINT as units from new_movements
    where sku_key in (select sku_key from new_costs) group by sku_key
)
select c.sku_key, c.currency, arg_max(c.unit_cost, c.seq << 24 | c.n), any_value(c.before_piece + moved.units)
from new_costs c join moved using (sku_key) group by c.sku_key, c.currency"""

BY_AVERAGE: Final = "left join averages known on known.sku_key = line.sku_key and known.currency = line.currency"
"""Joins `line` to what its goods cost, when no cost has come in with these records."""
BY_MOMENT: Final = """asof left join (
    select sku_key, currency, 0::BIGINT as since, unit_cost from averages
    union all select sku_key, currency, seq << 24 | n as since, unit_cost::HUGEINT from new_costs
) known on known.sku_key = line.sku_key and known.currency = line.currency
     and (line.seq << 24 | line.n) > known.since"""
"""The same when some has: what left before it costs what it did before."""
COST: Final = f"known.unit_cost, half_up(known.unit_cost, line.quantity, {1000 * SCALE}) as cost"


def moved_average(before: int, average: int | None, received: int, unit_price: int) -> int:
    """The average after goods came in; `average` and the answer are in parts of a minor unit."""
    cost = unit_price * SCALE
    before = max(before, 0)
    if average is None or not before:
        return cost
    value, whole = before * average + received * cost, before + received
    rounded = (2 * abs(value) + whole) // (2 * whole)
    return rounded if value >= 0 else -rounded


@contextmanager
def costed(connection: duckdb.DuckDBPyConnection) -> Iterator[bool]:
    """Inside it `new_costs` are the averages that `new_movements` bring; whether there are any. Then keeps up."""
    ((some, known),) = connection.execute(_ANY).fetchall()
    if some:
        connection.register("new_costs", _averaged(connection.sql(_RECEIVED).to_arrow_table()))
    try:
        yield some
        if known:
            connection.execute(_KEEP_UP)
        if some:
            connection.execute("insert into costs by name select * exclude (before_piece) from new_costs")
            connection.execute(_FORGET)
            connection.execute(_REMEMBER)
    finally:
        if some:
            connection.unregister("new_costs")


def _averaged(received: pa.Table) -> pa.Table:
    """With `unit_cost`, the average after each."""
    averages: dict[tuple[int, str], int] = {}
    after = []
    names = ("sku_key", "currency", "before", "known", "quantity", "unit_price")
    for sku_key, currency, before, known, quantity, unit_price in zip(
        *(received[name].to_pylist() for name in names), strict=True
    ):
        average = averages.get((sku_key, currency))
        if average is None and known is not None:
            average = int(known)
        average = averages[sku_key, currency] = moved_average(before, average, quantity, unit_price)
        after.append(average)
    # Python's numbers become decimals five times as slowly; only an absurd cost wants the digits.
    fits = max(map(abs, after)) < _INT64_MAX
    costs = pa.array(after, pa.int64()) if fits else pa.array(after, pa.decimal128(38, 0))
    return received.drop_columns(["known"]).append_column("unit_cost", costs)
