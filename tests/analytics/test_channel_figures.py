"""Figures that compare channels, in the cases where a line is in several places, steps back, or was never sold."""

from collections.abc import Iterator
from typing import Any

import pytest

from analytics.reports import REPORTS
from engine.kinds import Flag
from tests.analytics.tables import Tables, ms
from tests.builders import confirm, define_channel, fulfil, receive, release, reserve, sell, together
from tests.rows import Row
from tests.world import World

MONEY: dict[str, Any] = {"unit_price": 1000, "currency": "EUR", "flags": Flag.HAS_PRICE}
DAY: dict[str, Any] = {"ttl_s": 86_400}


@pytest.fixture
def tables() -> Iterator[Tables]:
    """Ten of each in both places, on Monday 1 June 2026."""
    world = World.furnished()
    world.now_ms = ms("2026-06-01T10:00+00:00")
    world.send(*[receive(sku, place, 10) for sku in ("A-1", "B-2") for place in ("north", "south")])
    world.send(*define_channel("fair"))
    made = Tables(world)
    yield made
    made.close()


def at(tables: Tables, moment: str, *rows: Row | list[Row]) -> None:
    tables.world.send(*rows, at_ms=ms(moment))


def column(tables: Tables, report: str, name: str, **given: str) -> dict[str, object]:
    """One figure of each channel."""
    names = [each.name for each in REPORTS[report].columns]
    return {row[0]: row[names.index(name)] for row in tables.report(report, **given)}


def test_what_is_released_before_the_reservation_is_confirmed_is_no_cancellation(tables: Tables) -> None:
    parted, other = reserve("A-1", 6, "north", **DAY), reserve("B-2", 4, "north", **DAY)
    whole = reserve("A-1", 3, "south", **DAY)
    two = together(reserve("A-1", 2, "north", **DAY), reserve("B-2", 5, "south", line=1, **DAY))
    at(tables, "2026-06-01T12:00+00:00", parted, other, whole, two)
    at(tables, "2026-06-01T12:30+00:00", release(parted, line=0, quantity=2), release(two[0], line=0))
    at(tables, "2026-06-01T13:00+00:00", confirm(parted), confirm(other), confirm(two[0]))
    at(tables, "2026-06-01T14:00+00:00", fulfil(parted, line=0, quantity=1), release(parted), release(whole))
    at(tables, "2026-06-01T14:00+00:00", release(two[0], line=1, quantity=1))
    # Held 6 + 4 + 3 + 2 + 5 = 20. Before: 2 of the first, the 2, and the 3 never confirmed. Confirmed: 4 + 4 + 5.
    # Afterwards: 1 fulfilled and 3 cancelled of the first, 1 cancelled of the five.
    (row,) = tables.report("reservation_funnel")
    assert row == ("web", 4, 20.0, 0.0, 20.0, 13.0, 1.0, 4.0, 7.0, 0.0, 8.0, 0.05, 1.0)
    found = tables.ask("select sum(released) as released, sum(cancelled) as cancelled from reservations")
    assert found == [{"released": 7_000, "cancelled": 4_000}]


def test_demand_is_of_the_day_on_which_customers_decided(tables: Tables) -> None:
    first, second = reserve("A-1", 6, "north", **DAY), reserve("B-2", 4, "south", **DAY)
    left, two = reserve("A-1", 3, "south", **DAY), together(reserve("A-1", 2, **DAY), reserve("B-2", 5, line=1, **DAY))
    at(tables, "2026-06-01T23:00+00:00", first, second, left, two)
    at(tables, "2026-06-01T23:10+00:00", release(first, line=0, quantity=2), release(left))
    at(tables, "2026-06-01T23:20+00:00", confirm(first), sell("A-1", "south", 1), sell("B-2", "south", 2, "fair"))
    at(tables, "2026-06-02T05:00+00:00", confirm(second), confirm(two[0]), sell("A-1", "south", 2, "fair"))
    at(tables, "2026-06-02T06:00+00:00", fulfil(first, line=0, quantity=1), release(first))
    at(tables, "2026-06-08T06:00+00:00", fulfil(two[0]), release(second))
    # Of the first 4 of 6 were left when it was confirmed, 3 of them cancelled on the next day; 4 + 2 + 5 on the 2nd.
    assert tables.report("demand") == [
        ("fair", "2026-06-01", 1, 2.0, 0.0, 2.0, 0.0),
        ("fair", "2026-06-02", 1, 2.0, 0.0, 2.0, 0.0),
        ("till", "2026-06-01", 1, 1.0, 0.0, 1.0, 0.0),
        ("web", "2026-06-01", 1, 4.0, 4.0, 0.0, 0.0),
        ("web", "2026-06-02", 2, 11.0, 11.0, 0.0, 3.0),
        ("web", "2026-06-08", 0, 0.0, 0.0, 0.0, 4.0),
    ]
    assert tables.report("demand", by="week", channel="web") == [
        ("web", "2026-W23", 3, 15.0, 15.0, 0.0, 3.0),
        ("web", "2026-W24", 0, 0.0, 0.0, 0.0, 4.0),
    ]
    assert tables.report("demand", from_="2026-06-02", to="2026-06-02", sku="A-1", channel="web") == [
        ("web", "2026-06-02", 1, 2.0, 2.0, 0.0, 3.0)
    ]
    assert [row[1:] for row in tables.report("demand", warehouse="north", to="2026-06-01")] == [
        ("2026-06-01", 1, 4.0, 4.0, 0.0, 0.0)
    ]


