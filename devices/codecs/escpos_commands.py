"""Where one ESC/POS command ends and the next begins; what each one means is nobody's business here.

A real-time question put between two bytes of one command breaks that command, so the driver has to know the seams; the
simulated printer finds them too, one byte at a time. Lengths are those of Epson's command reference. After a command
that is not known nothing is certain: the driver then sends the rest in one piece.
"""

import re
from collections.abc import Iterator
from typing import Final

DLE: Final = 0x10
REAL_TIME: Final = re.compile(rb"\x10[\x04\x05\x14]")
"""Where a printer hears a real-time command: status, recovery, drawer, power; in the midst of a picture's data, too."""
ESC: Final = 0x1B
FS: Final = 0x1C
GS: Final = 0x1D
_NUL: Final = 0

_ARGUMENTS: Final = {
    DLE: {0x04: 1, 0x05: 1},
    ESC: {
        **dict.fromkeys(b"@2<LSFim", 0),
        **dict.fromkeys(b"!-3=?ACEGJKMQRTUVacdrtuvx{", 1),
        0x20: 1,
        0x24: 2,
        0x5C: 2,
        0x70: 3,
        0x57: 8,
        0x63: 2,
    },
    FS: {**dict.fromkeys(b"&.", 0), **dict.fromkeys(b"!-CW", 1), 0x53: 2, 0x70: 2, 0x32: 0},
    GS: {
        **dict.fromkeys(b":", 0),
        **dict.fromkeys(b"!BEHITabcfhjrw/", 1),
        0x24: 2,
        0x4C: 2,
        0x50: 2,
        0x57: 2,
        0x5C: 2,
        0x5E: 3,
        0x7A: 2,
    },
}
"""Bytes after the first two, where that is a fixed number."""
_DLE_DC4: Final = {1: 2, 2: 2, 3: 5, 7: 1, 8: 7}
"""By function: bytes after the first three."""
_GS_BARCODE_COUNTED: Final = 65
_BIT_IMAGE_TALL: Final = {32, 33}

_LETTERS: Final = re.compile(b"[^" + b"".join(re.escape(bytes((first,))) for first in _ARGUMENTS) + b"]+")
"""Bytes that begin no longer command."""

UNKNOWN: Final = -1
MORE: Final = 0


def command_length(data: bytes | bytearray, at: int = 0) -> int:
    """How many bytes the command at `at` has; MORE when its length is not seen yet, UNKNOWN for a stranger.

    A byte that begins no command is a command of one byte: a letter, a line feed.
    """
    first = data[at]
    if first not in _ARGUMENTS:
        return 1
    if at + 1 >= len(data):
        return MORE
    second = data[at + 1]
    if second in _ARGUMENTS[first]:
        return 2 + _ARGUMENTS[first][second]
    return _counted_length(data, at, first, second)


def _counted_length(data: bytes | bytearray, at: int, first: int, second: int) -> int:
    def byte(offset: int) -> int:
        return data[at + offset] if at + offset < len(data) else UNKNOWN

    def header(length: int) -> bool:
        return len(data) >= at + length

    match first, chr(second):
        case 0x10, "\x14":
            return MORE if not header(3) else 3 + _DLE_DC4.get(byte(2), 0)
        case 0x10, _:
            return 1  # the first byte of a question whose rest was lost
        case 0x1D, "V":
            return MORE if not header(3) else (4 if byte(2) >= 65 else 3)
        case ((0x1D | 0x1C | 0x1B), "("):
            return MORE if not header(5) else 5 + byte(3) + 256 * byte(4)
        case 0x1D, "8" if byte(2) in (UNKNOWN, ord("L")):
            return MORE if not header(7) else 7 + int.from_bytes(data[at + 3 : at + 7], "little")
        case 0x1D, "v":
            return MORE if not header(8) else 8 + (byte(4) + 256 * byte(5)) * (byte(6) + 256 * byte(7))
        case 0x1D, "*":
            return MORE if not header(4) else 4 + byte(2) * byte(3) * 8
        case 0x1D, "k":
            if not header(4 if byte(2) >= _GS_BARCODE_COUNTED else 3):
                return MORE
            if byte(2) >= _GS_BARCODE_COUNTED:
                return 4 + byte(3)
            end = data.find(_NUL, at + 3)
            return MORE if end < 0 else end + 1 - at
        case 0x1B, "*":
            if not header(5):
                return MORE
            return 5 + (byte(3) + 256 * byte(4)) * (3 if byte(2) in _BIT_IMAGE_TALL else 1)
        case 0x1B, "D":
            end = data.find(_NUL, at + 2)
            return MORE if end < 0 else end + 1 - at
        case _:
            return UNKNOWN


def pieces(data: bytes, bytes_max: int) -> Iterator[bytes]:
    """The same bytes in pieces that end where a command ends, each as long as fits; a long command is one piece.

    None ends with a lone DLE: a question that is asked between two pieces would begin with a second one.
    """
    start = end = 0
    begun = False
    while end < len(data):
        if letters := _LETTERS.match(data, end):  # most of a receipt, each a command of one byte: not one by one
            cut = max(end + begun, start + max(1, bytes_max))
            while cut < letters.end():
                yield data[start:cut]
                start, cut = cut, cut + max(1, bytes_max)
            begun, end = False, letters.end()
            continue
        length = command_length(data, end)
        if length <= 0 or end + length > len(data):
            break
        if end + length - start > bytes_max and end > start and not begun:
            yield data[start:end]
            start = end
        begun = length == 1 and data[end] == DLE
        end += length
    if start < len(data):
        yield data[start:]


class CommandSplitter:
    """The same for a stream: whole commands out, whatever the cuts; a stranger is taken as two bytes."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def between(self) -> bool:
        """Whether the stream stands between two commands."""
        return not self._rest

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Commands that are complete now."""
        self._rest += data
        while self._rest:
            length = command_length(self._rest)
            if length == UNKNOWN:
                length = 2
            if length == MORE or length > len(self._rest):
                return
            command = bytes(self._rest[:length])
            del self._rest[:length]
            yield command

    def forget(self) -> None:
        """The power went: a half command is gone."""
        self._rest.clear()
