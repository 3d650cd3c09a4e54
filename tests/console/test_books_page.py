"""Closing the day in the console: which days are in the books, who may close one, and what came later to a document."""

from datetime import date
from typing import Any

import httpx2
import orjson
import pytest

from api.console.accounts import Account, Role
from api.console.books import Day, State, days_of
from api.console.client import Api
from api.console.pages.books import _list, _show, close_day, day_of
from api.console.pages.closing import _found
from api.console.pages.closing import _show as show_document
from api.console.visit import Visit
from tests.console.shown import Shown
from tests.console.test_client import of, ok, problem, run

TODAY = date(2026, 11, 23)
SUMS = {"orders": 2, "units": 3, "gross": 3570, "discount": 0, "returns": 0, "net": 3570, "tax": 570}


def row(day: str, channel: str, currency: str | None = "EUR", **more: Any) -> dict[str, Any]:
    return {"day": day, "warehouse": "hub", "channel": channel, "currency": currency, **SUMS, **more}


def document(day: str, channel: str, *figures: dict[str, Any], **more: Any) -> dict[str, Any]:
    signed = {"closed_at": "2026-11-22T06:00:00Z", "closed_by": "console:anna", "author": None}
    return {"day": day, "warehouse": "hub", "channel": channel, **signed, "figures": figures, "taxes": [], **more}


WRITTEN = {"currency": "EUR", "returned": 0, **SUMS}
ROWS = [
    row("2026-11-23", "web"),
    row("2026-11-22", "web"),
    row("2026-11-21", "till"),
    row("2026-11-21", "web"),
    row("2026-11-20", "web", net=4760, tax=760),
    row("2026-11-20", "web", "PLN", net=500, tax=0),
    row("2026-11-20", "web", None, net=0, tax=0),
]
DOCUMENTS = [
    document("2026-11-21", "web", WRITTEN),
    document("2026-11-20", "web", WRITTEN),
    document("2026-11-18", "web"),
]


class Books:
    """An engine with some days, of which some are closed; it closes what it is asked to, unless it says why not."""

    def __init__(self, refusal: httpx2.Response | None = None) -> None:
        self.refusal = refusal
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.written: list[tuple[str, Any]] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path, params = request.url.path, dict(request.url.params)
        if request.method == "POST":
            self.written.append((request.headers["authorization"], orjson.loads(request.content)))
            return self.refusal or ok({"items": [DOCUMENTS[0]]})
        self.asked.append((path, params))
        if path == "/v1/reports/books":
            return ok({"columns": list(ROWS[0]), "rows": [list(each.values()) for each in ROWS]})
        if path == "/v1/closings":
            # Two pages, so that whoever forgets the second is found out.
            first = "cursor" not in params
            return ok({"items": DOCUMENTS[:1] if first else DOCUMENTS[1:], "next_cursor": "c" if first else None})
        return problem(404, "not_found")


def reader(api: Api, role: Role = Role.PLANNER) -> Visit:
    visit = of(api)
    visit.account = Account(name="anna", role=role, password_hash="", key="os_a_key", created_at="2026-01-01")
    return visit


def all_days(engine: Books) -> list[Day]:
    found: list[Day] = run(engine, lambda api: days_of(of(api), "hub", date(2026, 11, 18), TODAY, TODAY))
    return found


def test_every_day_says_how_far_its_books_are() -> None:
    engine = Books()
    days = all_days(engine)
    assert [(day.day.day, day.state, day.changed) for day in days] == [
        (23, State.GOES_ON, False),
        (22, State.OPEN, False),
        (21, State.PARTLY, False),
        (20, State.CLOSED, True),
        (19, State.NOTHING, False),
        (18, State.CLOSED, False),
    ]
    given = {"warehouse": "hub", "from": "2026-11-18", "to": "2026-11-23"}
    assert ("/v1/reports/books", given) in engine.asked
    assert [day.to_close for day in days] == [False, True, True, False, False, False]


def test_the_list_has_each_day_with_its_money_and_leads_to_it() -> None:
    async def listed(api: Api) -> Shown:
        visit = of(api)
        days = await days_of(visit, "hub", date(2026, 11, 18), TODAY, TODAY)
        return Shown(lambda: _list(visit, "hub", days))

    page: Shown = run(Books(), listed)
    assert "/books/2026-11-21/hub" in page.ways.values()
    assert "€47.60 · 5.00\N{NO-BREAK SPACE}zł" in page.texts, "amounts of different currencies are never added"
    assert "€71.40 · channels closed: 1 of 2" in page.texts
    assert page.texts.count("changed since") == 1


def test_a_day_that_nobody_closed_has_no_columns_of_what_was_written() -> None:
    (row,) = shown_day(date(2026, 11, 22), Role.PLANNER).rows
    assert row["net_text"] == "€35.70"
    assert "closed_net_text" not in row


def shown_day(day: date, role: Role) -> Shown:
    async def work(api: Api) -> Shown:
        visit = reader(api, role)
        days = await days_of(visit, "hub", date(2026, 11, 18), TODAY, TODAY)
        (found,) = [each for each in days if each.day == day]
        return Shown(lambda: _show(visit, "hub", found, lambda: None))

    made: Shown = run(Books(), work)
    return made


