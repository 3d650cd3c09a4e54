"""What customers look at, and what it came to: by the last word of the channel."""

from collections.abc import Iterator

import pytest

from analytics.store import Details
from engine.ids import sku_key
from tests.analytics.tables import Tables, ms
from tests.builders import receive, sell
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
