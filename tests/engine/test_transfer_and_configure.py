"""Moving goods between places, and how much of them is promised."""

import pytest

from engine.kinds import Kind
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import configure, expect, receive, reserve, row, sell, ship, transfer
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins
from tests.world import Counters

SMALL = Limits(quantity_max=100, stock_max=150)
FIVE = receive("A-1", "north", 5)

TRANSFER = [
    Case(
        "moves units and makes the target",
        transfer("A-1", "north", "south", 3),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=2), "A-1@south": Counters(on_hand=3)},
        given=[FIVE],
    ),
    Case(
        "in transit they are incoming at the target",
        ship("A-1", "north", "south", 3),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=2), "A-1@south": Counters(incoming=3)},
        given=[FIVE],
    ),
    Case("all of it", transfer("A-1", "north", "bin", 5), Outcome.OK, {"A-1@bin": Counters(on_hand=5)}, given=[FIVE]),
    Case(
        "one more than is available",
        transfer("A-1", "north", "south", 6),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": Counters(on_hand=5), "A-1@south": Counters()},
        given=[FIVE],
    ),
    Case(
        "reserved units stay",
        [transfer("A-1", "north", "south", 3), transfer("A-1", "north", "south", 2)],
        [Outcome.INSUFFICIENT_STOCK, Outcome.OK],
        {"A-1@north": Counters(on_hand=3, reserved=3), "A-1@south": Counters(on_hand=2)},
        given=[FIVE, reserve("A-1", 3, "north")],
    ),
    Case(
        "safety stock stays",
        transfer("A-1", "north", "south", 3),
        Outcome.INSUFFICIENT_STOCK,
        given=[FIVE, configure("A-1", "north", safety_stock=3)],
    ),
    Case(
        "a floor moves no goods",
        transfer("A-1", "north", "south", 6),
        Outcome.INSUFFICIENT_STOCK,
        given=[FIVE, configure("A-1", "north", floor=3)],
    ),
    Case("from where there is no cell", transfer("A-1", "south", "north", 1), Outcome.INSUFFICIENT_STOCK),
    Case("to itself", transfer("A-1", "north", "north", 1), Outcome.CONFLICT, given=[FIVE]),
    Case("to itself, more than there is", transfer("A-1", "north", "north", 9), Outcome.CONFLICT, given=[FIVE]),
    Case("unknown SKU", transfer("C-3", "north", "south", 1), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", transfer("A-1", "west", "south", 1), Outcome.UNKNOWN_WAREHOUSE, given=[FIVE]),
    Case("unknown target", transfer("A-1", "north", "west", 1), Outcome.UNKNOWN_WAREHOUSE, given=[FIVE]),
    Case("no target", transfer("A-1", "north", "", 1), Outcome.UNKNOWN_WAREHOUSE, given=[FIVE]),
    Case("nothing", transfer("A-1", "north", "south", 0), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("less than nothing", transfer("A-1", "north", "south", -1), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("part of a piece", transfer("A-1", "north", "south", "0.5"), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case(
        "above the target's largest stock",
        transfer("A-1", "north", "south", 100),
        Outcome.LIMIT_EXCEEDED,
        {"A-1@north": Counters(on_hand=100), "A-1@south": Counters(on_hand=51)},
        given=[receive("A-1", "north", 100), receive("A-1", "south", 51)],
        limits=SMALL,
    ),
    Case(
        "above the target's largest incoming",
        ship("A-1", "north", "south", 100),
        Outcome.LIMIT_EXCEEDED,
        {"A-1@north": Counters(on_hand=100), "A-1@south": Counters(incoming=51)},
        given=[receive("A-1", "north", 100), expect("A-1", "south", 51)],
        limits=SMALL,
    ),
]

CONFIGURE = [
    Case(
        "all four settings make the cell",
        configure("A-1", "north", safety_stock=1, floor=2, reorder_point=3, order_up_to=4),
        Outcome.OK,
        {"A-1@north": Counters(safety_stock=1, floor=2, reorder_point=3, order_up_to=4)},
    ),
    Case(
        "only what is said is changed",
        configure("A-1", "north", floor=7),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=5, safety_stock=1, floor=7, reorder_point=3, order_up_to=4)},
        given=[FIVE, configure("A-1", "north", safety_stock=1, floor=2, reorder_point=3, order_up_to=4)],
    ),
    Case(
        "back to zero",
        configure("A-1", "north", safety_stock=0),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=5)},
        given=[FIVE, configure("A-1", "north", safety_stock=5)],
    ),
    Case(
        "safety stock above what is there",
        configure("A-1", "north", safety_stock=9),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=5, safety_stock=9)},
        given=[FIVE],
    ),
    Case(
        "a floor taken from under a reservation",
        configure("A-1", "north", floor=0),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=5, reserved=7)},
        given=[FIVE, configure("A-1", "north", floor=2), reserve("A-1", 7, "north")],
    ),
    Case("nothing said", configure("A-1", "north"), Outcome.INVALID_QUANTITY, {"A-1@north": Counters()}),
    Case("less than nothing", configure("A-1", "north", floor=-1), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case(
        "one bad setting of two changes neither",
        configure("A-1", "north", safety_stock=1, floor=-1),
        Outcome.INVALID_QUANTITY,
        {"A-1@north": Counters(on_hand=5)},
        given=[FIVE],
    ),
    Case(
        "part of a piece",
        configure("A-1", "north", safety_stock=1, order_up_to="0.5"),
        Outcome.INVALID_QUANTITY,
        {"A-1@north": Counters(on_hand=5)},
        given=[FIVE],
    ),
    Case("above the largest quantity", configure("A-1", "north", floor=101), Outcome.INVALID_QUANTITY, limits=SMALL),
    Case("unknown SKU", configure("C-3", "north", floor=1), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", configure("A-1", "west", floor=1), Outcome.UNKNOWN_WAREHOUSE),
]


@pytest.mark.parametrize(**table(TRANSFER))
def test_transfer(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(CONFIGURE))
def test_configure(case: Case) -> None:
    check_twice(case)


def test_a_setting_that_is_not_named_is_not_looked_at() -> None:
    twins = Twins.furnished()
    odd = row(
        Kind.CONFIGURE, sku="A-1", warehouse="north", line=1, quantity=2000, expected=-1, unit_price=1, discount=-9
    )
    twins.send(odd)
    assert twins.world.stock("A-1", "north") == Counters(safety_stock=2)


def test_a_setting_that_leaves_a_cell_short_says_by_how_much() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 5))
    (result,) = twins.send(configure("A-1", "north", safety_stock=8, floor=1))
    assert result.short
    assert [(m.kind, m.quantity) for m in twins.model.movements] == [(Kind.CONFIGURE, 0), (Kind.SHORT, -2)]
    (result,) = twins.send(configure("A-1", "north", floor=3))
    assert not result.short


def test_safety_stock_and_floor_decide_what_can_be_promised() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 10), configure("A-1", "north", safety_stock=4, floor=1))
    results = twins.send(reserve("A-1", 8, "north"), reserve("A-1", 7, "north"), sell("A-1", "north", 4))
    assert [(r.outcome, r.available) for r in results] == [
        (Outcome.INSUFFICIENT_STOCK, 6),
        (Outcome.OK, -1),
        (Outcome.OK, -5),
    ]
