"""Every movement as it comes, and those of before: of one product, one place, one kind."""

from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.client import ApiProblem
from api.console.events import KINDS, event_line, kind_words
from api.console.frame import frame, route
from api.console.parts import Section, badge, card, empty, loading, presets
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

LIVE_S: Final = 1.0
SHOWN: Final = 60
PAGE: Final = 100
SHOWN_KINDS: Final = (
    "sell",
    "reserve",
    "fulfil",
    "release",
    "expire",
    "return",
    "receive",
    "adjust",
    "transfer",
    "short",
)


def register(desk: Desk) -> None:
    """`/feed`"""

    @route("/feed")
    async def feed(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        asked = {name: visit.query.get(name, "") for name in ("sku", "warehouse", "kind")}
        with frame(visit, t("Feed"), t("Every movement, in order, as it happens")):
            await _filters(visit, asked)
            with card(t("Live")):
                live = _Live(visit, asked)
            if any(asked.values()):
                with card(t("From the beginning")):
                    Section(visit, lambda: _page(visit, asked), lambda page: _show(visit, page), lines=8)

            def tick() -> None:
                desk.live.watch()
                live.show()

            ui.timer(LIVE_S, tick)


async def _filters(visit: Visit, asked: dict[str, str]) -> None:
    t = visit.t
    kinds = [(t("Every kind"), visit.here(kind=None, after=None), not asked["kind"])]
    kinds += [
        (kind_words(visit, kind), visit.here(kind=kind, after=None), kind == asked["kind"]) for kind in SHOWN_KINDS
    ]
    presets(kinds)
    try:
        places = {"": t("All"), **{code: place["name"] for code, place in (await visit.desk.warehouses()).items()}}
    except ApiProblem:
        places = {"": t("All")}
    with box("os-filters"):
        sku = ui.input(t("SKU"), value=asked["sku"]).props("outlined dense clearable maxlength=64")
        sku.on("keydown.enter", lambda: ui.navigate.to(visit.here(sku=sku.value, after=None)))
        sku.on("clear", lambda: ui.navigate.to(visit.here(sku=None, after=None)))
        place = ui.select(places, label=t("Place"), value=asked["warehouse"] if asked["warehouse"] in places else "")
        place.props("outlined dense options-dense")
        place.on_value_change(lambda event: ui.navigate.to(visit.here(warehouse=event.value, after=None)))


class _Live:
    """The newest movements that fit, the newest first."""

    def __init__(self, visit: Visit, asked: dict[str, str]) -> None:
        self._visit, self._asked = visit, asked
        self._version = -1
        with box("os-row"):
            self._state = badge(visit.t("connecting"), "warn")
            self._paused = ui.switch(visit.t("Hold still"))
        self._list = box("os-list").props("data-testid=feed")
        with self._list:
            loading(5)

    def show(self) -> None:
        """What came since the last look."""
        live, t = self._visit.desk.live, self._visit.t
        self._state.set_text(t("live") if live.connected else t("connecting"))
        self._state.classes(replace=f"os-badge os-badge-{'good' if live.connected else 'warn'}")
        if live.version == self._version or self._paused.value:
            return
        self._version = live.version
        shown = [event for event in reversed(live.events) if self._fits(event)][:SHOWN]
        self._list.clear()
        with self._list:
            if not shown:
                empty("bolt", t("Quiet just now"), t("What is sold, reserved or received appears here by itself"))
            for event in shown:
                event_line(self._visit, event)
        unnamed = self._visit.desk.unknown(event["sku"] for event in shown)
        if unnamed:
            ui.timer(0.01, lambda: self._learn(unnamed), once=True)

    async def _learn(self, skus: list[str]) -> None:
        await self._visit.desk.names(skus)
        self._version = -1

    def _fits(self, event: dict[str, Any]) -> bool:
        return all(not value or event[name] == value for name, value in self._asked.items())


async def _page(visit: Visit, asked: dict[str, str]) -> dict[str, Any]:
    known = asked if asked["kind"] in (*KINDS, "") else {**asked, "kind": ""}
    found: dict[str, Any] = await visit.desk.api.get(
        "/v1/feed", {**known, "after": visit.query.get("after"), "limit": PAGE}
    )
    await visit.desk.names([event["sku"] for event in found["events"] if event["sku"]])
    return found


def _show(visit: Visit, page: dict[str, Any]) -> None:
    t = visit.t
    if not page["events"]:
        empty("bolt", t("Nothing more"), t("Newer movements appear above by themselves"))
        return
    with box("os-list"):
        for event in page["events"]:
            event_line(visit, event)
    with box("os-row"):
        Text(t("{n} movements", n=len(page["events"])), "span", "os-muted os-small")
        ui.space()
        anchor(visit.here(after=page["next_cursor"]), "os-preset", t("Next page"))
