"""Devices and their jobs as people read them: states, reasons, pictures, and the question that a person answers."""

from datetime import UTC, datetime
from typing import Any, Final

from nicegui import ui

from api.console.client import ApiProblem, Params
from api.console.parts import badge, sentence
from api.console.pictures import picture_address
from api.console.text import Text, anchor, box
from api.console.visit import Visit

KINDS: Final = {
    "receipt_printer": ("Receipt printer", "print"),
    "scanner": ("Scanner", "qr_code_scanner"),
    "scale": ("Scale", "scale"),
    "customer_display": ("Customer display", "tv"),
}
HEALTH: Final = {
    "ready": ("In order", "good"),
    "busy": ("At work", "brand"),
    "degraded": ("Works, but look", "warn"),
    "blocked": ("Waits for somebody", "bad"),
    "absent": ("Not there", "bad"),
    "error": ("Out of order", "bad"),
    "unknown": ("Unknown", "warn"),
    "connecting": ("connecting", ""),
}
WELL: Final = frozenset(("ready", "busy"))
TROUBLED: Final = frozenset(("degraded", "blocked", "absent", "error"))
JOBS: Final = {
    "queued": ("Waiting", "brand"),
    "sending": ("Under way", "brand"),
    "sent": ("Sent", ""),
    "confirmed": ("Done", "good"),
    "failed_clean": ("Not done", "warn"),
    "unknown": ("To decide", "bad"),
    "abandoned": ("Given up", ""),
}
REASONS: Final = {
    "paper_out": "no paper",
    "paper_near_end": "the paper is near its end",
    "cover_open": "the cover is open",
    "cutter": "the knife is stuck",
    "unrecoverable": "it is broken",
    "overheated": "it is too hot",
    "recoverable": "a fault that can be cleared",
    "waiting": "it waits for its button",
    "offline": "off line",
    "line_lost": "the line was lost",
    "silent": "it says nothing",
    "flapping": "it comes and goes",
    "printing": "printing",
    "drawer_open": "the drawer is open",
    "drawer_left_open": "the drawer was left open",
    "it never says how it is": "it never says how it is",
    "unplugged": "unplugged",
    "not plugged in": "unplugged",
    "connection refused": "nothing listens there",
    "no answer": "nobody answers there",
    "connection reset by peer": "the connection broke",
    "broken pipe": "the connection broke",
    "the other side closed it": "the other side ended the connection",
    "it takes no more bytes": "it takes no more bytes",
    "no proof": "no proof came",
    "the program ended while the job was sending": "the program ended meanwhile",
    "the program ended while the job was sent": "the program ended meanwhile",
    "this device cannot prove that it is done": "this device cannot prove that it is done",
    "proved by the printer (gs_r)": "proved by the printer",
    "proved by the printer (gs_h)": "proved by the printer",
    "the drawer's switch says so": "the drawer’s switch says so",
    "the drawer's switch did not move": "the drawer’s switch did not move",
    "the drawer has no switch": "the drawer has no switch",
    "its deadline passed": "its deadline passed",
    "the device was removed": "the device was removed",
    "made anew: the printer is set up otherwise now": "made anew for the changed printer",
    "a person saw it printed": "a person saw it printed",
    "a person saw that it was not printed": "a person saw that it was not printed",
}
"""What devices and jobs say; what is not here is shown as it was said."""
WHERE_TO_DECIDE: Final = "unknown"


def reason_words(visit: Visit, reasons: list[str]) -> str:
    """Why, in the reader's language as far as it is known."""
    return " · ".join(visit.t(REASONS.get(reason, reason)) for reason in reasons)


