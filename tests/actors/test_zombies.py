"""A shard that was stopped goes on after its successor took over: it writes nothing and answers nothing that is old.

With files the successor kills it; here it also loses its lock without dying, at every step of a write. With PostgreSQL
it may live on another machine, where nobody can kill it: it goes on and finds the epoch gone.
"""

import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest

from actors.datadir import recover, shard_directory
from actors.disk import RealDisk
from actors.follow import SegmentFollower
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig, ShardDied
from engine.ids import finish_rows
from engine.kinds import QuestionKind, ResultFlag
from engine.outcomes import Outcome
from engine.wire import Batch, Reply
from tests.actors.journal_stores import small_journal
from tests.actors.shop import SECRET, Spec, ask, definitions, encode, receive, reserve, sell
from tests.actors.zombie_shard import LIMITS, Home, ZombieToBe

if TYPE_CHECKING:  # pytest imports the plugin itself
    from tests.actors.postgres_server import PostgresServer

pytest_plugins = ["tests.actors.postgres_server"]

START_NS = 1_760_000_000_000_000_000
ROUNDS = 12
SEED = 6


def message(*specs: Spec, question: bool = False) -> bytes:
    rows, heap = encode(*specs)
    finish_rows(rows, heap, SECRET)
    batch = Batch(rows, heap, ask(QuestionKind.STOCK, sku="A")) if question else Batch(rows, heap)
    return batch.to_bytes()


def on_hand(actor: ShardActor) -> int:
    reply = Reply.from_bytes(actor.submit(message(question=True)))
    return int(reply.answers["on_hand"][0])


# In one process: two open shards on one directory.


class StoppingDisk(RealDisk):
    """Runs `meanwhile` at the step of this name, once: what others do while the process is stopped there."""

    def __init__(self) -> None:
        self.at = ""
        self.meanwhile: Callable[[], None] = lambda: None

    def _step(self, name: str) -> None:
        if self.at == name:
            self.at = ""
            self.meanwhile()

    def write(self, descriptor: int, data: memoryview, offset: int) -> None:
        self._step("before the write")
        super().write(descriptor, data, offset)
        self._step("after the write")

    def sync(self, descriptor: int) -> None:
        self._step("before the sync")
        super().sync(descriptor)
        self._step("after the sync")


class Directory:
    """A data directory, and the shards that were opened there one after another."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.passed_ns = 0
        self.disk = StoppingDisk()
        self.zombie = self.opened(self.disk)
        self.submit(self.zombie, *definitions(["A"]), receive("A", 10))

    def opened(self, disk: RealDisk | None = None) -> ShardActor:
        actor = ShardActor(
            ShardConfig(shard=0, limits=LIMITS, settings=Settings()),
            lambda: small_journal(shard_directory(self.data, 0), disk=disk),
            lambda journal: recover(self.data, 0, LIMITS, journal),
            die=self._died,
            readings=lambda: (self.passed_ns, START_NS + self.passed_ns),
            background=False,
        )
        assert actor.try_open(), actor.probe()
        return actor

    def taken_over(self) -> ShardActor:
        """By a successor that did not meet the predecessor's lock."""
        (shard_directory(self.data, 0) / "lock").unlink()
        return self.opened()

    def submit(self, actor: ShardActor, *specs: Spec) -> Reply:
        return Reply.from_bytes(actor.submit(message(*specs)))

    def followed(self) -> tuple[int, list[int]]:
        """What readers in other processes take for durable: its seq, and the epochs of the records."""
        follower = SegmentFollower(shard_directory(self.data, 0), 0)
        epochs = [record.epoch for record in follower.scan()]
        follower.close()
        return len(epochs), epochs

    def _died(self, reason: str) -> NoReturn:
        raise ShardDied(reason)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_a_zombie_between_two_batches_writes_nothing_and_answers_nothing(directory: Directory) -> None:
    successor = directory.taken_over()
    before = {path.name: path.read_bytes() for path in shard_directory(directory.data, 0).glob("*[!k]")}
    with pytest.raises(ShardDied, match="its lock is gone"):
        directory.submit(directory.zombie, sell("A", 1))
    assert {path.name: path.read_bytes() for path in shard_directory(directory.data, 0).glob("*[!k]")} == before
    assert on_hand(successor) == 10
    successor.stop()


@pytest.mark.parametrize("at", ["before the write", "after the write", "before the sync", "after the sync"])
def test_a_zombie_in_the_middle_of_a_write_answers_nothing_and_publishes_nothing(directory: Directory, at: str) -> None:
    """What it was writing is there for all or for nobody, and the caller who asks again gets one effect."""
    found: list[ShardActor] = []

    def take_over() -> None:
        found.append(directory.taken_over())
        directory.submit(found[0], receive("A", 5))

    directory.disk.at, directory.disk.meanwhile = at, take_over
    sold = message(sell("A", 1))
    with pytest.raises(ShardDied, match="its lock is gone"):
        directory.zombie.submit(sold)
    seq, epochs = directory.followed()
    written = 0 if at == "before the write" else 1
    assert epochs == [1, 1, *([1] * written), 2, 2]
    directory.zombie.abandon()
    assert directory.followed() == (seq, epochs), "it cuts nothing off when it is cleared away"
    directory.submit(found[0], receive("A", 1))
    assert directory.followed()[0] == seq + 1
    again = Reply.from_bytes(found[0].submit(sold))
    assert again.results["outcome"].tolist() == [Outcome.OK]
    assert bool(again.results["flags"][0] & ResultFlag.REPLAYED) == bool(written)
    assert on_hand(found[0]) == 15
    found[0].stop()


