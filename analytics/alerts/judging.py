"""Whether a channel behaves as it does at this hour of this weekday. Pure: figures in, what is odd about them out.

Everything is judged by the channel's own past: what it did in the same hour of the same weekday in the weeks before,
by the clock on the wall of its places. The busiest of these weeks is left out, so that one campaign does not make the
usual look like silence; and nothing is judged of a channel that is younger than three weeks.
"""

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from analytics.alerts.words import Odd

Counts = npt.NDArray[np.int64]

WEEK: Final = 168
"""hours"""
WEEKS: Final = 8
"""that are compared with: long enough for a mean, short enough to follow the season"""
WEEKS_MIN: Final = 3
"""Fewer, and the mean would be one week's chance once the busiest is left out."""
SILENCE_HOURS: Final = WEEK
"""A silence is followed for so long; a channel that has been dead for a week has been seen."""
HOURS: Final = SILENCE_HOURS + WEEKS * WEEK
"""of history that is looked at"""
PEAK_HOURS: Final = 24
"""A peak is shown for a day: the one who should see it may be asleep."""

SILENCE_ORDERS: Final = 15.0
"""A channel is silent when so many orders would have come since its last one. By chance none of 15 comes once in three
million times; a channel of 200 orders an hour is found dead after five minutes, one of 15 a day after a day."""
PEAK_LEAST: Final = 12
"""Fewer in an hour are no peak, whatever is usual: single customers and single mistakes."""
PEAK_TIMES: Final = 3.0
"""A peak is at least so many times what is usual ..."""
PEAK_DEVIATIONS: Final = 6.0
"""... and so many standard deviations above it, had each come by itself: one hour in 100,000
is so by chance. What grows with the orders is compared with what so many orders would have brought."""
PAID_ORDERS_MIN: Final = 200
"""So many orders tell whether sales of a channel carry a reference ..."""
PAID_SHARE_MIN: Final = 0.95
"""... and of a channel where one in twenty does not, nobody can say that one is missing."""
UNPAID_LEAST: Final = 6
"""Fewer orders without a reference in an hour are single mistakes. More than that, and they are judged as a peak."""


PEAKS: Final = {Odd.REFUSALS: "refusals", Odd.RETURNS: "returns", Odd.RELEASES: "releases"}
"""The series that each is told from."""


class History(NamedTuple):
    """Of one channel, back from now: entry 0 is the hour that has begun, entry i the one i hours before it."""

    series: Mapping[str, Counts]
    """by name: orders, unpaid, refusals, returns, releases; HOURS entries each"""
    passed: float
    """part of the hour that is over"""
    age: int
    """hours since its first order, at most HOURS"""
    quiet_hours: float
    """since its last order"""


class Finding(NamedTuple):
    """Something odd."""

    odd: Odd
    hours_ago: float
    """since when it is odd"""
    first: int
    last: int
    """the entries of the hours in which it is, the earlier one first; of a silence those without an order"""
    found: int
    expected: float
    """usual in these hours"""


def usual(history: History, name: str, hour: int) -> float | None:
    """How many come in that hour of the week; None when too few weeks are known."""
    weeks = [hour + WEEK * week for week in range(1, WEEKS + 1)]
    known = [int(history.series[name][at]) for at in weeks if at < min(history.age, HOURS)]
    if len(known) < WEEKS_MIN:
        return None
    return (sum(known) - max(known)) / (len(known) - 1)


def judge(history: History) -> Iterator[Finding]:
    """All that is odd."""
    if (silence := _silence(history)) is not None:
        yield silence
    for odd, name in PEAKS.items():
        if (peak := _peak(history, odd, name)) is not None:
            yield peak
    if (unpaid := _unpaid(history)) is not None:
        yield unpaid


def _silence(history: History) -> Finding | None:
    """Orders that are missing, added up from the last one on."""
    expected, since = 0.0, None
    quiet = min(history.quiet_hours, float(SILENCE_HOURS))
    oldest = int(quiet + 1 - history.passed)
    for hour in range(oldest, -1, -1):
        rate = usual(history, "orders", hour)
        if rate is None:
            return None
        begins = history.passed + hour  # how long ago
        part = min(begins, quiet) - max(begins - 1, 0.0)
        expected += rate * part
        if since is None and expected >= SILENCE_ORDERS:
            # When it became odd, somewhere in this hour.
            since = max(begins - 1, 0.0) + (expected - SILENCE_ORDERS) / rate
    return None if since is None else Finding(Odd.SILENT, since, oldest, 0, 0, expected)


def _peak(history: History, odd: Odd, name: str) -> Finding | None:
    hours = [hour for hour in range(PEAK_HOURS) if (found := _bound(history, name, hour)) is not None
             and history.series[name][hour] >= found]  # fmt: skip
    return _of_hours(history, odd, name, hours)


def _bound(history: History, name: str, hour: int) -> float | None:
    """From how many on it is a peak."""
    expected = _expected(history, name, hour)
    return None if expected is None else _high(expected, PEAK_LEAST)


def _expected(history: History, name: str, hour: int) -> float | None:
    """What is usual at that hour, or with so many orders, whichever is more: few hours of a week say little."""
    expected, orders = usual(history, name, hour), usual(history, "orders", hour)
    if expected is None or orders is None:
        return None
    came = int(history.series["orders"][hour])
    if orders:
        expected *= max(1.0, came / orders)
    past = slice(PEAK_HOURS, None)
    before = int(history.series["orders"][past].sum())
    share = int(history.series[name][past].sum()) / before if before else 0.0
    return max(expected, share * max(came, orders))


def _high(expected: float, least: int) -> float:
    return max(least, PEAK_TIMES * expected, expected + PEAK_DEVIATIONS * sqrt(expected))


def _unpaid(history: History) -> Finding | None:
    """Sales without a reference, where all the others have one: whether they were paid is not known."""
    orders, unpaid = history.series["orders"], history.series["unpaid"]
    past = slice(PEAK_HOURS, None)
    before = int(orders[past].sum())
    if before < PAID_ORDERS_MIN:
        return None
    missing = int(unpaid[past].sum()) / before
    if missing > 1 - PAID_SHARE_MIN:
        return None
    hours = [hour for hour in range(PEAK_HOURS) if unpaid[hour] >= _high(missing * int(orders[hour]), UNPAID_LEAST)]
    return _of_hours(history, Odd.UNPAID, "unpaid", hours, missing)


def _of_hours(history: History, odd: Odd, name: str, hours: list[int], share: float | None = None) -> Finding | None:
    """One finding of all hours in which it was so."""
    if not hours:
        return None
    found = int(history.series[name][hours].sum())
    if share is None:
        expected = sum(_expected(history, name, hour) or 0.0 for hour in hours)
    else:
        expected = share * int(history.series["orders"][hours].sum())
    return Finding(odd, history.passed + max(hours), max(hours), min(hours), found, expected)
