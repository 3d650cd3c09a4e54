"""The price tag: name, price, price of a whole kilogram or litre, bar code."""

import re
from collections.abc import Iterator

from devices.receipts.document import Barcode, Block, Cut, Document, Row, Text
from devices.receipts.symbols import check_digit
from devices.receipts.templates.facts import PriceTag
from devices.receipts.templates.figures import day, price_of_one, priced
from devices.receipts.templates.sale import RULE
from devices.receipts.templates.words import WORDS, Words


def price_tag(tag: PriceTag) -> Document:
    """The tag."""
    return Document(tuple(_tag(tag, WORDS[tag.language])))


def _tag(tag: PriceTag, words: Words) -> Iterator[Block]:
    if tag.shop:
        yield Text(tag.shop, align="center")
        yield RULE
    yield Text(tag.name, bold=True, size="tall")
    if tag.old_price is not None:
        yield Row([words.old_price, priced(tag.old_price, tag.currency, tag.language)])
    yield Text("")
    per = f" / {tag.unit}" if tag.unit else ""
    yield Text(f"{priced(tag.price, tag.currency, tag.language)}{per}", align="center", bold=True, size="big")
    yield Text("")
    if tag.content is not None and tag.measure:
        one = priced(price_of_one(tag.price, tag.content), tag.currency, tag.language)
        yield Row([f"{words.price} {words.price_for} 1 {tag.measure}", one])
    if tag.origin:
        yield Row([words.origin, tag.origin])
    sku = f"{words.article} {tag.sku}" if tag.sku else ""
    date = day(tag.at, tag.language) if tag.at else ""
    if sku or date:
        yield Row([sku, date])
    if tag.barcode:
        yield symbol(tag.barcode)
    yield Cut(True)


def symbol(code: str) -> Barcode:
    """The bar code in the symbology that its digits say; anything else, or a wrong check digit, as CODE128."""
    if re.fullmatch(r"\d{13}|\d{12}|\d{8}", code) and check_digit(code[:-1]) == code[-1]:
        return Barcode(code, symbology={13: "EAN13", 12: "UPC-A", 8: "EAN8"}[len(code)])  # type: ignore[arg-type]
    return Barcode(code, symbology="CODE128")
