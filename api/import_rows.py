"""What each kind of import file holds, and from one row of it to the product or command that is sent.

Every check that the engine would make of a row's shape is made here, row by row, so that one bad row does not
spoil the request of the others.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

import orjson

from api import catalog
from api.numbers import MONEY_MAX, millionths, thousandths, thousandths_json
from api.status import Problem, invalid
from api.texts import check_code, check_text

_WHOLE_ONLY: Final = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
    *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
)
MINOR_DIGITS: Final = {
    **dict.fromkeys(_WHOLE_ONLY, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Currencies whose minor unit is not a hundredth (ISO 4217)."""
_DAY_FIRST: Final = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")
_LIST_MARKS = re.compile(r"[\s|]+")
_GROUP_MARK = re.compile(r"\s*[>|]\s*")
_SPACES = re.compile(r"[\s\u00a0\u202f']")
_NUMBER = re.compile(r"[+-]?[0-9]{1,24}(\.[0-9]{1,24})?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")


class Kind(StrEnum):
    """What a file holds."""

    PRODUCTS = "products"
    STOCK = "stock"
    SALES = "sales"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file."""

    name: str
    needed: bool
    sample: str
    words: str


@dataclass(frozen=True, slots=True)
class Options:
    """What cannot be seen from the file."""

    zone: tzinfo = UTC
    """of times without one"""
    currency: str = ""
    """of prices in rows without one"""
    comma_is_decimal: bool = False
    """1,234 is one and a bit; otherwise such a number is refused as ambiguous"""


Cells = Mapping[str, str]
"""The cells of a row that are not empty, by column."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind of file looks, and where its rows go."""

    columns: tuple[Column, ...]
    path: str
    body: Callable[[Cells, Options], dict[str, Any] | None]
    """without its id; None where there is nothing to do; raises Problem for a row that cannot be"""
    keeps_others: bool = False
    """columns with other names are kept with the document"""

    @property
    def names(self) -> list[str]:
        """The columns, in their order."""
        return [column.name for column in self.columns]

    @property
    def needed(self) -> list[str]:
        """Those that must be there."""
        return [column.name for column in self.columns if column.needed]


def product(cells: Cells, _: Options) -> dict[str, Any]:
    """A row of products."""
    body: dict[str, Any] = dict(cells)
    if decimals := cells.get("quantity_decimals"):
        if not decimals.isascii() or not decimals.isdecimal() or len(decimals) > 9:
            raise invalid("quantity_decimals", "a whole number from 0 to 3")
        body["quantity_decimals"] = int(decimals)
    if barcodes := cells.get("barcodes"):
        body["barcodes"] = [code for code in _LIST_MARKS.split(barcodes) if code]
    if group := cells.get("group"):
        body["group"] = _GROUP_MARK.split(group)
    check_code(body["sku"], "sku")
    catalog.product_document(body["sku"], orjson.dumps(body))
    return body


def opening_stock(cells: Cells, options: Options) -> dict[str, Any] | None:
    """A row of opening stock: goods received. Zero is what lists are full of: nothing to do."""
    quantity = _quantity(cells["quantity"], options)
    body = {"kind": "receive", **_place(cells), "quantity": quantity}
    _add_money(body, cells, options, ("unit_cost",))
    _add_texts(body, cells, ("reference", "reason"))
    return body if quantity else None


def sale(cells: Cells, options: Options) -> dict[str, Any]:
    """A row of sales: goods gone, whatever the engine thinks is there."""
    quantity = _quantity(cells["quantity"], options)
    if not quantity:
        raise invalid("quantity", "more than 0")
    body = {"kind": "sell", "settled": True, **_place(cells), "quantity": quantity}
    body["channel"] = check_code(cells["channel"], "channel")
    _add_money(body, cells, options, ("unit_price", "discount"))
    if rate := cells.get("tax_rate"):
        value = _decimal(rate.removesuffix("%"), "tax_rate", options)
        body["tax_rate"] = millionths(value / 100 if rate.endswith("%") else value, "tax_rate") / 1_000_000
    if moment := cells.get("occurred_at"):
        body["occurred_at"] = _moment(moment, options.zone).isoformat()
    _add_texts(body, cells, ("reference",))
    return body


