"""What becomes of a change: pending, journaled by the shards, in force; or refused, and nothing changed."""

import asyncio

import pytest
from sqlalchemy import insert

from actors.documents.database import DocumentsSettings, writing_engine
from actors.documents.messages import Change, Proposal, RequestId, Verdict
from actors.documents.schema import TABLES, DocumentKind
from engine.ids import sku_key
from engine.kinds import Kind
from engine.outcomes import Outcome
from tests.actors.documents.house import (
    BOUND_S,
    EVERYWHERE,
    KILOS,
    PIECES,
    STORE,
    archive,
    looking,
    one,
    put,
    until_decided,
    writing,
)
from tests.actors.documents.shards import MemoryShards

pytest_plugins = ["tests.actors.postgres_server"]

WAREHOUSE, CHANNEL, CLIENT, PRODUCT = (
    DocumentKind.WAREHOUSE,
    DocumentKind.CHANNEL,
    DocumentKind.CLIENT,
    DocumentKind.PRODUCT,
)
MADE = Verdict(Outcome.OK, made=True, changed=True)
CHANGED = Verdict(Outcome.OK, made=False, changed=True)
UNCHANGED = Verdict(Outcome.OK, made=False, changed=False)


def sku_of_shard(shards: MemoryShards, shard: int, which: int = 0) -> str:
    """A SKU that lies on that shard."""
    names = (f"SKU-{i}" for i in range(1000))
    return [name for name in names if shards.shard_of(sku_key(name)) == shard][which]


