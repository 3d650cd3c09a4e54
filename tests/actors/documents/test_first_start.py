"""What an empty data directory is given: the system's client and an admin key in a file."""

import asyncio
import stat

from sqlalchemy import delete

from actors.documents.database import DocumentsSettings, writing_engine
from actors.documents.first_start import admin_key_path
from actors.documents.schema import api_keys
from tests.actors.documents.house import NOW_MS, looking, writing
from tests.actors.documents.shards import MemoryShards

pytest_plugins = ["tests.actors.postgres_server"]


async def start_once(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async with writing(settings, shards):
        pass


def test_first_start_writes_an_admin_key_that_only_its_owner_may_read(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards), looking(settings) as directory:
            path = admin_key_path(settings.data)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            key = path.read_text().strip()
            await directory.resolve_missing(keys=[key])
            principal = directory.principal(key, NOW_MS)
            assert principal is not None
            assert principal.name == "admin"
            assert principal.client == 1
            assert principal.admin
            assert principal.may("reserve")

    asyncio.run(scene())


def test_later_starts_keep_the_key(settings: DocumentsSettings, shards: MemoryShards) -> None:
    asyncio.run(start_once(settings, shards))
    first = admin_key_path(settings.data).read_text()
    asyncio.run(start_once(settings, shards))
    assert admin_key_path(settings.data).read_text() == first


def test_key_file_that_was_taken_away_is_not_made_again(settings: DocumentsSettings, shards: MemoryShards) -> None:
    asyncio.run(start_once(settings, shards))
    admin_key_path(settings.data).unlink()
    asyncio.run(start_once(settings, shards))
    assert not admin_key_path(settings.data).exists()


def test_key_file_written_by_a_start_that_died_is_the_key(settings: DocumentsSettings, shards: MemoryShards) -> None:
    asyncio.run(start_once(settings, shards))
    key = admin_key_path(settings.data).read_text().strip()
    engine = writing_engine(settings)
    with engine.begin() as connection:  # as if it had died between the file and the commit
        connection.execute(delete(api_keys))
    engine.dispose()

    async def scene() -> None:
        async with writing(settings, shards), looking(settings) as directory:
            assert directory.principal(key, NOW_MS) is not None

    asyncio.run(scene())
