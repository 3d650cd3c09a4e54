"""What a receipt is before it meets a printer: a list of blocks, as `POST /v1/devices/{code}/jobs` takes them.

A block is told by its one key (`{"text": ...}`, `{"row": [...]}`, `{"rule": true}`, `{"qr": ...}`, `{"barcode": ...}`,
`{"image": ...}`, `{"cut": true}`, `{"drawer": 1}`). Texts are anything that people write: control bytes in them never
reach a printer. Nothing here knows of columns, code pages or dots.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

BLOCKS_MAX: Final = 2_000
TEXT_CHARS_MAX: Final = 4_000
CHARS_MAX: Final = 100_000
"""in all: ten metres of narrow paper; drawn letter by letter they take a second"""
PICTURES_MAX: Final = 20
CODES_MAX: Final = 200
CELLS_MAX: Final = 8
QR_BYTES_MAX: Final = 1_000
"""version 24: fits 58 mm of paper with three dots a module"""
IMAGE_BYTES_MAX: Final = 1_000_000

Align = Literal["left", "center", "right"]
Size = Literal["normal", "tall", "wide", "big"]
Symbology = Literal["EAN13", "EAN8", "UPC-A", "CODE39", "CODE128", "ITF"]
Words = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]


class DocumentRefused(ValueError):
    """The document cannot be printed as it is; `args` are the place (`blocks[3].text`) and the reason in words."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place, self.reason = place, reason

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class _Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all blocks have in common."""


class Text(_Block, frozen=True):
    """A paragraph, wrapped at spaces; a line break in it is one on the paper."""

    text: Words
    align: Align = "left"
    bold: bool = False
    size: Size = "normal"


class Row(_Block, frozen=True):
    """Cells side by side. The first is left-aligned, the others right, unless `align` says otherwise.

    `weights` share the width out; 0 is as wide as what is in the cell. Without them the first cell takes what the
    others leave.
    """

    row: Annotated[list[Words], Meta(min_length=1, max_length=CELLS_MAX)]
    weights: Annotated[list[Annotated[int, Meta(ge=0, le=1_000)]], Meta(max_length=CELLS_MAX)] | None = None
    align: Annotated[list[Align], Meta(max_length=CELLS_MAX)] | None = None
    bold: bool = False
    size: Size = "normal"


class Rule(_Block, frozen=True):
    """A line across the paper."""

    rule: Literal[True]
    double: bool = False


class Qr(_Block, frozen=True):
    """A QR code, centred."""

    qr: Annotated[str, Meta(min_length=1, max_length=QR_BYTES_MAX)]
    size: Literal["small", "medium", "large"] = "medium"


class Barcode(_Block, frozen=True):
    """A bar code, centred, with its digits below. A check digit that is missing is added, a wrong one is refused."""

    barcode: Annotated[str, Meta(min_length=1, max_length=80)]
    symbology: Symbology = "EAN13"
    height_mm: Annotated[int, Meta(ge=4, le=30)] = 10


class Image(_Block, frozen=True):
    """A picture (PNG, JPEG or BMP; base64 in JSON), made black and white, no wider than the paper, centred."""

    image: Annotated[bytes, Meta(min_length=1, max_length=IMAGE_BYTES_MAX)]


class Cut(_Block, frozen=True):
    """Feed to the knife and cut; where there is no knife, feed to where one can tear."""

    cut: Literal[True]


class Drawer(_Block, frozen=True):
    """Kick a cash drawer in the order of printing. A drawer job of its own does not wait for paper."""

    drawer: Literal[1, 2]


Block = Text | Row | Rule | Qr | Barcode | Image | Cut | Drawer
KINDS: Final[dict[str, type[Block]]] = {
    "text": Text,
    "row": Row,
    "rule": Rule,
    "qr": Qr,
    "barcode": Barcode,
    "image": Image,
    "cut": Cut,
    "drawer": Drawer,
}


class Document(msgspec.Struct, frozen=True):
    """A receipt, in order."""

    blocks: tuple[Block, ...]


class _Sent(msgspec.Struct, forbid_unknown_fields=True):
    blocks: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=BLOCKS_MAX)]


def document_from(sent: object) -> Document:
    """The document that decoded JSON (a dict) is, or `DocumentRefused`."""
    try:
        raw = msgspec.convert(sent, _Sent)
    except msgspec.ValidationError as refused:
        raise DocumentRefused("document", str(refused)) from None
    made = tuple(_block(index, block) for index, block in enumerate(raw.blocks))
    for what, count, most in (
        ("characters", sum(map(_chars, made)), CHARS_MAX),
        ("images", sum(isinstance(block, Image) for block in made), PICTURES_MAX),
        ("codes", sum(isinstance(block, Qr | Barcode) for block in made), CODES_MAX),
    ):
        if count > most:
            raise DocumentRefused("document", f"{count} {what} are more than {most}")
    return Document(made)


def document_from_json(sent: bytes) -> Document:
    """The document that these bytes say, or `DocumentRefused`."""
    try:
        raw = msgspec.json.decode(sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refused:
        raise DocumentRefused("document", str(refused)) from None
    return document_from(raw)


def as_json(document: Document) -> bytes:
    """The document as the API takes it."""
    return msgspec.json.encode(document)


def _chars(block: Block) -> int:
    return len(block.text) if isinstance(block, Text) else sum(map(len, block.row)) if isinstance(block, Row) else 0


def _block(index: int, block: dict[str, Any]) -> Block:
    named = [kind for kind in KINDS if kind in block]
    if len(named) != 1:
        found = ", ".join(sorted(block)) or "nothing"
        raise DocumentRefused(f"blocks[{index}]", f"one of {', '.join(KINDS)} is wanted, found {found}")
    try:
        made: Block = msgspec.convert(block, KINDS[named[0]])
    except msgspec.ValidationError as refused:
        raise DocumentRefused(f"blocks[{index}]", str(refused)) from None
    cells = len(made.row) if isinstance(made, Row) else 0
    for name in ("weights", "align") if isinstance(made, Row) else ():
        given = getattr(made, name)
        if given is not None and len(given) != cells:
            raise DocumentRefused(f"blocks[{index}].{name}", f"{len(given)} for {cells} cells")
    if isinstance(made, Qr) and len(made.qr.encode("utf-8", "replace")) > QR_BYTES_MAX:
        raise DocumentRefused(f"blocks[{index}].qr", f"more than {QR_BYTES_MAX} bytes")
    return made
