"""Alerts: cells whose position fell to their reorder point, the costliest first, and what somebody does about them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from nicegui import ui

from api.console.client import ApiProblem, Params
from api.console.parts import badge, empty, line, sentence
from api.console.text import Text, anchor
from api.console.visit import Visit

SHOWN: Final = 6
LISTED: Final = 100
"""of which a page that shows a few says how many there are"""
OPEN: Final = "open"
STATES: Final = {"open": ("Open", "bad"), "acknowledged": ("Acknowledged", "brand"), "snoozed": ("Snoozed", "")}
ODD: Final = {
    "channel_silent": "Silence",
    "refusal_peak": "Many refusals",
    "return_peak": "Many returns",
    "release_peak": "Many reservations given back",
    "unpaid_sales": "Sales without a payment reference",
}
"""Alerts on a channel, by their kind; all others are on a cell."""


async def open_alerts(visit: Visit, **filters: str | int | None) -> list[dict[str, Any]]:
    """Alerts that are not cleared, as the engine ranks them."""
    found: list[dict[str, Any]] = (await alert_page(visit, {"limit": LISTED, **filters}))["items"]
    return found


async def alert_page(visit: Visit, params: Params) -> dict[str, Any]:
    """A page of alerts; an engine that has none to offer has none."""
    try:
        found: Any = await visit.desk.api.shared("/v1/alerts", params, for_s=3.0)
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        found = []
    page: dict[str, Any] = found if isinstance(found, dict) else {"items": found}
    return {"items": page.get("items", []), "groups": page.get("groups", []), "next_cursor": page.get("next_cursor")}


def alert_lines(visit: Visit, found: list[dict[str, Any]], warehouse: str | None = None) -> None:
    """The first few, and the way to the rest."""
    t = visit.t
    if not found:
        empty("notifications_none", t("No alerts"), t("Nothing has fallen to its reorder point"))
        return
    for alert in found[:SHOWN]:
        moment = visit.f.moment(alert.get("raised_at"))
        if is_odd(alert):
            with line(odd_words(visit, alert), moment, "/alerts", "sensors"):
                Text(odd_figures(visit, alert), "span", "os-number os-bad")
            continue
        words = f"{visit.place(alert['warehouse'])} · {moment}"
        target = f"/explain/{alert['sku']}/{alert['warehouse']}"
        with line(alert.get("name") or alert["sku"], words, target, "notifications_active"):
            Text(position(visit, alert), "span", "os-number os-bad")
    if len(found) > SHOWN:
        words = t("All {n} alerts", n=len(found)) if len(found) < LISTED else t("More than {n} alerts", n=LISTED - 1)
        anchor(visit.link("/alerts", warehouse=warehouse), "os-small", words)


def is_odd(alert: dict[str, Any]) -> bool:
    """Whether it is on a channel."""
    return alert.get("kind") in ODD


def odd_words(visit: Visit, alert: dict[str, Any]) -> str:
    """What is odd, and where."""
    return f"{visit.channel(alert['channel'])}: {visit.t(ODD[alert['kind']])}"


def odd_figures(visit: Visit, alert: dict[str, Any]) -> str:
    """What there was, and what was to be expected."""
    f = visit.f
    return visit.t("{n}, expected {m}", n=f.number(alert.get("found")), m=f.number(alert.get("expected")))


def position(visit: Visit, alert: dict[str, Any]) -> str:
    """What there is of what there should be."""
    return f"{visit.f.number(alert['position'])} / {visit.f.number(alert['reorder_point'])}"


def lost_margin(visit: Visit, alert: dict[str, Any]) -> str:
    """Expected each day as long as nothing comes; where no cost is known, what would have been taken."""
    margin, revenue = (alert.get(f"expected_lost_{what}_per_day") for what in ("margin", "revenue"))
    if isinstance(margin, dict):
        return visit.f.money(margin.get("amount"), margin.get("currency"))
    if isinstance(revenue, dict):
        amount = visit.f.money(revenue.get("amount"), revenue.get("currency"))
        return visit.t("{amount} of revenue", amount=amount)
    return visit.f.number(None)


def state_badge(visit: Visit, alert: dict[str, Any]) -> None:
    """Where it stands, and until when."""
    words, mood = STATES.get(str(alert.get("state")), (str(alert.get("state") or "–"), ""))
    who = alert.get("acknowledged_by") or alert.get("snoozed_by") or ""
    parts = [
        visit.t(words),
        who.removeprefix("console:"),
        visit.f.moment(until) if (until := alert.get("snoozed_until")) else "",
    ]
    badge(" · ".join(part for part in parts if part), mood)


async def acknowledge(visit: Visit, alert: dict[str, Any]) -> bool:
    """Say that somebody is at it."""
    return await _answered(visit, alert, "acknowledge", {})


async def snooze(visit: Visit, alert: dict[str, Any], days: int) -> bool:
    """Be quiet for so long."""
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z")
    return await _answered(visit, alert, "snooze", {"until": until})


async def _answered(visit: Visit, alert: dict[str, Any], step: str, body: dict[str, Any]) -> bool:
    t = visit.t
    try:
        await visit.desk.api.change(visit.account.key, "POST", f"/v1/alerts/{alert['id']}/{step}", body)
    except ApiProblem as problem:
        ui.notify(t(sentence(problem)), type="negative")
        return False
    ui.notify(t("Done"), type="positive")
    return True
