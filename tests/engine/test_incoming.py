"""What is on its way: expected from suppliers, or sent by another warehouse and not yet there."""

import pytest

from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import expect, receive, ship
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins, outcomes
from tests.world import Counters

SMALL = Limits(quantity_max=100, stock_max=150)

EXPECT = [
    Case("makes the cell", expect("A-1", "north", 10), Outcome.OK, {"A-1@north": Counters(incoming=10)}),
    Case(
        "adds up per source and over sources",
        [expect("A-1", "north", 5, "po-1"), expect("A-1", "north", 7, "po-2")],
        Outcome.OK,
        {"A-1@north": Counters(incoming=22)},
        given=[expect("A-1", "north", 10, "po-1")],
    ),
    Case(
        "a negative delta takes back",
        expect("A-1", "north", -10, "po-1"),
        Outcome.OK,
        {"A-1@north": Counters(incoming=3)},
        given=[expect("A-1", "north", 10, "po-1"), expect("A-1", "north", 3, "po-2")],
    ),
    Case(
        "no source can go below zero, whatever the others have",
        expect("A-1", "north", -4, "po-2"),
        Outcome.INVALID_QUANTITY,
        {"A-1@north": Counters(incoming=13)},
        given=[expect("A-1", "north", 10, "po-1"), expect("A-1", "north", 3, "po-2")],
    ),
    Case("a negative delta of an unknown source", expect("A-1", "north", -1), Outcome.INVALID_QUANTITY),
    Case("no source", expect("A-1", "north", 10, ""), Outcome.INVALID_QUANTITY, {"A-1@north": Counters()}),
    Case("nothing", expect("A-1", "north", 0), Outcome.INVALID_QUANTITY),
    Case("part of a piece", expect("A-1", "north", "2.5"), Outcome.INVALID_QUANTITY),
    Case("above the largest quantity", expect("A-1", "north", 101), Outcome.INVALID_QUANTITY, limits=SMALL),
    Case("unknown SKU", expect("C-3", "north", 10), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", expect("A-1", "west", 10), Outcome.UNKNOWN_WAREHOUSE),
    Case(
        "above the largest stock, summed over sources",
        expect("A-1", "north", 51, "po-2"),
        Outcome.LIMIT_EXCEEDED,
        {"A-1@north": Counters(incoming=100)},
        given=[expect("A-1", "north", 100, "po-1")],
        limits=SMALL,
    ),
    Case(
        "incoming units are not available",
        [expect("A-1", "north", 10), ship("A-1", "north", "south", 1)],
        [Outcome.OK, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": Counters(incoming=10)},
    ),
]


@pytest.mark.parametrize(**table(EXPECT))
def test_expect(case: Case) -> None:
    check_twice(case)


def test_a_transfer_in_transit_is_received_under_its_own_id() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 10))
    shipment = ship("A-1", "north", "south", 6, id="truck-7")
    twins.send(shipment)
    assert twins.world.stock("A-1", "north") == Counters(on_hand=4)
    assert twins.world.stock("A-1", "south") == Counters(incoming=6)

    twins.send(receive("A-1", "south", 2, source="truck-7"))
    assert twins.world.stock("A-1", "south") == Counters(on_hand=2, incoming=4)
    twins.send(receive("A-1", "south", 4, source="truck-7"))
    assert twins.world.stock("A-1", "south") == Counters(on_hand=6)


def test_what_got_lost_on_the_way_is_written_off_its_source() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 10), ship("A-1", "north", "south", 6, id="truck-8"))
    assert outcomes(twins.send(expect("A-1", "south", -7, "truck-8"))) == [Outcome.INVALID_QUANTITY]
    assert outcomes(twins.send(expect("A-1", "south", -6, "truck-8"))) == [Outcome.OK]
    assert twins.world.stock("A-1", "south") == Counters()


def test_a_source_that_ran_out_can_be_expected_again() -> None:
    twins = Twins.furnished()
    for _ in range(3):
        twins.send(expect("A-1", "north", 5, "po-1"), expect("A-1", "north", 2, "po-2"))
        twins.send(receive("A-1", "north", 5, source="po-1"), expect("A-1", "north", -2, "po-2"))
    assert twins.world.stock("A-1", "north") == Counters(on_hand=15)
