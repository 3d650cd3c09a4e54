"""The receipt of a sale, of a return, a cancelled one; the gift receipt, which shows no prices."""

from collections.abc import Iterator

from devices.receipts.characters import NBSP
from devices.receipts.document import Barcode, Block, Cut, Document, Qr, Row, Rule, Text
from devices.receipts.templates.facts import Fiscal, Sale, SaleLine, Shop, check_sums
from devices.receipts.templates.figures import moment, money, priced, quantity
from devices.receipts.templates.words import WORDS, Words

RULE = Rule(True)
DOUBLE_RULE = Rule(True, double=True)


def sale_receipt(sale: Sale) -> Document:
    """The receipt. `DocumentRefused` if its sums are wrong."""
    check_sums(sale)
    words = WORDS[sale.language]
    return Document(tuple(_receipt(sale, words)))


def gift_receipt(sale: Sale) -> Document:
    """What is given with a present: what was bought and where it can be exchanged."""
    words = WORDS[sale.language]
    return Document(tuple(_gift(sale, words)))


def banner(text: str) -> Text:
    """What nobody may overlook."""
    return Text(text, align="center", bold=True, size="big")


def heading(shop: Shop, words: Words) -> Iterator[Block]:
    """Who sells, and where."""
    yield Text(shop.name, align="center", bold=True, size="big")
    for line in (shop.legal_name, shop.address, shop.website, f"{words.phone} {shop.phone}" if shop.phone else ""):
        if line:
            yield Text(line, align="center")
    if shop.tax_id:
        yield Text(f"{words.tax_id} {shop.tax_id}", align="center")


def said(name: str, value: str) -> Iterator[Row]:
    """A fact with its name, if there is one."""
    if value:
        yield Row([name, value])


def not_fiscal(fiscal: Fiscal | None, words: Words) -> Iterator[Block]:
    """No registrar stands behind it, and it says so."""
    if fiscal is None:
        yield Text(f"# {words.not_fiscal} #", align="center", bold=True)


def _receipt(sale: Sale, words: Words) -> Iterator[Block]:
    yield from heading(sale.shop, words)
    yield RULE
    yield from not_fiscal(sale.fiscal, words)
    title = words.receipt if sale.fiscal is None else words.fiscal_receipt
    yield Row([title, f"{words.number} {sale.number}"], bold=True)
    yield Row([words.operation[sale.kind], moment(sale.at, sale.language)])
    yield from said(words.original, sale.original)
    if sale.kind == "cancelled":
        yield banner(words.cancelled)
    yield from _till(sale, words)
    yield RULE
    for line in sale.lines:
        yield from _line(sale, line, words)
    yield DOUBLE_RULE
    if sale.discount:
        yield Row([words.discount, money(-sale.discount, sale.currency, sale.language)])
    yield Row([words.total, priced(sale.total, sale.currency, sale.language)], bold=True, size="big")
    yield from _paid(sale, words)
    yield from _taxes(sale, words)
    yield from _foot(sale, words)
    if sale.kind == "cancelled":
        yield banner(words.cancelled)
    yield Cut(True)


def _till(sale: Sale, words: Words) -> Iterator[Block]:
    till = f"{words.till} {sale.shop.till}" if sale.shop.till else ""
    shift = f"{words.shift} {sale.shift}" if sale.shift else ""
    if till or shift:
        yield Row([till or shift, shift if till else ""])
    yield from said(words.cashier, sale.cashier)
    if sale.shop.place:
        yield Text(f"{words.place}: {sale.shop.place}")
    yield from said(words.tax_system, sale.shop.tax_system)


def _line(sale: Sale, line: SaleLine, words: Words) -> Iterator[Block]:
    def shown(minor: int) -> str:
        return money(minor, sale.currency, sale.language)

    letter = f" {line.rate}" if len(line.rate) == 1 else ""
    marked = f"{NBSP}{words.marked}" if line.marked else ""
    yield Text(f"{line.name}{marked}")
    count = f"{quantity(line.quantity, sale.language)} {line.unit}".rstrip()
    whole = line.total + line.discount
    yield Row([f"  {count} × {shown(line.price)}", f"{shown(whole)}{letter}"])
    if line.discount:
        yield Row([f"  {words.discount}", f"{shown(-line.discount)}{letter}"])
        yield Row(["", f"{shown(line.total)}{letter}"])
    if line.tax is not None and not letter:
        yield Row([f"  {words.including} {line.rate}", shown(line.tax)])


def _paid(sale: Sale, words: Words) -> Iterator[Block]:
    for payment in sale.payments:
        name = f"{words.payment[payment.kind]} {payment.note.replace(' ', NBSP)}".rstrip()
        yield Row([name, money(payment.total, sale.currency, sale.language)])
        if payment.tendered is not None:
            yield Row([f"  {words.tendered}", money(payment.tendered, sale.currency, sale.language)])
            yield Row([f"  {words.change}", money(payment.change, sale.currency, sale.language)], bold=True)


def _taxes(sale: Sale, words: Words) -> Iterator[Block]:
    if not sale.taxes:
        return
    yield RULE
    for each in sale.taxes:
        rate = f"{each.letter} {each.rate}".strip()
        if each.base is not None:
            named = each.letter or each.rate
            yield Row([f"{words.sum_at_rate} {named}", money(each.base, sale.currency, sale.language)])
        yield Row([f"{words.tax} {rate}", money(each.tax, sale.currency, sale.language)])
    if len(sale.taxes) > 1:
        yield Row([words.tax_total, money(sum(each.tax for each in sale.taxes), sale.currency, sale.language)])


def _foot(sale: Sale, words: Words) -> Iterator[Block]:
    customer, fiscal = sale.customer, sale.fiscal
    if customer:
        yield RULE
        yield from said(words.buyer, customer.name)
        yield from said(words.buyer_tax_id, customer.tax_id)
        yield from said(words.link, customer.contact)
    if fiscal:
        yield RULE
        yield from said(words.registrar, fiscal.registrar)
        yield from said(words.storage, fiscal.storage)
        yield from said(words.document, fiscal.document)
        yield from said(words.sign, fiscal.sign)
        yield from said(words.site, fiscal.site)
        if fiscal.qr:
            yield Qr(fiscal.qr)
    if sale.link:
        yield Text(words.link, align="center")
        yield Qr(sale.link, size="small")
    yield from not_fiscal(fiscal, words)
    if thanks := sale.thanks or (words.thanks if sale.kind == "sale" else ""):
        yield Text(thanks, align="center")


def _gift(sale: Sale, words: Words) -> Iterator[Block]:
    yield from heading(sale.shop, words)
    yield RULE
    yield banner(words.gift)
    yield from not_fiscal(None, words)
    yield Row([f"{words.number} {sale.number}", moment(sale.at, sale.language)])
    yield RULE
    for line in sale.lines:
        yield Row([line.name, f"{quantity(line.quantity, sale.language)} {line.unit}".rstrip()])
    yield RULE
    yield Text(words.gift_note, align="center")
    if sale.number.isascii() and sale.number.isprintable() and 0 < len(sale.number) <= 30:
        yield Barcode(sale.number, symbology="CODE128")
    yield Text(sale.thanks or words.thanks, align="center")
    yield Cut(True)
