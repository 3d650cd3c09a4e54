"""Lists for people with a pen: what to fetch for an order, what to count."""

from collections.abc import Iterator

from devices.receipts.document import Barcode, Block, Cut, Document, Row, Text
from devices.receipts.templates.facts import CountList, PickingSlip
from devices.receipts.templates.figures import moment, quantity
from devices.receipts.templates.sale import DOUBLE_RULE, RULE, banner, said
from devices.receipts.templates.words import WORDS, Words


def picking_slip(slip: PickingSlip) -> Document:
    """The slip."""
    return Document(tuple(_picking(slip, WORDS[slip.language])))


def count_list(sheet: CountList) -> Document:
    """The sheet, with room for figures."""
    return Document(tuple(_counting(sheet, WORDS[sheet.language])))


def _picking(slip: PickingSlip, words: Words) -> Iterator[Block]:
    yield Text(words.picking, align="center", bold=True)
    yield banner(slip.order)
    if slip.order.isascii() and slip.order.isprintable() and 0 < len(slip.order) <= 30:
        yield Barcode(slip.order, symbology="CODE128")
    yield from said(words.warehouse, slip.warehouse)
    yield from said(words.channel, slip.channel)
    yield from said(words.customer, slip.customer)
    yield from said(words.date, moment(slip.at, slip.language))
    if slip.due_at:
        yield Row([words.due, moment(slip.due_at, slip.language)], bold=True)
    if slip.note:
        yield Text(slip.note, bold=True)
    yield DOUBLE_RULE
    for line in slip.lines:
        count = f"{quantity(line.quantity, slip.language)} {line.unit}".rstrip()
        yield Row([f"[ ] {line.place}".rstrip(), count], bold=True, size="tall")
        yield Text(line.name)
        if line.sku or line.barcode:
            yield Row([line.sku, line.barcode])
        if line.note:
            yield Text(f"! {line.note}", bold=True)
        yield RULE
    yield Row([words.lines, str(len(slip.lines))])
    yield Text("")
    yield Row([words.picked_by, "_" * 16])
    yield Cut(True)


def _counting(sheet: CountList, words: Words) -> Iterator[Block]:
    yield Text(words.counting, align="center", bold=True, size="big")
    yield Row([f"{words.number} {sheet.number}", moment(sheet.at, sheet.language)])
    yield from said(words.warehouse, sheet.warehouse)
    yield from said(words.area, sheet.area)
    yield DOUBLE_RULE
    for line in sheet.lines:
        yield Text(line.name, bold=True)
        facts = [fact for fact in (line.place, line.sku, line.barcode) if fact]
        if facts:
            yield Text("  ".join(facts))
        known = ""
        if line.expected is not None:
            known = f"{words.expected} {quantity(line.expected, sheet.language)} {line.unit}".rstrip()
        yield Text("")
        yield Row([known, f"________ {line.unit}".rstrip()])
        yield RULE
    yield Row([words.lines, str(len(sheet.lines))])
    yield Text("")
    yield Row([words.counted_by, "_" * 16])
    yield Cut(True)
