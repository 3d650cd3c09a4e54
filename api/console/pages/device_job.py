"""One job of a device: what lies on the counter, where it stands and why, every attempt, the question it asks."""

from typing import Any

from fastapi import Request

from api.console.client import ApiProblem
from api.console.devices import ago, answers, job_address, job_badge, job_title, reason_words, receipt, who
from api.console.frame import frame, route
from api.console.pages.devices import live
from api.console.parts import Section, card, empty
from api.console.pictures import picture_of
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

Found = tuple[dict[str, Any], bool]
"""A job, and whether there is a picture of it."""


def register(desk: Desk) -> None:
    """`/devices/{code}/jobs/{job}`"""

    @route("/devices/{code}/jobs/{job_id}")
    async def one(request: Request, code: str, job_id: str) -> None:
        visit = visit_of(request, desk)
        with frame(visit, job_id, visit.t("A job of {device}", device=code), active="/devices"):
            section: Section[Found] = Section(
                visit,
                lambda: _job(visit, code, job_id),
                lambda found: _show(visit, code, *found, lambda: section.load()),
                lines=8,
            )
            live(visit, section.renew, device=code)


async def _job(visit: Visit, code: str, job_id: str) -> Found:
    job: dict[str, Any] = await visit.desk.api.get(f"/v1/devices/{code}/jobs/{job_id}")
    try:
        await picture_of(visit.desk, code, job_id)
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        return job, False
    return job, True


def _show(visit: Visit, code: str, job: dict[str, Any], pictured: bool, done: Any) -> None:
    t = visit.t
    with box("os-grid"):
        with box("os-section os-w7"):
            with card(job_title(visit, job) if job["kind"] == "open_drawer" else t("Where it stands")):
                _facts(visit, code, job)
                if job["state"] == "unknown":
                    Text(t("The printer could not say. Look at the paper, then answer."), "div", "os-bad")
                    answers(visit, code, job, done)
            with card(t("Attempts")):
                _attempts(visit, job)
        with card(t("On the paper"), t("from the very bytes that the printer gets"), "os-w5"):
            if pictured:
                with box("os-paper-holder"):
                    receipt(visit, code, job)
            elif job["kind"] == "print":
                empty("image_not_supported", t("Its bytes are kept no more"), t("The journal keeps the latest ones"))
            else:
                empty("point_of_sale", t("Nothing is printed"), t("This job opens a drawer"))


def _facts(visit: Visit, code: str, job: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    with box("os-row"):
        job_badge(visit, job["state"])
        Text(reason_words(visit, job["reasons"][-1:]), "span")
    rows = [
        (t("Device"), code, f"/devices/{code}"),
        (t("Asked for by"), who(job["by"]), ""),
        (t("Taken in"), f"{f.moment(job['submitted_at'], seconds=True)} · {ago(visit, job['submitted_at'])}", ""),
        (t("Since then"), f"{f.moment(job['changed_at'], seconds=True)} · {ago(visit, job['changed_at'])}", ""),
    ]
    if job.get("deadline"):
        rows.append((t("Not after"), f.moment(job["deadline"], seconds=True), ""))
    if job.get("decided_by"):
        rows.append((t("Decided by"), who(job["decided_by"]), ""))
    if job.get("copy_of"):
        rows.append((t("Copy of"), job["copy_of"], job_address(code, job["copy_of"])))
    if job["reasons"][:-1]:
        rows.append((t("Before"), reason_words(visit, job["reasons"][:-1]), ""))
    with box("os-dl"):
        for title, value, target in rows:
            Text(title)
            if target:
                anchor(target, "", value)
            else:
                Text(value)


def _attempts(visit: Visit, job: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    if not job["attempts"]:
        empty("hourglass_empty", t("Not one byte has left"), t("It is sent as soon as the device can take it"))
        return
    with box("os-list"):
        for number, attempt in enumerate(job["attempts"], 1):
            with box("os-line"):
                Text(str(number), "span", "os-muted os-number")
                with box("os-line-main"):
                    Text(reason_words(visit, [attempt["reason"]]) if attempt["reason"] else t("Under way"), "div")
                    span = [f.moment(attempt[name], seconds=True) for name in ("began_at", "ended_at") if attempt[name]]
                    Text(" – ".join(span), "div", "os-muted os-small os-number")
                Text(t("{n} bytes", n=f.number(attempt["bytes_sent"])), "span", "os-muted os-small os-number")
