"""Reports on what was asked for, held, on its way and looked at equal plain SQL over the events of orders."""

from collections.abc import Iterator

import pytest

from analytics.reports import REPORTS
from analytics.retailer import SalesFiles
from analytics.store import Store
from benchmarks.decided_journal import followed
from benchmarks.orders import MUCH, orders_of
from benchmarks.orders_journal import OrdersJournal
from benchmarks.plain_orders import PLAIN_ORDERS
from benchmarks.plain_reports import PLAIN, Compared
from benchmarks.sales_year import lines_of

LINES = 12_000
BATCH = 4_096
FEW = {"reservation_funnel": 3, "demand day": 9, "demand week": 3, "conversion channel": 3, "conversion day": 9,
       "conversion group": 20, "books": 150, "book_corrections": 100}  # fmt: skip
"""Rows there are at least where that is not hundreds: channels, days, groups."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    """Orders made of the first so many lines of the year, both ways."""
    lines = tmp_path_factory.mktemp("orders") / "lines.parquet"
    lines_of(SalesFiles.installed(), LINES, lines)
    orders = orders_of(lines, BATCH)
    store = Store(None, era=0, shards=1)
    followed(OrdersJournal(orders, BATCH), store)
    made = Compared.of_orders(store, orders)
    yield made
    made.close()
    store.close()


@pytest.mark.parametrize(("name", "asked"), PLAIN_ORDERS, ids=lambda part: part or "-")
def test_a_report_equals_the_plain_query_in_every_cell(compared: Compared, name: str, asked: str) -> None:
    assert compared.differences(name, asked) >= FEW.get(f"{name} {asked}".strip(), 300)


def test_some_of_everything_became_of_reservations(compared: Compared) -> None:
    columns = compared.report("reservation_funnel", "").to_pydict()
    for name in ("refused", "confirmed", "fulfilled", "cancelled", "released", "expired", "open"):
        assert sum(columns[name]) > 100, name


def test_some_of_what_names_no_place_is_refused_by_the_place_that_is_out(compared: Compared) -> None:
    refused = compared.report("stock_outs", "")["refused"].to_pylist()
    assert sum(units > MUCH for units in refused) > 10


def test_every_report_has_its_plain_query() -> None:
    assert {name for name, _ in (*PLAIN, *PLAIN_ORDERS)} == set(REPORTS)
