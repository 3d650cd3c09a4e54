"""Every template in every language on both papers: what it must say, what it must not."""

import re
from typing import Any

import msgspec
import pytest

from devices.printer_settings import PrinterSettings
from devices.receipts.copies import marked_copy
from devices.receipts.document import Cut, Document, DocumentRefused, Drawer, Text
from devices.receipts.escpos import slip
from devices.receipts.preview import as_text, read_back
from devices.receipts.profiles import printer_profile
from devices.receipts.reading import BarcodePrinted, Pictured, QrPrinted, Unknown
from devices.receipts.templates.facts import Language, Payment, Sale, check_sums
from devices.receipts.templates.figures import moment, money, price_of_one, priced, quantity
from devices.receipts.templates.make import TEMPLATES, made
from devices.receipts.templates.sale import gift_receipt, sale_receipt
from devices.receipts.templates.samples import (
    LANGUAGES,
    SAMPLES,
    sample,
    sample_count,
    sample_picking,
    sample_sale,
    sample_shift,
)
from devices.receipts.templates.words import WORDS

WIDE = printer_profile(PrinterSettings("TM-T20II"))
NARROW = printer_profile(PrinterSettings("POS-5890"))

RUSSIAN = [
    *("КАССОВЫЙ ЧЕК", "ПРИХОД", "Место расчётов: магазин № 12", "ИНН 7701234567", "СНО +ОСН", "Касса 3", "Смена 171"),
    *("№ 3-004218", "Кассир +Иванова А. П.", "в т. ч. НДС 10 % +16,35", "НДС 22 % +80,97", r"\[М\+\]"),
    *("ИТОГ +817,00 руб.", r"Безналичными \*{4} 4411 +300,00", "Наличными +517,00", "Сдача +83,00"),
    *("РН ККТ", "ФН +9999999999999051", "ФД +42183", "ФПД +2598448910", "nalog.gov.ru"),
    r"\[QR t=20261121T1644&s=817.00",
]
POLISH = [
    *("NIP 584-025-79-42", "Kasa 2", "Kasjer +Łucja Święcka", "nr W001842", "# NIEFISKALNY #"),
    *("8,99 C", "22,48 A", "Rabat +-2,50 A", "Sprzed. opod. PTU A +22,48", "PTU A 23,00% +4,20", "PTU C 5,00% +1,11"),
    *("Suma PTU +5,31", "SUMA +45,71 zł", "Karta płatnicza", "NIP nabywcy +725-18-01-126"),
]


def on_paper(name: str, language: Language, narrow: bool = False) -> str:
    profile = NARROW if narrow else WIDE
    return as_text(slip(sample(name, language), profile), profile)


