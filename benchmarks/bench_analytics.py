"""Analytics over a year of real sales: how fast the journal is followed, each report beside plain SQL on Parquet."""

from collections.abc import Iterator

import pytest
from pyarrow import parquet
from pytest_benchmark.fixture import BenchmarkFixture

from analytics.retailer import SalesFiles
from analytics.store import FILE, Store
from benchmarks.beside import followed_rates, note_following, timed
from benchmarks.plain_reports import PLAIN, Compared
from benchmarks.plain_stock import RECEIPTS
from benchmarks.sales_journal import SalesJournal
from benchmarks.sales_year import lines_of
from benchmarks.sizes import scaled, scratch

LINES = scaled(1_450_000, 20_000)
ROUNDS = 5
_rates: list[float] = []
_ratios: list[float] = []


@pytest.fixture(scope="module")
def compared() -> Iterator[Compared]:
    """The whole year, in a file of DuckDB and in one of Parquet; what following it took is kept."""
    with scratch("year") as directory:
        year = SalesJournal(lines_of(SalesFiles.installed(), LINES, directory / "lines.parquet"))
        parquet.write_table(year.receipts(), directory / RECEIPTS)
        store = Store(directory / FILE, era=0, shards=1)
        _rates.extend(followed_rates(year, store))
        made = Compared.of_sales(store, directory / "lines.parquet")
        yield made
        made.close()
        store.close()


def test_following(benchmark: BenchmarkFixture, compared: Compared) -> None:
    """Pieces of half a million command rows, each one movement, the last of them smaller."""
    note_following(benchmark, compared, "analytics", _rates)


@pytest.mark.parametrize("asked", PLAIN, ids=" ".join)
def test_a_report(benchmark: BenchmarkFixture, compared: Compared, asked: tuple[str, str]) -> None:
    timed(benchmark, compared, "", asked, _ratios, ROUNDS)
