"""Figures as people read them, and reports as tables and charts."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from analytics.reports import REPORTS
from api.console import charts
from api.console.accounts import Account, Role
from api.console.client import begun
from api.console.figures import Figures
from api.console.live import Live
from api.console.pages.overview import analytics_lag_s, main_currency
from api.console.report_view import CHARTS, cells, chart
from api.console.visit import Desk, Visit, address, business_day
from api.console.words import Words

EN, RU, PL = (Figures(language) for language in ("en", "ru", "pl"))
THIN = "\N{NARROW NO-BREAK SPACE}"


def test_quantities_keep_their_decimals_and_get_their_thousands() -> None:
    assert [EN.number(value) for value in (0, 1234567, -5, 1.5, 0.125, None)] == [
        "0", "1,234,567", "\N{MINUS SIGN}5", "1.5", "0.125", "–",
    ]  # fmt: skip
    assert RU.number(1234.5) == f"1{THIN}234,5"


@pytest.mark.parametrize(
    ("figures", "minor", "currency", "text"),
    [
        (EN, 123456, "EUR", "€1,234.56"),
        (EN, -5, "USD", "\N{MINUS SIGN}$0.05"),
        (EN, 500, "JPY", "¥500"),
        (EN, 500, "PLN", "5.00\N{NO-BREAK SPACE}zł"),
        (PL, 123456, "PLN", f"1{THIN}234,56\N{NO-BREAK SPACE}zł"),
        (RU, 100, "CHF", "1,00\N{NO-BREAK SPACE}CHF"),
        (EN, 100, None, "–"),
    ],
)
def test_money_is_written_in_its_currency(figures: Figures, minor: int, currency: str | None, text: str) -> None:
    assert figures.money(minor, currency) == text


def test_a_comparison_says_how_much_and_which_way() -> None:
    assert EN.change(150, 100) == (f"+50{THIN}%", 1)
    assert EN.change(99, 100) == (f"\N{MINUS SIGN}1.0{THIN}%", -1)
    assert EN.change(5, 0) == ("+∞", 1)
    assert EN.change(5_000, 2) == ("×2,500", 1)
    assert EN.change(0, 0) == ("–", 0)


def test_days_are_written_in_words() -> None:
    assert EN.day(date(2026, 11, 22), weekday=True) == "Sun 22 Nov 2026"
    assert RU.day("2026-11-22") == "22 ноя 2026"
    assert [EN.period(each) for each in ("2026-11-22", "2026-11-22T13:00", "2026-W07", "Tea / Green")] == [
        "22 Nov", "13:00", "week 7", "Tea / Green",
    ]  # fmt: skip
    assert [PL.whole_period(each) for each in ("2026-11-22", "2026-11-22T13:00", "2026-W07", "Tea / Green")] == [
        "22 lis 2026", "22 lis 2026 13:00", "tydzień 7, 2026", "Tea / Green",
    ]  # fmt: skip


def test_a_business_day_begins_by_the_clock_of_its_place() -> None:
    riga = {"time_zone": "Europe/Riga"}
    assert business_day(riga, datetime(2026, 11, 22, 1, 59, tzinfo=UTC)) == date(2026, 11, 21)
    assert business_day(riga, datetime(2026, 11, 22, 2, 0, tzinfo=UTC)) == date(2026, 11, 22)
    assert business_day({"day_start": "00:00"}, datetime(2026, 11, 22, 0, 0, tzinfo=UTC)) == date(2026, 11, 22)
    assert business_day(None, datetime(2026, 11, 22, 3, 0, tzinfo=UTC)) == date(2026, 11, 21)


def test_the_currency_of_most_of_it_is_shown() -> None:
    rows: list[dict[str, Any]] = [
        {"net": 5, "currency": "EUR"},
        {"net": 9, "currency": "PLN"},
        {"net": 0, "currency": None},
    ]
    assert main_currency(rows) == "PLN"
    assert main_currency([]) is None


def test_the_largest_lag_is_the_lag() -> None:
    text = 'omnistock_analytics_lag_seconds{shard="0"} 0.5\nomnistock_analytics_lag_seconds{shard="1"} 2.25\nother 9\n'
    assert analytics_lag_s(text) == 2.25
    assert analytics_lag_s("other 9\n") is None


def test_the_beginning_of_a_report_has_all_rows_that_are_whole() -> None:
    whole: dict[str, Any] = {"columns": ["sku", "n"], "rows": [["a],[b", 1], ['"],["', 2], ["c", 3]]}
    data = orjson.dumps(whole)
    for end in range(len(data)):
        found = begun(data[:end])
        assert found["rows"] == whole["rows"][: len(found["rows"])], data[:end]
    assert len(begun(data[:-2])["rows"]) == 2


def test_channels_keep_their_colour_and_do_not_share_one() -> None:
    few, more = charts.colours(["web", "till"]), charts.colours(["till", "collect", "web", "marketplace"])
    assert len(set(more.values())) == 4
    assert set(few) <= set(more)
    assert charts.colours(["web", "till"]) == charts.colours(["till", "web"])


def test_an_address_leaves_out_what_is_empty() -> None:
    assert address("/feed", {"sku": "a b", "kind": "", "after": None, "n": 0}) == "/feed?sku=a+b&n=0"


def visit() -> Visit:
    account = Account(name="anna", role=Role.VIEWER, password_hash="", key="os_1_2", created_at="")
    desk = Desk(None, None, None, None, None)  # type: ignore[arg-type]
    return Visit(desk=desk, account=account, t=Words("en"), look="auto", path="/", query={}, token=None)


SAMPLES = {
    "text": "a",
    "units": 2,
    "money": 150,
    "count": 3,
    "share": 0.25,
    "day": "2026-11-22",
    "moment": "2026-11-22T10:00:00Z",
}
OWN = {"currency": "EUR", "weekday": 1, "hour": 13, "abc": "A", "xyz": "X", "period": "2026-11-22"}


@pytest.mark.parametrize("name", list(REPORTS))
def test_every_report_can_be_read_and_drawn_whatever_is_missing(name: str) -> None:
    columns: list[dict[str, Any]] = [{"name": each.name, "holds": str(each.sort)} for each in REPORTS[name].columns]
    row = {each["name"]: OWN.get(each["name"], SAMPLES[each["holds"]]) for each in columns}
    (shown,) = cells(visit(), columns, [row])
    assert all(shown[f"{each['name']}_text"] not in ("", "–") for each in columns)
    assert chart(visit(), name, columns, [row]) is not None, "every report has a chart"
    assert chart(visit(), name, columns, []) is None
    empty = {each["name"]: None for each in columns}
    assert {value for key, value in cells(visit(), columns, [empty])[0].items() if key.endswith("_text")} == {"–"}


def test_who_closed_a_day_in_the_console_is_shown_by_name() -> None:
    columns = [{"name": "closed_by", "holds": "text"}]
    rows = cells(visit(), columns, [{"closed_by": "console:anna"}, {"closed_by": "Anna Ozola"}])
    assert [row["closed_by_text"] for row in rows] == ["anna", "Anna Ozola"]


def test_charts_are_of_reports_that_exist() -> None:
    assert set(CHARTS) <= set(REPORTS)


def event(kind: str, channel: str | None, quantity: float, cursor: str = "c") -> dict[str, Any]:
    return {"kind": kind, "channel": channel, "quantity": quantity, "cursor": cursor, "sku": "a", "warehouse": "w"}


def test_live_sales_are_counted_by_channel_and_only_sales(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(None)  # type: ignore[arg-type]
    monkeypatch.setattr("api.console.live.time.time", lambda: 1_000.0)
    for each in (
        event("sell", "till", -2),
        event("fulfil", "web", -1),
        event("reserve", "web", 1),
        event("sell", "till", -1),
    ):
        live._take(each)
    begins, channels = live.sold(1_000.0)
    assert begins[-1] == 1_000
    assert {channel: units[-1] for channel, units in channels.items()} == {"till": 3, "web": 1}
    assert live.kinds(1_000.0) == {"sell": 2, "fulfil": 1, "reserve": 1}
    assert live.kinds(1_100.0) == {}
    assert live.version == 4
