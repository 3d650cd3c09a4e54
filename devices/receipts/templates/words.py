"""Every word that templates print, in each language. One that is missing is an error of types, not of a till."""

from dataclasses import dataclass
from typing import Final

from devices.receipts.templates.facts import Language, PaymentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language."""

    receipt: str
    fiscal_receipt: str
    not_fiscal: str
    operation: dict[str, str]
    cancelled: str
    gift: str
    gift_note: str
    original: str
    tax_id: str
    buyer_tax_id: str
    buyer: str
    place: str
    tax_system: str
    till: str
    shift: str
    cashier: str
    phone: str
    number: str
    discount: str
    including: str
    """before a line's tax"""
    total: str
    sum_at_rate: str
    tax: str
    tax_total: str
    payment: dict[PaymentKind, str]
    tendered: str
    change: str
    registrar: str
    storage: str
    document: str
    sign: str
    site: str
    marked: str
    link: str
    thanks: str
    x_report: str
    z_report: str
    opened: str
    printed: str
    sales: str
    returns: str
    cancellations: str
    discounts: str
    returned: str
    cash_drawer: str
    opening: str
    put_in: str
    taken_out: str
    expected: str
    counted: str
    difference: str
    drawer_openings: str
    grand_total: str
    price: str
    old_price: str
    price_for: str
    origin: str
    article: str
    picking: str
    order: str
    channel: str
    customer: str
    due: str
    warehouse: str
    lines: str
    date: str
    picked_by: str
    counting: str
    area: str
    counted_by: str
    signature: str


RU: Final = Words(
    receipt="ЧЕК",
    fiscal_receipt="КАССОВЫЙ ЧЕК",
    not_fiscal="НЕФИСКАЛЬНЫЙ ДОКУМЕНТ",
    operation={"sale": "ПРИХОД", "return": "ВОЗВРАТ ПРИХОДА", "cancelled": "ПРИХОД"},
    cancelled="ЧЕК АННУЛИРОВАН",
    gift="ПОДАРОЧНЫЙ ЧЕК",
    gift_note="Обмен и возврат по этому чеку.\nЦены не указаны.",
    original="К чеку",
    tax_id="ИНН",
    buyer_tax_id="ИНН покупателя",
    buyer="Покупатель",
    place="Место расчётов",
    tax_system="СНО",
    till="Касса",
    shift="Смена",
    cashier="Кассир",
    phone="Тел.",
    number="№",
    discount="Скидка",
    including="в т. ч. НДС",
    total="ИТОГ",
    sum_at_rate="Сумма по ставке",
    tax="НДС",
    tax_total="Сумма НДС",
    payment={
        "cash": "Наличными",
        "card": "Безналичными",
        "transfer": "Безналичными (СБП)",
        "gift_card": "Подарочная карта",
        "points": "Баллами",
        "credit": "В кредит",
        "other": "Иное",
    },
    tendered="Получено",
    change="Сдача",
    registrar="РН ККТ",
    storage="ФН",
    document="ФД",
    sign="ФПД",
    site="Сайт ФНС",
    marked="[М+]",
    link="Электронный чек",
    thanks="Спасибо за покупку!",
    x_report="X-ОТЧЁТ (без гашения)",
    z_report="Z-ОТЧЁТ (закрытие смены)",
    opened="Открыта",
    printed="Отчёт",
    sales="Продажи",
    returns="Возвраты",
    cancellations="Аннулировано",
    discounts="Скидки",
    returned="Возвращено",
    cash_drawer="ДЕНЕЖНЫЙ ЯЩИК",
    opening="На начало",
    put_in="Внесено",
    taken_out="Изъято",
    expected="Должно быть",
    counted="Пересчитано",
    difference="РАСХОЖДЕНИЕ",
    drawer_openings="Ящик открывался",
    grand_total="Необнуляемый итог",
    price="Цена",
    old_price="Старая цена",
    price_for="за",
    origin="Производство",
    article="Арт.",
    picking="ЛИСТ СБОРКИ",
    order="Заказ",
    channel="Канал",
    customer="Клиент",
    due="Собрать к",
    warehouse="Склад",
    lines="Строк",
    date="Дата",
    picked_by="Собрал",
    counting="ЛИСТ ПЕРЕСЧЁТА",
    area="Зона",
    counted_by="Считал",
    signature="Подпись",
)

