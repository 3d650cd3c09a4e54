"""One sample of every document in every language: for previews, the demo, tests and the benchmark. The shops do not
exist; the sums are right.
"""

from datetime import datetime
from typing import Final

import msgspec

from devices.receipts.copies import marked_copy
from devices.receipts.document import Document
from devices.receipts.templates.facts import (
    Cash,
    CountLine,
    CountList,
    Customer,
    Fiscal,
    Language,
    PaidTotal,
    Payment,
    PickingSlip,
    PickLine,
    PriceTag,
    Sale,
    SaleLine,
    ShiftReport,
    Shop,
    TaxTotal,
    Turnover,
)
from devices.receipts.templates.make import TEMPLATES

LANGUAGES: Final[tuple[Language, ...]] = ("ru", "pl", "en")
_AT: Final = datetime(2026, 11, 21, 16, 44)
_OPENED: Final = datetime(2026, 11, 21, 8, 2)

_SHOPS: Final[dict[Language, Shop]] = {
    "ru": Shop(
        name="Магазин «Ёлка»",
        legal_name="ООО «Ёлка Ритейл»",
        address="г. Тверь, ул. Лесная, д. 5",
        place="магазин № 12",
        tax_id="7701234567",
        tax_system="ОСН",
        till="3",
        website="elka.example",
    ),
    "pl": Shop(
        name="Sklep „Żuraw”",
        legal_name="Żuraw Handel Sp. z o.o.",
        address="ul. Świętojańska 7, 80-840\u00a0Gdańsk",
        tax_id="584-025-79-42",
        till="2",
        phone="58 555 01 23",
    ),
    "en": Shop(
        name="Corner Café",
        legal_name="Corner Café Ltd",
        address="5 Harbour Street, Cork",
        tax_id="IE1234567T",
        till="1",
        website="corner.example",
    ),
}

_SALES: Final[dict[Language, Sale]] = {
    "ru": Sale(
        language="ru",
        currency="RUB",
        shop=_SHOPS["ru"],
        number="3-004218",
        shift="171",
        at=_AT,
        cashier="Иванова А. П.",
        lines=[
            SaleLine(
                name="Молоко «Деревенское» пастеризованное 3,2\u00a0% 1\u00a0л",
                quantity=2_000,
                unit="шт",
                price=8_990,
                total=17_980,
                rate="10 %",
                tax=1_635,
                marked=True,
            ),
            SaleLine(
                name="Яблоки «Гала», вес", quantity=1_256, unit="кг", price=14_990, total=18_827, rate="10 %", tax=1_712
            ),
            SaleLine(
                name="Кофе молотый, 250 г",
                quantity=1_000,
                unit="шт",
                price=49_900,
                discount=5_000,
                total=44_900,
                rate="22 %",
                tax=8_097,
            ),
        ],
        total=81_700,
        discount=7,
        payments=[
            Payment(kind="card", total=30_000, note="**** 4411"),
            Payment(kind="cash", total=51_700, tendered=60_000, change=8_300),
        ],
        taxes=[TaxTotal(rate="10 %", tax=3_347), TaxTotal(rate="22 %", tax=8_097)],
        fiscal=Fiscal(
            registrar="0000000001234567",
            storage="9999999999999051",
            document="42183",
            sign="2598448910",
            site="nalog.gov.ru",
            qr="t=20261121T1644&s=817.00&fn=9999999999999051&i=42183&fp=2598448910&n=1",
        ),
        customer=Customer(contact="anna@example.org"),
    ),
    "pl": Sale(
        language="pl",
        currency="PLN",
        shop=_SHOPS["pl"],
        number="W001842",
        shift="88",
        at=_AT,
        cashier="Łucja Święcka",
        lines=[
            SaleLine(name="Chleb żytni na zakwasie 500 g", quantity=1_000, unit="szt", price=899, total=899, rate="C"),
            SaleLine(name="Ser żółty Gouda", quantity=356, unit="kg", price=3_999, total=1_424, rate="C"),
            SaleLine(
                name="Płyn do naczyń „Źródlany” 1 l",
                quantity=2_000,
                unit="szt",
                price=1_249,
                discount=250,
                total=2_248,
                rate="A",
            ),
        ],
        total=4_571,
        payments=[Payment(kind="card", total=4_571, note="**** 0917")],
        taxes=[
            TaxTotal(letter="A", rate="23,00%", base=2_248, tax=420),
            TaxTotal(letter="C", rate="5,00%", base=2_323, tax=111),
        ],
        customer=Customer(tax_id="725-18-01-126"),
    ),
    "en": Sale(
        language="en",
        currency="EUR",
        shop=_SHOPS["en"],
        number="1-20931",
        shift="412",
        at=_AT,
        cashier="Niamh",
        lines=[
            SaleLine(name="Flat white ☕", quantity=2_000, price=380, total=760, rate="13.5 %", tax=90),
            SaleLine(name="Crème brûlée", quantity=1_000, price=620, total=620, rate="13.5 %", tax=74),
            SaleLine(name="Mug “Harbour”, blue", quantity=1_000, price=1_450, total=1_450, rate="23 %", tax=271),
        ],
        total=2_830,
        payments=[Payment(kind="cash", total=2_830, tendered=3_000, change=170)],
        taxes=[TaxTotal(rate="13.5 %", base=1_380, tax=164), TaxTotal(rate="23 %", base=1_450, tax=271)],
        link="https://corner.example/r/7Q2M-K9",
    ),
}

