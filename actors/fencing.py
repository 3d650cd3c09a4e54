"""One owner per shard: the successor kills the recorded predecessor, proves it dead, and only then owns the lock.

A lock file says who holds it (process id, start time, boot), and the holder keeps a `flock` on it that the system
drops when the holder dies, and not before. So a successor never guesses: it reads the name, kills exactly that
process (a stopped one too), waits until it is gone, and takes the lock. A process never kills itself: a second opener
in the owner's own process is refused. A file that was copied with its directory still names the owner of the original:
who has nothing open beside the file is not its owner.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from actors.process_group import Process, kill_and_wait, may_hold

LOCK: Final = "lock"
"""A shard's lock file, in its directory."""
TAKE_TIMEOUT_S: Final = 10.0
"""How long a predecessor may take to die (the system may have to finish its disk writes first)."""
_POLL_S: Final = 0.005
_OWNER_BYTES_MAX: Final = 1024


class FenceError(RuntimeError):
    """The lock is held by a process that cannot be killed, or by this very process."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class _Owner(msgspec.Struct, frozen=True):
    """What the lock file says."""

    pid: int
    started: int
    boot: str


class Fence:
    """A lock that is held; made by `take`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = str(path)
        self._descriptor = descriptor
        there = os.fstat(descriptor)
        self._file = (there.st_dev, there.st_ino)
        self._record = msgspec.json.encode(_this_owner())
        os.pwrite(descriptor, self._record, 0)
        os.ftruncate(descriptor, len(self._record))

    def holds(self) -> bool:
        """Whether the file at the path is still the one that is locked, with this process's name in it."""
        if self._descriptor < 0:
            return False
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        same_file = (there.st_dev, there.st_ino) == self._file
        return same_file and os.pread(self._descriptor, _OWNER_BYTES_MAX, 0) == self._record

    def release(self) -> None:
        """Give it up; does nothing the second time."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def take(path: Path, timeout_s: float = TAKE_TIMEOUT_S) -> Fence:
    """Own the lock at `path`, whoever holds it now; raises FenceError when that cannot be."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, path, give_up_at)
            _end_owner(descriptor, path, give_up_at)  # one that lost the lock without dying
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                    return Fence(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the file was replaced meanwhile: lock the one that is there


def owner_of(path: Path) -> Process | None:
    """The living process that the lock file at `path` names."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return _owner(descriptor, path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, give_up_at: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            # The name may be missing for a moment: a holder writes it after it got the lock.
            if not _end_owner(descriptor, path, give_up_at):
                if time.monotonic() >= give_up_at:
                    raise FenceError(str(path), "locked by a process that has not said its name") from None
                time.sleep(_POLL_S)


def _end_owner(descriptor: int, path: Path, give_up_at: float) -> bool:
    """Kill the process that the file names and wait for its death; False when it names none that lives."""
    owner = _owner(descriptor, path)
    if owner is None:
        return False
    if owner == Process.this():
        raise FenceError(str(path), "this very process holds it")
    try:
        left = kill_and_wait([owner], max(0.0, give_up_at - time.monotonic()))
    except PermissionError as error:
        raise FenceError(str(path), f"process {owner.pid} holds it and may not be killed: {error}") from error
    if left:
        raise FenceError(str(path), f"process {owner.pid} holds it and does not die")
    return True


def _owner(descriptor: int, path: Path) -> Process | None:
    try:
        owner = msgspec.json.decode(os.pread(descriptor, _OWNER_BYTES_MAX, 0), type=_Owner)
    except msgspec.DecodeError:
        return None
    process = Process(owner.pid, owner.started)
    return process if owner.boot == _boot() and process.alive() and may_hold(process, path.parent) else None


def _this_owner() -> _Owner:
    process = Process.this()
    return _Owner(process.pid, process.started, _boot())


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
