"""The reports once more, as somebody would write them in plain SQL over a Parquet file of the same sales.

They share nothing with `analytics.reports` but the names of their columns; a year is small enough to say it simply.
"""

from collections.abc import Mapping
from math import isclose
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import pyarrow as pa

from analytics.formats import as_columns
from analytics.reports import REPORTS
from analytics.store import Store
from benchmarks.orders import Orders
from benchmarks.plain_orders import PLAIN_ORDERS, opened_orders
from benchmarks.plain_stock import PLAIN_STOCK, RECEIPTS, STOCK, STOCK_WITH_RETURNS, suggestions
from benchmarks.plain_with_returns import PLAIN_WITH_RETURNS, VIEWS, abc_xyz, hourly_profile

_LINE: Final = """
create view line as
select *, units * unit_price as gross, (2 * gross * tax_rate + 1000000 + tax_rate) // (2 * (1000000 + tax_rate)) as tax,
       units * unit_cost as cost, (sold_at - interval 4 hour)::DATE as day
from read_parquet('{sales}', file_row_number = true)"""


def opened(sales: Path, returns: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A database with the files and nothing else."""
    connection = duckdb.connect(config={"threads": 1, "memory_limit": "2GB"})
    connection.execute("set TimeZone = 'UTC'")
    for view in (*VIEWS, *STOCK_WITH_RETURNS) if returns else (_LINE, *STOCK):
        connection.execute(view.format(receipts=sales.with_name(RECEIPTS), sales=sales, returns=returns))
    return connection


def _sales(period: str, shown: str = "period") -> str:
    return f"""
    with part as (
        select channel, {period} as period, count(distinct basket) as orders, sum(units) as units, sum(gross) as gross,
               sum(tax) as tax
        from line group by all
    )
    select channel, {shown} as period, orders, units, gross, 0, 0, gross, tax, 'USD' from part
    order by channel, part.period"""


PLAIN: Final[dict[tuple[str, str], str]] = {
    ("channel_sales", "day"): _sales("day", "strftime(part.period, '%Y-%m-%d')"),
    ("channel_sales", "hour"): _sales("date_trunc('hour', sold_at)", "strftime(part.period, '%Y-%m-%dT%H:00')"),
    ("channel_sales", "week"): _sales("date_trunc('week', day)", "strftime(part.period, '%G-W%V')"),
    ("channel_sales", "group"): _sales("department"),
    ("product_channels", ""): """
    select sku, channel, sum(units) as units, sum(gross) as net, sum(units) / sum(sum(units)) over (partition by sku)
    from line group by sku, channel order by sku, units desc, channel""",
    ("product_margins", ""): """
    select sku, channel, sum(units), sum(gross), sum(tax), sum(cost), sum(gross - tax - cost) as margin,
           sum(gross - tax - cost) / nullif(sum(gross - tax), 0), 0, 'USD'
    from line group by sku, channel order by sku, margin desc, channel""",
    ("channel_comparison", ""): """
    select channel, count(distinct basket) as orders, sum(units), sum(gross) as net, net / sum(net) over (), null,
           (2 * net + orders) // (2 * orders), 0.0, 0.0, sum(tax), sum(cost), sum(gross - tax - cost) as margin, 0,
           margin, round(margin / orders), 'USD'
    from line group by channel order by net desc""",
    ("channel_tax", ""): """
    select channel, store, tax_rate / 1000000, sum(gross), 0, sum(gross), sum(tax), 'USD'
    from line group by channel, store, tax_rate order by channel, store, tax_rate""",
    ("books", ""): """
    select day, store, channel, count(distinct basket), sum(units), sum(gross), 0, 0, sum(gross), sum(tax), null, null,
           null, null, null, 'USD'
    from line group by day, store, channel order by day, store, channel""",
    ("hourly_profile", ""): hourly_profile("line"),
    ("late_corrections", ""): """
    select day, (booked_at - interval 4 hour)::DATE as booked, store, channel, count(*), sum(units), sum(gross), 0,
           'USD'
    from line where booked > day group by all order by day, booked, store, channel""",
    ("abc_xyz", ""): abc_xyz("line", "gross"),
    ("basket_affinity", ""): """
    with bought as (select distinct basket, sku from line),
    sold as (select sku, count(*) as n from bought group by sku),
    pair as (
        select a.sku as first, b.sku as second, count(*) as n
        from bought a join bought b on a.basket = b.basket and a.sku <> b.sku group by all having count(*) > 1
    )
    select first, second, pair.n, pair.n / a.n, (pair.n / a.n) / (b.n / (select count(distinct basket) from line))
    from pair join sold a on a.sku = first join sold b on b.sku = second""",
    ("suggestions", "sku=1082185"): suggestions("1082185"),
    **PLAIN_STOCK,
}
"""By report and what is asked of it."""


class Compared:
    """The tables of a store, and Parquet files with the same facts behind plain queries."""

    def __init__(self, store: Store, plain: duckdb.DuckDBPyConnection, queries: Mapping[tuple[str, str], str]) -> None:
        self.store = store
        self.queries = queries
        self._tables = store.cursor()
        self._plain = plain
        keys = self._tables.sql("select sku, sku_key from products").to_arrow_table()
        self._plain.register("sku_keys", keys)

    @classmethod
    def of_sales(cls, store: Store, sales: Path, returns: Path | None = None) -> Self:
        """The lines sold, and what came back of them."""
        return cls(store, opened(sales, returns), {**PLAIN_WITH_RETURNS, **PLAIN_STOCK} if returns else PLAIN)

    @classmethod
    def of_orders(cls, store: Store, orders: Orders, queries: Mapping[tuple[str, str], str] = PLAIN_ORDERS) -> Self:
        """The events of orders."""
        return cls(store, opened_orders(orders), queries)

    def close(self) -> None:
        """Let go of both."""
        self._tables.close()
        self._plain.close()

    def report(self, name: str, asked: str) -> pa.Table:
        """The report's rows, units as people write them; `asked` is a choice of `by`, or name=value."""
        report = REPORTS[name]
        what, _, value = asked.rpartition("=")
        sql, bound = report.statement({what or "by": value} if asked else {})
        return as_columns(self._tables.sql(sql, params=bound).to_arrow_table(), report.columns)

    def plain(self, name: str, asked: str) -> pa.Table:
        """What the plain query says."""
        return self._plain.sql(self.queries[name, asked]).to_arrow_table()

    def differences(self, name: str, asked: str) -> int:
        """Fails at the first row that differs; gives how many rows are equal."""
        ours, plain = _rows(self.report(name, asked)), _rows(self.plain(name, asked))
        if name == "basket_affinity":  # so many pairs have one rank that the order is by nothing but names
            plain.sort(key=lambda row: (row[0], -row[2], -row[4], row[1]))
        assert len(ours) == len(plain), (name, asked, len(ours), len(plain))
        for at, (own, other) in enumerate(zip(ours, plain, strict=True)):
            assert len(own) == len(other), (name, asked)
            assert all(map(_same, own, other)), (name, asked, at, own, other)
        return len(ours)


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _same(own: Any, other: Any) -> bool:
    """Equal; a ratio to the last but few of its 53 bits, for the two may divide in another order."""
    if own is None or other is None or isinstance(own, str):
        return bool(own == other)
    if isinstance(own, float):
        return isclose(own, float(other), rel_tol=1e-12, abs_tol=1e-15)
    return bool(own == other)
