"""A state handed over by the standby is the fold of the journal; whatever goes wrong with it, the journal serves."""

import contextlib
import dataclasses
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from actors.datadir import DataDir
from actors.doorway import short_path
from actors.follow import SegmentFollower
from actors.handover import SOCKET, Done, Lent, NoHandOver, Refused, send
from actors.lending import Lending, Loan
from actors.recovery import recover_shard
from actors.snapshot import snapshots_in
from actors.standby import Standby
from actors.take_over import take_over
from engine.layout import Limits
from engine.shard import Shard
from tests.actors.histories import history, journaled
from tests.actors.journal_stores import small_journal
from tests.world import World

ANSWER_S = 0.2


@pytest.fixture(scope="module")
def world() -> World:
    return history(40, seed=7)


@pytest.fixture
def data(tmp_path: Path, world: World) -> DataDir:
    return journaled(tmp_path / "data", world.records)


@contextmanager
def standing_by(data: DataDir) -> Iterator[Standby]:
    """Up to date, and listening."""
    standby = Standby(data)
    try:
        while standby.advance():
            pass
        standby.listen()
        yield standby
    finally:
        standby.close()


def recovered(data: DataDir, log: pytest.LogCaptureFixture) -> Shard:
    """As a successor would; the log tells where the state came from."""
    journal = SegmentFollower(data.shard(0), 0)
    try:
        with log.at_level(logging.INFO):
            return recover_shard(
                journal, data.snapshots(0), Limits(), lambda: take_over(data.path / SOCKET, 0, Limits(), ANSWER_S)
            )
    finally:
        journal.close()


def hashes(world: World) -> dict[int, bytes]:
    """The state after each record."""
    shard, found = Shard(Limits()), {}
    for record in world.records:
        shard.apply(record)
        found[record.seq] = shard.state_hash()
    return found


