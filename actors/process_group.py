"""Processes by identity: who is whose child, who is still alive, and an end that is certain.

A process id alone is not an identity, for the kernel gives it out again; id and start time together are.
Used by the supervisor for everything it started, and by whoever must be sure that a predecessor is dead.
Reads /proc, so Linux only.
"""

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Process:
    """One process for ever: a later one with the same id has another start time."""

    pid: int
    started: int
    """in clock ticks since boot; field 22 of /proc/PID/stat"""

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this id now; None when there is none, or only its remains."""
        stat = _stat(pid)
        return None if stat is None or stat.state in "ZX" else cls(pid, stat.started)

    @classmethod
    def this(cls) -> "Process":
        """The caller's own."""
        found = cls.of(os.getpid())
        assert found is not None
        return found

    def alive(self) -> bool:
        """Whether it still runs (or is stopped); a zombie does not."""
        return Process.of(self.pid) == self

    def send(self, number: int) -> bool:
        """Send a signal, to this very process or to nobody; False when it is gone."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # The descriptor holds the id: if the start time is right now, the signal hits the right one.
            if not self.alive():
                return False
            signal.pidfd_send_signal(descriptor, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)


def kill_and_wait(processes: Iterable[Process], timeout_s: float) -> list[Process]:
    """SIGKILL them all and wait until they are dead; returns those that still are not after `timeout_s`."""
    waiting: dict[int, Process] = {}
    poll = select.poll()
    for process in processes:
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        if not process.alive():
            os.close(descriptor)
            continue
        waiting[descriptor] = process
        poll.register(descriptor, select.POLLIN)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    give_up_at = time.monotonic() + timeout_s
    try:
        while waiting and (left := give_up_at - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left * 1000):
                poll.unregister(descriptor)
                os.close(descriptor)
                del waiting[descriptor]
        return list(waiting.values())
    finally:
        for descriptor in waiting:
            os.close(descriptor)


def descendants(pid: int) -> list[Process]:
    """Every living process below `pid`, parents before children."""
    children: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(int(name))) is not None and stat.state not in "ZX":
            children.setdefault(stat.parent, []).append(Process(int(name), stat.started))
    found: list[Process] = []
    level = children.get(pid, [])
    while level:
        found += level
        level = [child for parent in level for child in children.get(parent.pid, [])]
    return found


def holding(directory: Path) -> list[Process]:
    """Every living process, but this one, that has a file below `directory` open.

    Works where names and environments do not: a process that changes its title overwrites both.
    """
    below = os.fspath(directory) + os.sep
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        process = Process.of(int(name))
        if process is not None and any(file.startswith(below) for file in _open_files(process.pid)):
            found.append(process)
    return found


def may_hold(process: Process, directory: Path) -> bool:
    """Whether it has a file below `directory` open, or is somebody else's, of whom that cannot be seen."""
    below = os.path.realpath(directory) + os.sep
    try:
        os.listdir(f"/proc/{process.pid}/fd")
    except PermissionError:
        return True
    except OSError:  # it has just ended
        return False
    return any(file.startswith(below) for file in _open_files(process.pid))


def locker_of(path: Path) -> Process | None:
    """The living process that took the exclusive `flock` on the file at `path`; None also when that cannot be seen.

    Whoever only reads the file beside it is not meant. The system's list names files by number; since a file system
    of layers may number them otherwise than `stat` does, the process must also have that very path open.
    """
    try:
        number, name = os.stat(path).st_ino, os.fspath(path.resolve())
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        _, kind, _, mode, pid, file, *_ = line.split()  # of one that only waits, "->" stands for its kind
        if (kind, mode) == ("FLOCK", "WRITE") and file.rpartition(":")[2] == str(number):
            process = Process.of(int(pid))
            if process is not None and name in _open_files(process.pid):
                return process
    return None


def adopt_orphans() -> None:
    """From now on a descendant whose parent dies becomes a child of this process, so that none is lost."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent_pid: int) -> None:
    """Called by a child as the first thing it does: be killed when the parent dies, however it dies."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before the line above
        os._exit(1)


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    parent: int
    started: int


def _stat(pid: int) -> _Stat | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may itself hold spaces and parentheses: count from its end.
    fields = text[text.rindex(b")") + 2 :].split()
    return _Stat(fields[0].decode(), int(fields[1]), int(fields[19]))


def _open_files(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it ends, or it belongs to somebody else
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(f"/proc/{pid}/fd/{descriptor}")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
