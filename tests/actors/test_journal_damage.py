"""Damage beyond a flipped bit (`test_bit_flips`): sectors gone, records swapped, bytes that became zero."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from actors.durable import Position
from actors.journal import JournalCorrupt
from actors.sectors import SECTOR_BYTES
from actors.segment_end import find_end
from actors.segment_files import FIRST_RECORD_AT, Segment, SegmentReader, path_of, segments_in
from actors.segments import SegmentJournal
from engine.journal_format import NO_HASH, encode
from engine.record import Record
from tests.actors.journal_stores import next_record, small_journal
from tests.engine.journal_records import reserve_record, same_record


class Written:
    """A journal that was written and left as a crash would leave it, and where its records lie."""

    def __init__(self, directory: Path, rows: list[int], segment_bytes: int) -> None:
        self.directory = directory
        journal = SegmentJournal(directory, 0, segment_bytes=segment_bytes, step_bytes=64 << 10, record_bytes_max=1)
        opening = journal.open()
        self.records: list[Record] = []
        self.hashes = [NO_HASH]
        self.places: list[tuple[int, int, int]] = []  # segment, from, to
        for count in rows:
            self.records.append(next_record(journal, opening, count))
            journal.append(self.records[-1])
            position = journal._position
            begin = self.places[-1][2] if self.places and self.places[-1][0] == position.segment else FIRST_RECORD_AT
            self.places.append((position.segment, begin, position.offset))
            self.hashes.append(journal.hash_at(journal.durable_seq))
        self.position = journal._position
        os.close(journal._descriptor)  # no clean close: the room ahead stays
        journal._descriptor = -1
        journal.close()

    def recovered(self, around: int) -> None:
        """Find the end and read record `around` and the next as a shard that starts would: all as it was written."""
        end = find_end(Segment(self.directory, 0, segments_in(self.directory)[-1]))
        assert end.seq == len(self.records), "lost in silence"
        assert end.hash == self.hashes[-1]
        assert not end.torn
        first = around
        reader = SegmentReader(self.directory, 0, lambda: self.position)
        last = min(len(self.records), around + 1)
        for record in reader.scan(first, last, self.hashes[first - 1]):
            assert same_record(record, self.records[record.seq - 1]), "changed in silence"
            first += 1
        assert first == last + 1

    def whose(self, segment: int, offset: int) -> int:
        """The seq of the record that has this byte; 0 for what no record has."""
        for seq, (name, begin, end) in enumerate(self.places, 1):
            if name == segment and begin <= offset < end:
                return seq
        return 0


@pytest.mark.parametrize("torn", [False, True])
def test_an_opener_looks_into_the_last_record_before_it_writes(tmp_path: Path, torn: bool) -> None:
    journal = Written(tmp_path, [1, 9, 3], 1 << 20)
    if torn:
        wipe(journal, *journal.places[2][1:])
        (tmp_path / "durable").unlink()
    last = 2 if torn else 3
    path = path_of(tmp_path, 1)
    damaged = bytearray(path.read_bytes())
    damaged[journal.places[last - 1][1] + 400] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(JournalCorrupt) as caught:
        small_journal(tmp_path).open()
    assert caught.value.seq == last
    assert segments_in(tmp_path) == [1]
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("value", [0x00, 0xFF])
def test_bytes_set_to_one_value_are_harmless_or_named(tmp_path: Path, value: int) -> None:
    """A byte that becomes zero is the one that could make a record look unwritten."""
    journal, named = Written(tmp_path, [1, 9, 1], 1 << 20), []
    descriptor = os.open(path_of(tmp_path, 1), os.O_RDWR)
    for offset in range(journal.position.offset + SECTOR_BYTES):
        before = os.pread(descriptor, 1, offset)
        os.pwrite(descriptor, bytes([value]), offset)
        seq = journal.whose(1, offset) or 1
        try:
            journal.recovered(seq)
        except JournalCorrupt as error:
            named.append((error.seq, seq))
        os.pwrite(descriptor, before, offset)
    os.close(descriptor)
    assert named
    assert all(found == damaged for found, damaged in named)


Damage = Callable[[Written, int, int], None]


def wipe(journal: Written, begin: int, end: int) -> None:
    with path_of(journal.directory, 1).open("r+b") as file:
        file.seek(begin)
        file.write(bytes(end - begin))


@pytest.mark.parametrize("lost", ["first sector", "middle sector", "last sector", "all but the first", "all"])
def test_a_last_record_with_missing_sectors_is_torn_and_cut(tmp_path: Path, lost: str) -> None:
    journal = Written(tmp_path, [1, 2, 12], 1 << 20)
    _, begin, end = journal.places[-1]
    assert end - begin >= 3 * SECTOR_BYTES
    wiped = {
        "first sector": (begin, begin + SECTOR_BYTES),
        "middle sector": (begin + SECTOR_BYTES, begin + 2 * SECTOR_BYTES),
        "last sector": (end - SECTOR_BYTES, end),
        "all but the first": (begin + SECTOR_BYTES, end),
        "all": (begin, end),
    }[lost]
    wipe(journal, *wiped)
    found = find_end(Segment(tmp_path, 0, 1))
    assert (found.seq, found.offset, found.hash) == (2, begin, journal.hashes[2])
    assert found.torn == (lost != "all")
    (tmp_path / "durable").unlink()
    successor = small_journal(tmp_path)
    opening = successor.open(known_seq=2)
    assert (opening.seq, opening.torn) == (2, lost != "all")
    again = replace(next_record(successor, opening), now_ms=journal.records[-1].now_ms)
    successor.append(again)
    assert [record.seq for record in successor.scan()] == [1, 2, 3]
    successor.close()


def test_a_last_record_that_was_published_may_not_be_torn(tmp_path: Path) -> None:
    journal = Written(tmp_path, [1, 2, 12], 1 << 20)
    wipe(journal, journal.places[-1][1], journal.places[-1][2])
    successor = small_journal(tmp_path)
    with pytest.raises(JournalCorrupt) as caught:
        successor.open()
    assert caught.value.seq == 3


@pytest.mark.parametrize("lost", ["first sector", "last sector", "all"])
@pytest.mark.parametrize("seq", [1, 2])
def test_an_earlier_record_with_missing_sectors_is_corrupt(tmp_path: Path, seq: int, lost: str) -> None:
    journal = Written(tmp_path, [12, 12, 12], 1 << 20)
    _, begin, end = journal.places[seq - 1]
    at = {"first sector": (begin, begin + SECTOR_BYTES), "last sector": (end - SECTOR_BYTES, end), "all": (begin, end)}
    wipe(journal, *at[lost])
    with pytest.raises(JournalCorrupt) as caught:
        journal.recovered(seq)
    assert caught.value.seq == seq


def test_a_torn_record_with_another_behind_it_is_corrupt(tmp_path: Path) -> None:
    """Whatever the marks say: something was appended after it, so it was acknowledged."""
    journal = Written(tmp_path, [1, 12, 1], 1 << 20)
    _, begin, end = journal.places[1]
    wipe(journal, end - SECTOR_BYTES, end)
    wipe(journal, *journal.places[2][1:])
    assert find_end(Segment(tmp_path, 0, 1)).seq == 1
    with path_of(tmp_path, 1).open("r+b") as file:
        file.seek(end + SECTOR_BYTES)
        file.write(encode(reserve_record(1, seq=3), journal.hashes[2]).tobytes().ljust(504, b"\0"))
        file.write(b"\xa5\x5c\xc9\x36\x03\0\0\0")
    with pytest.raises(JournalCorrupt) as caught:
        find_end(Segment(tmp_path, 0, 1))
    assert caught.value.seq == 2
    assert begin < end


def test_records_that_were_swapped_are_corrupt(tmp_path: Path) -> None:
    journal = Written(tmp_path, [3, 3, 3, 3], 1 << 20)
    data = bytearray(path_of(tmp_path, 1).read_bytes())
    (_, a, b), (_, c, d) = journal.places[1:3]
    assert b - a == d - c
    data[a:b], data[c:d] = data[c:d], data[a:b]
    path_of(tmp_path, 1).write_bytes(data)
    with pytest.raises(JournalCorrupt) as caught:
        journal.recovered(2)
    assert caught.value.seq == 2


def test_a_record_of_another_history_is_corrupt(tmp_path: Path) -> None:
    """The same shard, seq and epoch, whole in itself, but chained to something else."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    journal, other = Written(tmp_path / "a", [3, 3, 3], 1 << 20), Written(tmp_path / "b", [2, 3, 3], 1 << 20)
    (_, begin, end), (_, there, _) = journal.places[2], other.places[2]
    data = bytearray(path_of(journal.directory, 1).read_bytes())
    data[begin:end] = path_of(other.directory, 1).read_bytes()[there : there + end - begin]
    path_of(journal.directory, 1).write_bytes(data)
    with pytest.raises(JournalCorrupt) as caught:
        journal.recovered(3)
    assert caught.value.seq == 3


def test_a_long_journal_is_opened_without_reading_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Written(tmp_path, [1] * 300, 1 << 20)
    reads: list[int] = []
    read = Segment.read

    def counted(self: Segment, offset: int, count: int, seq: int) -> np.ndarray:
        reads.append(offset)
        return read(self, offset, count, seq)

    monkeypatch.setattr(Segment, "read", counted)
    journal.recovered(300)
    assert len(reads) < 60
    assert journal.position == Position(1, 300, 1, 301 * SECTOR_BYTES)
