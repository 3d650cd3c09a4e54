"""Reports on orders over TPC-DS beside plain SQL on Parquet: its counters sell, its catalogue and web shop reserve.

A fifth of the scale of `benchmarks.bench_tpcds` (2 M lines, all five years), for each line becomes some three events.
"""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from analytics.store import FILE, Store
from benchmarks.bench_tpcds import LINES_MIN, ROUNDS, SCALE_FACTOR
from benchmarks.beside import followed_rates, note_following, timed
from benchmarks.orders_journal import OrdersJournal
from benchmarks.plain_orders import PLAIN_TPCDS_ORDERS
from benchmarks.plain_reports import Compared
from benchmarks.sizes import SCALE, scratch
from benchmarks.tpcds import GeneratorMissing, orders_of_sales, sales_of

_rates: list[float] = []
_ratios: list[float] = []


@pytest.fixture(scope="module")
def compared() -> Iterator[Compared]:
    """All events, in a file of DuckDB and in one of Parquet; what following them took is kept."""
    with scratch("tpcds-orders") as directory:
        try:
            made = sales_of(SCALE_FACTOR / 5, directory, None if SCALE >= 1 else LINES_MIN)
        except GeneratorMissing as missing:
            pytest.skip(str(missing))
        orders, batch = orders_of_sales(made)
        store = Store(directory / FILE, era=0, shards=1)
        _rates.extend(followed_rates(OrdersJournal(orders, batch), store))
        both = Compared.of_orders(store, orders, PLAIN_TPCDS_ORDERS)
        yield both
        both.close()
        store.close()


def test_following(benchmark: BenchmarkFixture, compared: Compared) -> None:
    """Pieces of 64 batches: reservations, confirmations, fulfilments, sales, returns."""
    note_following(benchmark, compared, "tpcds orders", _rates)


@pytest.mark.parametrize("asked", PLAIN_TPCDS_ORDERS, ids=" ".join)
def test_a_report(benchmark: BenchmarkFixture, compared: Compared, asked: tuple[str, str]) -> None:
    timed(benchmark, compared, "tpcds orders ", asked, _ratios, ROUNDS)
