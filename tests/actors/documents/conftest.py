"""The documents in SQLite and in PostgreSQL: tests that ask for `settings` run on both."""

from pathlib import Path

import pytest

from actors.documents.database import DocumentsSettings
from tests.actors.documents.shards import MemoryShards


@pytest.fixture(params=["sqlite"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> DocumentsSettings:
    """An empty data directory with an empty database."""
    return DocumentsSettings(tmp_path)


@pytest.fixture
def shards() -> MemoryShards:
    """Two shards that know nothing yet."""
    return MemoryShards()
