"""Quantities, money and times between JSON and integers, exactly: no figure passes through a float on its way in."""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact
from functools import lru_cache
from typing import Any, Final

import orjson

from api.status import invalid

DECIMALS_MAX: Final = 3
_SCALE: Final = (1, 10, 100, 1000)
THOUSANDTHS_MAX: Final = 10**18
"""Larger quantities are cut to this, which every shard refuses as `invalid_quantity`."""
MONEY_MAX: Final = 10**15
"""Minor units; larger is not well formed."""
TAX_RATE_MAX: Final = 10
_RATES_MAX: Final = 256
_MILLIONTHS: Final[dict[int | Decimal, int]] = {}
"""The few tax rates that everybody sends, as they were worked out: doing so takes as long as decoding the request."""
_EXACT: Final = Context(prec=60, traps=[Inexact])
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TIME_MIN_MS: Final = -62_135_596_800_000
TIME_MAX_MS: Final = 253_402_300_799_999
"""The years 1 to 9999 in UTC: what RFC 3339 can write."""
_WHOLE_MAX: Final = THOUSANDTHS_MAX // 1000
_FLOAT_EXACT_MAX: Final = 10**15
"""Decimals of up to 15 significant digits go through a double and back unharmed (DBL_DIG)."""


def thousandths(value: Any, path: str) -> int:
    """A decoded JSON number as thousandths; at most three decimals, else 422 `invalid_request`.

    `value` is what msgspec gives for an untyped number with float_hook=Decimal: an int or a Decimal.
    """
    if type(value) is int:
        return value * 1000 if -_WHOLE_MAX <= value <= _WHOLE_MAX else _cut(value > 0)
    if type(value) is not Decimal:
        raise invalid(path, "a number")
    return _scaled(value, DECIMALS_MAX, path)


def millionths(value: Any, path: str) -> int:
    """A tax rate such as 0.19 as millionths."""
    if type(value) is not int and type(value) is not Decimal:
        raise invalid(path, "a number")
    if not 0 <= value <= TAX_RATE_MAX:
        raise invalid(path, f"0 to {TAX_RATE_MAX}")
    known = _MILLIONTHS.get(value)
    if known is None:
        known = _scaled(Decimal(value), 6, path)
        if len(_MILLIONTHS) < _RATES_MAX:
            _MILLIONTHS[value] = known
    return known


def _scaled(value: Decimal, decimals: int, path: str) -> int:
    if not value:
        return 0
    # The size first: a huge exponent must never be written out.
    if value.adjusted() > 17 - decimals:
        return _cut(value > 0)
    if value.adjusted() < -decimals:
        raise invalid(path, f"more than {decimals} decimals")
    try:
        scaled = _EXACT.scaleb(_EXACT.create_decimal(value), decimals)
    except Inexact:
        raise invalid(path, f"more than {decimals} decimals") from None
    if scaled != scaled.to_integral_value():
        raise invalid(path, f"more than {decimals} decimals")
    return int(scaled)


def _cut(positive: bool) -> int:
    return THOUSANDTHS_MAX if positive else -THOUSANDTHS_MAX


def quantity_json(units: int, decimals: int) -> Any:
    """Smallest units as something that orjson writes as the exact number."""
    if not decimals:
        return units
    scale = _SCALE[decimals]
    whole, rest = divmod(units, scale)
    if not rest:
        return whole
    if -_FLOAT_EXACT_MAX < units < _FLOAT_EXACT_MAX:
        return units / scale
    return orjson.Fragment(str(Decimal(units).scaleb(-decimals)))


def thousandths_json(value: int) -> Any:
    """Thousandths as the exact number."""
    return quantity_json(value, DECIMALS_MAX)


def time_ms(moment: datetime | None, path: str) -> int:
    """Milliseconds since 1970, 0 for None, else 422 `invalid_request` outside TIME_MIN_MS to TIME_MAX_MS.

    The first millisecond of 1970 becomes the second one: whoever writes that means "long ago", and 0 is nothing said.
    """
    if moment is None:
        return 0
    since = moment - _EPOCH
    at_ms = (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
    if not TIME_MIN_MS <= at_ms <= TIME_MAX_MS:
        raise invalid(path, "a time of the years 1 to 9999 in UTC")
    return at_ms or 1


@lru_cache(maxsize=4096)
def _second(at_s: int) -> str:
    # A journal may hold times from before they were checked; a feed that cannot be read would be worse.
    at_s = min(max(at_s, TIME_MIN_MS // 1000), TIME_MAX_MS // 1000)
    return (_EPOCH + timedelta(seconds=at_s)).isoformat()[:19]


def time_json(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    second, ms = divmod(at_ms, 1000)
    return f"{_second(second)}.{ms:03d}Z"
