"""Pictures as a printer takes them: black and white, no wider than the paper, in rows or in columns of dots."""

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image

from devices.codecs.escpos_commands import REAL_TIME
from devices.receipts.document import DocumentRefused
from devices.receipts.dots import Dots, from_image
from devices.receipts.profiles import Pictures

FORMATS: Final = ("PNG", "JPEG", "BMP")
PIXELS_MAX: Final = 4_000_000
"""looked at before anything is unpacked: a small file can hold a very large picture"""
SIDES_MAX: Final = 20
"""times as high as wide, or as wide as high"""
ROWS_A_COMMAND: Final = 256
"""Small printers keep a few kilobytes: a long picture goes in parts."""


def black_and_white(data: bytes, dots: int) -> Dots:
    """A picture that somebody sent, 1 is black; narrower papers shrink it. `DocumentRefused` if it is none."""
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = picture.size
        if width * height > PIXELS_MAX or max(width, height) > SIDES_MAX * min(width, height):
            raise DocumentRefused("image", f"{width} x {height} is too large or too long")
        picture.load()
    except DocumentRefused:
        raise
    except Exception:  # of a broken picture Pillow says what it likes: struct.error, zlib.error, DecompressionBombError
        raise DocumentRefused("image", f"not a picture ({', '.join(FORMATS)}) that can be read") from None
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    if paper.width > dots:
        paper = paper.resize((dots, max(1, round(paper.height * dots / paper.width))))
    return from_image(paper.convert("L").point(lambda light: 255 - light).convert("1"))


def harmless(packed: bytes) -> bytes:
    """Dots in which no printer hears a real-time command: eight in a row of which one is black get a second beside it.

    Printers look for those commands in everything that comes, data included: `10 14 01 00 01` in a photograph opens
    the drawer.
    """
    return REAL_TIME.sub(lambda found: b"\x18" + found[0][1:], packed)


def picture_commands(picture: Dots, pictures: Pictures) -> Iterator[bytes]:
    """The commands that print a picture where the print head is, at the beginning of a line."""
    if pictures == "raster":
        for top in range(0, len(picture), ROWS_A_COMMAND):
            packed = np.packbits(picture[top : top + ROWS_A_COMMAND], axis=1)
            rows, across = packed.shape
            yield b"\x1dv0\0" + across.to_bytes(2, "little") + rows.to_bytes(2, "little") + harmless(packed.tobytes())
        return
    rows, mode = (24, 33) if pictures == "columns24" else (8, 1)
    across = picture.shape[1]
    yield b"\x1b3\x10"  # 16 units are the pins of an impact head; a thermal one feeds by the height of the dots
    for top in range(0, len(picture), rows):
        strip = picture[top : top + rows]
        full = np.pad(strip, ((0, rows - len(strip)), (0, 0)))
        dots = harmless(np.packbits(full.T, axis=1).tobytes())
        yield b"\x1b*" + bytes([mode]) + across.to_bytes(2, "little") + dots + b"\n"
    yield b"\x1b2"
