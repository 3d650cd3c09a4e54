"""Old segments of a shard's journal, moved to another place: a larger, slower, cheaper disk.

What lies before the newest snapshot is read seldom: for answers that were pinned long ago, for `verify`, for tables
that are built anew. Such a segment is copied, synced, read back and compared; only then a link takes its place in
the data directory. So every reader finds it where it was, and a machine that stops at any moment leaves one whole
copy, or two. While the archive is away nothing needs it but who reads what lies there, and a shard that opens.
"""

import errno
import hashlib
import logging
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

from actors.disk import RealDisk
from actors.segment_files import SUFFIX, path_of, segments_in

STAY: Final = 2
"""The newest segments of a shard stay: one is written to, and the one before it may be cut at its end just now."""
PIECE_BYTES: Final = 4 << 20
_NEW: Final = ".copy"
_LINK: Final = ".link"

_log = logging.getLogger(__name__)


class GivenUp(Exception):
    """The process is to end."""


class Archive:
    """Of one data directory; several may share a disk."""

    def __init__(self, directory: Path, mark: str) -> None:
        """`mark`: what tells this data directory from others, see `DataDir.mark`."""
        self._directory = directory / f"omnistock-{mark}"

    def make(self) -> None:
        """Raises OSError when nothing can be put there."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = self._directory / f"probe{_NEW}"
        probe.touch(0o600)
        probe.unlink()

    def of(self, shard: int) -> Path:
        """Where a shard's segments go."""
        return self._directory / f"{shard:03d}"

    def find_again(self, journal: Path, shard: int) -> None:
        """Have the links in `journal` that lead nowhere lead here, where the archive was moved to. Raises OSError.

        Before the shard opens, which needs every segment.
        """
        for name in segments_in(journal):
            source, target = path_of(journal, name), path_of(self.of(shard).absolute(), name)
            if not source.exists() and target.exists():
                _link(source, target)

    def take(self, journal: Path, shard: int, seq: int, given_up: Callable[[], bool] = lambda: False) -> list[int]:
        """Move the segments in `journal` that have no record after `seq`; the first records of those that went.

        Raises OSError, GivenUp.
        """
        own = self.of(shard).absolute()
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        moved = []
        for name, behind in pairwise(segments_in(journal)[: 1 - STAY]):
            if behind > seq + 1:
                break
            source, target = path_of(journal, name), path_of(own, name)
            if not source.is_symlink():
                _copy(source, target, given_up)
                _link(source, target)
                moved.append(name)
        if moved:
            _log.info("shard %d: %d segments up to record %d are archived", shard, len(moved), seq)
        return moved


def _copy(source: Path, target: Path, given_up: Callable[[], bool]) -> None:
    """A copy that is on the disk and was read back; what lay under its name was no whole one."""
    disk = RealDisk()
    new = target.with_suffix(SUFFIX + _NEW)
    new.unlink(missing_ok=True)
    descriptor = disk.create(new)
    try:
        wanted = hashlib.blake2b()
        offset = 0
        with source.open("rb", 0) as file:
            while piece := file.read(PIECE_BYTES):
                if given_up():
                    raise GivenUp
                wanted.update(piece)
                disk.write(descriptor, memoryview(piece), offset)
                offset += len(piece)
        disk.sync(descriptor)
        # From the disk, as far as the system lets anybody ask for that.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        found = hashlib.blake2b()
        for at in range(0, offset, PIECE_BYTES):
            found.update(os.pread(descriptor, PIECE_BYTES, at))
        if found.digest() != wanted.digest() or source.stat().st_size != offset:
            raise OSError(errno.EIO, "the copy is not what was copied", str(new))
        disk.rename(new, target)
        disk.sync_directory(target.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _link(source: Path, target: Path) -> None:
    """Have the name stand for what is in the archive, at once or not at all."""
    link = source.with_suffix(SUFFIX + _LINK)
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    RealDisk().rename(link, source)
    RealDisk().sync_directory(source.parent)
