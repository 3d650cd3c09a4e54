"""The clock of a shard, and of a client: milliseconds since 1970 UTC that never go back and never jump.

It advances with the monotonic clock; the wall clock only slews it, by at most half a per cent of the time
that has passed. A wall clock that jumps by an hour therefore expires nothing: it raises an alarm, and the
difference is met at the next opening, where deadlines are moved by the downtime. Readings are arguments.
"""

import time
from collections.abc import Callable

from actors.settings import CLOCK_ALARM_MS, SLEW_PER_MILLE

_MS = 1_000_000
_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

Readings = Callable[[], tuple[int, int]]
"""Gives (monotonic, wall) in nanoseconds."""


def system_readings() -> tuple[int, int]:
    """This machine's clocks; the monotonic one counts on while the machine sleeps, where the system has such one."""
    return time.clock_gettime_ns(_MONOTONIC), time.time_ns()


class ShardClock:
    """Turns readings into `now_ms`."""

    def __init__(self, last_ms: int, mono_ns: int, wall_ns: int) -> None:
        """Starts at the later of `last_ms`, the newest time in the journal, and the wall clock."""
        self._now_ns = max(last_ms * _MS, wall_ns)
        self._mono_ns = mono_ns
        self._ahead_ns = self._now_ns - wall_ns

    def now_ms(self, mono_ns: int, wall_ns: int) -> int:
        """The time at these readings; never smaller than before."""
        # Every request reads it: comparisons cost a third of what min and max do.
        passed = mono_ns - self._mono_ns
        if passed > 0:
            self._mono_ns = mono_ns
        else:
            passed = 0
        slew = self._now_ns + passed - wall_ns
        slew_max = passed * SLEW_PER_MILLE // 1000
        if slew > slew_max:
            slew = slew_max
        elif slew < -slew_max:
            slew = -slew_max
        self._now_ns += passed - slew
        self._ahead_ns = self._now_ns - wall_ns
        return self._now_ns // _MS

    @property
    def ahead_ms(self) -> int:
        """How far it is ahead of the wall clock, at the last reading; negative = behind."""
        return self._ahead_ns // _MS

    @property
    def alarm(self) -> bool:
        """Whether the two are so far apart that somebody should look."""
        return abs(self._ahead_ns) > CLOCK_ALARM_MS * _MS
