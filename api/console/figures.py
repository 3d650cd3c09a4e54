"""Figures as people of each language write them: quantities, money, shares, moments, and how much more or less.

Integers of minor units come in; nothing is rounded but for the eye.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

MISSING: Final = "–"
MANYFOLD: Final = 10
"""from here on a comparison is said as so many times as much: nobody reads 5,855,020 %"""
UNSAID: Final = ""
"""the currency of a report that has no column for it"""
_THIN: Final = "\N{NARROW NO-BREAK SPACE}"
_MARKS: Final = {"en": (",", "."), "ru": (_THIN, ","), "pl": (_THIN, ",")}
"""between thousands, and before decimals"""
_EXPONENTS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "HUF": 2, "KWD": 3, "BHD": 3, "TND": 3}
_SIGNS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "PLN": "zł", "RUB": "₽", "JPY": "¥"}
_MONTHS: Final = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "ru": ["янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"],
    "pl": ["sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"],
}
_CURRENCY: Final = re.compile(r"^[A-Z]{3}$")
_DAY: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_HOUR: Final = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
_WEEK: Final = re.compile(r"^(\d{4})-W(\d{2})$")
_WEEKS: Final = {"en": "week {n}", "ru": "{n}-я неделя", "pl": "tydzień {n}"}
_WEEKDAYS: Final = {
    "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "ru": ["пн", "вт", "ср", "чт", "пт", "сб", "вс"],
    "pl": ["pon", "wt", "śr", "czw", "pt", "sob", "nd"],
}


@dataclass(frozen=True, slots=True)
class Figures:
    """How one language writes them."""

    language: str
    zone: tzinfo = UTC

    @property
    def zone_name(self) -> str:
        """As the tz database calls it."""
        return getattr(self.zone, "key", None) or "UTC"

    @staticmethod
    def seconds_between(first: str, last: str) -> float:
        """Of two moments."""
        return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()

    def number(self, value: float | None, decimals: int | None = None) -> str:
        """1,234.5; without `decimals` as many as the value has, three at most."""
        if value is None:
            return MISSING
        thousands, point = _MARKS[self.language]
        if decimals is None:
            text = f"{value:,.3f}".rstrip("0").rstrip(".") if value != int(value) else f"{int(value):,}"
        else:
            text = f"{value:,.{decimals}f}"
        whole, _, rest = text.partition(".")
        whole = whole.replace(",", thousands).replace("-", "\N{MINUS SIGN}")
        return f"{whole}{point}{rest}" if rest else whole

    def short(self, value: float | None) -> str:
        """12.4k, for axes and narrow places."""
        if value is None:
            return MISSING
        for limit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
            if abs(value) >= limit:
                return self.number(value / (1e3 if sign == "k" else limit), 1) + sign
        return self.number(value, None if value == int(value) else 1)

    def money(self, minor: float | None, currency: str | None) -> str:
        """Of minor units."""
        if minor is None or not currency:
            return MISSING
        exponent = _EXPONENTS.get(currency, 2)
        amount = self.number(minor / 10**exponent, exponent)
        sign = _SIGNS.get(currency, currency)
        if self.language == "en" and len(sign) == 1:
            return f"{sign}{amount}" if not amount.startswith("\N{MINUS SIGN}") else f"\N{MINUS SIGN}{sign}{amount[1:]}"
        return f"{amount}\N{NO-BREAK SPACE}{sign}"

    def decimals(self, unit: str) -> int:
        """That a figure of this unit always has: those of a currency, of anything else none."""
        return _EXPONENTS.get(unit, 2) if _CURRENCY.match(unit) else 0

    def major(self, minor: float, currency: str) -> float:
        """For the axis of a chart."""
        return float(minor) / 10.0 ** _EXPONENTS.get(currency, 2)

    def share(self, part: float | None, decimals: int = 1) -> str:
        """0.123 as 12.3 %."""
        return MISSING if part is None else f"{self.number(100 * part, decimals)}{_THIN}%"

    def change(self, now: float, before: float) -> tuple[str, int]:
        """(how much more or less than before, which way)."""
        if not before:
            return (MISSING, 0) if not now else ("+∞", 1)
        if now / before >= MANYFOLD:
            return f"×{self.number(round(now / before))}", 1
        ratio = now / before - 1
        sign = "+" if ratio > 0 else ""
        return f"{sign}{self.share(ratio, 0 if abs(ratio) >= 0.1 else 1)}", (ratio > 0) - (ratio < 0)

    def day(self, value: date | str, *, weekday: bool = False) -> str:
        """22 Nov 2026."""
        day = value if isinstance(value, date) else date.fromisoformat(value[:10])
        text = f"{day.day} {_MONTHS[self.language][day.month - 1]} {day.year}"
        return f"{_WEEKDAYS[self.language][day.weekday()]} {text}" if weekday else text

    def period(self, value: str) -> str:
        """2026-11-22 as 22 Nov, an hour as 13:00, a week as week 47, for axes; a group as it is."""
        if _HOUR.match(value):
            return value[11:16]
        if week := _WEEK.match(value):
            return _WEEKS[self.language].format(n=int(week[2]))
        if _DAY.match(value) is None:
            return value
        day = date.fromisoformat(value)
        return f"{day.day} {_MONTHS[self.language][day.month - 1]}"

    def whole_period(self, value: str) -> str:
        """The same with its year, and an hour with its day: where no other says them."""
        if _HOUR.match(value):
            return f"{self.day(value)} {value[11:16]}"
        if week := _WEEK.match(value):
            return f"{_WEEKS[self.language].format(n=int(week[2]))}, {week[1]}"
        return self.day(value) if _DAY.match(value) else value

    def weekday(self, number: int) -> str:
        """1 is Monday."""
        return _WEEKDAYS[self.language][number - 1]

    def moment(self, value: str | None, *, seconds: bool = False) -> str:
        """By the clock on the reader's wall."""
        if not value:
            return MISSING
        at = datetime.fromisoformat(value).astimezone(self.zone)
        clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
        if at.date() == datetime.now(self.zone).date():
            return clock
        return f"{self.day(at.date())} {clock}"

    def cell(self, value: Any, holds: str, currency: str | None) -> str:
        """A cell of a report, by what its column holds."""
        if value is None:
            return MISSING
        if holds == "money":
            # A report that names no currency has amounts of one only; most have two decimals.
            return self.number(value / 100, 2) if currency == UNSAID else self.money(value, currency)
        if holds in ("units", "count"):
            return self.number(value)
        if holds == "share":
            return self.number(round(value, 2))
        if holds == "day":
            return self.day(str(value))
        if holds == "moment":
            return self.moment(str(value))
        return str(value)


def zone_of(name: str | None) -> tzinfo:
    """The time zone of that name; UTC for one that is not known here."""
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):
        return UTC
