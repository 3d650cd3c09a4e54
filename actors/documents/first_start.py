"""What an empty database is given: the client that definitions come from, and an admin key in `DIR/admin.key`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from actors.documents.definitions import SYSTEM_CLIENT
from actors.documents.key_store import put_key
from actors.documents.keys import ENTROPY_BYTES, make_key, parse_key, secret_digest
from actors.documents.messages import Change, Proposal, PutKey
from actors.documents.proposing import propose
from actors.documents.schema import DocumentKind, api_keys

SYSTEM_NAME: Final = "omnistock"
ADMIN_NAME: Final = "admin"


def admin_key_path(data: Path) -> Path:
    """Where the first key of a data directory is written."""
    return data / "admin.key"


def ensure_first_documents(connection: Connection, data: Path, now_ms: int, entropy: Callable[[int], bytes]) -> None:
    """Propose the system's client and the admin's, and register the admin key, unless that has been done.

    The key's file is written before the key is registered: after a crash between the two the file is found
    and registered. A key file that was taken away later is not made again.
    """
    wanted = [Proposal(SYSTEM_NAME, "{}"), Proposal(ADMIN_NAME, "{}")]
    proposed = propose(connection, Change(DocumentKind.CLIENT, wanted))
    system = proposed.pending.get(0)
    assert system is None or system.number == SYSTEM_CLIENT
    if connection.execute(select(func.count()).select_from(api_keys)).scalar_one():
        return
    key_id, secret = _written_key(admin_key_path(data), entropy)
    put_key(connection, PutKey(key_id, secret_digest(secret), ADMIN_NAME, ["admin"]), now_ms)


def _written_key(path: Path, entropy: Callable[[int], bytes]) -> tuple[str, str]:
    if path.exists() and (found := parse_key(path.read_text().strip())) is not None:
        return found
    key = make_key(entropy(ENTROPY_BYTES))
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    parsed = parse_key(key.text)
    assert parsed is not None
    return parsed
