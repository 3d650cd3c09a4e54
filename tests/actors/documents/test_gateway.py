"""The writer behind an actor: bytes there and back, and what happens while it is away."""

import asyncio
from pathlib import Path

from actors.documents.database import DocumentsSettings
from actors.documents.delivery import Shards
from actors.documents.gateway import DocumentsActor, RemoteDocuments, WriterAway
from actors.documents.messages import (
    Change,
    Changed,
    Message,
    Proposal,
    PutKey,
    RequestId,
    RevokeKey,
    Verdict,
    decode_changed,
    decode_message,
    encode_changed,
    encode_message,
)
from actors.documents.schema import DocumentKind
from actors.process_group import Process
from actors.transport import ShardStatus
from engine.outcomes import Outcome
from engine.wire import ShardState
from tests.actors.documents.house import BOUND_S, NOW_MS, STORE, one, writing
from tests.actors.documents.shards import MemoryShards

pytest_plugins = ["tests.actors.postgres_server"]

CHANGE = Change(DocumentKind.WAREHOUSE, [Proposal("riga", STORE)], RequestId(1, "r", b"\0" * 32))


def test_messages_survive_the_journey() -> None:
    messages: list[Message] = [CHANGE, PutKey("1", b"\1" * 32, "shop", ["read"], None, ["riga"], 5), RevokeKey("1")]
    for message in messages:
        assert decode_message(encode_message(message)) == message
    answer = Changed([Verdict(Outcome.CONFLICT, detail="because"), Verdict(Outcome.OK, made=True)], replayed=True)
    assert decode_changed(encode_changed(answer)) == answer


def test_remote_change_is_carried_out(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        actor = DocumentsActor(settings, lambda: _given(shards), lambda: NOW_MS)
        documents = RemoteDocuments(actor.submit)
        assert one(await documents.submit(CHANGE)) == Verdict(Outcome.OK, made=True, changed=True)
        await actor.stop()

    asyncio.run(scene())


def test_actor_answers_unavailable_until_its_predecessor_has_let_go(tmp_path: Path, shards: MemoryShards) -> None:
    async def scene() -> None:
        settings = DocumentsSettings(tmp_path)
        actor = DocumentsActor(settings, lambda: _given(shards), lambda: NOW_MS, opening_wait_s=0.02)
        documents = RemoteDocuments(actor.submit)
        async with writing(settings, shards):
            assert one(await documents.submit(CHANGE)).outcome == Outcome.UNAVAILABLE
        await asyncio.wait_for(actor.opened(), BOUND_S)
        assert one(await documents.submit(CHANGE)).outcome == Outcome.OK
        await actor.stop()

    asyncio.run(scene())


def test_writer_whose_process_is_away_is_unavailable() -> None:
    async def gone(message: bytes) -> bytes:
        raise WriterAway("killed")

    async def silent(message: bytes) -> bytes:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def scene() -> None:
        assert one(await RemoteDocuments(gone).submit(CHANGE)).outcome == Outcome.UNAVAILABLE
        assert one(await RemoteDocuments(silent, timeout_s=0.02).submit(CHANGE)).outcome == Outcome.UNAVAILABLE

    asyncio.run(scene())


def test_whoever_watches_the_writer_learns_which_process_it_is_from_its_own_loop(
    settings: DocumentsSettings, shards: MemoryShards
) -> None:
    async def scene() -> None:
        actor = DocumentsActor(settings, lambda: _given(shards), lambda: NOW_MS)
        opening = ShardStatus.from_bytes(await actor.probe())
        assert (opening.state, Process(opening.pid, opening.started)) == (ShardState.STARTING, Process.this())
        await actor.opened()
        assert ShardStatus.from_bytes(await actor.probe()).state is ShardState.READY
        await actor.stop()

    asyncio.run(scene())


async def _given(shards: Shards) -> Shards:
    return shards
