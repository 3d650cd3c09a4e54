"""Blocks to lines: a document laid out for a paper of so many columns. Knows widths, not bytes.

`spelled` comes from the printer's profile: it writes a cleaned text in what the printer has ("руб." for the rouble
sign). It runs before anything is measured, so that what it lengthens still fits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from devices.receipts.characters import NBSP, cleaned, columns_of, padded, wrapped
from devices.receipts.document import (
    CELLS_MAX,
    Align,
    Barcode,
    Block,
    Cut,
    Document,
    Drawer,
    Image,
    Qr,
    Row,
    Rule,
    Text,
)

NAME_SHARE_MIN: Final = 2 / 5
"""A first cell that would get less of the line, and needs it, stands above the others instead."""
CELL_COLUMNS_MIN: Final = 2
"""the widest thing that cannot be broken is an emoji"""
_GAP: Final = 1
_RIGHT: Final[Align] = "right"
_USUAL: Final[tuple[Align, ...]] = ("left", *(_RIGHT,) * (CELLS_MAX - 1))
Spelled = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as it will stand on the paper; spaces do the aligning, `columns_of` never exceeds its room."""

    text: str
    bold: bool = False
    wide: bool = False
    tall: bool = False


Laid = Line | Qr | Barcode | Image | Cut | Drawer


def aligned_cells(block: Row) -> list[Align]:
    """How each cell of a row is aligned."""
    return list(block.align or _USUAL[: len(block.row)])


def laid_out(document: Document, columns: int, spelled: Spelled) -> list[Laid]:
    """The document's lines, with the blocks between them that are not text."""
    return [line for block in document.blocks for line in _block(block, columns, spelled)]


def _block(block: Block, columns: int, spelled: Spelled) -> Iterator[Laid]:
    match block:
        case Text():
            yield from _text(block, columns, spelled)
        case Row():
            yield from _row(block, columns, spelled)
        case Rule(double=double):
            yield Line(spelled("═" if double else "─")[:1] * columns)
        case _:
            yield block


def _style(block: Text | Row) -> Line:
    return Line("", block.bold, wide=block.size in ("wide", "big"), tall=block.size in ("tall", "big"))


def _room(style: Line, columns: int) -> int:
    return columns // 2 if style.wide else columns


def _finished(style: Line, text: str) -> Line:
    return Line(text.replace(NBSP, " ").rstrip(" "), style.bold, style.wide, style.tall)


def _text(block: Text, columns: int, spelled: Spelled) -> Iterator[Line]:
    style = _style(block)
    room = _room(style, columns)
    for line in wrapped(spelled(cleaned(block.text)), room):
        yield _finished(style, padded(line, room, block.align))


def _row(block: Row, columns: int, spelled: Spelled) -> Iterator[Line]:
    style = _style(block)
    room = _room(style, columns)
    cells = [spelled(cleaned(cell)) for cell in block.row]
    if len(cells) == 2 and not block.weights and not block.align:  # what most lines of a receipt are
        left, right = cells
        between = room - columns_of(left) - columns_of(right)
        if between >= _GAP and "\n" not in left and "\n" not in right:
            yield _finished(style, left + " " * between + right)
            return
    aligned = aligned_cells(block)
    if len(cells) * (CELL_COLUMNS_MIN + _GAP) - _GAP > room:  # large letters, narrow paper
        for cell, align in zip(cells, aligned, strict=True):
            for line in wrapped(cell, room):
                yield _finished(style, padded(line, room, align))
        return
    taken = [max(CELL_COLUMNS_MIN if cell else 0, *map(columns_of, cell.split("\n"))) for cell in cells]
    widths = _weighted(block.weights, taken, room) if block.weights else _natural(taken, room)
    if widths is None:  # the name above, everything else below it
        for line in wrapped(cells[0], room):
            yield _finished(style, line)
        cells[0], taken[0] = "", 0
        widths = _natural(taken, room, share=0) or _weighted([1] * len(cells), taken, room)
    columns_of_cells = [wrapped(cell, width) if cell else [""] for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, columns_of_cells))
    for at in range(height):
        parts = []
        for index, (lines, width) in enumerate(zip(columns_of_cells, widths, strict=True)):
            # Texts hang from the top; figures, which belong to the end of a wrapped name, stand at the bottom.
            above = height - len(lines) if aligned[index] == "right" else 0
            shown = lines[at - above] if 0 <= at - above < len(lines) else ""
            parts.append(padded(shown, width, aligned[index]))
        yield _finished(style, (" " * _GAP).join(parts))


def _natural(taken: list[int], room: int, share: float = NAME_SHARE_MIN) -> list[int] | None:
    """Every cell but the first as wide as what is in it; None when too little is left for the first."""
    if len(taken) == 1:
        return [room]
    first = room - sum(taken[1:]) - _GAP * (len(taken) - 1)
    return [first, *taken[1:]] if first >= min(room * share, taken[0]) and first >= 0 else None


def _weighted(weights: list[int], taken: list[int], room: int) -> list[int]:
    """Cells of weight 0 get what they need, the others share the rest; always together exactly the room."""
    free = room - _GAP * (len(weights) - 1)
    widths = [min(need, free) if not weight else 0 for weight, need in zip(weights, taken, strict=True)]
    rest, whole = max(0, free - sum(widths)), sum(weights)
    for index, weight in enumerate(weights):
        if weight:
            share = rest * weight // whole
            widths[index], rest, whole = share, rest - share, whole - weight
    if not any(weights):
        widths[0] += rest
    for index, need in enumerate(taken):
        widths[index] = max(widths[index], min(need, CELL_COLUMNS_MIN))
    while sum(widths) > free:  # cells of weight 0 that want more than there is, or very unequal weights
        widths[widths.index(max(widths))] -= 1
    return widths
