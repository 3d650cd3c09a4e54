"""Bits that change on the disk: each of a journal of 100 batches and of a snapshot, in turn.

The real code opens and reads what the flip can touch. It finds the same, or it refuses and says which record; what was
acknowledged is never lost in silence. One bit of every byte is flipped; OMNISTOCK_BIT=1 to 7 takes another one, so that
eight runs flip every bit, and OMNISTOCK_EVERY_BIT=1 does that in one.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.datadir import DataDir, DataDirError, recover, shard_directory, snapshot_directory
from actors.journal import JournalCorrupt
from actors.segment_files import FIRST_RECORD_AT, SegmentReader, path_of, segments_in
from actors.segments import SegmentJournal, durable_path
from actors.snapshot import Snapshot, SnapshotDamaged, load, snapshots_in, write
from actors.snapshot import path_of as snapshot_path
from engine.journal_format import NO_HASH
from engine.record import Record
from engine.shard import Shard
from tests.actors.crashing_disk import QuickDisk
from tests.actors.recorded_life import LIMITS, make_quick
from tests.builders import confirm, receive, release, reserve, sell
from tests.conftest import Tell
from tests.engine.journal_records import same_record
from tests.world import World

pytestmark = pytest.mark.long
BATCHES = 100
SNAPSHOTS_AT = (60, BATCHES)
EVERY_BIT = bool(os.environ.get("OMNISTOCK_EVERY_BIT"))
BIT = int(os.environ.get("OMNISTOCK_BIT", "0"))
WHOLE_EVERY = 61
"""After so many flips all of the shard is recovered; after the others what the flip can touch."""
AHEAD_BYTES = 1024


def batches() -> list[Record]:
    """Small ones, most of one row."""
    world = World.furnished(LIMITS)
    world.send(receive("A-1", "north", 500), receive("B-2", "south", 500))
    while world.next_seq <= BATCHES:
        n = world.next_seq
        hold = reserve("A-1", 1, "north")
        world.send(hold, *(sell("A-1", "north", 1) for _ in range(n % 9 // 7)))
        world.send({0: confirm(hold), 1: release(hold)}.get(n % 3, sell("B-2", "south", 2)))
    return world.records[:BATCHES]


class Written:
    """A shard's files as a crash leaves them, without what it had published: the journal itself must tell."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.directory = shard_directory(data, 0)
        snapshot_directory(data, 0).mkdir(parents=True)
        journal = self.journal()
        opening = journal.open()
        shard = Shard(LIMITS)
        self.records: list[Record] = []
        self.hashes = [NO_HASH]
        self.places: list[tuple[int, int, int]] = []
        """of each record: segment, from, to"""
        for made in batches():
            record = replace(made, epoch=opening.epoch)
            journal.append(record)
            shard.apply(record)
            self.records.append(record)
            self.hashes.append(journal.hash_at(record.seq))
            position = journal._position
            begin = self.places[-1][2] if self.places and self.places[-1][0] == position.segment else FIRST_RECORD_AT
            self.places.append((position.segment, begin, position.offset))
            if record.seq in SNAPSHOTS_AT:
                snapshot = Snapshot(
                    0, 0, record.seq, record.now_ms, self.hashes[-1], shard.state_hash(), shard.arrays()
                )  # fmt: skip
                write(snapshot_directory(data, 0), snapshot, QuickDisk())
        self._same: dict[int, Record] = {}
        """records that were found to be as they were written"""
        self.state = shard.state_hash()
        self.position = journal._position
        os.close(journal._descriptor)  # no clean close: the room ahead stays
        journal._descriptor = -1
        journal.close()
        self.durable = durable_path(self.directory).read_bytes()
        durable_path(self.directory).unlink()

    def journal(self) -> SegmentJournal:
        return SegmentJournal(
            self.directory, 0, disk=QuickDisk(), segment_bytes=24 << 10, step_bytes=32 << 10, record_bytes_max=1
        )

    def opened(self, whole: bool) -> None:
        """Open as a successor does, and put everything back as it was."""
        last = path_of(self.directory, self.position.segment)
        size = last.stat().st_size
        journal = self.journal()
        try:
            opening = journal.open()
            assert (opening.seq, opening.torn) == (BATCHES, False), "lost in silence"
            assert journal.hash_at(BATCHES) == self.hashes[-1]
            if whole:
                assert recover(self.data, 0, LIMITS, journal).state_hash() == self.state, "changed in silence"
        finally:
            journal.close()
            path_of(self.directory, BATCHES + 1).unlink(missing_ok=True)
            durable_path(self.directory).unlink(missing_ok=True)
            os.truncate(last, size)

    def read(self, seq: int) -> None:
        """Record `seq` and those beside it."""
        reader = SegmentReader(self.directory, 0, lambda: self.position)
        first, last = max(1, seq - 1), min(BATCHES, seq + 1)
        found = list(reader.scan(first, last, self.hashes[first - 1]))
        assert [record.seq for record in found] == list(range(first, last + 1))
        assert all(self.is_mine(record) for record in found), "changed in silence"
        reader.close()

    def is_mine(self, record: Record) -> bool:
        mine = self._same.get(id(record)) is record
        if not mine and same_record(record, self.records[record.seq - 1]):
            self._same[id(record)] = record
            mine = True
        return mine

    def whose(self, segment: int, offset: int) -> int:
        """The record that has this byte; 0: no record has it."""
        for seq, (name, begin, end) in enumerate(self.places, 1):
            if name == segment and begin <= offset < end:
                return seq
        return 0


