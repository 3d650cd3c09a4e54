"""The files of a shard's segment journal, as a reader finds them.

A segment is a file of 512-byte sectors (`actors.sectors`): a header, then records, each beginning a sector. Its name
is the number of its first record. Its header fixes how the segment before it ended: after how many bytes and with
which hash. So the end of every segment but the last is known, and whatever else lies behind it (a torn record, zeros)
is nothing. Records are found without an index: sectors carry the low half of the number of the record they belong to,
in ascending order.
"""

import contextlib
import errno
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from actors.durable import Position
from actors.journal import JournalCorrupt, RecentRecords
from actors.sectors import PAYLOAD_BYTES, SECTOR_BYTES, frame, sectors_for, seq_of, unframe
from engine.journal_format import HEADER_BYTES, NO_HASH, FormatError, Header, decode, parse_header
from engine.record import Record

Bytes = npt.NDArray[np.uint8]

SEGMENT_FORMAT: Final = 1
SUFFIX: Final = ".journal"
FIRST_RECORD_AT: Final = SECTOR_BYTES
READ_BYTES: Final = 4 << 20
RECENT_BYTES_MAX: Final = 64 << 20
_OPEN_MAX: Final = 8

_MAGIC: Final = b"OMNISEG\n"
_HEAD: Final = struct.Struct("<8sIIQQQQ32s")


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment's first sector says."""

    shard: int
    epoch: int
    """of the opener that wrote it; every record in it carries the same"""
    first_seq: int
    prev_segment: int
    """first seq of the segment before; 0 = this is the first"""
    prev_bytes: int
    """where that segment ends"""
    prev_hash: bytes
    """of the record before `first_seq`"""

    def to_sector(self) -> Bytes:
        """The sector."""
        head = _HEAD.pack(
            _MAGIC, SEGMENT_FORMAT, self.shard, self.epoch, self.first_seq, self.prev_segment, self.prev_bytes,
            self.prev_hash,
        )  # fmt: skip
        head = head.ljust(PAYLOAD_BYTES - 4, b"\0")
        return frame(np.frombuffer(head + struct.pack("<I", zlib.crc32(head)), np.uint8), self.first_seq)

    @classmethod
    def from_sector(cls, sector: bytes) -> "SegmentHeader":
        """The inverse; raises FormatError."""
        head = sector[: PAYLOAD_BYTES - 4]
        if len(sector) < SECTOR_BYTES or head[:8] != _MAGIC:
            raise FormatError("no segment begins here")
        if struct.unpack_from("<I", sector, len(head))[0] != zlib.crc32(head):
            raise FormatError("the segment's header is damaged")
        _, version, shard, epoch, first_seq, prev_segment, prev_bytes, prev_hash = _HEAD.unpack_from(head)
        if version != SEGMENT_FORMAT:
            raise FormatError(f"segment format {version} is not known to this version")
        return cls(shard, epoch, first_seq, prev_segment, prev_bytes, prev_hash)


def path_of(directory: Path, first_seq: int) -> Path:
    """Where the segment that begins with record `first_seq` lies."""
    return directory / f"{first_seq:016d}{SUFFIX}"


def segments_in(directory: Path) -> list[int]:
    """The first seqs of the segments, ascending."""
    names = (name.removesuffix(SUFFIX) for name in os.listdir(directory) if name.endswith(SUFFIX))
    return sorted(int(name) for name in names if name.isdigit())


def end_of(header: Header, offset: int) -> int:
    """Where the record that begins at `offset` ends: the next one begins there."""
    return offset + sectors_for(header.record_bytes) * SECTOR_BYTES


