"""Channels judged by their own past: made-up histories, seeded, in which something happens or nothing does."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pytest

from analytics.alerts.judging import (
    HOURS,
    PAID_ORDERS_MIN,
    PEAK_LEAST,
    SILENCE_ORDERS,
    WEEK,
    WEEKS_MIN,
    Counts,
    Finding,
    History,
    judge,
)
from analytics.alerts.words import Odd

MONDAY: Final = 0
SUNDAY: Final = 6
ALWAYS: Final = HOURS + 2 * WEEK


def a_shop(weekday: int, hour: int) -> float:
    """Orders an hour: open from nine to eight, busier on Saturday, a few at the shop in the station on Sunday."""
    if weekday == SUNDAY:
        return 1.0 if 11 <= hour < 17 else 0.0
    return (40.0 if weekday == 5 else 25.0) if 9 <= hour < 20 else 0.0


def a_web_shop(weekday: int, hour: int) -> float:
    """Never closed, busiest in the evening."""
    return 30.0 + 60.0 * (18 <= hour < 23) - 25.0 * (2 <= hour < 6) + 10.0 * (weekday == SUNDAY)


class Told:
    """A channel's life, hour by hour, up to some weekday's hour."""

    def __init__(self, seed: int, orders: Callable[[int, int], float], weekday: int, hour: int, passed: float) -> None:
        self.chance = np.random.default_rng(seed)
        self.passed = passed
        back = np.arange(ALWAYS)
        at = (weekday * 24 + hour - back) % WEEK
        self.rates = np.array([orders(slot // 24, slot % 24) for slot in at.tolist()])
        shares = {"orders": 1.0, "unpaid": 0.005, "refusals": 0.08, "returns": 0.05, "releases": 0.03}
        self.series = {name: self.chance.poisson(self.rates * share) for name, share in shares.items()}
        for counts in self.series.values():
            counts[0] = self.chance.binomial(counts[0], passed)
        self.series["unpaid"] = np.minimum(self.series["unpaid"], self.series["orders"])
        self.age = HOURS
        self.quiet_hours = -1.0

    def with_more(self, name: str, hour: int, count: int) -> "Told":
        self.series[name][hour] += count
        return self

    def without_orders_for(self, hours: float) -> "Told":
        self.series["orders"][: int(hours + 1 - self.passed)] = 0
        self.quiet_hours = hours
        return self

    def history(self) -> History:
        quiet = self.quiet_hours
        if quiet < 0:
            last = int(np.flatnonzero(self.series["orders"])[0])
            # As far before the end of that hour as so many orders lie apart.
            quiet = max(0.0, self.passed + last - 1) + 1 / (1 + int(self.series["orders"][last]))
        series: Mapping[str, Counts] = {name: counts[:HOURS] for name, counts in self.series.items()}
        return History(series, self.passed, self.age, quiet)

    def odd(self) -> list[Odd]:
        return [finding.odd for finding in judge(self.history())]

    def one(self) -> Finding:
        (finding,) = judge(self.history())
        return finding


@pytest.mark.parametrize("orders", [a_shop, a_web_shop])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_odd_about_a_usual_week(orders: Callable[[int, int], float], seed: int) -> None:
    for slot in range(WEEK):
        told = Told(1000 * seed + slot, orders, slot // 24, slot % 24, passed=0.5)
        assert told.odd() == [], (slot // 24, slot % 24)


@pytest.mark.parametrize("seed", range(20))
def test_a_quiet_sunday_is_no_alarm(seed: int) -> None:
    told = Told(seed, a_shop, SUNDAY, 21, passed=0.9)
    assert told.without_orders_for(24.5).odd() == []


def test_nor_is_the_night_nor_the_first_minutes_of_monday() -> None:
    assert Told(1, a_shop, MONDAY, 5, passed=0.2).without_orders_for(33.25).odd() == []
    assert Told(1, a_shop, MONDAY, 9, passed=0.1).without_orders_for(37.15).odd() == []


@pytest.mark.parametrize("seed", range(20))
def test_a_dead_channel_is_found_when_so_many_orders_are_missing(seed: int) -> None:
    finding = Told(seed, a_web_shop, MONDAY, 20, passed=0.5).without_orders_for(0.5).one()
    assert (finding.odd, finding.found) == (Odd.SILENT, 0)
    # 90 an hour: 45 are missing, and it was odd after the first 15.
    assert 30 < finding.expected < 60
    assert finding.hours_ago == pytest.approx(0.5 - SILENCE_ORDERS / finding.expected * 0.5)
    assert Told(seed, a_web_shop, MONDAY, 20, passed=0.5).without_orders_for(0.1).odd() == []


def test_a_silence_over_days_is_followed_to_where_it_began() -> None:
    finding = Told(3, a_shop, MONDAY, 12, passed=0.25).without_orders_for(70.0).one()
    # Friday from 14:15: 5.75 hours of 25, Saturday 11 of 40, Sunday 6, Monday 3.25 of 25; odd after the first 15.
    assert 550 < finding.expected < 700
    assert 69.0 < finding.hours_ago < 70.0


def test_a_holiday_last_year_does_not_hide_nor_a_campaign_cry() -> None:
    told = Told(5, a_web_shop, MONDAY, 20, passed=0.5)
    told.series["orders"][WEEK] = 5_000
    assert told.odd() == []
    told.series["orders"][2 * WEEK] = 0
    assert told.without_orders_for(0.5).one().expected < 60


@pytest.mark.parametrize(
    ("odd", "name"),
    [(Odd.REFUSALS, "refusals"), (Odd.RETURNS, "returns"), (Odd.RELEASES, "releases")],
)
def test_a_peak_is_found_in_the_hour_in_which_it_begins_and_is_shown_for_a_day(odd: Odd, name: str) -> None:
    for ago in (0, 3, 23):
        finding = Told(7, a_web_shop, 2, 20, passed=0.1).with_more(name, ago, 60).one()
        assert (finding.odd, finding.first, finding.last) == (odd, ago, ago)
        assert finding.found >= 60 > 3 * finding.expected
        assert finding.hours_ago == pytest.approx(0.1 + ago)
    assert Told(7, a_web_shop, 2, 20, passed=0.1).with_more(name, 24, 60).odd() == []


def test_peaks_of_several_hours_are_one_finding() -> None:
    finding = Told(7, a_web_shop, 2, 20, passed=0.1).with_more("refusals", 2, 60).with_more("refusals", 5, 60).one()
    assert (finding.first, finding.last) == (5, 2)
    assert finding.found >= 120


def test_a_few_are_no_peak_though_there_were_none_before() -> None:
    told = Told(2, a_shop, 1, 11, passed=0.5)
    told.series["returns"][:] = 0
    assert told.with_more("returns", 0, PEAK_LEAST - 1).odd() == []
    assert told.with_more("returns", 0, 1).odd() == [Odd.RETURNS]


def test_what_grows_with_the_orders_is_no_peak() -> None:
    told = Told(4, a_web_shop, 3, 20, passed=1.0)
    for name in ("orders", "refusals", "returns", "releases"):
        told.series[name][1] *= 6
    assert told.odd() == []
    told.series["orders"][1] //= 6
    assert told.odd() == [Odd.REFUSALS, Odd.RETURNS, Odd.RELEASES]


def test_a_channel_that_is_younger_than_three_weeks_is_not_judged() -> None:
    told = Told(1, a_web_shop, MONDAY, 20, passed=0.5).with_more("refusals", 1, 500)
    told.without_orders_for(0.5).age = WEEKS_MIN * WEEK
    assert told.odd() == []
    told.age = WEEKS_MIN * WEEK + 2
    assert told.odd() == [Odd.SILENT, Odd.REFUSALS]


def test_sales_without_a_reference_are_odd_only_where_all_others_have_one() -> None:
    told = Told(6, a_shop, 1, 15, passed=0.5).with_more("unpaid", 1, 12)
    finding = told.one()
    assert (finding.odd, finding.first) == (Odd.UNPAID, 1)
    assert finding.found >= 12 > finding.expected
    told.series["unpaid"][24:] = told.series["orders"][24:] // 10
    assert told.odd() == []
    told.series["unpaid"][24:] = told.series["orders"][24:]
    assert told.odd() == []


def test_who_has_sold_little_is_not_asked_for_references() -> None:
    told = Told(6, a_shop, 1, 15, passed=0.5)
    told.series["orders"][24:] = 0
    told.series["orders"][24] = PAID_ORDERS_MIN - 1
    told.series["unpaid"][:] = 0
    assert Odd.UNPAID not in told.with_more("unpaid", 1, 12).odd()
    told.series["orders"][24] += 1
    assert Odd.UNPAID in told.odd()
