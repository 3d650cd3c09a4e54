"""A job journal's lines: an event as a line, the lines of a file, and whether its end was torn or damaged.

Used by the owner (`job_journal.py`), by who follows it (`job_events.py`), and by who only wants to look.
"""

import fcntl
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from devices.job_book import JobBook
from devices.jobs import Event, IdReused, NotAllowed

SECTOR: Final = 512
PREFIX_BYTES: Final = 8 + 1 + 8 + 1
JOURNAL, LOCK, DURABLE, BEFORE = "jobs", "lock", "durable", "jobs.before"
"""In a device's folder; the last is what the journal was before it was written anew, for who still reads it."""
DURABLE_WORDS: Final = struct.Struct("<QQ")
"""The journal's inode and its size: all before that is on the disk, and whole."""


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


def frame(event: Event, chain: int) -> tuple[bytes, int]:
    """The event as a line, and the crc that the next line goes on from."""
    text = msgspec.json.encode(event)
    length = b"%08x" % len(text)
    crc = zlib.crc32(length + text, chain)
    return b"%08x %b %b\n" % (crc, length, text), crc


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
    with open(folder / LOCK, "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            held = True
    book, _, _, torn_bytes = fold(folder / JOURNAL)
    return Looked(book, held, torn_bytes)


def fold(path: Path) -> tuple[JobBook, int, int, int]:
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


def _lines(data: bytes, decoder: "msgspec.json.Decoder[Event]") -> Iterator[tuple[int, Event, int]]:
    """The good lines from the beginning: where each ends, what it says, and its crc."""
    at = chain = 0
    while at < len(data):
        end = data.find(b"\n", at)
        line = data[at:end]
        if end < 0 or len(line) < PREFIX_BYTES:
            return
        text = line[PREFIX_BYTES:]
        chain = zlib.crc32(line[9:17] + text, chain)
        if line[:PREFIX_BYTES] != b"%08x %08x " % (chain, len(text)):
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
        length = int(tail[9:17], 16) if len(tail) >= PREFIX_BYTES else len(tail)
    except ValueError:
        return False
    return len(tail) < PREFIX_BYTES or len(tail) < PREFIX_BYTES + length + 1
