"""A disk that keeps a log of everything done to it, and from the log every image that a power cut could leave.

What was synced is there. Of the blocks written to a file since its last sync, each is there as it was before, or as any
of the writes since left it; the file's size is the synced one or any since; of the names changed since their directory
was last synced, each change is there or not. Nothing keeps an order but syncs: that is more than file systems do.
"""

import errno
import itertools
import math
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from actors.disk import RealDisk

Image = dict[str, bytes]
"""Contents by path, below the disk's root."""


class QuickDisk(RealDisk):
    """For what has to outlive nothing: syncs cost nothing."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done."""

    what: str
    file: int = 0
    """files have numbers, for names move"""
    path: str = ""
    data: bytes = b""
    at: int = 0
    """where `data` was written, or the new size"""
    seen: Any = None
    """what `CrashingDisk.look` said after it"""


class CrashingDisk(RealDisk):
    """Passes everything on to real files below `root` and notes it; `steps` is the log."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.look: Callable[[], Any] = lambda: None
        """asked after every step, so that the log tells what else was true then"""
        self.steps: list[Step] = []
        self.failing = False
        """syncs fail, and what they should have made durable may be there or not"""
        self._files: dict[int, int] = {}  # by inode, which a file system may give again
        self._numbers = itertools.count(1)
        for path in sorted(each for each in root.rglob("*") if each.is_file()):
            file = self._files[path.stat().st_ino] = next(self._numbers)
            self.steps += [Step("name", file, self._name(path)), Step("write", file, data=path.read_bytes())]
            self.steps.append(Step("sync", file))
        self.steps += [Step("sync directory", path=self._name(path)) for path in (root, *root.rglob("*"))]
        self.before = len(self.steps)
        """so many steps only say what was there already"""

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        file = self._files[os.fstat(descriptor).st_ino] = next(self._numbers)
        self.note(Step("name", file, self._name(path)))
        return descriptor

    def write(self, descriptor: int, data: memoryview, offset: int) -> None:
        super().write(descriptor, data, offset)
        self.note(Step("write", self._file(descriptor), data=bytes(data), at=offset))

    def allocate(self, descriptor: int, size: int) -> None:
        super().allocate(descriptor, size)
        self.note(Step("size", self._file(descriptor), at=os.fstat(descriptor).st_size))

    def truncate(self, descriptor: int, size: int) -> None:
        super().truncate(descriptor, size)
        self.note(Step("size", self._file(descriptor), at=size))

    def sync(self, descriptor: int) -> None:
        if self.failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.note(Step("sync", self._file(descriptor)))

    def rename(self, source: Path, target: Path) -> None:
        file = self._files[os.stat(source).st_ino]
        super().rename(source, target)
        self.note(Step("rename", file, self._name(target), self._name(source).encode()))

    def remove(self, path: Path) -> None:
        super().remove(path)
        self.note(Step("remove", path=self._name(path)))

    def sync_directory(self, path: Path) -> None:
        self.note(Step("sync directory", path=self._name(path)))

    def note(self, step: Step) -> None:
        """Into the log."""
        self.steps.append(replace(step, seen=self.look()))

    def _file(self, descriptor: int) -> int:
        return self._files[os.fstat(descriptor).st_ino]

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.root))


@dataclass
class _File:
    """A file's durable bytes, and what became of its blocks and its size since."""

    synced: bytes = b""
    now: bytearray = field(default_factory=bytearray)
    pending: dict[int, list[bytes]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)


class Platter:
    """What may be on the disk when its power goes, after the steps it was told."""

    def __init__(self, block: int) -> None:
        """`block` bytes are there wholly or not at all."""
        self._block = block
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._changes: list[Step] = []

    def take(self, step: Step) -> None:
        """One more step."""
        file = self._files.setdefault(step.file, _File()) if step.file else _File()
        match step.what:
            case "write":
                end = step.at + len(step.data)
                file.now.extend(bytes(max(0, end - len(file.now))))
                file.now[step.at : end] = step.data
                self._changed(file, step.at, end)
            case "size":
                before = len(file.now)
                if step.at < before:
                    file.now[step.at :] = bytes(before - step.at)  # what grows again there is zeros
                    self._changed(file, step.at, before)
                file.now = file.now[: step.at].ljust(step.at, b"\0")
            case "sync":
                file.synced, file.pending, file.sizes = bytes(file.now), {}, []
            case "sync directory":
                mine = [change for change in self._changes if str(Path(change.path).parent) == step.path]
                for change in mine:
                    _rename(self._names, change)
                self._changes = [change for change in self._changes if change not in mine]
            case "name" | "rename" | "remove":
                self._changes.append(step)
        if len(file.now) != [len(file.synced), *file.sizes][-1]:
            file.sizes.append(len(file.now))

    def _changed(self, file: _File, begin: int, end: int) -> None:
        size = self._block
        for block in range(begin // size, -(-end // size)):
            at = slice(block * size, (block + 1) * size)
            there = bytes(file.now[at]).ljust(size, b"\0")
            versions = [file.synced[at].ljust(size, b"\0"), *file.pending.get(block, [])]
            if there != versions[-1]:
                file.pending.setdefault(block, []).append(there)

    def images(self, rng: random.Random, most: int) -> Iterator[Image]:
        """What could be there now: all of it when there are at most so many images, else about so many of them."""
        files = {number: file for number, file in sorted(self._files.items()) if file.pending or file.sizes}
        options = [2 for _ in self._changes]
        for file in files.values():
            options += [1 + len(file.sizes), *(1 + len(versions) for versions in file.pending.values())]
        for chosen in _choices(options, rng, most):
            choice = iter(chosen)
            names = dict(self._names)
            for change in self._changes:
                if next(choice):
                    _rename(names, change)
            contents = {number: self._content(file, choice) for number, file in files.items()}
            yield {
                name: contents[number] if number in contents else self._files[number].synced
                for name, number in names.items()
            }

    def _content(self, file: _File, choice: Iterator[int]) -> bytes:
        size = [len(file.synced), *file.sizes][next(choice)]
        data = bytearray(file.synced[:size].ljust(size, b"\0"))
        for block, versions in file.pending.items():
            version, at = next(choice), block * self._block
            if version and at < size:
                data[at : at + self._block] = versions[version - 1]
        return bytes(data[:size])


def _rename(names: dict[str, int], change: Step) -> None:
    """A change of names: `path` is `file` from now on, and another name may go."""
    if change.what == "remove":
        names.pop(change.path, None)
        return
    if change.what == "rename":
        names.pop(change.data.decode(), None)
    names[change.path] = change.file


def _choices(options: list[int], rng: random.Random, most: int) -> Iterator[tuple[int, ...]]:
    """All of them; or all old, all new, some of: the first so many new, one alone, all but one; and some by chance."""
    if math.prod(options) <= most:
        yield from itertools.product(*map(range, options))
        return
    newest = [count - 1 for count in options]
    regular = [
        kind
        for k in range(len(options))
        for kind in (
            tuple(newest[:k] + [0] * (len(options) - k)),
            tuple(newest[k] if at == k else 0 for at in range(len(options))),
            tuple(0 if at == k else newest[at] for at in range(len(options))),
        )
    ]
    yield tuple(newest)
    yield from rng.sample(regular, min(most // 2, len(regular)))
    for _ in range(most // 2):
        share = rng.random()
        yield tuple(rng.randrange(1, count) if count > 1 and rng.random() < share else 0 for count in options)
