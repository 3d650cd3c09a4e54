"""Simulated scales, Toledo 8217 and CAS: a weight that moves and settles, and everything that can be wrong with one."""

import random
from typing import Literal

from devices.codecs.scales import ACK, CAS_ASK, CAS_HELLO, NAK, TOLEDO_ASK, cas_frame, toledo_frame


class ScaleSimulator:
    """The scale; put something on it and ask."""

    def __init__(self, protocol: Literal["toledo8217", "cas"], seed: int = 0) -> None:
        self.line_up = True
        self.grams = 0
        self.moves_s = 0.0
        """it still swings for so long"""
        self.net = False
        self.unit = b"kg"
        self.refuses = 0
        """the next so many questions are answered by NAK or `bad command`"""
        self.mute = False
        self.capacity = 15_000
        self._protocol = protocol
        self._chance = random.Random(seed)
        self._says = bytearray()

    def put(self, grams: int, *, moves_s: float = 0.0) -> None:
        """Lay it on; what lay there is gone."""
        self.grams, self.moves_s = grams, moves_s

    def leave_in_buffer(self, data: bytes) -> None:
        """An answer that nobody fetched."""
        self._says += data

    def receive(self, data: bytes) -> int:
        """Questions."""
        for byte in data:
            if not self.mute:
                self._says += self._toledo(byte) if self._protocol == "toledo8217" else self._cas(byte)
        return len(data)

    def say(self) -> bytes:
        """Answers."""
        said = bytes(self._says)
        self._says.clear()
        return said

    def pass_time(self, seconds: float) -> None:
        """It comes to rest."""
        self.moves_s = max(0.0, self.moves_s - seconds)

    def _shown(self) -> int:
        return self.grams + (self._chance.randrange(-50, 50) if self.moves_s else 0)

    def _toledo(self, byte: int) -> bytes:
        if bytes((byte,)) != TOLEDO_ASK or self.refuses:
            self.refuses = max(0, self.refuses - 1)
            return b"\x02?\x40\r"
        status = 0x01 * (self.moves_s > 0) | 0x02 * (self.grams > self.capacity) | 0x04 * (self.grams < 0)
        return b"\x02?" + bytes((status,)) + b"\r" if status else toledo_frame(self.grams, net=self.net)

    def _cas(self, byte: int) -> bytes:
        if self.refuses:
            self.refuses -= 1
            return bytes((NAK,))
        if bytes((byte,)) == CAS_HELLO:
            return bytes((ACK,))
        if bytes((byte,)) != CAS_ASK:
            return b""
        over = self.grams > self.capacity
        return cas_frame(0 if over else self._shown(), stable=not self.moves_s, unit=self.unit, over=over)
