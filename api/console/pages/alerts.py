"""What is running out: alerts by what they may cost each day, and what somebody does about them."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.alert_sums import BY, Groups, Sums, alert_sums
from api.console.alerts import (
    OPEN,
    STATES,
    acknowledge,
    alert_page,
    is_odd,
    lost_margin,
    odd_figures,
    odd_words,
    position,
    snooze,
    state_badge,
)
from api.console.events import outcome_words
from api.console.frame import frame, route
from api.console.parts import Column, Section, card, empty, kpi, line, pager, presets, table
from api.console.places import place_filter
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

PAGE: Final = 50
AGAIN_S: Final = 15.0
PLACES_SHOWN: Final = 12
"""side by side; more are found by their name"""
SNOOZES: Final = (1, 7)
"""days"""


def register(desk: Desk) -> None:
    """`/alerts`"""

    @route("/alerts")
    async def alerts(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("Alerts"), t("Where on hand − reserved + incoming has fallen to the reorder point")):
            await _places(visit)
            _ways(visit)
            section: Section[_Found] = Section(
                visit, lambda: _found(visit), lambda found: _show(visit, found, lambda: section), lines=8
            )
            ui.timer(AGAIN_S, lambda: section.renew(), immediate=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """A page of the list, and the figures of the whole of it."""

    page: dict[str, Any]
    names: dict[str, str]
    open: Sums
    all: Sums
    """that pass the page's filters"""


async def _places(visit: Visit) -> None:
    codes = list(await visit.desk.warehouses())
    if len(codes) > PLACES_SHOWN:
        await place_filter(visit)
        return
    chosen = visit.query.get("warehouse", "")
    ways = [(visit.t("All places"), visit.here(warehouse=None, cursor=None), not chosen)]
    if chosen and chosen not in codes:
        codes.append(chosen)
    presets([*ways, *((visit.place(code), visit.here(warehouse=code, cursor=None), code == chosen) for code in codes)])


def _ways(visit: Visit) -> None:
    """By state, and those alike together; of one group of products, and back to all of them."""
    t = visit.t
    state, by, group = (visit.query.get(name, "") for name in ("state", "by", "group"))
    presets(
        [
            *((t(words), visit.here(state=name, cursor=None), name == state) for name, (words, _) in STATES.items()),
            (t("All"), visit.here(state=None, cursor=None), state not in STATES),
        ]
    )
    presets(
        [
            (t("One by one"), visit.here(by=None, cursor=None), by not in BY),
            *((t(words), visit.here(by=name, cursor=None), name == by) for name, words in BY.items()),
        ]
    )
    if group:
        presets([(t("All groups"), visit.here(group=None, cursor=None), False), (group, visit.here(), True)])


async def _found(visit: Visit) -> _Found:
    asked = {"warehouse": visit.query.get("warehouse"), "group": visit.query.get("group")}
    state, by = visit.query.get("state", ""), visit.query.get("by", "")
    asked["state"] = state if state in STATES else None
    listed = {**asked, "by": by if by in BY else None, "cursor": visit.query.get("cursor")}
    page, waiting, whole = await asyncio.gather(
        alert_page(visit, {**listed, "limit": PAGE}),
        alert_sums(visit, {**asked, "state": OPEN}),
        alert_sums(visit, asked),
    )
    unnamed = [alert["sku"] for alert in page["items"] if not is_odd(alert) and not alert.get("name")]
    unnamed += [row["sku"] for alert in page["items"] for row in alert.get("rows", ()) if row.get("sku")]
    return _Found(page, await visit.desk.names(list(dict.fromkeys(unnamed))), waiting, whole)


def _show(visit: Visit, found: _Found, section: Any) -> None:
    t, f = visit.t, visit.f
    alerts, names = found.page["items"], found.names
    waiting, whole = found.open, found.all
    if not whole.alerts and visit.query.get("state") not in STATES:
        with card():
            empty(
                "notifications_none",
                t("No alerts"),
                t("Set reorder points on a product's page, and this one will watch them"),
                "/stock",
                t("Stock"),
            )
        return
    with box("os-kpis"):
        kpi(t("Open"), f.number(waiting.alerts), t("nobody is at it yet"), -1 if waiting.alerts else 0)
        lost = " · ".join(f.money(amount, currency) for currency, amount in whole.lost.items())
        hint = t("expected, in {n} alerts", n=f.number(whole.alerts - whole.odd))
        kpi(t("Lost each day"), lost or f.number(None), hint)
        kpi(t("Places"), f.number(whole.places))
        kpi(t("Channels"), f.number(whole.odd), t("that behave oddly"))
    if found.page["groups"]:
        with card(t(BY[visit.query["by"]]), t("what may be lost each day, the costliest first")):
            _groups(visit, visit.query["by"], found.page["groups"])
    with card(), box("os-list"):
        if not alerts:
            empty("notifications_none", t("No alerts"), t("None in this state"))
        for alert in alerts:
            if is_odd(alert):
                _odd(visit, alert, section)
            else:
                _line(visit, alert, names, section)
        pager(visit, found.page["next_cursor"], first=not visit.query.get("cursor"))


