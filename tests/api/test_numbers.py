"""Quantities, rates and times go in and out exactly."""

from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.numbers import THOUSANDTHS_MAX, millionths, quantity_json, thousandths, time_json
from api.paging import decode_cursor, encode_cursor
from api.status import Problem

_decode = msgspec.json.Decoder(Any, float_hook=Decimal).decode


@given(st.integers(-(10**15), 10**15), st.integers(0, 3))
def test_what_is_written_is_read_back(units: int, decimals: int) -> None:
    text = orjson.dumps(quantity_json(units, decimals))
    assert thousandths(_decode(text), "q") == max(-THOUSANDTHS_MAX, min(THOUSANDTHS_MAX, units * 10 ** (3 - decimals)))
    assert Decimal(text.decode()) == Decimal(units).scaleb(-decimals)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5000), ("5.0", 5000), ("1.250", 1250), ("-0", 0), ("-0.0", 0), ("0e999999999", 0), ("1E+2", 100_000),
        ("-1.001", -1001), ("1e400", THOUSANDTHS_MAX), ("-1e400", -THOUSANDTHS_MAX), ("9" * 40, THOUSANDTHS_MAX),
        ("1e999999999999999", THOUSANDTHS_MAX), ("0.001000000000000000000000", 1),
    ],
)  # fmt: skip
def test_a_number_is_thousandths(text: str, value: int) -> None:
    assert thousandths(_decode(text), "q") == value


@pytest.mark.parametrize(
    "text", ["0.0001", "1e-4", "1e-999999999", "1.0000000000000000000000000000000000001", "true", '"5"', "null", "[]"]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        thousandths(_decode(text), "$.q")
    assert (refused.value.status, refused.value.extra["path"]) == (422, "$.q")


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("0.19", 190_000), ("1", 1_000_000), ("0.123456", 123_456), ("10", 10**7)]
)
def test_a_rate_is_millionths(text: str, value: int) -> None:
    assert millionths(_decode(text), "r") == value


@pytest.mark.parametrize("text", ["-0.01", "10.1", "1e400", "0.1234567", "true", '"0.19"'])
def test_a_rate_has_bounds(text: str) -> None:
    with pytest.raises(Problem):
        millionths(_decode(text), "r")


def test_times_are_rfc_3339_with_milliseconds() -> None:
    assert time_json(1_760_000_000_007) == "2025-10-09T08:53:20.007Z"
    assert time_json(-1) == "1969-12-31T23:59:59.999Z"


def test_a_journaled_time_that_nobody_can_write_is_the_nearest_that_one_can() -> None:
    assert time_json(1 << 62)[:19] == "9999-12-31T23:59:59"
    assert time_json(-(1 << 62))[:19] == "0001-01-01T00:00:00"


@given(st.lists(st.integers(0, 2**63 - 1), max_size=9))
def test_a_cursor_comes_back_as_it_went(numbers: list[int]) -> None:
    assert list(decode_cursor("after", encode_cursor(numbers)) or ()) == numbers


@given(st.text(max_size=40))
def test_a_foreign_cursor_is_refused_and_never_a_crash(text: str) -> None:
    refused = ""
    try:
        decode_cursor("after", text, 2)
    except Problem as problem:
        refused = problem.code
    assert refused in ("", "invalid_request")
