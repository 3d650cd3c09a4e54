"""API keys: `os_<id>_<secret>`, the secret 256 random bits, of which only the SHA-256 is kept.

A plain SHA-256 is enough because the secret is random: there is nothing to guess faster than 2^256.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

SCOPES: Final = ("read", "reserve", "stock", "sell", "store", "reports", "admin")

_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32
ENTROPY_BYTES: Final = _ID_BYTES + _SECRET_BYTES
_NEVER_MS: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: `text` is shown once and kept nowhere."""

    id: str
    secret_sha256: bytes
    text: str


def make_key(entropy: bytes) -> NewKey:
    """The key made of ENTROPY_BYTES random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a key is made of {ENTROPY_BYTES} random bytes, not {len(entropy)}")
    key_id = entropy[:_ID_BYTES].hex()
    secret = entropy[_ID_BYTES:].hex()
    return NewKey(key_id, secret_digest(secret), f"os_{key_id}_{secret}")


def parse_key(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key's text, or None when it cannot be one."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != "os" or len(key_id) != 2 * _ID_BYTES or len(secret) != 2 * _SECRET_BYTES or not text.isascii():
        return None
    return key_id, secret


def is_key_id(text: str) -> bool:
    """Whether a key can have this id."""
    return len(text) == 2 * _ID_BYTES and text.isascii() and set(text) <= set("0123456789abcdef")


def secret_digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, secret_sha256: bytes) -> bool:
    """Whether `secret` is the one behind the digest; takes the same time either way."""
    return hmac.compare_digest(secret_digest(secret), secret_sha256)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key speaks for, and what it may do."""

    key_id: str
    name: str
    """the client's name"""
    client: int
    """the client's number: command ids and reservations belong to it"""
    scopes: frozenset[str]
    channels: frozenset[str] | None = None
    """codes it is limited to; None = all"""
    warehouses: frozenset[str] | None = None
    expires_at_ms: int = _NEVER_MS

    @property
    def admin(self) -> bool:
        """Whether it may do everything, on every client's reservations."""
        return "admin" in self.scopes

    def may(self, scope: str) -> bool:
        """Whether it has `scope`; `admin` includes the others."""
        return scope in self.scopes or "admin" in self.scopes
