"""Where the last segment of a journal ends: the place where torn and corrupt are told apart.

Records are written and synced one by one, so after a crash only the last one may be unfinished. It is *torn* if one of
its sectors was never written and nothing was written behind it: it was never acknowledged and is cut. Whatever else is
not whole was whole once, so it is *corrupt*: it may have been acknowledged, and the shard must not start without it.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from actors.durable import NOWHERE, Position
from actors.journal import JournalCorrupt
from actors.sectors import SECTOR_BYTES, seq_of, seqs, written
from actors.segment_files import FIRST_RECORD_AT, READ_BYTES, Segment, end_of, segments_in
from engine.journal_format import Header


@dataclass(frozen=True, slots=True)
class End:
    """Where the records of a segment end."""

    seq: int
    """of the last record, also when it lies in an earlier segment"""
    offset: int
    hash: bytes
    last: Header | None
    """of the last record, unless it lies in an earlier segment"""
    torn: bool
    """an unfinished record lies behind it"""


def find_end(segment: Segment) -> End:
    """Where the records of the last segment end; raises JournalCorrupt. The last record's hash has been checked."""
    with contextlib.suppress(JournalCorrupt):  # whatever is odd is judged by the walk
        end = _end_by_marks(segment)
        if end is not None:
            return end
    return _end_by_walking(segment)


def end_of_journal(directory: Path, shard: int) -> Position:
    """How far the journal of a shard that nobody owns goes; reads only."""
    names = segments_in(directory) if directory.exists() else []
    if not names:
        return NOWHERE
    segment = Segment(directory, shard, names[-1])
    end = find_end(segment)
    segment.close()
    return Position(segment.header.epoch, end.seq, segment.first_seq, end.offset)


def _end_by_marks(segment: Segment) -> End | None:
    """The end if all is well, or if the process died in the middle of a write; else None. Reads a few sectors."""
    low, high = FIRST_RECORD_AT // SECTOR_BYTES, segment.size // SECTOR_BYTES
    while low < high:
        middle = (low + high) // 2
        if written(segment.read(middle * SECTOR_BYTES, SECTOR_BYTES, segment.first_seq))[0]:
            low = middle + 1
        else:
            high = middle
    stop = low * SECTOR_BYTES
    if stop == FIRST_RECORD_AT:
        return None
    seq = seq_of(segment.read(stop - SECTOR_BYTES, SECTOR_BYTES, segment.first_seq), segment.first_seq)
    offset = segment.find_by_marks(seq, stop)
    header = segment.record_header(offset, seq)
    if end_of(header, offset) < stop or _written_behind(segment, stop, segment.size, seq + 1):
        return None
    before, before_at, before_hash = None, FIRST_RECORD_AT, segment.header.prev_hash
    if seq > segment.first_seq:
        before_at = segment.find_by_marks(seq - 1, offset)
        before = segment.record_header(before_at, seq - 1)
        before_hash = before.hash
    if header.prev_hash != before_hash or offset != (end_of(before, before_at) if before else FIRST_RECORD_AT):
        return None
    if end_of(header, offset) == stop:
        return _checked(segment, End(seq, stop, header.hash, header, torn=False), offset)
    end = End(seq - 1, offset, before_hash, before, torn=True)
    return end if before is None else _checked(segment, end, before_at)


def _end_by_walking(segment: Segment) -> End:
    """The end, header by header: right whatever happened, and slower."""
    offset, seq, size = FIRST_RECORD_AT, segment.first_seq, segment.size
    end = End(seq - 1, offset, segment.header.prev_hash, None, torn=False)
    before, start = end, offset
    while _is_written(segment, offset, offset + SECTOR_BYTES, seq):
        header = segment.record_header(offset, seq)
        if header.prev_hash != end.hash:
            raise JournalCorrupt(segment.shard, seq, "it is not chained to the record before it")
        before, start, offset = end, offset, end_of(header, offset)
        end = End(seq, offset, header.hash, header, torn=False)
        seq += 1
    behind = _written_behind(segment, offset, size, seq)
    if end.last is not None and not _is_written(segment, start, offset, end.seq):
        if behind:
            raise JournalCorrupt(segment.shard, end.seq, "a part of it is gone, and a later record is there")
        if before.last is None:
            return End(before.seq, before.offset, before.hash, None, torn=True)
        start = segment.find(before.seq, before.offset)
        return _checked(segment, End(before.seq, before.offset, before.hash, before.last, torn=True), start)
    end = End(end.seq, end.offset, end.hash, end.last, behind)
    return end if end.last is None else _checked(segment, end, start)


def _checked(segment: Segment, end: End, start: int) -> End:
    """`end`, after its last record, which begins at `start`, has been read and its hash checked."""
    assert end.last is not None
    sectors = segment.read(start, end.offset - start, end.seq)
    segment.decode(sectors, end.last, end.seq, end.last.prev_hash)
    return end


def _is_written(segment: Segment, offset: int, end: int, seq: int) -> bool:
    """Whether every sector of [offset, end) was written."""
    while offset < end:
        data = segment.read(offset, min(READ_BYTES, end - offset), seq)
        if len(data) % SECTOR_BYTES or not len(data) or not written(data).all():
            return False
        offset += len(data)
    return True


def _written_behind(segment: Segment, offset: int, end: int, seq: int) -> bool:
    """Whether anything of record `seq` was written in [offset, end); something of another record: corrupt."""
    found = False
    while offset < end:
        offset = max(offset, segment.data_at(offset) // SECTOR_BYTES * SECTOR_BYTES)
        data = segment.read(offset, min(READ_BYTES, end - offset), seq)
        data = data[: len(data) - len(data) % SECTOR_BYTES]
        if not len(data):
            break
        there = written(data)
        if there.any():
            found = True
            if (seqs(data, seq)[there] != seq).any():
                raise JournalCorrupt(segment.shard, seq, "it is missing, and a later record is there")
        offset += len(data)
    return found
