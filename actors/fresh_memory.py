"""Brings memory in ahead of a fold, in a thread of its own.

A fold writes to memory that the process never had. The system clears every page on the fold's own time, and in a
virtual machine the host may first have to find it: at 0.3 to 8 GB/s, which for a row is between a tenth of its price
and more than all the rest. Here another core asks for the pages shortly before their turn comes.

How fast each table grows is seen from the records folded so far; no more is brought in than what is left of the
journal will need at that pace, and never more than AHEAD_BYTES for a table.
"""

import ctypes
import errno
import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from engine.shard import Shard

AHEAD_BYTES: Final = 16 << 20
_STEP_BYTES: Final = 4 << 20
"""for one table at a time; a small number of huge pages"""
_HUGE_PAGE: Final = 2 << 20
_PAUSE_S: Final = 0.01
_POPULATE_WRITE: Final = 23
"""MADV_POPULATE_WRITE, from Linux 5.14 on, which the mmap module does not name"""

_log = logging.getLogger(__name__)


class FreshMemory:
    """Within it, the tables of `shard` are ahead of whoever folds the records up to `last_seq`."""

    def __init__(self, shard: Shard, last_seq: int) -> None:
        self._shard = shard
        self._last_seq = last_seq
        self._seq = shard.seq
        self._used = _used(shard)
        self._ready: dict[str, int] = dict(self._used)
        """how much of each table is there or was asked for"""
        self._tables = {name: (table.ctypes.data, table.nbytes) for name, table in shard.tables().items()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fresh-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                if not self.step():
                    self._over.wait(_PAUSE_S)
            except OSError as error:  # an older system: the fold finds its pages by itself
                _log.debug("memory is not brought in ahead: %s", error)
                return

    def step(self) -> bool:
        """Bring in the next part of each table that needs it; whether there was any. OSError: it cannot be done."""
        wanted = self._wanted()
        for name, size in wanted.items():
            if self._over.is_set():
                break
            self._bring_in(name, size)
        return bool(wanted)

    def _wanted(self) -> dict[str, int]:
        """Of which tables the next part is due, and how far each should be ready."""
        seq, used = self._shard.seq, _used(self._shard)
        folded, left = seq - self._seq, self._last_seq - seq
        if folded <= 0:
            return {}
        wanted = {}
        for name, size in used.items():
            growth = (size - self._used[name]) * left // folded
            self._ready[name] = max(self._ready[name], size)
            ahead = min(growth, AHEAD_BYTES, size // 2 + _STEP_BYTES)  # what has just begun to grow may soon stop
            target = min(size + ahead, self._tables[name][1])
            if target - self._ready[name] >= _HUGE_PAGE:
                wanted[name] = target
        if not wanted:
            self._seq, self._used = seq, used
        return wanted

    def _bring_in(self, name: str, target: int) -> None:
        address = self._tables[name][0]
        begin = (address + self._ready[name]) // _HUGE_PAGE * _HUGE_PAGE
        end = min(begin + _STEP_BYTES, address + target)
        begin = max(begin, address)
        self._ready[name] = end - address
        _populate(begin, end - begin)


def _used(shard: Shard) -> dict[str, int]:
    return {name: array.nbytes for name, array in shard.arrays().items()}


def _populate(address: int, size: int) -> None:
    """Give the pages real memory, as if they had been written to; the interpreter's lock is free meanwhile."""
    if _madvise is None:
        raise OSError(errno.ENOSYS, "there is no madvise")
    if _madvise(address, size, _POPULATE_WRITE):
        raise OSError(ctypes.get_errno(), "madvise")


def _find_madvise() -> Callable[[int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    function: Any = ctypes.CDLL(None, use_errno=True).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    found: Callable[[int, int, int], int] = function
    return found


_madvise: Final = _find_madvise()
