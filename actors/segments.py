"""The embedded journal: a shard's records in append-only files of this machine, one sync per record.

Room is allocated ahead in steps, so that a full disk is met before a batch is decided and no append waits for a file
to grow. Small records go into zeros that were really written before: the file system then has nothing but the data to
sync (4 KB: 0.10 ms instead of 0.16 ms into allocated and 0.22 ms into new blocks). Large ones do not, for writing
everything twice costs more than it gains (900 KB: 0.4 ms and 0.6 ms).

Every opening begins a segment whose header fixes where the last one ended, before anything is appended: what a
predecessor might still write behind that end is nothing. Old segments stay. What lies where, and how torn is told from
corrupt, stands in `actors.segment_files` and `actors.sectors`.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from actors.disk import Disk, RealDisk
from actors.durable import DurableFile, Position
from actors.fencing import LOCK, Fence, FenceError, take
from actors.journal import JournalCorrupt, JournalFailed, JournalFenced, JournalFull, Opening
from actors.sectors import SECTOR_BYTES, frame, sectors_for
from actors.segment_end import End, find_end
from actors.segment_files import (
    FIRST_RECORD_AT,
    SUFFIX,
    Segment,
    SegmentHeader,
    SegmentReader,
    end_of,
    path_of,
    segments_in,
)
from engine.journal_format import NO_HASH, encode, hash_of
from engine.record import Record, RecordKind

SEGMENT_BYTES: Final = 256 << 20
"""A segment that has grown beyond this is followed by the next."""
RECORD_BYTES_MAX: Final = 64 << 20
"""`room` promises so much: more than the largest batch that the engine's limits allow."""
STEP_BYTES: Final = 32 << 20
RESERVE_BYTES: Final = 1 << 20
"""Kept aside so that a shard can open, and say so in its journal, on a full disk."""
ZEROS_BYTES: Final = 256 << 10
"""So much is zeroed at a time, ahead of records that are no larger than a quarter of it."""

_DURABLE: Final = "durable"
_RESERVE: Final = "reserve"
_NEW: Final = ".new"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def durable_path(directory: Path) -> Path:
    """The published position of the shard that lives in `directory`."""
    return directory / _DURABLE


