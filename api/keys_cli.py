"""`omnistock keys`: API keys of a data directory, whether it is being served or not.

While an engine serves the directory its documents have one writer, so the keys go through its HTTP API; otherwise
this process is the writer for the time being. A key is made here and shown once: only its hash goes anywhere.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import httpx2
import typer
from rich.table import Table

from actors.documents.database import DocumentsLocked, DocumentsSettings, DocumentsUnreachable
from actors.documents.keys import ENTROPY_BYTES, SCOPES, make_key
from actors.documents.messages import Message, PutKey, RevokeKey
from actors.documents.migrating import DocumentsTooNew
from api.numbers import time_json, time_ms
from api.running import find
from api.screen import screen
from api.texts import is_code
from engine.outcomes import Outcome

TIMEOUT_S: Final = 30.0
KEYS_AT_ONCE: Final = 1_000
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

Data = Annotated[Path | None, typer.Option("--data", envvar="OMNISTOCK_DATA", help="The data directory.")]
Url = Annotated[str | None, typer.Option(envvar="OMNISTOCK_URL", help="A served engine, instead of --data.")]
AdminKey = Annotated[str | None, typer.Option("--key", envvar="OMNISTOCK_KEY", help="Admin key, with --url.")]
Database = Annotated[
    str | None, typer.Option(envvar="OMNISTOCK_DATABASE", help="postgresql://... if the directory is served with one.")
]

keys_app = typer.Typer(help="API keys: who may call, and what they may do.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as it is shown."""

    id: str
    client: str
    scopes: list[str]
    channels: list[str] | None
    warehouses: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None


class KeysFailed(Exception):
    """It was not done; carries why, in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


class Keys(Protocol):
    """Where keys are kept; every call raises KeysFailed."""

    def put(self, message: PutKey) -> None:
        """Register a key."""

    def all(self) -> list[ListedKey]:
        """Every key, oldest first."""

    def revoke(self, key_id: str) -> None:
        """Make a key useless."""


class ServedKeys:
    """Through the API of a running engine."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def put(self, message: PutKey) -> None:
        """See `Keys`."""
        expires = None if message.expires_at_ms is None else time_json(message.expires_at_ms)
        body = {
            "secret_sha256": message.secret_sha256.hex(),
            "client": message.client,
            "scopes": message.scopes,
            "channels": message.channels,
            "warehouses": message.warehouses,
            "expires_at": expires,
        }
        self._call("PUT", f"/v1/keys/{message.id}", json=body)

    def all(self) -> list[ListedKey]:
        """See `Keys`."""
        found, asked = [], {"limit": str(KEYS_AT_ONCE)}
        while True:
            page = self._call("GET", "/v1/keys", params=asked).json()
            found += [ListedKey(**item) for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]

    def revoke(self, key_id: str) -> None:
        """See `Keys`."""
        self._call("DELETE", f"/v1/keys/{key_id}")

    def _call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **request)
        except httpx2.TransportError as error:
            raise KeysFailed(f"the engine does not answer: {error}") from None
        if not answer.is_success:
            problem = answer.json()
            raise KeysFailed(f"{problem['title']}. {problem.get('detail', '')}".strip())
        return answer


class KeptKeys:
    """In the documents of a directory that nobody serves; the shards hear of a new client at the next start."""

    def __init__(self, settings: DocumentsSettings) -> None:
        from actors.documents.rounds import WritingSession

        self._session = WritingSession(settings, _now_ms, secrets.token_bytes)

    def close(self) -> None:
        """Let go of the database."""
        self._session.close()

    def put(self, message: PutKey) -> None:
        """See `Keys`."""
        self._do(message)

    def all(self) -> list[ListedKey]:
        """See `Keys`."""
        return [
            ListedKey(
                key.id,
                client,
                list(key.scopes),
                None if key.channels is None else list(key.channels),
                None if key.warehouses is None else list(key.warehouses),
                time_json(key.created_at_ms),
                None if key.expires_at_ms is None else time_json(key.expires_at_ms),
                None if key.revoked_at_ms is None else time_json(key.revoked_at_ms),
            )
            for key, client in self._session.all_keys()
        ]

    def revoke(self, key_id: str) -> None:
        """See `Keys`."""
        if not self._do(RevokeKey(key_id)):
            raise KeysFailed("No such key.")

    def _do(self, message: Message) -> bool:
        (proposed,) = self._session.begin([message]).proposed
        verdict = proposed.verdicts[0]
        # No verdict yet: the key is kept, its client is on its way.
        if verdict is not None and verdict.outcome != Outcome.OK:
            raise KeysFailed(f"{verdict.outcome.text}: {verdict.detail}")
        return verdict is None or verdict.changed