def test_a_line_in_two_places_was_asked_for_once_in_each_of_them(tables: Tables) -> None:
    at(
        tables,
        "2026-06-01T12:00+00:00",
        reserve("A-1", 15),  # ten of one place and five of the other
        sell("B-2", "north", 1, "web", **MONEY),
        sell("B-2", "south", 1, "web", **MONEY),
        sell("B-2", "south", 50, "web", **MONEY),  # refused
        sell("B-2", "north", 50, "web", **MONEY),  # refused
    )
    assert column(tables, "channel_comparison", "refusal_rate") == {"web": 2 / 5}
    for place in ("north", "south"):
        assert column(tables, "channel_comparison", "refusal_rate", warehouse=place) == {"web": 1 / 3}


def test_a_channel_that_sells_no_more_or_was_refused_everything_is_compared_too(tables: Tables) -> None:
    at(tables, "2026-06-01T12:00+00:00", sell("A-1", "south", 2, "till", **MONEY))
    at(tables, "2026-06-02T12:00+00:00", sell("A-1", "south", 3, "web", **MONEY), sell("B-2", "south", 50, "fair"))
    asked = {"from_": "2026-06-02", "to": "2026-06-02"}
    assert column(tables, "channel_comparison", "net", **asked) == {"web": 3000, "till": 0, "fair": 0}
    assert column(tables, "channel_comparison", "growth", **asked) == {"web": None, "till": -1.0, "fair": None}
    assert column(tables, "channel_comparison", "orders", **asked) == {"web": 1, "till": 0, "fair": 0}
    assert column(tables, "channel_comparison", "refusal_rate", **asked) == {"web": 0.0, "till": 0.0, "fair": 1.0}
    assert column(tables, "channel_comparison", "margin", **asked) == {"web": None, "till": None, "fair": None}
    assert column(tables, "channel_comparison", "net", to="2026-06-02") == {"web": 3000, "till": 2000, "fair": 0}


def test_what_was_asked_for_in_no_place_is_of_the_day_of_the_most_preferred_one(tables: Tables) -> None:
    tables.places(("north", "Asia/Vladivostok", None), ("south", "Europe/Warsaw", None))
    at(tables, "2026-06-01T19:00+00:00", reserve("A-1", 50), sell("A-1", "north", 1, "web", **MONEY))
    # 05:00 on the second in Vladivostok.
    assert column(tables, "channel_comparison", "refusal_rate", from_="2026-06-02", to="2026-06-02") == {"web": 0.5}
    assert tables.report("unmet_demand") == [("A-1", "web", "2026-06-02", 50.0, 0.0, 50.0)]


def test_a_customer_who_asks_again_and_again_for_what_is_out_of_stock_wants_it_once(tables: Tables) -> None:
    at(tables, "2026-06-01T12:00+00:00", sell("A-1", "south", 10, **MONEY))
    for minute in range(5):
        at(
            tables,
            f"2026-06-01T13:0{minute}+00:00",
            reserve("A-1", 2 + minute % 2, "south", customer="ann"),
            sell("A-1", "south", 1, reference="till-7"),
            sell("A-1", "south", 4),
        )
    at(tables, "2026-06-02T12:00+00:00", receive("A-1", "south", 5))
    # Ann wants 3, the till's customer 1, and five whom nobody knows 4 each; ten sold in 28 days are 0.357 in one.
    (row,) = tables.report("stock_outs")
    assert row[4:8] == (24.0, 3.0 + 1.0 + 20.0, 0.357, 24.0)
    assert row[8] == 24_000


def test_tills_that_begin_with_receipt_1_again_have_orders_of_their_own(tables: Tables) -> None:
    """One receipt of two lines; the same number at another till, in another channel, on the next day: four orders."""
    first, second = (sell("A-1", place, 1, reference="17", client="till-1", **MONEY) for place in ("south", "north"))
    at(tables, "2026-06-01T10:00+00:00", first, second)
    at(tables, "2026-06-01T11:00+00:00", sell("A-1", "south", 1, reference="17", client="till-2", **MONEY))
    at(tables, "2026-06-01T12:00+00:00", sell("A-1", "south", 1, "web", reference="17", client="till-1", **MONEY))
    at(tables, "2026-06-02T10:00+00:00", sell("A-1", "south", 1, reference="17", client="till-1", **MONEY))
    assert column(tables, "channel_sales", "orders", by="week") == {"till": 3, "web": 1}
