"""The documents in SQLite and in PostgreSQL: tests that ask for `settings` run on both."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from actors.documents.database import DocumentsSettings
from tests.actors.documents.shards import MemoryShards

_schemas = count()


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> DocumentsSettings:
    """An empty data directory with an empty database."""
    if request.param == "sqlite":
        return DocumentsSettings(tmp_path)
    found: DocumentsSettings = request.getfixturevalue("postgres")
    return found


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path) -> Iterator[DocumentsSettings]:
    """An empty data directory with an empty schema of a PostgreSQL server."""
    schema = f"documents_{next(_schemas)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        yield DocumentsSettings(tmp_path, f"{postgres_url}&options=-csearch_path%3D{schema}")
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))


@pytest.fixture
def shards() -> MemoryShards:
    """Two shards that know nothing yet."""
    return MemoryShards()
