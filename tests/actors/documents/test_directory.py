"""The read side: names and numbers, keys and principals, and how news get there."""

import asyncio
import gc
from pathlib import Path

import pytest

from actors.documents.database import DocumentsSettings
from actors.documents.directory import Directory, DirectoryUnavailable
from actors.documents.keys import ENTROPY_BYTES, NewKey, make_key
from actors.documents.messages import Change, Proposal, PutKey, RevokeKey
from actors.documents.schema import DocumentKind
from actors.documents.writer import DocumentsWriter
from engine.ids import sku_key
from engine.layout import UNKNOWN_NUMBER
from engine.outcomes import Outcome
from tests.actors.documents.house import (
    BOUND_S,
    EVERYWHERE,
    KILOS,
    NOW_MS,
    PIECES,
    STORE,
    archive,
    looking,
    one,
    put,
    writing,
)
from tests.actors.documents.shards import MemoryShards

pytest_plugins = ["tests.actors.postgres_server"]

WAREHOUSE, CHANNEL, PRODUCT = DocumentKind.WAREHOUSE, DocumentKind.CHANNEL, DocumentKind.PRODUCT


def key_number(number: int) -> NewKey:
    """A key that is the same in every run."""
    return make_key(bytes([number]) * ENTROPY_BYTES)


def put_message(key: NewKey, *, expires_at_ms: int | None = None) -> PutKey:
    """A shop's key for two channels."""
    return PutKey(key.id, key.secret_sha256, "shop", ["read", "reserve"], ["web"], None, expires_at_ms)


async def put_key(writer: DocumentsWriter, key: NewKey, *, expires_at_ms: int | None = None) -> None:
    """Register it."""
    assert one(await writer.submit(put_message(key, expires_at_ms=expires_at_ms))).outcome == Outcome.OK


def test_looking_for_news_leaves_no_cycles_behind(settings: DocumentsSettings, shards: MemoryShards) -> None:
    """It is done several times a second for ever; an API process collects cyclic garbage rarely, so memory grew."""

    async def scene() -> None:
        async with writing(settings, shards), looking(settings) as directory:
            await directory.refresh()
            gc.collect()
            gc.disable()
            try:
                for _ in range(50):
                    await directory.refresh()
                left = gc.collect()
            finally:
                gc.enable()
            assert left < 50, left

    asyncio.run(scene())


