"""What a process may no longer do once it has what it needs: open a file, reach the network, grow, go on for long.

Each wall is the kernel's and cannot be taken down from inside; DuckDB's own settings stand in front of them. A kernel
may lack some: `raise_walls` says which there are, and so does `python -m analytics.planner.walls`.
"""

import ctypes
import os
import resource
import signal
import sys
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWUSER: Final = 0x10000000
_LANDLOCK_CREATE: Final = 444
_LANDLOCK_RESTRICT: Final = 446
_VERSION: Final = 1
"""flag: tell the version of Landlock"""
_FILES_BY_VERSION: Final = (13, 14, 15, 15, 16)
"""how many kinds of access to files each version of Landlock knows; later ones know the same"""
_NET_SINCE: Final = 4
NEEDED: Final = frozenset({"limits", "network", "files"})
"""Without one of these nothing of a stranger's may run."""
_PAGE: Final = resource.getpagesize()


class _Rules(ctypes.Structure):
    """struct landlock_ruleset_attr"""

    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64))


def raise_walls(memory_bytes: int, seconds: float) -> list[str]:
    """From now on: no file is opened, nothing written, no connection made, so much more memory, so many seconds.

    Whoever goes on longer is killed by the kernel (SIGALRM, SIGXCPU). Gives the walls that there are. The network is
    out of reach in a namespace of one's own, or where Landlock forbids connections.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    cpu_s = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = _mapped_bytes() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    raised = ["limits"]
    alone = libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _VERSION)
    locked = version >= 1 and _restrict(libc, version)
    if alone or (locked and version >= _NET_SINCE):
        raised.append("network")
    if locked:
        raised.append("files")
    return raised


def _restrict(libc: ctypes.CDLL, version: int) -> bool:
    kinds = _FILES_BY_VERSION[min(version, len(_FILES_BY_VERSION)) - 1]
    rules = _Rules((1 << kinds) - 1, 3 if version >= _NET_SINCE else 0)
    size = ctypes.sizeof(rules) if version >= _NET_SINCE else ctypes.sizeof(ctypes.c_uint64)
    descriptor = libc.syscall(_LANDLOCK_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    if descriptor < 0:
        return False
    try:
        return bool(libc.syscall(_LANDLOCK_RESTRICT, descriptor, 0) == 0)
    finally:
        os.close(descriptor)


def _mapped_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * _PAGE


if __name__ == "__main__":
    sys.stdout.write(" ".join(raise_walls(1 << 30, 10.0)))
