"""A day that was closed, and what came to it later: every figure worked out by hand."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from analytics.closing import figures_of_day
from analytics.questions import DayAsked, Refused
from analytics.store import Details
from engine.kinds import Flag
from tests.analytics.tables import Tables, ms
from tests.builders import give_back, receive, sell
from tests.world import World

DAY = "2026-06-01"
NOON = {"occurred_at_ms": ms("2026-06-01T12:00+00:00")}


def priced(amount: int, **more: Any) -> dict[str, Any]:
    return {"unit_price": amount, "currency": "EUR", "tax_rate": 190_000, "flags": Flag.HAS_PRICE, **NOON, **more}


@pytest.fixture
def tables() -> Iterator[Tables]:
    """Three sold at 11.90 with 3.70 off on Monday, which is then closed: net 32.00 with 5.11 of tax."""
    world = World.furnished()
    world.now_ms = ms("2026-06-01T08:00+00:00")
    world.send(receive("A-1", "south", 100), at_ms=ms("2026-06-01T09:00+00:00"))
    world.send(sell("A-1", "south", 3, "till", **priced(1190, discount=370)), at_ms=ms("2026-06-01T12:00+00:00"))
    made = Tables(world).follow()
    closing = (DAY, world.warehouses["south"], world.channels["till"], "2026-06-02T05:00:00Z", "office", "Anna")
    figures = ("EUR", 1, 3_000, 0, 3_570, 370, 0, 3_200, 511)
    made.store.enter_details(Details(1, closings=[(*closing, [len(world.records)], *figures)]))
    yield made
    made.close()


def test_a_closed_day_stands_beside_what_is_known_now(tables: Tables) -> None:
    moment = tables.ask("select closed_at from closings")[0]["closed_at"]
    written = (3200, 511, 0, moment, "Anna", "EUR")
    assert tables.report("books") == [(DAY, "south", "till", 1, 3.0, 3570, 370, 0, 3200, 511, *written)]
    assert tables.report("book_corrections") == []
    # On Wednesday two more of Monday come in, 2380 less 80, and one that was brought back then: 1190 with 190 of tax.
    late = (
        sell("A-1", "south", 2, "till", **priced(1190, discount=80)),
        give_back("A-1", "south", 1, "till", **priced(1190)),
        sell("A-1", "south", 1, "web", **priced(500)),
    )
    tables.world.send(*late, at_ms=ms("2026-06-03T09:00+00:00"))
    # 3570 + 2380; 370 + 80; 1190 back. Tax: of 2300 it is 367.2, of the return 190. The web's day is not closed.
    written = (3200, 511, 4310 - 3200, moment, "Anna", "EUR")
    assert tables.report("books") == [
        (DAY, "south", "till", 2, 5.0, 5950, 450, 1190, 4310, 511 + 367 - 190, *written),
        (DAY, "south", "web", 1, 1.0, 500, 0, 0, 500, 80, None, None, None, None, None, "EUR"),
    ]
    assert tables.report("book_corrections") == [
        (DAY, "2026-06-03", "south", "till", 2, 2.0, 2380, 80, 1190, 1110, 177, "EUR")
    ]
    assert tables.report("late_corrections", channel="till") == [
        (DAY, "2026-06-03", "south", "till", 2, 1.0, 2300, 1190, "EUR")
    ]


def test_no_day_is_closed_while_it_goes_on_in_a_place_that_took_something_back(tables: Tables) -> None:
    tables.places(("north", "UTC", None), ("south", "UTC", None))
    in_california = (tables.world.warehouses["bin"], "bin", "bin", "quarantine", 0, "America/Los_Angeles", None, False)
    tables.store.enter_details(Details(tables.store.documents_version + 1, warehouses=[in_california]))
    morning = ms("2026-06-02T06:00+00:00")  # 23:00 in California

    def places_of(now_ms: int) -> list[str]:
        cursor = tables.follow().store.cursor()
        found = orjson.loads(figures_of_day(cursor, DayAsked(DAY, now_ms)))["items"]
        cursor.close()
        return [item["warehouse"] for item in found]

    assert places_of(morning) == ["south"]
    tables.world.send(give_back("A-1", "bin", 1, "till", **priced(1190)), at_ms=morning)
    with pytest.raises(Refused, match="is not over yet in bin"):
        places_of(morning)
    assert places_of(ms("2026-06-02T11:00+00:00")) == ["bin", "south"]
