"""A disk that remembers every write, so that a test can build each image a power cut could leave.

What was synced is there. Of the sectors written to a file since its last sync, any may be there or not. Of the names
changed since the directory was last synced, the first few may be there (a file system's own journal keeps their
order). A file's size may be the synced one or anything up to the present one.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from actors.disk import RealDisk

SECTOR = 512
SUBSETS_OF_ALL_MAX = 5
"""Up to so many unsynced sectors, every subset is tried; beyond, all prefixes, each alone, each missing and some."""


@dataclass
class _File:
    """A file's durable bytes, and the sectors written since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: dict[int, bytes] = field(default_factory=dict)
    size: int = 0

    def with_sectors(self, kept: set[int]) -> bytes:
        """What a power cut leaves if it lets these pending sectors through."""
        size = max([len(self.synced), *((sector + 1) * SECTOR for sector in kept)])
        data = bytearray(self.synced.ljust(min(size, self.size), b"\0"))
        for sector in kept:
            data[sector * SECTOR : (sector + 1) * SECTOR] = self.pending[sector]
        return bytes(data[: self.size])


class CrashingDisk(RealDisk):
    """Passes everything on to the real files, and keeps count of what is durable. Syncs cost nothing."""

    def __init__(self) -> None:
        self.after: Callable[[], None] = lambda: None
        """called after every step"""
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}  # durable names
        self._changes: list[tuple[str, str, int]] = []  # unsynced: ("set" or "gone", name, inode)

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        inode = os.fstat(descriptor).st_ino
        self._files[inode] = _File()
        self._changes.append(("set", path.name, inode))
        self.after()
        return descriptor

    def write(self, descriptor: int, data: memoryview, offset: int) -> None:
        super().write(descriptor, data, offset)
        file = self._files[os.fstat(descriptor).st_ino]
        file.size = max(file.size, offset + len(data))
        for sector in range(offset // SECTOR, -(-(offset + len(data)) // SECTOR)):
            there = os.pread(descriptor, SECTOR, sector * SECTOR).ljust(SECTOR, b"\0")
            before = bytes(file.synced[sector * SECTOR : (sector + 1) * SECTOR]).ljust(SECTOR, b"\0")
            if there != before:
                file.pending[sector] = there
        self.after()

    def allocate(self, descriptor: int, size: int) -> None:
        super().allocate(descriptor, size)
        file = self._files[os.fstat(descriptor).st_ino]
        file.size = max(file.size, size)
        self.after()

    def truncate(self, descriptor: int, size: int) -> None:
        super().truncate(descriptor, size)
        file = self._files[os.fstat(descriptor).st_ino]
        file.size = size
        del file.synced[size:]
        file.pending = {sector: data for sector, data in file.pending.items() if sector * SECTOR < size}
        self.after()

    def sync(self, descriptor: int) -> None:
        file = self._files[os.fstat(descriptor).st_ino]
        file.synced = bytearray(file.with_sectors(set(file.pending)).ljust(file.size, b"\0"))
        file.pending = {}
        self.after()

    def rename(self, source: Path, target: Path) -> None:
        inode = os.stat(source).st_ino
        super().rename(source, target)
        self._changes += [("set", target.name, inode), ("gone", source.name, 0)]
        self.after()

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._changes.append(("gone", path.name, 0))
        self.after()

    def sync_directory(self, path: Path) -> None:
        self._names = self._names_after(len(self._changes))
        self._changes = []
        self.after()

    def _names_after(self, changes: int) -> dict[str, int]:
        names = dict(self._names)
        for what, name, inode in self._changes[:changes]:
            if what == "set":
                names[name] = inode
            else:
                names.pop(name, None)
        return names

    def images(self, rng: random.Random) -> Iterator[dict[str, bytes]]:
        """What could be there after a power cut now: contents by name."""
        seen: set[tuple[tuple[str, int], ...]] = set()
        for changes in range(len(self._changes) + 1):
            names = self._names_after(changes)
            if changes and half_a_rename(self._changes[changes - 1]):
                continue
            key = tuple(sorted(names.items()))
            if key in seen:
                continue
            seen.add(key)
            unsynced = [
                (inode, sector) for inode in set(names.values()) for sector in sorted(self._files[inode].pending)
            ]
            for kept in _subsets(unsynced, rng):
                yield {
                    name: self._files[inode].with_sectors({sector for file, sector in kept if file == inode})
                    for name, inode in names.items()
                }


def half_a_rename(change: tuple[str, str, int]) -> bool:
    """Whether a rename has two changes and this is the first."""
    return change[0] == "set" and not change[1].endswith(".new")


def _subsets(items: list[tuple[int, int]], rng: random.Random) -> Iterator[set[tuple[int, int]]]:
    if len(items) <= SUBSETS_OF_ALL_MAX:
        for bits in range(1 << len(items)):
            yield {item for k, item in enumerate(items) if bits >> k & 1}
        return
    for k in range(len(items) + 1):
        yield set(items[:k])
    for k in range(len(items)):
        yield {items[k]}
        yield set(items) - {items[k]}
    for _ in range(20):
        yield {item for item in items if rng.random() < 0.5}
