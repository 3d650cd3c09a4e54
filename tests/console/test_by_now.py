"""Today beside last week: hours that are over, on both sides, in the order of the place's own business day."""

from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest
from nicegui import ui

from api.console.by_now import SoFar, hour_that_goes_on, so_far, units_by_hour
from api.console.pages.today import _show_figures, _show_hours
from tests.console.shown import Shown
from tests.console.test_client import of, ok, run
from tests.console.test_figures import THIN, visit

SUNDAY, A_WEEK_BEFORE = date(2026, 11, 22), date(2026, 11, 15)
RIGA = {"code": "riga-1", "time_zone": "Europe/Riga"}
LONDON = {"code": "london", "time_zone": "Europe/London"}
FIVE_PAST_TEN = datetime(2026, 11, 22, 8, 5, tzinfo=UTC)
"""in Riga"""


def sold(period: str, units: int, orders: int = 1, currency: str | None = "EUR") -> dict[str, Any]:
    row = {"channel": "till", "period": period, "units": units, "orders": orders, "currency": currency}
    return row | {"net": 100 * units if currency else 0}


DAY = [sold("2026-11-22", 23, orders=6)]
HOURS = [
    sold("2026-11-22T08:00", 10, orders=3),
    sold("2026-11-22T09:00", 11, orders=4),
    sold("2026-11-22T10:00", 2),
]
HOURS_BEFORE = [
    sold("2026-11-15T08:00", 10, orders=3),
    sold("2026-11-15T09:00", 10, orders=2),
    sold("2026-11-15T10:00", 40, orders=20),
    sold("2026-11-16T01:00", 5),
]


class Told:
    """An engine that has sold these, as the report tells of a day and of its hours."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        asked = dict(request.url.params)
        self.asked.append(asked)
        rows = DAY if "by" not in asked else HOURS if asked["from"] == f"{SUNDAY}" else HOURS_BEFORE
        return ok({"columns": list(rows[0]), "rows": [list(row.values()) for row in rows]})


def told(*places: dict[str, Any], warehouse: str | None = None, now: datetime = FIVE_PAST_TEN) -> SoFar:
    known = {place["code"]: place for place in places}
    found: SoFar = run(Told(), lambda api: so_far(of(api), SUNDAY, known, warehouse, now))
    return found


def test_at_five_past_ten_the_hours_before_ten_are_compared_and_the_figure_is_the_days() -> None:
    found = told(RIGA, warehouse="riga-1")
    # 21 units until ten against 20; with the hour that goes on it would be 23 against 60, and red.
    assert found.compared(visit(), "units") == (23, f"+5.0{THIN}% against last Sun by 10:00", 1)
    assert found.compared(visit(), "net", "EUR") == (2_300, f"+5.0{THIN}% against last Sun by 10:00", 1)
    # Six orders by the day's own figure, though its hours have 3 + 4 + 1: one went on over two hours.
    assert found.compared(visit(), "orders") == (6, f"+40{THIN}% against last Sun by 10:00", 1)


def test_amounts_of_another_currency_are_not_added() -> None:
    found = told(RIGA, warehouse="riga-1")
    found.rows.append(sold("2026-11-22", 1, currency="PLN"))
    found.hours.append(sold("2026-11-22T08:00", 1, currency="PLN"))
    assert found.compared(visit(), "net", "EUR")[0] == 2_300
    assert found.compared(visit(), "net", "PLN") == (100, "nothing a week ago by 10:00", 0)


def test_an_hour_is_over_when_it_is_over_in_every_place() -> None:
    assert f"{hour_that_goes_on([RIGA, LONDON], FIVE_PAST_TEN):%H:%M}" == "08:00"
    found = told(RIGA, LONDON)
    assert found.compared(visit(), "units") == (23, "nothing a week ago by 08:00", 0)
    assert told(RIGA, LONDON, warehouse="riga-1").until == datetime(2026, 11, 22, 10)
    assert hour_that_goes_on([], FIVE_PAST_TEN) == datetime(2026, 11, 22, 8), "nowhere: by UTC"


@pytest.mark.parametrize(
    ("day_start", "utc", "words"),
    [
        (None, "2026-11-22T02:59", "no hour of the day is over yet"),
        (None, "2026-11-22T03:00", "nothing a week ago by 05:00"),
        ("00:00", "2026-11-21T22:59", "no hour of the day is over yet"),
        ("00:00", "2026-11-21T23:00", "nothing a week ago by 01:00"),
        ("09:00", "2026-11-22T07:59", "no hour of the day is over yet"),
    ],
)
def test_before_the_first_hour_of_the_places_own_day_is_over_nothing_is_compared(
    day_start: str | None, utc: str, words: str
) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    found = told({**RIGA, "day_start": day_start}, now=now)
    assert found.compared(visit(), "units")[1:] == (words, 0)


def test_after_midnight_the_day_goes_on() -> None:
    found = told(RIGA, now=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    assert found.until == datetime(2026, 11, 23, 1)
    assert found.compared(visit(), "units")[1].endswith("against last Sun by 01:00")
    assert sum(row["units"] for row in found.finished()[1]) == 60, "all but what came at one o'clock, which goes on"


def test_hours_are_those_of_the_business_day() -> None:
    rows = [sold(period, 1) for period in ("2026-11-23T03:00", "2026-11-22T04:00", "2026-11-23T00:00")]
    assert units_by_hour([*rows, rows[1]], SUNDAY) == {4: 2, 24: 1, 27: 1}
    # Of a day that begins at 04:30 the hour at four comes twice, at its beginning and at its end.
    assert units_by_hour([sold("2026-11-22T04:00", 1), sold("2026-11-23T04:00", 2)], SUNDAY) == {4: 1, 28: 2}


def test_the_chart_begins_with_the_places_day_whenever_that_begins() -> None:
    found = told(RIGA, warehouse="riga-1")
    found.hours[:] = [sold("2026-11-22T00:00", 1), sold("2026-11-22T03:00", 2)]
    found.hours_before[:] = [sold("2026-11-15T01:00", 3), sold("2026-11-15T05:00", 4)]
    (chart,) = [e for e in Shown(lambda: _show_hours(visit(), found)).elements if isinstance(e, ui.echart)]
    assert chart.options["xAxis"]["data"] == ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00"]
    assert [series["data"] for series in chart.options["series"]] == [[1, 0, 0, 2, 0, 0], [0, 3, 0, 0, 0, 4]]


def test_my_warehouse_says_by_which_hour() -> None:
    words = Shown(lambda: _show_figures(visit(), told(RIGA, warehouse="riga-1"))).texts
    assert words[:3] == ["Sales", "€23.00", f"+5.0{THIN}% against last Sun by 10:00"]
    assert words[-3:] == ["Average basket", "€3.83", "today so far"]