def test_a_day_has_what_is_known_now_beside_what_was_written_down() -> None:
    page = shown_day(date(2026, 11, 20), Role.VIEWER)
    seen = [
        tuple(row.get(f"{name}_text") for name in ("channel", "units", "net", "closed_net", "difference", "closed_by"))
        for row in page.rows
    ]
    assert seen == [
        ("web", "3", "–", "–", "–", "anna"),
        ("web", "3", "€47.60", "€35.70", "€11.90", "anna"),
        ("web", "3", "5.00\N{NO-BREAK SPACE}zł", "0.00\N{NO-BREAK SPACE}zł", "5.00\N{NO-BREAK SPACE}zł", "anna"),
    ]
    assert page.rows[1]["channel_href"] == "/books/2026-11-20/hub/web"
    assert page.rows[1]["difference_class"] == "os-warn"
    (open_, closed) = shown_day(date(2026, 11, 21), Role.VIEWER).rows
    assert (open_["closed_net_text"], open_["difference_text"], open_["closed_by_text"]) == ("–", "–", "–")
    assert "channel_href" not in open_
    assert (closed["difference_text"], closed.get("difference_class")) == ("€0.00", None)


@pytest.mark.parametrize(
    ("day", "role", "button"),
    [
        (22, Role.PLANNER, True),
        (21, Role.ADMIN, True),
        (22, Role.VIEWER, False),
        (20, Role.PLANNER, False),
        (19, Role.PLANNER, False),
        (23, Role.PLANNER, False),
    ],
)
def test_only_a_day_that_is_over_is_closed_and_only_by_who_may(day: int, role: Role, button: bool) -> None:
    page = shown_day(date(2026, 11, day), role)
    # The button of the page, and the one that confirms it.
    assert page.texts.count("Close the day") == (2 if button else 0)
    assert ("a planner or an administrator closes it" in page.texts) == (day == 22 and role is Role.VIEWER)
    if button:
        assert f"Close {day} Nov 2026 in hub?" in page.texts


def test_a_day_is_closed_by_the_users_own_key() -> None:
    engine = Books()
    said = run(engine, lambda api: close_day(reader(api), "hub", date(2026, 11, 21)))
    assert said == ("21 Nov 2026 is closed", "positive")
    assert engine.written == [("Bearer os_a_key", {"day": "2026-11-21", "warehouse": "hub"})]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (problem(409, "conflict"), ("This day is not over yet", "negative")),
        (problem(403, "forbidden"), ("You may not do this", "negative")),
        (ok({"items": []}), ("There is nothing to close", "warning")),
    ],
)
def test_a_day_that_is_not_closed_is_said_not_to_be(answer: httpx2.Response, said: tuple[str, str]) -> None:
    assert run(Books(answer), lambda api: close_day(reader(api), "hub", TODAY)) == said


def test_an_address_that_has_no_day_has_none() -> None:
    assert (day_of("2026-11-21"), day_of("yesterday"), day_of(None)) == (date(2026, 11, 21), None, None)


def document_page(found: dict[str, Any] | None) -> Shown:
    async def engine(_: httpx2.Request) -> httpx2.Response:
        return problem(404, "not_found") if found is None else ok(found)

    async def work(api: Api) -> Shown:
        visit = of(api)
        answered = await _found(visit, "2026-11-21/hub/web")
        return Shown(lambda: show_document(visit, answered))

    made: Shown = run(engine, work)
    return made


def test_a_document_is_shown_with_the_reckoning_to_what_is_known_now() -> None:
    def sums(units: int, net: int, **more: Any) -> dict[str, Any]:
        each = {"currency": "EUR", "units": units, "returned": 0, "gross": net, "discount": 0, "returns": 0}
        return {**each, "net": net, "tax": 0, **more}

    tax = {"currency": "EUR", "rate": 0.19, "sales": 3570, "returns": 0, "net": 3570, "tax": 570}
    found = document("2026-11-21", "web", sums(3, 3570, orders=2), taxes=[tax], now=[sums(4, 4760)])
    found |= {"corrections": [sums(2, 2380, booked="2026-11-22")], "moved": [sums(-1, -1190)]}
    page = document_page(found)
    assert "closed by anna, 22 Nov 2026 06:00:00" in page.texts
    written, taxed, *reckoned = page.rows
    assert (written["orders_text"], written["net_text"]) == ("2", "€35.70")
    assert (taxed["rate_text"], taxed["tax_text"]) == ("19.0\N{NARROW NO-BREAK SPACE}%", "€5.70")
    assert [(row["what"], row["units_text"], row["net_text"]) for row in reckoned] == [
        ("written down", "3", "€35.70"),
        ("booked 22 Nov 2026", "2", "€23.80"),
        ("moved: a clock was changed, or a return found its sale", "\N{MINUS SIGN}1", "\N{MINUS SIGN}€11.90"),
        ("known now", "4", "€47.60"),
    ]
    assert "{" not in page.words()


def test_a_document_to_which_nothing_came_says_so_and_one_that_is_not_there_too() -> None:
    rest: dict[str, Any] = {"now": [], "corrections": [], "moved": []}
    page = document_page(document("2026-11-18", "web") | rest)
    assert "That too is written down" in page.texts
    assert "Nothing came later" in page.texts
    assert "This day is not closed" in document_page(None).texts
