"""The reports over ten million sales of TPC-DS and their returns, in three channels, beside plain SQL on Parquet.

OMNISTOCK_TPCDS_SCALE is the scale factor (2: 10 M sales, 1 M returns); without `tpcgen-cli` it is left out, as it says.
"""

import os
from collections.abc import Iterator

import pytest
from pyarrow import parquet
from pytest_benchmark.fixture import BenchmarkFixture

from analytics.store import FILE, Store
from benchmarks.beside import followed_rates, note_following, timed
from benchmarks.plain_reports import Compared
from benchmarks.plain_stock import PLAIN_STOCK, RECEIPTS
from benchmarks.plain_with_returns import PLAIN_WITH_RETURNS
from benchmarks.sales_journal import SalesJournal
from benchmarks.sizes import SCALE, scratch
from benchmarks.tpcds import GeneratorMissing, sales_of

SCALE_FACTOR = float(os.environ.get("OMNISTOCK_TPCDS_SCALE", "2")) * min(1.0, SCALE)
LINES_MIN = 20_000
ROUNDS = 3
_rates: list[float] = []
_ratios: list[float] = []


@pytest.fixture(scope="module")
def compared() -> Iterator[Compared]:
    """All of it, in a file of DuckDB and in two of Parquet; what following it took is kept."""
    with scratch("tpcds") as directory:
        try:
            made = sales_of(SCALE_FACTOR, directory, None if SCALE >= 1 else LINES_MIN)
        except GeneratorMissing as missing:
            pytest.skip(str(missing))
        store = Store(directory / FILE, era=0, shards=1)
        journal = SalesJournal(made.sales, made.returns)
        parquet.write_table(journal.receipts(), directory / RECEIPTS)
        _rates.extend(followed_rates(journal, store))
        both = Compared.of_sales(store, made.sales_file, made.returns_file)
        yield both
        both.close()
        store.close()


def test_following(benchmark: BenchmarkFixture, compared: Compared) -> None:
    """Pieces of half a million command rows; those at the end are returns, which look for their sales."""
    note_following(benchmark, compared, "tpcds", _rates)


@pytest.mark.parametrize("asked", [*PLAIN_WITH_RETURNS, *PLAIN_STOCK], ids=" ".join)
def test_a_report(benchmark: BenchmarkFixture, compared: Compared, asked: tuple[str, str]) -> None:
    timed(benchmark, compared, "tpcds ", asked, _ratios, ROUNDS)
