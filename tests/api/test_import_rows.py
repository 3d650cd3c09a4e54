"""From a row of a file to what is sent."""

from datetime import timedelta, timezone
from typing import Any

import orjson
import pytest

from api.import_rows import SHAPES, Kind, Options, reason_of
from api.status import Problem

RIGA = Options(zone=timezone(timedelta(hours=2)), currency="EUR", comma_is_decimal=True)
PLAIN = Options()
STOCK = {"sku": "cup", "warehouse": "riga", "quantity": "5"}
SALE = {"sku": "cup", "warehouse": "riga", "channel": "till", "quantity": "2"}


def body(kind: Kind, cells: dict[str, str], options: Options = PLAIN) -> Any:
    return orjson.loads(orjson.dumps(SHAPES[kind].body(cells, options)))


def test_product_has_lists_and_what_else_the_file_has() -> None:
    cells = {
        "sku": "cup",
        "name": "Cup",
        "quantity_decimals": "3",
        "barcodes": "1 2|3",
        "group": "A > B",
        "brand": "Bolt",
    }
    assert body(Kind.PRODUCTS, cells) == {
        "sku": "cup",
        "name": "Cup",
        "quantity_decimals": 3,
        "barcodes": ["1", "2", "3"],
        "group": ["A", "B"],
        "brand": "Bolt",
    }


def test_stock_is_received() -> None:
    cells = STOCK | {"unit_cost": "2.40", "currency": "eur", "reason": "opening"}
    assert body(Kind.STOCK, cells) == {
        "kind": "receive",
        "sku": "cup",
        "warehouse": "riga",
        "quantity": 5,
        "unit_cost": {"amount": 240, "currency": "EUR"},
        "reason": "opening",
    }


def test_stock_of_zero_is_nothing_to_do() -> None:
    assert body(Kind.STOCK, STOCK | {"quantity": "0,00"}, RIGA) is None


def test_sale_is_settled() -> None:
    cells = SALE | {"unit_price": "4,90", "discount": "0.5", "tax_rate": "21%", "occurred_at": "31.01.2026 14:05"}
    assert body(Kind.SALES, cells, RIGA) == {
        "kind": "sell",
        "settled": True,
        "sku": "cup",
        "warehouse": "riga",
        "channel": "till",
        "quantity": 2,
        "unit_price": {"amount": 490, "currency": "EUR"},
        "discount": {"amount": 50, "currency": "EUR"},
        "tax_rate": 0.21,
        "occurred_at": "2026-01-31T14:05:00+02:00",
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("5.0", 5),
        ("+5", 5),
        ("1.25", 1.25),
        ("1 234", 1234),
        ("1\u00a0234.5", 1234.5),
        ("1'000", 1000),
        ("1,5", 1.5),
    ],
)
def test_numbers_as_people_write_them(text: str, number: float) -> None:
    assert body(Kind.STOCK, STOCK | {"quantity": text})["quantity"] == number


def test_comma_with_three_digits_is_decimal_only_where_commas_are() -> None:
    cells = STOCK | {"quantity": "1,234"}
    assert body(Kind.STOCK, cells, RIGA)["quantity"] == 1.234
    with pytest.raises(Problem, match="two ways"):
        body(Kind.STOCK, cells)


@pytest.mark.parametrize(("currency", "amount"), [("EUR", 1200), ("JPY", 12), ("KWD", 12000)])
def test_prices_become_minor_units_of_their_currency(currency: str, amount: int) -> None:
    cells = STOCK | {"unit_cost": "12", "currency": currency}
    assert body(Kind.STOCK, cells)["unit_cost"] == {"amount": amount, "currency": currency}


@pytest.mark.parametrize(
    ("kind", "cells", "reason"),
    [
        (Kind.STOCK, STOCK | {"quantity": "-1"}, "quantity: not below 0"),
        (Kind.STOCK, STOCK | {"quantity": "many"}, "quantity: 'many' is not a number"),
        (Kind.STOCK, STOCK | {"quantity": "1e3"}, "quantity: '1e3' is not a number"),
        (Kind.STOCK, STOCK | {"quantity": "٣"}, "quantity: '٣' is not a number"),
        (Kind.STOCK, STOCK | {"quantity": "1.2345"}, "quantity: more than 3 decimals"),
        (Kind.STOCK, STOCK | {"quantity": "1.234,5"}, "quantity: '1.234,5' can be read in two ways: write 1234.5"),
        (Kind.STOCK, STOCK | {"sku": "a cup"}, "sku: 1 to 64 of A-Z a-z 0-9 . _ : -"),
        (Kind.STOCK, STOCK | {"warehouse": "Rīga"}, "warehouse: 1 to 64 of A-Z a-z 0-9 . _ : -"),
        (Kind.STOCK, STOCK | {"unit_cost": "1"}, "currency: an amount needs its currency, three letters"),
        (Kind.STOCK, STOCK | {"unit_cost": "1.001", "currency": "EUR"}, "unit_cost: '1.001' is no amount of EUR"),
        (Kind.STOCK, STOCK | {"reason": "a\u202eb"}, "reason: control or bidirectional character"),
        (Kind.SALES, SALE | {"quantity": "0"}, "quantity: more than 0"),
        (
            Kind.SALES,
            SALE | {"occurred_at": "yesterday"},
            "occurred_at: 'yesterday' is not a time such as 2026-01-31T14:05:00Z",
        ),
        (Kind.PRODUCTS, {"sku": "cup", "name": "a\x07b"}, "name: control or bidirectional character"),
        (
            Kind.PRODUCTS,
            {"sku": "cup", "name": "Cup", "quantity_decimals": "x"},
            "quantity_decimals: a whole number from 0 to 3",
        ),
        (Kind.PRODUCTS, {"sku": "cup/1", "name": "Cup"}, "sku: 1 to 64 of A-Z a-z 0-9 . _ : -"),
    ],
)
def test_row_that_cannot_be_says_why(kind: Kind, cells: dict[str, str], reason: str) -> None:
    with pytest.raises(Problem) as refused:
        body(kind, cells)
    assert reason_of(refused.value) == reason