@keys_app.command()
def create(
    client: Annotated[str, typer.Option(help="Who it is for: 1 to 64 of A-Z a-z 0-9 . _ : -")],
    scopes: Annotated[str, typer.Option(help=f"What it may do, apart by commas: {', '.join(SCOPES)}.")],
    expires: Annotated[str | None, typer.Option(help="12h, 90d, 8w, or a day such as 2027-12-31.")] = None,
    channels: Annotated[str | None, typer.Option(help="Only these channels, apart by commas.")] = None,
    warehouses: Annotated[str | None, typer.Option(help="Only these warehouses, apart by commas.")] = None,
    data: Data = None,
    url: Url = None,
    key: AdminKey = None,
    database: Database = None,
) -> None:
    """Make a key and print it: the only time it is shown."""
    if not is_code(client):
        raise typer.BadParameter("1 to 64 of A-Z a-z 0-9 . _ : -", param_hint="--client")
    wanted = _listed(scopes) or []
    for scope in wanted or [""]:
        if scope not in SCOPES:
            raise typer.BadParameter(f"{scope!r} is none of {', '.join(SCOPES)}", param_hint="--scopes")
    limits = {name: _codes(text, f"--{name}") for name, text in (("channels", channels), ("warehouses", warehouses))}
    expires_at_ms = None if expires is None else time_ms(_expiry(expires, datetime.now(UTC)), "expires")
    made = make_key(secrets.token_bytes(ENTROPY_BYTES))
    with keys_at(data, url, key, database) as keys:
        keys.put(PutKey(made.id, made.secret_sha256, client, wanted, expires_at_ms=expires_at_ms, **limits))
    typer.echo(made.text)
    typer.echo("Keep it now: it is kept nowhere else and cannot be shown again.", err=True)


@keys_app.command("list")
def list_keys(data: Data = None, url: Url = None, key: AdminKey = None, database: Database = None) -> None:
    """Show all keys; there are no secrets to show."""
    with keys_at(data, url, key, database) as keys:
        found = keys.all()
    table = Table("id", "client", "scopes", "channels", "warehouses", "created", "expires", "revoked", box=None)
    for each in found:
        cells = [_shown(value) for value in asdict(each).values()]
        table.add_row(*cells, style="dim" if each.revoked_at else None)
    screen().print(table)


@keys_app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The part of a key between os_ and the next _.")],
    data: Data = None,
    url: Url = None,
    key: AdminKey = None,
    database: Database = None,
) -> None:
    """Make a key useless, within half a second everywhere."""
    if not is_code(key_id):
        raise typer.BadParameter("no such id", param_hint="ID")
    with keys_at(data, url, key, database) as keys:
        keys.revoke(key_id)
    typer.echo(f"{key_id} is revoked")


def register(app: typer.Typer) -> None:
    """Add `keys` to the command line."""
    app.add_typer(keys_app, name="keys")


@contextmanager
def keys_at(data: Path | None, url: str | None, key: str | None, database: str | None) -> Iterator[Keys]:
    """The way to the keys; what fails inside ends the command with 1."""
    try:
        if data is None and (url is None or key is None):
            raise typer.BadParameter("say --data DIR, or --url and --key")
        engine = find(data) if data is not None else None
        if engine is not None or data is None:
            address, admin = (engine.url, key or engine.key) if engine is not None else (url or "", key or "")
            headers = {"Authorization": f"Bearer {admin}"}
            with httpx2.Client(base_url=address, headers=headers, timeout=TIMEOUT_S, trust_env=False) as http:
                yield ServedKeys(http)
            return
        if not data.is_dir():
            raise KeysFailed(f"there is no data directory {data}")
        kept = KeptKeys(DocumentsSettings(data, database or ""))
        try:
            yield kept
        finally:
            kept.close()
    except DocumentsLocked:
        typer.echo(f"keys: an engine holds {data} but does not answer yet: try again", err=True)
        raise typer.Exit(1) from None
    except (KeysFailed, DocumentsTooNew, DocumentsUnreachable) as failed:
        typer.echo(f"keys: {failed}", err=True)
        raise typer.Exit(1) from None


def _codes(text: str | None, option: str) -> list[str] | None:
    codes = _listed(text)
    for code in codes or ():
        if not is_code(code):
            raise typer.BadParameter(f"{code!r}: 1 to 64 of A-Z a-z 0-9 . _ : -", param_hint=option)
    return codes


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _expiry(text: str, now: datetime) -> datetime:
    """A span from now, or a moment; a day means until it begins, in UTC."""
    try:
        if text[-1:] in _UNITS:
            found = now + int(text[:-1]) * _UNITS[text[-1]]
        else:
            given = datetime.fromisoformat(text)
            found = (given if given.tzinfo is not None else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is neither 90d nor 2027-12-31", param_hint="--expires") from None
    if found <= now:
        raise typer.BadParameter(f"{text!r} is over already", param_hint="--expires")
    return found


def _shown(value: str | list[str] | None) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else value


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
