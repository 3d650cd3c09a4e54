"""Counting what is really there, and saying so when it is less than was promised."""

import pytest

from engine.kinds import Flag
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import adjust, configure, count, receive, reserve
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins
from tests.world import Counters, World

SMALL = Limits(quantity_max=100, stock_max=150)
FIVE = receive("A-1", "north", 5)
HOLD_THREE = reserve("A-1", 3, "north")
HOLD_FOUR = reserve("A-1", 4, "north")

ADJUST = [
    Case("up", adjust("A-1", "north", 2), Outcome.OK, {"A-1@north": Counters(on_hand=7)}, given=[FIVE]),
    Case("down", adjust("A-1", "north", -2), Outcome.OK, {"A-1@north": Counters(on_hand=3)}, given=[FIVE]),
    Case("down to nothing", adjust("A-1", "north", -5), Outcome.OK, {"A-1@north": Counters()}, given=[FIVE]),
    Case("makes the cell", adjust("A-1", "north", 2), Outcome.OK, {"A-1@north": Counters(on_hand=2)}),
    Case("set_to", count("A-1", "north", 9), Outcome.OK, {"A-1@north": Counters(on_hand=9)}, given=[FIVE]),
    Case("set_to what it was", count("A-1", "north", 5), Outcome.OK, {"A-1@north": Counters(on_hand=5)}, given=[FIVE]),
    Case("set_to zero makes an empty cell", count("A-1", "north", 0), Outcome.OK, {"A-1@north": Counters()}),
    Case(
        "set_to means reserved units included",
        count("A-1", "north", 4),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=4, reserved=3)},
        given=[FIVE, HOLD_THREE],
    ),
    Case(
        "expected as it was",
        count("A-1", "north", 9, expected=5),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=9)},
        given=[FIVE],
    ),
    Case(
        "expected otherwise",
        count("A-1", "north", 9, expected=6),
        Outcome.CONFLICT,
        {"A-1@north": Counters(on_hand=5)},
        given=[FIVE],
    ),
    Case("expected nothing where there is no cell", count("A-1", "north", 9, expected=0), Outcome.OK),
    Case("expected something where there is no cell", count("A-1", "north", 9, expected=1), Outcome.CONFLICT),
    Case(
        "expected half a piece",
        count("A-1", "north", 9, expected="4.5"),
        Outcome.INVALID_QUANTITY,
        given=[FIVE],
    ),
    Case(
        "a delta with what was expected",
        adjust("A-1", "north", 1, flags=Flag.HAS_EXPECTED, expected=5000),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=6)},
        given=[FIVE],
    ),
    Case(
        "below what is reserved: never refused for lack of room",
        adjust("A-1", "north", -3),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=2, reserved=3)},
        given=[FIVE, HOLD_THREE],
    ),
    Case("a delta of nothing", adjust("A-1", "north", 0), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case(
        "a delta below zero stock",
        adjust("A-1", "north", -6),
        Outcome.INVALID_QUANTITY,
        {"A-1@north": Counters(on_hand=5)},
        given=[FIVE],
    ),
    Case("set_to below zero", count("A-1", "north", -1), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("part of a piece", adjust("A-1", "north", "0.5"), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("above the largest quantity", count("A-1", "north", 101), Outcome.INVALID_QUANTITY, limits=SMALL),
    Case(
        "above the largest stock",
        adjust("A-1", "north", 100),
        Outcome.LIMIT_EXCEEDED,
        given=[receive("A-1", "north", 51)],
        limits=SMALL,
    ),
    Case("unknown SKU", adjust("C-3", "north", 2), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", adjust("A-1", "west", 2), Outcome.UNKNOWN_WAREHOUSE),
    Case(
        "invalid quantity is said before conflict",
        count("A-1", "north", -1, expected=6),
        Outcome.INVALID_QUANTITY,
        given=[FIVE],
    ),
]


@pytest.mark.parametrize(**table(ADJUST))
def test_adjust(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(
    ("given", "asked", "short"),
    [
        pytest.param([FIVE, HOLD_FOUR], count("A-1", "north", 4), 0, id="just enough"),
        pytest.param([FIVE, HOLD_FOUR], count("A-1", "north", 3), -1, id="one too few"),
        pytest.param([FIVE, HOLD_FOUR], adjust("A-1", "north", -5), -4, id="all gone"),
        pytest.param(
            [FIVE, HOLD_FOUR, configure("A-1", "north", floor=2)], count("A-1", "north", 2), 0, id="the floor covers it"
        ),
        pytest.param(
            [FIVE, HOLD_FOUR, configure("A-1", "north", floor=2)], count("A-1", "north", 1), -1, id="below the floor"
        ),
        pytest.param(
            [FIVE, configure("A-1", "north", safety_stock=2)], count("A-1", "north", 1), -1, id="into safety stock"
        ),
    ],
)
def test_an_adjust_that_leaves_a_cell_short_says_by_how_much(given: list[object], asked: object, short: int) -> None:
    twins = Twins.furnished()
    for row in given:
        twins.send([row])  # type: ignore[list-item]
    (result,) = twins.send([asked])  # type: ignore[list-item]
    assert result.short == (short < 0)
    said = [movement.quantity for movement in twins.model.movements if movement.kind.text == "short"]
    assert said == ([short] if short else [])


def test_the_movement_of_a_count_is_the_difference() -> None:
    world = World.furnished()
    world.send(receive("A-1", "north", 5))
    (movement,) = world.decide(count("A-1", "north", 3)).movements
    assert (movement["quantity"], movement["on_hand_delta"], movement["on_hand"]) == (-2, -2, 3)
    (movement,) = world.decide(count("A-1", "north", 3)).movements
    assert (movement["quantity"], movement["on_hand_delta"], movement["on_hand"]) == (0, 0, 3)
