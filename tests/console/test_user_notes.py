"""What was done to users is noted with who did it, before it is done, and never with a password."""

import stat
from collections.abc import Callable
from pathlib import Path

import httpx2
import orjson
import pytest
from typer.testing import CliRunner

from api.console.accounts import SCOPES_OF, AccountFailed, Accounts, Role
from api.console.client import Api
from api.console.keys import made_key
from api.console.pages.users import add_user, allowed, give_role, revoke, show_notes
from api.console.sessions import Sessions
from api.console.user_notes import Did
from api.console.visit import Desk, Visit
from api.keys_cli import keys_at
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
        await revoke(boss, (await give_role(boss, "anna", Role.VIEWER)).key_id)

    run(engine, work)
    after = accounts.all()["anna"]
    assert (after.role, scopes) == (Role.VIEWER, [list(SCOPES_OF[Role.VIEWER])])
    assert asked == [("PUT", f"/v1/keys/{after.key_id}"), ("DELETE", f"/v1/keys/{before.key_id}")]
    assert noted(accounts)[-1] == (BOSS, Did.ROLE, "anna", "viewer")


class Keys:
    """An engine that knows which keys are in force; when one is made, something else happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile
        self.in_force: set[str] = set()
        self.made = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        key = request.url.path.rpartition("/")[2]
        if request.method == "DELETE":
            self.in_force.remove(key)
        else:
            self.in_force.add(key)
            self.made += 1
            self.meanwhile()
        return ok({})


def disk_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_role_that_is_not_given_leaves_no_key_behind(accounts: Accounts, tmp_path: Path) -> None:
    engine = Keys(lambda: accounts.remove("anna", by=BOSS))
    with pytest.raises(AccountFailed, match="no user anna"):
        run(engine, lambda api: give_role(visit_of_boss(accounts, tmp_path, api), "anna", Role.VIEWER))
    assert (engine.made, engine.in_force) == (1, set())


def test_a_role_that_the_disk_does_not_take_leaves_no_key_and_the_old_one_in_force(
    accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = accounts.all()["anna"]
    engine = Keys(lambda: monkeypatch.setattr("api.console.accounts.write_private", disk_full))
    with pytest.raises(OSError, match="No space"):
        run(engine, lambda api: give_role(visit_of_boss(accounts, tmp_path, api), "anna", Role.VIEWER))
    assert (engine.made, engine.in_force) == (1, set())
    assert accounts.all()["anna"] == before


def test_a_user_who_is_not_added_leaves_no_key_behind(accounts: Accounts, tmp_path: Path) -> None:
    key = made_key().text
    engine = Keys(lambda: accounts.add("bert", Role.VIEWER, PASSWORD, key, by="cli:root"))
    with pytest.raises(AccountFailed, match="a user bert already"):
        run(engine, lambda api: add_user(visit_of_boss(accounts, tmp_path, api), "bert", Role.ADMIN, PASSWORD))
    assert (engine.made, engine.in_force) == (1, set())
    assert (accounts.all()["bert"].role, accounts.all()["bert"].key) == (Role.VIEWER, key)


def test_a_user_who_is_added_has_the_key_that_is_in_force(accounts: Accounts, tmp_path: Path) -> None:
    engine = Keys(lambda: None)
    run(engine, lambda api: add_user(visit_of_boss(accounts, tmp_path, api), "bert", Role.ADMIN, PASSWORD))
    assert engine.in_force == {accounts.all()["bert"].key_id}


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


@pytest.mark.parametrize("words", [["add", "carla", "--password-stdin"], ["role", "anna"]])
def test_a_command_that_the_disk_does_not_take_leaves_no_key_behind(
    accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    assert accounts.get("anna") is not None
    monkeypatch.setattr("api.console.accounts.write_private", disk_full)
    command = [*words, "--role", "viewer", "--data", str(tmp_path)]
    assert isinstance(CliRunner().invoke(users_app, command, input=PASSWORD).exception, OSError)
    with keys_at(tmp_path, None, None, None) as keys:
        made = [key for key in keys.all() if key.client.startswith("console:")]
    assert [key.revoked_at is not None for key in made] == [True]
