"""What is taken from where, and what a row of a group leaves to the next: corners of the first half of a command."""

from dataclasses import replace

import numpy as np
import pytest

from engine.ids import partition_of, sku_key
from engine.kinds import Flag, WarehouseKind
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome
from tests.builders import (
    adjust,
    archived,
    configure,
    confirm,
    count,
    define_channel,
    define_warehouse,
    expect,
    extend,
    fulfil,
    labelled,
    receive,
    release,
    reserve,
    sell,
    settled,
    together,
)
from tests.engine.tables import Case, check_twice, table
from tests.engine.test_last_places import narrow
from tests.engine.test_seeded_histories import ROOMY
from tests.engine.twins import Twins, outcomes
from tests.rows import Row
from tests.world import Counters, World

OK, SHORT, FULL = Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.LIMIT_EXCEEDED
FAILED, WRONG = Outcome.GROUP_FAILED, Outcome.INVALID_QUANTITY
NORTH, SOUTH = receive("A-1", "north", 5), receive("A-1", "south", 8)
MARKET = define_channel("market", ["south", "bin", "north"])
FOUR = define_channel("four", ["west", "south", "east", "north"])


def held(on_hand: int, reserved: int) -> Counters:
    return Counters(on_hand=on_hand, reserved=reserved)


FLOOR_NORTH, FLOOR_SOUTH = (configure("A-1", place, floor=4) for place in ("north", "south"))
NO_NORTH, NO_SOUTH = (archived(define_warehouse(place)) for place in ("north", "south"))
"""only what is empty can be archived, but a floor lets more be promised than there is"""

SOURCED = [
    Case(
        "an archived place of a channel's list is left out",
        reserve("A-1", 6, channel="market"),
        SHORT,
        given=[NORTH, MARKET, FLOOR_SOUTH, NO_SOUTH],
        limits=ROOMY,
    ),
    Case(
        "and what is asked is taken from the next",
        reserve("A-1", 4, channel="market"),
        OK,
        {"A-1@south": Counters(floor=4), "A-1@north": held(5, 4)},
        given=[NORTH, MARKET, FLOOR_SOUTH, NO_SOUTH],
        limits=ROOMY,
    ),
    Case(
        "a quarantine in a channel's list is left out",
        reserve("A-1", 6, channel="market"),
        SHORT,
        given=[receive("A-1", "bin", 9), NORTH, MARKET],
        limits=ROOMY,
    ),
    Case(
        "an archived place is no place of a channel of all places",
        reserve("A-1", 3),
        OK,
        {"A-1@north": Counters(floor=4), "A-1@south": held(8, 3)},
        given=[SOUTH, FLOOR_NORTH, NO_NORTH],
        limits=ROOMY,
    ),
    Case(
        "nor of a split",
        reserve("A-1", 20, flags=Flag.PARTIAL),
        OK,
        {"A-1@north": Counters(floor=4), "A-1@south": held(8, 8), "A-1@east": held(2, 2)},
        given=[
            *(SOUTH, define_warehouse("east", priority=7), receive("A-1", "east", 2)),
            *(FLOOR_NORTH, NO_NORTH),
        ],
        limits=ROOMY,
    ),
    Case(
        "a place that becomes quarantine is not split over either",
        reserve("A-1", 20, channel="market", flags=Flag.PARTIAL),
        OK,
        {"A-1@north": held(5, 5), "A-1@south": held(8, 0)},
        given=[NORTH, SOUTH, MARKET, define_warehouse("south", kind=WarehouseKind.QUARANTINE)],
        limits=ROOMY,
    ),
    Case(
        "a list is split in its order, past places that have nothing",
        reserve("A-1", 7, channel="four"),
        OK,
        {"A-1@north": held(5, 4), "A-1@east": held(1, 1), "A-1@west": held(2, 2)},
        given=[
            *(define_warehouse("east"), define_warehouse("west"), FOUR, NORTH),
            *(receive("A-1", "west", 2), receive("A-1", "east", 1), configure("A-1", "south", safety_stock=1)),
        ],
        limits=ROOMY,
    ),
]  # fmt: skip


