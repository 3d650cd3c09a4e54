"""One reservation: its lines, its state, and, for an administrator, its release."""

from typing import Any

from fastapi import Request
from nicegui import ui

from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.pages.reservations import lines_of, state_badge
from api.console.parts import Section, card, sentence
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of


def register(desk: Desk) -> None:
    """`/reservations/{id}`"""

    @route("/reservations/{reservation}")
    async def one(request: Request, reservation: str) -> None:
        visit = visit_of(request, desk)
        with frame(visit, visit.t("Reservation"), reservation, active="/reservations"):
            section: Section[dict[str, Any]] = Section(
                visit, lambda: _one(visit, reservation), lambda found: _show(visit, found, lambda: section)
            )


async def _one(visit: Visit, reservation: str) -> dict[str, Any]:
    found: dict[str, Any] = await visit.desk.api.get(f"/v1/reservations/{reservation}", {"everyone": "true"})
    await visit.desk.names([line["sku"] for line in found["lines"]])
    return found


def _show(visit: Visit, item: dict[str, Any], section: Any) -> None:
    t, f = visit.t, visit.f
    with card():
        with box("os-row"):
            state_badge(visit, item["state"])
            if item.get("expires_at"):
                Text(t("until {moment}", moment=f.moment(item["expires_at"], seconds=True)), "span", "os-muted")
        with box("os-dl"):
            for title, value in (
                (t("Channel"), visit.channel(item["channel"])),
                (t("Reference"), item.get("reference") or "–"),
                (t("Customer"), item.get("customer") or "–"),
            ):
                Text(title)
                Text(value)
    with card(t("Goods")):
        lines_of(visit, item)
        with box("os-row"):
            anchor(
                visit.link("/explain", reservation=item["reservation"]), "os-preset", t("Why from there, or refused?")
            )
    if not visit.may_admin or item["state"] not in ("held", "confirmed"):
        return

    async def release() -> None:
        try:
            await visit.desk.api.change(
                visit.account.key, "POST", f"/v1/reservations/{item['reservation']}/release", {}
            )
        except ApiProblem as problem:
            ui.notify(t(sentence(problem)), type="negative")
            return
        ui.notify(t("Released"), type="positive")
        await section().load()

    with ui.dialog() as sure, ui.card().classes("os-card").style("max-width:24rem"):
        Text(t("Release this reservation?"), "h2", "os-card-title")
        Text(t("The units are available to every channel again. The customer is not told."), "p", "os-muted")
        with box("os-row"):
            ui.space()
            ui.button(t("Cancel"), on_click=sure.close, color=None).props("flat").classes("os-soft")
            ui.button(t("Release"), on_click=release).props("unelevated color=negative").on_click(sure.close)
    ui.button(t("Release"), icon="undo", on_click=sure.open, color=None).props("flat").classes("os-soft")
