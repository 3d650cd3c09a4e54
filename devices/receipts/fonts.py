"""Letters as dots, for what a printer has no letter for: IBM Plex Mono, Noto Emoji, Noto Sans (all under the OFL 1.1).

Every cluster is drawn into its own cell of the printer's pitch, so a drawn line stands under a printed one column by
column. A character that no font has becomes a box with its number in it: something that one can look up, never `?`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from devices.receipts.characters import clusters, is_plain
from devices.receipts.dots import Dots, from_image

_MONO: Final = "fontpkg_ibm_plex_mono", "files/IBMPlexMono-{}.ttf"
_NOTO: Final = "manimgx_fonts"
_EMOJI: Final = "NotoEmoji[wght].ttf"
_FALLBACKS: Final = ("NotoSans[wght].ttf", _EMOJI, "NotoSansSymbols[wght].ttf")
_ADVANCE: Final = 0.6
"""of IBM Plex Mono, in ems"""
_EM_OF_HEIGHT: Final = 1.16
"""from the accent of a capital to the end of a g, in ems"""
_BASELINE: Final = 0.79
"""of the height of a cell"""
_CELLS_KEPT: Final = 4_096
_NOWHERE: Final = "\uffff"


def _file(package: str, name: str) -> Path:
    with resources.as_file(resources.files(package).joinpath(name)) as path:
        return path  # both packages are installed as files


@dataclass(frozen=True, slots=True)
class _Face:
    """A font at a size, and how to know that it lacks a character."""

    font: ImageFont.FreeTypeFont
    missing: bytes

    def has(self, char: str) -> bool:
        mask = self.font.getmask(char, "1")
        return bytes(mask) + bytes(mask.size) != self.missing


@lru_cache(maxsize=64)
def _face(package: str, name: str, size: int, weight: int) -> _Face:
    joined = package == _NOTO and features.check("raqm")
    engine = ImageFont.Layout.RAQM if joined else ImageFont.Layout.BASIC
    font = ImageFont.truetype(str(_file(package, name)), size, layout_engine=engine)
    if weight:
        axes = font.get_variation_axes()
        font.set_variation_by_axes([weight if b"eight" in axis["name"] else axis["default"] or 0 for axis in axes])
    mask = font.getmask(_NOWHERE, "1")
    return _Face(font, bytes(mask) + bytes(mask.size))


@lru_cache(maxsize=1)
def _other_scripts() -> tuple[str, ...]:
    found = resources.files(_NOTO).iterdir()
    return tuple(sorted(each.name for each in found if each.name.startswith("NotoSans") and "Italic" not in each.name))


def _faces(size: int, bold: bool) -> Iterator[_Face]:
    yield _face(_MONO[0], _MONO[1].format("Bold" if bold else "Medium"), size, 0)
    for name in _FALLBACKS:
        yield _face(_NOTO, name, size, 700 if bold or name == _EMOJI else 500)
    for name in _other_scripts():
        if name not in _FALLBACKS:
            yield _face(_NOTO, name, size, 700 if bold else 500)


@lru_cache(maxsize=_CELLS_KEPT)
def glyph(cluster: str, width: int, height: int, bold: bool) -> Image.Image:
    """A cluster drawn black (1) on white (0), exactly `width` by `height` dots."""
    cell = Image.new("1", (width, height))
    if cluster.isspace():
        return cell
    size = round(min(width / _ADVANCE, height / _EM_OF_HEIGHT)) if len(cluster) == 1 and width < height else height
    size = min(size, round(height / _EM_OF_HEIGHT))
    for face in _faces(size, bold):
        if face.has(cluster[0]):
            _draw(cell, cluster, face.font)
            return cell
    return _boxed(cluster[0], cell)


def _draw(cell: Image.Image, cluster: str, font: ImageFont.FreeTypeFont) -> None:
    """In the middle of the cell, on the baseline of the line; squeezed when it is wider."""
    left, top, right, bottom = font.getbbox(cluster, mode="1", anchor="ls")
    advance = font.getlength(cluster, mode="1")
    ink = Image.new("1", (max(1, round(right - left)), max(1, round(bottom - top))))
    ImageDraw.Draw(ink).text((-left, -top), cluster, fill=1, font=font, anchor="ls")
    if ink.width > cell.width:
        ink = ink.resize((cell.width, ink.height))
        x = 0.0
    else:
        x = max(0.0, min((cell.width - advance) / 2 + left, cell.width - ink.width))
    y = min(max(round(cell.height * _BASELINE) + top, 0), max(0, cell.height - ink.height))
    cell.paste(ink, (round(x), round(y)))


def _boxed(char: str, cell: Image.Image) -> Image.Image:
    """A box with the character's number in hexadecimal, as GNU Unifont does it."""
    draw = ImageDraw.Draw(cell)
    draw.rectangle((0, 2, cell.width - 1, cell.height - 2), outline=1)
    number = f"{ord(char):04X}"
    half = (len(number) + 1) // 2
    room = max(1, cell.width - 2)
    for row, part in enumerate((number[:half], number[half:])):
        strip = Image.new("1", (half * 5, 7))
        font = _face(_MONO[0], _MONO[1].format("Medium"), 8, 0).font
        ImageDraw.Draw(strip).text((0, 6), part, fill=1, font=font, anchor="ls")
        cell.paste(strip.resize((room, 7)), (1, 4 + row * 9))
    return cell


class _Letters(dict[str, bytes]):
    """The letters of one size as bytes, column by column: a line is then nothing but bytes one behind the other."""

    def __init__(self, width: int, height: int, bold: bool) -> None:
        super().__init__()
        self.width, self.height, self.bold = width, height, bold

    def __missing__(self, char: str) -> bytes:
        if len(self) >= _CELLS_KEPT:
            self.clear()
        self[char] = made = self.wide(char, 1)
        return made

    def wide(self, cluster: str, columns: int) -> bytes:
        return from_image(glyph(cluster, columns * self.width, self.height, self.bold)).T.tobytes()


@lru_cache(maxsize=16)
def _letters(width: int, height: int, bold: bool) -> _Letters:
    return _Letters(width, height, bold)


def drawn_line(text: str, width: int, height: int, bold: bool) -> Dots:
    """A line of text, a cell of `width` by `height` for each column."""
    letters = _letters(width, height, bold)
    if is_plain(text):
        columns = b"".join([letters[char] for char in text])
    else:
        columns = b"".join([letters.wide(cluster, wide) for cluster, wide in clusters(text) if wide])
    return np.frombuffer(columns, np.uint8).reshape(-1, height).T