def test_new_warehouse_is_known_to_every_shard_when_it_is_answered(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            assert await put(writer, WAREHOUSE, "riga", STORE) == MADE
            for shard in (0, 1):
                sku = sku_of_shard(shards, shard)
                assert await put(writer, PRODUCT, sku, PIECES) == MADE
                assert await shards.receive(sku_key(sku), 0, 5, f"r{shard}") == Outcome.OK

    asyncio.run(scene())


def test_numbers_count_up_from_zero_for_each_kind(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            for code in ("a", "b", "c"):
                await put(writer, WAREHOUSE, code, STORE)
                await put(writer, CHANNEL, f"ch-{code}", EVERYWHERE)
            await directory.refresh()
            assert [directory.warehouse_number(code) for code in "abc"] == [0, 1, 2]
            assert [directory.channel_number(f"ch-{code}") for code in "abc"] == [0, 1, 2]
            assert [directory.client_name(number) for number in (0, 1)] == ["omnistock", "admin"]

    asyncio.run(scene())


def test_same_document_again_asks_no_shard(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "riga", STORE)
            calls = len(shards.calls)
            assert await put(writer, WAREHOUSE, "riga", STORE) == UNCHANGED
            assert len(shards.calls) == calls
            assert await put(writer, WAREHOUSE, "riga", STORE.replace("3", "4")) == CHANGED

    asyncio.run(scene())


def test_archived_document_is_unknown_until_it_is_put_again_under_its_old_number(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            await put(writer, WAREHOUSE, "riga", STORE)
            await put(writer, WAREHOUSE, "oslo", STORE)
            assert await archive(writer, WAREHOUSE, "riga") == CHANGED
            assert await archive(writer, WAREHOUSE, "riga") == Verdict(Outcome.UNKNOWN_WAREHOUSE)
            assert await directory.document(WAREHOUSE, "riga") is None
            assert [d.code for d in await directory.page(WAREHOUSE, "", 10)] == ["oslo"]
            assert await put(writer, WAREHOUSE, "riga", STORE) == MADE
            await directory.refresh()
            assert directory.warehouse_number("riga") == 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (WAREHOUSE, Outcome.UNKNOWN_WAREHOUSE),
        (CHANNEL, Outcome.UNKNOWN_CHANNEL),
        (PRODUCT, Outcome.UNKNOWN_SKU),
    ],
)
def test_archiving_what_was_never_there_is_unknown(
    settings: DocumentsSettings, shards: MemoryShards, kind: DocumentKind, outcome: Outcome
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            assert await archive(writer, kind, "nobody") == Verdict(outcome)

    asyncio.run(scene())


def test_warehouse_with_stock_on_one_shard_stays_in_use_on_all(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            await put(writer, WAREHOUSE, "riga", STORE)
            for shard in (0, 1):
                await put(writer, PRODUCT, sku_of_shard(shards, shard), PIECES)
            assert await shards.receive(sku_key(sku_of_shard(shards, 1)), 0, 5, "first") == Outcome.OK
            refused = await archive(writer, WAREHOUSE, "riga")
            assert refused.outcome == Outcome.CONFLICT
            assert "stock" in refused.detail
            # Shard 0 had archived it already: it was told to take that back.
            assert await shards.receive(sku_key(sku_of_shard(shards, 0)), 0, 5, "second") == Outcome.OK
            assert await directory.document(WAREHOUSE, "riga") is not None
            assert await put(writer, WAREHOUSE, "riga", STORE) == UNCHANGED

    asyncio.run(scene())


def test_product_is_told_to_its_own_shard_only(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "riga", STORE)
            sku = sku_of_shard(shards, 0)
            await put(writer, PRODUCT, sku, PIECES)
            assert shards.calls[-1] == (None, [sku])
            assert await shards.receive(sku_key(sku), 0, 1, "there") == Outcome.OK
            assert await shards.receive(sku_key(sku_of_shard(shards, 1)), 0, 1, "elsewhere") == Outcome.UNKNOWN_SKU

    asyncio.run(scene())


def test_decimals_change_while_there_is_no_cell_and_never_after(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            await put(writer, WAREHOUSE, "riga", STORE)
            assert await put(writer, PRODUCT, "cup", PIECES) == MADE
            assert await put(writer, PRODUCT, "cup", KILOS) == CHANGED
            assert await shards.receive(sku_key("cup"), 0, 5, "r") == Outcome.OK
            refused = await put(writer, PRODUCT, "cup", PIECES)
            assert refused.outcome == Outcome.CONFLICT
            assert "quantity_decimals" in refused.detail
            found = await directory.document(PRODUCT, "cup")
            assert found is not None
            assert found.document == KILOS
            assert (await archive(writer, PRODUCT, "cup")).outcome == Outcome.CONFLICT

    asyncio.run(scene())


def test_two_skus_with_one_key_cannot_both_be_registered(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards):
            pass
        engine = writing_engine(settings)
        with engine.begin() as connection:  # nobody knows two such texts, so one is written here as if it had the key
            connection.execute(
                insert(TABLES[PRODUCT]).values(
                    number=sku_key("cup"), code="plate", document=PIECES, archived=False, version=1
                )
            )
        engine.dispose()
        async with writing(settings, shards) as writer:
            refused = await put(writer, PRODUCT, "cup", PIECES)
            assert refused.outcome == Outcome.CONFLICT
            assert "plate" in refused.detail

    asyncio.run(scene())


def test_number_beyond_the_last_is_refused(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards):
            pass
        engine = writing_engine(settings)
        with engine.begin() as connection:
            connection.execute(
                insert(TABLES[CHANNEL]).values(number=254, code="old", document="{}", archived=True, version=1)
            )
        engine.dispose()
        async with writing(settings, shards) as writer:
            assert await put(writer, CHANNEL, "last", EVERYWHERE) == MADE
            assert (await put(writer, CHANNEL, "beyond", EVERYWHERE)).outcome == Outcome.LIMIT_EXCEEDED

    asyncio.run(scene())


def test_channel_must_name_warehouses_that_are_in_use(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "riga", STORE)
            await put(writer, WAREHOUSE, "oslo", STORE)
            both = '{"name":"Shop","kind":"web","warehouses":["oslo","riga"]}'
            assert await put(writer, CHANNEL, "web", both) == MADE
            await archive(writer, WAREHOUSE, "oslo")
            refused = await put(writer, CHANNEL, "other", both)
            assert refused == Verdict(Outcome.UNKNOWN_WAREHOUSE, detail="there is no warehouse oslo")
            # The channel that had it keeps it in its list: the shards pass it over.
            assert await put(writer, CHANNEL, "web", both.replace("Shop", "Store")) == Verdict(
                Outcome.UNKNOWN_WAREHOUSE, detail="there is no warehouse oslo"
            )

    asyncio.run(scene())


def test_channel_row_is_followed_by_its_warehouses_in_their_order(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            for code in ("a", "b", "c"):
                await put(writer, WAREHOUSE, code, STORE)
            await put(writer, CHANNEL, "web", '{"name":"Shop","kind":"web","warehouses":["c","a"]}')
            rows = shards.rows[-1]
            assert rows["kind"].tolist() == [Kind.DEFINE_CHANNEL] + 2 * [Kind.DEFINE_CHANNEL_WAREHOUSE]
            assert rows["warehouse"][1:].tolist() == [2, 0]
            assert rows["priority"][1:].tolist() == [0, 1]
            assert len(set(rows["group"].tolist())) == 1

    asyncio.run(scene())


def test_changes_that_wait_together_go_together(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "first", STORE)
            calls = len(shards.calls)
            verdicts = await asyncio.gather(*(put(writer, WAREHOUSE, f"w{i}", STORE) for i in range(100)))
            assert set(verdicts) == {MADE}
            assert len(shards.calls) - calls <= 2 * 3  # shards times rounds

    asyncio.run(scene())


def test_two_changes_of_one_document_take_effect_in_their_order(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            documents = [STORE.replace("3", str(i)) for i in range(1, 6)]
            verdicts = await asyncio.gather(*(put(writer, WAREHOUSE, "riga", text) for text in documents))
            assert verdicts == [MADE] + 4 * [CHANGED]
            found = await directory.document(WAREHOUSE, "riga")
            assert found is not None
            assert found.document == documents[-1]

    asyncio.run(scene())


def test_while_a_shard_is_away_a_change_is_unavailable_and_unseen_and_finished_when_it_is_back(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            shards.away.add(1)
            assert (await put(writer, WAREHOUSE, "riga", STORE)).outcome == Outcome.UNAVAILABLE
            assert await directory.document(WAREHOUSE, "riga") is None
            shards.away.clear()
            again = await until_decided(writer, Change(WAREHOUSE, [Proposal("riga", STORE)]))
            assert one(again).outcome == Outcome.OK
            assert await directory.document(WAREHOUSE, "riga") is not None

    asyncio.run(scene())


def test_products_of_the_other_shards_go_on_while_one_is_away(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            shards.away.add(1)
            here, there = sku_of_shard(shards, 0), sku_of_shard(shards, 1)
            changed = await writer.submit(Change(PRODUCT, [Proposal(here, PIECES), Proposal(there, PIECES)]))
            assert [verdict.outcome for verdict in changed.verdicts] == [Outcome.OK, Outcome.UNAVAILABLE]

    asyncio.run(scene())


def test_other_content_waits_until_the_pending_one_has_arrived(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            shards.away.add(1)
            other = STORE.replace("Riga", "Rīga")
            await put(writer, WAREHOUSE, "riga", STORE)
            assert (await put(writer, WAREHOUSE, "riga", other)).outcome == Outcome.UNAVAILABLE
            shards.away.clear()
            assert one(await until_decided(writer, Change(WAREHOUSE, [Proposal("riga", other)]))) == CHANGED
            found = await directory.document(WAREHOUSE, "riga")
            assert found is not None
            assert found.document == other

    asyncio.run(scene())


def test_definition_whose_answer_was_lost_has_its_effect_once(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await put(writer, WAREHOUSE, "riga", STORE)
            shards.lost_answers.add(0)
            assert (await put(writer, WAREHOUSE, "riga", STORE.replace("3", "4"))).outcome == Outcome.UNAVAILABLE
            shards.lost_answers.clear()
            again = await until_decided(writer, Change(WAREHOUSE, [Proposal("riga", STORE.replace("3", "4"))]))
            assert one(again).outcome == Outcome.OK
            ids = [ids for ids in shards.ids if ids and ids[0].startswith("warehouse:0:")]
            assert len({text for texts in ids for text in texts}) == 2  # the first definition and the second

    asyncio.run(scene())


def test_silent_shard_holds_nobody_up_for_longer_than_the_time_out(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards, delivery_timeout_s=0.05) as writer:
            shards.silent.add(0)
            asked = put(writer, WAREHOUSE, "riga", STORE)
            assert (await asyncio.wait_for(asked, BOUND_S)).outcome == Outcome.UNAVAILABLE

    asyncio.run(scene())


def test_request_id_gives_the_first_answer_again(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            request = RequestId(1, "import-1", b"\1" * 32)
            change = Change(PRODUCT, [Proposal("cup", PIECES), Proposal("plate", PIECES)], request)
            first = await writer.submit(change)
            assert first.verdicts == [MADE, MADE]
            assert not first.replayed
            await put(writer, PRODUCT, "cup", KILOS)
            again = await writer.submit(change)
            assert again.verdicts == first.verdicts
            assert again.replayed
            assert await put(writer, PRODUCT, "cup", KILOS) == UNCHANGED

    asyncio.run(scene())


def test_request_id_with_other_content_is_refused(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await writer.submit(Change(PRODUCT, [Proposal("cup", PIECES)], RequestId(1, "r", b"\1" * 32)))
            reused = await writer.submit(Change(PRODUCT, [Proposal("cup", KILOS)], RequestId(1, "r", b"\2" * 32)))
            assert one(reused).outcome == Outcome.ID_REUSED
            other_client = await writer.submit(Change(PRODUCT, [Proposal("cup", KILOS)], RequestId(2, "r", b"\2" * 32)))
            assert one(other_client) == CHANGED

    asyncio.run(scene())


def test_answer_that_is_not_final_is_not_pinned_to_the_request(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            shards.away.add(1)
            skus = [sku_of_shard(shards, 0), sku_of_shard(shards, 1)]
            change = Change(PRODUCT, [Proposal(sku, PIECES) for sku in skus], RequestId(1, "r", b"\1" * 32))
            assert (await writer.submit(change)).verdicts[1].outcome == Outcome.UNAVAILABLE
            shards.away.clear()
            done = await until_decided(writer, change)
            assert [verdict.outcome for verdict in done.verdicts] == [Outcome.OK, Outcome.OK]
            assert not done.replayed
            assert (await writer.submit(change)).replayed

    asyncio.run(scene())


def test_stopped_writer_answers_unavailable(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            pass
        assert (await put(writer, WAREHOUSE, "riga", STORE)).outcome == Outcome.UNAVAILABLE

    asyncio.run(scene())
