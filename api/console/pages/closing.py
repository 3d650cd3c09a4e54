"""One closed day of a channel: the document as it was written, and the reckoning from there to what is known now."""

from typing import Any, Final
from urllib.parse import quote

from fastapi import Request

from api.console.books import closer
from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.pages.books import day_of
from api.console.pages.reports import heading
from api.console.parts import Column, Section, card, empty, presets, table
from api.console.report_view import cells, is_number
from api.console.visit import Desk, Visit, visit_of

_SUMS: Final = {
    "units": "units",
    "returned": "units",
    **dict.fromkeys(("gross", "discount", "returns", "net", "tax"), "money"),
}
_FIGURES: Final = {"currency": "text", "orders": "count", **_SUMS}
_TAXES: Final = {"rate": "share", "sales": "money", "returns": "money", "net": "money", "tax": "money"}
_RECKONED: Final = {"what": "text", **_SUMS}
"""orders are not among them: one that got another line later is no other order"""


def register(desk: Desk) -> None:
    """`/books/{day}/{place}/{channel}`"""

    @route("/books/{day}/{place}/{channel}")
    async def closing(request: Request, day: str, place: str, channel: str) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        places, _ = await desk.warehouses(), await desk.channels()
        visit.use_zone(places.get(place, {}).get("time_zone"))
        path = "/".join(quote(each, safe="") for each in (day, place, channel))
        asked = day_of(day)
        words = " · ".join((visit.place(place), visit.f.day(asked, weekday=True) if asked else day))
        with frame(visit, t("Books of {channel}", channel=visit.channel(channel)), words, active="/books"):
            later = {"from": day, "to": day, "warehouse": place, "channel": channel}
            presets(
                [
                    (t("The whole day"), f"/books/{quote(day, safe='')}/{quote(place, safe='')}", False),
                    (t("Book corrections"), visit.link("/reports/book_corrections", **later), False),
                ]
            )
            Section(visit, lambda: _found(visit, path), lambda found: _show(visit, found), lines=6)


async def _found(visit: Visit, path: str) -> dict[str, Any] | None:
    """The document with what came later; None where the day is not closed."""
    try:
        found: dict[str, Any] = await visit.desk.api.get(f"/v1/closings/{path}")
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        return None
    return found


def _show(visit: Visit, found: dict[str, Any] | None) -> None:
    t, f = visit.t, visit.f
    if found is None:
        empty("menu_book", t("This day is not closed"), "", "/books", t("All days"))
        return
    name = closer(found).removeprefix("console:")
    closed = t("closed by {name}, {moment}", name=name, moment=f.moment(found["closed_at"], seconds=True))
    with card(t("What was written down"), closed):
        if found["figures"]:
            _table(visit, _FIGURES, found["figures"])
        else:
            empty("menu_book", t("Nothing was sold on this day"), t("That too is written down"))
    if found["taxes"]:
        with card(t("Tax")):
            _table(visit, _TAXES, found["taxes"])
    with card(t("What came later"), t("from what was written down to what is known now")):
        if found["corrections"] or found["moved"]:
            _table(visit, _RECKONED, reckoning(visit, found))
        else:
            empty("task_alt", t("Nothing came later"), t("The day stands as it was written down"))


def reckoning(visit: Visit, found: dict[str, Any]) -> list[dict[str, Any]]:
    """In each currency: what was written, each correction, what moved, and their sum, which is what is known now."""
    t = visit.t
    parts = (
        *((t("written down"), each) for each in found["figures"]),
        *((t("booked {day}", day=visit.f.day(each["booked"])), each) for each in found["corrections"]),
        *((t("moved: a clock was changed, or a return found its sale"), each) for each in found["moved"]),
        *((t("known now"), each) for each in found["now"]),
    )
    return [{"what": what, **each} for what, each in sorted(parts, key=lambda part: part[1]["currency"] or "")]


def _table(visit: Visit, holds: dict[str, str], rows: list[dict[str, Any]]) -> None:
    columns = [{"name": name, "holds": each} for name, each in holds.items()]
    heads = [Column(name, visit.t(heading(name)), is_number(each), sortable=False)
             for name, each in zip(holds, columns, strict=True)]  # fmt: skip
    table(visit, heads, cells(visit, columns, rows))
