"""How far a shard's journal is durable: a small file that the writer updates after every sync and others read.

Two slots are written in turn, each with a count and a checksum, so that a reader never sees half of one. The file is
not synced: after a power cut it may be old, but it is never ahead of the journal. So it is a lower bound of what must
be there, too: a journal that ends before it has lost acknowledged records.
"""

import contextlib
import os
import struct
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAGIC: Final = b"OMNIDUR\n"
_SLOT: Final = struct.Struct("<8sQQQQQ")
_SLOT_BYTES: Final = 64
_READS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Position:
    """Everything up to record `seq` is durable, and it ends at `offset` in the segment that begins with `segment`."""

    epoch: int = 0
    seq: int = 0
    segment: int = 0
    """0 = there is no segment yet"""
    offset: int = 0


NOWHERE: Final = Position()


class DurableFile:
    """The file, for one writer or for any number of readers; opened at the first use, which may be early."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._count = 0
        self._opening = threading.Lock()
        self._seen = (b"", NOWHERE)
        """what stood there last, and what it says: followers look far more often than it changes"""

    def read(self) -> Position:
        """The newest position; NOWHERE while nothing was ever published."""
        with self._opening:
            if self._descriptor < 0:
                try:
                    self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
                except FileNotFoundError:
                    return NOWHERE
        for _ in range(_READS_MAX):
            slots = os.pread(self._descriptor, 2 * _SLOT_BYTES, 0)
            seen, position = self._seen
            if slots == seen:
                return position
            found = [slot for at in (0, _SLOT_BYTES) if (slot := _parse(slots[at : at + _SLOT_BYTES])) is not None]
            if found:
                self._count, position = max(found, key=lambda slot: slot[0])
                self._seen = (slots, position)
                return position
        return NOWHERE

    def publish(self, position: Position) -> None:
        """Make a position known; the writer has called `read` before."""
        if self._descriptor < 0:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._descriptor, bytes(2 * _SLOT_BYTES), 0)
        self._count += 1
        slot = _SLOT.pack(_MAGIC, self._count, position.epoch, position.seq, position.segment, position.offset)
        os.pwrite(self._descriptor, slot + struct.pack("<I", zlib.crc32(slot)), self._count % 2 * _SLOT_BYTES)

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _parse(data: bytes) -> tuple[int, Position] | None:
    if len(data) < _SLOT.size + 4 or data[:8] != _MAGIC:
        return None
    if struct.unpack_from("<I", data, _SLOT.size)[0] != zlib.crc32(data[: _SLOT.size]):
        return None
    _, count, epoch, seq, segment, offset = _SLOT.unpack_from(data)
    return count, Position(epoch, seq, segment, offset)
