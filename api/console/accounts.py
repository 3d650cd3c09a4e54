"""Who may sign in: a name, a role, a password's argon2 hash, and an API key of the user's own.

The key makes the engine itself know who did what: every movement that somebody causes in the console carries the
client `console:NAME`, and a user who is removed can do nothing more, whatever page is still open.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from pwdlib import PasswordHash

from api.console.files import directory_of, locked, write_private
from api.console.user_notes import Did, UserNotes

PASSWORD_CHARACTERS: Final = (10, 256)
USERS_MAX: Final = 1_000
_T = TypeVar("_T")
_NAME: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{0,39}$")
_hash: Final = PasswordHash.recommended()
_NOBODYS: Final = _hash.hash("nobody's password")
"""Verified where there is no such user, so that a wrong name takes as long as a wrong password."""


class Role(StrEnum):
    """What a user may do."""

    VIEWER = "viewer"
    """see everything"""
    PLANNER = "planner"
    """and set thresholds, count stock, answer alerts, close days, say what became of receipts"""
    ADMIN = "admin"
    """and keep users and API keys"""


SCOPES_OF: Final[dict[Role, tuple[str, ...]]] = {
    Role.VIEWER: ("read", "reports"),
    Role.PLANNER: ("read", "reports", "stock", "store"),
    Role.ADMIN: ("admin",),
}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user."""

    name: str
    role: Role
    password_hash: str
    key: str
    """API key, whose client is `client_of(name)`"""
    created_at: str

    @property
    def key_id(self) -> str:
        """What the API calls the key."""
        return self.key.split("_")[1]


class AccountFailed(Exception):
    """It was not done; carries why, in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


class Accounts:
    """The users of a data directory, in DIR/console/users.json; every change is noted, with who made it (`by`)."""

    def __init__(self, data: Path) -> None:
        self._file = directory_of(data) / "users.json"
        self._lock = self._file.with_suffix(".lock")
        self._read: tuple[tuple[int, int], dict[str, Account]] = ((0, 0), {})
        self.notes: Final = UserNotes(self._file.with_name("user_changes.jsonl"))

    def all(self) -> dict[str, Account]:
        """Everybody, by name; read again when somebody changed it."""
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return {}
        place = (stat.st_mtime_ns, stat.st_ino)
        if place != self._read[0]:
            users = msgspec.json.decode(self._file.read_bytes(), type=list[Account])
            self._read = (place, {each.name: each for each in users})
        return self._read[1]

    def get(self, name: str) -> Account | None:
        """The user of that name."""
        return self.all().get(name)

    def add(self, name: str, role: Role, password: str, key: str, *, by: str) -> Account:
        """Raises AccountFailed."""
        check_name(name)
        check_password(password)
        made = Account(
            name=name,
            role=role,
            password_hash=_hash.hash(password),
            key=key,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

        def added(users: dict[str, Account]) -> None:
            if name in users:
                raise AccountFailed(f"there is a user {name} already")
            if len(users) >= USERS_MAX:
                raise AccountFailed(f"there are {USERS_MAX} users: more is not foreseen")
            users[name] = made
            self.notes.add(by, Did.ADDED, name, role)

        self._change(added)
        return made

    def remove(self, name: str, *, by: str) -> Account:
        """Gives what was removed, whose key is to be revoked; raises AccountFailed."""

        def removed(users: dict[str, Account]) -> Account:
            found = users.pop(name, None) or _unknown(name)
            self.notes.add(by, Did.REMOVED, name)
            return found

        return self._change(removed)

    def set_password(self, name: str, password: str, *, by: str) -> None:
        """Ends all sessions of that user too, for they carry what the old hash was; raises AccountFailed."""
        check_password(password)
        hashed = _hash.hash(password)

        def changed(users: dict[str, Account]) -> None:
            users[name] = msgspec.structs.replace(users.get(name) or _unknown(name), password_hash=hashed)
            self.notes.add(by, Did.PASSWORD, name)

        self._change(changed)

    def set_role(self, name: str, role: Role, key: str, *, by: str) -> Account:
        """With a key of that role's scopes; gives what was before, whose key is to be revoked. Raises AccountFailed."""

        def changed(users: dict[str, Account]) -> Account:
            before = users.get(name) or _unknown(name)
            users[name] = msgspec.structs.replace(before, role=role, key=key)
            self.notes.add(by, Did.ROLE, name, role)
            return before

        return self._change(changed)

    def signed_in(self, name: str, password: str) -> Account | None:
        """The user if the password is right. Takes 50 ms and 64 MB on purpose: not for an event loop."""
        account = self.get(name)
        known = account.password_hash if account is not None else _NOBODYS
        right = len(password) <= PASSWORD_CHARACTERS[1] and _hash.verify(password, known)
        return account if right else None

    def _change(self, change: Callable[[dict[str, Account]], _T]) -> _T:
        with locked(self._lock):
            users = dict(self.all())
            given = change(users)
            write_private(self._file, msgspec.json.encode(list(users.values())))
        return given


def client_of(name: str) -> str:
    """The API client that a user's key speaks for."""
    return f"console:{name}"


def check_name(name: str) -> None:
    """Raises AccountFailed."""
    if not _NAME.match(name):
        raise AccountFailed("a name is 1 to 40 of a-z 0-9 . _ - and begins with a letter or a digit")


def check_password(password: str) -> None:
    """Raises AccountFailed."""
    least, most = PASSWORD_CHARACTERS
    if not least <= len(password) <= most:
        raise AccountFailed(f"a password has {least} to {most} characters")


def _unknown(name: str) -> Account:
    raise AccountFailed(f"there is no user {name}")
