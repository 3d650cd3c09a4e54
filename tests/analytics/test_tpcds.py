"""Reports over the sales and returns of TPC-DS in its three channels equal what plain SQL over Parquet files says."""

from collections.abc import Iterator

import pytest
from pyarrow import parquet

from analytics.store import Store
from benchmarks.decided_journal import followed
from benchmarks.plain_reports import Compared
from benchmarks.plain_stock import PLAIN_STOCK, RECEIPTS
from benchmarks.plain_with_returns import PLAIN_WITH_RETURNS
from benchmarks.sales_journal import SalesJournal
from benchmarks.tpcds import GeneratorMissing, sales_of

LINES = 20_000
SMALLEST = 0.01
"""The generator makes no fewer lines of a smaller scale."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    """The first so many lines, both ways."""
    directory = tmp_path_factory.mktemp("tpcds")
    try:
        made = sales_of(SMALLEST, directory, LINES)
    except GeneratorMissing as missing:
        pytest.skip(str(missing))
    store = Store(None, era=0, shards=1)
    journal = SalesJournal(made.sales, made.returns)
    parquet.write_table(journal.receipts(), directory / RECEIPTS)
    followed(journal, store)
    both = Compared.of_sales(store, made.sales_file, made.returns_file)
    yield both
    both.close()
    store.close()


@pytest.mark.parametrize(("name", "asked"), [*PLAIN_WITH_RETURNS, *PLAIN_STOCK], ids=lambda part: part or "-")
def test_a_report_equals_the_plain_query_in_every_cell(compared: Compared, name: str, asked: str) -> None:
    assert compared.differences(name, asked) >= 1


def test_every_return_has_found_its_sale_in_another_channel_than_it_came_back_in(compared: Compared) -> None:
    found = "select count(*), count(sale_channel), count(*) filter (sale_channel <> channel) from returns"
    ((returns, with_sale, elsewhere),) = compared.store.cursor().execute(found).fetchall()
    assert returns == with_sale > elsewhere > returns / 2
