"""A line to a simulated device in the same process; waiting itself moves the clock, so seconds cost nothing."""

from typing import Final, Protocol

from devices.clock import ManualClock
from devices.transports.line import LineLost, LineRefused, Tape

STEP_S: Final = 0.02
"""Time moves in such steps while somebody waits,"""
LONGEST_STEP_S: Final = 0.16
"""and in longer ones while nothing is said."""


class Simulated(Protocol):
    """What a simulator is to a line."""

    line_up: bool

    def receive(self, data: bytes) -> int:
        """How many it takes now."""

    def say(self) -> bytes:
        """What it says since the last time."""

    def pass_time(self, seconds: float) -> None:
        """The world goes on."""


class SimulatedLine:
    """The line. `bytes_per_s` is its speed both ways; one byte at a time comes through when it is slow."""

    def __init__(
        self, device: Simulated, clock: ManualClock, *, bytes_per_s: float = 1e6, seen_now: float = 0.0
    ) -> None:
        self.where = "simulated:"
        self.tape = Tape()
        self._device = device
        self._clock = clock
        self._bytes_per_s = bytes_per_s
        self._seen = seen_now or clock.now()
        self._open = False
        self._waiting = bytearray()

    @property
    def is_open(self) -> bool:
        """As the driver believes."""
        return self._open

    @property
    def keeps(self) -> bool:
        """A device is at its end."""
        return False

    def open(self, deadline: float) -> None:
        """Connect, if the device is there."""
        self._catch_up()
        if self._open:
            return
        if not self._device.line_up:
            self._step(deadline)
            raise LineRefused(self.where, "nobody there")
        self._device.say()  # said to nobody
        self._waiting.clear()
        self._open = True

    def write(self, data: bytes, deadline: float) -> int:
        """Hand over what the device and the line's speed allow."""
        while True:
            self._look()
            most = max(1, int(self._bytes_per_s * STEP_S))
            taken = self._device.receive(data[:most])
            if taken:
                self.tape.note(self._clock.now(), bytes(data[:taken]), sent=True)
                self._spend(taken / self._bytes_per_s)
                return taken
            self._look()
            if self._clock.now() >= deadline:
                return 0
            self._step(deadline)

    def read(self, deadline: float) -> bytes:
        """What the device said."""
        step = STEP_S
        while True:
            self._look()
            self._waiting += self._device.say()
            if self._waiting:
                most = max(1, int(self._bytes_per_s * STEP_S))
                data = bytes(self._waiting[:most])
                del self._waiting[:most]
                self.tape.note(self._clock.now(), data, sent=False)
                return data
            if self._clock.now() >= deadline:
                return b""
            self._step(deadline, step)
            step = min(2 * step, LONGEST_STEP_S)

    def close(self) -> None:
        """Let go."""
        self._open = False

    def abort(self) -> None:
        """Let go."""
        self._open = False

    def _look(self) -> None:
        self._catch_up()
        if not self._open:
            raise LineLost(self.where, "not open")
        if not self._device.line_up:
            self._open = False
            raise LineLost(self.where, "unplugged")

    def _step(self, deadline: float, step: float = STEP_S) -> None:
        self._spend(min(step, max(1e-6, deadline - self._clock.now())))

    def _spend(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self._catch_up()

    def _catch_up(self) -> None:
        """The device lives on while nobody talks to it."""
        while self._clock.now() > self._seen:
            step = min(LONGEST_STEP_S, self._clock.now() - self._seen)
            self._seen += step
            self._device.pass_time(step)
            if self._clock.now() - self._seen < 1e-9:
                self._seen = self._clock.now()
