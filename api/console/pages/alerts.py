"""What is running out: alerts by what they may cost each day, and what somebody does about them."""

from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.alerts import (
    OPEN,
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
from api.console.parts import Section, card, empty, kpi, line, pager, presets
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

PAGE: Final = 50
AGAIN_S: Final = 15.0
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
            section: Section[tuple[dict[str, Any], dict[str, str]]] = Section(
                visit, lambda: _page(visit), lambda found: _show(visit, found, lambda: section), lines=8
            )
            ui.timer(AGAIN_S, lambda: section.renew(), immediate=False)


async def _places(visit: Visit) -> None:
    chosen = visit.query.get("warehouse", "")
    codes = list(await visit.desk.warehouses())[:12]
    ways = [(visit.t("All places"), visit.here(warehouse=None, cursor=None), not chosen)]
    if chosen and chosen not in codes:
        codes.append(chosen)
    presets([*ways, *((visit.place(code), visit.here(warehouse=code, cursor=None), code == chosen) for code in codes)])


async def _page(visit: Visit) -> tuple[dict[str, Any], dict[str, str]]:
    params = {"limit": PAGE, "cursor": visit.query.get("cursor"), "warehouse": visit.query.get("warehouse")}
    page = await alert_page(visit, params)
    unnamed = [alert["sku"] for alert in page["items"] if not is_odd(alert) and not alert.get("name")]
    unnamed += [row["sku"] for alert in page["items"] for row in alert.get("rows", ()) if row.get("sku")]
    return page, await visit.desk.names(list(dict.fromkeys(unnamed)))


def _show(visit: Visit, found: tuple[dict[str, Any], dict[str, str]], section: Any) -> None:
    t, f = visit.t, visit.f
    page, names = found
    alerts = page["items"]
    if not alerts:
        with card():
            empty(
                "notifications_none",
                t("No alerts"),
                t("Set reorder points on a product's page, and this one will watch them"),
                "/stock",
                t("Stock"),
            )
        return
    waiting = [alert for alert in alerts if alert.get("state") == OPEN]
    cells = [alert for alert in alerts if not is_odd(alert)]
    with box("os-kpis"):
        kpi(t("Open"), f.number(len(waiting)), t("nobody is at it yet"), -1 if waiting else 0)
        kpi(t("Places"), f.number(len({alert["warehouse"] for alert in cells})))
        kpi(t("Products"), f.number(len({alert["sku"] for alert in cells})))
        kpi(t("Channels"), f.number(len(alerts) - len(cells)), t("that behave oddly"))
    with card(), box("os-list"):
        for alert in alerts:
            if is_odd(alert):
                _odd(visit, alert, section)
            else:
                _line(visit, alert, names, section)
        pager(visit, page["next_cursor"], first=not visit.query.get("cursor"))


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
