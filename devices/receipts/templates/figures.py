"""Money, quantities and dates as they are written in a language."""

from datetime import datetime
from typing import Final

from devices.receipts.templates.facts import Language

_DECIMALS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}
"""of ISO 4217, where it is not 2"""
SIGNS: Final = {"RUB": "₽", "PLN": "zł", "EUR": "€", "UAH": "₴", "KZT": "₸", "CZK": "Kč", "GBP": "£", "USD": "$"}
_GROUP: Final[dict[Language, str]] = {"ru": "\u00a0", "pl": "\u00a0", "en": ","}
_POINT: Final[dict[Language, str]] = {"ru": ",", "pl": ",", "en": "."}


def _number(value: int, decimals: int, language: Language) -> str:
    whole, rest = divmod(abs(value), 10**decimals)
    written = f"{whole:,}".replace(",", _GROUP[language])
    if decimals:
        written += f"{_POINT[language]}{rest:0{decimals}d}"
    return f"-{written}" if value < 0 else written


def decimals_of(currency: str) -> int:
    """Digits behind the point."""
    return _DECIMALS.get(currency, 2)


def money(minor: int, currency: str, language: Language) -> str:
    """An amount without its sign: 1 234,56."""
    return _number(minor, decimals_of(currency), language)


def priced(minor: int, currency: str, language: Language) -> str:
    """An amount with its sign: 1 234,56 zł; it holds together when lines are broken."""
    return f"{money(minor, currency, language)}\u00a0{SIGNS.get(currency, currency)}"


def quantity(thousandths: int, language: Language) -> str:
    """2, or 0,456: as many digits as it has, for weights three."""
    if thousandths % 1_000 == 0:
        return _number(thousandths // 1_000, 0, language)
    return _number(thousandths, 3, language)


def moment(at: datetime, language: Language) -> str:
    """Date and time to the minute, as the shop's clock shows it."""
    return f"{day(at, language)} {at:%H:%M}"


def day(at: datetime, language: Language) -> str:
    """The date."""
    return f"{at:%d.%m.%Y}" if language == "ru" else f"{at:%Y-%m-%d}"


def price_of_one(price: int, content: int) -> int:
    """The price of a whole litre or kilogram, when `content` thousandths of it cost `price`; half is rounded up."""
    return (price * 2_000 + content) // (2 * content)
