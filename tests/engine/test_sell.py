"""Goods that leave in a customer's hand."""

import pytest

from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import adjust, archived, configure, define_channel, labelled, receive, reserve, sell, settled
from tests.engine.tables import Case, check_twice, table
from tests.world import Counters, World

SMALL = Limits(quantity_max=100, stock_max=150)
FIVE = receive("A-1", "south", 5)

SELL = [
    Case("some", sell("A-1", "south", 2), Outcome.OK, {"A-1@south": Counters(on_hand=3)}, given=[FIVE]),
    Case("all", sell("A-1", "south", 5), Outcome.OK, {"A-1@south": Counters()}, given=[FIVE]),
    Case(
        "one more than there is",
        sell("A-1", "south", 6),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@south": Counters(on_hand=5)},
        given=[FIVE],
    ),
    Case(
        "reserved units are not for sale",
        [sell("A-1", "south", 3), sell("A-1", "south", 2)],
        [Outcome.INSUFFICIENT_STOCK, Outcome.OK],
        {"A-1@south": Counters(on_hand=3, reserved=3)},
        given=[FIVE, reserve("A-1", 3, "south")],
    ),
    Case(
        "safety stock does not bind tills",
        sell("A-1", "south", 5),
        Outcome.OK,
        {"A-1@south": Counters(safety_stock=4)},
        given=[FIVE, configure("A-1", "south", safety_stock=4)],
    ),
    Case(
        "the floor lets it go below zero",
        [sell("A-1", "south", 7), sell("A-1", "south", 1)],
        [Outcome.OK, Outcome.INSUFFICIENT_STOCK],
        {"A-1@south": Counters(on_hand=-2, floor=2)},
        given=[FIVE, configure("A-1", "south", floor=2)],
    ),
    Case("where there is no cell", sell("A-1", "south", 1), Outcome.INSUFFICIENT_STOCK, {"A-1@south": Counters()}),
    Case(
        "from quarantine, when somebody holds the goods",
        sell("A-1", "bin", 1),
        Outcome.OK,
        {"A-1@bin": Counters()},
        given=[receive("A-1", "bin", 1)],
    ),
    Case("unknown SKU", sell("C-3", "south", 1), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", sell("A-1", "west", 1), Outcome.UNKNOWN_WAREHOUSE),
    Case("no warehouse: a sale is never sourced", sell("A-1", "", 1), Outcome.UNKNOWN_WAREHOUSE, given=[FIVE]),
    Case("unknown channel", sell("A-1", "south", 1, "fax"), Outcome.UNKNOWN_CHANNEL, given=[FIVE]),
    Case(
        "archived channel",
        sell("A-1", "south", 1, "till"),
        Outcome.UNKNOWN_CHANNEL,
        given=[FIVE, archived(define_channel("till", ["south"])[0])],
    ),
    Case("nothing", sell("A-1", "south", 0), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("less than nothing", sell("A-1", "south", -1), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("part of a piece", sell("A-1", "south", "0.5"), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("above the largest quantity", sell("A-1", "south", 101), Outcome.INVALID_QUANTITY, limits=SMALL),
    Case(
        "rows of one batch see each other",
        [sell("A-1", "south", 3), sell("A-1", "south", 3), sell("A-1", "south", 2)],
        [Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.OK],
        {"A-1@south": Counters()},
        given=[FIVE],
    ),
]

SETTLED = [
    Case("some", settled("A-1", "south", 2), Outcome.OK, {"A-1@south": Counters(on_hand=3)}, given=[FIVE]),
    Case(
        "the goods are gone, whatever the book says",
        settled("A-1", "south", 7),
        Outcome.OK,
        {"A-1@south": Counters(on_hand=-2)},
        given=[FIVE],
    ),
    Case("where there is no cell", settled("A-1", "south", 1), Outcome.OK, {"A-1@south": Counters(on_hand=-1)}),
    Case(
        "from under a reservation",
        settled("A-1", "south", 4),
        Outcome.OK,
        {"A-1@south": Counters(on_hand=1, reserved=3)},
        given=[FIVE, reserve("A-1", 3, "south")],
    ),
    Case("unknown SKU", settled("C-3", "south", 1), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", settled("A-1", "west", 1), Outcome.UNKNOWN_WAREHOUSE),
    Case("unknown channel", settled("A-1", "south", 1, "fax"), Outcome.UNKNOWN_CHANNEL),
    Case("nothing", settled("A-1", "south", 0), Outcome.INVALID_QUANTITY),
    Case(
        "below the lowest stock",
        settled("A-1", "south", 100),
        Outcome.LIMIT_EXCEEDED,
        {"A-1@south": Counters(on_hand=-100)},
        given=[settled("A-1", "south", 100)],
        limits=SMALL,
    ),
]

GROUPS = [
    Case(
        "a basket is sold as a whole",
        labelled("basket", sell("A-1", "south", 2), sell("B-2", "south", 1)),
        Outcome.OK,
        {"A-1@south": Counters(on_hand=3), "B-2@south": Counters()},
        given=[FIVE, receive("B-2", "south", 1)],
    ),
    Case(
        "or not at all",
        labelled("basket", sell("A-1", "south", 2), sell("B-2", "south", 2), sell("A-1", "south", 1)),
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK, Outcome.GROUP_FAILED],
        {"A-1@south": Counters(on_hand=5), "B-2@south": Counters(on_hand=1)},
        given=[FIVE, receive("B-2", "south", 1)],
    ),
    Case(
        "two lines of one SKU count together",
        labelled("basket", sell("A-1", "south", 3), sell("A-1", "south", 3)),
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK],
        {"A-1@south": Counters(on_hand=5)},
        given=[FIVE],
    ),
    Case(
        "every failing line is told apart",
        labelled("basket", sell("A-1", "south", 9), sell("C-3", "south", 1), sell("A-1", "south", 0)),
        [Outcome.INSUFFICIENT_STOCK, Outcome.UNKNOWN_SKU, Outcome.INVALID_QUANTITY],
        {"A-1@south": Counters(on_hand=5)},
        given=[FIVE],
    ),
    Case(
        "a settled line falls with its group and leaves no cell",
        labelled("basket", settled("A-1", "north", 9), sell("A-1", "south", 9)),
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK],
        {"A-1@south": Counters(on_hand=5), "A-1@north": Counters()},
        given=[FIVE],
    ),
    Case(
        "settled lines stand together",
        labelled("basket", settled("A-1", "north", 9), settled("A-1", "south", 9), settled("A-1", "south", 1)),
        Outcome.OK,
        {"A-1@south": Counters(on_hand=-5), "A-1@north": Counters(on_hand=-9)},
        given=[FIVE],
    ),
    Case(
        "the batch goes on behind a group that fell",
        [*labelled("basket", sell("A-1", "south", 4), sell("A-1", "south", 4)), sell("A-1", "south", 5)],
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK, Outcome.OK],
        {"A-1@south": Counters()},
        given=[FIVE],
    ),
]


@pytest.mark.parametrize(**table(SELL))
def test_sell(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(SETTLED))
def test_sell_settled(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(GROUPS))
def test_sell_in_groups(case: Case) -> None:
    check_twice(case)


def test_a_settled_sale_below_its_bound_is_marked_and_says_by_how_much() -> None:
    world = World.furnished()
    world.send(receive("A-1", "south", 5))
    decision = world.decide(settled("A-1", "south", 7))
    assert [(int(m["kind"]), int(m["quantity"])) for m in decision.movements] == [(4, -7), (25, -2)]
    assert world.decide(adjust("A-1", "south", 2)).results[0]["flags"] == 0
