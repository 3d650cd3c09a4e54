"""What every journal promises, whichever store keeps it."""

import contextlib
import os
import pickle
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.journal import (
    Journal,
    JournalCorrupt,
    JournalError,
    JournalFailed,
    JournalFenced,
    JournalFull,
    RecentRecords,
)
from engine.journal_format import NO_HASH
from engine.record import Record, RecordKind
from tests.actors.journal_stores import PostgresStore, SegmentStore, Store, fill, next_record
from tests.engine.journal_records import reserve_record, same_record

if TYPE_CHECKING:  # pytest imports the plugin itself
    from tests.actors.postgres_server import PostgresServer

pytest_plugins = ["tests.actors.postgres_server"]


@pytest.fixture(params=["segments", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "segments":
        return SegmentStore(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return PostgresStore(server.new_schema())


@pytest.fixture
def journal(store: Store) -> Iterator[Journal]:
    journal = store.journal()
    yield journal
    journal.close()


def same(found: Iterator[Record], wanted: list[Record]) -> bool:
    return all(same_record(one, other) for one, other in zip(found, wanted, strict=True))


def test_a_new_journal_is_empty(journal: Journal) -> None:
    opening = journal.open()
    assert (opening.epoch, opening.seq, opening.now_ms, opening.sealed, opening.torn) == (1, 0, 0, False, False)
    assert journal.durable_seq == 0
    assert journal.room()
    assert list(journal.scan()) == []
    assert journal.hash_at(0) == NO_HASH
    journal.check()


def test_what_was_appended_is_read_bit_for_bit(journal: Journal) -> None:
    records = fill(journal, journal.open(), 20)
    assert journal.durable_seq == 20
    assert same(journal.scan(), records)
    assert same(journal.scan(7, 9), records[6:9])
    assert same(journal.scan(20), records[19:])
    for seq in (1, 11, 20):
        assert same_record(journal.read(seq), records[seq - 1])


@pytest.mark.parametrize("seq", [-1, 0, 4, 1 << 40])
def test_a_record_that_is_not_there_is_not_found(journal: Journal, seq: int) -> None:
    fill(journal, journal.open(), 3)
    with pytest.raises(LookupError):
        journal.read(seq)
    with pytest.raises(LookupError):
        journal.hash_at(seq or 9)
    assert list(journal.scan(4)) == []


def test_a_successor_finds_everything_and_has_a_higher_epoch(store: Store, journal: Journal) -> None:
    records = fill(journal, journal.open(), 5)
    journal.close()
    for epoch in (2, 3, 4):
        successor = store.journal()
        opening = successor.open(known_seq=5)
        assert (opening.epoch, opening.seq, opening.sealed) == (epoch, len(records), False)
        assert (opening.now_ms, opening.era) == (records[-1].now_ms, records[-1].era)
        assert same(successor.scan(), records)
        records += fill(successor, opening, 2)
        assert same(successor.scan(), records)
        successor.close()


def test_openings_without_a_record_leave_no_trace(store: Store, journal: Journal) -> None:
    records = fill(journal, journal.open(), 5)
    journal.close()
    for _ in range(3):
        journal = store.journal()
        opening = journal.open(known_seq=5)
        journal.close()
    assert (opening.epoch, opening.seq) == (4, 5)
    journal = store.journal()
    records += fill(journal, journal.open(), 1)
    assert same(journal.scan(), records)
    assert journal.hash_at(5) != journal.hash_at(6)
    journal.close()


def test_a_clean_stop_is_seen_by_the_successor(store: Store, journal: Journal) -> None:
    records = fill(journal, journal.open(), 3)
    journal.seal()
    journal.close()
    journal.close()
    successor = store.journal()
    opening = successor.open()
    assert (opening.seq, opening.sealed, opening.now_ms) == (4, True, records[-1].now_ms)
    assert [record.kind for record in successor.scan()] == [*([RecordKind.BATCH] * 3), RecordKind.SEAL]
    successor.close()


def test_records_that_somebody_saw_acknowledged_must_be_there(store: Store, journal: Journal) -> None:
    fill(journal, journal.open(), 3)
    journal.close()
    successor = store.journal()
    with pytest.raises(JournalCorrupt) as caught:
        successor.open(known_seq=5)
    assert (caught.value.shard, caught.value.seq) == (0, 4)
    successor.close()
    again = store.journal()
    assert again.open(known_seq=3).seq == 3
    again.close()


def test_a_scan_checks_what_its_first_record_is_chained_to(journal: Journal) -> None:
    records = fill(journal, journal.open(), 9)
    assert same(journal.scan(6, prev_hash=journal.hash_at(5)), records[5:])
    with pytest.raises(JournalCorrupt) as caught:
        list(journal.scan(6, prev_hash=journal.hash_at(4)))
    assert caught.value.seq == 6
    with pytest.raises(JournalCorrupt):
        list(journal.scan(1, prev_hash=journal.hash_at(4)))


def test_a_scan_ends_with_what_was_durable_when_it_began(journal: Journal) -> None:
    opening = journal.open()
    records = fill(journal, opening, 3)
    scan = journal.scan()
    assert same_record(next(scan), records[0])
    fill(journal, opening, 3)
    assert same(scan, records[1:])


def test_large_records_and_empty_ones(journal: Journal) -> None:
    opening = journal.open()
    records = [
        reserve_record(2000, epoch=1),
        Record(RecordKind.OPEN, 0, 1, 2, 1, 5, downtime_ms=7),
        reserve_record(1, seq=3),
    ]
    for record in records:
        journal.append(record)
    assert same(journal.scan(), records)
    assert opening.epoch == 1


def test_shards_do_not_see_each_other(store: Store, journal: Journal) -> None:
    fill(journal, journal.open(), 2)
    other = store.journal(1)
    opening = other.open()
    assert (opening.epoch, opening.seq) == (1, 0)
    mine = fill(other, opening, 1)
    assert same(other.scan(), mine)
    assert journal.durable_seq == 2
    other.close()


@pytest.mark.parametrize("change", ["seq", "epoch", "shard"])
def test_only_the_next_record_of_this_opener_is_taken(journal: Journal, change: str) -> None:
    opening = journal.open()
    fill(journal, opening, 1)
    wrong = {"seq": 2, "epoch": opening.epoch, "shard": 0}
    wrong[change] += 1
    with pytest.raises(AssertionError):
        journal.append(reserve_record(1, **wrong))
    assert journal.durable_seq == 1


def test_a_predecessor_in_another_process_appends_nothing_more(store: Store, journal: Journal) -> None:
    with subprocess.Popen(store.rival(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as rival:
        try:
            assert rival.stdin is not None
            assert rival.stdout is not None
            assert rival.stdout.readline() == "open 1\n"
            assert rival.stdout.readline() == "durable 1\n"
            opening = journal.open()
            assert (opening.epoch, opening.seq) == (2, 1)
            journal.check()
            with contextlib.suppress(BrokenPipeError):
                os.write(rival.stdin.fileno(), b"more\n")
            assert rival.stdout.read() in ("", "fenced\n")
            assert rival.wait(30) in (-signal.SIGKILL, 0)
            fill(journal, opening, 1)
            assert [record.epoch for record in journal.scan()] == [1, 2]
        finally:
            rival.kill()


def test_a_stopped_predecessor_is_no_obstacle(store: Store, journal: Journal) -> None:
    with subprocess.Popen(store.rival(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as rival:
        try:
            assert rival.stdout is not None
            rival.stdout.readline()
            rival.stdout.readline()
            rival.send_signal(signal.SIGSTOP)
            assert journal.open(known_seq=1).seq == 1
        finally:
            rival.kill()


def test_a_follower_sees_what_is_durable_and_no_more(store: Store, journal: Journal) -> None:
    follower = store.follower()
    assert (follower.first_seq, follower.durable_seq) == (1, 0)  # opened before there is a journal
    assert list(follower.scan()) == []
    assert not follower.wait(0, timeout_s=0)
    opening = journal.open()
    assert follower.durable_seq == 0
    records = fill(journal, opening, 12)
    assert follower.durable_seq == 12
    assert same(follower.scan(), records)
    assert same(follower.scan(5, 6), records[4:6])
    assert [header.counts[0] for header in follower.headers(3)] == [3] * 10
    assert same_record(follower.read(12), records[11])
    assert follower.hash_at(12) == journal.hash_at(12)
    with pytest.raises(LookupError):
        follower.read(13)
    follower.close()


def test_a_follower_lives_through_epochs(store: Store) -> None:
    follower = store.follower()
    records: list[Record] = []
    for _ in range(4):
        journal = store.journal()
        opening = journal.open(known_seq=len(records))
        records += fill(journal, opening, 4)
        assert same(follower.scan(), records)
        journal.close()
        store_of_nothing = store.journal()
        store_of_nothing.open()
        store_of_nothing.close()
        assert same(follower.scan(3), records[2:])
    follower.close()


def test_a_waiting_follower_is_woken_by_an_append(store: Store, journal: Journal) -> None:
    opening = journal.open()
    follower = store.follower()
    woken: list[bool] = []
    waiter = threading.Thread(target=lambda: woken.append(follower.wait(2, timeout_s=60)))
    waiter.start()
    fill(journal, opening, 3)
    waiter.join(60)
    assert woken == [True]
    follower.close()


def test_a_closed_journal_takes_nothing(journal: Journal) -> None:
    opening = journal.open()
    record = next_record(journal, opening)
    journal.close()
    assert not journal.room()
    with pytest.raises(AssertionError):
        journal.append(record)


def test_errors_survive_a_pickle_and_say_what_is_wrong() -> None:
    errors = (
        JournalFull(3),
        JournalFailed(3, "no disk"),
        JournalFenced(3, "epoch 2 has ended"),
        JournalCorrupt(3, 17, "the hash is wrong"),
    )
    for error in errors:
        back = pickle.loads(pickle.dumps(error))
        assert isinstance(back, JournalError)
        assert (str(back), vars(back)) == (str(error), vars(error))
        assert "shard 3" in str(error)


def test_recent_records_stay_within_their_budget() -> None:
    recent = RecentRecords(40_000)
    for seq in range(1, 101):
        recent.put(reserve_record(10, seq=seq))
        recent.get(1)
    kept = [seq for seq in range(1, 101) if recent.get(seq) is not None]
    assert kept[0] == 1, "what is asked for stays"
    assert 2 < len(kept) < 20
    assert kept[-1] == 100
