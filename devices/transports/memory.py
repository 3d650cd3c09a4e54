"""A line that ends in memory: it records what was sent, says what it is told to say, and can refuse."""

from collections.abc import Callable

from devices.clock import Clock, Waker
from devices.transports.line import LineLost, LineRefused, Tape


class MemoryLine:
    """For tests, dry runs and devices that are only looked at; `sent` is everything that ever went out."""

    def __init__(
        self,
        clock: Clock,
        waker: Waker,
        *,
        answer: Callable[[bytes], bytes] = lambda data: b"",
        where: str = "memory:",
    ) -> None:
        self.where = where
        self.tape = Tape()
        self.sent = bytearray()
        self.refusing = False
        """`open` fails"""
        self.room: int | None = None
        """bytes it still takes before writes find no room; None = any number"""
        self.lost_after: int | None = None
        """bytes it still takes before the line is lost; None = never"""
        self._clock = clock
        self._waker = waker
        self._answer = answer
        self._arrived = bytearray()
        self._open = False

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._open

    @property
    def keeps(self) -> bool:
        """It is there for tests and stands for any device."""
        return False

    def say(self, data: bytes) -> None:
        """Let the device say something."""
        self._arrived += data

    def open(self, deadline: float) -> None:
        """Connect, unless refusing."""
        if self.refusing and not self._open:
            raise LineRefused(self.where, "refused")
        self._open = True

    def write(self, data: bytes, deadline: float) -> int:
        """Take what there is room for."""
        self._must_be_open()
        taken = data if self.room is None else data[: self.room]
        if self.lost_after is not None:
            if self.lost_after == 0:
                self._open = False
                raise LineLost(self.where, "cut")
            taken = taken[: self.lost_after]
            self.lost_after -= len(taken)
        if self.room is not None:
            self.room -= len(taken)
        if not taken:
            self._clock.wait(deadline, self._waker)
            return 0
        self.sent += taken
        self.tape.note(self._clock.now(), bytes(taken), sent=True)
        self._arrived += self._answer(bytes(taken))
        return len(taken)

    def read(self, deadline: float) -> bytes:
        """What was said since the last time."""
        self._must_be_open()
        if not self._arrived:
            self._clock.wait(deadline, self._waker)
            return b""
        data = bytes(self._arrived)
        self._arrived.clear()
        self.tape.note(self._clock.now(), data, sent=False)
        return data

    def close(self) -> None:
        """Let go."""
        self._open = False

    def abort(self) -> None:
        """Let go, and what was said is forgotten."""
        self._open = False
        self._arrived.clear()

    def _must_be_open(self) -> None:
        if not self._open:
            raise LineLost(self.where, "not open")