def test_a_successor_gets_the_state_that_a_fold_from_nothing_gives(
    data: DataDir, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with standing_by(data):
        assert recovered(data, caplog).state_hash() == world.shard.state_hash()
    assert "nothing from the standby" not in caplog.text


def test_only_the_owner_can_ask(data: DataDir) -> None:
    with standing_by(data):
        assert stat.S_IMODE((data.path / SOCKET).stat().st_mode) == 0o600


def test_a_directory_of_any_depth_can_be_stood_by_for(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path / ("deep" * 30) / "data", world.records)
    with standing_by(data):
        assert take_over(data.path / SOCKET, 0, Limits())[0].state_hash() == world.shard.state_hash()


def test_states_taken_while_the_shard_goes_on_are_those_of_their_records(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, [])
    states, seen = hashes(world), set()
    taken = threading.Semaphore(0)

    def live() -> None:
        journal = small_journal(data.shard(0))
        opening = journal.open()
        for record in world.records:
            journal.append(replace(record, epoch=opening.epoch))
            if record.seq % 10 == 0:
                taken.acquire(timeout=30)
        journal.close()

    standby = Standby(data, tail_rows_max=1)
    running = threading.Thread(target=standby.run)
    living = threading.Thread(target=live)
    running.start()
    living.start()
    try:
        give_up_at = time.monotonic() + 60
        while len(world.records) not in seen and time.monotonic() < give_up_at:
            with contextlib.suppress(NoHandOver):
                shard, lent = take_over(data.path / SOCKET, 0, Limits())
                if shard.seq:
                    assert shard.state_hash() == states[shard.seq]
                    assert lent.record_hash == SegmentFollower(data.shard(0), 0).hash_at(shard.seq).hex()
                    seen.add(shard.seq)
                    taken.release()
    finally:
        standby.stopping.set()
        running.join()
        living.join()
    assert len(seen) > 3


def test_a_standby_that_is_not_there_is_done_without(
    data: DataDir, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert recovered(data, caplog).state_hash() == world.shard.state_hash()
    assert "nothing from the standby" in caplog.text
    with standing_by(data):
        pass  # it leaves a socket behind that nobody listens at
    assert recovered(data, caplog).state_hash() == world.shard.state_hash()


def _of_another_shard(loan: Loan) -> Loan:
    return dataclasses.replace(loan, lent=msgspec.structs.replace(loan.lent, shard=1))


def _of_another_seq(loan: Loan) -> Loan:
    return dataclasses.replace(loan, lent=msgspec.structs.replace(loan.lent, seq=loan.lent.seq - 1))


def _of_another_record(loan: Loan) -> Loan:
    return dataclasses.replace(loan, lent=msgspec.structs.replace(loan.lent, record_hash="00" * 32))


def _without_a_table(loan: Loan) -> Loan:
    return dataclasses.replace(loan, lent=msgspec.structs.replace(loan.lent, arrays=loan.lent.arrays[1:]))


def _too_large(loan: Loan) -> Loan:
    first, *others = loan.lent.arrays
    first = msgspec.structs.replace(first, shape=(1 << 40,))
    return dataclasses.replace(loan, lent=msgspec.structs.replace(loan.lent, arrays=[first, *others]))


def _cut_short(loan: Loan) -> Loan:
    last = max(loan.lent.arrays, key=lambda place: place.offset)
    others = [place for place in loan.lent.arrays if place is not last]
    beyond = msgspec.structs.replace(last, offset=1 << 50)
    return dataclasses.replace(loan, lent=msgspec.structs.replace(loan.lent, arrays=[*others, beyond]))


LIES = [_of_another_shard, _of_another_seq, _of_another_record, _without_a_table, _too_large, _cut_short]


@pytest.mark.parametrize("lie", LIES)
def test_a_standby_that_lies_is_not_believed(
    data: DataDir, world: World, lie: Callable[[Loan], Loan], caplog: pytest.LogCaptureFixture
) -> None:
    standby = Standby(data)
    while standby.advance():
        pass

    @contextmanager
    def lying(shard: int) -> Iterator[Loan]:
        with standby.lent(shard) as loan:
            yield lie(loan)

    lending = Lending(data.path / SOCKET, lying)
    assert recovered(data, caplog).state_hash() == world.shard.state_hash()
    assert "nothing from the standby" in caplog.text
    lending.close()
    standby.close()


def test_a_state_that_is_older_than_a_snapshot_is_not_used(
    tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    data = journaled(tmp_path, world.records[:20])
    with standing_by(data):
        journal = small_journal(data.shard(0))
        opening = journal.open()
        for record in world.records[20:]:
            journal.append(replace(record, epoch=opening.epoch))
        other = Standby(data)
        assert other.take(0)
        other.close()
        old = take_over(data.path / SOCKET, 0, Limits())
        shard = recover_shard(
            journal, data.snapshots(0), Limits(), lambda: (old[0], msgspec.structs.replace(old[1], seq=20))
        )
        assert shard.state_hash() == world.shard.state_hash()
        journal.close()


@contextmanager
def answering(data: DataDir, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something that listens where the standby should."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        with short_path(data.path / SOCKET) as name:
            listening.bind(name)
        listening.listen()
        over = threading.Event()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                answer(connection)
                over.wait(30)

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield
        finally:
            over.set()
            serving.join()


def _silence(connection: socket.socket) -> None:
    """Never a word."""


def _end(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def _noise(connection: socket.socket) -> None:
    connection.sendall(os.urandom(4096))


def _a_long_message(connection: socket.socket) -> None:
    connection.sendall(b"\xff\xff\xff\x7f" + bytes(1000))


def _half_a_message(connection: socket.socket) -> None:
    connection.sendall(b"\x40\0\0\0" + b'{"type":"Lent","shard":0,')


def _the_wrong_word(connection: socket.socket) -> None:
    send(connection, Done())


def _no_memory(connection: socket.socket) -> None:
    send(connection, Lent(0, 1, 1, 1, "00" * 32, []))


def _a_refusal(connection: socket.socket) -> None:
    send(connection, Refused("not now"))


ANSWERS = [_silence, _end, _noise, _a_long_message, _half_a_message, _the_wrong_word, _no_memory, _a_refusal]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_standby_that_hangs_or_babbles_is_done_without(
    data: DataDir, world: World, answer: Callable[[socket.socket], None], caplog: pytest.LogCaptureFixture
) -> None:
    with answering(data, answer):
        assert recovered(data, caplog).state_hash() == world.shard.state_hash()
    assert "nothing from the standby" in caplog.text


def test_a_state_of_a_standby_that_dies_before_it_said_that_it_kept_still_is_not_used(
    data: DataDir, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    standby = Standby(data)
    while standby.advance():
        pass

    def lend_and_die(connection: socket.socket) -> None:
        with standby.lent(0) as loan:
            send(connection, loan.lent, (loan.descriptor,))
            connection.shutdown(socket.SHUT_RDWR)

    with answering(data, lend_and_die):
        assert recovered(data, caplog).state_hash() == world.shard.state_hash()
    assert "nothing from the standby" in caplog.text
    standby.close()


@pytest.mark.parametrize("word", [b"", b"\x10\0\0\0", b"\xff" * 64, b"\x02\0\0\0{}", b"\x1e\0\0\0" + bytes(30)])
def test_a_standby_outlives_whoever_asks_nonsense(data: DataDir, world: World, word: bytes) -> None:
    with standing_by(data):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(data.path / SOCKET))
            connection.sendall(word)
        assert take_over(data.path / SOCKET, 0, Limits())[0].state_hash() == world.shard.state_hash()


def test_a_shard_that_is_not_there_is_refused(data: DataDir) -> None:
    with standing_by(data), pytest.raises(NoHandOver, match="no shard 5"):
        take_over(data.path / SOCKET, 5, Limits())


def test_a_state_that_does_not_fit_the_limits_is_not_used(data: DataDir) -> None:
    small = Limits(warehouses_max=16, channels_max=16, clients_max=16)
    with standing_by(data), pytest.raises(NoHandOver, match="room"):
        take_over(data.path / SOCKET, 0, small)


def test_states_that_take_too_much_memory_are_let_go_and_snapshots_go_on(
    data: DataDir, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    standby = Standby(data, tail_rows_max=1, memory_max=1 << 16)
    with caplog.at_level(logging.INFO):
        assert standby.look() == 1
    assert "is let go" in caplog.text
    assert snapshots_in(data.snapshots(0)) == [len(world.records)]
    with pytest.raises(NoHandOver), standby.lent(0):
        pass
    standby.close()


def test_a_standby_begins_with_the_newest_snapshot(data: DataDir, world: World) -> None:
    first = Standby(data)
    assert first.take(0)
    first.close()
    with standing_by(data):
        assert take_over(data.path / SOCKET, 0, Limits())[0].state_hash() == world.shard.state_hash()
