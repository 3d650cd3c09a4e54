"""What is held for whom, until when: reservations of every channel, a page at a time."""

from typing import Any, Final

from fastapi import Request

from api.console.events import outcome_words
from api.console.frame import frame, route
from api.console.parts import Column, Section, badge, card, empty, pager, presets, table
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

PAGE: Final = 50
STATES: Final = {
    "held": ("Held", "brand"),
    "confirmed": ("Confirmed", "good"),
    "fulfilled": ("Fulfilled", ""),
    "released": ("Released", ""),
    "expired": ("Expired", "warn"),
}


def register(desk: Desk) -> None:
    """`/reservations`"""

    @route("/reservations")
    async def reservations(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        state = visit.query.get("state", "held")
        state = state if state in STATES or state == "all" else "held"
        sku = visit.query.get("sku", "")
        words = t("of {sku}", sku=sku) if sku else t("What is held for customers, in every channel")
        with frame(visit, t("Reservations"), words):
            presets(
                [(t(words), visit.here(state=name, cursor=None), name == state) for name, (words, _) in STATES.items()]
                + [(t("All"), visit.here(state="all", cursor=None), state == "all")]
            )
            await _channels(visit)
            with card():
                Section(visit, lambda: _page(visit, state), lambda page: _show(visit, page), lines=8)


async def _channels(visit: Visit) -> None:
    chosen = visit.query.get("channel", "")
    codes = list(await visit.desk.channels())
    ways = [(visit.t("All channels"), visit.here(channel=None, cursor=None), not chosen)]
    named = ((visit.channel(code), visit.here(channel=code, cursor=None), code == chosen) for code in codes)
    presets([*ways, *named])


async def _page(visit: Visit, state: str) -> dict[str, Any]:
    given = {name: visit.query.get(name) for name in ("channel", "sku", "reference", "cursor")}
    params = {**given, "state": None if state == "all" else state, "limit": PAGE, "everyone": "true"}
    found: dict[str, Any] = await visit.desk.api.get("/v1/reservations", params)
    await visit.desk.names([item["lines"][0]["sku"] for item in found["items"] if item["lines"]])
    return found


def _show(visit: Visit, page: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    if not page["items"]:
        empty("bookmark_border", t("No such reservations"), t("Choose another state or channel"))
        pager(visit, page["next_cursor"], first=not visit.query.get("cursor"))
        return
    rows = []
    for item in page["items"]:
        first = item["lines"][0] if item["lines"] else {"sku": "", "warehouse": ""}
        others = t(" and {n} more", n=len(item["lines"]) - 1) if len(item["lines"]) > 1 else ""
        goods = (visit.desk.known(first["sku"]) or first["sku"]) + others
        rows.append(
            {
                "id": item["reservation"],
                "id_href": f"/reservations/{item['reservation']}",
                "id_text": item["reservation"][-8:],
                "state": t(STATES.get(item["state"], (item["state"], ""))[0]),
                "channel": visit.channel(item["channel"]),
                "units_text": f.number(sum(line["quantity"] for line in item["lines"])),
                "remaining_text": f.number(sum(line["remaining"] for line in item["lines"])),
                "goods": goods,
                "units": sum(line["quantity"] for line in item["lines"]),
                "remaining": sum(line["remaining"] for line in item["lines"]),
                "until": item.get("expires_at") or "",
                "until_text": f.moment(item.get("expires_at")),
                "reference": item.get("reference") or "",
                "why": t("Why?"),
                "why_href": visit.link("/explain", reservation=item["reservation"]),
            }
        )
    columns = [
        Column("id", t("Reservation"), sortable=False),
        Column("state", t("State")),
        Column("channel", t("Channel")),
        Column("goods", t("Goods"), sortable=False),
        Column("units", t("Units"), number=True),
        Column("remaining", t("Remaining"), number=True),
        Column("until", t("Until")),
        Column("reference", t("Reference"), sortable=False),
        Column("why", t("Why from there"), sortable=False),
    ]
    table(visit, columns, rows, per_page=PAGE)
    pager(visit, page["next_cursor"], first=not visit.query.get("cursor"))


def state_badge(visit: Visit, state: str) -> None:
    """Where it stands."""
    words, mood = STATES.get(state, (state, ""))
    badge(visit.t(words), mood)


def _ended(visit: Visit, line: dict[str, Any]) -> str:
    """Why a line has less than was asked for; nothing when it has all."""
    return outcome_words(visit, line["outcome"]) if line["outcome"] != "ok" else ""


def lines_of(visit: Visit, item: dict[str, Any]) -> None:
    """What it holds, line by line."""
    t, f = visit.t, visit.f
    with box("os-list"):
        for line in item["lines"]:
            with anchor(f"/explain/{line['sku']}/{line['warehouse']}", "os-line"):
                with box("os-line-main"):
                    name = visit.desk.known(line["sku"])
                    words = (line["sku"] if name else "", visit.place(line["warehouse"]), _ended(visit, line))
                    Text(name or line["sku"], "div")
                    Text(" · ".join(each for each in words if each), "div", "os-muted os-small")
                Text(
                    t("{n} of {all} left", n=f.number(line["remaining"]), all=f.number(line["quantity"])),
                    "span",
                    "os-number",
                )
