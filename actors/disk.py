"""The few things that journals and snapshots do to a disk, in one place.

All durability of the embedded store goes through these calls, so that a test can stand in for the disk: refuse room,
fail a sync, or keep the order of writes and syncs to build every image that a power cut could leave.
"""

import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Files by descriptor, names by path. Every call raises OSError as the system does."""

    def create(self, path: Path) -> int:
        """A new, empty file, open for reading and writing."""
        ...

    def write(self, descriptor: int, data: memoryview, offset: int) -> None:
        """Write all of `data` at `offset`."""
        ...

    def allocate(self, descriptor: int, size: int) -> None:
        """Give the file real room up to `size`; what is new reads as zeros."""
        ...

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file off."""
        ...

    def sync(self, descriptor: int) -> None:
        """Make what was written to the file durable, and its size if it grew."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, in one step."""
        ...

    def remove(self, path: Path) -> None:
        """Remove the file."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Make the names in the directory durable."""
        ...


class RealDisk:
    """The system's own."""

    def create(self, path: Path) -> int:
        """A new, empty file, open for reading and writing, for this user alone."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: memoryview, offset: int) -> None:
        """Write all of `data` at `offset`."""
        while data:
            done = os.pwrite(descriptor, data, offset)
            data = data[done:]
            offset += done

    def allocate(self, descriptor: int, size: int) -> None:
        """Give the file real room up to `size`: blocks that are reserved, not yet written, and read as zeros."""
        os.posix_fallocate(descriptor, 0, size)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file off."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """fdatasync."""
        os.fdatasync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, in one step."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Remove the file."""
        os.unlink(path)

    def sync_directory(self, path: Path) -> None:
        """fsync of the directory."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
