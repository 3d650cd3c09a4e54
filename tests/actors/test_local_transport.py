import asyncio
import threading

import pytest

from actors.memory_journal import MemoryJournal
from actors.transport import ShardStatus, TransportError
from engine.ids import finish_rows
from engine.record import Record, RecordKind
from engine.wire import Batch, Reply, ShardState
from tests.actors.local_house import local_house, run
from tests.actors.shop import SECRET, encode, receive


def message(sku: str) -> bytes:
    rows, heap = encode(receive(sku, 1))
    finish_rows(rows, heap, SECRET)
    return Batch(rows, heap).to_bytes()


def test_a_call_is_carried_to_the_shard_and_back() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            for shard in range(2):
                reply = Reply.from_bytes(await house.transport.call(shard, message(house.skus(shard)[0]), 10))
                assert reply.state == ShardState.READY
                assert len(house.stores[shard].records[-1].rows) == 1

    run(scenario())


def test_a_shard_that_ends_itself_is_replaced_and_its_caller_told() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            store = house.stores[0]
            store.broken = "no disk"
            with pytest.raises(TransportError, match="no disk") as lost:
                await house.transport.call(0, message(house.skus(0)[0]), 10)
            assert lost.value.may_have_run
            store.broken = ""
            rows, heap = encode(receive(house.skus(0)[0], 1))
            await house.client.commands(rows, heap)
            assert house.transport.restarts == [1]
            assert store.epoch >= 2

    run(scenario())


def test_a_message_that_is_none_is_told_to_its_caller_and_the_shard_lives() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            with pytest.raises(TransportError, match="WireError"):
                await house.transport.call(0, b"?", 10)
            assert house.transport.restarts == [0]

    run(scenario())


def test_a_call_is_not_waited_for_longer_than_said_and_the_probe_answers_meanwhile() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            deciding, go_on = threading.Event(), threading.Event()

            def hold(record: Record) -> None:
                deciding.set()
                go_on.wait(10)

            house.stores[0].before_append = hold
            call = asyncio.create_task(house.transport.call(0, message(house.skus(0)[0]), 0.05))
            await asyncio.to_thread(deciding.wait, 10)
            status = ShardStatus.from_bytes(await house.transport.probe(0, 1))
            assert status.state == ShardState.READY
            with pytest.raises(TransportError, match="no answer"):
                await call
            assert ShardStatus.from_bytes(await house.transport.probe(0, 1)).busy_ms >= 40
            go_on.set()

    run(scenario())


def test_closing_seals_every_journal_and_leaves_no_thread() -> None:
    async def scenario() -> list[RecordKind]:
        async with local_house(shards=2) as house:
            stores = house.stores
        return [store.records[-1].kind for store in stores]

    assert run(scenario()) == [RecordKind.SEAL, RecordKind.SEAL]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("shard-0-batches")]


def test_a_shard_that_is_killed_forgets_what_was_not_durable() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            before = house.stores[0].epoch
            house.transport.kill(0)
            await house.client.commands(*encode(receive(house.skus(0)[0], 1)))
            assert house.stores[0].epoch == before + 1
            assert house.stores[0].records[-1].epoch == before + 1

    run(scenario())


def test_a_shard_that_was_replaced_finds_out_while_nobody_calls_it() -> None:
    async def scenario() -> None:
        async with local_house(tick_ms=5, lease_ms=2) as house:
            store, opened_again = house.stores[0], threading.Event()
            journal = store.journal

            def open_again() -> MemoryJournal:
                opened_again.set()
                return journal()

            store.journal = open_again  # type: ignore[method-assign]
            store.epoch += 1  # another opener came
            assert await asyncio.to_thread(opened_again.wait, 20)

    run(scenario())
