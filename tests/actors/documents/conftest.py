"""The documents in SQLite and in PostgreSQL: tests that ask for `settings` run on both."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

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
def postgres(tmp_path: Path) -> Iterator[DocumentsSettings]:
    """An empty data directory with an empty schema of a PostgreSQL server."""
    url: str = os.environ["PGDOC"]
    schema = f"documents_{next(_schemas)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        connection.execute(f"CREATE SCHEMA {schema}")
        yield DocumentsSettings(tmp_path, f"{url}?options=-csearch_path%3D{schema}")
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def shards() -> MemoryShards:
    """Two shards that know nothing yet."""
    return MemoryShards()