_PAID_BACK: Final[dict[Language, list[Payment]]] = {
    language: [Payment(kind=paid.kind, total=paid.total, note=paid.note) for paid in sale.payments]
    for language, sale in _SALES.items()
}
_SHIFT_TAXES: Final[dict[Language, list[TaxTotal]]] = {
    "ru": [TaxTotal(rate="10 %", tax=590_909), TaxTotal(rate="22 %", tax=1_381_890)],
    "pl": [
        TaxTotal(letter="A", rate="23,00%", base=6_500_000, tax=1_215_447),
        TaxTotal(letter="C", rate="5,00%", base=7_663_210, tax=364_915),
    ],
    "en": [TaxTotal(rate="13.5 %", base=9_663_210, tax=1_149_369), TaxTotal(rate="23 %", base=4_500_000, tax=841_463)],
}
"""of 141,632.10: for Russia 65,000.00 at 10 %"""


def sample_sale(language: Language, kind: str = "sale") -> Sale:
    """A sale; as `return` with the receipt it gives back, as `cancelled` without payments."""
    sale = _SALES[language]
    if kind == "return":
        fiscal = sale.fiscal and msgspec.structs.replace(
            sale.fiscal,
            document="42184",
            sign="1177310954",
            qr="t=20261121T1644&s=817.00&fn=9999999999999051&i=42184&fp=1177310954&n=2",
        )
        number = f"{sale.number}-R"
        back: Sale = msgspec.structs.replace(
            sale, kind="return", original=sale.number, number=number, fiscal=fiscal, payments=_PAID_BACK[language]
        )
        return back
    if kind == "cancelled":
        gone: Sale = msgspec.structs.replace(sale, kind="cancelled", payments=[], taxes=[], fiscal=None, link="")
        return gone
    return sale


def sample_shift(language: Language, kind: str) -> ShiftReport:
    """An X or a Z report of the same shop."""
    sale = _SALES[language]
    return ShiftReport(
        kind="z" if kind == "z" else "x",
        language=language,
        currency=sale.currency,
        shop=sale.shop,
        number="171",
        shift=sale.shift,
        opened_at=_OPENED,
        at=datetime(2026, 11, 21, 22, 5),
        cashier=sale.cashier,
        sales=Turnover(count=184, total=14_283_150),
        returns=Turnover(count=3, total=119_940),
        cancelled=Turnover(count=2, total=88_000),
        discounts=412_300,
        payments=[
            PaidTotal(kind="cash", count=61, total=3_920_150),
            PaidTotal(kind="card", count=118, total=10_123_000),
            PaidTotal(kind="gift_card", count=5, total=240_000),
        ],
        returned=[PaidTotal(kind="cash", count=3, total=119_940)],
        taxes=_SHIFT_TAXES[language],
        cash=Cash(
            opening=500_000,
            put_in=0,
            taken_out=3_000_000,
            expected=1_300_210,
            counted=1_299_710 if kind == "z" else None,
        ),
        drawer_openings=63,
        grand_total=9_812_240_155,
        fiscal=sale.fiscal,
    )


