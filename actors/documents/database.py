"""Opening the documents database: SQLite in the data directory, or PostgreSQL by URL.

One process writes, held to it by a lock that dies with it; everybody else reads. SQLite runs in rollback
journal mode on the library that pysqlite3 brings: WAL on the one that Python brings can lose pages.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pysqlite3.dbapi2
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

_ADVISORY_LOCK: Final = 0x6F6D6E6973746F63
"""Whoever holds this PostgreSQL session lock is the writer."""
_BUSY_TIMEOUT_S: Final = 10.0
_SQLITE_CACHE_KB: Final = 65_536


@dataclass(frozen=True, slots=True)
class DocumentsSettings:
    """Where the documents are."""

    data: Path
    """the data directory: admin.key, and documents.sqlite unless there is a URL"""
    url: str = ""
    """postgresql://... ; empty = SQLite in the data directory"""

    @property
    def sqlite(self) -> bool:
        """Whether the documents are in the data directory."""
        return not self.url


class DocumentsLocked(RuntimeError):
    """Another process writes these documents; carries where they are."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where

    def __str__(self) -> str:
        return f"another process is writing {self.where}"


class DocumentsUnreachable(RuntimeError):
    """The database cannot be opened; carries where it is and why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where} cannot be opened: {self.reason}"


def sqlite_path(settings: DocumentsSettings) -> Path:
    """The SQLite file of a data directory."""
    return settings.data / "documents.sqlite"


def describe(settings: DocumentsSettings) -> str:
    """Where the documents are, without a password."""
    return str(sqlite_path(settings)) if settings.sqlite else _url(settings.url).render_as_string()


def writing_engine(settings: DocumentsSettings) -> Engine:
    """The engine of the one writer; makes the SQLite file if there is none."""
    if not settings.sqlite:
        return _postgres_engine(settings)
    # SQLite gives its journal the mode of the file.
    os.close(os.open(sqlite_path(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return _sqlite_engine(settings, writing=True)


def reading_engine(settings: DocumentsSettings) -> Engine:
    """An engine that refuses to write; the SQLite file must be there."""
    if settings.sqlite:
        return _sqlite_engine(settings, writing=False)
    engine = _postgres_engine(settings)
    return engine.execution_options(postgresql_readonly=True)


@contextmanager
def writers_lock(settings: DocumentsSettings, connection: Connection) -> Iterator[None]:
    """Be the only writer while the context lasts, or raise DocumentsLocked.

    PostgreSQL: a session lock on the very connection that writes, so that whoever lost the lock cannot
    write either. SQLite: a lock on a file beside it.
    """
    if not settings.sqlite:
        held = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}).scalar_one()
        connection.commit()
        if not held:
            raise DocumentsLocked(describe(settings))
        yield  # the session's end lets go of it
        return
    descriptor = os.open(settings.data / "documents.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DocumentsLocked(describe(settings)) from None
        yield
    finally:
        os.close(descriptor)


def revision(connection: Connection) -> str | None:
    """The revision of the database, None while it has no tables."""
    try:
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except (OperationalError, ProgrammingError):
        connection.rollback()
        return None
    return found


def _url(url: str) -> URL:
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "postgresql+psycopg":
        raise ValueError(f"documents are kept in SQLite or PostgreSQL, not in {parsed.drivername}")
    return parsed


def _postgres_engine(settings: DocumentsSettings) -> Engine:
    return create_engine(
        _url(settings.url),
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"connect_timeout": int(_BUSY_TIMEOUT_S), "application_name": "omnistock documents"},
    )


def _sqlite_engine(settings: DocumentsSettings, *, writing: bool) -> Engine:
    # As a URI, because a plain path would make an empty database where a reader finds none.
    file = f"file:{quote(str(sqlite_path(settings)))}"
    url = URL.create("sqlite", database=file, query={"mode": "rw", "uri": "true"})
    engine = create_engine(
        url, module=pysqlite3.dbapi2, pool_size=1, max_overflow=0, connect_args={"timeout": _BUSY_TIMEOUT_S}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the module must not begin transactions behind our back
        cursor = connection.cursor()
        if writing:
            cursor.execute("PRAGMA journal_mode=DELETE")
            # EXTRA also syncs the directory after the journal's end. With FULL a power cut could bring back the
            # state before a commit whose definitions the shards have journaled, and its numbers would be given twice.
            cursor.execute("PRAGMA synchronous=EXTRA")
            cursor.execute(f"PRAGMA cache_size=-{_SQLITE_CACHE_KB}")
            cursor.execute("PRAGMA cache_spill=OFF")  # a spill would lock readers out before the commit
        else:
            # Opened for writing but held to reading: so it can still roll back the journal of a dead writer.
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
