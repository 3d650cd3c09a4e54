"""A document as the bytes that an ESC/POS printer wants: one string, complete in itself.

It begins with `ESC @` and says everything anew (code page, style), so it does not matter what was printed before, and
nothing it says stays behind. Text is never a command: what comes from a document has no byte below 0x20 left
(`characters`), pictures and codes carry their length. Sources: Epson's ESC/POS command reference.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Final

from devices.codecs.escpos_commands import REAL_TIME
from devices.receipts.characters import wrapped
from devices.receipts.code_pages import CodePage
from devices.receipts.document import Barcode, Cut, Document, Drawer, Qr
from devices.receipts.document import Image as Picture
from devices.receipts.dots import Dots, enlarged, stacked
from devices.receipts.fonts import drawn_line
from devices.receipts.layout import Laid, Line, laid_out
from devices.receipts.pictures import ROWS_A_COMMAND, black_and_white, picture_commands
from devices.receipts.profiles import PrinterProfile
from devices.receipts.symbols import (
    BARCODE_QUIET_MODULES,
    barcode_dots,
    checked_barcode,
    module_dots,
    modules_wide,
    native_barcode,
    qr_dots,
    qr_modules,
    qr_payload,
)

RESET: Final = b"\x1b@"
ONE_BYTE: Final = b"\x1c."
"""ends the mode in which two bytes are a Chinese character"""
USA: Final = b"\x1bR\0"
"""# $ @ [ \\ ] and so on are themselves"""
FEED_TO_KNIFE: Final = b"\x1bd\x06"
CUT: Final = {"full": b"\x1dV\x00", "part": b"\x1dV\x01", "none": b""}
_LEFT, _CENTRE = b"\x1ba\0", b"\x1ba\x01"
_DRAWN_SHARE: Final = 3
"""When one line in so many must be drawn, all are: two faces on one receipt look like a fault."""


