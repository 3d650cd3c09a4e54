"""What the PostgreSQL journal promises beyond the suite: rows changed behind its back, servers that go away."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from actors.datadir import DataDir, make_journal, recover
from actors.journal import JournalCorrupt, JournalFailed, JournalFenced, Opening
from actors.postgres_journal import PostgresJournal
from actors.standby import Standby
from actors.verify import verify
from engine.layout import Limits
from engine.record import Record, RecordKind
from tests.actors.histories import history
from tests.actors.journal_stores import PostgresStore, fill, next_record

if TYPE_CHECKING:  # pytest imports the plugin itself
    from tests.actors.postgres_server import PostgresServer

pytest_plugins = ["tests.actors.postgres_server"]

HANG_UP = """select pg_terminate_backend(pid) from pg_stat_activity
             where usename = current_user and pid <> pg_backend_pid()"""


@pytest.fixture
def store(postgres_server: "PostgresServer") -> PostgresStore:
    return PostgresStore(postgres_server.new_schema())


@pytest.fixture
def journal(store: PostgresStore) -> Iterator[PostgresJournal]:
    journal = store.journal()
    yield journal
    journal.close()


def run(store: PostgresStore, statement: str) -> None:
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("delete from omnistock_journal where seq = 5", 5),
        ("delete from omnistock_journal where seq >= 4", 4),
        ("update omnistock_head set seq = 3", 4),
        ("update omnistock_head set hash = decode(repeat('00', 32), 'hex')", 5),
        ("update omnistock_journal set record = set_byte(record, 300, get_byte(record, 300) # 1) where seq = 5", 5),
    ],
)
def test_a_last_record_that_was_tampered_with_stops_the_opener(
    store: PostgresStore, journal: PostgresJournal, statement: str, lost: int
) -> None:
    fill(journal, journal.open(), 5)
    run(store, statement)
    successor = store.journal()
    with pytest.raises(JournalCorrupt) as caught:
        successor.open()
    assert (caught.value.shard, caught.value.seq) == (0, lost)


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("delete from omnistock_journal where seq = 3", 3),
        ("update omnistock_journal set record = set_byte(record, 300, get_byte(record, 300) # 1) where seq = 2", 2),
        ("update omnistock_journal set record = set_byte(record, 20, get_byte(record, 20) # 1) where seq = 2", 2),
        ("update omnistock_journal a set record = b.record from omnistock_journal b where a.seq = 3 and b.seq = 4", 3),
    ],
)
def test_an_earlier_record_that_was_tampered_with_is_named_by_a_scan(
    store: PostgresStore, journal: PostgresJournal, statement: str, bad: int
) -> None:
    fill(journal, journal.open(), 5)
    run(store, statement)
    successor = store.journal()
    successor.open()
    with pytest.raises(JournalCorrupt) as caught:
        list(successor.scan())
    assert caught.value.seq == bad
    successor.close()


def test_a_fenced_writer_is_told_by_its_append_and_by_its_check(store: PostgresStore, journal: PostgresJournal) -> None:
    opening = journal.open()
    fill(journal, opening, 2)
    successor = store.journal()
    successor.open(known_seq=2)
    with pytest.raises(JournalFenced):
        journal.check()
    with pytest.raises(JournalFenced):
        journal.append(next_record(journal, opening))
    assert not journal.room()
    with pytest.raises(JournalFailed):
        journal.append(next_record(journal, opening))
    assert successor.durable_seq == 2
    assert len(list(successor.scan())) == 2
    successor.close()


def test_of_many_openers_at_once_the_last_one_writes(store: PostgresStore) -> None:
    """The first ones make the tables at the same time, too."""
    journals = [store.journal() for _ in range(6)]
    found: dict[int, tuple[PostgresJournal, Opening]] = {}

    def open_it(journal: PostgresJournal) -> None:
        opening = journal.open()
        found[opening.epoch] = (journal, opening)

    threads = [threading.Thread(target=open_it, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    for epoch, (journal, opening) in found.items():
        record = next_record(journal, opening)
        if epoch == 6:
            journal.append(record)
        else:
            with pytest.raises(JournalFenced):
                journal.append(record)
        journal.close()


def test_a_broken_connection_leaves_the_append_unknown(store: PostgresStore, journal: PostgresJournal) -> None:
    opening = journal.open()
    fill(journal, opening, 1)
    run(store, HANG_UP)
    for _ in range(2):
        with pytest.raises(JournalFailed, match="record 2"):
            journal.append(next_record(journal, opening))
    assert not journal.room()
    successor = store.journal()
    assert successor.open(known_seq=1).epoch == 2
    successor.close()


def test_a_follower_connects_again(store: PostgresStore, journal: PostgresJournal) -> None:
    opening = journal.open()
    fill(journal, opening, 1)
    follower = store.follower()
    assert follower.durable_seq == 1
    run(store, HANG_UP)
    with pytest.raises(JournalFailed):
        _ = follower.durable_seq
    assert follower.durable_seq == 1
    follower.close()


def test_a_server_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    journal = PostgresJournal(f"postgresql:///?host={tmp_path}", 0)
    with pytest.raises(JournalFailed, match="cannot be opened"):
        journal.open()
    journal.close()


def test_a_shard_is_recovered_and_verified_from_a_server(store: PostgresStore, tmp_path: Path) -> None:
    world = history(20, seed=4)
    data = DataDir.make_or_open(tmp_path, shards=1)
    journal = make_journal(data.path, 0, store.url)
    opening = journal.open()
    for record in world.records:
        journal.append(replace(record, epoch=opening.epoch))
    standby = Standby(data, store.url, tail_rows_max=1)
    assert standby.look() == 1
    standby.close()
    journal.append(Record(RecordKind.OPEN, 0, 0, world.next_seq, opening.epoch, world.now_ms))
    recovered = recover(data.path, 0, Limits(), journal)
    assert recovered.seq == world.next_seq
    journal.close()
    report = verify(data.path, database=store.url)
    assert report.ok
    assert (report.shards[0].records, report.shards[0].snapshots) == (world.next_seq, 1)
    assert report.shards[0].state_hash == recovered.state_hash().hex()
