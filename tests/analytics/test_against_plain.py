"""Reports over real sales, followed from the journal, equal what plain SQL over a Parquet file of them says."""

from collections.abc import Iterator

import pytest
from pyarrow import parquet

from analytics.retailer import SalesFiles
from analytics.store import Store
from benchmarks.decided_journal import followed
from benchmarks.plain_reports import PLAIN, Compared
from benchmarks.plain_stock import RECEIPTS
from benchmarks.sales_journal import SalesJournal
from benchmarks.sales_year import lines_of

LINES = 12_000


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    """The first so many lines of the year, both ways."""
    path = tmp_path_factory.mktemp("year") / "lines.parquet"
    year = SalesJournal(lines_of(SalesFiles.installed(), LINES, path))
    parquet.write_table(year.receipts(), path.with_name(RECEIPTS))
    store = Store(None, era=0, shards=1)
    followed(year, store)
    made = Compared.of_sales(store, path)
    yield made
    made.close()
    store.close()


@pytest.mark.parametrize(("name", "by"), PLAIN, ids=lambda part: part or "-")
def test_a_report_equals_the_plain_query_in_every_cell(compared: Compared, name: str, by: str) -> None:
    rows = compared.differences(name, by)
    assert rows >= 3


def test_every_line_is_there(compared: Compared) -> None:
    assert compared.differences("channel_sales", "day") > 5
    ((lines, costed),) = compared.store.cursor().execute("select count(*), count(cost) from sales").fetchall()
    assert (lines, costed) == (LINES, LINES)
