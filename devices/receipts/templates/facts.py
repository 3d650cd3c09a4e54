"""The facts that templates print. Money in minor units of the currency, quantities in thousandths of the unit."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from devices.receipts.document import DocumentRefused

Language = Literal["ru", "pl", "en"]
Name = Annotated[str, Meta(max_length=1_000)]
Money = Annotated[int, Meta(ge=-(10**15), le=10**15)]
Thousandths = Annotated[int, Meta(ge=0, le=10**15)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
PaymentKind = Literal["cash", "card", "transfer", "gift_card", "points", "credit", "other"]


class _Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all facts have in common."""


class Shop(_Facts, frozen=True):
    """Who sells, and where."""

    name: Name
    legal_name: Name = ""
    address: Name = ""
    place: Name = ""
    """of settlement, when it is not the address: a site, a market stall"""
    tax_id: Name = ""
    """INN, NIP, VAT number"""
    tax_system: Name = ""
    till: Name = ""
    phone: Name = ""
    website: Name = ""


class SaleLine(_Facts, frozen=True):
    """One line of a sale. `total` is price times quantity less the discount, as it was decided."""

    name: Name
    quantity: Thousandths
    price: Money
    total: Money
    unit: Name = ""
    discount: Money = 0
    rate: Name = ""
    """of tax: "22 %" or a letter"""
    tax: Money | None = None
    """in this line"""
    sku: Name = ""
    marked: bool = False
    """its code of identification was handed in and is good"""


class TaxTotal(_Facts, frozen=True):
    """What a rate comes to. `base` is what was sold at it, tax included."""

    rate: Name
    tax: Money
    letter: Name = ""
    base: Money | None = None


class Payment(_Facts, frozen=True):
    """What was paid in one way; `tendered` and `change` when more was handed over."""

    kind: PaymentKind
    total: Money
    tendered: Money | None = None
    change: Money = 0
    note: Name = ""


class Fiscal(_Facts, frozen=True):
    """What a registrar gave the document. Without it a receipt says that it is not a fiscal one."""

    registrar: Name = ""
    """registration number of the device: РН ККТ, numer unikatowy"""
    storage: Name = ""
    document: Name = ""
    sign: Name = ""
    site: Name = ""
    qr: Name = ""


class Customer(_Facts, frozen=True):
    """Who buys, as far as the receipt says it."""

    name: Name = ""
    tax_id: Name = ""
    contact: Name = ""


class Sale(_Facts, frozen=True):
    """A sale, a return or a cancelled receipt."""

    language: Language
    currency: Currency
    shop: Shop
    number: Name
    at: datetime
    lines: Annotated[list[SaleLine], Meta(min_length=1, max_length=1_000)]
    total: Money
    kind: Literal["sale", "return", "cancelled"] = "sale"
    shift: Name = ""
    cashier: Name = ""
    discount: Money = 0
    """of the whole receipt, beyond those of its lines"""
    payments: Annotated[list[Payment], Meta(max_length=20)] = []
    taxes: Annotated[list[TaxTotal], Meta(max_length=20)] = []
    fiscal: Fiscal | None = None
    customer: Customer | None = None
    original: Name = ""
    """the receipt that a return gives back"""
    link: Name = ""
    """of the same receipt on the web"""
    thanks: Name = ""


class Turnover(_Facts, frozen=True):
    """How many, and how much."""

    count: Annotated[int, Meta(ge=0)] = 0
    total: Money = 0


class PaidTotal(_Facts, frozen=True):
    """The turnover of one way of paying."""

    kind: PaymentKind
    count: Annotated[int, Meta(ge=0)]
    total: Money


class Cash(_Facts, frozen=True):
    """The drawer. `expected` is what should lie in it, `counted` what does."""

    opening: Money = 0
    put_in: Money = 0
    taken_out: Money = 0
    expected: Money = 0
    counted: Money | None = None


class ShiftReport(_Facts, frozen=True):
    """A shift as far as it went (X), or closed (Z)."""

    kind: Literal["x", "z"]
    language: Language
    currency: Currency
    shop: Shop
    number: Name
    shift: Name
    opened_at: datetime
    at: datetime
    cashier: Name = ""
    sales: Turnover = Turnover()
    returns: Turnover = Turnover()
    cancelled: Turnover = Turnover()
    discounts: Money = 0
    payments: Annotated[list[PaidTotal], Meta(max_length=20)] = []
    returned: Annotated[list[PaidTotal], Meta(max_length=20)] = []
    taxes: Annotated[list[TaxTotal], Meta(max_length=20)] = []
    cash: Cash = Cash()
    drawer_openings: Annotated[int, Meta(ge=0)] = 0
    grand_total: Money | None = None
    """of all shifts since the till was set up"""
    fiscal: Fiscal | None = None


class PriceTag(_Facts, frozen=True):
    """A shelf label. `content` thousandths of `measure` are in one piece; the price of a whole one is computed."""

    language: Language
    currency: Currency
    name: Name
    price: Money
    old_price: Money | None = None
    content: Annotated[int, Meta(gt=0, le=10**9)] | None = None
    measure: Name = ""
    unit: Name = ""
    """what the price is for: pc, kg"""
    barcode: Name = ""
    sku: Name = ""
    origin: Name = ""
    shop: Name = ""
    at: datetime | None = None


class PickLine(_Facts, frozen=True):
    """What to fetch from where."""

    name: Name
    quantity: Thousandths
    unit: Name = ""
    place: Name = ""
    sku: Name = ""
    barcode: Name = ""
    note: Name = ""


class PickingSlip(_Facts, frozen=True):
    """What somebody is to fetch for an order."""

    language: Language
    order: Name
    at: datetime
    lines: Annotated[list[PickLine], Meta(min_length=1, max_length=500)]
    warehouse: Name = ""
    channel: Name = ""
    customer: Name = ""
    due_at: datetime | None = None
    note: Name = ""


class CountLine(_Facts, frozen=True):
    """What to count; `expected` only where the counter may know it."""

    name: Name
    unit: Name = ""
    place: Name = ""
    sku: Name = ""
    barcode: Name = ""
    expected: Thousandths | None = None


class CountList(_Facts, frozen=True):
    """What somebody is to count."""

    language: Language
    number: Name
    at: datetime
    lines: Annotated[list[CountLine], Meta(min_length=1, max_length=500)]
    warehouse: Name = ""
    area: Name = ""


Facts = Sale | ShiftReport | PriceTag | PickingSlip | CountList


def check_sums(sale: Sale) -> None:
    """A receipt whose figures do not add up is refused: nobody would find the fault later."""
    lines = sum(line.total for line in sale.lines)
    if lines - sale.discount != sale.total:
        raise DocumentRefused("total", f"lines make {lines}, less {sale.discount} is not {sale.total}")
    paid = sum(payment.total for payment in sale.payments)
    if sale.payments and paid != sale.total:
        raise DocumentRefused("payments", f"{paid} paid of {sale.total}")
    for index, payment in enumerate(sale.payments):
        if payment.tendered is not None and payment.tendered - payment.change != payment.total:
            raise DocumentRefused(f"payments[{index}]", "tendered less change is not what was paid")
