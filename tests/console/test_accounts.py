"""Users, their sessions, and how often a password may be guessed."""

import stat
from pathlib import Path

import pytest

from actors.documents.keys import is_secret, parse_key
from api.console.accounts import AccountFailed, Accounts, Role, client_of
from api.console.attempts import FORGET_S, FREE, PAUSE_S, PAUSE_S_MAX, Attempts
from api.console.keys import made_key
from api.console.sessions import SESSION_S, Sessions
from api.texts import is_code

PASSWORD = "correct horse"
BOSS = "console:boss"


class Clock:
    """Seconds that stand still."""

    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    made = Accounts(tmp_path)
    made.add("anna", Role.PLANNER, PASSWORD, made_key().text, by=BOSS)
    return made


def test_only_the_right_password_signs_in(accounts: Accounts) -> None:
    account = accounts.signed_in("anna", PASSWORD)
    assert account is not None
    assert account.role is Role.PLANNER
    assert accounts.signed_in("anna", "wrong horse") is None
    assert accounts.signed_in("bert", PASSWORD) is None
    assert accounts.signed_in("anna", "x" * 1_000_000) is None


def test_no_password_is_kept_and_nobody_else_can_read_the_file(accounts: Accounts, tmp_path: Path) -> None:
    file = tmp_path / "console" / "users.json"
    assert PASSWORD not in file.read_text()
    assert "$argon2id$" in file.read_text()
    for path in [file.parent, *file.parent.iterdir()]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_what_another_process_changes_is_seen(accounts: Accounts, tmp_path: Path) -> None:
    Accounts(tmp_path).add("bert", Role.VIEWER, PASSWORD, made_key().text, by=BOSS)
    assert set(accounts.all()) == {"anna", "bert"}
    accounts.remove("anna", by=BOSS)
    assert set(Accounts(tmp_path).all()) == {"bert"}


@pytest.mark.parametrize("name", ["", "Anna", "an na", "-anna", "anna/..", "a" * 41, "анна"])
def test_a_name_is_plain(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountFailed, match="a name is"):
        accounts.add(name, Role.VIEWER, PASSWORD, made_key().text, by=BOSS)


@pytest.mark.parametrize("name", ["anna", "a.b-c_9", "a" * 40])
def test_every_name_makes_a_client_that_the_api_takes(name: str) -> None:
    assert is_code(client_of(name))


def test_short_passwords_double_names_and_strangers_are_refused(accounts: Accounts) -> None:
    with pytest.raises(AccountFailed, match="10 to 256"):
        accounts.add("bert", Role.VIEWER, "short", made_key().text, by=BOSS)
    with pytest.raises(AccountFailed, match="already"):
        accounts.add("anna", Role.ADMIN, PASSWORD, made_key().text, by=BOSS)
    for change in (lambda: accounts.remove("bert", by=BOSS), lambda: accounts.set_password("bert", PASSWORD, by=BOSS)):
        with pytest.raises(AccountFailed, match="no user bert"):
            change()
    assert accounts.all()["anna"].role is Role.PLANNER


def test_a_key_is_one_that_the_engine_understands() -> None:
    made = made_key()
    parsed = parse_key(made.text)
    assert parsed is not None
    assert parsed[0] == made.id
    assert is_secret(parsed[1], bytes.fromhex(made.secret_sha256))


def test_a_session_outlives_the_process_and_ends_with_its_time(accounts: Accounts, tmp_path: Path) -> None:
    clock = Clock()
    token = Sessions(tmp_path, accounts, clock).open(accounts.all()["anna"])
    sessions = Sessions(tmp_path, accounts, clock)
    found = sessions.find(token)
    assert found is not None
    assert found.name == "anna"
    assert sessions.find(token + "x") is None
    assert sessions.find(None) is None
    clock.now_s += SESSION_S
    assert sessions.find(token) is None


def test_a_session_ends_with_a_sign_out_a_new_password_and_the_user(accounts: Accounts, tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, accounts, Clock())
    first, second = (sessions.open(accounts.all()["anna"]) for _ in range(2))
    sessions.close(first)
    assert sessions.find(first) is None
    assert sessions.find(second) is not None
    accounts.set_password("anna", "another horse", by=BOSS)
    assert sessions.find(second) is None
    third = sessions.open(accounts.all()["anna"])
    accounts.remove("anna", by=BOSS)
    assert sessions.find(third) is None


def test_tokens_are_kept_as_hashes_only(accounts: Accounts, tmp_path: Path) -> None:
    token = Sessions(tmp_path, accounts, Clock()).open(accounts.all()["anna"])
    assert token not in (tmp_path / "console" / "sessions.json").read_text()


def test_a_form_of_another_browser_is_not_ours(accounts: Accounts, tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, accounts, Clock())
    assert sessions.is_form_token("nonce", sessions.form_token("nonce"))
    assert not sessions.is_form_token("other", sessions.form_token("nonce"))
    assert not sessions.is_form_token(None, sessions.form_token(""))
    assert not sessions.is_form_token("nonce", "")


def test_wrong_guesses_make_longer_and_longer_pauses() -> None:
    attempts = Attempts()
    for _ in range(FREE):
        assert attempts.wait_s("anna", "10.0.0.1", 0.0) == 0
        attempts.guessed("anna", "10.0.0.1", 0.0)
    assert attempts.wait_s("anna", "10.0.0.1", 0.0) == PAUSE_S
    assert attempts.wait_s("anna", "10.0.0.2", 0.0) == PAUSE_S, "it is the name that is guessed at"
    assert attempts.wait_s("bert", "10.0.0.1", 0.0) == 0
    for _ in range(100):
        attempts.guessed("anna", "10.0.0.1", 0.0)
    assert attempts.wait_s("anna", "10.0.0.1", 0.0) == PAUSE_S_MAX
    assert attempts.wait_s("anna", "10.0.0.1", FORGET_S + 1) == 0


def test_who_tries_many_names_is_slowed_down_too() -> None:
    attempts = Attempts()
    for number in range(10 * FREE):
        attempts.guessed(f"user{number}", "10.0.0.1", 0.0)
    assert attempts.wait_s("anna", "10.0.0.1", 0.0) > 0
    assert attempts.wait_s("anna", "10.0.0.2", 0.0) == 0


def test_a_right_password_forgives_the_name_but_not_the_address() -> None:
    attempts = Attempts()
    for number in range(10 * FREE):
        attempts.guessed(f"user{number}", "10.0.0.1", 0.0)
    attempts.guessed("anna", "10.0.0.1", 0.0)
    attempts.right("anna", "10.0.0.1")
    assert attempts.wait_s("anna", "10.0.0.1", 0.0) > 0
    assert attempts.wait_s("anna", "10.0.0.2", 0.0) == 0
