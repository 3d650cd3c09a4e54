"""One device: how it is and since when, what it said last, its jobs, and its last receipt as it lies on the counter."""

from typing import Any, Final

from fastapi import Request

from api.console.client import ApiProblem
from api.console.devices import (
    JOBS,
    WHERE_TO_DECIDE,
    ago,
    doubt,
    health_badge,
    in_doubt,
    job_address,
    job_line,
    kind_of,
    reason_words,
    receipt,
)
from api.console.frame import frame, route
from api.console.pages.devices import DOUBTS, live
from api.console.parts import Section, card, empty, pager, presets
from api.console.pictures import picture_of
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

PAGE: Final = 25
LOOKED_FOR: Final = 10
"""jobs among which the last receipt is looked for: drawers are jobs, too"""


def register(desk: Desk) -> None:
    """`/devices/{code}`"""

    @route("/devices/{code}")
    async def device(request: Request, code: str) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, code, t("A device of a store"), active="/devices"):
            doubts: Section[list[tuple[str, dict[str, Any]]]] = Section(
                visit,
                lambda: _doubts(visit, code),
                lambda found: _show_doubts(visit, found, lambda: doubts.load()),
                lines=1,
            )
            with box("os-grid"):
                with box("os-section os-w8"):
                    with card(t("How it is")):
                        health = Section(visit, lambda: _device(visit, code), lambda found: _show(visit, found))
                    with card(t("Jobs")):
                        _states(visit)
                        jobs = Section(
                            visit, lambda: _jobs(visit, code), lambda page: _show_jobs(visit, code, page), lines=8
                        )
                with card(t("The last receipt"), t("from the very bytes that the printer gets"), "os-w4"):
                    last = Section(visit, lambda: _last(visit, code), lambda job: _show_last(visit, code, job))
            live(visit, doubts.renew, health.renew, jobs.renew, last.renew, device=code)


def _states(visit: Visit) -> None:
    chosen = _state(visit)
    ways = [(visit.t("All"), visit.here(state=None, cursor=None), not chosen)]
    shown = ("queued", "unknown", "confirmed", "failed_clean", "abandoned")
    presets([*ways, *((visit.t(JOBS[name][0]), visit.here(state=name, cursor=None), name == chosen) for name in shown)])


def _state(visit: Visit) -> str | None:
    state = visit.query.get("state")
    return state if state in JOBS else None


async def _device(visit: Visit, code: str) -> dict[str, Any]:
    found: dict[str, Any] = await visit.desk.api.shared(f"/v1/devices/{code}", for_s=0.5)
    return found


async def _doubts(visit: Visit, code: str) -> list[tuple[str, dict[str, Any]]]:
    return await in_doubt(visit, [await _device(visit, code)], DOUBTS)


async def _jobs(visit: Visit, code: str) -> dict[str, Any]:
    params = {"state": _state(visit), "cursor": visit.query.get("cursor"), "order": "newest", "limit": PAGE}
    found: dict[str, Any] = await visit.desk.api.get(f"/v1/devices/{code}/jobs", params)
    return found


async def _last(visit: Visit, code: str) -> dict[str, Any] | None:
    """The newest receipt of which there is a picture."""
    page = await visit.desk.api.get(f"/v1/devices/{code}/jobs", {"order": "newest", "limit": LOOKED_FOR})
    job: dict[str, Any] | None = next((job for job in page["items"] if job["kind"] == "print"), None)
    try:
        if job is not None:
            await picture_of(visit.desk, code, job["id"])
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        return None
    return job


def _show_doubts(visit: Visit, found: list[tuple[str, dict[str, Any]]], done: Any) -> None:
    t = visit.t
    if found:
        words = t("The printer could not say. Look at the paper, then answer: nothing is printed twice by itself.")
        with card(t("Was it printed?"), words, "os-card-bad"):
            with box("os-doubts"):
                for code, job in found:
                    doubt(visit, code, job, done)
            if len(found) >= DOUBTS:
                anchor(visit.here(state=WHERE_TO_DECIDE, cursor=None), "os-small", t("All that are to decide"))


def _show(visit: Visit, device: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    health = device["health"]
    kind, _ = kind_of(visit, device)
    with box("os-row"):
        health_badge(visit, health)
        Text(reason_words(visit, health["reasons"]), "span")
        if health["since"]:
            Text(t("since {moment}", moment=f.moment(health["since"], seconds=True)), "span", "os-muted os-small")
    settings = ", ".join(f"{name} {value}" for name, value in device["settings"].items())
    with box("os-dl"):
        for title, value, classes in (
            (t("Kind"), f"{kind} ({device['driver']})", ""),
            (t("Place"), device.get("warehouse", "–"), ""),
            (t("Line"), device["transport"], "os-code"),
            (t("Settings"), settings or "–", "os-code"),
            (t("Last looked at"), ago(visit, health["checked_at"]), ""),
            (t("The last bytes it said"), health["evidence"] or "–", "os-code"),
            (t("Stopped working"), t("{n}× in ten minutes", n=f.number(health["flaps"])), ""),
        ):
            Text(title)
            Text(value, "span", classes)


def _show_jobs(visit: Visit, code: str, page: dict[str, Any]) -> None:
    t = visit.t
    if not page["items"]:
        empty("receipt_long", t("No such jobs"), t("What is printed here appears by itself"))
    else:
        with box("os-list").props("data-testid=jobs"):
            for job in page["items"]:
                job_line(visit, code, job)
    pager(visit, page["next_cursor"], first=not visit.query.get("cursor"))


def _show_last(visit: Visit, code: str, job: dict[str, Any] | None) -> None:
    t = visit.t
    if job is None:
        empty("receipt_long", t("No receipt yet"), t("What is printed here appears by itself"))
        return
    with anchor(job_address(code, job["id"]), "os-paper-holder"):
        receipt(visit, code, job)
    Text(f"{job['id']} · {ago(visit, job['changed_at'])}", "div", "os-muted os-small")
