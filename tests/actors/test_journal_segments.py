"""What the segment files promise beyond the suite that all journals share: room, segments, faults of the disk."""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.disk import RealDisk
from actors.durable import DurableFile, Position
from actors.journal import JournalCorrupt, JournalFailed, JournalFenced, JournalFull
from actors.sectors import PAYLOAD_BYTES, SECTOR_BYTES, frame, sectors_for, seqs, unframe, written
from actors.segment_files import Segment, SegmentReader, path_of, segments_in
from actors.segments import SegmentJournal, durable_path
from tests.actors.journal_stores import fill, next_record, small_journal
from tests.engine.journal_records import reserve_record, same_record


class FaultyDisk(RealDisk):
    """A disk with so much room, whose syncs can be made to fail."""

    def __init__(self) -> None:
        self.room = 1 << 40
        self.sync_error = 0
        self.write_error = 0
        self.syncs = 0
        self._sizes: dict[tuple[int, int], int] = {}

    def allocate(self, descriptor: int, size: int) -> None:
        self._use(descriptor, size)
        super().allocate(descriptor, size)

    def write(self, descriptor: int, data: memoryview, offset: int) -> None:
        if self.write_error:
            os.pwrite(descriptor, data[: len(data) // 2], offset)
            raise OSError(self.write_error, os.strerror(self.write_error))
        self._use(descriptor, offset + len(data))
        super().write(descriptor, data, offset)

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        if self.sync_error:
            raise OSError(self.sync_error, os.strerror(self.sync_error))

    def sync_directory(self, path: Path) -> None:
        pass

    def truncate(self, descriptor: int, size: int) -> None:
        super().truncate(descriptor, size)
        self._sizes[self._file(descriptor)] = size

    def _file(self, descriptor: int) -> tuple[int, int]:
        status = os.fstat(descriptor)
        return status.st_dev, status.st_ino

    def _use(self, descriptor: int, size: int) -> None:
        file = self._file(descriptor)
        before = max(self._sizes.get(file, 0), os.fstat(descriptor).st_size)
        used = sum(self._sizes.values()) - self._sizes.get(file, 0) + max(before, size)
        if size > before and used > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._sizes[file] = max(before, size)


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def journal(tmp_path: Path, disk: FaultyDisk) -> Iterator[SegmentJournal]:
    journal = small_journal(tmp_path, disk=disk)
    yield journal
    journal.close()


@pytest.mark.parametrize("size", [0, 1, 503, 504, 505, 1008, 5000])
def test_framed_bytes_come_back(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    sectors = frame(data, 7)
    assert len(sectors) == sectors_for(size) * SECTOR_BYTES
    assert np.array_equal(unframe(sectors, size), data)
    assert not np.shares_memory(unframe(sectors, size), sectors)
    assert written(sectors).all()
    assert (seqs(sectors, 1 << 30) == 7).all()


@pytest.mark.parametrize(
    ("seq", "near"), [(5, 1), (1 << 32, (1 << 32) - 3), ((1 << 32) - 1, 1 << 32), (1 << 40, 1 << 40)]
)
def test_a_mark_names_its_record_beyond_32_bits(seq: int, near: int) -> None:
    assert seqs(frame(np.zeros(9, np.uint8), seq), near).tolist() == [seq]


def test_no_single_byte_makes_a_sector_look_written_or_unwritten() -> None:
    whole = frame(np.zeros(PAYLOAD_BYTES, np.uint8), 0)
    for at in range(SECTOR_BYTES):
        nothing = np.zeros((256, SECTOR_BYTES), np.uint8)
        nothing[:, at] = range(256)
        assert not written(nothing.reshape(-1)).any()
        damaged = np.tile(whole, (256, 1))
        damaged[:, at] = range(256)
        assert written(damaged.reshape(-1)).all()


def test_one_sync_per_record(journal: SegmentJournal, disk: FaultyDisk) -> None:
    opening = journal.open()
    before = disk.syncs
    fill(journal, opening, 5)
    assert disk.syncs == before + 5


def test_a_record_that_is_kept_keeps_nothing_that_lay_around_it(journal: SegmentJournal, tmp_path: Path) -> None:
    fill(journal, journal.open(), 20)
    file = DurableFile(durable_path(tmp_path))
    reader = SegmentReader(tmp_path, 0, file.read)
    for seq in range(1, 21):
        kept: Any = reader.read(seq).heap
        while isinstance(kept.base, np.ndarray):
            kept = kept.base
        assert kept.nbytes <= 2 * SECTOR_BYTES
    reader.close()
    file.close()


def test_segments_follow_each_other_and_stay(journal: SegmentJournal, tmp_path: Path) -> None:
    records = fill(journal, journal.open(), 60)
    names = segments_in(tmp_path)
    assert len(names) > 3
    assert names[0] == 1
    assert names == sorted(names)
    for before, name in pairwise(names):
        header = Segment(tmp_path, 0, name).header
        assert header.prev_segment == before
        assert header.prev_bytes == path_of(tmp_path, before).stat().st_size, "what was ahead is given back"
    assert all(same_record(one, other) for one, other in zip(journal.scan(), records, strict=True))
    for seq in (1, names[1] - 1, names[1], names[2] + 1, 60):
        assert same_record(journal._reader.read(seq), records[seq - 1])
    assert [header.seq for header in journal._reader.headers(names[1] - 1, names[2])] == [
        *range(names[1] - 1, names[2] + 1)
    ]


def test_a_segment_that_is_missing_is_noticed(journal: SegmentJournal, tmp_path: Path) -> None:
    fill(journal, journal.open(), 60)
    names = segments_in(tmp_path)
    journal.close()
    for gone, lost in ((names[0], 1), (names[1], names[1]), (names[-1], names[-1])):
        kept = path_of(tmp_path, gone).rename(tmp_path / "kept")
        successor = small_journal(tmp_path)
        with pytest.raises(JournalCorrupt) as caught:
            successor.open(known_seq=60)
        assert caught.value.seq == lost
        kept.rename(path_of(tmp_path, gone))
    successor = small_journal(tmp_path)
    assert successor.open(known_seq=60).seq == 60
    successor.close()


def test_an_opening_that_was_interrupted_is_begun_again(journal: SegmentJournal, tmp_path: Path) -> None:
    fill(journal, journal.open(), 3)
    journal.close()
    (tmp_path / "0000000000000004.journal.new").write_bytes(b"half a segment")
    (tmp_path / "reserve.new").write_bytes(b"half a reserve")
    successor = small_journal(tmp_path)
    assert successor.open().seq == 3
    assert not list(tmp_path.glob("*.new"))
    successor.close()


def test_a_second_opener_in_the_same_process_is_refused(journal: SegmentJournal, tmp_path: Path) -> None:
    opening = journal.open()
    second = small_journal(tmp_path)
    with pytest.raises(JournalFenced, match="this very process"):
        second.open()
    fill(journal, opening, 1)
    journal.close()
    assert second.open().epoch == 2
    second.close()


def test_a_journal_whose_lock_was_taken_away_says_so(journal: SegmentJournal, tmp_path: Path) -> None:
    journal.open()
    journal.check()
    (tmp_path / "lock").rename(tmp_path / "elsewhere")
    with pytest.raises(JournalFenced):
        journal.check()


def test_a_failed_sync_ends_the_journal_and_leaves_the_record_unknown(
    journal: SegmentJournal, disk: FaultyDisk, tmp_path: Path
) -> None:
    opening = journal.open()
    fill(journal, opening, 2)
    disk.sync_error = errno.EIO
    record = next_record(journal, opening)
    for _ in range(2):
        with pytest.raises(JournalFailed, match="record 3"):
            journal.append(record)
        disk.sync_error = 0  # trying again would only hide it
    assert not journal.room()
    assert journal.durable_seq == 2
    journal.close()
    successor = small_journal(tmp_path)
    assert successor.open(known_seq=2).seq == 3, "it was written all the same"
    successor.close()


def test_a_failed_write_is_cut(journal: SegmentJournal, disk: FaultyDisk, tmp_path: Path) -> None:
    opening = journal.open()
    fill(journal, opening, 2)
    disk.write_error = errno.EIO
    with pytest.raises(JournalFailed):
        journal.append(next_record(journal, opening, rows=20))
    journal.close()
    successor = small_journal(tmp_path)
    found = successor.open(known_seq=2)
    assert (found.seq, found.torn) == (2, True)
    assert len(list(successor.scan())) == 2
    successor.close()


def test_a_full_disk_is_met_before_anything_is_written(
    journal: SegmentJournal, disk: FaultyDisk, tmp_path: Path
) -> None:
    opening = journal.open()
    disk.room = 2 << 20
    assert journal.room()
    count = 0
    while journal.room():
        count += 1
        journal.append(next_record(journal, opening, rows=50))
    assert count > 50
    while True:  # `room` promises the largest record; smaller ones still fit for a while
        image = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        try:
            journal.append(next_record(journal, opening, rows=50))
        except JournalFull:
            break
        count += 1
    sizes = {path.name: len(data) for path, data in ((Path(name), data) for name, data in image.items())}
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == sizes
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == image
    assert sum(1 for _ in journal.scan()) == count
    disk.room = 1 << 30
    assert journal.room(), "it comes back by itself"
    fill(journal, opening, 1)


def test_room_may_be_asked_while_a_record_is_being_written(
    journal: SegmentJournal, disk: FaultyDisk, tmp_path: Path
) -> None:
    opening = journal.open()
    asked, answers = threading.Event(), []

    def ask() -> None:
        while not asked.is_set():
            answers.append(journal.room())

    asker = threading.Thread(target=ask)
    asker.start()
    disk.room = 3 << 20
    written = 0
    with contextlib.suppress(JournalFull):
        while True:
            journal.append(next_record(journal, opening, rows=50))
            written += 1
    asked.set()
    asker.join()
    journal.close()
    assert {True, False} == set(answers)
    successor = small_journal(tmp_path)
    assert successor.open().seq == written
    assert len(list(successor.scan())) == written
    successor.close()


def test_a_shard_opens_on_a_full_disk_by_its_reserve(journal: SegmentJournal, disk: FaultyDisk, tmp_path: Path) -> None:
    fill(journal, journal.open(), 3)
    assert (tmp_path / "reserve").exists()
    journal.close()
    disk.room = 0
    successor = small_journal(tmp_path, disk=disk)
    opening = successor.open(known_seq=3)
    assert (opening.epoch, opening.seq) == (2, 3)
    assert not (tmp_path / "reserve").exists()
    fill(successor, opening, 1)  # its record of the opening
    assert not successor.room()
    successor.close()
    blocked = small_journal(tmp_path, disk=disk)
    with pytest.raises(JournalFailed, match="No space"):
        blocked.open(known_seq=4)
    disk.room = 1 << 30
    assert blocked.open(known_seq=4).seq == 4
    assert (tmp_path / "reserve").exists(), "made again when there is room"
    blocked.close()


def test_what_cannot_be_written_to_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = small_journal(tmp_path / "file")
    with pytest.raises(JournalFailed):
        journal.open()
    journal.close()


def test_small_records_meet_zeros_and_large_ones_do_not_write_twice(tmp_path: Path) -> None:
    journal = SegmentJournal(tmp_path, 0)
    opening = journal.open()
    journal.append(next_record(journal, opening))
    assert journal._zeroed > 100_000
    journal.append(reserve_record(8192, seq=2, epoch=opening.epoch))
    assert journal._zeroed == journal._position.offset
    journal.close()


def test_a_published_position_is_read_whole(tmp_path: Path) -> None:
    writer, reader = DurableFile(tmp_path / "durable"), DurableFile(tmp_path / "durable")
    assert writer.read() == reader.read() == Position()
    for seq in range(1, 20):
        writer.publish(Position(3, seq, 1, 512 * seq))
        assert reader.read() == Position(3, seq, 1, 512 * seq)
    writer.close()
    again = DurableFile(tmp_path / "durable")
    assert again.read().seq == 19
    again.publish(Position(4, 20, 20, 512))
    assert reader.read() == Position(4, 20, 20, 512)
    data = bytearray((tmp_path / "durable").read_bytes())
    for at in range(len(data)):
        data[at] ^= 255
        (tmp_path / "durable").write_bytes(data)
        assert DurableFile(tmp_path / "durable").read().seq in (19, 20), at
        data[at] ^= 255
    reader.close()
    again.close()
