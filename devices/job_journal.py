"""A device's job journal: one line of text per event, on the disk before anything follows from it.

    crc32 length {"type": "sending", ...}\n       the crc goes over the line before as well, so none can be lost between

Support reads it with a pager. On opening, the last line may be what a crash left of an append that nobody was told
about: it is cut off. Everything else that does not fit is damage, and the device stops and says so: a job that was
printed could otherwise be printed again. JSON has neither a line feed nor a zero byte in it, so the two can be told
apart: a torn append ends early, or has whole disk sectors of zeros, and nothing comes after it.

One process owns a journal: it holds a lock on a file beside it, and writes an epoch. An owner whose files were
replaced, or that finds a byte in the journal that it did not write, stops before it sends anything. Others may read
(`job_events.py`), up to what the owner says in `durable`.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from devices.job_book import JobBook
from devices.job_lines import (
    BEFORE,
    DURABLE,
    DURABLE_WORDS,
    JOURNAL,
    LOCK,
    JournalHeld,
    JournalLost,
    JournalRefused,
    fold,
    frame,
)
from devices.jobs import Event, Opened, Remembered, Retold

COMPACT_BYTES: Final = 8 << 20
"""A longer journal is written anew, without jobs that are over and old."""
REMEMBERED_MS: Final = 7 * 86_400_000
"""An id that comes again within this time is the same job."""


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


class JobJournal:
    """The owner's end; made by opening. Not for several threads at once."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self.path = folder / JOURNAL
        self.torn_bytes = 0
        """cut off at opening"""
        self._disk: Disk = disk or RealDisk()
        self._lock = -1
        self._file = -1
        self._size = 0
        self._chain = 0
        self._durable = -1
        self._compact_at = COMPACT_BYTES
        """beyond this size it is written anew"""

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`, or the loss of it."""
        return self._file >= 0

    def open(self, now_ms: int) -> JobBook:
        """Own it, and tell what it says; whatever was under way is unknown from here on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JournalHeld(str(self.path), "another process prints for this device") from None
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._durable = os.open(self.folder / DURABLE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            book = self.compacted(self._read(), now_ms)
            self._add(book, Opened(book.epoch + 1, now_ms))
            _sync_folder(self.folder)
            for doubt in book.doubts(now_ms):
                self._add(book, doubt)
        except BaseException:
            self.close()
            raise
        return book

    def _add(self, book: JobBook, event: Event) -> None:
        book.check(event)
        self.append(event)
        book.apply(event)

    def compacted(self, book: JobBook, now_ms: int) -> JobBook:
        """The book; and when the journal has grown long it is written anew, without what is over and old."""
        if self._size <= max(COMPACT_BYTES, self._compact_at):
            return book
        book = self._compact(book, now_ms)
        self._compact_at = 2 * self._size
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
        self._publish()

    def close(self) -> None:
        """Let go; does nothing the second time."""
        for descriptor in (self._file, self._durable, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._durable = self._lock = -1

    def _publish(self) -> None:
        """Not synced: an old word is still a true one. Without room for it readers wait."""
        with contextlib.suppress(OSError):
            os.pwrite(self._durable, DURABLE_WORDS.pack(os.fstat(self._file).st_ino, self._size), 0)

    def _read(self) -> JobBook:
        book, at, self._chain, self.torn_bytes = fold(self.path)
        if self.torn_bytes:
            os.ftruncate(self._file, at)
            os.fsync(self._file)
        self._size = at
        return book

    def _must_own(self) -> None:
        """Locks can be lost (a folder that was replaced, a network's file system): the files tell."""
        try:
            there = os.stat(self.path)
            lock = os.stat(self.folder / LOCK)
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
        """The same jobs without the done and old ones, in one step: a rename; what was is kept once for readers."""
        fresh, before = self.folder / "jobs.new", self.folder / BEFORE
        kept = JobBook()
        with open(fresh, "wb") as file:
            chain = 0
            for event in _retold(book, now_ms):
                line, chain = frame(event, chain)
                file.write(line)
                kept.apply(event)
            file.flush()
            os.fsync(file.fileno())
        before.unlink(missing_ok=True)
        os.link(self.path, before)
        os.rename(fresh, self.path)
        _sync_folder(self.folder)
        os.close(self._file)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self._size, self._chain = os.fstat(self._file).st_size, chain
        self._publish()
        return kept


def _retold(book: JobBook, now_ms: int) -> Iterator[Event]:
    """Events that make the book again, without what may be forgotten."""
    yield Retold(book.epoch, book.seq)
    for view in book.jobs.values():
        if not (view.over or view.unproved) or view.changed_ms > now_ms - REMEMBERED_MS:
            yield Remembered(view)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
