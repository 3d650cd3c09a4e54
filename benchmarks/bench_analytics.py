"""Analytics over a year of real sales: how fast the journal is followed, and each report beside plain SQL on Parquet.

Both ask the same DuckDB in this process, with one thread each; every answer is compared, cell by cell, before anything
is timed. Times are of the processor: whoever else runs must not be in the figure.
"""

import time
from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from analytics.following import Following
from analytics.retailer import SalesFiles
from analytics.store import FILE, Store
from benchmarks.figures import note
from benchmarks.plain_reports import PLAIN, Compared
from benchmarks.sales_journal import BATCHES, SalesJournal
from benchmarks.sales_year import lines_of
from benchmarks.sizes import scaled, scratch

LINES = scaled(1_450_000, 20_000)
ROUNDS = 5
_followed_rates: list[float] = []
_ratios: dict[tuple[str, str], float] = {}


@pytest.fixture(scope="module")
def compared() -> Iterator[Compared]:
    """The whole year, in a file of DuckDB and in one of Parquet; what following it took is kept."""
    with scratch("year") as directory:
        year = SalesJournal(lines_of(SalesFiles.installed(), LINES, directory / "lines.parquet"))
        store = Store(directory / FILE, era=0, shards=1)
        following = Following(store, [year])
        while following.advance():
            pass
        for rows in year.records():
            before = time.process_time()
            while following.advance():
                pass
            _followed_rates.append(rows / (time.process_time() - before))
        store.enter_details(year.details())
        made = Compared(store, directory / "lines.parquet")
        yield made
        made.close()
        store.close()


def test_following(benchmark: BenchmarkFixture, compared: Compared) -> None:
    """Pieces of half a million command rows, each one movement, the last of them smaller."""
    pedantic = benchmark.pedantic
    pedantic(lambda: compared.store.positions(), rounds=1)  # type: ignore[no-untyped-call]
    note(benchmark, "analytics follow", _followed_rates[:-1] or _followed_rates, "rows/s")
    assert BATCHES > 1


@pytest.mark.parametrize(("name", "by"), PLAIN, ids=lambda part: part or "-")
def test_a_report(benchmark: BenchmarkFixture, compared: Compared, name: str, by: str) -> None:
    compared.differences(name, by)
    key = f"{name} {by}".strip()
    ours: list[float] = []
    plain: list[float] = []

    def both() -> None:
        ours.append(_seconds(lambda: compared.report(name, by)))
        plain.append(_seconds(lambda: compared.plain(name, by)))

    pedantic = benchmark.pedantic
    pedantic(both, rounds=ROUNDS, warmup_rounds=1, iterations=1)  # type: ignore[no-untyped-call]
    own = note(benchmark, f"report {key}", [1e3 * seconds for seconds in ours[1:]], "ms")
    other = note(benchmark, f"plain {key}", [1e3 * seconds for seconds in plain[1:]], "ms")
    _ratios[name, by] = own / other
    note(benchmark, "report slowest ratio", [max(_ratios.values())], "x")


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