@pytest.mark.parametrize(**table(SOURCED))
def test_what_a_channel_sells_from(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(
    ("taken", "said", "after"),
    [
        (7, OK, {"north": held(0, 0), "south": held(5, 3)}),
        (5, OK, {"north": held(0, 0), "south": held(7, 5)}),
        (10, OK, {"north": held(0, 0), "south": held(2, 0)}),
        (11, WRONG, {"north": held(5, 5), "south": held(7, 5)}),
    ],
)
def test_a_part_of_a_line_is_taken_from_its_cells_in_turn(
    taken: int, said: Outcome, after: dict[str, Counters]
) -> None:
    twins = Twins.furnished(ROOMY)
    made = reserve("A-1", 10)
    twins.send(NORTH, receive("A-1", "south", 7))
    twins.send(made)
    twins.send(confirm(made))
    asked = fulfil(made, 0, taken)
    assert outcomes(twins.send(asked)) == [said]
    assert {place: twins.world.stock("A-1", place) for place in after} == after


@pytest.mark.parametrize(
    ("first", "second", "said"), [(4, 1, [OK, OK]), (4, 2, [FAILED, SHORT]), (6, 1, [SHORT, FAILED])]
)
def test_of_a_group_each_row_is_left_what_the_rows_before_it_do_not_take(
    first: int, second: int, said: list[Outcome]
) -> None:
    twins = Twins.furnished(ROOMY)
    twins.send(NORTH)
    assert outcomes(twins.send(together(sell("A-1", "north", first), sell("A-1", "north", second)))) == said


def test_a_fulfilment_needs_the_goods_themselves_and_the_last_one_is_enough() -> None:
    twins = Twins.furnished(ROOMY)
    lines = together(reserve("A-1", 3, "north"), reserve("A-1", 2, "north"))
    twins.send(NORTH, lines)
    twins.send(confirm(lines[0]), settled("A-1", "north", 1))
    assert outcomes(twins.send(fulfil(lines[0]))) == [SHORT]
    assert outcomes(twins.send(fulfil(lines[0], 0), fulfil(lines[0], 1))) == [OK, SHORT]
    assert outcomes(twins.send(fulfil(lines[0], 1, 1))) == [OK]


def test_settled_sales_of_one_group_add_up_in_a_cell_that_is_there() -> None:
    for last, said in ((10, [OK, OK]), (11, [FAILED, WRONG])):
        twins = narrow()
        twins.send(receive("A-1", "north", 1), receive("A-1", "south", 1))
        twins.send(sell("A-1", "north", 1), settled("A-1", "south", 1))
        assert outcomes(twins.send(together(settled("A-1", "north", 10), settled("A-1", "north", last)))) == said
    twins = narrow()
    twins.send(receive("A-1", "north", 1))
    three = together(*(settled("A-1", "north", units) for units in (10, 10, 2)))
    assert outcomes(twins.send(three)) == [FAILED, FAILED, FULL]
    assert outcomes(twins.send(together(*(settled("A-1", "north", units) for units in (10, 10, 1))))) == [OK] * 3


@pytest.mark.parametrize(("sku", "place", "there"), [("A-1", "south", -3), ("A-1", "north", 5), ("B-2", "south", 0)])
def test_a_refused_sale_says_what_the_settled_ones_before_it_leave(sku: str, place: str, there: int) -> None:
    twins = Twins.furnished(ROOMY)
    twins.send(NORTH)
    said = twins.send(labelled("x", settled("A-1", "south", 3), sell(sku, place, 6)))
    assert [(each.outcome, each.available) for each in said][1] == (SHORT, there)


@pytest.mark.parametrize(("ttl_s", "said"), [(0, WRONG), (1, OK), (50, OK), (51, WRONG)])
def test_a_hold_has_a_shortest_and_a_longest_time(ttl_s: int, said: Outcome) -> None:
    world = World.furnished(replace(ROOMY, ttl_s_max=50))
    world.send(NORTH)
    assert world.outcomes(reserve("A-1", 1, ttl_s=ttl_s), reserve("A-1", 1, "north", ttl_s=ttl_s)) == [said] * 2


@pytest.mark.parametrize("asked", [reserve("NUTS", 9), reserve("NUTS", 9, "north"), sell("NUTS", "north", 9)])
def test_a_refusal_says_in_which_unit_it_counts(asked: Row) -> None:
    world = World.furnished(ROOMY)
    world.send(receive("NUTS", "north", "1.5"))
    told = world.send(asked)[0]
    assert (told["outcome"], told["decimals"], told["requested"], told["available"]) == (SHORT, 3, 9000, 1500)


def test_what_is_said_of_a_reservation_says_where_it_is_at_home() -> None:
    world = World.furnished(ROOMY)
    world.send(NORTH)
    made = reserve("A-1", 2, "north")
    steps: list[Row] = [made, extend(made), confirm(made), fulfil(made, 0, 1), release(made), confirm(made)]
    told = np.concatenate([world.send(step)[["outcome", "partition", "reservation"]] for step in steps])
    assert told["outcome"].tolist() == [OK] * 5 + [Outcome.RESERVATION_CLOSED]
    assert set(told["partition"].tolist()) == {partition_of(sku_key("A-1"))}
    assert len(set(told["reservation"].tolist())) == 1


def test_a_line_that_got_nothing_says_of_which_goods() -> None:
    world = World.furnished(ROOMY)
    world.send(receive("A-1", "north", 1))
    both = together(*(reserve(sku, 2, flags=Flag.PARTIAL) for sku in ("NUTS", "A-1")))
    lines = world.decide(both).lines[:2]
    assert lines["sku_key"].tolist() == [sku_key("NUTS"), sku_key("A-1")]
    assert lines["decimals"].tolist() == [3, 0]
    assert lines["quantity"].tolist() == [0, 1]
    assert lines["warehouse"].tolist() == [NO_WAREHOUSE, world.warehouses["north"]]


@pytest.mark.parametrize(
    "asked", [count("A-1", "north", 3, expected=4), expect("A-1", "north", -1), adjust("A-1", "north", -6)]
)
def test_a_refused_correction_says_what_is_there(asked: Row) -> None:
    world = World.furnished(ROOMY)
    world.send(NORTH, configure("A-1", "north", safety_stock=2))
    told = world.send(asked)[0]
    assert told["outcome"] != OK
    assert told["available"] == 3
