"""A copy of what was printed, or may have been: it says so on top and at the end, and opens no drawer."""

from typing import Final, Literal

from devices.receipts.document import Block, Cut, Document, Drawer, Text

COPY: Final = {"ru": "КОПИЯ", "pl": "KOPIA", "en": "COPY"}
_ALL: Final = " / ".join(COPY.values())


def marked_copy(document: Document, language: Literal["ru", "pl", "en"] | None = None, number: int = 1) -> Document:
    """The same document as copy `number`; in all three languages when none is said. The last cut stays the last."""
    word = COPY[language] if language else _ALL
    said = word if number == 1 else f"{word} {number}"
    mark = Text(said, align="center", bold=True, size="big")
    blocks: list[Block] = [block for block in document.blocks if not isinstance(block, Drawer)]
    cut = [blocks.pop()] if blocks and isinstance(blocks[-1], Cut) else []
    return Document((mark, *blocks, mark, *cut))