SHAPES: Final = {
    Kind.PRODUCTS: Shape(
        (
            Column("sku", True, "cup-blue", "1 to 64 of A-Z a-z 0-9 . _ : -"),
            Column("name", True, "Cup, blue", "any text"),
            Column("quantity_decimals", False, "0", "0 pieces, 3 kilograms by the gram"),
            Column("barcodes", False, "4006381333931 4006381333948", "several apart by spaces"),
            Column("group", False, "Kitchen > Cups", "a path"),
        ),
        "/v1/products:batch",
        product,
        keeps_others=True,
    ),
    Kind.STOCK: Shape(
        (
            Column("sku", True, "cup-blue", "a registered product"),
            Column("warehouse", True, "riga-1", "a registered warehouse"),
            Column("quantity", True, "120", "units on hand, at most the product's decimals"),
            Column("unit_cost", False, "2.40", "in major units"),
            Column("currency", False, "EUR", "three letters; or --currency"),
            Column("reference", False, "count of 1 January", "any text"),
            Column("reason", False, "opening stock", "any text"),
        ),
        "/v1/commands",
        opening_stock,
    ),
    Kind.SALES: Shape(
        (
            Column("sku", True, "cup-blue", "a registered product"),
            Column("warehouse", True, "riga-1", "where the goods left"),
            Column("channel", True, "till", "a registered channel"),
            Column("quantity", True, "2", "units sold"),
            Column("unit_price", False, "4.90", "in major units"),
            Column("discount", False, "0.50", "in major units"),
            Column("currency", False, "EUR", "three letters; or --currency"),
            Column("tax_rate", False, "0.21", "or 21%"),
            Column("occurred_at", False, "2026-01-31T14:05:00Z", "RFC 3339, or 31.01.2026 14:05 in --time-zone"),
            Column("reference", False, "receipt 1017", "any text"),
        ),
        "/v1/commands",
        sale,
    ),
}


def _place(cells: Cells) -> dict[str, Any]:
    return {"sku": check_code(cells["sku"], "sku"), "warehouse": check_code(cells["warehouse"], "warehouse")}


def _quantity(text: str, options: Options) -> Any:
    value = thousandths(_decimal(text, "quantity", options), "quantity")
    if value < 0:
        raise invalid("quantity", "not below 0")
    return thousandths_json(value)


def _decimal(text: str, path: str, options: Options) -> Decimal:
    """A number as people write it: 1234.5, 1 234,5 (where a comma may be decimal), +3."""
    plain = _SPACES.sub("", text)
    if "," in plain:
        whole, _, rest = plain.partition(",")
        if "." in plain or "," in rest or (len(rest) == 3 and not options.comma_is_decimal):
            raise invalid(path, f"{text!r} can be read in two ways: write 1234.5")
        plain = f"{whole}.{rest}"
    if not _NUMBER.match(plain):
        raise invalid(path, f"{text!r} is not a number")
    try:
        return Decimal(plain)
    except InvalidOperation:
        raise invalid(path, f"{text!r} is not a number") from None


def _add_money(body: dict[str, Any], cells: Cells, options: Options, names: tuple[str, ...]) -> None:
    given = [name for name in names if name in cells]
    if not given:
        return
    currency = cells.get("currency", options.currency).upper()
    if not _CURRENCY.match(currency):
        raise invalid("currency", "an amount needs its currency, three letters")
    for name in given:
        amount = _decimal(cells[name], name, options).scaleb(MINOR_DIGITS.get(currency, 2))
        if amount != amount.to_integral_value() or abs(amount) > MONEY_MAX:
            raise invalid(name, f"{cells[name]!r} is no amount of {currency}")
        body[name] = {"amount": int(amount), "currency": currency}


def _add_texts(body: dict[str, Any], cells: Cells, names: tuple[str, ...]) -> None:
    for name in names:
        if name in cells:
            body[name] = check_text(cells[name], name)


def _moment(text: str, zone: tzinfo) -> datetime:
    for parse in (
        datetime.fromisoformat,
        *(lambda each, form=form: datetime.strptime(each, form) for form in _DAY_FIRST),
    ):
        try:
            found = parse(text)
        except ValueError:
            continue
        return found if found.tzinfo is not None else found.replace(tzinfo=zone)
    raise invalid("occurred_at", f"{text!r} is not a time such as 2026-01-31T14:05:00Z")


def reason_of(problem: Problem) -> str:
    """A problem as the reason why a row was left out."""
    path = str(problem.extra.get("path", "")).removeprefix("$").lstrip(".")
    return f"{path}: {problem.detail}" if path else problem.detail or problem.code
