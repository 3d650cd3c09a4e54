"""Closing the day: which business days of a place are in the books, what one came to, and the button that closes it."""

from datetime import date, timedelta
from typing import Any, Final, Literal

from fastapi import Request
from nicegui import ui

from api.console.books import FIGURES, Day, State, days_of
from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.pages.reports import heading
from api.console.parts import Column, Section, badge, card, empty, line, presets, sentence, table
from api.console.places import own_place, place_choice
from api.console.report_view import cells, is_number
from api.console.text import Text, box
from api.console.visit import Desk, Visit, business_day, visit_of

DAYS: Final = 14
"""on a page"""
_COLUMNS: Final[list[dict[str, str]]] = [
    {"name": name, "holds": holds}
    for name, holds in (
        ("channel", "text"),
        *((name, {"orders": "count", "units": "units"}.get(name, "money")) for name in FIGURES),
    )
]
_WRITTEN: Final[list[dict[str, str]]] = [
    {"name": name, "holds": holds}
    for name, holds in (
        ("closed_net", "money"),
        ("difference", "money"),
        ("closed_by", "text"),
        ("closed_at", "moment"),
    )
]
"""of a day of which anything is closed"""


def register(desk: Desk) -> None:
    """`/books` and `/books/{day}/{place}`"""

    @route("/books")
    async def books(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        places = await desk.warehouses()
        code = own_place(request, visit, places)
        with frame(visit, t("Close the day"), t("What each business day came to, written down once and for ever")):
            if not code:
                empty("storefront", t("There are no places yet"), t("Register one through the API or by import"))
                return
            place_choice(visit, places, code)
            today = business_day(places[code])
            last = min(day_of(visit.query.get("to")) or today, today)
            first = date.fromordinal(max(1, last.toordinal() - DAYS + 1))
            _ways(visit, first, last, today)
            with card():
                Section(
                    visit,
                    lambda: days_of(visit, code, first, last, today),
                    lambda days: _list(visit, code, days),
                    lines=DAYS,
                )

    @route("/books/{day}/{place}")
    async def one_day(request: Request, day: str, place: str) -> None:
        visit = visit_of(request, desk)
        t, f = visit.t, visit.f
        places, asked = await desk.warehouses(), day_of(day)
        if asked is None or place not in places:
            with frame(visit, t("Close the day"), active="/books"):
                empty("event_busy", t("There is no such day in the books"), "", "/books", t("All days"))
            return
        await desk.channels()
        visit.use_zone(places[place].get("time_zone"))
        with frame(visit, f.day(asked, weekday=True), visit.place(place), active="/books"):
            presets([(t("All days"), visit.link("/books", warehouse=place), False)])
            today = business_day(places[place])
            section: Section[list[Day]] = Section(
                visit,
                lambda: days_of(visit, place, asked, asked, today),
                lambda days: _show(visit, place, days[0], lambda: section),
            )


def day_of(text: str | None) -> date | None:
    """As an address has it."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _ways(visit: Visit, first: date, last: date, today: date) -> None:
    t = visit.t
    ways = []
    if first > date.min:
        ways.append((t("Earlier days"), visit.here(to=str(first - timedelta(days=1))), False))
    if last < today:
        later = date.fromordinal(min(today.toordinal(), last.toordinal() + DAYS))
        ways.append((t("Later days"), visit.here(to=str(later) if later < today else None), False))
    presets(ways)


def _list(visit: Visit, place: str, days: list[Day]) -> None:
    t, f = visit.t, visit.f
    if not any(day.channels for day in days):
        empty("menu_book", t("Nothing was sold in these days"), t("Nor is any of them closed"))
        return
    with box("os-list"):
        for day in days:
            words = [f.money(net, currency) for currency, net in day.net().items()]
            if day.state is State.PARTLY:
                words.append(t("channels closed: {n} of {m}", n=len(day.closed), m=len(day.channels)))
            with line(f.day(day.day, weekday=True), " · ".join(words), f"/books/{day.day}/{place}", "menu_book"):
                _badges(visit, day)


def _badges(visit: Visit, day: Day) -> None:
    if day.changed:
        badge(visit.t("changed since"), "warn")
    words, mood = day.state.value
    badge(visit.t(words), mood)


def _show(visit: Visit, place: str, day: Day, section: Any) -> None:
    t = visit.t
    with card():
        with box("os-row"):
            _badges(visit, day)
            ui.space()
            if day.to_close and visit.may_plan:
                _close(visit, place, day, section)
            elif day.to_close:
                Text(t("a planner or an administrator closes it"), "span", "os-muted os-small")
        if not day.channels:
            words = t("What is sold appears here by itself") if day.state is State.GOES_ON else ""
            empty("menu_book", t("Nothing was sold on this day"), words)
            return
        lines = day.lines()
        columns = _COLUMNS + (_WRITTEN if day.closed else [])
        heads = [Column(each["name"], t(heading(each["name"])), is_number(each), sortable=False) for each in columns]
        rows = cells(visit, columns, lines)
        for row, found in zip(rows, lines, strict=True):
            if found["closed_at"] is not None:
                row["channel_href"] = f"/books/{day.day}/{place}/{found['channel']}"
            if found["difference"] or found["tax_difference"]:
                row["difference_class"] = "os-warn"
        table(visit, heads, rows)


async def close_day(visit: Visit, place: str, day: date) -> tuple[str, Literal["positive", "warning", "negative"]]:
    """Write down what each channel came to, by the user's own key; gives what is to be said of it."""
    t = visit.t
    body = {"day": str(day), "warehouse": place}
    try:
        found = await visit.desk.api.change(visit.account.key, "POST", "/v1/closings", body)
    except ApiProblem as problem:
        return t("This day is not over yet" if problem.code == "conflict" else sentence(problem)), "negative"
    if not found["items"]:
        return t("There is nothing to close"), "warning"
    return t("{day} is closed", day=visit.f.day(day)), "positive"


def _close(visit: Visit, place: str, day: Day, section: Any) -> None:
    t, shown = visit.t, visit.f.day(day.day)

    async def close() -> None:
        sure.close()
        words, mood = await close_day(visit, place, day.day)
        ui.notify(words, type=mood)
        await section().load()

    with ui.dialog() as sure, ui.card().classes("os-card").style("max-width:26rem"):
        Text(t("Close {day} in {place}?", day=shown, place=visit.place(place)), "h2", "os-card-title")
        Text(
            t(
                "What each channel came to is written down in your name and never changes. What comes later stands "
                "beside it as a correction. That cannot be undone."
            ),
            "p",
            "os-muted",
        )
        with box("os-row"):
            ui.space()
            ui.button(t("Cancel"), on_click=sure.close, color=None).props("flat").classes("os-soft")
            ui.button(t("Close the day"), on_click=close).props("unelevated color=primary")
    ui.button(t("Close the day"), icon="lock", on_click=sure.open).props("unelevated color=primary")
