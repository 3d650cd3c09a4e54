"""What each figure means: its formula, what it counts and what it leaves out, as the reports themselves say it."""

from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.frame import frame, route
from api.console.pages.reports import described, heading, title_of
from api.console.parts import Section, badge, card, empty
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
        "The hours of today that are over, in all places, are compared with the same hours of the same weekday last "
        "week; growth with as many days before.",
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


ASKED: Final = {
    "formula": "Formula",
    "window": "Window",
    "tax": "Tax",
    "returns": "Returns",
    "nulls": "Missing values",
}
"""what a metric says of itself, in the order in which it is read"""
_NOTHING: Final = "has nothing to do with it"
OF_ALERTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Position",
        "holds": "units",
        "about": "what is there and on its way, less what is promised",
        "metric": {
            "formula": "on hand − reserved + incoming",
            "window": "now",
            "tax": _NOTHING,
            "returns": "back in, in the place that took them",
            "nulls": "never null",
        },
    },
    {
        "name": "Units a day",
        "holds": "units",
        "about": "how fast it sells in this place",
        "metric": {
            "formula": "units sold in the place ÷ 28; of goods that are new there, ÷ the days since their first sale",
            "window": "the 28 days until now, or until it ran out",
            "tax": _NOTHING,
            "returns": "not taken off",
            "nulls": "nothing sold: 0",
        },
    },
    {
        "name": "Lost margin a day",
        "holds": "money",
        "about": "what is expected to be lost each day while there is nothing",
        "metric": {
            "formula": "units a day × ((gross − discount − tax) ÷ units, − the product's moving average cost), rounded",
            "window": "the 28 days until now, or until it ran out; in the currency of most units",
            "tax": "taken off",
            "returns": "not taken off",
            "nulls": "null: no priced sale, or no known cost; the revenue is shown then",
        },
    },
    {
        "name": "Found and expected",
        "holds": "count",
        "about": "what a channel did, beside what is usual for it",
        "metric": {
            "formula": "found: orders, refusals, returns, releases, or sales whose sale or reservation came without "
            "a payment reference, in its hours; expected: the mean of the same hours of the same weekday, the busiest "
            "week left out, and more of them where there are more orders than usual",
            "window": "the channel's last eight weeks, by the clock of the place where it sells most",
            "tax": _NOTHING,
            "returns": "are what a peak of returns is told from",
            "nulls": "a channel younger than three weeks is not judged",
        },
    },
)
"""Alerts are no report, and say nothing of their figures themselves."""


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
            Section(visit, lambda: described(visit), lambda found: show(visit, found), lines=12)


def show(visit: Visit, found: dict[str, dict[str, Any]]) -> None:
    """Every figure of every report, and those of alerts, with a field to find one."""
    t = visit.t
    finder = _Finder()
    search = ui.input(t("Find a figure"), on_change=lambda event: finder.find(event.value or ""))
    search.props("type=search outlined dense clearable debounce=250 maxlength=64").classes("os-search")
    search.props["hint"] = t("a word of its name, formula or meaning")
    for name, report in found.items():
        with card() as made:
            anchor(f"/reports/{name}", "os-card-title", t(title_of(name))).props(f"id={name}")
            Text(t(report["about"]), "div", "os-muted")
            finder.add(made, [_figure(visit, heading(each["name"]), each) for each in report["columns"]])
    with card(t("Alerts")) as made:
        finder.add(made, [_figure(visit, each["name"], each) for each in OF_ALERTS])
    with box("os-section") as finder.nothing:
        empty("search_off", t("Nothing found"))
    finder.nothing.set_visibility(False)


@dataclass(slots=True)
class _Figure:
    """One column as it is shown, and all that is said of it."""

    shown: ui.element
    said: str

    def has(self, words: list[str]) -> bool:
        return all(word in self.said for word in words)


def _figure(visit: Visit, title: str, column: dict[str, Any]) -> _Figure:
    """What it is; opened, how it is made. A column that only names something has nothing to open."""
    t = visit.t
    metric: dict[str, str] = column.get("metric") or {}
    with box("os-figure", "details" if metric else "div") as shown:
        with box("os-figure-head", "summary" if metric else "div"):
            Text(t(title), "strong")
            Text(t(column["about"]), "span", "os-muted")
            badge(t(HOLDS.get(column["holds"], column["holds"])))
        if metric:
            with box("os-dl"):
                for name, words in ASKED.items():
                    Text(t(words))
                    Text(t(metric[name]))
    said = [column["name"], title, column["about"], *metric.values()]
    return _Figure(shown, "\n".join([*said, *map(t, said)]).casefold())


@dataclass(slots=True)
class _Finder:
    """Leaves what has all the words, opened; everything again when there are none."""

    _cards: list[tuple[ui.element, list[_Figure]]] = field(default_factory=list)
    nothing: ui.element = field(init=False)

    def add(self, made: ui.element, figures: list[_Figure]) -> None:
        self._cards.append((made, figures))

    def find(self, asked: str) -> None:
        words = asked.casefold().split()
        some = False
        for made, figures in self._cards:
            found = [each for each in figures if each.has(words)]
            for each in figures:
                each.shown.set_visibility(each in found)
                each.shown.props["open"] = bool(words)
            made.set_visibility(bool(found))
            some = some or bool(found)
        self.nothing.set_visibility(not some)
