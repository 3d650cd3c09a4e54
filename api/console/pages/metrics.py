"""What each figure means: its formula, what it counts and what it leaves out, as the reports themselves say it."""

from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.frame import frame, route
from api.console.pages.reports import described, heading, title_of
from api.console.parts import Section, badge, card
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

RULES: Final = (
    (
        "Days",
        "A business day begins by the clock on the wall of its place, at 04:00 unless the place says "
        "otherwise. A sale counts on the day it happened, even if it was booked later.",
    ),
    ("Revenue", "Goods count when they leave: sold over the counter, or fulfilled. A reservation is no sale yet."),
    ("Returns", "A return is taken off on the day it comes back, in the channel of its sale."),
    ("Tax", "Prices include tax. The tax of a line is amount × rate ÷ (1 + rate), rounded half up, then added."),
    (
        "Money",
        "Amounts of different currencies are never added. Lines without a price or a cost are shown and "
        "never taken for nought.",
    ),
    ("Available", "On hand − reserved − safety stock. Quarantine is in no figure but its own."),
    (
        "Asked for and not there",
        "What was refused for lack of stock, once for each customer, product and day, less what the same one "
        "got later or elsewhere.",
    ),
    (
        "Comparisons",
        "Today is compared with the same weekday last week up to the same hour; growth with as many days before.",
    ),
)
HOLDS: Final = {
    "text": "text",
    "units": "units",
    "money": "money",
    "count": "count",
    "share": "ratio",
    "day": "day",
    "moment": "moment",
}


def register(desk: Desk) -> None:
    """`/metrics`"""

    @route("/metrics")
    async def metrics(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("What figures mean"), t("Formula, window, and what is left out")):
            with card(t("Rules that hold everywhere")), box("os-dl"):
                for title, words in RULES:
                    Text(t(title), "strong")
                    Text(t(words))
            Section(visit, lambda: described(visit), lambda found: _show(visit, found), lines=12)


def _show(visit: Visit, found: dict[str, dict[str, Any]]) -> None:
    t = visit.t
    for name, report in found.items():
        with card():
            anchor(f"/reports/{name}", "os-card-title", t(title_of(name))).props(f"id={name}")
            Text(t(report["about"]), "div", "os-muted")
            with box("os-dl"):
                for column in report["columns"]:
                    with ui.element("div"):
                        Text(t(heading(column["name"])), "strong")
                    with ui.element("div"):
                        Text(t(column["about"]))
                        badge(t(HOLDS.get(column["holds"], column["holds"]))).style("margin-left:.5rem")
