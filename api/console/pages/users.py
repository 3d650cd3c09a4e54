"""Who may sign in, for administrators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import Request
from nicegui import run, ui

from api.console.accounts import SCOPES_OF, Account, AccountFailed, Role, check_name, check_password, client_of
from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.keys import made_key
from api.console.parts import badge, card, empty, line, sentence
from api.console.text import Text, box
from api.console.user_notes import Did
from api.console.visit import Desk, Visit, visit_of

MOODS: Final = {Role.ADMIN: "warn", Role.PLANNER: "brand", Role.VIEWER: ""}
NOTES: Final = 20
"""changes that are shown"""
DID: Final = {
    Did.ADDED: "was added",
    Did.PASSWORD: "has a new password",
    Did.ROLE: "has another role",
    Did.REMOVED: "was removed",
}


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
                with card(t("What was changed"), t("the newest first; nobody can take a line away here")):
                    listed.notes = box("os-list")
            listed.show()


def show_notes(visit: Visit) -> None:
    """Who did what to whom, when."""
    t, f = visit.t, visit.f
    notes = visit.desk.accounts.notes.last(NOTES)
    if not notes:
        empty("history", t("No changes yet"))
    for note in notes:
        words = " · ".join((note.by.removeprefix("console:"), f.moment(note.at, seconds=True)))
        with line(f"{note.user} {t(DID[note.did])}", words, icon="history"):
            if note.role is not None:
                badge(t(note.role.capitalize()), MOODS.get(Role(note.role), ""))


class _Listed:
    """Everybody, with what can be done about them."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._box = box("os-list")
        self.notes: ui.element

    def show(self) -> None:
        """As it is now."""
        t, f = self._visit.t, self._visit.f
        self.notes.clear()
        with self.notes:
            show_notes(self._visit)
        self._box.clear()
        with self._box:
            for account in self._visit.desk.accounts.all().values():
                with line(account.name, t("since {moment}", moment=f.day(account.created_at)), icon="person"):
                    badge(t(account.role.value.capitalize()), MOODS[account.role])
                    self._password(account)
                    # Nobody shuts the door behind themselves: another administrator does.
                    if account.name != self._visit.account.name:
                        self._role(account)
                        self._remove(account)

    def _password(self, account: Account) -> None:
        t = self._visit.t
        with ui.dialog() as dialog, ui.card().classes("os-card").style("max-width:24rem"):
            Text(t("New password for {name}", name=account.name), "h2", "os-card-title")
            field = ui.input(t("Password"), password=True).props("outlined dense autocomplete=new-password")

            async def save() -> None:
                if not allowed(self._visit):
                    return
                try:
                    set_password = partial(self._visit.desk.accounts.set_password, by=self._visit.client)
                    await run.io_bound(set_password, account.name, field.value or "")
                except AccountFailed as error:
                    ui.notify(t(error.why), type="negative")
                    return
                dialog.close()
                ui.notify(t("Saved"), type="positive")
                self.show()

            ui.button(t("Save"), on_click=save).props("unelevated color=primary")
        ui.button(icon="password", on_click=dialog.open).props(f'flat round dense aria-label="{t("New password")}"')

    def _role(self, account: Account) -> None:
        t = self._visit.t
        with ui.dialog() as dialog, ui.card().classes("os-card").style("max-width:24rem"):
            Text(t("Role of {name}", name=account.name), "h2", "os-card-title")
            field = ui.select(_roles(self._visit), label=t("Role"), value=account.role.value)
            field.props("outlined dense").classes("os-search")

            async def save() -> None:
                if not allowed(self._visit):
                    return
                try:
                    before = await give_role(self._visit, account.name, Role(field.value))
                except AccountFailed as error:
                    ui.notify(t(error.why), type="negative")
                    return
                except ApiProblem as problem:
                    ui.notify(t(sentence(problem)), type="negative")
                    return
                dialog.close()
                ui.notify(t("Saved"), type="positive")
                self.show()
                await revoke(self._visit, before.key_id)

            ui.button(t("Save"), on_click=save).props("unelevated color=primary")
        ui.button(icon="manage_accounts", on_click=dialog.open).props(f'flat round dense aria-label="{t("Role")}"')

    def _remove(self, account: Account) -> None:
        t, desk = self._visit.t, self._visit.desk

        async def remove() -> None:
            if not allowed(self._visit):
                return
            try:
                await revoke(self._visit, desk.accounts.remove(account.name, by=self._visit.client).key_id)
            except AccountFailed as error:
                ui.notify(t(error.why), type="negative")
            self.show()

        with ui.dialog() as sure, ui.card().classes("os-card").style("max-width:24rem"):
            Text(t("Remove {name}?", name=account.name), "h2", "os-card-title")
            Text(t("Open pages stop working at once. What was done stays in the journal."), "p", "os-muted")
            with box("os-row"):
                ui.space()
                ui.button(t("Cancel"), on_click=sure.close, color=None).props("flat").classes("os-soft")
                ui.button(t("Remove"), on_click=remove).props("unelevated color=negative")
        ui.button(icon="delete", on_click=sure.open).props(f'flat round dense aria-label="{t("Remove")}"')


