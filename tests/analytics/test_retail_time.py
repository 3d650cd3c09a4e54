"""Sales stand in the business day of their place, by when they happened; stock by when it was booked."""

from collections.abc import Iterator
from typing import Any

import pytest

from analytics.reports import REPORTS
from engine.kinds import Flag
from tests.analytics.tables import Tables, ms
from tests.builders import define_warehouse, receive, sell
from tests.world import World

PRICE: dict[str, Any] = {"unit_price": 100, "currency": "RUB", "flags": Flag.HAS_PRICE}


@pytest.fixture
def tables() -> Iterator[Tables]:
    """Four places with goods, far apart."""
    world = World.furnished()
    world.send(*(define_warehouse(code) for code in ("kaliningrad", "vladivostok", "warsaw", "nowhere")))
    world.send(*(receive("A-1", code, 100) for code in ("kaliningrad", "vladivostok", "warsaw", "nowhere")))
    made = Tables(world)
    made.places(
        ("kaliningrad", "Europe/Kaliningrad", None),
        ("vladivostok", "Asia/Vladivostok", None),
        ("warsaw", "Europe/Warsaw", None),
        ("nowhere", None, None),
    )
    yield made
    made.close()


def sold(tables: Tables, place: str, occurred: str, booked: str = "2026-06-20T00:00:00+00:00", **asked: Any) -> Any:
    """(period, units) of the channel's sales after one more."""
    sale = sell("A-1", place, 1, channel="web", occurred_at_ms=ms(occurred), **PRICE)
    tables.world.send(sale, at_ms=max(tables.world.now_ms, ms(booked)))
    return [(row[1], row[3]) for row in tables.report("channel_sales", warehouse=place, **asked)]


@pytest.mark.parametrize(
    ("place", "occurred", "day", "hour"),
    [
        # The same moment is two business days apart in the east and in the west of one country.
        ("vladivostok", "2026-06-01T18:00:00+00:00", "2026-06-02", "2026-06-02T04:00"),  # 04:00 on the 2nd there
        ("kaliningrad", "2026-06-01T18:00:00+00:00", "2026-06-01", "2026-06-01T20:00"),
        ("vladivostok", "2026-06-01T17:59:59+00:00", "2026-06-01", "2026-06-02T03:00"),
        ("kaliningrad", "2026-06-02T01:59:59+00:00", "2026-06-01", "2026-06-02T03:00"),
        ("kaliningrad", "2026-06-02T02:00:00+00:00", "2026-06-02", "2026-06-02T04:00"),
        # Half past midnight still belongs to the evening.
        ("warsaw", "2026-06-02T00:30:00+02:00", "2026-06-01", "2026-06-02T00:00"),
        ("nowhere", "2026-06-02T00:30:00+00:00", "2026-06-01", "2026-06-02T00:00"),
        # Warsaw's clocks go forward at 02:00 on 29 March and back at 03:00 on 25 October: the day begins at 04:00
        # of the clock on the wall, one hour earlier or later by the sun.
        ("warsaw", "2026-03-29T01:59:59+00:00", "2026-03-28", "2026-03-29T03:00"),
        ("warsaw", "2026-03-29T02:00:00+00:00", "2026-03-29", "2026-03-29T04:00"),
        ("warsaw", "2026-03-28T02:59:59+00:00", "2026-03-27", "2026-03-28T03:00"),
        ("warsaw", "2026-10-25T00:30:00+00:00", "2026-10-24", "2026-10-25T02:00"),
        ("warsaw", "2026-10-25T01:30:00+00:00", "2026-10-24", "2026-10-25T02:00"),
        ("warsaw", "2026-10-25T02:59:59+00:00", "2026-10-24", "2026-10-25T03:00"),
        ("warsaw", "2026-10-25T03:00:00+00:00", "2026-10-25", "2026-10-25T04:00"),
    ],
)
def test_a_sale_stands_in_the_business_day_of_its_place(
    tables: Tables, place: str, occurred: str, day: str, hour: str
) -> None:
    assert sold(tables, place, occurred) == [(day, 1.0)]
    assert [row[1] for row in tables.report("channel_sales", warehouse=place, by="hour")] == [hour]


def test_from_and_to_are_business_days_and_both_included(tables: Tables) -> None:
    for day in ("01", "02", "03"):
        sold(tables, "warsaw", f"2026-06-{day}T12:00:00+02:00")
    sold(tables, "warsaw", "2026-06-04T03:59:00+02:00")  # still the 3rd
    periods = [(row[1], row[3]) for row in tables.report("channel_sales", from_="2026-06-02", to="2026-06-03")]
    assert periods == [("2026-06-02", 1.0), ("2026-06-03", 2.0)]
    assert tables.report("channel_sales", from_="2026-06-04") == []
    assert [row[1] for row in tables.report("channel_sales", by="week")] == ["2026-W23"]


def test_a_sale_delivered_two_days_late_stands_in_its_own_day_as_a_late_correction(tables: Tables) -> None:
    at_once = "2026-06-01T18:00:00+02:00"
    sold(tables, "warsaw", at_once, booked=at_once)
    assert tables.report("late_corrections") == []
    assert sold(tables, "warsaw", at_once, booked="2026-06-03T09:00:00+02:00") == [("2026-06-01", 2.0)]
    assert tables.report("late_corrections") == [("2026-06-01", "2026-06-03", "warsaw", "web", 1, 1.0, 100, 0, "RUB")]
    # The stock was lower from when it was booked, not before.
    before = tables.report("stock_as_of", warehouse="warsaw", at="2026-06-03T06:59:59Z")
    after = tables.report("stock_as_of", warehouse="warsaw", at="2026-06-03T07:00:00Z")
    assert [(row[2], row[5]) for row in (*before, *after)] == [(99.0, 99.0), (98.0, 98.0)]


def test_a_place_whose_day_begins_at_another_hour(tables: Tables) -> None:
    assert sold(tables, "warsaw", "2026-06-02T05:30:00+02:00") == [("2026-06-02", 1.0)]
    tables.places(("warsaw", "Europe/Warsaw", "06:00"))
    assert [row[1] for row in tables.report("channel_sales", warehouse="warsaw")] == ["2026-06-01"]
    tables.places(("warsaw", "Asia/Vladivostok", "00:00"))
    assert [row[1] for row in tables.report("channel_sales", warehouse="warsaw", by="hour")] == ["2026-06-02T13:00"]


@pytest.mark.parametrize("occurred_ms", [1 << 62, -(1 << 62), 253_402_300_799_999, -62_135_596_800_000])
def test_a_time_at_the_end_of_all_calendars_breaks_no_report(tables: Tables, occurred_ms: int) -> None:
    for place in ("kaliningrad", "vladivostok"):
        tables.world.send(sell("A-1", place, 1, channel="web", occurred_at_ms=occurred_ms, **PRICE))
        tables.world.send(sell("A-1", place, 1_000, channel="web", occurred_at_ms=occurred_ms, **PRICE))
    for name, report in REPORTS.items():
        tables.report(name)
        for choice in report.choices:
            for by in choice.pieces:
                tables.report(name, **{choice.name: by})
