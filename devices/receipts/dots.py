"""Dots as arrays of rows, 1 is black: what is drawn, before it is packed into a printer's bytes.

numpy packs a strip of a receipt in 26 us where Pillow takes 750.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Dots: TypeAlias = npt.NDArray[np.uint8]
"""shape (rows, columns), 0 or 1"""


def enlarged(dots: Dots, across: int, down: int) -> Dots:
    """Every dot as a block of `across` by `down`."""
    wide = np.repeat(dots, across, axis=1) if across > 1 else dots
    return np.repeat(wide, down, axis=0) if down > 1 else wide


def stacked(parts: Sequence[Dots], width: int, leading: int) -> Dots:
    """One below the other, to the left, on a paper of `width`, `leading` rows of white after each; the rest is cut."""
    whole = np.zeros((sum(len(part) + leading for part in parts), width), np.uint8)
    top = 0
    for part in parts:
        wide = min(part.shape[1], width)
        whole[top : top + len(part), :wide] = part[:, :wide]
        top += len(part) + leading
    return whole


def as_image(dots: Dots) -> Image.Image:
    """As a picture of Pillow's, 1 is black still."""
    return Image.fromarray(dots * np.uint8(255)).convert("1")


def from_image(picture: Image.Image) -> Dots:
    """A picture of mode 1."""
    return np.asarray(picture, np.uint8)
