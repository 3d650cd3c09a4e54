"""Today beside the same weekday last week, as far as the two can be compared: the hours that are over.

At 10:05 the hour that goes on has five minutes of sales today and had sixty a week ago: who compares these is told
every hour anew that it goes badly. So the figure shown is the day's, and the comparison is of finished hours only.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from api.console.figures import zone_of
from api.console.visit import Visit, day_start

WEEK: Final = timedelta(days=7)
LAST_WEEK_FOR_S: Final = 600.0
"""How old the figures of a day that is long over may be."""
_HOUR: Final = "%Y-%m-%dT%H:00"
Rows = list[dict[str, Any]]


class Compared(NamedTuple):
    """A figure of the day as it is shown."""

    value: float
    hint: str
    """how its finished hours are against those of a week ago"""
    trend: int
    """1 good, -1 bad, 0 neither"""


@dataclass(frozen=True, slots=True)
class SoFar:
    """Channel sales of a business day, and of that a week before."""

    day: date
    rows: Rows
    """today, all of it"""
    hours: Rows
    """the same by hour"""
    hours_before: Rows
    """of the whole day a week ago"""
    until: datetime
    """on the wall: the hours before are over, in every place"""
    begin: datetime
    """on the wall, when the day began"""

    def finished(self) -> tuple[Rows, Rows]:
        """The hours that are over, today and a week ago."""
        now, before = (f"{until:{_HOUR}}" for until in (self.until, self.until - WEEK))
        return (
            [row for row in self.hours if row["period"] < now],
            [row for row in self.hours_before if row["period"] < before],
        )

    def compared(self, visit: Visit, name: str, currency: str | None = None) -> Compared:
        """Of one column, in one currency.

        An order that goes on over two hours is counted in both, but so it is a week ago.
        """
        t, f = visit.t, visit.f
        value, now, before = (
            sum(row[name] for row in rows if currency is None or row["currency"] == currency)
            for rows in (self.rows, *self.finished())
        )
        hour = f"{self.until:%H:%M}"
        if self.until <= self.begin:
            return Compared(value, t("no hour of the day is over yet"), 0)
        if not before:
            return Compared(value, t("nothing a week ago by {hour}", hour=hour), 0)
        change, trend = f.change(now, before)
        weekday = f.weekday(self.day.isoweekday())
        hint = t("{change} against last {day} by {hour}", change=change, day=weekday, hour=hour)
        return Compared(value, hint, trend)


async def so_far(
    visit: Visit,
    day: date,
    places: Mapping[str, dict[str, Any]],
    warehouse: str | None = None,
    now: datetime | None = None,
) -> SoFar:
    """Of one of these places, or of all together."""
    before = day - WEEK
    given = {"warehouse": warehouse, "from": f"{day}", "to": f"{day}"}
    given_before = {"warehouse": warehouse, "from": f"{before}", "to": f"{before}"}
    rows, hours, hours_before = await asyncio.gather(
        visit.desk.report("channel_sales", given),
        visit.desk.report("channel_sales", {**given, "by": "hour"}),
        visit.desk.report("channel_sales", {**given_before, "by": "hour"}, for_s=LAST_WEEK_FOR_S),
    )
    asked = [place for code, place in places.items() if warehouse in (None, code)]
    begin = datetime.combine(day, time()) + min(map(day_start, asked), default=day_start(None))
    return SoFar(day, rows, hours, hours_before, hour_that_goes_on(asked, now), begin)


def hour_that_goes_on(places: Iterable[dict[str, Any]], now: datetime | None = None) -> datetime:
    """When it began by the clock on the wall, where that is furthest behind: before it all places are done."""
    at = now or datetime.now(UTC)
    walls = [at.astimezone(zone_of(place.get("time_zone"))).replace(tzinfo=None) for place in places]
    return min(walls, default=at.replace(tzinfo=None)).replace(minute=0, second=0, microsecond=0)


def units_by_hour(rows: Rows, day: date) -> dict[int, float]:
    """By the hours since midnight of that day: of a day that begins at four, 3:00 is the 27th and comes last."""
    midnight = datetime.combine(day, time())
    units: Counter[int] = Counter()
    for row in rows:
        units[(datetime.fromisoformat(row["period"]) - midnight) // timedelta(hours=1)] += row["units"]
    return dict(units)