@pytest.mark.parametrize("narrow", [False, True], ids=["80mm", "58mm"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_fits_both_papers(name: str, language: Language, narrow: bool) -> None:
    profile = NARROW if narrow else WIDE
    printed = slip(sample(name, language), profile)
    assert not [item for item in read_back(printed, profile) if isinstance(item, Unknown)]
    text = [line for line in as_text(printed, profile).splitlines() if not line.lstrip().startswith("[QR")]
    assert max(map(len, text)) <= profile.columns + 1
    assert "?" not in "".join(text)


@pytest.mark.parametrize(
    ("name", "language", "wanted"),
    [
        ("sale", "ru", RUSSIAN),
        ("sale", "pl", POLISH),
        ("sale", "en", ["NOT A FISCAL DOCUMENT", "TOTAL +28.30 €", "Change +1.70", r"\[QR https://corner.example"]),
        ("return", "ru", ["ВОЗВРАТ ПРИХОДА", "К чеку +3-004218", r"\[QR t=.*&i=42184&.*&n=2\]"]),
        ("return", "pl", ["ZWROT", "Do paragonu +W001842"]),
        ("cancelled", "ru", ["ЧЕК АННУЛИРОВАН(.|\n)+ЧЕК АННУЛИРОВАН", "НЕФИСКАЛЬНЫЙ ДОКУМЕНТ"]),
        ("cancelled", "pl", ["PARAGON ANULOWANY"]),
        ("copy", "ru", ["^ +КОПИЯ\n(.|\n)+\n +КОПИЯ\n"]),
        ("copy", "pl", ["^ +KOPIA\n(.|\n)+\n +KOPIA\n"]),
        ("copy", "en", ["^ +COPY\n(.|\n)+\n +COPY\n"]),
        ("gift", "ru", ["ПОДАРОЧНЫЙ ЧЕК", r"\[CODE128 3-004218\]"]),
        ("x", "ru", ["X-ОТЧЁТ", r"Продажи \(184\) +142 831,50", "ИТОГ +141 632,10"]),
        ("z", "ru", ["Z-ОТЧЁТ", "Должно быть +13 002,10", "РАСХОЖДЕНИЕ +-5,00", "Необнуляемый итог +98 122 401,55"]),
        ("x", "pl", ["PTU A 23,00% +12 154,47"]),
        ("z", "pl", ["RAPORT Z", r"Gotówka \(61\) +39 201,50", "RÓŻNICA +-5,00"]),
        ("price-tag", "ru", ["449,00 руб. / шт", "Цена за 1 кг +1 796,00 руб.", r"\[EAN13 4600000000015\]"]),
        ("price-tag", "pl", ["12,49 zł / szt", "Cena za 1 l +16,65 zł"]),
        ("price-tag", "en", ["4.95 € / pc", "Price per 1 kg +39.60 €", r"\[CODE128 TEA-BRK-125\]"]),
        ("picking", "ru", ["W-100871", r"\[ \] A-01-3 +2 шт", "Собрать к +21.11.2026 18:00"]),
        ("count", "pl", ["ARKUSZ SPISU", "Powinno być 12 kg", "________ szt", "Policzył"]),
    ],
)
def test_a_document_says_what_it_must(name: str, language: Language, wanted: list[str]) -> None:
    said = on_paper(name, language)
    assert [part for part in wanted if not re.search(part, said, re.MULTILINE)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gift_receipt_shows_no_prices(language: Language) -> None:
    sale = sample_sale(language)
    said = as_text(slip(gift_receipt(sale), WIDE), WIDE)
    for line in sale.lines:
        assert money(line.price, sale.currency, language) not in said
    assert money(sale.total, sale.currency, language) not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_a_buyer_is_thanked(language: Language) -> None:
    thanks = WORDS[language].thanks
    assert [name for name in ("sale", "return", "cancelled", "gift") if thanks in on_paper(name, language)] == [
        "sale",
        "gift",
    ]


def test_a_fiscal_receipt_does_not_say_that_it_is_none() -> None:
    assert "НЕФИСКАЛЬНЫЙ" not in on_paper("sale", "ru")
    assert on_paper("sale", "pl").count("# NIEFISKALNY #") == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_sums_of_the_samples_are_right_and_wrong_ones_are_refused(language: Language) -> None:
    sale = sample_sale(language)
    check_sums(sale)
    replace = msgspec.structs.replace
    for wrong in (
        replace(sale, total=sale.total + 1),
        replace(sale, discount=sale.discount + 1),
        replace(sale, payments=[*sale.payments, Payment(kind="card", total=1)]),
        replace(sale, payments=[Payment(kind="cash", total=sale.total, tendered=sale.total, change=1)]),
    ):
        with pytest.raises(DocumentRefused):
            sale_receipt(wrong)


def test_a_copy_says_so_on_top_and_at_the_end_and_opens_no_drawer() -> None:
    document = Document((Drawer(1), Text("Hi"), Cut(True)))
    blocks = marked_copy(document, "pl").blocks
    assert [getattr(block, "text", block) for block in blocks] == ["KOPIA", "Hi", "KOPIA", Cut(True)]
    blocks = marked_copy(Document((Text("Hi"),)), number=2).blocks
    assert [block.text for block in blocks if isinstance(block, Text)] == [
        "КОПИЯ / KOPIA / COPY 2",
        "Hi",
        "КОПИЯ / KOPIA / COPY 2",
    ]
    assert made("sale", msgspec.to_builtins(sample_sale("ru")), copy=True) == sample("copy", "ru")


def test_no_language_lacks_a_word() -> None:
    for language in LANGUAGES:
        words = WORDS[language]
        for name in words.__slots__:
            value: Any = getattr(words, name)
            assert all(value.values()) if isinstance(value, dict) else value, f"{language} {name}"


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (money(123_456_789, "RUB", "ru"), "1\u00a0234\u00a0567,89"),
        (money(-5, "PLN", "pl"), "-0,05"),
        (money(123_456, "GBP", "en"), "1,234.56"),
        (money(1_234, "JPY", "en"), "1,234"),
        (money(1_234, "KWD", "en"), "1.234"),
        (priced(100, "PLN", "pl"), "1,00\u00a0zł"),
        (priced(100, "XAF", "en"), "1.00\u00a0XAF"),
        (quantity(2_000, "pl"), "2"),
        (quantity(456, "ru"), "0,456"),
        (quantity(1_500, "en"), "1.500"),
        (moment(sample_sale("ru").at, "ru"), "21.11.2026 16:44"),
        (moment(sample_sale("pl").at, "pl"), "2026-11-21 16:44"),
        (price_of_one(44_900, 250), 179_600),
        (price_of_one(1_249, 750), 1_665),
        (price_of_one(1, 3_000), 0),
        (price_of_one(3, 2_000), 2),
    ],
)
def test_figures_are_written_as_people_do(got: object, wanted: object) -> None:
    assert got == wanted


def test_facts_travel_as_json() -> None:
    for template, facts in (
        ("sale", sample_sale("ru")),
        ("gift", sample_sale("pl")),
        ("shift", sample_shift("en", "z")),
        ("picking", sample_picking("ru")),
        ("count", sample_count("en")),
    ):
        sent = msgspec.json.decode(msgspec.json.encode(facts))
        assert made(template, sent) == TEMPLATES[template].make(facts)


@pytest.mark.parametrize(
    ("template", "facts", "reason"),
    [
        ("poem", {}, "one of sale"),
        ("sale", {}, "missing required field"),
        ("sale", [], "Expected `object`"),
        ("price-tag", {"language": "ru", "currency": "rub", "name": "a", "price": 1}, "currency"),
        ("price-tag", {"language": "de", "currency": "EUR", "name": "a", "price": 1}, "language"),
        ("price-tag", {"language": "en", "currency": "EUR", "name": "a", "price": 1.5}, "price"),
        ("count", {"language": "en", "number": "1", "at": "2026-11-21T10:00:00", "lines": []}, "lines"),
    ],
)
def test_facts_that_are_wrong_are_refused_with_the_reason(template: str, facts: object, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        made(template, facts)


def test_every_template_has_a_sample() -> None:
    assert {"sale", "gift", "price-tag", "picking", "count"} <= set(SAMPLES)
    with pytest.raises(KeyError):
        sample("poem", "en")


def test_hostile_facts_stay_text() -> None:
    sale = sample_sale("en")
    evil = "Milk\x1bp\x00\x19\xfa\n\x1dV\x00"
    lines = [msgspec.structs.replace(line, name=evil, unit=evil) for line in sale.lines]
    facts: Sale = msgspec.structs.replace(sale, lines=lines, cashier=evil, number=evil, thanks=evil)
    for document in (sale_receipt(facts), gift_receipt(facts)):
        kinds = {type(item).__name__ for item in read_back(slip(document, WIDE), WIDE)}
        assert kinds <= {"Printed", "Pictured", "QrPrinted", "CutPaper"}


def test_a_qr_code_is_printed_by_the_printer_or_drawn() -> None:
    document = sample("sale", "ru")
    assert any(isinstance(item, QrPrinted) for item in read_back(slip(document, WIDE), WIDE))
    assert any(isinstance(item, Pictured) for item in read_back(slip(document, NARROW), NARROW))
    assert any(isinstance(item, BarcodePrinted) for item in read_back(slip(sample("gift", "en"), WIDE), WIDE))
