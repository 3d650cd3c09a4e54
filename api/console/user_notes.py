"""What was done to users, by whom and when: a line for each change in DIR/console/user_changes.jsonl.

Lines are only ever added, and never hold a password. A change is noted before it is made: whoever finds a user changed
finds who did it.
"""

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

TAIL_BYTES: Final = 64 * 1024
"""of the notes, that are read to show the last ones"""


class Did(StrEnum):
    """What may be done to a user."""

    ADDED = "added"
    PASSWORD = "password"
    ROLE = "role"
    REMOVED = "removed"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One change."""

    at: str
    by: str
    """the client of whoever did it: `console:NAME`, or `cli:NAME` of the machine's own user"""
    did: Did
    user: str
    role: str | None = None
    """that the user has from then on"""


class UserNotes:
    """The notes of a data directory; whoever adds one holds the lock of its users."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, by: str, did: Did, user: str, role: str | None = None) -> None:
        """On the disk when this returns."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = msgspec.json.encode(Note(at=at, by=by, did=did, user=user, role=role)) + b"\n"
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # what a crash cut off must not take this one with it
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def last(self, count: int) -> list[Note]:
        """The newest first; a line that a crash cut off is none."""
        try:
            with self._file.open("rb") as file:
                begin = max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES)
                file.seek(begin)
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return []
        found = []
        for line in reversed(lines[1:] if begin else lines):
            try:
                found.append(msgspec.json.decode(line, type=Note))
            except msgspec.MsgspecError:
                continue
        return found[:count]
