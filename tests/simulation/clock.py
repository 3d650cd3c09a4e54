"""Clocks that are wrong: every machine has a wall clock that drifts and jumps, and a steady one of its own rate."""

from actors.clock import ShardClock
from tests.simulation.loop import SimLoop

START_NS = 1_760_000_000_000_000_000
"""The true time at which a world begins, 1970 UTC."""


class MachineClock:
    """One machine's two clocks, as `actors.clock` reads them."""

    def __init__(self, loop: SimLoop, *, ahead_ns: int = 0, drift_ppm: int = 0) -> None:
        """`ahead_ns`: how far its wall clock is wrong. `drift_ppm`: how much faster than the truth both run."""
        self._loop = loop
        self._ahead_ns = ahead_ns
        self._drift_ppm = drift_ppm

    def readings(self) -> tuple[int, int]:
        """(monotonic, wall) in nanoseconds."""
        passed = self._loop.now_ns + self._loop.now_ns * self._drift_ppm // 1_000_000
        return passed + 1, START_NS + passed + self._ahead_ns

    def jump(self, by_ns: int) -> None:
        """Somebody sets the wall clock; the monotonic one goes on."""
        self._ahead_ns += by_ns

    def steady_ms(self) -> int:
        """Milliseconds that only differences are taken of."""
        return self.readings()[0] // 1_000_000


def process_clock(clock: MachineClock) -> "tuple[ShardClock, MachineClock]":
    """What a process of that machine starts with, as `actors.client.system_clock` does."""
    return ShardClock(0, *clock.readings()), clock