def allowed(visit: Visit) -> bool:
    """Whether who has this page open is an administrator still; says so when not."""
    if not visit.still_admin:
        ui.notify(visit.t("You may not do this"), type="negative")
    return visit.still_admin


async def give_role(visit: Visit, name: str, role: Role) -> Account:
    """And a key that may do what the role may; gives what was before, whose key is to be revoked."""
    accounts = visit.desk.accounts
    if accounts.get(name) is None:
        raise AccountFailed(f"there is no user {name}")
    async with _key_for(visit, name, role) as key:
        return accounts.set_role(name, role, key, by=visit.client)


async def add_user(visit: Visit, name: str, role: Role, password: str) -> None:
    """And the key that the user's changes are made with."""
    accounts = visit.desk.accounts
    check_name(name)
    check_password(password)
    if accounts.get(name) is not None:
        raise AccountFailed(f"there is a user {name} already")
    async with _key_for(visit, name, role) as key:
        await run.io_bound(partial(accounts.add, by=visit.client), name, role, password, key)


@asynccontextmanager
async def _key_for(visit: Visit, name: str, role: Role) -> AsyncIterator[str]:
    """A new one, which may do what the role may; revoked again when what it is for fails: no account would hold it."""
    key = made_key()
    body = {"secret_sha256": key.secret_sha256, "client": client_of(name), "scopes": list(SCOPES_OF[role])}
    await visit.desk.api.change(visit.account.key, "PUT", f"/v1/keys/{key.id}", body)
    try:
        yield key.text
    except Exception:
        await revoke(visit, key.id)
        raise


async def revoke(visit: Visit, key_id: str) -> None:
    """A key that nobody is to call with any more; says so where the engine would not."""
    t = visit.t
    try:
        await visit.desk.api.change(visit.account.key, "DELETE", f"/v1/keys/{key_id}")
    except ApiProblem as problem:
        ui.notify(f"{t('The API key could not be revoked')}: {t(sentence(problem))}", type="negative")


def _roles(visit: Visit) -> dict[str, Any]:
    return {role.value: visit.t(role.value.capitalize()) for role in Role}


def _new(visit: Visit, listed: _Listed) -> None:
    t = visit.t
    name = (
        ui.input(t("Name"))
        .props("outlined dense maxlength=40 autocomplete=off autocapitalize=none")
        .classes("os-search")
    )
    role = ui.select(_roles(visit), label=t("Role"), value=Role.PLANNER.value)
    role.props("outlined dense").classes("os-search")
    password = ui.input(t("Password"), password=True, password_toggle_button=True)
    password.props("outlined dense autocomplete=new-password").classes("os-search")
    Text(
        t(
            "Viewers see everything; planners also set thresholds, answer alerts and close days; "
            "administrators also keep users and keys."
        ),
        "p",
        "os-muted os-small",
    )

    async def add() -> None:
        if not allowed(visit):
            return
        wanted = Role(role.value)
        given, secret = (name.value or "").strip().lower(), password.value or ""
        try:
            await add_user(visit, given, wanted, secret)
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
