"""Do the stores' devices work, and did every receipt come out? What only a person can answer stands first."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.devices import (
    TROUBLED,
    WELL,
    doubt,
    health_badge,
    in_doubt,
    kind_of,
    reason_words,
)
from api.console.frame import frame, route
from api.console.parts import Section, badge, card, empty, kpi, presets
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

PAGE: Final = 1_000
LIVE_S: Final = 1.0
AGAIN_S: Final = 10.0
"""also when nothing was told: what is known of a device gets old"""
EVIDENCE_CHARS: Final = 23
"""eight bytes in hexadecimal"""
DOUBTS: Final = 6
"""of each device; the others are on its page"""


def register(desk: Desk) -> None:
    """`/devices`"""

    @route("/devices")
    async def devices(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("Devices"), t("Printers, drawers, scanners, scales and displays of the stores")):
            doubts: Section[list[tuple[str, dict[str, Any]]]] = Section(
                visit, lambda: _doubts(visit), lambda found: _show_doubts(visit, found, lambda: doubts.load()), lines=2
            )
            listed = Section(visit, lambda: _all(visit), lambda found: _show(visit, found), lines=8)
            live(visit, doubts.renew, listed.renew)


def live(visit: Visit, *renew: Callable[[], Awaitable[None]], device: str | None = None) -> None:
    """Have these look again whenever something happens to the device, or to any."""
    news = visit.desk.device_news
    seen = [news.version_of(device), time.monotonic()]

    async def tick() -> None:
        news.watch()
        version = news.version_of(device)
        if version != seen[0] or time.monotonic() - seen[1] > AGAIN_S:
            seen[:] = [version, time.monotonic()]
            for each in renew:
                await each()

    ui.timer(LIVE_S, tick)


async def _all(visit: Visit) -> list[dict[str, Any]]:
    """Every device in the chosen place; when it was last looked at changes nothing that is shown."""
    page = await visit.desk.api.shared("/v1/devices", {"limit": PAGE}, for_s=0.5)
    return [
        {**device, "health": {name: value for name, value in device["health"].items() if name != "checked_at"}}
        for device in page["items"]
    ]


async def _doubts(visit: Visit) -> list[tuple[str, dict[str, Any]]]:
    return await in_doubt(visit, _chosen(visit, await _all(visit)), DOUBTS)


def _chosen(visit: Visit, devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    place = visit.query.get("warehouse")
    return [device for device in devices if not place or device.get("warehouse") == place]


def _show_doubts(visit: Visit, found: list[tuple[str, dict[str, Any]]], done: Any) -> None:
    t = visit.t
    if found:
        words = t("The printer could not say. Look at the paper, then answer: nothing is printed twice by itself.")
        with card(t("Was it printed?"), words, "os-card-bad"), box("os-doubts"):
            for code, job in found:
                doubt(visit, code, job, done)


def _show(visit: Visit, devices: list[dict[str, Any]]) -> None:
    t, f = visit.t, visit.f
    if not devices:
        with card():
            empty("print", t("There are no devices yet"), t("Make one through the API: PUT /v1/devices/till-1"))
        return
    _places(visit, devices)
    shown = _chosen(visit, devices)
    states = [device["health"]["state"] for device in shown]
    jobs = [device.get("jobs", {}) for device in shown]
    with box("os-kpis"):
        kpi(t("Devices"), f.number(len(shown)))
        well = sum(state in WELL for state in states)
        kpi(t("In order"), f.number(well), t("they have just said so"))
        troubled = sum(state in TROUBLED for state in states)
        kpi(t("Somebody should look"), f.number(troubled), "", -1 if troubled else 0)
        kpi(t("Jobs that wait"), f.number(sum(each.get("queued", 0) for each in jobs)), t("for a device"))
    with card(), box("os-list").props("data-testid=devices"):
        for device in sorted(shown, key=_urgency):
            _line(visit, device)


def _urgency(device: dict[str, Any]) -> tuple[bool, bool, str]:
    """What somebody should look at comes first."""
    return not device.get("jobs", {}).get("unknown"), device["health"]["state"] not in TROUBLED, device["code"]


def _places(visit: Visit, devices: list[dict[str, Any]]) -> None:
    codes = sorted({device["warehouse"] for device in devices if device.get("warehouse")})
    if len(codes) > 1:
        chosen = visit.query.get("warehouse", "")
        ways = [(visit.t("All places"), visit.here(warehouse=None), not chosen)]
        presets([*ways, *((code, visit.here(warehouse=code), code == chosen) for code in codes)])


def _line(visit: Visit, device: dict[str, Any]) -> None:
    t = visit.t
    health, jobs = device["health"], device.get("jobs", {})
    kind, icon = kind_of(visit, device)
    with anchor(f"/devices/{device['code']}", "os-line os-device"):
        ui.icon(icon).classes("os-muted os-line-icon")
        with box("os-line-main"):
            Text(device["code"], "div")
            Text(" · ".join(filter(None, (kind, device.get("warehouse", "")))), "div", "os-muted os-small")
        with box("os-device-why"):
            if health["reasons"]:
                Text(reason_words(visit, health["reasons"]), "div", "os-small")
            if health["since"]:
                Text(t("since {moment}", moment=visit.f.moment(health["since"])), "div", "os-muted os-small os-number")
        evidence = Text(health["evidence"][-EVIDENCE_CHARS:], "span", "os-code os-muted os-hide-small")
        evidence.props["title"] = t("The last bytes it said")
        with box("os-device-badges"):
            if jobs.get("queued"):
                badge(t("{n} waiting", n=visit.f.number(jobs["queued"])), "brand")
            if jobs.get("unknown"):
                badge(t("{n} to decide", n=visit.f.number(jobs["unknown"])), "bad")
            health_badge(visit, health)