def _groups(visit: Visit, by: str, groups: Groups) -> None:
    """A line for each place or group of products and currency; it leads to its own alerts."""
    t, f = visit.t, visit.f
    rows = []
    for each in groups:
        label, lost = each[by] or "", each["expected_lost_margin_per_day"] or {}
        # A path is found by its last name: the API asks for one.
        name = label if by == "warehouse" else label.rpartition(" / ")[2]
        shown = visit.place(label) if by == "warehouse" else label
        rows.append(
            {
                "label": shown or t("without a group"),
                "label_href": visit.here(by=None, cursor=None, **{by: name}) if name else "",
                "alerts": each["alerts"],
                "alerts_text": f.number(each["alerts"]),
                "lost": lost.get("amount"),
                "lost_text": f.money(lost.get("amount"), lost.get("currency")),
            }
        )
    columns = [
        Column("label", t("Place" if by == "warehouse" else "Product group")),
        Column("alerts", t("Alerts"), number=True),
        Column("lost", t("Lost each day"), number=True),
    ]
    table(visit, columns, rows)


def _odd(visit: Visit, alert: dict[str, Any], section: Any) -> None:
    t, f = visit.t, visit.f
    with box("os-line os-alert"):
        with box("os-line-main"):
            anchor("/channels?span=7", "", odd_words(visit, alert))
            since = t("since {moment}", moment=f.moment(alert.get("raised_at")))
            Text(f"{odd_figures(visit, alert)} · {since}", "div", "os-muted os-small")
        state_badge(visit, alert)
        if visit.may_plan and alert.get("id"):
            _answers(visit, alert, section)
        with ui.expansion(t("What is behind it")).props("dense").classes("os-small"):
            for row in alert.get("rows", []):
                _behind(visit, row)


def _behind(visit: Visit, row: dict[str, Any]) -> None:
    """One of the lines that made the figure odd."""
    f = visit.f
    sku, place, command = row.get("sku"), row.get("warehouse"), row.get("command_id")
    why = outcome_words(visit, str(row["why"])) if row.get("why") else ""
    where = visit.place(place) if place else ""
    words = " · ".join(each for each in (where, why, f.moment(row.get("at"), seconds=True)) if each)
    # What was refused is explained by its command, what moved by the cell that it moved.
    refused = visit.link("/explain", command=command) if command and why else None
    target = refused or (f"/explain/{sku}/{place}" if sku and place else None)
    with line(visit.desk.known(str(sku)) or str(sku or row.get("order") or "–"), words, target):
        Text(f.number(row.get("quantity")), "span", "os-number")


def _line(visit: Visit, alert: dict[str, Any], names: dict[str, str], section: Any) -> None:
    t, f = visit.t, visit.f
    with box("os-line os-alert"):
        with box("os-line-main"):
            anchor(f"/explain/{alert['sku']}/{alert['warehouse']}", "", alert.get("name") or names[alert["sku"]])
            since = t("since {moment}", moment=f.moment(alert.get("raised_at")))
            Text(f"{alert['sku']} · {visit.place(alert['warehouse'])} · {since}", "div", "os-muted os-small")
        with ui.element("div"):
            Text(position(visit, alert), "div", "os-number os-bad")
            Text(t("there / reorder point"), "div", "os-muted os-small")
        with ui.element("div"):
            Text(lost_margin(visit, alert), "div", "os-number")
            Text(t("lost each day"), "div", "os-muted os-small")
        state_badge(visit, alert)
        if visit.may_plan and alert.get("id"):
            _answers(visit, alert, section)


def _answers(visit: Visit, alert: dict[str, Any], section: Any) -> None:
    t = visit.t

    async def acknowledged() -> None:
        if await acknowledge(visit, alert):
            await section().load()

    async def snoozed(days: int) -> None:
        if await snooze(visit, alert, days):
            await section().load()

    with box("os-presets"):
        if alert.get("state") == OPEN:
            ui.button(t("I am at it"), on_click=acknowledged, color=None).props("flat dense no-caps").classes("os-soft")
        with (
            ui.button(t("Later"), color=None).props("flat dense no-caps").classes("os-soft"),
            ui.menu().props("auto-close"),
        ):
            for days in SNOOZES:
                ui.menu_item(t("in {n} d", n=days), on_click=lambda days=days: snoozed(days))
