"""Two protocols of scales that stand at a till: Toledo 8217 and CAS (AP-1, PD-II, SW-II). Weights are whole grams.

Toledo 8217 (9600 7E1): `W` -> `02 "01.250" ["N"] 0D` when stable, else `02 3F status 0D`.
CAS (9600 8N1): ENQ `05` -> ACK `06`; DC1 `11` -> `01 02 STA SIGN w w . w w w k g BCC 03 04`.
A reader skips whatever is no whole frame and is in step again with the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor
from typing import Final

_STX, _ETX, _EOT, _SOH, _CR = 0x02, 0x03, 0x04, 0x01, 0x0D
ACK: Final = 0x06
NAK: Final = 0x15
TOLEDO_ASK: Final = b"W"
CAS_HELLO: Final = b"\x05"
CAS_ASK: Final = b"\x11"
FRAME_BYTES_MAX: Final = 15
_CAS_BYTES: Final = 15


class NoWeight(StrEnum):
    """Why there is no weight to sell by."""

    MOTION = "motion"
    OVER = "over"
    UNDER_ZERO = "under_zero"
    OUTSIDE_ZERO = "outside_zero"
    """it was switched on with something on it"""
    WRONG_UNIT = "wrong_unit"
    EMPTY = "empty"
    REFUSED = "refused"
    SILENT = "silent"
    BUSY = "busy"
    """somebody else is weighing on it"""
    NOT_EMPTIED = "not_emptied"
    """the last item still lies there"""


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer of a scale."""

    grams: int | None
    trouble: NoWeight | None
    net: bool = False
    """the scale itself took a tare off"""
    evidence: bytes = b""


@dataclass(frozen=True, slots=True)
class Control:
    """A single byte: it is there, or it cannot."""

    byte: int


def grams_of(text: bytes) -> int | None:
    """`01.250` kilograms are 1250 grams, exactly; None for what is no weight or not whole grams."""
    whole, dot, part = text.strip().partition(b".")
    if not dot or not whole.isdigit() or not part.isdigit() or len(part) > 3 or len(whole) > 5:
        return None
    return int(whole) * 1000 + int(part.ljust(3, b"0"))


class ToledoReader:
    """Toledo 8217's answers."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames that are complete now."""
        self._rest += data
        while (start := self._rest.find(_STX)) >= 0:
            del self._rest[:start]
            end = self._end()
            if end == 0:
                return
            body = bytes(self._rest[1:end])
            frame = _toledo(body)
            del self._rest[: end + 1 if frame else 1]
            if frame:
                yield frame
        self._rest.clear()

    def forget(self) -> None:
        """What came before does not count."""
        self._rest.clear()

    def _end(self) -> int:
        """Where the frame's CR is; 0 = not there yet, 1 = it will not come."""
        if self._rest[1:2] == b"?":  # its status may look like a CR
            return 3 if len(self._rest) > 3 else 0
        end = self._rest.find(_CR, 1, FRAME_BYTES_MAX)
        if end < 0:
            return 1 if len(self._rest) >= FRAME_BYTES_MAX else 0
        return end


def _toledo(body: bytes) -> Frame | None:
    if body[:1] == b"?" and len(body) == 2:
        status = body[1] & 0x7F
        for bit, trouble in (
            (0x02, NoWeight.OVER),
            (0x04, NoWeight.UNDER_ZERO),
            (0x08, NoWeight.OUTSIDE_ZERO),
            (0x40, NoWeight.REFUSED),
            (0x01, NoWeight.MOTION),
        ):
            if status & bit:
                return Frame(None, trouble, evidence=body)
        return Frame(None, NoWeight.REFUSED, evidence=body)
    net = body.endswith(b"N")
    grams = grams_of(body.removesuffix(b"N"))
    return None if grams is None else Frame(grams, None, net, body)


class CasReader:
    """CAS' answers; a frame with a wrong sum is none."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame | Control]:
        """What is complete now."""
        self._rest += data
        while self._rest:
            first = self._rest[0]
            if first in (ACK, NAK):
                del self._rest[0]
                yield Control(first)
            elif first != _SOH:
                del self._rest[0]
            elif len(self._rest) < _CAS_BYTES:
                return
            elif (frame := _cas(bytes(self._rest[:_CAS_BYTES]))) is None:
                del self._rest[0]
            else:
                del self._rest[:_CAS_BYTES]
                yield frame

    def forget(self) -> None:
        """What came before does not count."""
        self._rest.clear()


def _cas(data: bytes) -> Frame | None:
    body = data[2:12]
    if data[1] != _STX or data[13:] != bytes((_ETX, _EOT)) or data[12] != reduce(xor, body):
        return None
    if body[1:2] == b"F":
        return Frame(None, NoWeight.OVER, evidence=data)
    if body[:1] not in (b"S", b"U"):
        return None
    if body[8:].lower() != b"kg":
        return Frame(None, NoWeight.WRONG_UNIT, evidence=data)
    grams = grams_of(body[2:8])
    if grams is None:
        return None
    if body[1:2] == b"-" and grams:
        return Frame(None, NoWeight.UNDER_ZERO, evidence=data)
    return Frame(grams, None if body[:1] == b"S" else NoWeight.MOTION, evidence=data)


def cas_frame(grams: int, *, stable: bool = True, unit: bytes = b"kg", over: bool = False) -> bytes:
    """The frame that a CAS scale sends."""
    sign = b"F" if over else b"-" if grams < 0 else b" "
    weight = b"%02d.%03d" % divmod(abs(grams), 1000)
    body = (b"S" if stable else b"U") + sign + weight + unit
    return bytes((_SOH, _STX)) + body + bytes((reduce(xor, body), _ETX, _EOT))


def toledo_frame(grams: int, *, net: bool = False) -> bytes:
    """The frame that a Toledo scale sends."""
    return bytes((_STX,)) + b"%02d.%03d" % divmod(grams, 1000) + (b"N" if net else b"") + bytes((_CR,))
