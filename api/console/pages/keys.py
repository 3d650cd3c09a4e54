"""API keys, for administrators: who may call, what for, until when. A key is shown once, here, and kept nowhere."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.keys import made_key
from api.console.parts import Section, badge, card, empty, line, sentence
from api.console.text import Text, box
from api.console.visit import Desk, Visit, visit_of

SCOPES: Final = ("read", "reserve", "stock", "sell", "store", "reports", "admin")


def register(desk: Desk) -> None:
    """`/keys`"""

    @route("/keys")
    async def keys(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("API keys"), t("For programs; people sign in with their name")):
            if not visit.may_admin:
                empty("lock", t("Administrators keep users and API keys"))
                return
            with box("os-grid"):
                with card(t("Keys in force"), classes="os-w7"):
                    section: Section[list[dict[str, Any]]] = Section(
                        visit, lambda: _all(visit), lambda found: _show(visit, found, lambda: section)
                    )
                with card(t("A new key"), classes="os-w5"):
                    _new(visit, section)


async def _all(visit: Visit) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await visit.desk.api.as_user(visit.account.key, "/v1/keys", {"limit": 1_000, "cursor": cursor})
        found += [key for key in page["items"] if key["revoked_at"] is None]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def _show(visit: Visit, keys: list[dict[str, Any]], section: Any) -> None:
    t, f = visit.t, visit.f
    for key in keys:
        words = [", ".join(key["scopes"])]
        words += [
            f"{t(title)}: {', '.join(key[name])}"
            for name, title in (("channels", "Channels"), ("warehouses", "Places"))
            if key[name]
        ]
        words.append(t("until {moment}", moment=f.moment(key["expires_at"])) if key["expires_at"] else t("without end"))
        with line(key["client"], " · ".join(words), icon="key"):
            badge(key["id"][:8])
            _revoke(visit, key, section)


def _revoke(visit: Visit, key: dict[str, Any], section: Any) -> None:
    t = visit.t

    async def revoke() -> None:
        try:
            await visit.desk.api.change(visit.account.key, "DELETE", f"/v1/keys/{key['id']}")
        except ApiProblem as problem:
            ui.notify(t(sentence(problem)), type="negative")
        await section().load()

    with ui.dialog() as sure, ui.card().classes("os-card").style("max-width:24rem"):
        Text(t("Revoke the key of {name}?", name=key["client"]), "h2", "os-card-title")
        Text(t("Programs that use it are refused within half a second. That cannot be undone."), "p", "os-muted")
        with box("os-row"):
            ui.space()
            ui.button(t("Cancel"), on_click=sure.close, color=None).props("flat").classes("os-soft")
            ui.button(t("Revoke"), on_click=revoke).props("unelevated color=negative")
    ui.button(icon="block", on_click=sure.open).props(f'flat round dense aria-label="{t("Revoke")}"')


def _new(visit: Visit, section: Section[list[dict[str, Any]]]) -> None:
    t = visit.t
    client = ui.input(t("Client")).props("outlined dense maxlength=64 autocomplete=off").classes("os-search")
    scopes = ui.select(list(SCOPES), label=t("Scopes"), value=["read"], multiple=True)
    scopes.props("outlined dense use-chips").classes("os-search")
    days = ui.select(
        {0: t("without end"), 30: t("30 days"), 90: t("90 days"), 365: t("a year")}, label=t("In force for"), value=90
    )
    days.props("outlined dense").classes("os-search")
    shown = box("os-section")

    async def make() -> None:
        key = made_key()
        until = datetime.now(UTC) + timedelta(days=days.value)
        body = {
            "secret_sha256": key.secret_sha256,
            "client": (client.value or "").strip(),
            "scopes": scopes.value,
            "expires_at": until.isoformat(timespec="seconds") if days.value else None,
        }
        try:
            await visit.desk.api.change(visit.account.key, "PUT", f"/v1/keys/{key.id}", body)
        except ApiProblem as problem:
            ui.notify(f"{t(sentence(problem))}: {problem.detail}", type="negative")
            return
        shown.clear()
        with shown:
            Text(t("Keep it now: it cannot be shown again."), "strong", "os-warn")
            Text(key.text, "div", "os-code")
            ui.button(t("Copy"), icon="content_copy", on_click=lambda: ui.clipboard.write(key.text), color=None).props(
                "flat dense"
            ).classes("os-soft")
        await section.load()

    ui.button(t("Make a key"), icon="add", on_click=make).props("unelevated color=primary")
