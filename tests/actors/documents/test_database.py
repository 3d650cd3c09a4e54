"""Opening the database: its tables, its one writer, its many readers."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import DBAPIError

from actors.documents import migrations
from actors.documents.database import (
    DocumentsLocked,
    DocumentsSettings,
    describe,
    reading_engine,
    revision,
    sqlite_path,
    writers_lock,
    writing_engine,
)
from actors.documents.migrating import DocumentsTooNew, migrate
from actors.documents.schema import HEAD, changes, metadata
from tests.e2e.served import wait_until

pytest_plugins = ["tests.actors.postgres_server"]


def test_migrations_make_the_tables_that_the_program_uses(settings: DocumentsSettings) -> None:
    engine = writing_engine(settings)
    with engine.connect() as connection:
        migrate(settings, connection)
        assert revision(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == HEAD


def test_migrating_twice_changes_nothing(settings: DocumentsSettings) -> None:
    engine = writing_engine(settings)
    with engine.connect() as connection:
        migrate(settings, connection)
        migrate(settings, connection)
        assert connection.execute(text("SELECT count(*) FROM changes")).scalar_one() == 1
    engine.dispose()


def test_database_of_a_newer_program_is_left_alone(settings: DocumentsSettings) -> None:
    engine = writing_engine(settings)
    with engine.connect() as connection:
        migrate(settings, connection)
        connection.rollback()
        with connection.begin():
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DocumentsTooNew, match="9999"):
            migrate(settings, connection)
    engine.dispose()


def test_second_writer_is_refused_until_the_first_is_gone(settings: DocumentsSettings) -> None:
    first, second = writing_engine(settings), writing_engine(settings)
    with (
        first.connect() as one,
        writers_lock(settings, one),
        second.connect() as other,
        pytest.raises(DocumentsLocked),
        writers_lock(settings, other),
    ):
        pass
    first.dispose()
    wait_until(lambda: may_write(settings, second), "the server to see that the first is gone")
    second.dispose()


def may_write(settings: DocumentsSettings, engine: Engine) -> bool:
    """Whether nobody else is the writer."""
    try:
        with engine.connect() as connection, writers_lock(settings, connection):
            return True
    except DocumentsLocked:
        return False


def test_reader_cannot_write(settings: DocumentsSettings) -> None:
    writer = writing_engine(settings)
    with writer.connect() as connection:
        migrate(settings, connection)
    reader = reading_engine(settings)
    with reader.connect() as connection, pytest.raises(DBAPIError, match=r"read-?only"):
        connection.execute(insert(changes).values(only=1, last=1))
    reader.dispose()
    writer.dispose()


def test_reader_makes_no_file_where_there_is_none(tmp_path: Path) -> None:
    engine = reading_engine(DocumentsSettings(tmp_path))
    with pytest.raises(DBAPIError):
        engine.connect()
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_sqlite_keeps_a_rollback_journal_and_syncs_everything(tmp_path: Path) -> None:
    engine = writing_engine(DocumentsSettings(tmp_path))
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "delete"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 3
        version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
        assert tuple(map(int, version.split("."))) >= (3, 51, 3)
    engine.dispose()


def test_data_directory_may_have_any_name(tmp_path: Path) -> None:
    data = tmp_path / "a b%20?#:é"
    data.mkdir()
    settings = DocumentsSettings(data)
    engine = writing_engine(settings)
    with engine.connect() as connection:
        migrate(settings, connection)
    engine.dispose()
    assert sqlite3.connect(sqlite_path(settings)).execute("SELECT last FROM changes").fetchall() == [(0,)]


def test_database_is_described_without_its_password() -> None:
    settings = DocumentsSettings(Path("/data"), "postgresql://shop:secret@db.example/stock")
    assert "secret" not in describe(settings)
    assert "db.example" in describe(settings)


def test_other_databases_are_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        writing_engine(DocumentsSettings(Path("/data"), "mysql://localhost/stock"))


def test_reader_rolls_back_what_a_killed_writer_left_half_written(tmp_path: Path) -> None:
    settings = DocumentsSettings(tmp_path)
    engine = writing_engine(settings)
    with engine.connect() as connection:
        migrate(settings, connection)
    engine.dispose()
    half_written = (
        "import os, signal, pysqlite3.dbapi2 as sqlite\n"
        f"connection = sqlite.connect({str(sqlite_path(settings))!r}, isolation_level=None)\n"
        "connection.execute('PRAGMA cache_size=5')\n"  # so that it writes before it commits
        "connection.execute('BEGIN IMMEDIATE')\n"
        "connection.execute('UPDATE changes SET last = 99')\n"
        "for n in range(2000):\n"
        "    connection.execute('INSERT INTO clients VALUES (?, ?, ?, 0, 1, NULL, NULL, NULL)', (n, n, 'x' * 500))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", half_written], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert sqlite_path(settings).with_name("documents.sqlite-journal").stat().st_size > 0
    reader = reading_engine(settings)
    with reader.connect() as connection:
        assert connection.execute(text("SELECT last FROM changes")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM clients")).scalar_one() == 0
    reader.dispose()
