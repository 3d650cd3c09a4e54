"""The books of a place: what each of its business days came to, and what was written down of it.

A closed day is a document for each channel, read from the documents themselves: the tables behind the reports learn of
it a moment later, and whoever has just closed a day wants to see it closed.
"""

import asyncio
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Final

from api.console.client import all_pages
from api.console.visit import Visit

FRESH_S: Final = 2.0
FIGURES: Final = ("orders", "units", "gross", "discount", "returns", "net", "tax")
Row = dict[str, Any]


class State(Enum):
    """How far the books of a day are; (words, mood of the badge)."""

    GOES_ON = ("goes on", "brand")
    NOTHING = ("no sales", "")
    OPEN = ("not closed", "warn")
    PARTLY = ("partly closed", "warn")
    CLOSED = ("closed", "good")


@dataclass(frozen=True, slots=True)
class Day:
    """A business day of one place."""

    day: date
    over: bool
    rows: list[Row]
    """of the report `books`: what each channel came to in each currency, as it is known now"""
    closed: dict[str, Row]
    """by channel: the document, as it was written"""

    @property
    def channels(self) -> set[str]:
        """With anything that day, or closed all the same."""
        return {row["channel"] for row in self.rows} | set(self.closed)

    @property
    def state(self) -> State:
        """How far its books are."""
        if not self.over:
            return State.GOES_ON
        if not self.channels:
            return State.NOTHING
        if not self.closed:
            return State.OPEN
        return State.PARTLY if self.channels - set(self.closed) else State.CLOSED

    @property
    def to_close(self) -> bool:
        """Whether closing it writes anything down."""
        return self.state in (State.OPEN, State.PARTLY)

    @property
    def changed(self) -> bool:
        """Whether something came later to what was closed."""
        return any(line["difference"] or line["tax_difference"] for line in self.lines())

    def net(self) -> dict[str, int]:
        """As it is known now, by currency: amounts of different currencies are never added."""
        sums: dict[str, int] = {}
        for row in self.rows:
            if row["currency"] is not None:
                sums[row["currency"]] = sums.get(row["currency"], 0) + row["net"]
        return sums

    def lines(self) -> list[Row]:
        """For each channel and currency what is known now beside what was written down; null: it is not closed."""
        now = {(row["channel"], row["currency"]): row for row in self.rows}
        written = {(code, each["currency"]): each for code, found in self.closed.items() for each in found["figures"]}
        alone = {(code, None) for code in self.channels - {code for code, _ in {**now, **written}}}
        return [
            _line(code, currency, now.get((code, currency), {}), written.get((code, currency), {}), self.closed)
            for code, currency in sorted({*now, *written, *alone}, key=lambda key: (key[0], key[1] or ""))
        ]


def _line(code: str, currency: str | None, now: Row, written: Row, closed: dict[str, Row]) -> Row:
    made: Row = {"channel": code, "currency": currency, **{name: now.get(name, 0) for name in FIGURES}}
    made |= dict.fromkeys(("closed_net", "difference", "tax_difference", "closed_at", "closed_by"))
    if (found := closed.get(code)) is not None:
        made["closed_net"] = written.get("net", 0)
        made["difference"] = made["net"] - made["closed_net"]
        made["tax_difference"] = made["tax"] - written.get("tax", 0)
        made |= {"closed_at": found["closed_at"], "closed_by": closer(found)}
    return made


def closer(document: Row) -> str:
    """Who closed it: the person that a program spoke for, else whose key it was."""
    return str(document["author"] or document["closed_by"])


async def days_of(visit: Visit, place: str, first: date, last: date, today: date) -> list[Day]:
    """The business days from `first` to `last`, the newest first."""
    given = {"warehouse": place, "from": first.isoformat(), "to": last.isoformat()}
    desk = visit.desk
    rows, documents = await asyncio.gather(
        desk.report("books", given, for_s=FRESH_S),
        all_pages(lambda page: desk.api.get("/v1/closings", {**given, **page})),
    )
    numbers = range(last.toordinal(), first.toordinal() - 1, -1)
    days = {str(day): Day(day, day < today, [], {}) for day in map(date.fromordinal, numbers)}
    for row in rows:
        days[str(row["day"])[:10]].rows.append(row)
    for each in documents:
        days[each["day"]].closed[each["channel"]] = each
    return list(days.values())