class Segment:
    """One file, open for reading. Raises JournalCorrupt for what cannot be right."""

    def __init__(self, directory: Path, shard: int, first_seq: int) -> None:
        self.shard = shard
        self.first_seq = first_seq
        self._descriptor = -1
        path = path_of(directory, first_seq)
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            if path.is_symlink():  # see `actors.archive`
                words = "archived, and the archive is not there"
                raise FileNotFoundError(errno.ENOENT, words, str(path.readlink())) from error
            raise
        try:
            try:
                self.header = SegmentHeader.from_sector(self.read(0, SECTOR_BYTES, first_seq).tobytes())
            except FormatError as error:
                raise JournalCorrupt(shard, first_seq, str(error)) from error
            if (self.header.shard, self.header.first_seq) != (shard, first_seq):
                raise JournalCorrupt(shard, first_seq, "the segment belongs elsewhere")
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Bytes in the file, zeros ahead of the records included."""
        return os.fstat(self._descriptor).st_size

    def read(self, offset: int, count: int, seq: int) -> Bytes:
        """At most `count` bytes from `offset`; fewer only at the end of the file. `seq`: on whose behalf."""
        try:
            parts = []
            while count > 0 and (part := os.pread(self._descriptor, count, offset)):
                parts.append(part)
                offset += len(part)
                count -= len(part)
            return np.frombuffer(parts[0] if len(parts) == 1 else b"".join(parts), np.uint8)
        except OSError as error:
            raise JournalCorrupt(self.shard, seq, f"cannot be read: {error}") from error

    def data_at(self, offset: int) -> int:
        """Where the next bytes at or behind `offset` are that were ever written; holes read as zeros."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return self.size
            raise

    def record_header(self, offset: int, seq: int) -> Header:
        """The header of record `seq`, which must begin at `offset`."""
        return self._header_in(self.read(offset, HEADER_BYTES, seq), seq)

    def find(self, seq: int, end: int) -> int:
        """Where record `seq` begins, in the part that ends at `end`."""
        with contextlib.suppress(JournalCorrupt):
            offset = self.find_by_marks(seq, end)
            self.record_header(offset, seq)
            return offset
        # A mark is damaged (which harms nothing else): from the beginning, header by header.
        offset = FIRST_RECORD_AT
        for before in range(self.first_seq, seq):
            offset = end_of(self.record_header(offset, before), offset)
        self.record_header(offset, seq)
        return offset

    def find_by_marks(self, seq: int, end: int) -> int:
        """The first sector before `end` that says it belongs to record `seq` or a later one."""
        low, high = FIRST_RECORD_AT // SECTOR_BYTES, end // SECTOR_BYTES
        while low < high:
            middle = (low + high) // 2
            if seq_of(self.read(middle * SECTOR_BYTES, SECTOR_BYTES, seq), seq) < seq:
                low = middle + 1
            else:
                high = middle
        return low * SECTOR_BYTES

    def records(self, offset: int, end: int, seq: int, prev_hash: bytes | None) -> Iterator[tuple[Header, Record]]:
        """The records from `seq`, which begins at `offset`, to `end`, every hash checked."""
        chunk, chunk_at = np.empty(0, np.uint8), offset
        while offset < end:
            at = offset - chunk_at
            if len(chunk) < at + SECTOR_BYTES:
                chunk, chunk_at, at = self.read(offset, min(READ_BYTES, end - offset), seq), offset, 0
            header = self._header_in(chunk[at:], seq)
            size = end_of(header, 0)
            if offset + size > end:
                raise JournalCorrupt(self.shard, seq, "the record goes on behind the end of its segment")
            if len(chunk) < at + size:
                chunk, chunk_at, at = self.read(offset, max(size, min(READ_BYTES, end - offset)), seq), offset, 0
            yield header, self.decode(chunk[at : at + size], header, seq, prev_hash)
            prev_hash = header.hash
            offset += size
            seq += 1

    def record(self, offset: int, seq: int) -> Record:
        """Record `seq`, which must begin at `offset`, and nothing around it."""
        header = self.record_header(offset, seq)
        return self.decode(self.read(offset, end_of(header, 0), seq), header, seq, None)

    def decode(self, sectors: Bytes, header: Header, seq: int, prev_hash: bytes | None) -> Record:
        """The record that fills `sectors`, with its place in the chain checked."""
        if prev_hash is not None and header.prev_hash != prev_hash:
            raise JournalCorrupt(self.shard, seq, "it is not chained to the record before it")
        try:
            return decode(unframe(sectors, header.record_bytes), header)[1]
        except (FormatError, ValueError) as error:
            raise JournalCorrupt(self.shard, seq, str(error)) from error

    def _header_in(self, data: Bytes, seq: int) -> Header:
        try:
            header = parse_header(data)
        except FormatError as error:
            raise JournalCorrupt(self.shard, seq, str(error)) from error
        if (header.shard, header.seq, header.epoch) != (self.shard, seq, self.header.epoch):
            raise JournalCorrupt(self.shard, seq, f"record {header.seq} of epoch {header.epoch} stands in its place")
        return header

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        """A reader in another thread may still use a segment that the cache let go: the last one closes it."""
        self.close()


class _Place(NamedTuple):
    """A durable record: durable ones never move."""

    seq: int
    segment: int
    end: int
    hash: bytes


