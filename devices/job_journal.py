"""A device's job journal: one line of text per event, on the disk before anything follows from it.

    crc32 length {"type": "sending", ...}\n       the crc goes over the line before as well, so none can be lost between

Support reads it with a pager. On opening, the last line may be what a crash left of an append that nobody was told
about: it is cut off. Everything else that does not fit is damage, and the device stops and says so: a job that was
printed could otherwise be printed again. JSON has neither a line feed nor a zero byte in it, so the two can be told
apart: a torn append ends early, or has whole disk sectors of zeros, and nothing comes after it.

One process owns a journal: it holds a lock on a file beside it, and writes an epoch. An owner whose files were
replaced, or that finds a byte in the journal that it did not write, stops before it sends anything.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from devices.jobs import FINAL, Event, IdReused, JobBook, NotAllowed, Opened, Remembered

SECTOR: Final = 512
COMPACT_BYTES: Final = 8 << 20
"""A longer journal is written anew at the next opening, without jobs that are done and old."""
REMEMBERED_MS: Final = 7 * 86_400_000
"""An id that comes again within this time is the same job."""
_PREFIX_BYTES: Final = 8 + 1 + 8 + 1


class JobJournalError(Exception):
    """Anything that keeps a job journal from doing its work.

    JobJournalError
     +- JournalHeld       another process owns it
     +- JournalDamaged    what was written is not there any more: a person has to look
     +- JournalRefused    no room, and nothing was written: nothing may be sent
     +- JournalLost       another owner came, or the disk failed in the middle: stop
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class JournalHeld(JobJournalError):
    """Another process owns it."""


class JournalDamaged(JobJournalError):
    """A line that was written is damaged or gone."""


class JournalRefused(JobJournalError):
    """Nothing was written, so nothing may follow."""


class JournalLost(JobJournalError):
    """Whether it was written is unknown, or it belongs to somebody else now."""


class Disk(Protocol):
    """What a journal does to the disk, so that a test can stop it anywhere."""

    def append(self, descriptor: int, data: bytes) -> None:
        """Write all of it at the end."""

    def sync(self, descriptor: int) -> None:
        """Not before it is durable."""


class RealDisk:
    """The machine's."""

    def append(self, descriptor: int, data: bytes) -> None:
        """One write; a short one (the disk is full) is an error."""
        written = os.write(descriptor, data)
        if written < len(data):
            raise OSError(28, os.strerror(28))

    def sync(self, descriptor: int) -> None:
        """Data and size."""
        os.fdatasync(descriptor)


def frame(event: Event, chain: int) -> tuple[bytes, int]:
    """The event as a line, and the crc that the next line goes on from."""
    text = msgspec.json.encode(event)
    length = b"%08x" % len(text)
    crc = zlib.crc32(length + text, chain)
    return b"%08x %b %b\n" % (crc, length, text), crc


