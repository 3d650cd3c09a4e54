"""Every figure says what it is, in the reports and on the page, from one source."""

from pathlib import Path

from analytics.reports import REPORTS
from analytics.reports.metrics import FIGURES, METRICS, metric_of, page

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "metrics.md"


def test_every_figure_of_every_report_is_defined() -> None:
    undefined = [
        f"{report.name}.{column.name}"
        for report in REPORTS.values()
        for column in report.columns
        if column.sort in FIGURES and metric_of(report.name, column.name) is None
    ]
    assert undefined == []


def test_nothing_is_defined_that_no_report_shows() -> None:
    shown = [metric_of(report.name, column.name) for report in REPORTS.values() for column in report.columns]
    assert [name for name, metric in METRICS.items() if not any(metric is each for each in shown)] == []


def test_a_definition_leaves_nothing_open() -> None:
    assert [name for name, metric in METRICS.items() if not all(metric)] == []


def test_the_page_is_these_definitions() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(REPORTS)
