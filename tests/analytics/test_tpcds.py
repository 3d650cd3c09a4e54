"""Reports over TPC-DS equal what plain SQL over Parquet files says: over sales and returns, and over orders of them."""

from collections.abc import Iterator

import pytest
from pyarrow import parquet

from analytics.reports import REPORTS
from analytics.store import Store
from benchmarks.decided_journal import followed
from benchmarks.orders_journal import OrdersJournal
from benchmarks.plain_orders import PLAIN_TPCDS_ORDERS
from benchmarks.plain_reports import Compared
from benchmarks.plain_stock import PLAIN_STOCK, RECEIPTS
from benchmarks.plain_with_returns import PLAIN_WITH_RETURNS
from benchmarks.sales_journal import SalesJournal
from benchmarks.tpcds import GeneratorMissing, Sales, orders_of_sales, sales_of

LINES = 20_000
SMALLEST = 0.01
"""The generator makes no fewer lines of a smaller scale."""
FEW = {"reservation_funnel": 3, "demand week": 80, "conversion channel": 3, "conversion group": 30,
       "suggestions sku=item-1": 50}  # fmt: skip
"""Rows there are at least where that is not hundreds: channels, weeks, groups, one product's."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sales:
    """The first so many lines."""
    try:
        return sales_of(SMALLEST, tmp_path_factory.mktemp("tpcds"), LINES)
    except GeneratorMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def compared(made: Sales) -> Iterator[Compared]:
    """Sales and returns, both ways."""
    store = Store(None, era=0, shards=1)
    journal = SalesJournal(made.sales, made.returns)
    parquet.write_table(journal.receipts(), made.sales_file.with_name(RECEIPTS))
    followed(journal, store)
    both = Compared.of_sales(store, made.sales_file, made.returns_file)
    yield both
    both.close()
    store.close()


@pytest.fixture(scope="module")
def ordered(made: Sales) -> Iterator[Compared]:
    """Orders of these sales, both ways."""
    orders, batch = orders_of_sales(made)
    store = Store(None, era=0, shards=1)
    followed(OrdersJournal(orders, batch), store)
    both = Compared.of_orders(store, orders, PLAIN_TPCDS_ORDERS)
    yield both
    both.close()
    store.close()


@pytest.mark.parametrize(("name", "asked"), [*PLAIN_WITH_RETURNS, *PLAIN_STOCK], ids=lambda part: part or "-")
def test_a_report_equals_the_plain_query_in_every_cell(compared: Compared, name: str, asked: str) -> None:
    assert compared.differences(name, asked) >= 1


@pytest.mark.parametrize(("name", "asked"), PLAIN_TPCDS_ORDERS, ids=lambda part: part or "-")
def test_a_report_on_orders_equals_the_plain_query_in_every_cell(ordered: Compared, name: str, asked: str) -> None:
    assert ordered.differences(name, asked) >= FEW.get(f"{name} {asked}".strip(), 100)


def test_some_of_everything_became_of_reservations(ordered: Compared) -> None:
    columns = ordered.report("reservation_funnel", "").to_pydict()
    for name in ("refused", "confirmed", "fulfilled", "cancelled", "released", "expired", "open"):
        assert sum(columns[name]) > 100, name


def test_what_was_sold_comes_back_when_tpcds_says_also_what_was_reserved_before(ordered: Compared, made: Sales) -> None:
    came_back = "select c.code, count(*) from returns join channels c using (channel) group by all"
    returns = dict(ordered.store.cursor().execute(came_back).fetchall())
    assert min(returns["store"], returns["catalog"]) > 100
    assert sum(returns.values()) < made.returns.num_rows


def test_every_report_is_compared_over_tpcds() -> None:
    assert {name for name, _ in (*PLAIN_WITH_RETURNS, *PLAIN_STOCK, *PLAIN_TPCDS_ORDERS)} == set(REPORTS)


def test_every_return_has_found_its_sale_in_another_channel_than_it_came_back_in(compared: Compared) -> None:
    found = "select count(*), count(sale_channel), count(*) filter (sale_channel <> channel) from returns"
    ((returns, with_sale, elsewhere),) = compared.store.cursor().execute(found).fetchall()
    assert returns == with_sale > elsewhere > returns / 2
