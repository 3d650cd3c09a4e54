"""The time as devices see it: one clock that only goes forward for waits, one that people read for deadlines of jobs.

Everything in `devices/` takes a `Clock`, so a test turns the hours itself. `Waker` ends a wait from another thread:
a new job must not wait until a poll is due.
"""

import os
import select
import time
from typing import Final, Protocol

_DRAIN_BYTES: Final = 4096


class Waker:
    """A flag with a descriptor: `poll` can wait for it together with a line."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """What becomes readable when somebody wakes."""
        return self._read_end

    def wake(self) -> None:
        """End the wait that goes on, or the next one."""
        if self._write_end < 0:
            return
        try:
            os.write(self._write_end, b"!")
        except BlockingIOError:
            return  # full of wakes that nobody has seen yet

    def clear(self) -> None:
        """Forget the wakes so far; called by the one who waits, before it looks at what there is to do."""
        try:
            while len(os.read(self._read_end, _DRAIN_BYTES)) == _DRAIN_BYTES:
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the descriptors back; who waited has ended before, and a later wake wakes nobody."""
        ends = (self._read_end, self._write_end)
        self._read_end = self._write_end = -1
        for end in ends:
            if end >= 0:
                os.close(end)


class Clock(Protocol):
    """Seconds that only go forward, and the wall clock."""

    def now(self) -> float:
        """Seconds since some moment; never goes back."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, as a deadline in a document is written."""

    def wait(self, until: float, waker: Waker) -> None:
        """Until `now()` reaches `until` or somebody wakes."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """The machine's idea of the time of day."""
        return time.time_ns() // 1_000_000

    def wait(self, until: float, waker: Waker) -> None:
        """Sleep in the kernel."""
        poll = select.poll()
        poll.register(waker.fileno(), select.POLLIN)
        poll.poll(max(0.0, (until - self.now()) * 1000))


class ManualClock:
    """A clock that moves only when told, or when somebody would have waited."""

    def __init__(self, wall_ms: int = 1_700_000_000_000) -> None:
        self._now = 1000.0
        self._wall_ms = wall_ms

    def now(self) -> float:
        """The seconds so far."""
        return self._now

    def wall_ms(self) -> int:
        """Moves with `now`."""
        return self._wall_ms + round((self._now - 1000.0) * 1000)

    def wait(self, until: float, waker: Waker) -> None:
        """It is `until` at once: nobody else moves time here, and a wake would have come before."""
        self._now = max(self._now, until)

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self._now += seconds
