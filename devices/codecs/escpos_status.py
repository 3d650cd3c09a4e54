"""What an ESC/POS printer says: real-time status, automatic status (ASB), answers to fences, identity.

All of it comes down one line without frames, told apart by bits that are fixed. Every fixed bit is checked, so that a
stray byte is no status (python-escpos reads 0x00 as "no paper, but online"). Codes are Epson's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto
from typing import Final

ASK: Final = tuple(bytes((0x10, 0x04, n)) for n in (1, 2, 3, 4))
"""`DLE EOT 1` to `4`: answered at once, also when the printer is offline."""
ASB_ON: Final = b"\x1d\x61\x0f"
FENCE_PAPER: Final = b"\x1d\x72\x01"
"""`GS r 1`: executed in its turn, so its answer proves that all before it was."""
FENCE_DRAWER: Final = b"\x1d\x72\x02"
RECOVER_AND_CLEAR: Final = b"\x10\x05\x02"
CLEAR: Final = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"
RESET: Final = b"\x1b\x40"

PROOF_ID_LENGTH: Final = 4
PROOF_START: Final = b"\x37\x22"
_PRINTABLE_FIRST, _PRINTABLE_LAST = 0x20, 0x7E
_BLOCK_STARTS: Final = (0x37, 0x5F, 0x3D, 0x3B)
BLOCK_BYTES_MAX: Final = 80


class Trouble(Flag):
    """What is the matter with a printer; none of it is `Trouble(0)`."""

    OFFLINE = auto()
    COVER_OPEN = auto()
    PAPER_OUT = auto()
    PAPER_NEAR_END = auto()
    CUTTER = auto()
    RECOVERABLE = auto()
    UNRECOVERABLE = auto()
    OVERHEATED = auto()
    """and anything else that passes by itself"""
    FEEDING = auto()
    DRAWER_PIN_HIGH = auto()
    WAITING = auto()
    """for its on-line button"""


NOTHING: Final = Trouble(0)
BLOCKING: Final = (
    Trouble.OFFLINE | Trouble.COVER_OPEN | Trouble.PAPER_OUT | Trouble.CUTTER | Trouble.RECOVERABLE
    | Trouble.UNRECOVERABLE | Trouble.OVERHEATED | Trouble.WAITING
)  # fmt: skip

_EOT_BITS: Final = {
    1: ((0x04, Trouble.DRAWER_PIN_HIGH), (0x08, Trouble.OFFLINE), (0x20, Trouble.WAITING), (0x40, Trouble.FEEDING)),
    2: ((0x04, Trouble.COVER_OPEN), (0x08, Trouble.FEEDING), (0x20, Trouble.PAPER_OUT)),
    3: (
        (0x04, Trouble.RECOVERABLE),
        (0x08, Trouble.CUTTER),
        (0x20, Trouble.UNRECOVERABLE),
        (0x40, Trouble.OVERHEATED),
    ),
    4: ((0x0C, Trouble.PAPER_NEAR_END), (0x60, Trouble.PAPER_OUT)),
}


@dataclass(frozen=True, slots=True)
class RealTime:
    """One byte that answers `DLE EOT n`; which n is known by the order of asking."""

    byte: int


@dataclass(frozen=True, slots=True)
class Automatic:
    """Four bytes that the printer sends whenever something changes."""

    troubles: Trouble
    data: bytes


@dataclass(frozen=True, slots=True)
class FenceAnswer:
    """One byte that answers `GS r n`."""

    byte: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer to `GS ( H`: all that was sent before this id is on paper."""

    proof_id: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """Any other answer that has a frame: `GS I` and friends."""

    data: bytes


Said = RealTime | Automatic | FenceAnswer | Proof | Block


def ask_proof(proof_id: bytes) -> bytes:
    """`GS ( H` function 48."""
    return b"\x1d\x28\x48\x06\x00\x30\x30" + proof_id


def proof_id(number: int) -> bytes:
    """Four printable bytes that differ for 81 million numbers in a row."""
    digits = bytearray()
    for _ in range(PROOF_ID_LENGTH):
        number, digit = divmod(number, _PRINTABLE_LAST - _PRINTABLE_FIRST + 1)
        digits.append(_PRINTABLE_FIRST + digit)
    return bytes(digits)


def troubles(question: int, byte: int) -> Trouble:
    """What the answer to `DLE EOT question` says."""
    found = NOTHING
    for bits, trouble in _EOT_BITS[question]:
        if byte & bits:
            found |= trouble
    return found


def _automatic(data: bytes) -> Automatic | None:
    first, second, third, fourth = data
    if first & 0x93 != 0x10 or second & 0x90 or third & 0x90 or fourth & 0x90:
        return None
    found = NOTHING
    for byte, bits, trouble in (
        (first, 0x04, Trouble.DRAWER_PIN_HIGH),
        (first, 0x08, Trouble.OFFLINE),
        (first, 0x20, Trouble.COVER_OPEN),
        (first, 0x40, Trouble.FEEDING),
        (second, 0x04, Trouble.RECOVERABLE),
        (second, 0x08, Trouble.CUTTER),
        (second, 0x20, Trouble.UNRECOVERABLE),
        (second, 0x40, Trouble.OVERHEATED),
        (third, 0x03, Trouble.PAPER_NEAR_END),
        (third, 0x0C, Trouble.PAPER_OUT),
    ):
        if byte & bits:
            found |= trouble
    return Automatic(found, data)


class StatusReader:
    """From the printer's bytes to what it said; garbage is counted and skipped."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.garbage = 0
        """bytes that were nothing"""

    def feed(self, data: bytes) -> Iterator[Said]:
        """What is complete now; half an answer waits for its other half."""
        self._rest += data
        while self._rest:
            said, length = self._first()
            if length == 0:
                return
            del self._rest[:length]
            if said is None:
                self.garbage += length
            else:
                yield said

    def forget(self) -> None:
        """A new line, or a question to which an old half answer must not count."""
        self._rest.clear()

    def _first(self) -> tuple[Said | None, int]:
        """What the first bytes are and how many: 0 = not to be told yet."""
        byte = self._rest[0]
        if byte & 0x93 == 0x12:
            return RealTime(byte), 1
        if byte & 0x93 == 0x10:
            if len(self._rest) < 4:
                broken = any(later & 0x90 for later in self._rest[1:])
                return None, int(broken)
            automatic = _automatic(bytes(self._rest[:4]))
            return automatic, 4 if automatic else 1
        if byte in _BLOCK_STARTS:
            return self._block()
        if byte & 0x90 == 0:
            return FenceAnswer(byte), 1
        return None, 1

    def _block(self) -> tuple[Said | None, int]:
        for end in range(1, len(self._rest)):
            byte = self._rest[end]
            if byte == 0:
                data = bytes(self._rest[: end + 1])
                if data[:2] == PROOF_START and len(data) == len(PROOF_START) + PROOF_ID_LENGTH + 1:
                    return Proof(data[2:-1]), len(data)
                return Block(data), len(data)
            if not _PRINTABLE_FIRST <= byte <= _PRINTABLE_LAST or end >= BLOCK_BYTES_MAX:
                return None, 1
        return None, 0