class JobJournal:
    """The owner's end; made by opening. Not for several threads at once."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self.path = folder / "jobs"
        self.torn_bytes = 0
        """cut off at opening"""
        self._disk: Disk = disk or RealDisk()
        self._lock = -1
        self._file = -1
        self._size = 0
        self._chain = 0

    def open(self, now_ms: int) -> JobBook:
        """Own it, and tell what it says; whatever was under way is unknown in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JournalHeld(str(self.path), "another process prints for this device") from None
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            book = self._read()
            if self._size > COMPACT_BYTES:
                book = self._compact(book, now_ms)
            event = Opened(book.epoch + 1, now_ms)
            self.append(event)
            _sync_folder(self.folder)
        except BaseException:
            self.close()
            raise
        book.apply(event)
        return book

    def append(self, event: Event) -> None:
        """Durable when it returns. JournalRefused: nothing was written. JournalLost: do nothing more."""
        if self._file < 0:
            raise JournalLost(str(self.path), "closed")
        self._must_own()
        line, chain = frame(event, self._chain)
        try:
            self._disk.append(self._file, line)
        except OSError as error:
            self._take_back()
            raise JournalRefused(str(self.path), (error.strerror or str(error)).lower()) from error
        try:
            self._disk.sync(self._file)
        except OSError as error:
            self.close()  # what is on the disk is unknown: the next owner will see
            raise JournalLost(str(self.path), f"sync failed: {(error.strerror or str(error)).lower()}") from error
        self._size += len(line)
        self._chain = chain
        self._must_own()  # another owner that wrote at the same moment sees the same

    def close(self) -> None:
        """Let go; does nothing the second time."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def _read(self) -> JobBook:
        book, at, self._chain, self.torn_bytes = _fold(self.path)
        if self.torn_bytes:
            os.ftruncate(self._file, at)
            os.fsync(self._file)
        self._size = at
        return book

    def _must_own(self) -> None:
        """Locks can be lost (a folder that was replaced, a network's file system): the files tell."""
        try:
            there = os.stat(self.path)
            lock = os.stat(self.folder / "lock")
        except FileNotFoundError:
            self.close()
            raise JournalLost(str(self.path), "its file is gone") from None
        mine = os.fstat(self._file)
        if (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino) or lock.st_ino != os.fstat(self._lock).st_ino:
            self.close()
            raise JournalLost(str(self.path), "its file was replaced")
        if mine.st_size != self._size:
            self.close()
            raise JournalLost(str(self.path), "somebody else writes into it")

    def _take_back(self) -> None:
        """A part of a line may be there; nobody was told of it."""
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self.close()

    def _compact(self, book: JobBook, now_ms: int) -> JobBook:
        """The same jobs without the done and old ones, in one step: a rename."""
        fresh = self.folder / "jobs.new"
        kept = JobBook()
        with open(fresh, "wb") as file:
            chain = 0
            for event in _retold(book, now_ms):
                line, chain = frame(event, chain)
                file.write(line)
                kept.apply(event)
            file.flush()
            os.fsync(file.fileno())
        os.rename(fresh, self.path)
        _sync_folder(self.folder)
        os.close(self._file)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self._size, self._chain = os.fstat(self._file).st_size, chain
        return kept


@dataclass(frozen=True, slots=True)
class Looked:
    """A journal as somebody else sees it, who changes nothing."""

    book: JobBook
    held: bool
    """a process prints for this device now"""
    torn_bytes: int


def look(folder: Path) -> Looked:
    """What a device's journal says at this moment; raises JournalDamaged and FileNotFoundError."""
    held = False
    with open(folder / "lock", "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            held = True
    book, _, _, torn_bytes = _fold(folder / "jobs")
    return Looked(book, held, torn_bytes)


def _fold(path: Path) -> tuple[JobBook, int, int, int]:
    """The book, where the good lines end, the chain there, and how many torn bytes follow; raises JournalDamaged."""
    data = path.read_bytes()
    book, at, chain = JobBook(), 0, 0
    for end, event, crc in _lines(data, msgspec.json.Decoder(Event)):
        try:
            book.apply(event)
        except (NotAllowed, IdReused, KeyError) as error:
            raise JournalDamaged(str(path), f"byte {at}: {error}") from error
        at, chain = end, crc
    if at < len(data) and not _is_torn(data[at:], at):
        raise JournalDamaged(str(path), f"byte {at}: the line is damaged")
    return book, at, chain, len(data) - at


def _retold(book: JobBook, now_ms: int) -> Iterator[Event]:
    """Events that make the book again, without what may be forgotten."""
    if book.epoch:
        yield Opened(book.epoch, now_ms)
    for view in book.jobs.values():
        if view.state not in FINAL or view.changed_ms > now_ms - REMEMBERED_MS:
            yield Remembered(view)


def _lines(data: bytes, decoder: "msgspec.json.Decoder[Event]") -> Iterator[tuple[int, Event, int]]:
    """The good lines from the beginning: where each ends, what it says, and its crc."""
    at = chain = 0
    while at < len(data):
        end = data.find(b"\n", at)
        line = data[at:end]
        if end < 0 or len(line) < _PREFIX_BYTES:
            return
        text = line[_PREFIX_BYTES:]
        chain = zlib.crc32(line[9:17] + text, chain)
        if line[:_PREFIX_BYTES] != b"%08x %08x " % (chain, len(text)):
            return
        try:
            event = decoder.decode(text)
        except msgspec.DecodeError:
            return
        at = end + 1
        yield at, event, chain


def _is_torn(tail: bytes, at: int) -> bool:
    """Whether this can be what is left of one append that did not end.

    A tail that ends before its length is torn. So is one in which whole sectors were never written. All else was
    written to its end once, and was damaged later.
    """
    first = SECTOR - at % SECTOR
    parts = [tail[:first], *(tail[i : i + SECTOR] for i in range(first, len(tail), SECTOR))]
    missing = [not any(part) for part in parts if part]
    written = b"".join(part for part, gone in zip(parts, missing, strict=False) if not gone)
    if b"\0" in written or b"\n" in tail[:-1]:
        return False
    if any(missing):
        return True
    if tail.endswith(b"\n"):
        return False
    try:
        length = int(tail[9:17], 16) if len(tail) >= _PREFIX_BYTES else len(tail)
    except ValueError:
        return False
    return len(tail) < _PREFIX_BYTES or len(tail) < _PREFIX_BYTES + length + 1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
