"""What pages are made of: cards, figures with a comparison, tables, and what is shown while there is nothing yet."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from nicegui import ui

from api.console import charts
from api.console.chart_words import spoken
from api.console.client import ApiProblem
from api.console.text import Text, anchor, box
from api.console.visit import Visit

PER_PAGE: Final = 25
BARS_LOW: Final = 12
COLUMNS_WIDE: Final = 10
"""above which a table makes itself narrow"""
AGAIN_S: Final = 5.0
"""until a part that got no answer asks again by itself"""
REDRAW_S: Final = 30.0
"""How old "a minute ago" may be on a page that shows nothing new."""
AWAY: Final = (0, 429, 503)
"""of an engine that is down, starting, or busy: it passes"""
T = TypeVar("T")

_CELL: Final = """
<q-td :props="props" :class="props.row[props.col.name + '_class']">
  <a v-if="props.row[props.col.name + '_href']" :href="props.row[props.col.name + '_href']">{{ props.value }}</a>
  <template v-else>{{ props.value }}</template>
</q-td>"""
_ITEM: Final = """
<div class="q-pa-xs col-12"><div class="os-item">
<template v-for="col in props.cols" :key="col.name"><div v-if="col.value !== ''" class="os-item-row">
  <span>{{ col.label }}</span>
  <a v-if="props.row[col.name + '_href']" :href="props.row[col.name + '_href']">{{ col.value }}</a>
  <span v-else :class="props.row[col.name + '_class']">{{ col.value }}</span>
</div></template></div></div>"""


@contextmanager
def card(title: str = "", words: str = "", classes: str = "") -> Iterator[ui.element]:
    """A card; what is made inside stands in it."""
    with box(f"os-card {classes}".strip(), "section") as made:
        if title:
            with ui.element("div"):
                Text(title, "h2", "os-card-title")
                if words:
                    Text(words, "div", "os-muted os-small")
        yield made


@dataclass(slots=True)
class Kpi:
    """A figure with its unit, and beside it what it is to be compared with."""

    _value: Text
    _hint: Text

    def show(self, value: str, hint: str = "", trend: int = 0) -> None:
        """`trend`: 1 good, -1 bad, 0 neither."""
        self._value.set_text(value)
        self._hint.set_text(hint)
        mood = {1: "os-kpi-hint os-good", 0: "os-kpi-hint", -1: "os-kpi-hint os-bad"}[trend]
        self._hint.classes(replace=mood)


def kpi(title: str, value: str = "…", hint: str = "", trend: int = 0, href: str | None = None) -> Kpi:
    """A card with one figure."""
    with anchor(href, "os-card os-kpi") if href else box("os-card os-kpi"):
        Text(title, "div", "os-kpi-title")
        made = Kpi(Text("", "div", "os-kpi-value"), Text("", "div", "os-kpi-hint"))
    made.show(value, hint, trend)
    return made


def badge(words: str, mood: str = "") -> Text:
    """A word on a coloured ground; `mood`: good, bad, warn, brand or nothing."""
    return Text(words, "span", f"os-badge os-badge-{mood}" if mood else "os-badge")


def empty(icon: str, title: str, words: str = "", target: str = "", action: str = "") -> None:
    """What stands where there is nothing to show: why, and what to do about it."""
    with box("os-empty").props("role=status"):
        ui.icon(icon)
        Text(title, "div", "os-empty-title")
        if words:
            Text(words, "div", "os-muted")
        if target:
            anchor(target, "os-preset", action)


def loading(lines: int = 3) -> None:
    """Grey shapes where figures are on their way."""
    with box("os-section").props("aria-busy=true aria-live=polite"):
        for at in range(lines):
            ui.skeleton(height="1.4rem", width=("100%", "82%", "91%")[at % 3])


class Section(Generic[T]):
    """A part of a page that comes when its figures do: grey shapes, then these, or what went wrong in words."""

    def __init__(
        self, visit: Visit, fetch: Callable[[], Awaitable[T]], show: Callable[[T], None], *, lines: int = 4
    ) -> None:
        self._visit, self._fetch, self._show, self._lines = visit, fetch, show, lines
        self._turn = 0
        self._found: T | None = None
        self._shown_s = 0.0
        self._box = box("os-section")
        with self._box:
            loading(lines)
        ui.timer(0.01, self.load, once=True)

    async def load(self) -> None:
        """Ask again; when somebody asks meanwhile, the later answer counts."""
        await self._ask(redraw=True)

    async def renew(self) -> None:
        """Ask again, and draw only what is new: who is about to press a button must not lose it to the same one."""
        await self._ask(redraw=time.monotonic() - self._shown_s > REDRAW_S)

    async def _ask(self, *, redraw: bool) -> None:
        self._turn += 1
        turn = self._turn
        try:
            found = await self._fetch()
        except ApiProblem as problem:
            if turn == self._turn:
                self._found = None
                self._box.clear()
                with self._box:
                    failed(self._visit, problem, self.load)
                    if problem.status in AWAY:
                        ui.timer(AGAIN_S, self.load, once=True)
            return
        if turn == self._turn and (redraw or found != self._found):
            self._found, self._shown_s = found, time.monotonic()
            self._box.clear()
            with self._box:
                self._show(found)


def failed(visit: Visit, problem: ApiProblem, again: Callable[[], Awaitable[None]] | None = None) -> None:
    """That the engine did not answer, or why it would not."""
    t = visit.t
    with box("os-card os-empty").props("role=alert"):
        ui.icon("cloud_off" if problem.status in AWAY else "error_outline")
        Text(t(sentence(problem)), "div", "os-empty-title")
        if problem.status in AWAY and again is not None:
            Text(t("It is asked again by itself."), "div", "os-muted os-small")
        elif problem.detail and problem.status not in AWAY:
            Text(problem.detail, "div", "os-muted os-small")
        if again is not None:
            ui.button(t("Try again"), on_click=again, color=None).props("flat dense").classes("os-soft")


def sentence(problem: ApiProblem) -> str:
    """A refusal in words; to be translated."""
    if problem.status in (0, 503):
        return "The engine does not answer just now"
    if problem.status == 429:
        return "The engine is busy"
    if problem.status in (401, 403):
        return "You may not do this"
    return {
        "unknown_sku": "There is no such product",
        "unknown_warehouse": "There is no such place",
        "unknown_command": "There is no such command",
        "unknown_reservation": "There is no such reservation",
        "too_large": "That is too much for one answer: ask for less",
    }.get(problem.code, "The engine refused this")


def drawn(visit: Visit, options: charts.Options, classes: str = "") -> ui.echart:
    """A chart, with its figures as this reader writes them; many lying bars get room to be told apart."""
    bars = options.get("yAxis", {}).get("data", ())
    tall = " os-chart-tall" if len(bars) > BARS_LOW else ""
    # As SVG its words are text, which the look makes legible on either ground.
    return ui.echart(spoken(options, visit.f), renderer="svg").classes(f"os-chart {classes}{tall}".strip())


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: rows have its value by `name`, and may have NAME_text, NAME_href and NAME_class beside."""

    name: str
    label: str
    number: bool = False
    sortable: bool = True