@pytest.fixture
def written(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    make_quick(monkeypatch)
    return Written(memory_path)


def flips(path: Path, end: int) -> Iterator[tuple[int, int]]:
    """Flip a bit, give (offset, bit), flip it back; until `end` or the end of the file."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        for offset in range(min(end, path.stat().st_size)):
            before = os.pread(descriptor, 1, offset)
            for bit in range(8) if EVERY_BIT else ((offset + BIT) % 8,):
                os.pwrite(descriptor, bytes([before[0] ^ 1 << bit]), offset)
                yield offset, bit
            os.pwrite(descriptor, before, offset)
    finally:
        os.close(descriptor)


def test_every_flip_in_a_journal_is_harmless_or_names_its_record(written: Written, tell: Tell) -> None:
    names = segments_in(written.directory)
    assert len(names) > 2
    count = harmless = 0
    wrong = []
    for name in names:
        used = max(end for segment, _, end in written.places if segment == name)
        for offset, bit in flips(path_of(written.directory, name), used + AHEAD_BYTES):
            count += 1
            seq = written.whose(name, offset)
            whole = count % WHOLE_EVERY == 0
            try:
                # An opener looks into the last segment and at the heads of the others, and at nothing else.
                if name == names[-1] or not seq or whole:
                    written.opened(whole)
                written.read(seq or name)
                harmless += 1
            except JournalCorrupt as error:
                if error.seq != (seq or name) or offset >= used:
                    wrong.append((name, offset, bit, str(error)))
    assert wrong == []
    written.opened(whole=True)
    tell(f"{count} of a journal of {BATCHES} batches, {count - harmless} refused by seq, {harmless} harmless")
    assert count - harmless > harmless, "only padding, marks and what lies ahead may be harmless"


def test_every_flip_in_a_snapshot_is_noticed_and_does_no_harm(written: Written, tell: Tell) -> None:
    newest, before = snapshots_in(snapshot_directory(written.data, 0))
    assert (before, newest) == SNAPSHOTS_AT
    path = snapshot_path(snapshot_directory(written.data, 0), newest)
    count = 0
    for _ in flips(path, path.stat().st_size):
        count += 1
        with pytest.raises(SnapshotDamaged):
            load(path)
        if count % WHOLE_EVERY == 0:
            written.opened(whole=True)
    tell(f"{count} of a snapshot, each noticed")


def test_every_flip_in_the_published_position_is_harmless(written: Written) -> None:
    """The other slot serves, one record older; the journal is found to its end."""
    for byte in range(len(written.durable)):
        for bit in range(8):
            data = bytearray(written.durable)
            data[byte] ^= 1 << bit
            durable_path(written.directory).write_bytes(data)
            written.opened(whole=bit == 0)


@pytest.mark.parametrize("name", ["meta.json", "id.secret"])
def test_every_flip_in_what_a_data_directory_says_of_itself_is_harmless_or_noticed(
    memory_path: Path, name: str
) -> None:
    """A partition that is given to another shard would hide its goods, another secret would run every command anew."""
    made = DataDir.make_or_open(memory_path, shards=3)
    path = memory_path / name
    good = path.read_bytes()
    for byte in range(len(good)):
        for bit in range(8):
            data = bytearray(good)
            data[byte] ^= 1 << bit
            path.write_bytes(data)
            with contextlib.suppress(DataDirError):
                found = DataDir.open(memory_path)
                assert found.secret == made.secret
                assert found.partitions.era == made.partitions.era
                assert found.partitions.shards == made.partitions.shards
                assert bytes(found.partitions.table) == bytes(made.partitions.table)
