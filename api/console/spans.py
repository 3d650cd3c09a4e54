"""The days that a page is about: presets in the address, or two dates."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from api.console.parts import presets
from api.console.visit import Visit, business_day

SPANS: Final = {"today": 1, "7": 7, "28": 28, "90": 90, "365": 365, "all": None}
WORDS: Final = {
    "today": "Today",
    "7": "7 days",
    "28": "28 days",
    "90": "90 days",
    "365": "A year",
    "all": "All time",
}


@dataclass(frozen=True, slots=True)
class Span:
    """Business days, both included; None = without end."""

    name: str
    first: date | None
    last: date | None

    @property
    def given(self) -> dict[str, str | None]:
        """As a report is asked."""
        return {
            "from": None if self.first is None else self.first.isoformat(),
            "to": None if self.last is None else self.last.isoformat(),
        }

    @property
    def days(self) -> int | None:
        """How many."""
        return None if self.first is None or self.last is None else (self.last - self.first).days + 1


async def span_of(visit: Visit, default: str = "28") -> Span:
    """What the address says: `from` and `to`, or `span`, counted back from the day it is at the first place."""
    first, last = _day(visit.query.get("from")), _day(visit.query.get("to"))
    if first is not None and last is not None and last < first:
        first, last = last, first
    if first is not None or last is not None:
        return Span("", first, last)
    name = visit.query.get("span", default)
    name = name if name in SPANS else default
    days = SPANS[name]
    if days is None:
        return Span(name, None, None)
    place = next(iter((await visit.desk.warehouses()).values()), None)
    today = business_day(place)
    return Span(name, today - timedelta(days=days - 1), today)


def span_presets(visit: Visit, chosen: Span) -> None:
    """The ways to other days."""
    presets(
        [
            (visit.t(words), visit.here(span=name, **{"from": None, "to": None}), name == chosen.name)
            for name, words in WORDS.items()
        ]
    )


def span_words(visit: Visit, span: Span) -> str:
    """The days in words."""
    f, t = visit.f, visit.t
    if span.first is None and span.last is None:
        return t("All time")
    if span.first == span.last and span.first is not None:
        return f.day(span.first, weekday=True)
    first = f.day(span.first) if span.first is not None else "…"
    last = f.day(span.last) if span.last is not None else "…"
    return f"{first} – {last}"


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
