"""What a line to a device is, whatever it is made of: bytes with deadlines.

Every call has a deadline (seconds of `Clock.now`), every failure is one of two: the line could not be opened (nothing
was sent), or it was lost. A write says how many bytes were handed over, exactly, because whether a job may be tried
again hangs on that. A ring keeps the last bytes both ways for whoever has to find out what happened.
"""

import random
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

TAPE_BYTES_MAX: Final = 4096
"""Kept per direction, for support."""
READ_BYTES_MAX: Final = 4096


class LineError(Exception):
    """Anything wrong with a line.

    LineError
     +- LineRefused    it could not be opened: not a byte was sent
     +- LineLost       it was open and is gone: cable, power, the other side, the system
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class LineRefused(LineError):
    """It could not be opened, so nothing was sent."""


class LineLost(LineError):
    """It was open and is not any more."""


@dataclass(frozen=True, slots=True)
class Taped:
    """Bytes that went one way without any the other way between them."""

    at: float
    sent: bool
    data: bytes

    def __str__(self) -> str:
        return f"{self.at:.3f} {'>' if self.sent else '<'} {self.data.hex(' ')}"


class Tape:
    """The last bytes sent and received, in order."""

    def __init__(self, bytes_max: int = TAPE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._pieces: dict[bool, deque[Taped]] = {True: deque(), False: deque()}
        self._bytes = {True: 0, False: 0}
        self.totals = {True: 0, False: 0}
        """bytes ever sent (True) and received (False)"""

    def note(self, at: float, data: bytes, *, sent: bool) -> None:
        """Remember what went by; the oldest of the same direction is forgotten."""
        self.totals[sent] += len(data)
        pieces = self._pieces[sent]
        pieces.append(Taped(at, sent, data))
        left = self._bytes[sent] + len(data)
        while left > self._bytes_max:
            oldest = pieces.popleft()
            left -= len(oldest.data)
            if left < self._bytes_max:
                keep = oldest.data[left - self._bytes_max :]
                pieces.appendleft(Taped(oldest.at, sent, keep))
                left += len(keep)
        self._bytes[sent] = left

    def pieces(self) -> list[Taped]:
        """What is remembered of both ways, oldest first; may be asked by any thread."""
        both = [*self._pieces[True].copy(), *self._pieces[False].copy()]
        return sorted(both, key=lambda piece: piece.at)


class Line(Protocol):
    """The seam between drivers and the world."""

    @property
    def where(self) -> str:
        """The line's address, for people."""

    @property
    def tape(self) -> Tape:
        """The last bytes both ways."""

    @property
    def is_open(self) -> bool:
        """Whether reads and writes make sense."""

    @property
    def keeps(self) -> bool:
        """Whether what was taken lies there for good, as in a plain file: nothing else will ever prove it. Known when
        it is open."""

    def open(self, deadline: float) -> None:
        """Connect; raises LineRefused. An open line stays as it is."""

    def write(self, data: bytes, deadline: float) -> int:
        """Hand over as many bytes as the line takes at once, waiting for room; 0 = none until then. Raises LineLost."""

    def read(self, deadline: float) -> bytes:
        """What has come; waits for the first byte. b"" = none until then, or woken. Raises LineLost at the end."""

    def close(self) -> None:
        """Let go; what was handed over still goes out."""

    def abort(self) -> None:
        """Let go and throw away what has not gone out yet."""


class Backoff:
    """How long to wait before the next try: longer each time, never all devices at the same moment."""

    def __init__(
        self, chance: random.Random, *, first_s: float = 0.25, factor: float = 2.0, most_s: float = 30.0
    ) -> None:
        self._chance = chance
        self._first_s = first_s
        self._factor = factor
        self._most_s = most_s
        self.failures = 0

    def failed(self) -> float:
        """One more failure: seconds to wait, between half and all of the step."""
        step = min(self._most_s, self._first_s * self._factor ** min(self.failures, 64))
        self.failures += 1
        return step * (0.5 + self._chance.random() / 2)

    def worked(self) -> None:
        """Begin with the short wait again."""
        self.failures = 0
