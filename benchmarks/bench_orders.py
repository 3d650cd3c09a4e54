"""Reports on orders beside plain SQL on Parquet: a year of sales over the counter, and of reservations carried on."""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from analytics.retailer import SalesFiles
from analytics.store import FILE, Store
from benchmarks.beside import followed_rates, note_following, timed
from benchmarks.decided_journal import BATCH_ROWS
from benchmarks.orders import orders_of
from benchmarks.orders_journal import OrdersJournal
from benchmarks.plain_orders import PLAIN_ORDERS
from benchmarks.plain_reports import Compared
from benchmarks.sales_year import lines_of
from benchmarks.sizes import scaled, scratch

LINES = scaled(1_450_000, 20_000)
ROUNDS = 3
_rates: list[float] = []
_ratios: list[float] = []


@pytest.fixture(scope="module")
def compared() -> Iterator[Compared]:
    """All events, in a file of DuckDB and in one of Parquet; what following them took is kept."""
    with scratch("orders") as directory:
        lines_of(SalesFiles.installed(), LINES, directory / "lines.parquet")
        orders = orders_of(directory / "lines.parquet", BATCH_ROWS)
        store = Store(directory / FILE, era=0, shards=1)
        _rates.extend(followed_rates(OrdersJournal(orders, BATCH_ROWS), store))
        made = Compared.of_orders(store, orders)
        yield made
        made.close()
        store.close()


def test_following(benchmark: BenchmarkFixture, compared: Compared) -> None:
    """Pieces of half a million command rows: reservations, confirmations, fulfilments, sales."""
    note_following(benchmark, compared, "orders", _rates)


@pytest.mark.parametrize("asked", PLAIN_ORDERS, ids=" ".join)
def test_a_report(benchmark: BenchmarkFixture, compared: Compared, asked: tuple[str, str]) -> None:
    timed(benchmark, compared, "orders ", asked, _ratios, ROUNDS)
