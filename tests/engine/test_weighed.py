"""Goods by weight: up to three decimals, exactly."""

import pytest

from engine.outcomes import Outcome
from tests.builders import (
    configure,
    confirm,
    count,
    define_sku,
    fulfil,
    receive,
    release,
    reserve,
    sell,
    together,
    transfer,
)
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins, outcomes
from tests.world import Counters

HELD = reserve("NUTS", "1.250", "north")
KILO = receive("NUTS", "north", "1.5")

WEIGHED = [
    Case("grams come in", receive("NUTS", "north", "1.250"), Outcome.OK, {"NUTS@north": Counters(on_hand=1250)}),
    Case("one gram", receive("NUTS", "north", "0.001"), Outcome.OK, {"NUTS@north": Counters(on_hand=1)}),
    Case("whole kilos", receive("NUTS", "north", 5), Outcome.OK, {"NUTS@north": Counters(on_hand=5000)}),
    Case(
        "held to the gram",
        [reserve("NUTS", "1.250", "north"), reserve("NUTS", "0.251"), reserve("NUTS", "0.250")],
        [Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.OK],
        {"NUTS@north": Counters(on_hand=1500, reserved=1500)},
        given=[KILO],
    ),
    Case(
        "sold to the gram",
        sell("NUTS", "north", "0.333"),
        Outcome.OK,
        {"NUTS@north": Counters(on_hand=1167)},
        given=[KILO],
    ),
    Case(
        "moved, counted and set to the gram",
        [
            transfer("NUTS", "north", "south", "0.4"),
            count("NUTS", "north", "1.099", expected="1.1"),
            configure("NUTS", "north", safety_stock="0.05", floor="0.005"),
        ],
        Outcome.OK,
        {"NUTS@north": Counters(on_hand=1099, safety_stock=50, floor=5), "NUTS@south": Counters(on_hand=400)},
        given=[KILO],
    ),
    Case(
        "weighed out of a reservation",
        [confirm(HELD), fulfil(HELD, 0, "1.200"), release(HELD)],
        Outcome.OK,
        {"NUTS@north": Counters(on_hand=300)},
        given=[KILO, HELD],
    ),
]


@pytest.mark.parametrize(**table(WEIGHED))
def test_weighed_goods(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_a_quantity_has_at_most_its_skus_decimals(decimals: int) -> None:
    twins = Twins.furnished()
    twins.send(define_sku("FLOUR", decimals))
    finest = f"1e-{decimals}"
    too_fine = f"5e-{decimals + 1}"
    assert outcomes(twins.send(receive("FLOUR", "north", finest))) == [Outcome.OK]
    assert twins.world.stock("FLOUR", "north") == Counters(on_hand=1)
    if decimals < 3:
        assert outcomes(twins.send(receive("FLOUR", "north", too_fine))) == [Outcome.INVALID_QUANTITY]
    assert int(twins.world.decide(receive("FLOUR", "north", 1)).results[0]["decimals"]) == decimals


def test_lines_by_weight_and_by_piece_live_in_one_reservation() -> None:
    twins = Twins.furnished()
    twins.send(receive("NUTS", "north", 2), receive("A-1", "north", 2))
    twins.send(rows := together(reserve("NUTS", "0.5"), reserve("A-1", 2)))
    results = twins.send(release(rows[0], 0, "0.1"), release(rows[0], 1, "0.1"))
    assert outcomes(results) == [Outcome.OK, Outcome.INVALID_QUANTITY]
