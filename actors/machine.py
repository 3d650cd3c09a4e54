"""What this machine, or the part of it that this process was given, has."""

import contextlib
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
