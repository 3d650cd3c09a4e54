"""What a slip looks like, from its very bytes: as text for a terminal and as a picture for a person.

The picture is drawn with our own letters, for a printer's are in its memory; widths, places, pictures and codes are
those of the bytes.
"""

import io
import re
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from devices.receipts.characters import columns_of
from devices.receipts.dots import as_image, enlarged
from devices.receipts.escpos import Slip
from devices.receipts.fonts import drawn_line
from devices.receipts.profiles import PrinterProfile
from devices.receipts.reading import (
    BarcodePrinted,
    CutPaper,
    Item,
    Kicked,
    Pictured,
    Printed,
    QrPrinted,
    Unknown,
    paper,
)
from devices.receipts.symbols import barcode_dots, qr_dots

MARGIN_DOTS: Final = 24
"""of paper around what is printed"""
_LEADING: Final = 6
_HEIGHT_MAX: Final = 30_000


def read_back(slip: Slip, profile: PrinterProfile) -> list[Item]:
    """What the slip prints on a printer of this profile."""
    return paper(slip, {page.slot: page.name for page in profile.pages.pages})


def as_text(slip: Slip, profile: PrinterProfile) -> str:
    """The paper as lines of text; what is not text in brackets."""
    lines: list[str] = []
    for item in read_back(slip, profile):
        match item:
            case Printed(text=text, wide=wide):
                lines.append(_spread(text, profile.columns) if wide else text)
            case Pictured(picture=picture, lines=said):
                lines += said or [_middle(f"[picture {picture.width} x {picture.height}]", profile.columns)]
            case QrPrinted(payload=payload):
                lines.append(_middle(f"[QR {payload.decode('utf-8', 'replace')}]", profile.columns))
            case BarcodePrinted(symbology=symbology, code=code):
                lines.append(_middle(f"[{symbology} {code}]", profile.columns))
            case CutPaper():
                lines.append("✂" + " -" * ((profile.columns - 1) // 2))
            case Kicked(drawer=drawer):
                lines.append(f"[drawer {drawer} opens]")
            case Unknown(data=data):
                lines.append(f"[unknown {data.hex(' ')}]")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _spread(text: str, columns: int) -> str:
    """Letters of double width in single ones: what stood in the middle or on the right does so still."""
    inner = text.lstrip(" ")
    before = len(text) - len(inner)
    if before:
        to_the_right = 2 * columns_of(text) >= columns - 1
        return " " * (2 * before + columns_of(inner) // (1 if to_the_right else 2)) + inner
    gap = max(re.findall(r" {2,}", text), key=len, default="")
    return text.replace(gap, gap + " " * columns_of(text), 1) if gap else text


def _middle(text: str, columns: int) -> str:
    return " " * max(0, (columns - columns_of(text)) // 2) + text


def as_picture(slip: Slip, profile: PrinterProfile) -> Image.Image:
    """The paper, black on white, with its margins; one dot of the printer is one pixel."""
    parts = [_part(item, profile) for item in read_back(slip, profile)]
    height = min(_HEIGHT_MAX, sum(part.height for part in parts) + 2 * MARGIN_DOTS)
    whole = Image.new("1", (profile.dots + 2 * MARGIN_DOTS, height))
    top = MARGIN_DOTS
    for part in parts:
        whole.paste(part, (MARGIN_DOTS, top))
        top += part.height
    return ImageOps.invert(whole.convert("L"))


def as_png(slip: Slip, profile: PrinterProfile) -> bytes:
    """The same as a PNG."""
    out = io.BytesIO()
    as_picture(slip, profile).convert("1").save(out, "PNG")
    return out.getvalue()


def _part(item: Item, profile: PrinterProfile) -> Image.Image:
    across, down = profile.dots, profile.cell.height + _LEADING
    match item:
        case Printed(text=text, bold=bold, wide=wide, tall=tall):
            return _letters(text, profile, bold, wide, tall)
        case Pictured(picture=picture, centred=centred):
            return _placed(picture, across, centred)
        case QrPrinted(payload=payload, dots=dots):
            return _placed(as_image(qr_dots(payload, dots, dots)), across, True)
        case BarcodePrinted(symbology=symbology, code=code, width=width, height=height):
            bars = _placed(as_image(barcode_dots(symbology, code, width, height)), across, True)
            below = _placed(_letters(code, profile).crop((0, 0, len(code) * profile.cell.width, down)), across, True)
            return _stacked(bars, below)
        case CutPaper():
            strip = Image.new("1", (across, down))
            ImageDraw.Draw(strip).line([(0, down // 2), (across, down // 2)], fill=1)
            for x in range(0, across, 16):
                strip.paste(0, (x, 0, x + 8, down))
            return strip
        case Kicked(drawer=drawer):
            return _letters(f"[drawer {drawer}]", profile)
        case Unknown(data=data):
            return _letters(f"[{data[:8].hex(' ')}]", profile)


def _letters(
    text: str, profile: PrinterProfile, bold: bool = False, wide: bool = False, tall: bool = False
) -> Image.Image:
    cell = profile.cell
    times_across, times_down = (2 if wide else 1), (2 if tall else 1)
    strip = Image.new("1", (profile.dots, cell.height * times_down + _LEADING))
    if text:
        line = enlarged(drawn_line(text, cell.width, cell.height, bold), times_across, times_down)
        strip.paste(as_image(line), (0, 0))
    return strip


def _placed(picture: Image.Image, across: int, centred: bool) -> Image.Image:
    strip = Image.new("1", (across, picture.height))
    strip.paste(picture, (max(0, across - picture.width) // 2 if centred else 0, 0))
    return strip


def _stacked(above: Image.Image, below: Image.Image) -> Image.Image:
    both = Image.new("1", (above.width, above.height + below.height))
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    return both
