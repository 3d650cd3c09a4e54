"""From a scanner's bytes to single scans: where one ends, what the scanner says it read, and which are two in one.

A scan is data, an AIM id before it if the scanner is set to send one (`]E0`), and CR, LF or both behind it. What came
without its end is dropped, never passed on: half a code can be another good's code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import biip
from biip.gtin import Gtin

SCAN_BYTES_MAX: Final = 1024
"""Marked shoes have 127 characters and more; longer than this is noise."""
GAP_S: Final = 0.05
"""A pause of this length ends a scan of a scanner that sends no end."""
LEFT_S: Final = 0.5
"""A beginning without an end after this time will not get one."""
GS: Final = "\x1d"
AIM: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_FNC1_BYTE: Final = "\xe8"


@dataclass(frozen=True, slots=True)
class RawScan:
    """One code as it was read; `data` has GS characters and nothing else changed."""

    data: str
    aim: str = ""
    """`]d2`; empty = the scanner does not tell"""


class ScanSplitter:
    """Bytes in, scans out."""

    def __init__(self, ends: Literal["line", "pause"] = "line", group_separator: str = GS) -> None:
        self._ends = ends
        self._group_separator = group_separator
        self._rest = bytearray()
        self._last_at = 0.0
        self._too_long = False
        self.dropped = 0
        """beginnings without an end, and noise"""

    def feed(self, data: bytes, at: float) -> Iterator[RawScan]:
        """Scans that are complete now."""
        yield from self.look(at)
        if data:
            self._last_at = at
        for byte in data:
            if byte in b"\r\n":
                yield from self._end()
            elif len(self._rest) >= SCAN_BYTES_MAX:
                self._too_long = True
            else:
                self._rest.append(byte)

    def look(self, at: float) -> Iterator[RawScan]:
        """Nothing came: is that the end of a scan, or of hope for one?"""
        pause = at - self._last_at
        if self._ends == "pause" and pause >= GAP_S:
            yield from self._end()
        elif pause >= LEFT_S and self._rest:
            self.forget()

    def forget(self) -> None:
        """The line was lost: a beginning is no scan."""
        self.dropped += bool(self._rest)
        self._rest.clear()
        self._too_long = False

    def _end(self) -> Iterator[RawScan]:
        if self._too_long:
            self.forget()
            return
        text = self._rest.decode("latin-1")
        self._rest.clear()
        if self._group_separator != GS:
            text = text.replace(self._group_separator, GS)
        if text.replace(_FNC1_BYTE, "").isascii():  # among others like it, it is a letter of another layout
            text = text.replace(_FNC1_BYTE, GS)
        if text:
            yield from _apart(text)


def _apart(text: str) -> Iterator[RawScan]:
    """Two scans whose end was lost between them; split only if each is a good code by itself."""
    starts = [match.start() for match in AIM.finditer(text)]
    if starts[:1] == [0]:
        parts = [text[begin:end] for begin, end in zip(starts, [*starts[1:], len(text)], strict=True)]
        if len(parts) > 1 and all(_is_gtin(part[3:]) for part in parts):
            yield from (RawScan(part[3:], part[:3]) for part in parts)
        else:
            yield RawScan(text[3:], text[:3])
    elif len(text) == 26 and _is_gtin(text[:13]) and _is_gtin(text[13:]):
        yield from (RawScan(text[:13]), RawScan(text[13:]))
    else:
        yield RawScan(text)


def _is_gtin(text: str) -> bool:
    return gtin_of(text) is not None


def gtin_of(text: str) -> Gtin | None:
    """The article number, if these 8, 12, 13 or 14 digits are one."""
    if not (text.isascii() and text.isdecimal() and len(text) in (8, 12, 13, 14)):
        return None
    try:
        return Gtin.parse(text)
    except biip.ParseError:
        return None