def kick(drawer: int = 1, on_ms: int = 50) -> bytes:
    """`ESC p`: open a drawer, in the order of printing; `on_ms` is how long its magnet is on (2 to 510)."""
    on = max(1, min(255, on_ms // 2))
    return b"\x1bp" + bytes([drawer - 1, on, 0xFA])


def kick_now(drawer: int = 1, on_ms: int = 100) -> bytes:
    """`DLE DC4 1`: open a drawer at once, also when the printer is out of paper; `on_ms` from 100 to 800."""
    return b"\x10\x14\x01" + bytes([drawer - 1, max(1, min(8, on_ms // 100))])


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a picture in the bytes says: `at` is where its command begins."""

    at: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slip:
    """What goes to the printer in one piece, and for a preview what its drawn lines say."""

    data: bytes
    drawn: tuple[Drawn, ...]


def slip(document: Document, profile: PrinterProfile) -> Slip:
    """The document for this printer. `DocumentRefused` before anything is printed, if a code or a picture is none."""
    laid, all_drawn = laid_for(document, profile)
    printer = _Printer(profile, all_drawn)
    printer.begin()
    for kind, blocks in groupby(laid, key=lambda block: isinstance(block, Line) and printer.must_draw(block)):
        if kind:
            printer.draw([block for block in blocks if isinstance(block, Line)])
        else:
            for block in blocks:
                printer.put(block)
    assert REAL_TIME.search(printer.out) is None
    return Slip(bytes(printer.out), tuple(printer.drawn))


def laid_for(document: Document, profile: PrinterProfile) -> tuple[list[Laid], bool]:
    """The lines for this printer, and whether all are drawn; then they need no look-alikes."""
    if not profile.drawn:
        laid = laid_out(document, profile.columns, profile.pages.spelled)
        lines = [line.text for line in laid if isinstance(line, Line) and line.text]
        lacking = sum(not profile.pages.chars.issuperset(text) for text in lines)
        if lacking * _DRAWN_SHARE <= len(lines):
            return laid, False
    return laid_out(document, profile.columns, str), True


class _Printer:
    """The state of the printer as the bytes so far leave it."""

    def __init__(self, profile: PrinterProfile, all_drawn: bool) -> None:
        self.profile, self.all_drawn = profile, all_drawn
        self.out = bytearray()
        self.drawn: list[Drawn] = []
        self.page: CodePage | None = None
        self.style = 0

    def begin(self) -> None:
        self.out += RESET
        if self.profile.two_byte_mode:
            self.out += ONE_BYTE
        self.out += USA

    def must_draw(self, line: Line) -> bool:
        if not line.text:
            return False
        return self.all_drawn or not self.profile.pages.chars.issuperset(line.text)

    def put(self, block: Laid) -> None:
        match block:
            case Line():
                self._line(block)
            case Qr():
                self._qr(block)
            case Barcode():
                self._barcode(block)
            case Picture(image=data):
                self._picture(black_and_white(data, self.profile.dots))
            case Cut():
                self.out += FEED_TO_KNIFE + CUT[self.profile.cut]
            case Drawer(drawer=drawer):
                self.out += kick(drawer)

    def _line(self, line: Line) -> None:
        if line.text:
            style = 0x08 * line.bold | 0x10 * line.tall | 0x20 * line.wide
            if style != self.style:
                self.out += b"\x1b!" + bytes([style])
                self.style = style
            runs = self.profile.pages.runs(line.text, self.page)
            assert runs is not None, "a line that cannot be written is drawn"
            for page, encoded in runs:
                if page is not self.page:
                    self.out += b"\x1bt" + bytes([page.slot])
                    self.page = page
                self.out += encoded
        self.out += b"\n"

    def draw(self, lines: list[Line]) -> None:
        """Lines that the printer has no letters for: as few pictures as its memory allows, for many make it stutter."""
        part: list[tuple[str, Dots]] = []
        rows = 0
        for line in lines:
            picture = self._drawn_line(line)
            rows += len(picture) + self.profile.cell.leading
            if rows > ROWS_A_COMMAND:
                self._draw(part)
                part, rows = [], len(picture) + self.profile.cell.leading
            part.append((line.text, picture))
        self._draw(part)

    def _draw(self, part: list[tuple[str, Dots]]) -> None:
        self.drawn.append(Drawn(len(self.out), tuple(text for text, _ in part)))
        width = min(self.profile.dots, max(each.shape[1] for _, each in part))
        self._pictures(stacked([each for _, each in part], width, self.profile.cell.leading))

    def _drawn_line(self, line: Line) -> Dots:
        cell = self.profile.cell
        letters = drawn_line(line.text, cell.width, cell.height, line.bold)
        return enlarged(letters, 2 if line.wide else 1, 2 if line.tall else 1)

    def _pictures(self, picture: Dots) -> None:
        for command in picture_commands(picture, self.profile.pictures):
            self.out += command

    def _picture(self, picture: Dots) -> None:
        self.out += _CENTRE
        self._pictures(picture)
        self.out += _LEFT

    def _qr(self, block: Qr) -> None:
        payload = qr_payload(block)
        modules = qr_modules(payload)
        size = module_dots(modules, block.size, self.profile.dots)
        if not self.profile.qr or REAL_TIME.search(payload):  # a printer would hear a command in its own code's text
            # Pins are coarse: twice as far apart downwards as across.
            across, down = (2 * max(1, size // 2), max(1, size // 2)) if self._pins else (size, size)
            self._picture(qr_dots(payload, across, down))
            return
        self.out += _CENTRE
        for function in (b"A2\0", b"C" + bytes([size]), b"E1", b"P0" + payload, b"Q0"):
            self.out += b"\x1d(k" + (len(function) + 1).to_bytes(2, "little") + b"1" + function
        self.out += _LEFT

    @property
    def _pins(self) -> bool:
        return self.profile.pictures == "columns8"

    def _barcode(self, block: Barcode) -> None:
        code = checked_barcode(block)
        fits = self.profile.dots // (modules_wide(block.symbology, code) + 2 * BARCODE_QUIET_MODULES)
        if fits < 2:  # a module of one dot is read by no scanner: then at least people can
            for part in wrapped(code, self.profile.columns):
                self.put(Line(part))
            return
        width, height = min(3, fits), block.height_mm * (3 if self._pins else 8)
        native = native_barcode(block.symbology, code, self.profile.barcodes)
        if native is None:
            self._picture(barcode_dots(block.symbology, code, width, height))
            self.put(Line(code.center(self.profile.columns).rstrip()))
            return
        self.out += _CENTRE + b"\x1dh" + bytes([min(255, height)]) + b"\x1dw" + bytes([width])
        self.out += b"\x1df\0\x1dH\x02" + native + _LEFT