class SegmentJournal:
    """See `actors.journal.Journal`; touches nothing before `open`."""

    def __init__(
        self,
        directory: Path,
        shard: int,
        *,
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        record_bytes_max: int = RECORD_BYTES_MAX,
        step_bytes: int = STEP_BYTES,
        take_fence: Callable[[Path], Fence] = take,
    ) -> None:
        """`take_fence`: makes the caller the owner of the shard whose lock file lies there, see `actors.fencing`."""
        self.shard = shard
        self._directory = directory
        self._disk: Disk = disk or RealDisk()
        self._segment_bytes = segment_bytes
        self._record_bytes_max = sectors_for(record_bytes_max) * SECTOR_BYTES
        self._step_bytes = step_bytes
        self._take_fence = take_fence
        self._durable = DurableFile(durable_path(directory))
        self._position = Position()
        self._reader = SegmentReader(directory, shard, lambda: self._position)
        self._fence: Fence | None = None
        self._descriptor = -1
        self._allocated = 0
        self._zeroed = 0
        self._busy_until = 0
        self._writing = threading.Lock()
        self._hash = NO_HASH
        self._now_ms = 0
        self._era = 0
        self._failed = ""

    # Opening

    def open(self, known_seq: int = 0) -> Opening:
        """Fence the predecessor, find the end, begin a new segment."""
        assert self._fence is None, "opened twice"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fence = self._take_fence(self._directory / LOCK)
            return self._open(known_seq)
        except FenceError as error:
            raise JournalFenced(self.shard, str(error)) from error
        except OSError as error:
            self.close()
            raise JournalFailed(self.shard, f"cannot be opened: {error}") from error
        except BaseException:
            self.close()
            raise

    def _open(self, known_seq: int) -> Opening:
        for name in os.listdir(self._directory):
            if name.endswith(_NEW):
                self._disk.remove(self._directory / name)
        published = self._durable.read()
        names = segments_in(self._directory)
        self._check_chain(names)
        last = Segment(self._directory, self.shard, names[-1]) if names else None
        end = find_end(last) if last is not None else End(0, 0, NO_HASH, None, torn=False)
        seen = max(known_seq, published.seq)
        if end.seq < seen:
            raise JournalCorrupt(self.shard, end.seq + 1, f"records up to {seen} were acknowledged and are not there")
        epoch = max(published.epoch, last.header.epoch if last is not None else 0) + 1
        opening = self._opening(epoch, names, last, end)
        self._hash, self._now_ms, self._era = end.hash, opening.now_ms, opening.era
        if last is None:
            header = SegmentHeader(self.shard, epoch, 1, 0, 0, NO_HASH)
        elif end.seq < last.first_seq:  # it has no record, so the new one takes its place
            before = last.header
            header = SegmentHeader(
                self.shard, epoch, last.first_seq, before.prev_segment, before.prev_bytes, before.prev_hash
            )
        else:
            header = SegmentHeader(self.shard, epoch, end.seq + 1, last.first_seq, end.offset, end.hash)
        if last is not None and end.last is not None:
            self._write_again(last, end)
        self._begin_segment(header, may_use_reserve=True)
        if last is not None and end.seq >= last.first_seq:
            self._cut(last.first_seq, end.offset)
        self._keep_reserve()
        return opening

    def _check_chain(self, names: list[int]) -> None:
        before = 0
        for name in names:
            segment = Segment(self._directory, self.shard, name)
            if segment.header.prev_segment != before or (before == 0 and name != 1):
                raise JournalCorrupt(self.shard, max(1, segment.header.prev_segment), "its segment is missing")
            before = name
            segment.close()

    def _opening(self, epoch: int, names: list[int], last: Segment | None, end: End) -> Opening:
        header = end.last
        if header is None and last is not None and end.seq:
            before = Segment(self._directory, self.shard, last.header.prev_segment)
            header = before.record_header(before.find(end.seq, last.header.prev_bytes), end.seq)
            before.close()
        if header is None:
            return Opening(epoch, 0, torn=end.torn)
        sealed = header.kind is RecordKind.SEAL and not end.torn
        return Opening(epoch, header.seq, header.now_ms, header.era, sealed, end.torn)

    def _begin_segment(self, header: SegmentHeader, *, may_use_reserve: bool = False) -> None:
        """Put a new segment under its name, durably, and make it the one that is written to."""
        path = path_of(self._directory, header.first_seq)
        new = path.with_suffix(SUFFIX + _NEW)
        allocated = FIRST_RECORD_AT + self._step_bytes
        descriptor = self._disk.create(new)
        try:
            try:
                self._disk.allocate(descriptor, allocated)
            except OSError as error:
                reserve = self._directory / _RESERVE
                if error.errno not in _NO_ROOM or not may_use_reserve or not reserve.exists():
                    raise
                os.close(descriptor)
                descriptor = -1
                self._disk.rename(reserve, new)
                descriptor = os.open(new, os.O_RDWR | os.O_CLOEXEC)
                allocated = os.fstat(descriptor).st_size
            self._disk.write(descriptor, header.to_sector().data, 0)
            self._disk.sync(descriptor)
            self._disk.rename(new, path)
            self._disk.sync_directory(self._directory)
        except BaseException:
            if descriptor >= 0:
                os.close(descriptor)
            with contextlib.suppress(OSError):
                self._disk.remove(new)
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._allocated, self._zeroed, self._busy_until = descriptor, allocated, 0, 0
        self._publish(Position(header.epoch, header.first_seq - 1, header.first_seq, FIRST_RECORD_AT))

    def _write_again(self, segment: Segment, end: End) -> None:
        """Make the last record durable before anything is built on it: its writer may have died before its sync.

        Or of its sync: after one that failed the system takes the pages for clean, and no other would write them.
        """
        assert end.last is not None
        start = end.offset - end_of(end.last, 0)
        sectors = segment.read(start, end.offset - start, end.seq)
        descriptor = os.open(path_of(self._directory, segment.first_seq), os.O_RDWR | os.O_CLOEXEC)
        try:
            self._disk.write(descriptor, sectors.data, start)
            self._disk.sync(descriptor)
        finally:
            os.close(descriptor)

    def _cut(self, segment: int, size: int) -> None:
        """Give back what lies behind the end of a finished segment; it means nothing, so failing does no harm."""
        with contextlib.suppress(OSError):
            descriptor = os.open(path_of(self._directory, segment), os.O_RDWR | os.O_CLOEXEC)
            try:
                self._disk.truncate(descriptor, size)
            finally:
                os.close(descriptor)

    def _keep_reserve(self) -> None:
        """Make the reserve file if there is none and there is room for it."""
        path = self._directory / _RESERVE
        if path.exists():
            return
        new = path.with_suffix(_NEW)
        try:
            descriptor = self._disk.create(new)
            try:
                self._disk.write(descriptor, memoryview(bytes(min(RESERVE_BYTES, self._step_bytes))), 0)
                self._disk.sync(descriptor)
            finally:
                os.close(descriptor)
            self._disk.rename(new, path)
        except OSError:
            with contextlib.suppress(OSError):
                self._disk.remove(new)

    # Writing

    def append(self, record: Record) -> None:
        """Write and sync one record, then publish how far the journal is durable."""
        with self._writing:
            self._append(record)

    def _append(self, record: Record) -> None:
        position = self._position
        assert self._descriptor >= 0, "not open"
        assert (record.shard, record.seq, record.epoch) == (self.shard, position.seq + 1, position.epoch)
        if self._failed:
            raise JournalFailed(self.shard, self._failed)
        self.check()
        encoded = encode(record, self._hash)
        sectors = frame(encoded, record.seq)
        if position.offset >= self._segment_bytes:
            self._roll()
            position = self._position
        if not self._has_room(len(sectors)):
            raise JournalFull(self.shard)
        offset = position.offset
        self._busy_until = offset + len(sectors)
        try:
            self._disk.write(self._descriptor, sectors.data, offset)
            self._zero_ahead(offset + len(sectors), len(sectors))
            self._disk.sync(self._descriptor)
            # A successor takes the lock before it looks for the end: while the lock is ours, it will find this.
            self.check()
            self._publish(Position(position.epoch, record.seq, position.segment, offset + len(sectors)))
        except OSError as error:
            self._failed = f"the append of record {record.seq} failed: {error}"
            raise JournalFailed(self.shard, self._failed) from error
        self._hash, self._now_ms, self._era = hash_of(encoded), record.now_ms, record.era
        self._reader.remember(record)

    def _zero_ahead(self, end: int, written: int) -> None:
        if end > self._zeroed:
            self._zeroed = end
            if written <= ZEROS_BYTES // 4:
                self._zeroed = min(end + ZEROS_BYTES, self._allocated)
                self._disk.write(self._descriptor, memoryview(bytes(self._zeroed - end)), end)

    def _publish(self, position: Position) -> None:
        self._durable.publish(position)
        self._position = position

    def _roll(self) -> None:
        """Go on in a new segment; without room for one, the old one goes on as long as it can."""
        position = self._position
        header = SegmentHeader(
            self.shard, position.epoch, position.seq + 1, position.segment, position.offset, self._hash
        )
        try:
            self._begin_segment(header)
        except OSError as error:
            if error.errno in _NO_ROOM:
                return
            self._failed = f"the segment of record {header.first_seq} cannot begin: {error}"
            raise JournalFailed(self.shard, self._failed) from error
        self._cut(position.segment, position.offset)

    def room(self) -> bool:
        """Whether the next record has room, however large; asked by one thread while another appends."""
        if self._failed or self._descriptor < 0:
            return False
        # Read in this order: a new segment's room is set before its position, so the two never promise too much.
        used = max(self._position.offset, self._busy_until)
        if used + self._record_bytes_max <= self._allocated:
            return True
        with self._writing:
            return self._descriptor >= 0 and self._has_room(self._record_bytes_max)

    def _has_room(self, count: int) -> bool:
        needed = self._position.offset + count
        if needed <= self._allocated:
            return True
        for size in (needed + self._step_bytes, needed):
            try:
                self._disk.allocate(self._descriptor, size)
            except OSError:
                with contextlib.suppress(OSError):  # it may have taken a part of it
                    self._disk.truncate(self._descriptor, self._allocated)
            else:
                self._allocated = size
                self._keep_reserve()
                return True
        return False

    def check(self) -> None:
        """Prove that this opener still owns the shard."""
        if self._fence is None or not self._fence.holds():
            raise JournalFenced(self.shard, "its lock is gone")

    def seal(self) -> None:
        """Append the record of a clean stop."""
        position = self._position
        self.append(Record(RecordKind.SEAL, self.shard, self._era, position.seq + 1, position.epoch, self._now_ms))

    def close(self) -> None:
        """Let go of the files and of the shard."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if not self._failed and self._fence is not None and self._fence.holds():
                    self._disk.truncate(self._descriptor, self._position.offset)
            os.close(self._descriptor)
            self._descriptor = -1
        self._reader.close()
        self._durable.close()
        if self._fence is not None:
            self._fence.release()
            self._fence = None

    # Reading

    @property
    def durable_seq(self) -> int:
        """The last durable record."""
        return self._position.seq

    def read(self, seq: int) -> Record:
        """One durable record; LookupError if there is none of that number."""
        return self._reader.read(seq)

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """Durable records from `first_seq`, every hash checked."""
        return self._reader.scan(first_seq, last_seq, prev_hash)

    def hash_at(self, seq: int) -> bytes:
        """The hash of a durable record."""
        return self._hash if seq == self._position.seq else self._reader.hash_at(seq)