def test_a_zombie_that_begins_a_segment_does_not_put_it_in_the_successors_place(directory: Directory) -> None:
    journal = directory.zombie
    while True:  # until the next record belongs into another segment
        last = Reply.from_bytes(journal.submit(message(*(reserve("A", 1) for _ in range(30)))))
        position = directory.zombie._shard.journal._position  # type: ignore[union-attr]
        if position.offset >= 16 << 10:
            break
    successor = directory.taken_over()
    directory.submit(successor, receive("A", 5))
    with pytest.raises(ShardDied, match="its lock is gone"):
        directory.submit(directory.zombie, sell("A", 1))
    successor.stop()
    third = directory.opened()
    assert directory.followed()[0] > last.seq + 2
    assert on_hand(third) == 15
    third.stop()


@pytest.mark.parametrize("ask_what", ["a question", "a command that it knows"])
def test_a_zombie_answers_nothing_when_its_lease_is_old(directory: Directory, ask_what: str) -> None:
    known = message(sell("A", 1))
    directory.zombie.submit(known)
    successor = directory.taken_over()
    directory.submit(successor, sell("A", 9))
    directory.passed_ns += 4_000_000_000
    with pytest.raises(ShardDied, match="its lock is gone"):
        directory.zombie.submit(message(question=True) if ask_what == "a question" else known)
    successor.stop()


# In processes of their own, stopped by a signal.


@pytest.fixture(params=["segments", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "segments":
        return Home(tmp_path, None, lease_ms=1)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Home(tmp_path, server.new_schema(), lease_ms=1)


@pytest.fixture
def zombies() -> Iterator[list[ZombieToBe]]:
    """Cleared away whatever happens."""
    made: list[ZombieToBe] = []
    yield made
    for each in made:
        each.clear_away()


def test_stopped_processes_write_nothing_and_answer_nothing_more_than_their_successors_know(
    home: Home, zombies: list[ZombieToBe]
) -> None:
    """Stopped at moments that nobody chose: between batches, in the middle of one, before the answer."""
    chance = random.Random(SEED)
    expected = 0
    for _ in range(ROUNDS):
        zombies.append(ZombieToBe(home))
        zombie = zombies[-1]
        if not expected:
            zombie.send(message(*definitions(["A"])))
            assert zombie.answer() is not None
        sent = [message(*(receive("A", 1) for _ in range(chance.randrange(1, 40)))) for _ in range(30)]
        for each in sent:
            zombie.send(each)
        answers = [zombie.answer() for _ in range(chance.randrange(6))]
        zombie.stop()
        successor = home.shard()
        try:
            taken_over_at = successor._shard.seq  # type: ignore[union-attr]
            counted = on_hand(successor)
            zombie.go_on()
            while (answer := zombie.answer()) is not None:
                answers.append(answer)
            assert zombie.end() in (1, -signal.SIGKILL)
            answered = [answer for answer in answers if answer is not None]
            assert all(answer.epoch == zombie.epoch and answer.seq < taken_over_at for answer in answered)
            expected += sum(len(answer.results) for answer in answered)
            assert counted >= expected, "something that was answered is gone"
            assert on_hand(successor) == counted, "it wrote although it was replaced"
            # Everybody asks again, and every command has one effect.
            replies = [Reply.from_bytes(successor.submit(each)) for each in sent]
            for reply, answer in zip(replies, answered, strict=False):
                for name in ("outcome", "position", "quantity", "available"):
                    assert np.array_equal(reply.results[name], answer.results[name])
            expected = counted + sum(
                int((reply.results["flags"] & ResultFlag.REPLAYED == 0).sum()) for reply in replies
            )  # fmt: skip
            assert on_hand(successor) == expected
        finally:
            successor.abandon()


def test_a_stopped_process_that_goes_on_does_not_answer_what_waited_for_it(
    home: Home, zombies: list[ZombieToBe]
) -> None:
    """Questions, commands that it knows and new ones: its lease is over, and it looks before it answers."""
    known = message(receive("A", 5))
    for waiting in (message(question=True), known, message(sell("A", 1))):
        zombies.append(ZombieToBe(home))
        zombie = zombies[-1]
        for each in (message(*definitions(["A"])), known):
            zombie.send(each)
            assert zombie.answer() is not None
        zombie.stop()
        successor = home.shard()
        stock = on_hand(successor)
        successor.submit(message(receive("A", 7)))
        zombie.send(waiting)
        zombie.go_on()
        assert zombie.answer() is None
        assert zombie.end() in (1, -signal.SIGKILL)
        assert on_hand(successor) == stock + 7
        successor.abandon()


def test_of_two_writers_on_a_server_only_the_last_to_open_writes(
    postgres_server: "PostgresServer", tmp_path: Path, zombies: list[ZombieToBe]
) -> None:
    home = Home(tmp_path, postgres_server.new_schema(), lease_ms=60_000)
    zombies += [ZombieToBe(home), ZombieToBe(home)]
    first, second = zombies
    assert (first.epoch, second.epoch) == (1, 2)
    second.send(message(*definitions(["A"]), receive("A", 3)))
    answer = second.answer()
    assert answer is not None
    assert answer.epoch == 2
    first.send(message(receive("A", 3)))
    assert first.answer() is None
    assert first.end() == 1
    second.send(message(question=True))
    answer = second.answer()
    assert answer is not None
    assert answer.answers["on_hand"].tolist() == [3]
