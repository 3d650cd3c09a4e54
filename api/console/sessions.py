"""Who is signed in: opaque random tokens, of which only the hash is kept, and tokens against forged forms.

Sessions outlive a restart of the console (DIR/console/sessions.json) and end with their time, with a sign-out, with a
new password and with the user.
"""

import contextlib
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from api.console.accounts import Account, Accounts
from api.console.files import directory_of, secret, write_private

SESSION_S: Final = 12 * 3600
SESSIONS_MAX: Final = 10_000
COOKIE: Final = "omnistock_session"
FORM_COOKIE: Final = "omnistock_form"


class _Kept(msgspec.Struct, frozen=True):
    user: str
    until_s: int
    password: str
    """a fingerprint of the hash that it was opened with"""


class Sessions:
    """Belongs to one process."""

    def __init__(self, data: Path, accounts: Accounts, now_s: Callable[[], float] = time.time) -> None:
        self._file = directory_of(data) / "sessions.json"
        self._secret = secret(directory_of(data) / "secret")
        self._accounts, self._now_s = accounts, now_s
        self._kept: dict[str, _Kept] = {}
        # A damaged file means that everybody signs in again.
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            self._kept = msgspec.json.decode(self._file.read_bytes(), type=dict[str, _Kept])

    def open(self, account: Account) -> str:
        """A new session; gives the token for the cookie."""
        token = secrets.token_urlsafe(32)
        self._forget_old()
        until_s = int(self._now_s()) + SESSION_S
        self._kept[_hashed(token)] = _Kept(account.name, until_s, _fingerprint(account))
        self._write()
        return token

    def find(self, token: str | None) -> Account | None:
        """Whose session it is; None when it is nobody's any more."""
        kept = self._kept.get(_hashed(token)) if token else None
        if kept is None or self._now_s() >= kept.until_s:
            return None
        account = self._accounts.get(kept.user)
        return account if account is not None and _fingerprint(account) == kept.password else None

    def close(self, token: str | None) -> None:
        """Sign out."""
        if token and self._kept.pop(_hashed(token), None) is not None:
            self._write()

    def form_token(self, nonce: str) -> str:
        """What a form that was shown with this cookie must send back."""
        return hmac.new(self._secret, nonce.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, nonce: str | None, token: str) -> bool:
        """Whether the form is ours."""
        return bool(nonce) and hmac.compare_digest(self.form_token(nonce or ""), token)

    def _forget_old(self) -> None:
        now_s = self._now_s()
        alive = {token: kept for token, kept in self._kept.items() if kept.until_s > now_s}
        newest = sorted(alive.items(), key=lambda each: each[1].until_s)[-(SESSIONS_MAX - 1) :]
        self._kept = dict(newest)

    def _write(self) -> None:
        write_private(self._file, msgspec.json.encode(self._kept))


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _fingerprint(account: Account) -> str:
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:32]
