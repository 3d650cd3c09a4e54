"""A disk that forgets: what was written but not synced, and names that no directory sync made last.

The bytes that processes see lie in real files of a memory file system, because production reads them with the
system's own calls. Beside them this keeps what the platter has: of every 512-byte sector changed since its file's
last good sync, what was there before; of every directory, the names at its last sync and the changes since. A power
cut lets each unsynced sector through or not, and of the changed names the first few (file systems keep their order).
A sync that fails leaves its sectors looking clean: they are seen, no later sync takes them along, and a
cut takes them away.
"""

import errno
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from actors.disk import RealDisk

SECTOR: Final = 512
PUBLISHED: Final = "durable"
UNSYNCED_FILES: Final = frozenset({PUBLISHED, "known", "known.new", "note", "lock"})
"""Written without the seam because nobody counts on them after a power cut; they may stay, be old, or be gone."""


@dataclass(slots=True)
class _File:
    """What a power cut would find of one file."""

    path: Path
    """where its bytes lie now"""
    platter: dict[int, bytes] = field(default_factory=dict)
    """by sector: what is durable, where that is not what is seen"""
    dirty: set[int] = field(default_factory=set)
    """of these, the ones that a sync would write"""
    size: int = 0
    """durable"""


@dataclass(slots=True)
class _Directory:
    """The names in one directory, as the platter has them, and what was done to them since."""

    names: dict[str, int] = field(default_factory=dict)
    changes: list[list[tuple[str, int]]] = field(default_factory=list)
    """each as (name, inode), inode 0 = it is gone; a rename is one change of two names"""


