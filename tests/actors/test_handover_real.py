"""Hand-overs as they really are: from a standby that is a process and is killed, to shards over either journal.

The successor is a whole shard, in a thread as the local transport makes it, over files or over a PostgreSQL server.
"""

import contextlib
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import actors.take_over
from actors.composition import local_shards, make_client, shard_arguments
from actors.datadir import DataDir, make_journal
from actors.follow import SegmentFollower
from actors.handover import SOCKET, NoHandOver, send
from actors.recovery import recover_shard
from actors.settings import Settings
from actors.standby import Standby
from actors.take_over import take_over
from engine.kinds import QuestionKind
from engine.layout import Limits
from engine.shard import Shard
from tests.actors.histories import history, journaled
from tests.actors.local_house import run
from tests.actors.shop import ask, definitions, encode, receive
from tests.e2e.served import wait_until
from tests.world import World

if TYPE_CHECKING:  # pytest imports the plugin itself
    from tests.actors.postgres_server import PostgresServer

pytest_plugins = ["tests.actors.postgres_server"]

ROUNDS = 3


@pytest.fixture(scope="module")
def world() -> World:
    return history(30, seed=11)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str | None:
    if getattr(request, "param", "segments") == "segments":
        return None
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_schema()


@contextlib.contextmanager
def standby_process(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", "actors.standby", "--data", str(data)]) as process:
        try:
            yield process
        finally:
            process.kill()


def lends(data: DataDir, seq: int) -> bool:
    """Whether whoever listens there has folded everything."""
    try:
        return take_over(data.path / SOCKET, 0, Limits())[0].seq == seq
    except NoHandOver:
        return False


MOMENTS = ["when it was asked", "while its memory is copied", "when all is copied"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_standby_that_is_killed_while_it_lends_is_done_without(
    tmp_path: Path, world: World, moment: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data = journaled(tmp_path / "data", world.records)
    with standby_process(data.path) as process:
        wait_until(lambda: lends(data, len(world.records)), "the standby")

        def kill() -> None:
            process.kill()
            process.wait()

        copied = actors.take_over._copied
        sent: list[Any] = []

        def send_and_kill(connection: Any, message: Any) -> None:
            send(connection, message)
            sent.append(message)
            if moment == MOMENTS[0]:
                kill()

        def copy_and_kill(*lent: Any) -> Shard:
            if moment == MOMENTS[1]:
                kill()
            shard = copied(*lent)
            if moment == MOMENTS[2]:
                kill()
            return shard

        monkeypatch.setattr(actors.take_over, "send", send_and_kill)
        monkeypatch.setattr(actors.take_over, "_copied", copy_and_kill)
        journal = SegmentFollower(data.shard(0), 0)
        with caplog.at_level(logging.INFO):
            shard = recover_shard(
                journal, data.snapshots(0), Limits(), lambda: take_over(data.path / SOCKET, 0, Limits())
            )  # fmt: skip
        journal.close()
        assert shard.state_hash() == world.shard.state_hash()
        assert sent
        assert process.poll() is not None


@pytest.mark.parametrize("database", ["segments", "postgres"], indirect=True)
def test_a_successor_over_either_journal_has_the_state_of_the_standby(
    tmp_path: Path, world: World, database: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """What came after the standby's last look is folded from the journal."""
    caplog.set_level(logging.INFO)
    data = DataDir.make_or_open(tmp_path, shards=1)
    predecessor = make_journal(data.path, 0, database)
    opening = predecessor.open()
    for record in world.records[:-5]:
        predecessor.append(replace(record, epoch=opening.epoch))
    standby = Standby(data, database)
    while standby.advance():
        pass
    standby.listen()
    for record in world.records[-5:]:
        predecessor.append(replace(record, epoch=opening.epoch))
    predecessor.close()
    [(_, home)] = shard_arguments(data, database, Settings(), Limits())
    journal = home.journal()
    journal.open(known_seq=len(world.records))
    shard = home.recover(journal)
    assert shard.state_hash() == world.shard.state_hash()
    assert "nothing from the standby" not in caplog.text
    journal.close()
    standby.close()


@pytest.mark.parametrize("database", ["segments", "postgres"], indirect=True)
def test_shards_that_are_threads_take_over_from_the_standby_when_they_are_killed(
    tmp_path: Path, database: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data = DataDir.make_or_open(tmp_path, shards=1)
    standby = Standby(data, database)
    standing_by = threading.Thread(target=standby.run)
    standing_by.start()
    transport = local_shards(shard_arguments(data, database, Settings(), Limits()))

    async def scenario() -> None:
        client = make_client(transport, data, Settings())
        await client.commands(*encode(definitions(["A"])), shard=0)
        for number in range(1, ROUNDS + 1):
            await client.commands(*encode(*(receive("A", 1) for _ in range(50))))
            transport.kill(0)
            answers = await client.ask(ask(QuestionKind.STOCK, sku="A"))
            assert answers.answers["on_hand"].tolist() == [50 * number]
        await client.close()

    try:
        run(scenario())
    finally:
        transport.close()
        standby.stopping.set()
        standing_by.join()
    assert transport.restarts == [ROUNDS]
    assert "handed over at" in caplog.text