_TAGS: Final[dict[Language, PriceTag]] = {
    "ru": PriceTag(
        language="ru",
        currency="RUB",
        name="Кофе молотый «Утро», 250 г",
        price=44_900,
        old_price=49_900,
        content=250,
        measure="кг",
        unit="шт",
        barcode="4600000000015",
        sku="KF-250",
        origin="Россия",
        shop="Магазин «Ёлка»",
        at=_AT,
    ),
    "pl": PriceTag(
        language="pl",
        currency="PLN",
        name="Płyn do naczyń „Źródlany” 0,75 l",
        price=1_249,
        content=750,
        measure="l",
        unit="szt",
        barcode="5901234123457",
        sku="PL-0750",
        origin="Polska",
        at=_AT,
    ),
    "en": PriceTag(
        language="en",
        currency="EUR",
        name="Tea “Harbour Breakfast”, 125 g",
        price=495,
        content=125,
        measure="kg",
        unit="pc",
        barcode="TEA-BRK-125",
        sku="TEA-125",
        at=_AT,
    ),
}

_WAREHOUSES: Final[dict[Language, str]] = {"ru": "Тверь, магазин № 12", "pl": "Gdańsk 1", "en": "Cork"}
_CHANNELS: Final[dict[Language, str]] = {"ru": "сайт", "pl": "sklep internetowy", "en": "web shop"}
_BARCODES: Final = ("4006381333931", "5901234123457", "4600000000015")


def sample_picking(language: Language) -> PickingSlip:
    """The goods of the sale, to be fetched for a web order."""
    lines = [
        PickLine(
            name=line.name,
            quantity=line.quantity,
            unit=line.unit,
            place=f"A-{index + 1:02}-3",
            sku=f"SKU-10{index}",
            barcode=_BARCODES[index],
        )
        for index, line in enumerate(_SALES[language].lines)
    ]
    return PickingSlip(
        language=language,
        order="W-100871",
        at=_AT,
        due_at=datetime(2026, 11, 21, 18, 0),
        lines=lines,
        warehouse=_WAREHOUSES[language],
        channel=_CHANNELS[language],
    )


def sample_count(language: Language) -> CountList:
    """The same goods, to be counted."""
    lines = [
        CountLine(
            name=line.name,
            unit=line.unit,
            place=f"A-{index + 1:02}-3",
            sku=f"SKU-10{index}",
            barcode=_BARCODES[index],
            expected=12_000 if index == 1 else None,
        )
        for index, line in enumerate(_SALES[language].lines)
    ]
    return CountList(language=language, number="C-58", at=_AT, lines=lines, warehouse=_WAREHOUSES[language], area="A")


SAMPLES: Final = ("sale", "return", "cancelled", "copy", "gift", "x", "z", "price-tag", "picking", "count")


def sample(name: str, language: Language) -> Document:
    """The sample document of this name; raises `KeyError` for another."""
    match name:
        case "sale" | "return" | "cancelled":
            return TEMPLATES["sale"].make(sample_sale(language, name))
        case "copy":
            return marked_copy(TEMPLATES["sale"].make(sample_sale(language)), language)
        case "gift":
            return TEMPLATES["gift"].make(sample_sale(language))
        case "x" | "z":
            return TEMPLATES["shift"].make(sample_shift(language, name))
        case "price-tag":
            return TEMPLATES["price-tag"].make(_TAGS[language])
        case "picking":
            return TEMPLATES["picking"].make(sample_picking(language))
        case "count":
            return TEMPLATES["count"].make(sample_count(language))
    raise KeyError(name)
