"""What happened to a device and its jobs, for who follows from outside: read from its journal, never beyond what is
durable.

Each event has the next number (`seq`), for ever: whoever says the last one that it has seen gets all that came after
it. A journal that was written anew begins later; what it was before is kept once, and beyond that events are gone.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from devices.job_lines import BEFORE, DURABLE, DURABLE_WORDS, JOURNAL, PREFIX_BYTES
from devices.jobs import (
    REMADE,
    Clean,
    Decided,
    Ended,
    Event,
    HealthSeen,
    JobState,
    Opened,
    Remade,
    Remembered,
    Retold,
    ScanSeen,
    Sending,
    Sent,
    Submitted,
)

LINES_BYTES: Final = 1 << 20
"""Read at a time."""
MARKS_MAX: Final = 256
"""Places in the file that are remembered by number, for who comes back."""

_decode: Final = msgspec.json.Decoder(Event).decode


class EventsGone(LookupError):
    """They are older than what is kept; `oldest` is the first that there is."""

    def __init__(self, oldest: int) -> None:
        super().__init__(oldest)
        self.oldest = oldest


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A job came into a state."""

    seq: int
    at_ms: int
    job: str
    state: JobState
    reason: str = ""
    by: str = ""
    """who asked, or who decided"""


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """The device came into a state."""

    seq: int
    at_ms: int
    state: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StartEvent:
    """A program took the device over."""

    seq: int
    at_ms: int
    epoch: int


@dataclass(frozen=True, slots=True)
class ScanEvent:
    """Something was scanned."""

    seq: int
    at_ms: int
    scan: ScanSeen


DeviceEvent = JobEvent | HealthEvent | StartEvent | ScanEvent


@dataclass(slots=True)
class _Read:
    """One file, and where numbers stand in it."""

    inode: int
    first: int
    """the number before its first event"""
    begin: int
    """where the first event's line begins"""
    marks: dict[int, int]
    """number of an event -> where the next line begins"""


class JobEvents:
    """Of one device's folder, which need not be there yet. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._now: _Read | None = None

    def oldest(self) -> int:
        """The number before the first event that there is."""
        with_before = self._folder / BEFORE
        for path in (with_before, self._folder / JOURNAL):
            try:
                with open(path, "rb") as file:
                    return _opened(file).first
            except FileNotFoundError:
                continue
        return 0

    def newest(self) -> int:
        """The number of the last durable event."""
        try:
            with open(self._folder / JOURNAL, "rb") as file:
                inode, size = _words(self._folder)
                read = _opened(file)
                if read.inode == inode:
                    return _last(file, read, size)
        except FileNotFoundError:
            pass
        return self.oldest()

    def durable(self) -> tuple[int, int]:
        """The journal's inode and durable size: changes when there is something new."""
        try:
            return _words(self._folder)
        except FileNotFoundError:
            return 0, 0

    def after(self, seq: int, count_max: int) -> list[DeviceEvent]:
        """At most so many events that follow number `seq`; raises EventsGone."""
        try:
            with open(self._folder / JOURNAL, "rb") as file:
                inode, size = _words(self._folder)
                if os.fstat(file.fileno()).st_ino != inode:
                    return []  # it is being written anew at this moment
                if self._now is None or self._now.inode != inode:
                    self._now = _opened(file)
                if seq >= self._now.first:
                    return _events(file, self._now, size, seq, count_max)
                oldest = self._now.first
        except FileNotFoundError:
            return []
        return self._before(seq, count_max, oldest)

    def _before(self, seq: int, count_max: int, oldest: int) -> list[DeviceEvent]:
        try:
            with open(self._folder / BEFORE, "rb") as file:
                read = _opened(file)
                if seq >= read.first:
                    return _events(file, read, os.fstat(file.fileno()).st_size, seq, count_max)
                oldest = read.first
        except FileNotFoundError:
            pass
        raise EventsGone(oldest)


def _words(folder: Path) -> tuple[int, int]:
    inode, size = DURABLE_WORDS.unpack((folder / DURABLE).read_bytes() or bytes(DURABLE_WORDS.size))
    return inode, size


def _opened(file: BinaryIO) -> _Read:
    """Where its events begin: behind what was remembered when it was written anew."""
    inode, first, begin = os.fstat(file.fileno()).st_ino, 0, 0
    while line := file.readline():
        if not line.endswith(b"\n"):
            break
        try:
            event = _decode(line[PREFIX_BYTES:])
        except msgspec.DecodeError:
            break
        if isinstance(event, Retold):
            first = event.seq
        elif not isinstance(event, Remembered):
            break
        begin += len(line)
    return _Read(inode, first, begin, {first: begin})


def _events(file: BinaryIO, read: _Read, size: int, seq: int, count_max: int) -> list[DeviceEvent]:
    number = max(mark for mark in read.marks if mark <= seq)
    at = read.marks[number]
    found: list[DeviceEvent] = []
    file.seek(at)
    while at < size and len(found) < count_max:
        line = file.readline()
        at += len(line)
        if at > size or not line.endswith(b"\n"):
            break
        number += 1
        if number > seq:
            try:
                event = _decode(line[PREFIX_BYTES:])
            except msgspec.DecodeError:
                break  # damage: the device has stopped there, and says so
            found.append(_told(number, event))
            _mark(read, number, at)
    return found


def _last(file: BinaryIO, read: _Read, size: int) -> int:
    """The number of the last whole line within `size`."""
    number, at = read.first, read.begin
    file.seek(at)
    while (line := file.readline()).endswith(b"\n") and at + len(line) <= size:
        at += len(line)
        number += 1
    return number


def _mark(read: _Read, number: int, at: int) -> None:
    """Followers come back to where they were, which is mostly the end."""
    read.marks[number] = at
    if len(read.marks) > MARKS_MAX:
        ordered = sorted(read.marks)
        for old in ordered[1 : MARKS_MAX // 2]:
            del read.marks[old]


def _told(seq: int, event: Event) -> DeviceEvent:
    match event:
        case Submitted(job):
            return JobEvent(seq, job.submitted_ms, job.id, JobState.QUEUED, by=job.by)
        case Remade(job_id, at_ms):
            return JobEvent(seq, at_ms, job_id, JobState.QUEUED, REMADE)
        case Sending(job_id, at_ms):
            return JobEvent(seq, at_ms, job_id, JobState.SENDING)
        case Clean(job_id, at_ms, reason):
            return JobEvent(seq, at_ms, job_id, JobState.QUEUED, reason)
        case Sent(job_id, at_ms, reason):
            return JobEvent(seq, at_ms, job_id, JobState.SENT, reason)
        case Ended(job_id, at_ms, state, reason):
            return JobEvent(seq, at_ms, job_id, state, reason)
        case Decided(job_id, at_ms, printed, by):
            return JobEvent(seq, at_ms, job_id, JobState.CONFIRMED if printed else JobState.ABANDONED, by=by)
        case HealthSeen(at_ms, state, reasons):
            return HealthEvent(seq, at_ms, state, reasons)
        case ScanSeen(at_ms):
            return ScanEvent(seq, at_ms, event)
        case Opened(epoch, at_ms):
            return StartEvent(seq, at_ms, epoch)
        case Retold() | Remembered():
            raise AssertionError("these stand before all events")
