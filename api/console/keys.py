"""API keys as the console makes them: the text stays here, and only the secret's SHA-256 goes to the API."""

import hashlib
import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key just made."""

    id: str
    text: str
    secret_sha256: str


def made_key() -> MadeKey:
    """`os_<id>_<secret>`, as `omnistock keys create` makes them."""
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    return MadeKey(key_id, f"os_{key_id}_{secret}", hashlib.sha256(secret.encode()).hexdigest())
