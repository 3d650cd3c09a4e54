"""Who may sign in, for administrators."""

from typing import Any

from fastapi import Request
from nicegui import run, ui

from api.console.accounts import SCOPES_OF, Account, AccountFailed, Role, check_name, check_password, client_of
from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.keys import made_key
from api.console.parts import badge, card, empty, line, sentence
from api.console.text import Text, box
from api.console.visit import Desk, Visit, visit_of

MOODS = {Role.ADMIN: "warn", Role.PLANNER: "brand", Role.VIEWER: ""}


def register(desk: Desk) -> None:
    """`/users`"""

    @route("/users")
    async def users(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("Users"), t("What somebody does here is journaled in that name")):
            if not visit.may_admin:
                empty("lock", t("Administrators keep users and API keys"))
                return
            with box("os-grid"):
                with card(t("Who may sign in"), classes="os-w7"):
                    listed = _Listed(visit)
                with card(t("A new user"), classes="os-w5"):
                    _new(visit, listed)


class _Listed:
    """Everybody, with what can be done about them."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._box = box("os-list")
        self.show()

    def show(self) -> None:
        """As it is now."""
        t, f = self._visit.t, self._visit.f
        self._box.clear()
        with self._box:
            for account in self._visit.desk.accounts.all().values():
                with line(account.name, t("since {moment}", moment=f.day(account.created_at)), icon="person"):
                    badge(t(account.role.value.capitalize()), MOODS[account.role])
                    self._password(account)
                    if account.name != self._visit.account.name:
                        self._remove(account)

    def _password(self, account: Account) -> None:
        t = self._visit.t
        with ui.dialog() as dialog, ui.card().classes("os-card").style("max-width:24rem"):
            Text(t("New password for {name}", name=account.name), "h2", "os-card-title")
            field = ui.input(t("Password"), password=True).props("outlined dense autocomplete=new-password")

            async def save() -> None:
                try:
                    await run.io_bound(self._visit.desk.accounts.set_password, account.name, field.value or "")
                except AccountFailed as error:
                    ui.notify(t(error.why), type="negative")
                    return
                dialog.close()
                ui.notify(t("Saved"), type="positive")

            ui.button(t("Save"), on_click=save).props("unelevated color=primary")
        ui.button(icon="password", on_click=dialog.open).props(f'flat round dense aria-label="{t("New password")}"')

    def _remove(self, account: Account) -> None:
        t, desk = self._visit.t, self._visit.desk

        async def remove() -> None:
            try:
                desk.accounts.remove(account.name)
                await desk.api.change(self._visit.account.key, "DELETE", f"/v1/keys/{account.key_id}")
            except AccountFailed as error:
                ui.notify(t(error.why), type="negative")
            except ApiProblem as problem:
                ui.notify(f"{t('The API key could not be revoked')}: {t(sentence(problem))}", type="negative")
            self.show()

        with ui.dialog() as sure, ui.card().classes("os-card").style("max-width:24rem"):
            Text(t("Remove {name}?", name=account.name), "h2", "os-card-title")
            Text(t("Open pages stop working at once. What was done stays in the journal."), "p", "os-muted")
            with box("os-row"):
                ui.space()
                ui.button(t("Cancel"), on_click=sure.close, color=None).props("flat").classes("os-soft")
                ui.button(t("Remove"), on_click=remove).props("unelevated color=negative")
        ui.button(icon="delete", on_click=sure.open).props(f'flat round dense aria-label="{t("Remove")}"')


def _new(visit: Visit, listed: _Listed) -> None:
    t, desk = visit.t, visit.desk
    name = (
        ui.input(t("Name"))
        .props("outlined dense maxlength=40 autocomplete=off autocapitalize=none")
        .classes("os-search")
    )
    roles: dict[str, Any] = {role.value: t(role.value.capitalize()) for role in Role}
    role = ui.select(roles, label=t("Role"), value=Role.PLANNER.value).props("outlined dense").classes("os-search")
    password = ui.input(t("Password"), password=True, password_toggle_button=True)
    password.props("outlined dense autocomplete=new-password").classes("os-search")
    Text(
        t(
            "Viewers see everything; planners also set thresholds and answer alerts; administrators also keep "
            "users and keys."
        ),
        "p",
        "os-muted os-small",
    )

    async def add() -> None:
        key = made_key()
        wanted = Role(role.value)
        given, secret = (name.value or "").strip().lower(), password.value or ""
        try:
            check_name(given)
            check_password(secret)
            if desk.accounts.get(given) is not None:
                raise AccountFailed(f"there is a user {given} already")
            body = {"secret_sha256": key.secret_sha256, "client": client_of(given), "scopes": list(SCOPES_OF[wanted])}
            await desk.api.change(visit.account.key, "PUT", f"/v1/keys/{key.id}", body)
            await run.io_bound(desk.accounts.add, given, wanted, secret, key.text)
        except AccountFailed as error:
            ui.notify(t(error.why), type="negative")
            return
        except ApiProblem as problem:
            ui.notify(t(sentence(problem)), type="negative")
            return
        name.set_value("")
        password.set_value("")
        listed.show()
        ui.notify(t("{name} may sign in", name=given), type="positive")

    ui.button(t("Add"), icon="person_add", on_click=add).props("unelevated color=primary")