class Platter:
    """The disk of one machine: what its processes' `SimDisk`s write to."""

    def __init__(self, root: Path, chance: random.Random, counts: Counter[str]) -> None:
        self.full = False
        self.fail_syncs = 0
        """so many of the next file syncs report an error"""
        self._limbo = root / "limbo"
        self._limbo.mkdir(parents=True)
        self._chance = chance
        self._counts = counts
        self._files: dict[int, _File] = {}
        self._directories: dict[Path, _Directory] = {}
        self._published_before: dict[Path, bytes] = {}

    def created(self, path: Path, descriptor: int) -> None:
        """A name was given to a new file."""
        inode = os.fstat(descriptor).st_ino
        self._files[inode] = _File(path)
        self._changed(path.parent, [(path.name, inode)])
        published = path.parent / PUBLISHED
        if published.exists():
            self._published_before[published] = published.read_bytes()

    def before_write(self, descriptor: int, offset: int, count: int) -> None:
        """Keep what the sectors hold that are about to be written."""
        file = self._files[os.fstat(descriptor).st_ino]
        first, end = offset // SECTOR, -(-(offset + count) // SECTOR)
        platter = file.platter
        if any(sector not in platter for sector in range(first, end)):
            there = os.pread(descriptor, (end - first) * SECTOR, first * SECTOR)
            for at, sector in enumerate(range(first, end)):
                if sector not in platter:
                    platter[sector] = there[at * SECTOR : (at + 1) * SECTOR]
        file.dirty.update(range(first, end))

    def before_cut(self, descriptor: int, size: int) -> None:
        """Keep what lies behind `size`: until the next sync a power cut may bring it back."""
        file = self._files[os.fstat(descriptor).st_ino]
        begin = -(-size // SECTOR) * SECTOR
        tail = os.pread(descriptor, max(0, os.fstat(descriptor).st_size - begin), begin)
        for at in range(0, len(tail), SECTOR):
            sector = (begin + at) // SECTOR
            if sector not in file.platter and tail[at : at + SECTOR].count(0) < SECTOR:
                file.platter[sector] = tail[at : at + SECTOR]
                file.dirty.add(sector)

    def synced(self, descriptor: int) -> None:
        """What is seen is durable, but for what an earlier sync failed to write."""
        file = self._files[os.fstat(descriptor).st_ino]
        for sector in file.dirty:
            del file.platter[sector]
        file.dirty.clear()
        file.size = os.fstat(descriptor).st_size

    def sync_failed(self, descriptor: int) -> None:
        """The pages count as clean now, and nobody will write them again."""
        self.fail_syncs -= 1
        self._counts["sync error"] += 1
        self._files[os.fstat(descriptor).st_ino].dirty.clear()

    def renamed(self, source: Path, target: Path) -> None:
        """`source` has taken the place of `target`; call it before it is done."""
        self._keep(target)
        inode = os.stat(source).st_ino
        self._files[inode].path = target
        self._changed(target.parent, [(target.name, inode), (source.name, 0)])

    def removed(self, path: Path) -> None:
        """The name is gone; call it before it is done, for a power cut may bring the file back."""
        self._keep(path)
        self._changed(path.parent, [(path.name, 0)])

    def synced_directory(self, path: Path) -> None:
        """The names are durable."""
        directory = self._directories.setdefault(path, _Directory())
        directory.names = _after(directory, len(directory.changes))
        directory.changes.clear()
        self._forget_unnamed()

    def cut_power(self) -> None:
        """Every process is dead: leave what the platter has."""
        unsynced = sum(len(file.platter) for file in self._files.values())
        self._counts["power cut"] += 1
        self._counts["unsynced sector at a power cut"] += unsynced
        for path, directory in sorted(self._directories.items()):
            self._counts["unsynced name at a power cut"] += len(directory.changes)
            kept = self._chance.randint(0, len(directory.changes))
            directory.names = _after(directory, kept)
            directory.changes.clear()
            self._rebuild(path, directory.names)
        self._forget_unnamed()

    def _forget_unnamed(self) -> None:
        """Let go of files that no power cut can bring back."""
        named = {inode for directory in self._directories.values() for inode in directory.names.values()}
        for directory in self._directories.values():
            named |= {inode for change in directory.changes for _, inode in change}
        for inode in [inode for inode in self._files if inode not in named]:
            self._files.pop(inode).path.unlink(missing_ok=True)

    def _rebuild(self, directory: Path, names: dict[str, int]) -> None:
        for name in os.listdir(directory):
            path = directory / name
            if path.is_dir():
                continue
            if name in UNSYNCED_FILES:
                self._spoil(path)
                continue
            if (inode := os.stat(path).st_ino) in self._files:
                self._files[inode].path = _moved(path, self._limbo / str(inode))
        for name, inode in names.items():
            file = self._files[inode]
            file.path = _moved(file.path, directory / name)
            self._restore(file)

    def _spoil(self, path: Path) -> None:
        """A file that nobody synced: as it was, or of old, or gone."""
        chance = self._chance.random()
        if chance < 0.25:
            path.unlink()
        elif chance < 0.5 and path in self._published_before:
            path.write_bytes(self._published_before[path])

    def _restore(self, file: _File) -> None:
        descriptor = os.open(file.path, os.O_RDWR)
        try:
            size = os.fstat(descriptor).st_size
            for sector, data in file.platter.items():
                if sector not in file.dirty or self._chance.random() < 0.5:
                    os.pwrite(descriptor, data.ljust(SECTOR, b"\0"), sector * SECTOR)
            # A size that was not synced may be anything from the durable one on.
            os.ftruncate(descriptor, self._chance.choice((size, max(file.size, size // 2), file.size)))
            file.size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        file.platter.clear()
        file.dirty.clear()

    def _keep(self, path: Path) -> None:
        """Move a file that is about to lose its name to where a power cut can bring it back from."""
        with_inode = os.stat(path).st_ino if path.exists() else 0
        if with_inode in self._files:
            kept = self._limbo / str(with_inode)
            if kept.exists():
                kept.unlink()
            os.link(path, kept)
            self._files[with_inode].path = kept

    def _changed(self, directory: Path, change: list[tuple[str, int]]) -> None:
        self._directories.setdefault(directory, _Directory()).changes.append(change)


def _after(directory: _Directory, count: int) -> dict[str, int]:
    """The names after the first `count` changes."""
    names = dict(directory.names)
    for change in directory.changes[:count]:
        for name, inode in change:
            if inode:
                names[name] = inode
            else:
                names.pop(name, None)
    return names


def _moved(source: Path, target: Path) -> Path:
    if source != target:
        os.replace(source, target)
    return target


class Crashed(BaseException):
    """The process ends in the middle of what it was doing; not an Exception, so that nothing swallows it."""


class SimDisk(RealDisk):
    """The disk as one process sees it; the process may die at any step of it."""

    def __init__(self, platter: Platter, chance: random.Random) -> None:
        self.dead = False
        """the process is gone: whatever its code still tries does nothing"""
        self.crash_at = -1
        """the process dies at the step after so many, -1 = it does not"""
        self._platter = platter
        self._chance = chance

    def create(self, path: Path) -> int:
        self._step()
        descriptor = super().create(path)
        self._platter.created(path, descriptor)
        return descriptor

    def write(self, descriptor: int, data: memoryview, offset: int) -> None:
        torn = self._step(may_tear=True)
        if self._platter.full and offset + len(data) > os.fstat(descriptor).st_size:
            raise _full()
        if torn:
            data = data[: self._chance.randrange(len(data) // SECTOR + 1) * SECTOR]
        self._platter.before_write(descriptor, offset, len(data))
        super().write(descriptor, data, offset)
        if torn:
            self._die()

    def allocate(self, descriptor: int, size: int) -> None:
        self._step()
        if self._platter.full and size > os.fstat(descriptor).st_size:
            raise _full()
        super().allocate(descriptor, size)

    def truncate(self, descriptor: int, size: int) -> None:
        self._step()
        self._platter.before_cut(descriptor, size)
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        late = self._step(may_tear=True)
        if self._platter.fail_syncs:
            self._platter.sync_failed(descriptor)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._platter.synced(descriptor)
        if late:
            self._die()

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        self._platter.renamed(source, target)
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._step()
        self._platter.removed(path)
        super().remove(path)

    def sync_directory(self, path: Path) -> None:
        self._step()
        self._platter.synced_directory(path)

    def _step(self, *, may_tear: bool = False) -> bool:
        """One step further; True when the process is to die in the middle of it."""
        if self.dead:
            raise OSError(errno.EIO, "the process is gone")
        if self.crash_at < 0:
            return False
        self.crash_at -= 1
        if self.crash_at < 0 and not (may_tear and self._chance.random() < 0.5):
            self._die()
        return self.crash_at < 0

    def _die(self) -> NoReturn:
        self.dead = True
        raise Crashed


def _full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