def table(visit: Visit, columns: Sequence[Column], rows: list[dict[str, Any]], *, per_page: int = PER_PAGE) -> ui.table:
    """Rows that are all here, a page at a time; on a phone each row is a card."""
    t = visit.t
    made = ui.table(
        columns=[
            {
                "name": each.name,
                "label": each.label,
                "field": each.name,
                "align": "right" if each.number else "left",
                "sortable": each.sortable,
                ":format": f"(value, row) => row[{each.name + '_text'!r}] ?? value ?? '–'",
            }
            for each in columns
        ],
        rows=[{"_row": at, **row} for at, row in enumerate(rows)],
        row_key="_row",
        pagination={"rowsPerPage": per_page if len(rows) > per_page else 0},
    )
    made.props(f'flat :grid="window.innerWidth < 700" :rows-per-page-options="[{per_page}, 100]"').classes("os-table")
    if len(columns) > COLUMNS_WIDE:
        made.classes("os-wide")
    made.props["hide-pagination"] = len(rows) <= per_page
    made.props["rows-per-page-label"] = t("Rows")
    made.props[":pagination-label"] = (
        f"(first, last, all) => [first, last, all].map(n => n.toLocaleString({t.language!r}))"
        ".reduce((said, n, at) => said + ['', '–', ' / '][at] + n, '')"
    )
    made.props["no-data-label"] = t("Nothing to show")
    made.add_slot("body-cell", _CELL)
    made.add_slot("item", _ITEM)
    return made


def pager(visit: Visit, cursor: str | None, *, first: bool) -> None:
    """Ways to the next page of a list, and to its beginning."""
    t = visit.t
    with box("os-row"):
        if not first:
            anchor(visit.here(cursor=None), "os-preset", t("First page"))
        ui.space()
        if cursor is not None:
            anchor(visit.here(cursor=cursor), "os-preset", t("Next page"))


def line(title: str, words: str = "", href: str | None = None, icon: str = "") -> ui.element:
    """A line of a list; what is made inside it stands at its end."""
    made = anchor(href, "os-line") if href else box("os-line")
    with made:
        if icon:
            ui.icon(icon).classes("os-muted").style("font-size:1.3rem")
        with box("os-line-main"):
            Text(title, "div")
            if words:
                Text(words, "div", "os-muted os-small")
    return made


def presets(choices: Sequence[tuple[str, str, bool]]) -> None:
    """Ways to the same page with something else: (words, address, whether that is what is shown)."""
    with box("os-presets", "nav"):
        for words, target, chosen in choices:
            made = anchor(target, "os-preset", words)
            if chosen:
                made.props("aria-current=true")
