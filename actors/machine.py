"""What this machine, or the part of it that this process was given, has."""

import contextlib
import math
import os
from pathlib import Path
from typing import Final

_LIMITS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""of the control group, versions 2 and 1, as a container sees its own"""


def memory_bytes() -> int:
    """Memory that may be used at most."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # none, or the word max
            found.append(int(Path(path).read_text()))
    return min(found)


def processors() -> int:
    """On which this process may run."""
    return len(os.sched_getaffinity(0))


class Queueing:
    """How much this process would run and cannot, for others run."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, int]] = {}
        self.share()

    def share(self) -> float:
        """How long its threads waited for a processor, for each second that they ran, since this was asked last.

        As the system tells it of each thread (schedstat); infinite where it does not.
        """
        ran = waited = 0
        now = {}
        for thread in Path("/proc/self/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, ValueError):  # a thread that has ended, or a system that does not count
                ran_ns, waited_ns, _ = map(int, thread.read_text().split())
                now[thread.parent.name] = ran_ns, waited_ns
                ran_before, waited_before = self._before.get(thread.parent.name, (0, 0))
                ran += ran_ns - ran_before
                waited += waited_ns - waited_before
        self._before = now
        return waited / ran if ran > 0 else math.inf
