"""docs/analytics.md shows every table and report with its columns, as they are."""

from pathlib import Path

from analytics.reports import REPORTS
from analytics.schema import TABLES

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
