"""A printer's bytes read back: what would be on the paper. The other half of `escpos`, and its judge in tests.

It knows the commands that `escpos` writes and those that a job puts around them, keeps state as a printer does (page,
style, justification), and takes anything: bytes that it does not know are kept as `Unknown`, a command that is cut off
ends the paper. It never raises for what it reads.
"""

from dataclasses import dataclass
from typing import Final

from PIL import Image

from devices.receipts.code_pages import upper_half
from devices.receipts.escpos import Slip


@dataclass(frozen=True, slots=True)
class Printed:
    """A line of letters; empty is a fed line."""

    text: str
    bold: bool = False
    wide: bool = False
    tall: bool = False


@dataclass(frozen=True, slots=True)
class Pictured:
    """A picture, 1 is black; `lines` is what it says, where that is known."""

    picture: Image.Image
    centred: bool
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QrPrinted:
    """A QR code that the printer made."""

    payload: bytes
    dots: int


@dataclass(frozen=True, slots=True)
class BarcodePrinted:
    """A bar code that the printer made."""

    symbology: str
    code: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CutPaper:
    """The knife."""


@dataclass(frozen=True, slots=True)
class Kicked:
    """A drawer was opened."""

    drawer: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes that are no command of ours."""

    data: bytes


Item = Printed | Pictured | QrPrinted | BarcodePrinted | CutPaper | Kicked | Unknown

# A command's fixed bytes after its name; what has a length of its own is read where it is met.
_FIXED: Final = {
    **dict.fromkeys((b"\x1b@", b"\x1b2", b"\x1c."), 0),
    **dict.fromkeys((b"\x1bt", b"\x1b!", b"\x1ba", b"\x1bd", b"\x1b3", b"\x1bR", b"\x1dV", b"\x1dh", b"\x1dw"), 1),
    **dict.fromkeys((b"\x1df", b"\x1dH", b"\x1dr", b"\x1da", b"\x10\x04", b"\x10\x05"), 1),
    b"\x1bp": 3,
    b"\x10\x14": 3,
}
_SYMBOLOGIES: Final = {0: "UPC-A", 2: "EAN13", 3: "EAN8", 4: "CODE39", 5: "ITF", 73: "CODE128"}


class _CutOff(Exception):
    """The bytes end inside a command."""


def paper(slip: Slip, code_pages: dict[int, str]) -> list[Item]:
    """What the slip prints on a printer with these code pages (`ESC t` number to name)."""
    reader = _Reader(slip, code_pages)
    try:
        while reader.at < len(reader.data):
            reader.step()
    except _CutOff:
        reader.items.append(Unknown(bytes(reader.data[reader.begun :])))
    reader.line_feed(only_with_text=True)
    return reader.items


def _code128(data: bytes) -> bytes:
    """What the data of a CODE128 say: set C is two digits a byte, in set B a brace is doubled."""
    if not data.startswith(b"{C"):
        return data[2:].replace(b"{{", b"{")
    pairs, _, last = data[2:].partition(b"{B")
    return b"".join(b"%02d" % pair for pair in pairs) + last


class _Reader:
    def __init__(self, slip: Slip, code_pages: dict[int, str]) -> None:
        self.data, self.at, self.begun = slip.data, 0, 0
        self.said = {drawn.at: drawn.lines for drawn in slip.drawn}
        self.code_pages = code_pages
        self.items: list[Item] = []
        self.strips: list[Image.Image] = []
        self.strips_said: tuple[str, ...] = ()
        self.reset()

    def reset(self) -> None:
        self.upper = upper_half("CP437") or ""
        self.style = 0
        self.centred = False
        self.text = ""
        self.qr, self.qr_dots = b"", 3
        self.bar_height, self.bar_width = 162, 3

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise _CutOff
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def step(self) -> None:
        self.begun = self.at
        byte = self.data[self.at]
        if byte >= 0x20:
            end = self.at
            while end < len(self.data) and self.data[end] >= 0x20:
                end += 1
            self.text += "".join(
                chr(each) if each < 0x80 else self.upper[each - 0x80] for each in self.take(end - self.at)
            )
        elif byte == 0x0A:
            self.at += 1
            self.line_feed()
        elif byte in (0x10, 0x1B, 0x1C, 0x1D):
            self.command(self.take(2))
        else:
            self.items.append(Unknown(self.take(1)))

    def line_feed(self, only_with_text: bool = False) -> None:
        if self.text or not only_with_text:
            bold, tall, wide = bool(self.style & 0x08), bool(self.style & 0x10), bool(self.style & 0x20)
            self.items.append(Printed(self.text, bold, wide, tall))
        self.text = ""

    def command(self, name: bytes) -> None:
        if name in _FIXED:
            self.plain(name, self.take(_FIXED[name]))
        elif name == b"\x1dv":
            self.raster()
        elif name == b"\x1b*":
            self.columns()
        elif name == b"\x1dk":
            self.barcode()
        elif name == b"\x1d(":
            self.bracket()
        else:
            self.items.append(Unknown(name))

    def plain(self, name: bytes, given: bytes) -> None:
        match name:
            case b"\x1b@":
                self.reset()
            case b"\x1bt":
                self.upper = upper_half(self.code_pages.get(given[0], "")) or "\ufffd" * 128
            case b"\x1b!":
                self.style = given[0]
            case b"\x1ba":
                self.centred = given[0] in (1, 49)
            case b"\x1bd":
                self.line_feed(only_with_text=True)
                self.items += [Printed("")] * given[0]
            case b"\x1dV":
                if given[0] in (65, 66):
                    self.take(1)
                self.items.append(CutPaper())
            case b"\x1bp":
                self.items.append(Kicked(given[0] % 48 + 1))
            case b"\x10\x14" if given[0] == 1:
                self.items.append(Kicked(given[1] + 1))
            case b"\x1dh":
                self.bar_height = given[0]
            case b"\x1dw":
                self.bar_width = given[0]
            case b"\x1b2" if self.strips:
                self.strips_end()

    def raster(self) -> None:
        self.take(2)
        across = int.from_bytes(self.take(2), "little")
        down = int.from_bytes(self.take(2), "little")
        dots = self.take(across * down)
        if across and down:
            picture = Image.frombytes("1", (across * 8, down), dots)
            self.items.append(Pictured(picture, self.centred, self.said.get(self.begun, ())))

    def columns(self) -> None:
        mode = self.take(1)[0]
        rows = 24 if mode in (32, 33) else 8
        wide = int.from_bytes(self.take(2), "little")
        dots = self.take(wide * rows // 8)
        if not wide:
            return
        self.strips.append(Image.frombytes("1", (rows, wide), dots).transpose(Image.Transpose.TRANSPOSE))
        # `ESC 3 n` stands before the first strip, and that is where the picture begins.
        self.strips_said = self.strips_said or self.said.get(self.begun - 3, ())
        if self.data[self.at : self.at + 1] == b"\n":
            self.at += 1

    def strips_end(self) -> None:
        whole = Image.new("1", (max(each.width for each in self.strips), sum(each.height for each in self.strips)))
        top = 0
        for strip in self.strips:
            whole.paste(strip, (0, top))
            top += strip.height
        self.items.append(Pictured(whole, self.centred, self.strips_said))
        self.strips, self.strips_said = [], ()

    def barcode(self) -> None:
        kind = self.take(1)[0]
        if kind <= 6:
            end = self.data.find(b"\0", self.at)
            if end < 0:
                raise _CutOff
            code = self.take(end - self.at + 1)[:-1]
        else:
            code = self.take(self.take(1)[0])
        name = _SYMBOLOGIES.get(kind)
        if name is None:
            self.items.append(Unknown(bytes(self.data[self.begun : self.at])))
            return
        if kind == 73:
            code = _code128(code)
        shown = code.decode("ascii", "replace")
        self.items.append(BarcodePrinted(name, shown, self.bar_width, self.bar_height))

    def bracket(self) -> None:
        group = self.take(1)
        given = self.take(int.from_bytes(self.take(2), "little"))
        if group != b"k" or given[:1] != b"1":
            self.items += [] if group == b"H" else [Unknown(bytes(self.data[self.begun : self.at]))]
            return
        match given[1:2]:
            case b"C":
                self.qr_dots = given[2] if len(given) > 2 else 3
            case b"P":
                self.qr = given[3:]
            case b"Q" if self.qr:
                self.items.append(QrPrinted(self.qr, self.qr_dots))
