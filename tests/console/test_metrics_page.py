"""The page that says what figures mean: all that `GET /v1/reports` says of each, and those of alerts."""

from typing import Any

from nicegui import ui

from analytics.reports import REPORTS
from analytics.reports.metrics import metric_of
from api.console.pages.metrics import ASKED, OF_ALERTS, show
from api.console.words import Words
from api.routes.reports import _described
from tests.console.shown import Shown
from tests.console.test_figures import visit


def reports(*names: str) -> dict[str, dict[str, Any]]:
    return {name: _described(REPORTS[name]) for name in names or REPORTS}


def test_every_figure_of_every_report_says_all_five() -> None:
    words = Shown(lambda: show(visit(), reports())).texts
    for report in REPORTS.values():
        for column in report.columns:
            assert column.about in words
            metric = metric_of(report.name, column.name)
            assert metric is None or set(metric) <= set(words), (report.name, column.name)
    assert all(set(each["metric"]) == set(ASKED) for each in OF_ALERTS)
    assert {each["metric"]["formula"] for each in OF_ALERTS} <= set(words)


def test_what_is_said_of_a_figure_is_in_the_readers_language() -> None:
    polish = visit()
    polish.t = Words("pl")
    words = Shown(lambda: show(polish, reports("channel_sales"))).texts
    assert {"Wzór", "Okres", "Podatek", "Zwroty", "Brak danych", "Sztuk dziennie"} <= set(words)
    assert "lines without a price count 0 and stand in rows with `currency` null" not in words


def test_a_figure_is_found_by_a_word_of_its_formula_and_stands_open() -> None:
    shown = Shown(lambda: show(visit(), reports("channel_sales", "turnover")))
    (search,) = [each for each in shown.elements if isinstance(each, ui.input)]

    def left() -> set[str]:
        return {
            next(text.text for text in each.descendants() if hasattr(text, "text"))
            for each in shown.of("details")
            if each.visible and each.props.get("open")
        }

    assert left() == set(), "closed until somebody asks"
    search.set_value("GROSS net discount")
    assert left() == {"Net"}
    search.set_value("moving average")
    assert left() == {"Value", "Lost margin a day"}
    search.set_value("no such figure")
    assert left() == set()
    assert [each.visible for each in shown.of("section")] == [False] * 3
    search.set_value("")
    assert all(each.visible and not each.props.get("open") for each in shown.of("details"))
