"""The console's own API key: made at its first start, with the admin key that the data directory has, and kept there.

It can read and ask for reports, and nothing else: what a user changes goes with that user's key.
"""

from pathlib import Path
from typing import Final

import httpx2

from api.console.files import directory_of, write_private
from api.console.keys import made_key

CLIENT: Final = "console"
SCOPES: Final = ("read", "reports")
TIMEOUT_S: Final = 10.0


class NoKey(Exception):
    """The console has no key, and can make none; carries why, in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


def own_key(data: Path, api: str) -> str:
    """The key's text; one that the engine no longer takes is made anew. Raises NoKey."""
    file = directory_of(data) / "api.key"
    with httpx2.Client(base_url=api, timeout=TIMEOUT_S, trust_env=False) as http:
        try:
            if file.exists():
                kept = file.read_text(encoding="ascii").strip()
                answer = http.get("/v1/limits", headers={"Authorization": f"Bearer {kept}"})
                if answer.status_code != httpx2.codes.UNAUTHORIZED:
                    return kept
            return _made(http, data, file)
        except (httpx2.TransportError, OSError) as error:
            raise NoKey(f"the engine at {api} does not answer: {error}") from None


def _made(http: httpx2.Client, data: Path, file: Path) -> str:
    try:
        admin = (data / "admin.key").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise NoKey(
            f"there is no {data / 'admin.key'}: write a key with the scopes read and reports to {file}"
        ) from None
    made = made_key()
    body = {"secret_sha256": made.secret_sha256, "client": CLIENT, "scopes": SCOPES}
    answer = http.put(f"/v1/keys/{made.id}", json=body, headers={"Authorization": f"Bearer {admin}"})
    if not answer.is_success:
        raise NoKey(f"the engine refused a key for the console: {answer.status_code} {answer.text[:200]}")
    write_private(file, made.text.encode("ascii"))
    return made.text
