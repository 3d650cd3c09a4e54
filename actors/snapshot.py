"""Snapshots: the arrays of a shard at one seq, in a file that proves itself.

A file is a head (JSON: which shard, at which record, with which hash of the record and of the state, and the arrays'
names, types and places), the arrays' bytes, and a digest of it all. It holds no pickles and no addresses. It is
written beside its place, synced and renamed, so what has a name was once whole; the digest tells whether it still is.
The digest is taken over blocks, by two threads, with a checksum that is as fast as memory.
"""

import contextlib
import hashlib
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

from actors.disk import Disk, RealDisk
from engine.kernels.checksum import LANES, checksum

FORMAT: Final = 2
SUFFIX: Final = ".snapshot"
KEPT: Final = 2
"""So many snapshots are kept: if the newest is damaged, the one before it serves."""

_MAGIC: Final = b"OMNISNAP"
_ALIGNMENT: Final = 64
_BLOCK_BYTES: Final = 4 << 20
_HEAD_BYTES_MAX: Final = 1 << 20
_DIGEST_BYTES: Final = 32
_THREADS: Final = 2
_NEW: Final = ".new"

Arrays = dict[str, npt.NDArray[np.generic]]
_log = logging.getLogger(__name__)


class SnapshotDamaged(Exception):
    """The file is not what was written, or of another version."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class ArrayPlace(msgspec.Struct, frozen=True):
    """Where an array lies."""

    name: str
    dtype: str | list[tuple[str, str, tuple[int, ...]]]
    """of a record: each field's name, type and shape"""
    shape: tuple[int, ...]
    offset: int

    @classmethod
    def of(cls, name: str, array: npt.NDArray[np.generic], offset: int) -> Self:
        """The place of `array`."""
        dtype = array.dtype
        fields = [(name, field[0].base.str, field[0].shape) for name, field in (dtype.fields or {}).items()]
        return cls(name, fields or dtype.str, array.shape, offset)


class _Head(msgspec.Struct, frozen=True):
    """The file's first part."""

    format: int
    shard: int
    era: int
    seq: int
    now_ms: int
    record_hash: str
    state_hash: str
    arrays: list[ArrayPlace]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A shard's state at record `seq`."""

    shard: int
    era: int
    seq: int
    now_ms: int
    record_hash: bytes
    """of record `seq`: the next record must be chained to it"""
    state_hash: bytes
    """Shard.state_hash() then"""
    arrays: Mapping[str, npt.NDArray[np.generic]]


def path_of(directory: Path, seq: int) -> Path:
    """Where the snapshot at record `seq` lies."""
    return directory / f"{seq:016d}{SUFFIX}"


def snapshots_in(directory: Path) -> list[int]:
    """The seqs of the snapshots there, newest first."""
    with contextlib.suppress(FileNotFoundError):
        names = (name.removesuffix(SUFFIX) for name in os.listdir(directory) if name.endswith(SUFFIX))
        return sorted((int(name) for name in names if name.isdigit()), reverse=True)
    return []


def newest_in(directory: Path) -> int:
    """The seq of the newest snapshot there, 0 = there is none."""
    return next(iter(snapshots_in(directory)), 0)


def drop_unfinished(directory: Path) -> None:
    """Remove what a process that was killed had begun; called when nobody is writing there."""
    for path in directory.glob("*" + SUFFIX + _NEW):
        path.unlink(missing_ok=True)


def write(directory: Path, snapshot: Snapshot, disk: Disk | None = None) -> Path:
    """Write a snapshot durably, then let go of all but the newest ones. Raises OSError; then nothing has changed."""
    with SnapshotFile.begin(directory, snapshot, disk) as file:
        file.copy(snapshot.arrays)
        return file.finish(snapshot.state_hash)


