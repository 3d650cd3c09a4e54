"""Charts in the reader's language, and names where codes come in."""

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.console import charts
from api.console.chart_words import spoken
from api.console.client import ApiProblem
from api.console.figures import Figures
from api.console.report_view import cells, chart
from api.console.visit import Desk, Visit
from tests.console.test_figures import visit

WARSAW = ZoneInfo("Europe/Warsaw")


def named() -> Visit:
    made = visit()
    made.desk.called = {"place": {"s-1": "Riga, Old Town"}, "channel": {"web": "Web shop"}}
    return made


@pytest.mark.parametrize(("language", "locale"), [("en", "en-GB"), ("ru", "ru-RU"), ("pl", "pl-PL")])
def test_a_chart_writes_figures_as_its_reader_does(language: str, locale: str) -> None:
    options = spoken(charts.columns(["Mon"], {"web": [1234.5]}, unit="EUR"), Figures(language))
    assert locale in options["yAxis"]["axisLabel"][":formatter"]
    said = options["tooltip"][":valueFormatter"]
    assert "minimumFractionDigits:2" in said, "money has its cents"
    assert "EUR" in said
    assert "unit" not in options["tooltip"]
    assert options["aria"]["label"]["description"] == "web"


def test_a_line_over_time_goes_by_the_clock_of_the_place() -> None:
    points = [("2026-11-22T10:00:00Z", 1.0), ("2026-11-25T10:00:00Z", 2.0)]
    options = spoken(charts.lines({"On hand": points}, unit="units"), Figures("pl", WARSAW))
    assert '"timeZone": "Europe/Warsaw"' in options["xAxis"]["axisLabel"][":formatter"]
    assert '"month": "short"' in options["xAxis"]["axisLabel"][":formatter"], "three days are told apart by their date"
    short = spoken(charts.lines({"On hand": points[:1]}), Figures("en"))
    assert '"second": "2-digit"' in short["xAxis"]["axisLabel"][":formatter"]
    assert spoken(charts.lines({}), Figures("en"))["series"] == []


def test_every_bar_and_every_step_says_its_figure() -> None:
    for options in (charts.bars(["Tea"], [3.0], unit="hours"), charts.funnel([("Reserved", 3.0)])):
        assert "format(value)" in spoken(options, Figures("en"))["series"][0]["label"][":formatter"]
    ring = spoken(charts.ring([("web", 3.0)], unit="EUR"), Figures("ru"))
    assert "percent" in ring["tooltip"][":formatter"]


def test_one_wild_hour_does_not_make_the_others_look_the_same() -> None:
    cells_ = [(hour, 0, 10.0 + hour) for hour in range(100)] + [(23, 6, 1e6)]
    assert charts.heat(["Mon"], ["0"], cells_)["visualMap"]["max"] < 200
    assert charts.heat([], [], [])["visualMap"]["max"] == 1


def test_a_report_says_what_places_and_channels_are_called() -> None:
    columns = [{"name": "channel", "holds": "text"}, {"name": "warehouse", "holds": "text"}]
    (shown,) = cells(named(), columns, [{"channel": "web", "warehouse": "s-2"}])
    assert (shown["channel_text"], shown["warehouse_text"]) == ("Web shop", "s-2")
    row = {"channel": "web", "period": "2026-11-22T13:00", "net": 150, "currency": "EUR"}
    options = chart(named(), "channel_sales", [], [row, row | {"period": "2026-11-23T13:00"}])
    assert options is not None
    assert options["series"][0]["name"] == "Web shop"
    assert options["xAxis"]["data"] == ["22 Nov 13:00", "23 Nov 13:00"]


def test_a_channel_has_one_colour_on_every_page() -> None:
    made = visit()
    made.desk.called["channel"] = {code: code for code in ("collect", "marketplace", "till", "web")}
    assert made.channel_colours(["till", "till", "web"]) == made.channel_colours(["collect"])
    assert len(set(made.channel_colours([]).values())) == 4


def test_moments_are_asked_for_and_shown_by_one_clock() -> None:
    made = visit()
    made.use_zone("Europe/Warsaw")
    assert made.to_utc("2026-11-22T13:00") == "2026-11-22T12:00:00Z"
    assert made.to_clock("2026-11-22T12:00:00Z") == "2026-11-22T13:00"
    assert (made.to_utc(""), made.to_clock(None), made.to_clock("nonsense")) == (None, "", "")


class Products:
    """An API that knows one product, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def shared(self, path: str, params: Any = None, *, for_s: float = 5.0) -> Any:
        self.asked.append(path)
        if path.endswith("cup%2F1"):
            return {"name": "Cup one"}
        raise ApiProblem(404, "unknown_sku", "")


def test_a_name_is_asked_for_once_also_when_there_is_none() -> None:
    api = Products()
    desk = Desk(api, None, None, None, None)  # type: ignore[arg-type]
    for _ in range(2):
        assert asyncio.run(desk.names(["cup/1", "gone", "cup/1"])) == {"cup/1": "Cup one", "gone": "gone"}
    assert len(api.asked) == 2
    assert (desk.known("cup/1"), desk.known("gone")) == ("Cup one", "")
    assert desk.unknown(["cup/1", "gone", "new", None, "new"]) == ["new"]
