"""What customers look at, and what it came to: by the last word of the channel."""

from collections.abc import Iterator

import pytest

from analytics.store import Details
from engine.ids import sku_key
from tests.analytics.tables import Tables, ms
from tests.builders import define_sku, labelled, receive, sell
from tests.world import World


@pytest.fixture
def tables() -> Iterator[Tables]:
    """A day and a half of two channels; the web shop says what is looked at on the first of June."""
    world = World.furnished()
    world.now_ms = ms("2026-06-01T08:00+00:00")
    world.send(receive("A-1", "south", 100), receive("B-2", "south", 100))
    for moment, sku, units in (("1T10", "A-1", 2), ("1T11", "B-2", 1), ("1T11", "A-1", 1), ("2T10", "A-1", 50)):
        world.send(sell(sku, "south", units, "web"), at_ms=ms(f"2026-06-0{moment}:00+00:00"))
    world.send(sell("A-1", "south", 1, "till"), at_ms=ms("2026-06-02T10:00+00:00"))
    made = Tables(world)
    made.follow()
    web = world.channels["web"]
    a, b = sku_key("A-1"), sku_key("B-2")
    said = [
        ("2026-06-01", web, a, None, 10, 4, 0),
        ("2026-06-01", web, b, None, 30, 3, 2),
        ("2026-06-01", web, None, "green cup", 0, 0, 7),
        ("2026-06-02", web, None, "green cup", 0, 0, 1),
    ]
    made.store.enter_details(Details(1, interest=said))
    made.store.enter_details(Details(2, interest=[("2026-06-01", web, a, None, 20, 5, 0)]))
    yield made
    made.close()


def test_conversion_is_orders_of_the_days_that_the_channel_spoke_of(tables: Tables) -> None:
    assert tables.report("conversion") == [("web", "", 50, 8, 3, 4.0, 8 / 50, 3 / 50)]
    assert tables.report("conversion", by="sku") == [
        ("web", "B-2", 30, 3, 1, 1.0, 0.1, pytest.approx(1 / 30)),
        ("web", "A-1", 20, 5, 2, 3.0, 0.25, 0.1),
    ]
    assert [row[:3] for row in tables.report("conversion", by="day")] == [("web", "2026-06-01", 50)]
    assert tables.report("conversion", from_="2026-06-02") == []


def test_searches_that_showed_nothing(tables: Tables) -> None:
    assert tables.report("empty_searches") == [
        ("green cup", None, "web", 8, 2, "2026-06-01", "2026-06-02"),
        (None, "B-2", "web", 2, 1, "2026-06-01", "2026-06-01"),
    ]


GROUPS = {"CUP": ["Kitchen", "Cups"], "NUTS": ["Food"]} | {
    sku: ["Kitchen", "Cups"] for sku in ("PLATE", "JUG", "MUG", "POT-1", "POT-2", "BOWL", "OLD", "TRAY")
}