class SnapshotFile:
    """A snapshot that is being written: `copy` while its arrays stand still, then `finish`; else nothing was.

    Between the two it may be left to another process, which finds in it what it needs (`resume`).
    """

    def __init__(self, new: Path, descriptor: int, head: _Head, disk: Disk) -> None:
        """Use `begin` or `resume`."""
        self._new = new
        self._descriptor = descriptor
        self._head = head
        self._disk = disk
        self._begin = _begin(len(msgspec.json.encode(head)))
        self._done = False
        last = head.arrays[-1]
        self.size = self._begin + last.offset + _aligned(math.prod(last.shape) * np.dtype(last.dtype).itemsize)

    @classmethod
    def begin(cls, directory: Path, of: Snapshot, disk: Disk | None = None) -> Self:
        """A new file; a state hash that is not known yet is left to `finish`."""
        disk = disk or RealDisk()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = path_of(directory, of.seq)
        new = path.with_name(path.name + _NEW)
        state_hash = of.state_hash or bytes(32)  # as long as the right one
        head = _Head(
            FORMAT, of.shard, of.era, of.seq, of.now_ms, of.record_hash.hex(), state_hash.hex(), places_of(of.arrays)
        )
        return cls(new, disk.create(new), head, disk)

    @classmethod
    def resume(cls, new: Path) -> Self:
        """One that another process left; raises OSError, ValueError."""
        descriptor = os.open(new, os.O_RDWR | os.O_CLOEXEC)
        try:
            return cls(new, descriptor, _parse_head(os.pread(descriptor, _HEAD_BYTES_MAX, 0))[0], RealDisk())
        except BaseException:
            os.close(descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self._done:
            with contextlib.suppress(OSError):
                self._disk.remove(self._new)

    def copy(self, arrays: Mapping[str, npt.NDArray[np.generic]], given_up: Callable[[], bool] = lambda: False) -> bool:
        """Head and arrays, in blocks; False when it was `given_up` on the way."""
        # In one piece, and a full disk is met at once.
        self._disk.allocate(self._descriptor, self.size + _DIGEST_BYTES)
        self._write_head()
        for place in self._head.arrays:
            data = np.ascontiguousarray(arrays[place.name]).reshape(-1).view(np.uint8).data
            for at in range(0, len(data), _BLOCK_BYTES):
                if given_up():
                    return False
                self._disk.write(self._descriptor, data[at : at + _BLOCK_BYTES], self._begin + place.offset + at)
        return not given_up()

    def leave(self) -> Path:
        """To be resumed by somebody else."""
        self._done = True
        return self._new

    def arrays(self) -> Arrays:
        """As they were copied, from the file."""
        data = np.memmap(self._new, np.uint8, "r", shape=(self.size,))
        return {place.name: _view(data, place, self._begin) for place in self._head.arrays}

    def finish(self, state_hash: bytes) -> Path:
        """Put the file under its name, durably."""
        self._head = msgspec.structs.replace(self._head, state_hash=state_hash.hex())
        self._write_head()
        self._disk.write(self._descriptor, memoryview(_digest(self._descriptor, self.size)), self.size)
        self._disk.sync(self._descriptor)
        path = self._new.with_name(self._new.name.removesuffix(_NEW))
        self._disk.rename(self._new, path)
        self._done = True
        self._disk.sync_directory(path.parent)
        for old in snapshots_in(path.parent)[KEPT:]:
            self._disk.remove(path_of(path.parent, old))
        return path

    def _write_head(self) -> None:
        head = msgspec.json.encode(self._head)
        assert _begin(len(head)) == self._begin <= _HEAD_BYTES_MAX
        start = (_MAGIC + len(head).to_bytes(4, "little") + head).ljust(self._begin, b"\0")
        self._disk.write(self._descriptor, memoryview(start), 0)


def places_of(arrays: Mapping[str, npt.NDArray[np.generic]]) -> list[ArrayPlace]:
    """One behind the other."""
    places: list[ArrayPlace] = []
    offset = 0
    for name, array in arrays.items():
        places.append(ArrayPlace.of(name, array, offset))
        offset += _aligned(array.nbytes)
    return places


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def load(path: Path) -> Snapshot:
    """Read a snapshot and check all of it; raises SnapshotDamaged. The arrays are read-only views of the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SnapshotDamaged(str(path), str(error)) from error
    try:
        size = os.fstat(descriptor).st_size - _DIGEST_BYTES
        if size < len(_MAGIC) + 4 or os.pread(descriptor, _DIGEST_BYTES, size) != _digest(descriptor, size):
            raise SnapshotDamaged(str(path), "the digest is wrong")
        head, begin = _parse_head(os.pread(descriptor, _HEAD_BYTES_MAX, 0))
        # Every page was just read, and so found readable: from here on the file is as good as memory.
        data = np.memmap(path, np.uint8, "r", shape=(size,))
        arrays = {place.name: _view(data, place, begin) for place in head.arrays}
    except (OSError, ValueError, TypeError, msgspec.MsgspecError) as error:
        raise SnapshotDamaged(str(path), str(error)) from error
    finally:
        os.close(descriptor)
    return Snapshot(
        head.shard,
        head.era,
        head.seq,
        head.now_ms,
        bytes.fromhex(head.record_hash),
        bytes.fromhex(head.state_hash),
        arrays,
    )


def good_snapshots(directory: Path) -> Iterator[Snapshot]:
    """The snapshots there that are whole, newest first; what is damaged is said in the log."""
    for seq in snapshots_in(directory):
        try:
            snapshot = load(path_of(directory, seq))
            if snapshot.seq != seq:
                raise SnapshotDamaged(str(path_of(directory, seq)), f"it is of record {snapshot.seq}")
            yield snapshot
        except SnapshotDamaged as error:
            _log.error("a snapshot is damaged and not used: %s", error)


def _begin(head_bytes: int) -> int:
    """Where the arrays begin."""
    return _aligned(len(_MAGIC) + 4 + head_bytes)


def _parse_head(data: bytes) -> tuple[_Head, int]:
    count = int.from_bytes(data[len(_MAGIC) : len(_MAGIC) + 4], "little")
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("this is no snapshot")
    head = msgspec.json.decode(data[len(_MAGIC) + 4 :][:count], type=_Head)
    if head.format != FORMAT:
        raise ValueError(f"format {head.format} is not known to this version")
    return head, _begin(count)


def _view(data: npt.NDArray[np.uint8], place: ArrayPlace, begin: int) -> npt.NDArray[np.generic]:
    dtype: np.dtype[np.generic] = np.dtype(place.dtype)
    count = math.prod(place.shape)
    array = np.frombuffer(data, dtype, count, begin + place.offset) if count else np.empty(0, dtype)
    return array.reshape(place.shape)


def _digest(descriptor: int, size: int) -> bytes:
    """SHA-256 over the size and the checksum of every block of the file's first `size` bytes.

    Read and summed by threads, each with memory of its own: 10 GB/s on a core, where SHA-256 alone does 1.7.
    """
    memory = threading.local()

    def block(offset: int) -> bytes:
        if not hasattr(memory, "words"):
            memory.words, memory.lanes = np.empty(_BLOCK_BYTES // 8, np.uint64), np.empty(LANES, np.uint64)
        words, lanes = memory.words, memory.lanes
        count = min(_BLOCK_BYTES, size - offset)
        data = words.view(np.uint8)
        data[count : count + 8 * LANES] = 0  # the last block is summed in whole steps
        if os.preadv(descriptor, [data[:count]], offset) != count:
            raise OSError("the file is shorter than it was")
        checksum(words[: -(-count // (8 * LANES)) * LANES], lanes)
        return bytes(lanes)

    digest = hashlib.sha256(size.to_bytes(8, "little"))
    with ThreadPoolExecutor(_THREADS) as pool:
        for part in pool.map(block, range(0, size, _BLOCK_BYTES)):
            digest.update(part)
    return digest.digest()