def ago(visit: Visit, moment: str | None) -> str:
    """How long since then."""
    if not moment:
        return "–"
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))
    for unit, words in ((86_400, "{n} d ago"), (3_600, "{n} h ago"), (60, "{n} min ago")):
        if seconds >= unit:
            return visit.t(words, n=visit.f.number(seconds // unit))
    return visit.t("just now")


def health_badge(visit: Visit, health: dict[str, Any]) -> None:
    """In a word."""
    words, mood = HEALTH.get(health["state"], (health["state"], ""))
    badge(visit.t(words), mood)


def job_badge(visit: Visit, state: str) -> None:
    """In a word."""
    words, mood = JOBS.get(state, (state, ""))
    badge(visit.t(words), mood)


def kind_of(visit: Visit, device: dict[str, Any]) -> tuple[str, str]:
    """(what it is called, its icon)."""
    words, icon = KINDS.get(device["kind"], (device["kind"], "devices_other"))
    return visit.t(words), icon


def job_title(visit: Visit, job: dict[str, Any]) -> str:
    """What it is."""
    if job["kind"] == "open_drawer":
        return visit.t("Drawer: {why}", why=job.get("why") or "–")
    return visit.t("Copy of {id}", id=job["copy_of"]) if job.get("copy_of") else job["id"]


def job_words(visit: Visit, job: dict[str, Any]) -> str:
    """Beside its title: how often it was tried, why it stands there, how old it is, who asked."""
    tries = len(job["attempts"])
    parts = [
        job["id"] if job["kind"] == "open_drawer" or job.get("copy_of") else "",
        visit.t("{n} attempts", n=tries) if tries > 1 else "",
        reason_words(visit, job["reasons"][-1:]),
        who(job.get("decided_by") or job["by"]),
    ]
    return " · ".join(part for part in parts if part)


def who(client: str) -> str:
    """A user of the console by name, a program by its client."""
    return client.removeprefix("console:")


def job_line(visit: Visit, code: str, job: dict[str, Any]) -> None:
    """A job in a list; leads to its page."""
    with anchor(job_address(code, job["id"]), "os-line"):
        ui.icon("receipt_long" if job["kind"] == "print" else "point_of_sale").classes("os-muted os-line-icon")
        with box("os-line-main"):
            Text(job_title(visit, job), "div")
            Text(job_words(visit, job), "div", "os-muted os-small")
        Text(ago(visit, job["changed_at"]), "span", "os-muted os-small os-number os-nowrap")
        job_badge(visit, job["state"])


def job_address(code: str, job_id: str) -> str:
    """Of its page."""
    return f"/devices/{code}/jobs/{job_id}"


def receipt(visit: Visit, code: str, job: dict[str, Any], classes: str = "") -> None:
    """Its picture, as a strip of paper."""
    picture = ui.element("img").classes(f"os-paper {classes}".strip())
    picture.props["src"] = picture_address(code, job)
    picture.props["alt"] = visit.t("The receipt {id} as it lies on the counter", id=job["id"])


def doubt(visit: Visit, code: str, job: dict[str, Any], done: Any) -> None:
    """One job that nobody knows about: what it should look like, why, and the two answers."""
    with box("os-doubt").props("data-testid=doubt"):
        if job["kind"] == "print":
            with anchor(job_address(code, job["id"]), "os-doubt-paper"):
                receipt(visit, code, job)
        with box("os-section os-doubt-words"):
            with ui.element("div"):
                anchor(job_address(code, job["id"]), "os-doubt-title", job_title(visit, job))
                Text(f"{code} · {ago(visit, job['changed_at'])}", "div", "os-muted os-small")
            Text(reason_words(visit, job["reasons"][-1:]), "div", "os-bad")
            answers(visit, code, job, done)


def answers(visit: Visit, code: str, job: dict[str, Any], done: Any) -> None:
    """The two buttons, for whoever may press them; `done` is called after an answer."""
    t = visit.t
    if not visit.may_plan:
        Text(t("A planner or an administrator answers, who has seen the paper"), "div", "os-muted os-small")
        return
    printed, not_printed = (
        ("It was printed", "Print a marked copy") if job["kind"] == "print" else ("It opened", "It stayed shut")
    )

    async def decide(was_printed: bool) -> None:
        for button in (yes, no):
            button.disable()
        path = f"/v1/devices/{code}/jobs/{job['id']}/decide"
        try:
            await visit.desk.api.change(visit.account.key, "POST", path, {"printed": was_printed})
        except ApiProblem as problem:
            ui.notify(t(sentence(problem)), type="negative")
        else:
            ui.notify(t("Done"), type="positive")
        await done()

    with box("os-row"):
        yes = ui.button(t(printed), icon="check", on_click=lambda: decide(True), color=None)
        yes.props("flat no-caps").classes("os-soft")
        no = ui.button(t(not_printed), icon="content_copy" if job["kind"] == "print" else "close")
        no.on_click(lambda: decide(False)).props("unelevated no-caps color=primary")


async def in_doubt(visit: Visit, devices: list[dict[str, Any]], most: int) -> list[tuple[str, dict[str, Any]]]:
    """Jobs that wait for a person, the newest of each device first."""
    found: list[tuple[str, dict[str, Any]]] = []
    for device in devices:
        if device.get("jobs", {}).get("unknown"):
            params: Params = {"state": WHERE_TO_DECIDE, "order": "newest", "limit": most}
            page = await visit.desk.api.get(f"/v1/devices/{device['code']}/jobs", params)
            found += [(device["code"], job) for job in page["items"]]
    return found
