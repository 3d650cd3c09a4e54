"""docs/analytics.md shows every table and report with its columns, as they are."""

from pathlib import Path

from analytics.reports import REPORTS
from analytics.schema import TABLES
from benchmarks.plain_orders import PLAIN_ORDERS, PLAIN_TPCDS_ORDERS
from benchmarks.plain_reports import PLAIN
from benchmarks.plain_stock import PLAIN_STOCK
from benchmarks.plain_with_returns import PLAIN_WITH_RETURNS

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "analytics.md"


def test_every_column_of_every_table_is_written_down() -> None:
    text = DOCS.read_text()
    for name, columns in TABLES.items():
        rows = "".join(f"| {column.name} | {column.type} | {column.about} |\n" for column in columns)
        assert f"\n### {name}\n\n| column | type | |\n|---|---|---|\n{rows}" in text, name


def test_every_report_is_written_down_with_what_it_takes() -> None:
    text = DOCS.read_text()
    for name, report in REPORTS.items():
        choices = (f"{each.name} ({', '.join(each.pieces)})" for each in report.choices)
        takes = ", ".join([*(each.name for each in report.parameters), *choices])
        rows = "".join(f"| {column.name} | {column.about} |\n" for column in report.columns)
        about = f"\n### {name}\n\n{report.about}\n\nTakes {takes}.\n\n| column | |\n|---|---|\n{rows}"
        assert about in text, name


def test_what_each_report_is_compared_over_is_written_down() -> None:
    text = DOCS.read_text()
    over = (PLAIN, PLAIN_ORDERS, {**PLAIN_WITH_RETURNS, **PLAIN_STOCK}, PLAIN_TPCDS_ORDERS)
    rows = "".join(
        f"| {name} | {' | '.join(', '.join(asked or 'all' for of, asked in plain if of == name) for plain in over)} |\n"
        for name in REPORTS
    )
    heads = "a year's sales | orders of that year | TPC-DS, sales and returns | orders of TPC-DS"
    assert f"\n| report | {heads} |\n|---|---|---|---|---|\n{rows}\n" in text
