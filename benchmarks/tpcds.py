"""TPC-DS as sales and returns: the lines of its three channels from `tpcgen-cli`, as Parquet files and for a journal.

TPC-DS leaves out a key, a price or a day now and then; here each line has one, so that none is lost. Goods have one
cost and one rate of tax, a return is of units that the generator says at the price of their sale. Nobody sells below
nothing: what is given off a line is at most what it comes to.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from benchmarks.decided_journal import BATCH_ROWS
from benchmarks.orders import Orders, orders_of
from benchmarks.sales_journal import BOOKED

GENERATOR: Final = "tpcgen-cli"
COUNTER: Final = "store"
"""the channel whose customers take their goods with them"""
LINES_OF_SCALE: Final = 5_040_000
"""sale lines of scale 1, roughly; returns are a tenth of it"""
_CHANNELS: Final = {
    # channel: prefix, order, place, return's prefix, return's order, time of a return
    "store": ("ss", "ticket_number", "store_sk", "sr", "ticket_number", "return_time_sk"),
    "catalog": ("cs", "order_number", "warehouse_sk", "cr", "order_number", "returned_time_sk"),
    "web": ("ws", "order_number", "warehouse_sk", "wr", "order_number", "returned_time_sk"),
}
_MOMENT: Final = (
    "(date '1900-01-02' + (coalesce({day}, 2451911) - 2415022))::TIMESTAMP + to_seconds(coalesce({s}, 43200))"
)
"""Days are numbered in TPC-DS, seconds are those of the day."""

_SALES: Final = """
select '{channel}' as channel, {p}_item_sk as item, {p}_{order} * 4 + {n} as basket,
       '{channel}-' || coalesce({p}_{place}, 1) as store, {moment} as sold_at,
       greatest(coalesce({p}_quantity, 1), 1)::BIGINT as units,
       greatest(coalesce({p}_sales_price * 100, 100)::BIGINT, 1) as unit_price,
       coalesce({p}_coupon_amt * 100, 0)::BIGINT as coupon
from read_parquet('{directory}/{channel}_sales.parquet')"""
_RETURNS: Final = """
select {r}_item_sk as item, {r}_{order} * 4 + {n} as basket, {moment} as returned_at, {r}_return_quantity as units
from read_parquet('{directory}/{channel}_returns.parquet')"""
_LINES: Final = """
create table line as
with sold as (
    select row_number() over (order by s.sold_at, s.basket, s.item) - 1 as line, s.basket, 'item-' || s.item as sku,
           s.item, s.store, s.units, s.channel, s.sold_at, s.unit_price,
           least(s.coupon, s.units * s.unit_price) as discount,
           if(i.i_category in ('Books', 'Children'), 70000, 190000)::INTEGER as tax_rate,
           greatest(coalesce(i.i_wholesale_cost * 100, 100)::BIGINT, 1) as unit_cost,
           coalesce(i.i_category, 'Other') as department
    from ({sales}) s join read_parquet('{directory}/item.parquet') i on i.i_item_sk = s.item
    order by all limit {rows}
)
select *, {booked} as booked_at from sold order by line"""
_BACK: Final = """
create table back as
with brought as (
    select l.line, l.sku, l.store, l.channel, greatest(r.returned_at, l.sold_at) as returned_at, l.unit_price,
           l.tax_rate, l.unit_cost, l.department, greatest(least(coalesce(r.units, 1), l.units), 1)::BIGINT as units
    from ({returns}) r join line l using (item, basket)
),
numbered as (select *, row_number() over (order by returned_at, line) - 1 as n from brought)
select * exclude (n), greatest(max(returned_at) over (partition by n // {batch}),
                               (select max(sold_at) from line)) as booked_at
from numbered order by n"""


class GeneratorMissing(RuntimeError):
    """The generator is not installed; says how to get it."""


class Sales(NamedTuple):
    """As `benchmarks.sales_journal` takes them, and the files with the same for whoever asks in plain SQL."""

    sales: pa.Table
    returns: pa.Table
    sales_file: Path
    returns_file: Path


def generator() -> str:
    """The program; raises GeneratorMissing."""
    beside = Path(sys.executable).parent / GENERATOR
    found = str(beside) if beside.exists() else shutil.which(GENERATOR)
    if found is None:
        raise GeneratorMissing(f"TPC-DS is left out: {GENERATOR} is not installed (pip install {GENERATOR})")
    return found


def sales_of(scale: float, directory: Path, rows: int | None = None) -> Sales:
    """Of this scale factor, or the first so many lines of it and their returns; raises GeneratorMissing."""
    tables = [*(f"{channel}_{what}" for channel in _CHANNELS for what in ("sales", "returns")), "item"]
    made = directory / "tpcds"
    command = [generator(), "tpcds", "parquet", "-s", str(scale), f"--tables={','.join(tables)}"]
    subprocess.run([*command, f"--output-dir={made}"], check=True, stdout=subprocess.DEVNULL)
    sales_file, returns_file = directory / "sales.parquet", directory / "returns.parquet"
    with duckdb.connect(config={"temp_directory": str(directory / "spill")}) as connection:
        for n, channel in enumerate(_CHANNELS):
            _views(connection, made, n, channel)
        every = {what: " union all ".join(f"from {channel}_{what}" for channel in _CHANNELS) for what in ("s", "r")}
        limit = "null" if rows is None else str(rows)
        connection.execute(_LINES.format(sales=every["s"], directory=made, rows=limit, booked=BOOKED))
        connection.execute(_BACK.format(returns=every["r"], batch=BATCH_ROWS))
        shutil.rmtree(made)
        for table, path in (("line", sales_file), ("back", returns_file)):
            connection.execute(
                f"copy (select * exclude ({'line, item' if table == 'line' else 'line'}) from {table}) to '{path}'"
            )
        sales = connection.sql("select * exclude (line, item) from line order by line").to_arrow_table()
        returns = connection.sql("select line, returned_at, units, booked_at from back").to_arrow_table()
    return Sales(sales, returns, sales_file, returns_file)


def _views(connection: duckdb.DuckDBPyConnection, made: Path, n: int, channel: str) -> None:
    p, order, place, r, return_order, return_time = _CHANNELS[channel]
    sold = _MOMENT.format(day=f"{p}_sold_date_sk", s=f"{p}_sold_time_sk")
    back = _MOMENT.format(day=f"{r}_returned_date_sk", s=f"{r}_{return_time}")
    names = {"channel": channel, "n": n, "directory": made}
    sales = _SALES.format(p=p, order=order, place=place, moment=sold, **names)
    returns = _RETURNS.format(r=r, order=return_order, moment=back, **names)
    connection.execute(f"create view {channel}_s as {sales}")
    connection.execute(f"create view {channel}_r as {returns}")


def orders_of_sales(made: Sales) -> tuple[Orders, int]:
    """The same lines as orders, and how many commands are booked at a time.

    A line becomes some three events: so few at a time that these are some days' also in the quarter after its five
    years, when TPC-DS sells little; holds last twenty.
    """
    batch = min(BATCH_ROWS, made.sales.num_rows // 512)
    return orders_of(made.sales_file, batch, counter=COUNTER, returns=made.returns), batch
