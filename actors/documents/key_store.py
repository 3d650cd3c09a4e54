"""API keys in the tables: registering and revoking, inside the caller's transaction, and reading them."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, select, update

from actors.documents.messages import PutKey, Verdict
from actors.documents.rows import next_version
from actors.documents.schema import TABLES, DocumentKind, api_keys
from engine.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is kept."""

    id: str
    secret_sha256: bytes
    client: int
    scopes: tuple[str, ...]
    channels: tuple[str, ...] | None
    warehouses: tuple[str, ...] | None
    created_at_ms: int
    expires_at_ms: int | None
    revoked_at_ms: int | None


def put_key(connection: Connection, message: PutKey, now_ms: int) -> Verdict:
    """Register a key whose client is registered or on its way; the same key twice is one key."""
    clients = TABLES[DocumentKind.CLIENT]
    number = connection.execute(select(clients.c.number).where(clients.c.code == message.client)).scalar_one()
    values = {
        "id": message.id,
        "secret_sha256": message.secret_sha256,
        "client": number,
        "scopes": json.dumps(message.scopes),
        "channels": _text(message.channels),
        "warehouses": _text(message.warehouses),
        "expires_at_ms": message.expires_at_ms,
    }
    row = connection.execute(select(api_keys).where(api_keys.c.id == message.id)).mappings().one_or_none()
    if row is not None:
        same = all(row[name] == value for name, value in values.items())
        return Verdict(Outcome.OK if same else Outcome.CONFLICT, detail="" if same else "a key with this id exists")
    connection.execute(insert(api_keys).values(created_at_ms=now_ms, version=next_version(connection), **values))
    return Verdict(Outcome.OK, made=True, changed=True)


def revoke_key(connection: Connection, key_id: str, now_ms: int) -> bool:
    """Make the key useless; False if there is no such key."""
    statement = (
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at_ms.is_(None))
        .values(revoked_at_ms=now_ms, version=next_version(connection))
    )
    if connection.execute(statement).rowcount:
        return True
    return connection.execute(select(api_keys.c.id).where(api_keys.c.id == key_id)).one_or_none() is not None


def stored_keys(connection: Connection, after_version: int = -1) -> list[StoredKey]:
    """The keys that were made or revoked after that version, oldest first."""
    statement = (
        select(api_keys).where(api_keys.c.version > after_version).order_by(api_keys.c.created_at_ms, api_keys.c.id)
    )
    return [_stored(row) for row in connection.execute(statement).mappings()]


def _stored(row: RowMapping) -> StoredKey:
    return StoredKey(
        row["id"],
        bytes(row["secret_sha256"]),
        row["client"],
        tuple(json.loads(row["scopes"])),
        _codes(row["channels"]),
        _codes(row["warehouses"]),
        row["created_at_ms"],
        row["expires_at_ms"],
        row["revoked_at_ms"],
    )


def _text(codes: list[str] | None) -> str | None:
    return None if codes is None else json.dumps(codes)


def _codes(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(json.loads(text))