class SegmentReader:
    """Reads a journal's durable records; `durable` says how far that is. Safe to use from several threads."""

    def __init__(self, directory: Path, shard: int, durable: Callable[[], Position]) -> None:
        self.shard = shard
        self._directory = directory
        self._durable = durable
        self._segments: dict[int, Segment] = {}
        self._names: list[int] = []
        self._names_at = (0, 0)
        self._last: _Place | None = None
        """where the last scan came to: the next one mostly goes on there"""
        self._recent = RecentRecords(RECENT_BYTES_MAX)
        self._lock = threading.Lock()

    @property
    def durable_seq(self) -> int:
        """The last record that may be read."""
        return self._durable().seq

    def read(self, seq: int) -> Record:
        """One durable record; LookupError if there is none of that number."""
        with self._lock:
            record = self._recent.get(seq)
        if record is None:
            record = self._read(seq)
            with self._lock:
                self._recent.put(record)
        return record

    def _read(self, seq: int) -> Record:
        for segment, first, _, end in self._spans(seq, seq):
            return segment.record(segment.find(first, end), first)
        raise LookupError(f"shard {self.shard} has no record {seq}")

    def remember(self, record: Record) -> None:
        """Keep a record that is likely to be asked for soon."""
        with self._lock:
            self._recent.put(record)

    def hash_at(self, seq: int) -> bytes:
        """The hash of a durable record, from its header alone."""
        if seq == 0:
            return NO_HASH
        if (last := self._last) is not None and last.seq == seq:
            return last.hash
        for segment, first, _, end in self._spans(seq, seq):
            return segment.record_header(segment.find(first, end), first).hash
        raise LookupError(f"shard {self.shard} has no record {seq}")

    def headers(self, first_seq: int = 1, last_seq: int | None = None) -> Iterator[Header]:
        """The headers of durable records, to skip or count without unpacking."""
        for segment, first, last, end in self._spans(first_seq, last_seq):
            offset = segment.find(first, end)
            for seq in range(first, last + 1):
                header = segment.record_header(offset, seq)
                offset = end_of(header, offset)
                yield header

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """Durable records from `first_seq`, every hash checked; see `actors.journal.JournalReader`."""
        for segment, first, last, end in self._spans(first_seq, last_seq):
            offset, before = FIRST_RECORD_AT, self._last
            if first != segment.first_seq:
                known = before is not None and (before.seq, before.segment) == (first - 1, segment.first_seq)
                offset = before.end if before is not None and known else segment.find(first, end)
            elif prev_hash is None:
                prev_hash = segment.header.prev_hash
            seq = first - 1
            for header, record in segment.records(offset, end, first, prev_hash):
                prev_hash, seq, offset = header.hash, header.seq, end_of(header, offset)
                self._last = _Place(seq, segment.first_seq, offset, prev_hash)
                yield record
                if seq == last:
                    break
            if seq != last:
                raise JournalCorrupt(self.shard, seq + 1, "its segment ends before it")

    def _spans(self, first_seq: int, last_seq: int | None) -> Iterator[tuple[Segment, int, int, int]]:
        """(segment, first seq, last seq, where the segment's durable records end) for the records asked for."""
        durable = self._durable()
        last_seq = durable.seq if last_seq is None else min(last_seq, durable.seq)
        if first_seq < 1 or first_seq > last_seq:
            return
        known = self._known(durable)
        if not known or known[0] > first_seq:
            raise JournalCorrupt(self.shard, first_seq, "its segment is missing")
        for k, name in enumerate(known):
            behind = known[k + 1] if k + 1 < len(known) else None
            last = last_seq if behind is None else min(last_seq, behind - 1)
            if last < first_seq or name > last_seq:
                continue
            if behind is None:
                if name != durable.segment:
                    raise JournalCorrupt(self.shard, durable.segment, "its segment is missing")
                end = durable.offset
            else:
                after = self._segment(behind).header
                if after.prev_segment != name:
                    raise JournalCorrupt(self.shard, after.prev_segment, "its segment is missing")
                end = after.prev_bytes
            first = max(first_seq, name)
            if first <= last:
                yield self._segment(name), first, last, end

    def _known(self, durable: Position) -> list[int]:
        """The segments up to the last; looked up again when there is another."""
        with self._lock:
            if self._names_at != (durable.epoch, durable.segment):
                if self._names_at[0] != durable.epoch:  # the opener may have put a segment in an empty one's place
                    self._segments.clear()
                self._names = [segment for segment in segments_in(self._directory) if segment <= durable.segment]
                self._names_at = (durable.epoch, durable.segment)
            return self._names

    def _segment(self, name: int) -> Segment:
        with self._lock:
            segment = self._segments.get(name)
            if segment is None:
                segment = self._segments[name] = Segment(self._directory, self.shard, name)
                while len(self._segments) > _OPEN_MAX:
                    del self._segments[next(iter(self._segments))]
            return segment

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._segments.clear()