PL: Final = Words(
    receipt="PARAGON",
    fiscal_receipt="PARAGON FISKALNY",
    not_fiscal="NIEFISKALNY",
    operation={"sale": "SPRZEDAŻ", "return": "ZWROT", "cancelled": "SPRZEDAŻ"},
    cancelled="PARAGON ANULOWANY",
    gift="PARAGON PREZENTOWY",
    gift_note="Wymiana i zwrot na podstawie tego paragonu.\nBez cen.",
    original="Do paragonu",
    tax_id="NIP",
    buyer_tax_id="NIP nabywcy",
    buyer="Nabywca",
    place="Miejsce sprzedaży",
    tax_system="Opodatkowanie",
    till="Kasa",
    shift="Zmiana",
    cashier="Kasjer",
    phone="Tel.",
    number="nr",
    discount="Rabat",
    including="w tym PTU",
    total="SUMA",
    sum_at_rate="Sprzed. opod. PTU",
    tax="PTU",
    tax_total="Suma PTU",
    payment={
        "cash": "Gotówka",
        "card": "Karta płatnicza",
        "transfer": "Przelew / BLIK",
        "gift_card": "Karta podarunkowa",
        "points": "Punkty",
        "credit": "Kredyt",
        "other": "Inna forma",
    },
    tendered="Otrzymano",
    change="Reszta",
    registrar="Nr unikatowy",
    storage="Pamięć fiskalna",
    document="Nr dokumentu",
    sign="Podpis",
    site="Weryfikacja",
    marked="[M+]",
    link="E-paragon",
    thanks="Dziękujemy za zakupy!",
    x_report="RAPORT X (bez zerowania)",
    z_report="RAPORT Z (zamknięcie zmiany)",
    opened="Otwarta",
    printed="Raport",
    sales="Sprzedaż",
    returns="Zwroty",
    cancellations="Anulowane",
    discounts="Rabaty",
    returned="Zwrócono",
    cash_drawer="SZUFLADA",
    opening="Stan początkowy",
    put_in="Wpłaty",
    taken_out="Wypłaty",
    expected="Powinno być",
    counted="Policzono",
    difference="RÓŻNICA",
    drawer_openings="Otwarcia szuflady",
    grand_total="Suma narastająca",
    price="Cena",
    old_price="Poprzednia cena",
    price_for="za",
    origin="Pochodzenie",
    article="Art.",
    picking="LISTA ZBIORCZA",
    order="Zamówienie",
    channel="Kanał",
    customer="Klient",
    due="Zebrać do",
    warehouse="Magazyn",
    lines="Pozycji",
    date="Data",
    picked_by="Zebrał(a)",
    counting="ARKUSZ SPISU",
    area="Strefa",
    counted_by="Policzył(a)",
    signature="Podpis",
)

EN: Final = Words(
    receipt="RECEIPT",
    fiscal_receipt="FISCAL RECEIPT",
    not_fiscal="NOT A FISCAL DOCUMENT",
    operation={"sale": "SALE", "return": "RETURN", "cancelled": "SALE"},
    cancelled="RECEIPT CANCELLED",
    gift="GIFT RECEIPT",
    gift_note="For exchange and return.\nPrices are not shown.",
    original="Of receipt",
    tax_id="Tax ID",
    buyer_tax_id="Buyer's tax ID",
    buyer="Buyer",
    place="Place of sale",
    tax_system="Tax system",
    till="Till",
    shift="Shift",
    cashier="Cashier",
    phone="Tel.",
    number="no.",
    discount="Discount",
    including="incl. VAT",
    total="TOTAL",
    sum_at_rate="Sold at",
    tax="VAT",
    tax_total="VAT in all",
    payment={
        "cash": "Cash",
        "card": "Card",
        "transfer": "Transfer",
        "gift_card": "Gift card",
        "points": "Points",
        "credit": "Credit",
        "other": "Other",
    },
    tendered="Tendered",
    change="Change",
    registrar="Registrar",
    storage="Storage",
    document="Document",
    sign="Signature",
    site="Verify at",
    marked="[M+]",
    link="E-receipt",
    thanks="Thank you!",
    x_report="X REPORT (not closed)",
    z_report="Z REPORT (shift closed)",
    opened="Opened",
    printed="Report",
    sales="Sales",
    returns="Returns",
    cancellations="Cancelled",
    discounts="Discounts",
    returned="Paid back",
    cash_drawer="CASH DRAWER",
    opening="At opening",
    put_in="Put in",
    taken_out="Taken out",
    expected="Expected",
    counted="Counted",
    difference="DIFFERENCE",
    drawer_openings="Drawer opened",
    grand_total="Grand total",
    price="Price",
    old_price="Was",
    price_for="per",
    origin="Origin",
    article="Art.",
    picking="PICKING SLIP",
    order="Order",
    channel="Channel",
    customer="Customer",
    due="Ready by",
    warehouse="Warehouse",
    lines="Lines",
    date="Date",
    picked_by="Picked by",
    counting="COUNT LIST",
    area="Area",
    counted_by="Counted by",
    signature="Signature",
)

WORDS: Final[dict[Language, Words]] = {"ru": RU, "pl": PL, "en": EN}
