"""What was done to users is noted with who did it, before it is done, and never with a password."""

import stat
from pathlib import Path

import httpx2
import orjson
import pytest
from typer.testing import CliRunner

from api.console.accounts import SCOPES_OF, AccountFailed, Accounts, Role
from api.console.client import Api
from api.console.keys import made_key
from api.console.pages.users import allowed, give_role, revoke, show_notes
from api.console.sessions import Sessions
from api.console.user_notes import Did
from api.console.visit import Desk, Visit
from api.users_cli import at_the_shell, users_app
from tests.console.shown import Shown
from tests.console.test_client import ok, run
from tests.console.test_figures import visit

PASSWORD, BOSS = "correct horse", "console:boss"


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    made = Accounts(tmp_path)
    made.add("boss", Role.ADMIN, PASSWORD, made_key().text, by="cli:root")
    made.add("anna", Role.PLANNER, PASSWORD, made_key().text, by=BOSS)
    return made


def noted(accounts: Accounts) -> list[tuple[str, Did, str, str | None]]:
    """The oldest first."""
    return [(each.by, each.did, each.user, each.role) for each in reversed(accounts.notes.last(100))]


ADDED = [("cli:root", Did.ADDED, "boss", "admin"), (BOSS, Did.ADDED, "anna", "planner")]


def test_every_change_says_who_did_what_to_whom_and_when(accounts: Accounts, tmp_path: Path) -> None:
    accounts.set_password("anna", "another horse", by="console:anna")
    accounts.set_role("anna", Role.VIEWER, made_key().text, by=BOSS)
    accounts.remove("anna", by=BOSS)
    assert noted(Accounts(tmp_path)) == [
        *ADDED,
        ("console:anna", Did.PASSWORD, "anna", None),
        (BOSS, Did.ROLE, "anna", "viewer"),
        (BOSS, Did.REMOVED, "anna", None),
    ]
    file = tmp_path / "console" / "user_changes.jsonl"
    lines = [orjson.loads(line) for line in file.read_text().splitlines()]
    assert [sorted(line) for line in lines] == [["at", "by", "did", "role", "user"]] * 5
    assert all(line["at"].endswith("+00:00") for line in lines)
    assert "horse" not in file.read_text()
    assert "os_" not in file.read_text(), "nor a key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_was_refused_changed_nothing_and_is_no_change(accounts: Accounts) -> None:
    for change in (
        lambda: accounts.add("anna", Role.ADMIN, PASSWORD, made_key().text, by=BOSS),
        lambda: accounts.set_password("anna", "short", by=BOSS),
        lambda: accounts.set_password("bert", PASSWORD, by=BOSS),
        lambda: accounts.set_role("bert", Role.ADMIN, made_key().text, by=BOSS),
        lambda: accounts.remove("bert", by=BOSS),
    ):
        with pytest.raises(AccountFailed):
            change()
    assert noted(accounts) == ADDED


def test_a_change_that_cannot_be_noted_is_not_made(accounts: Accounts, tmp_path: Path) -> None:
    file = tmp_path / "console" / "user_changes.jsonl"
    file.unlink()
    file.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        accounts.remove("anna", by=BOSS)
    assert "anna" in Accounts(tmp_path).all()


def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(accounts: Accounts, tmp_path: Path) -> None:
    with (tmp_path / "console" / "user_changes.jsonl").open("ab") as file:
        file.write(b'{"at":"2026-11-22T1')
    accounts.remove("anna", by=BOSS)
    assert noted(accounts) == [*ADDED, (BOSS, Did.REMOVED, "anna", None)]
    assert [each.did for each in accounts.notes.last(1)] == [Did.REMOVED]


def test_another_role_keeps_the_password_and_the_session(accounts: Accounts, tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, accounts)
    token = sessions.open(accounts.all()["anna"])
    accounts.set_role("anna", Role.ADMIN, made_key().text, by=BOSS)
    found = sessions.find(token)
    assert found is not None
    assert found.role is Role.ADMIN
    assert accounts.signed_in("anna", PASSWORD) is not None


def visit_of_boss(accounts: Accounts, tmp_path: Path, api: Api | None = None) -> Visit:
    sessions = Sessions(tmp_path, accounts)
    made = visit()
    made.account = accounts.all()["boss"]
    made.token = sessions.open(made.account)
    made.desk = Desk(api, None, accounts, sessions, None)  # type: ignore[arg-type]
    return made


def test_a_role_comes_with_a_key_of_its_scopes_and_the_old_key_is_revoked(accounts: Accounts, tmp_path: Path) -> None:
    before = accounts.all()["anna"]
    asked: list[tuple[str, str]] = []
    scopes: list[list[str]] = []

    async def engine(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.method, request.url.path))
        if request.content:
            scopes.append(orjson.loads(request.content)["scopes"])
        return ok({})

    async def work(api: Api) -> None:
        boss = visit_of_boss(accounts, tmp_path, api)
        await revoke(boss, await give_role(boss, "anna", Role.VIEWER))

    run(engine, work)
    after = accounts.all()["anna"]
    assert (after.role, scopes) == (Role.VIEWER, [list(SCOPES_OF[Role.VIEWER])])
    assert asked == [("PUT", f"/v1/keys/{after.key_id}"), ("DELETE", f"/v1/keys/{before.key_id}")]
    assert noted(accounts)[-1] == (BOSS, Did.ROLE, "anna", "viewer")


def test_an_open_page_of_one_who_is_no_administrator_any_more_changes_nobody(
    accounts: Accounts, tmp_path: Path
) -> None:
    boss = visit_of_boss(accounts, tmp_path)
    answers = [boss.still_admin]
    accounts.set_role("boss", Role.VIEWER, made_key().text, by="cli:root")
    assert boss.may_admin, "the page was made when it was so"
    Shown(lambda: answers.append(allowed(boss)))
    assert answers == [True, False]


def test_the_page_shows_what_was_changed_the_newest_first(accounts: Accounts, tmp_path: Path) -> None:
    accounts.set_password("anna", PASSWORD, by=BOSS)
    texts = Shown(lambda: show_notes(visit_of_boss(accounts, tmp_path))).texts
    titles = [text for text in texts if text.startswith(("anna", "boss was"))]
    assert titles == ["anna has a new password", "anna was added", "boss was added"]
    assert {"Planner", "Admin"} <= set(texts)


def test_the_command_line_notes_the_machines_user(tmp_path: Path) -> None:
    for words, given in (
        (["add", "carla", "--role", "viewer", "--password-stdin"], PASSWORD),
        (["role", "carla", "--role", "planner"], ""),
        (["remove", "carla"], ""),
    ):
        done = CliRunner().invoke(users_app, [*words, "--data", str(tmp_path)], input=given)
        assert done.exit_code == 0, done.output
    did = [(Did.ADDED, "viewer"), (Did.ROLE, "planner"), (Did.REMOVED, None)]
    assert noted(Accounts(tmp_path)) == [(at_the_shell(), each, "carla", role) for each, role in did]
