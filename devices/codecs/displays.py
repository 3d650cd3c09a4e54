"""Customer displays of two lines with twenty letters: Epson's commands and CD5220's. Encoders, and a decoder of both.

Epson: `1B 40` start, `0C` clear, `1F 24 x y` cursor, `1B 74 n` code page. CD5220: `1B 51 41 text 0D` upper line, `42`
lower. Text is composed, put into the code page, and what is not in it is shown by what it looks like, never by a `?`.
"""

import unicodedata
from typing import Final, Literal

from devices.shown import COLUMNS

START: Final = b"\x1b\x40"
CLEAR: Final = b"\x0c"
_CURSOR: Final = b"\x1f\x24"
_CODE_PAGE: Final = b"\x1b\x74"
_UPPER, _LOWER = b"\x1b\x51\x41", b"\x1b\x51\x42"
CODE_PAGES: Final = {"cp437": 0, "cp852": 18, "cp866": 17, "cp1251": 46, "cp858": 19}
"""Name to Epson's number."""
_LIKE: Final = dict(zip("₽€№«»—–…’„”ґłŁ×ёЁіІ", 'рEN""--.\'""гlLxеЕiI', strict=True))
DisplayProtocol = Literal["epson_display", "cd5220"]


def line_bytes(text: str, code_page: str) -> bytes:
    """Exactly twenty bytes, none of them a command."""
    shown = bytearray()
    for character in unicodedata.normalize("NFC", text):
        shown += _one(character, code_page)
    return bytes(shown[:COLUMNS]).ljust(COLUMNS)


def _one(character: str, code_page: str) -> bytes:
    kind = unicodedata.category(character)
    if kind in ("Zs", "Cc"):
        return b" "
    if kind[0] in "CM":
        return b""
    bare = unicodedata.normalize("NFKD", character)[0]
    for like in (character, _LIKE.get(character, ""), bare, _LIKE.get(bare, "")):
        if like:
            try:
                return like.encode(code_page)
            except UnicodeEncodeError:
                continue
    return b"*"


def encode(protocol: DisplayProtocol, upper: str, lower: str, code_page: str) -> bytes:
    """Both lines, whole: a display keeps nothing of what was there."""
    first, second = line_bytes(upper, code_page), line_bytes(lower, code_page)
    if protocol == "cd5220":
        return _UPPER + first + b"\r" + _LOWER + second + b"\r"
    page = _CODE_PAGE + bytes((CODE_PAGES[code_page],))
    return page + _CURSOR + b"\x01\x01" + first + _CURSOR + b"\x01\x02" + second


class DisplayDecoder:
    """What a display that gets these bytes shows; anything else is skipped. Both protocols, as many displays do."""

    def __init__(self) -> None:
        self.cells = [bytearray(b" " * COLUMNS), bytearray(b" " * COLUMNS)]
        self.code_page = "cp437"
        self._rest = bytearray()
        self._column = self._row = 0

    def lines(self, code_page: str = "") -> tuple[str, str]:
        """Upper and lower line; a display whose page is set by a switch is read with that page."""
        upper, lower = (cells.decode(code_page or self.code_page, "replace") for cells in self.cells)
        return upper, lower

    def feed(self, data: bytes) -> None:
        """Show it."""
        self._rest += data
        while self._rest:
            length = self._command_length()
            if length == 0:
                return
            command = bytes(self._rest[:length])
            del self._rest[:length]
            self._show(command)

    def _command_length(self) -> int:
        """0 = more is to come."""
        rest = self._rest
        if rest[0] == 0x1B:
            if len(rest) < 2:
                return 0
            if rest[1] == 0x51:
                end = rest.find(0x0D, 3, 3 + COLUMNS + 1)
                return end + 1 if end >= 0 else (0 if len(rest) < 4 + COLUMNS else 1)
            return 2 if rest[1] == 0x40 else (0 if len(rest) < 3 else 3)
        if rest[0] == 0x1F:
            return 0 if len(rest) < 4 else 4
        return 1

    def _show(self, command: bytes) -> None:
        match command[0], command[1:]:
            case 0x0C, _:
                self._clear()
            case 0x1B, b"\x40":
                self._clear()
                self.code_page = "cp437"
            case 0x1B, rest if rest[:1] == b"\x51" and rest[1:2] in (b"A", b"B"):
                self.cells[rest[1] - ord("A")] = bytearray(rest[2:-1].ljust(COLUMNS)[:COLUMNS])
            case 0x1B, rest if rest[:1] == b"\x74":
                self.code_page = next((name for name, n in CODE_PAGES.items() if n == rest[1]), self.code_page)
            case 0x1F, rest if rest[:1] == b"\x24" and 1 <= rest[1] <= COLUMNS and rest[2] in (1, 2):
                self._column, self._row = rest[1] - 1, rest[2] - 1
            case byte, _ if byte >= 0x20:
                self.cells[self._row][self._column] = byte
                self._column += 1
                if self._column == COLUMNS:
                    self._column, self._row = 0, 1 - self._row

    def _clear(self) -> None:
        self.cells = [bytearray(b" " * COLUMNS), bytearray(b" " * COLUMNS)]
        self._column = self._row = 0
