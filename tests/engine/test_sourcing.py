"""Which warehouses a line is taken from when the caller leaves it to the engine."""

import pytest

from engine.kinds import WarehouseKind
from engine.outcomes import Outcome
from tests.builders import archived, configure, define_channel, define_warehouse, labelled, partly, receive, reserve
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins
from tests.world import Counters, World

NORTH, SOUTH = receive("A-1", "north", 5), receive("A-1", "south", 8)


def held(on_hand: int, reserved: int) -> Counters:
    return Counters(on_hand=on_hand, reserved=reserved)


SOURCED = [
    Case(
        "the first by priority that has enough",
        reserve("A-1", 5),
        Outcome.OK,
        {"A-1@north": held(5, 5), "A-1@south": held(8, 0)},
        given=[NORTH, SOUTH],
    ),
    Case(
        "a later one alone rather than a split",
        reserve("A-1", 6),
        Outcome.OK,
        {"A-1@north": held(5, 0), "A-1@south": held(8, 6)},
        given=[NORTH, SOUTH],
    ),
    Case(
        "split only if no single one has enough, greedily in order",
        reserve("A-1", 10),
        Outcome.OK,
        {"A-1@north": held(5, 5), "A-1@south": held(8, 5)},
        given=[NORTH, SOUTH],
    ),
    Case(
        "one more than all have",
        reserve("A-1", 14),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": held(5, 0), "A-1@south": held(8, 0)},
        given=[NORTH, SOUTH],
    ),
    Case(
        "a cell below zero does not count against the others",
        reserve("A-1", 8),
        Outcome.OK,
        {"A-1@south": held(8, 8)},
        given=[NORTH, SOUTH, configure("A-1", "north", safety_stock=9)],
    ),
    Case(
        "floors count",
        reserve("A-1", 15),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=5, reserved=7, floor=2), "A-1@south": held(8, 8)},
        given=[NORTH, SOUTH, configure("A-1", "north", floor=2)],
    ),
    Case(
        "never from quarantine",
        reserve("A-1", 9),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@bin": held(9, 0)},
        given=[SOUTH, receive("A-1", "bin", 9)],
    ),
    Case(
        "a channel's own list only",
        reserve("A-1", 9, channel="till"),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": held(5, 0), "A-1@south": held(8, 0)},
        given=[NORTH, SOUTH],
    ),
    Case(
        "in the order of the channel's list, not by priority",
        reserve("A-1", 10, channel="market"),
        Outcome.OK,
        {"A-1@north": held(5, 2), "A-1@south": held(8, 8)},
        given=[NORTH, SOUTH, define_channel("market", ["south", "north"])],
    ),
    Case(
        "the same priority: the one that was there first",
        reserve("A-1", 3),
        Outcome.OK,
        {"A-1@north": held(5, 3), "A-1@east": held(5, 0)},
        given=[define_warehouse("east", priority=1), receive("A-1", "east", 5), NORTH],
    ),
    Case(
        "a changed priority counts at once, for cells that exist too",
        reserve("A-1", 3),
        Outcome.OK,
        {"A-1@north": held(5, 0), "A-1@south": held(8, 3)},
        given=[NORTH, SOUTH, define_warehouse("north", priority=9)],
    ),
    Case(
        "a place that becomes quarantine is left out",
        reserve("A-1", 3),
        Outcome.OK,
        {"A-1@north": held(5, 0), "A-1@south": held(8, 3)},
        given=[NORTH, SOUTH, define_warehouse("north", kind=WarehouseKind.QUARANTINE)],
    ),
    Case("no cell anywhere", reserve("A-1", 1), Outcome.INSUFFICIENT_STOCK),
    Case("unknown channel", reserve("A-1", 1, channel="fax"), Outcome.UNKNOWN_CHANNEL),
    Case(
        "a channel without any place",
        reserve("A-1", 1, channel="nowhere"),
        Outcome.INSUFFICIENT_STOCK,
        given=[NORTH, define_channel("nowhere", [])],
    ),
    Case(
        "in part: all that there is",
        partly("A-1", 20),
        Outcome.OK,
        {"A-1@north": held(5, 5), "A-1@south": held(8, 8)},
        given=[NORTH, SOUTH],
    ),
    Case(
        "in part: one place alone when it has enough",
        partly("A-1", 8),
        Outcome.OK,
        {"A-1@north": held(5, 0), "A-1@south": held(8, 8)},
        given=[NORTH, SOUTH],
    ),
    Case("in part of nothing", partly("A-1", 20), Outcome.INSUFFICIENT_STOCK),
]


@pytest.mark.parametrize(**table(SOURCED))
def test_sourced_reserve(case: Case) -> None:
    check_twice(case)


def test_a_split_names_no_single_warehouse_and_its_lines_name_all() -> None:
    twins = Twins.furnished()
    twins.send(NORTH, SOUTH)
    (result,) = twins.send(reserve("A-1", 7, channel="web"), at_ms=twins.world.now_ms)
    assert (result.warehouse, result.split, result.available) == ("south", False, 1)
    (result,) = twins.send(reserve("A-1", 6))
    assert (result.warehouse, result.split, result.available) == ("", True, 0)
    assert [(e.line, e.warehouse, e.requested, e.quantity) for e in result.lines] == [
        (0, "north", 6, 5),
        (0, "south", 6, 1),
    ]


def test_a_refusal_says_what_is_sellable() -> None:
    twins = Twins.furnished()
    twins.send(NORTH, SOUTH, configure("A-1", "north", safety_stock=7, floor=1), receive("A-1", "bin", 50))
    (result,) = twins.send(reserve("A-1", 9))
    assert (result.outcome, result.requested, result.available) == (Outcome.INSUFFICIENT_STOCK, 9, 8)


def test_lines_that_name_a_warehouse_are_decided_before_sourced_ones() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 5), receive("A-1", "south", 2))
    results = twins.send(labelled("basket", reserve("A-1", 2), reserve("A-1", 5, "north")))
    assert [(r.outcome, r.warehouse) for r in results] == [(Outcome.OK, "south"), (Outcome.OK, "north")]


def test_cells_are_tried_in_order_however_they_came_to_be() -> None:
    places = [f"w-{n}" for n in range(12)]
    twins = Twins.furnished()
    twins.send(define_warehouse(place, priority=50 - n % 5) for n, place in enumerate(places))
    twins.send(archived(define_warehouse("south")))
    for n in (7, 0, 11, 3, 9, 1, 4, 10, 2, 8, 5, 6):
        twins.send(receive("A-1", places[n], 1))
    results = twins.send(reserve("A-1", 1) for _ in places)
    expected = sorted(places, key=lambda place: (50 - int(place[2:]) % 5, int(place[2:])))
    assert [r.warehouse for r in results] == expected


def test_many_cells_of_one_sku_can_fill_one_line() -> None:
    world = World.furnished()
    places = [f"w-{n}" for n in range(300)]
    world.send(define_warehouse(place, priority=3) for place in places)
    world.send(receive("A-1", place, 1) for place in places)
    decision = world.decide(asked := reserve("A-1", 300))
    assert len(decision.movements) == 300
    assert int(decision.results[0]["lines_n"]) == 300
    assert world.outcomes(asked) == [Outcome.OK]
