"""The templates by name: which facts each wants, and what makes a document of them.

A new template is a function, its line here, its words in `words` and a sample in `samples`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from devices.receipts.copies import marked_copy
from devices.receipts.document import Document, DocumentRefused
from devices.receipts.templates.facts import CountList, Facts, PickingSlip, PriceTag, Sale, ShiftReport
from devices.receipts.templates.lists import count_list, picking_slip
from devices.receipts.templates.sale import gift_receipt, sale_receipt
from devices.receipts.templates.shelf import price_tag
from devices.receipts.templates.shift import shift_report


@dataclass(frozen=True, slots=True)
class Template:
    """What it wants and what it makes of it."""

    facts: type[Facts]
    make: Callable[[Any], Document]


TEMPLATES: Final = {
    "sale": Template(Sale, sale_receipt),
    "gift": Template(Sale, gift_receipt),
    "shift": Template(ShiftReport, shift_report),
    "price-tag": Template(PriceTag, price_tag),
    "picking": Template(PickingSlip, picking_slip),
    "count": Template(CountList, count_list),
}


def made(template: str, facts: object, copy: bool = False) -> Document:
    """The document of a template from decoded JSON, or a marked copy of it; `DocumentRefused` says what is wrong."""
    known = TEMPLATES.get(template)
    if known is None:
        raise DocumentRefused("template", f"one of {', '.join(TEMPLATES)} is wanted, not {template!r}")
    try:
        checked = msgspec.convert(facts, known.facts)
    except msgspec.ValidationError as refused:
        raise DocumentRefused(template, str(refused)) from None
    document = known.make(checked)
    return marked_copy(document, checked.language) if copy else document