def test_what_was_answered_before_is_found_by_the_first_miss(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            assert directory.warehouse_number("riga") == UNKNOWN_NUMBER
            await directory.resolve_missing(warehouses=["riga"])
            assert directory.warehouse_number("riga") == UNKNOWN_NUMBER
            await put(writer, WAREHOUSE, "riga", STORE)
            await put(writer, CHANNEL, "web", EVERYWHERE)
            await directory.resolve_missing(warehouses=["riga"], channels=["web"])
            assert directory.warehouse_number("riga") == 0
            assert directory.warehouse_code(0) == "riga"
            assert directory.channel_number("web") == 0
            assert directory.channel_code(0) == "web"
            assert directory.channel_code(7) == ""
            assert directory.warehouse_numbers["riga"] == 0
            assert directory.channel_numbers["web"] == 0

    asyncio.run(scene())


def test_archived_codes_keep_their_numbers_for_the_history(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "riga", STORE)
            await put(writer, PRODUCT, "cup", PIECES)
            await archive(writer, WAREHOUSE, "riga")
            await archive(writer, PRODUCT, "cup")
            async with looking(settings) as directory:
                assert directory.warehouse_code(0) == "riga"
                await directory.resolve_missing(sku_keys=[sku_key("cup")])
                assert directory.sku_text(sku_key("cup")) == "cup"

    asyncio.run(scene())


def test_products_are_loaded_when_they_are_asked_for(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            await put(writer, PRODUCT, "cup", KILOS)
            await directory.refresh()
            key = sku_key("cup")
            assert directory.sku_text(key) is None
            await directory.resolve_missing(sku_keys=[key, sku_key("nobody")])
            assert directory.sku_text(key) == "cup"
            assert directory.sku_decimals(key) == 3
            assert directory.sku_text(sku_key("nobody")) is None

    asyncio.run(scene())


def test_product_that_was_missing_is_found_once_it_is_there(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            key = sku_key("cup")
            for _ in range(2):
                await directory.resolve_missing(sku_keys=[key])
                assert directory.sku_text(key) is None
            await put(writer, PRODUCT, "cup", PIECES)
            await directory.resolve_missing(sku_keys=[key])
            assert directory.sku_text(key) == "cup"

    asyncio.run(scene())


def test_cached_product_follows_its_changes(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            await put(writer, PRODUCT, "cup", PIECES)
            await directory.resolve_missing(sku_keys=[sku_key("cup")])
            await put(writer, PRODUCT, "cup", KILOS)
            await directory.refresh()
            assert directory.sku_decimals(sku_key("cup")) == 3

    asyncio.run(scene())


def test_cache_of_products_is_bounded(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings, skus_cached_max=16) as directory:
            skus = [f"sku-{i}" for i in range(100)]
            await writer.submit(Change(PRODUCT, [Proposal(sku, PIECES) for sku in skus]))
            for sku in skus:
                await directory.resolve_missing(sku_keys=[sku_key(sku)])
                assert directory.sku_text(sku_key(sku)) == sku
            assert sum(directory.sku_text(sku_key(sku)) is not None for sku in skus) <= 16

    asyncio.run(scene())


def test_misses_that_wait_together_share_a_look(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            skus = [f"sku-{i}" for i in range(200)]
            await writer.submit(Change(PRODUCT, [Proposal(sku, PIECES) for sku in skus]))
            looks = directory.looks
            await asyncio.gather(*(directory.resolve_missing(sku_keys=[sku_key(sku)]) for sku in skus))
            assert all(directory.sku_text(sku_key(sku)) == sku for sku in skus)
            assert directory.looks - looks <= 2

    asyncio.run(scene())


def test_known_names_ask_nobody(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            await put(writer, WAREHOUSE, "riga", STORE)
            await directory.resolve_missing(warehouses=["riga"])
            looks = directory.looks
            await directory.resolve_missing(warehouses=["riga"])
            assert directory.looks == looks

    asyncio.run(scene())


def test_key_speaks_for_its_client_within_its_limits(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            key = key_number(1)
            assert directory.principal(key.text, NOW_MS) is None
            await put_key(writer, key)
            await directory.resolve_missing(keys=[key.text])
            principal = directory.principal(key.text, NOW_MS)
            assert principal is not None
            assert principal.name == "shop"
            assert directory.client_name(principal.client) == "shop"
            assert principal.scopes == {"read", "reserve"}
            assert principal.channels == frozenset({"web"})
            assert principal.warehouses is None

    asyncio.run(scene())


def test_secret_that_does_not_fit_is_nobody(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            key = key_number(1)
            await put_key(writer, key)
            forged = key.text[:-1] + ("0" if key.text[-1] != "0" else "1")
            await directory.resolve_missing(keys=[forged])
            assert directory.principal(forged, NOW_MS) is None
            assert directory.principal(key.text, NOW_MS) is not None

    asyncio.run(scene())


def test_key_ends_on_the_millisecond(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            key = key_number(1)
            await put_key(writer, key, expires_at_ms=NOW_MS + 10)
            await directory.refresh()
            assert directory.principal(key.text, NOW_MS + 9) is not None
            assert directory.principal(key.text, NOW_MS + 10) is None

    asyncio.run(scene())


def test_revoked_key_ends_at_the_next_poll(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings, poll_period_s=0.01) as directory:
            key = key_number(1)
            await put_key(writer, key)
            await directory.refresh()
            assert directory.principal(key.text, NOW_MS) is not None
            assert one(await writer.submit(RevokeKey(key.id))).changed
            assert not one(await writer.submit(RevokeKey("nobody"))).changed

            async def revoked() -> None:
                while True:
                    if directory.principal(key.text, NOW_MS) is None:
                        return
                    await asyncio.sleep(0.01)

            await asyncio.wait_for(revoked(), BOUND_S)
            assert {k.id: k.revoked_at_ms for k in await directory.keys()}[key.id] == NOW_MS

    asyncio.run(scene())


def test_same_key_put_twice_is_one_key_and_other_content_a_conflict(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            key = key_number(1)
            assert one(await writer.submit(put_message(key))).made
            again = one(await writer.submit(put_message(key)))
            assert (again.outcome, again.made) == (Outcome.OK, False)
            other = one(await writer.submit(put_message(key, expires_at_ms=5)))
            assert other.outcome == Outcome.CONFLICT

    asyncio.run(scene())


def test_key_waits_until_the_shards_know_its_client(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            shards.away.add(0)
            key = key_number(1)
            assert one(await writer.submit(put_message(key))).outcome == Outcome.UNAVAILABLE
            await directory.refresh()
            assert directory.principal(key.text, NOW_MS) is None
            shards.away.clear()
            await put_key(writer, key)
            await directory.refresh()
            assert directory.principal(key.text, NOW_MS) is not None

    asyncio.run(scene())


def test_pages_go_by_the_bytes_of_the_codes(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            codes = ["b", "B", "a-1", "a1", "a_1", "A", "10", "9", ":"]
            await writer.submit(Change(PRODUCT, [Proposal(code, PIECES) for code in codes]))
            seen: list[str] = []
            while page := await directory.page(PRODUCT, seen[-1] if seen else "", 2):
                seen += [document.code for document in page]
            assert seen == sorted(codes)

    asyncio.run(scene())


def test_directory_waits_for_the_writer_to_make_the_tables(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        directory = Directory(settings, poll_period_s=3600)
        starting = asyncio.create_task(directory.start())
        async with writing(settings, shards):
            await asyncio.wait_for(starting, BOUND_S)
            assert directory.client_name(1) in ("", "admin")
            await directory.stop()

    asyncio.run(scene())


def test_directory_without_a_database_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        directory = Directory(DocumentsSettings(tmp_path / "nowhere"), start_timeout_s=0.1)
        with pytest.raises(DirectoryUnavailable, match="nowhere"):
            await directory.start()
        await directory.stop()

    asyncio.run(scene())


def test_look_that_fails_reaches_those_who_wait_and_nobody_else(tmp_path: Path, shards: MemoryShards) -> None:
    async def scene() -> None:
        settings = DocumentsSettings(tmp_path)
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "riga", STORE)
        async with looking(settings) as directory:
            (tmp_path / "documents.sqlite").write_bytes(b"this is no database" * 1000)
            with pytest.raises(DirectoryUnavailable):
                await directory.resolve_missing(warehouses=["oslo"])
            assert directory.warehouse_number("riga") == 0

    asyncio.run(scene())