@pytest.fixture
def shelf() -> Iterator[Tables]:
    """A group of cups, of which two things were bought with CUP, once each; the newest record is of the 28th of June.

    In UTC, that is: nowhere on earth has the 29th begun.
    """
    world = World.furnished()
    world.now_ms = ms("2026-06-27T08:00+00:00")
    world.send(*(define_sku(sku) for sku in GROUPS if sku != "NUTS"))
    for sku, units in {"CUP": 10, "PLATE": 10, "B-2": 10, "JUG": 5, "MUG": 5, "POT-1": 1, "POT-2": 1, "OLD": 1}.items():
        world.send(receive(sku, "south", units))
    world.send(receive("TRAY", "south", 4), receive("NUTS", "south", 4), receive("BOWL", "bin", 4))
    for at, other in (("27T12", "B-2"), ("28T09", "PLATE")):
        basket = labelled(at, sell("CUP", "south", 1, "web"), sell(other, "south", 1, "web"))
        world.send(basket, at_ms=ms(f"2026-06-{at}:00+00:00"))
    made = Tables(world)
    made.follow()
    made.groups(**GROUPS)
    web, till = world.channels["web"], world.channels["till"]
    looked = [
        ("06-28", web, "PLATE", 0, 2, 0),
        ("06-27", web, "JUG", 20, 2, 0),
        ("06-01", web, "MUG", 10, 1, 0),
        ("06-02", till, "MUG", 5, 1, 0),
        ("06-03", web, "POT-2", 3, 0, 0),
        ("06-04", till, "POT-1", 3, 0, 0),
        ("06-27", web, "BOWL", 900, 90, 0),
        ("05-31", web, "OLD", 500, 50, 0),
        ("06-29", web, "OLD", 500, 50, 0),
        ("06-28", web, "TRAY", 0, 0, 5),
        ("06-28", web, "NUTS", 999, 99, 0),
        ("06-28", web, "CUP", 999, 99, 0),
        ("06-28", web, "A-1", 999, 99, 0),
    ]
    said = [(f"2026-{day}", channel, sku_key(sku), None, *counts) for day, channel, sku, *counts in looked]
    made.store.enter_details(Details(made.store.documents_version + 1, interest=said))
    yield made
    made.close()


def test_suggestions_go_on_with_what_is_looked_at_in_the_group_in_any_channel(shelf: Tables) -> None:
    together, interest = "bought_together", "interest"
    bought = [
        # Each once with CUP, of its two orders; more carts go first.
        ("CUP", "PLATE", 1, 0.5, 9.0, together, 2, 0),
        ("CUP", "B-2", 1, 0.5, 9.0, together, 0, 0),
    ]
    assert shelf.report("suggestions", sku="CUP") == [
        *bought,
        ("CUP", "JUG", 0, 0.0, 5.0, interest, 2, 20),
        ("CUP", "MUG", 0, 0.0, 5.0, interest, 2, 15),
        ("CUP", "POT-1", 0, 0.0, 1.0, interest, 0, 3),
        ("CUP", "POT-2", 0, 0.0, 1.0, interest, 0, 3),
        ("CUP", "BOWL", 0, 0.0, 0.0, interest, 90, 900),
    ]
    assert [row for row in shelf.report("suggestions") if row[0] == "CUP"] == bought


def test_what_is_here_goes_first_among_what_was_bought_and_among_what_is_looked_at(shelf: Tables) -> None:
    shelf.world.send(receive("B-2", "north", 1), receive("POT-2", "north", 1))
    found = shelf.report("suggestions", sku="CUP", warehouse="north")
    assert [row[1] for row in found] == ["B-2", "PLATE", "POT-2", "BOWL", "JUG", "MUG", "POT-1"]


def test_suggestions_by_interest_are_of_28_days_or_of_those_asked_for(shelf: Tables) -> None:
    found = shelf.report("suggestions", sku="CUP", from_="2026-05-31")
    assert [row[1:2] + row[5:] for row in found][2] == ("OLD", "interest", 50, 500)
    # Nothing was sold then, so there is no share of nothing; up to the last day asked for it is 28 days again.
    then = [("CUP", "OLD", 0, None, 1.0, "interest", 50, 500)]
    assert shelf.report("suggestions", sku="CUP", to="2026-05-31") == then
    assert shelf.report("suggestions", sku="CUP", from_="2026-05-31", to="2026-05-31") == then
    assert shelf.report("suggestions", sku="CUP", from_="2026-05-01", to="2026-05-30") == []


def test_what_was_never_bought_or_has_no_group_is_suggested_what_there_is(shelf: Tables) -> None:
    found = shelf.report("suggestions", sku="TRAY")
    assert [row[1] for row in found] == ["CUP", "JUG", "MUG", "PLATE", "POT-1", "POT-2", "BOWL"]
    assert {row[2:4] for row in found} == {(0, None)}
    assert shelf.report("suggestions", sku="NUTS") == []
    assert [row[1] for row in shelf.report("suggestions", sku="B-2")] == ["CUP"]
