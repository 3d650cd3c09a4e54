"""PostgreSQL with a synchronous standby: two real clusters, one dies, all that was acknowledged is on the other.

And the refusals: a server that may lose what it committed is not written to.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psycopg
import pytest

from actors.datadir import recover
from actors.journal import JournalFailed
from actors.postgres_durability import asked_for
from actors.postgres_journal import PostgresJournal, PostgresReader
from actors.process_group import descendants
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig, ShardDied
from engine.kinds import ResultFlag
from engine.outcomes import Outcome
from engine.wire import Reply
from tests.actors.journal_stores import fill, next_record
from tests.actors.shop import definitions, receive
from tests.actors.test_zombies import message, on_hand
from tests.actors.zombie_shard import LIMITS
from tests.e2e.served import wait_until

if TYPE_CHECKING:  # pytest imports the plugin itself
    from tests.actors.postgres_server import PostgresServer

pytest_plugins = ["tests.actors.postgres_server"]

pytestmark = pytest.mark.long
FAILOVERS = int(os.environ.get("OMNISTOCK_FAILOVERS", "2"))
ACKNOWLEDGED_MIN = 20


def run(server: "PostgresServer", statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def configure(server: "PostgresServer", name: str, value: str) -> None:
    """Of a running server, and effective when this returns."""
    run(server, f"alter system set {name} = '{value}'")
    run(server, "select pg_reload_conf()")
    wait_until(lambda: run(server, f"show {name}") == [(value,)], f"{name} = {value}")


@contextmanager
def with_standby(primary: "PostgresServer") -> Iterator["PostgresServer"]:
    """Commits of `primary` wait for the one that is given."""
    from tests.actors.postgres_server import new_server

    with new_server(of=primary) as standby:
        configure(primary, "synchronous_standby_names", "ANY 1 (*)")
        wait_until(lambda: has_standby(primary), "the standby")
        yield standby


def has_standby(primary: "PostgresServer") -> bool:
    return run(primary, "select sync_state from pg_stat_replication where state = 'streaming'") == [("quorum",)]


@pytest.fixture
def primary() -> Iterator["PostgresServer"]:
    """One of our own, for its settings are changed and it may die."""
    from tests.actors.postgres_server import new_server

    with new_server() as server:
        run(server, "alter database postgres set omnistock.synchronous_standbys = 1")
        yield server


def either(*servers: "PostgresServer") -> str:
    """The URL of whichever can be written to."""
    hosts = ",".join(str(server.directory) for server in servers)
    return f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"


def died(reason: str) -> NoReturn:
    raise ShardDied(reason)


def opened(url: str, data: Path) -> ShardActor:
    actor = ShardActor(
        ShardConfig(shard=0, limits=LIMITS, settings=Settings(lease_ms=1), known_seq_path=str(data / "known")),
        lambda: PostgresJournal(url, 0),
        lambda journal: recover(data, 0, LIMITS, journal),
        die=died,
        background=False,
    )
    assert actor.try_open(), actor.probe()
    return actor


def waiting_for_a_standby(server: "PostgresServer") -> bool:
    return run(server, "select count(*) from pg_stat_activity where wait_event = 'SyncRep'") != [(0,)]


class Work:
    """Batches one after another from a thread, until the shard dies."""

    def __init__(self, shard: ShardActor) -> None:
        self.sent: list[bytes] = []
        self.answers: list[Reply] = []
        self.enough = threading.Event()
        self._shard = shard
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            while True:
                self.sent.append(message(receive("A", 1), receive("A", 1)))
                self.answers.append(Reply.from_bytes(self._shard.submit(self.sent[-1])))
                if len(self.answers) == ACKNOWLEDGED_MIN:
                    self.enough.set()
        except ShardDied:
            self.enough.set()


def test_everything_acknowledged_is_on_the_standby_when_the_primary_dies(
    primary: "PostgresServer", tmp_path: Path
) -> None:
    """Killed under load; the standby is promoted, the shard opens there, and all ask again. Then the same there."""
    with ExitStack() as servers:
        standby = servers.enter_context(with_standby(primary))
        shard = opened(either(primary, standby), tmp_path)
        shard.submit(message(*definitions(["A"])))
        expected = 0
        for _ in range(FAILOVERS):
            work = Work(shard)
            assert work.enough.wait(60)
            primary.process.kill()
            work.thread.join(60)
            assert len(work.answers) >= ACKNOWLEDGED_MIN
            shard.abandon()
            run(standby, "select pg_promote()")
            primary = standby
            standby = servers.enter_context(with_standby(primary))
            (tmp_path / "known").write_text(f"{work.answers[-1].seq}\n")
            shard = opened(either(primary, standby), tmp_path)
            again = [Reply.from_bytes(shard.submit(each)) for each in work.sent]
            for reply, answer in zip(again, work.answers, strict=False):
                assert (reply.results["flags"] & ResultFlag.REPLAYED).all(), "acknowledged, and lost"
                assert reply.results["position"].tolist() == answer.results["position"].tolist()
            assert again[-1].results["outcome"].tolist() == [Outcome.OK, Outcome.OK]
            expected += 2 * len(work.sent)
            assert on_hand(shard) == expected
        shard.stop()


def test_a_replaced_shard_on_a_primary_whose_standby_was_promoted_answers_nothing(
    primary: "PostgresServer", tmp_path: Path
) -> None:
    """It reaches the old primary, which never hears of a successor: so it asks by a commit that nobody confirms."""
    with with_standby(primary) as standby:
        zombie = opened(either(primary, standby), tmp_path)
        zombie.submit(message(*definitions(["A"]), receive("A", 3)))
        run(standby, "select pg_promote()")
        run(standby, "alter database postgres reset omnistock.synchronous_standbys")
        successor = opened(standby.url(), tmp_path)
        assert on_hand(successor) == 3
        answers: list[bytes] = []

        def ask() -> None:
            with contextlib.suppress(ShardDied):
                answers.append(zombie.submit(message(question=True)))

        asker = threading.Thread(target=ask)
        asker.start()
        wait_until(lambda: waiting_for_a_standby(primary), "the question")
        primary.process.kill()
        asker.join(60)
        assert not asker.is_alive()
        assert answers == []
        zombie.abandon()
        successor.stop()


def test_nothing_is_acknowledged_while_the_standby_does_not_answer(primary: "PostgresServer") -> None:
    with with_standby(primary) as standby:
        journal = PostgresJournal(either(primary, standby), 0)
        opening = journal.open()
        receivers = [each for each in descendants(standby.process.pid) if "walreceiver" in title(each.pid)]
        assert len(receivers) == 1
        receivers[0].send(signal.SIGSTOP)
        try:
            appending = threading.Thread(target=fill, args=(journal, opening, 1))
            appending.start()
            wait_until(lambda: waiting_for_a_standby(primary), "the append")
            assert (appending.is_alive(), journal.durable_seq) == (True, 0)
        finally:
            receivers[0].send(signal.SIGCONT)
        appending.join(60)
        assert journal.durable_seq == 1
        journal.close()


def title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")


BAD = [
    ("fsync", "off", "fsync is off"),
    ("synchronous_standby_names", "", "synchronous_standby_names is ''"),
    ("synchronous_standby_names", "somebody_else", "0 connected"),
]


def test_a_server_that_may_lose_what_it_committed_is_neither_opened_nor_written_to(primary: "PostgresServer") -> None:
    """Whether it is so from the beginning or becomes so; the append wrote nothing."""
    with with_standby(primary):
        for shard, (name, value, why) in enumerate(BAD):
            good = str(run(primary, f"show {name}")[0][0])
            journal = PostgresJournal(primary.url(), shard)
            opening = journal.open()
            fill(journal, opening, 2)
            configure(primary, name, value)
            for _ in range(2):
                with pytest.raises(JournalFailed, match=why):
                    journal.append(next_record(journal, opening))
            journal.close()
            with pytest.raises(JournalFailed, match=why):
                PostgresJournal(primary.url(), shard).open()
            configure(primary, name, good)
            wait_until(lambda: has_standby(primary), "the standby")
            successor = PostgresJournal(primary.url(), shard)
            opening = successor.open(known_seq=2)
            assert (opening.epoch, opening.seq) == (2, 2)
            successor.close()


def test_without_a_standby_nothing_is_opened_where_one_is_wanted(postgres_server: "PostgresServer") -> None:
    url = postgres_server.new_schema()
    for wanted, why in (("1", "1 synchronous standby wanted"), ("some", "no number: some")):
        with pytest.raises(JournalFailed, match=why):
            PostgresJournal(f"{url}%20-comnistock.synchronous_standbys%3D{wanted}", 0).open()
    journal = PostgresJournal(url, 0)
    fill(journal, journal.open(), 1)
    journal.close()


def test_a_session_whose_commits_do_not_wait_is_refused(postgres_server: "PostgresServer") -> None:
    """As a pooler may give one that others have used."""
    journal = PostgresJournal(postgres_server.new_schema(), 0)
    opening = journal.open()
    assert journal._connection is not None
    journal._connection.execute("set synchronous_commit = off")
    with pytest.raises(JournalFailed, match="synchronous_commit is off"):
        journal.append(next_record(journal, opening))
    with contextlib.closing(PostgresReader(journal._url, 0)) as reader:
        assert reader.durable_seq == 0
    journal.close()


@pytest.mark.parametrize(
    ("names", "count"),
    [("", 0), (" ", 0), ("*", 1), ("a, b", 1), ("2 (a, b)", 2), ("ANY 1 (*)", 1), ("first 3 (a,b,c)", 3), ('"2"', 1)],
)
def test_the_number_of_standbys_that_a_server_waits_for(names: str, count: int) -> None:
    assert asked_for(names) == count
