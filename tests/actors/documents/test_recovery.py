"""Whatever a writer left half done, the next one finishes: the tables say how far it got."""

import asyncio
import secrets
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from actors.documents.database import DocumentsLocked, DocumentsSettings, reading_engine, sqlite_path
from actors.documents.delivery import deliver
from actors.documents.messages import Change, Proposal
from actors.documents.rounds import WritingSession
from actors.documents.schema import DocumentKind
from engine.outcomes import Outcome
from tests.actors.documents.house import BOUND_S, NOW_MS, PIECES, STORE, looking, one, put, until_decided, writing
from tests.actors.documents.shards import MemoryShards

pytest_plugins = ["tests.actors.postgres_server"]

WAREHOUSE, PRODUCT = DocumentKind.WAREHOUSE, DocumentKind.PRODUCT
CHANGES = [Change(WAREHOUSE, [Proposal("riga", STORE)]), Change(PRODUCT, [Proposal("cup", PIECES)])]


def session(settings: DocumentsSettings) -> WritingSession:
    return WritingSession(settings, lambda: NOW_MS, secrets.token_bytes)


async def finished(settings: DocumentsSettings, shards: MemoryShards) -> None:
    """A writer starts, and both documents come into force without anybody asking for them."""
    async with writing(settings, shards), looking(settings) as directory:

        async def both() -> None:
            while True:
                if await directory.document(WAREHOUSE, "riga") and await directory.document(PRODUCT, "cup"):
                    return
                await asyncio.sleep(0.02)

        await asyncio.wait_for(both(), BOUND_S)


def test_writer_that_died_before_it_told_the_shards(settings: DocumentsSettings, shards: MemoryShards) -> None:
    dead = session(settings)
    dead.begin(CHANGES)
    dead.close()
    asyncio.run(finished(settings, shards))
    assert sorted({name for _, names in shards.calls for name in names}) == ["admin", "cup", "omnistock", "riga"]


def test_writer_that_died_after_the_shards_had_answered(settings: DocumentsSettings, shards: MemoryShards) -> None:
    dead = session(settings)
    round_ = dead.begin(CHANGES)
    asyncio.run(deliver(shards, round_.place_parcel, BOUND_S))
    asyncio.run(deliver(shards, round_.product_parcel, BOUND_S))
    dead.close()
    told = {text for ids in shards.ids for text in ids}
    asyncio.run(finished(settings, shards))
    # The same ids again: the shards took the definitions for what they were, repeats.
    assert {text for ids in shards.ids for text in ids if not text.startswith("client")} == told


def test_writer_that_died_while_it_took_an_archiving_back(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "riga", STORE)
        dead = session(settings)
        round_ = dead.begin([Change(WAREHOUSE, [Proposal("riga", "", archived=True)])])
        settled = dead.settle(round_, [[Outcome.OK, Outcome.CONFLICT]])
        assert settled.back is not None
        dead.close()
        async with writing(settings, shards) as writer, looking(settings) as directory:
            again = await until_decided(writer, Change(WAREHOUSE, [Proposal("riga", STORE)]))
            assert one(again).outcome == Outcome.OK
            assert await directory.document(WAREHOUSE, "riga") is not None

    asyncio.run(scene())


def test_full_disk_refuses_changes_until_there_is_room(tmp_path: Path) -> None:
    settings = DocumentsSettings(tmp_path)
    shards = MemoryShards()
    opened: list[Any] = []

    def note(connection: Any, _record: Any) -> None:
        opened.append(connection)

    async def scene() -> None:
        async with writing(settings, shards) as writer:
            writers = opened[0]
            assert (await put(writer, WAREHOUSE, "riga", STORE)).outcome == Outcome.OK
            writers.execute(f"PRAGMA max_page_count={sqlite_path(settings).stat().st_size // 4096}")
            large = PIECES.replace("Cup", "C" * 30_000)
            assert (await put(writer, PRODUCT, "cup", large)).outcome == Outcome.UNAVAILABLE
            async with looking(settings) as directory:
                assert await directory.document(WAREHOUSE, "riga") is not None
            writers.execute("PRAGMA max_page_count=1000000")
            assert one(await until_decided(writer, Change(PRODUCT, [Proposal("cup", large)]))).outcome == Outcome.OK

    event.listen(Engine, "connect", note)
    try:
        asyncio.run(scene())
    finally:
        event.remove(Engine, "connect", note)


def test_lost_connection_is_opened_again_with_its_lock(postgres: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(postgres, shards) as writer:
            assert (await put(writer, WAREHOUSE, "riga", STORE)).outcome == Outcome.OK
            engine = reading_engine(postgres)
            with engine.connect() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks"
                        " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                    )
                )
            engine.dispose()
            assert (await put(writer, WAREHOUSE, "oslo", STORE)).outcome == Outcome.UNAVAILABLE
            assert one(await until_decided(writer, Change(WAREHOUSE, [Proposal("oslo", STORE)]))).outcome == Outcome.OK
            with pytest.raises(DocumentsLocked):
                session(postgres)

    asyncio.run(scene())
