"""Goods that come in: from suppliers and back from customers."""

import pytest

from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import archived, count, define_sku, define_warehouse, expect, give_back, receive
from tests.engine.tables import Case, check_twice, table
from tests.world import Counters

SMALL = Limits(quantity_max=100, stock_max=150)

RECEIVE = [
    Case("the first makes the cell", receive("A-1", "north", 5), Outcome.OK, {"A-1@north": Counters(on_hand=5)}),
    Case(
        "the next adds to it",
        receive("A-1", "north", 5),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=8), "A-1@south": Counters()},
        given=[receive("A-1", "north", 3)],
    ),
    Case("quarantine holds stock too", receive("A-1", "bin", 2), Outcome.OK, {"A-1@bin": Counters(on_hand=2)}),
    Case(
        "with a source lowers what is on its way",
        receive("A-1", "north", 4, source="po-1"),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=4, incoming=6)},
        given=[expect("A-1", "north", 10, "po-1")],
    ),
    Case(
        "more than was expected leaves nothing on its way",
        receive("A-1", "north", 12, source="po-1"),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=12, incoming=5)},
        given=[expect("A-1", "north", 10, "po-1"), expect("A-1", "north", 5, "po-2")],
    ),
    Case(
        "without a source, or with an unknown one, leaves incoming alone",
        [receive("A-1", "north", 1), receive("A-1", "north", 1, source="po-9")],
        Outcome.OK,
        {"A-1@north": Counters(on_hand=2, incoming=10)},
        given=[expect("A-1", "north", 10, "po-1")],
    ),
    Case(
        "a source is one cell's own",
        receive("A-1", "south", 4, source="po-1"),
        Outcome.OK,
        {"A-1@south": Counters(on_hand=4), "A-1@north": Counters(incoming=10)},
        given=[expect("A-1", "north", 10, "po-1")],
    ),
    Case("unknown SKU", receive("C-3", "north", 5), Outcome.UNKNOWN_SKU),
    Case(
        "archived SKU",
        receive("A-1", "north", 5),
        Outcome.UNKNOWN_SKU,
        {"A-1@north": Counters()},
        given=[archived(define_sku("A-1"))],
    ),
    Case("unknown warehouse", receive("A-1", "west", 5), Outcome.UNKNOWN_WAREHOUSE),
    Case("no warehouse", receive("A-1", "", 5), Outcome.UNKNOWN_WAREHOUSE),
    Case(
        "archived warehouse",
        receive("A-1", "north", 5),
        Outcome.UNKNOWN_WAREHOUSE,
        given=[archived(define_warehouse("north"))],
    ),
    Case("nothing", receive("A-1", "north", 0), Outcome.INVALID_QUANTITY, {"A-1@north": Counters()}),
    Case("less than nothing", receive("A-1", "north", -1), Outcome.INVALID_QUANTITY),
    Case("part of a piece", receive("A-1", "north", "1.5"), Outcome.INVALID_QUANTITY),
    Case("above the largest quantity", receive("A-1", "north", 101), Outcome.INVALID_QUANTITY, limits=SMALL),
    Case(
        "up to the largest stock",
        receive("A-1", "north", 50),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=150)},
        given=[receive("A-1", "north", 100)],
        limits=SMALL,
    ),
    Case(
        "above the largest stock",
        receive("A-1", "north", 51),
        Outcome.LIMIT_EXCEEDED,
        {"A-1@north": Counters(on_hand=100)},
        given=[receive("A-1", "north", 100)],
        limits=SMALL,
    ),
]

RETURN = [
    Case("comes back", give_back("A-1", "south", 2), Outcome.OK, {"A-1@south": Counters(on_hand=2)}),
    Case("into quarantine", give_back("A-1", "bin", 1), Outcome.OK, {"A-1@bin": Counters(on_hand=1)}),
    Case(
        "adds to what is there",
        give_back("A-1", "south", 2, original="sale-1", reason="too small"),
        Outcome.OK,
        {"A-1@south": Counters(on_hand=9)},
        given=[count("A-1", "south", 7)],
    ),
    Case("unknown SKU", give_back("C-3", "south", 2), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", give_back("A-1", "west", 2), Outcome.UNKNOWN_WAREHOUSE),
    Case("unknown channel", give_back("A-1", "south", 2, "fax"), Outcome.UNKNOWN_CHANNEL),
    Case("no channel", give_back("A-1", "south", 2, ""), Outcome.UNKNOWN_CHANNEL),
    Case("nothing", give_back("A-1", "south", 0), Outcome.INVALID_QUANTITY, {"A-1@south": Counters()}),
    Case("less than nothing", give_back("A-1", "south", -2), Outcome.INVALID_QUANTITY),
    Case("part of a piece", give_back("A-1", "south", "0.001"), Outcome.INVALID_QUANTITY),
    Case(
        "above the largest stock",
        give_back("A-1", "south", 100),
        Outcome.LIMIT_EXCEEDED,
        given=[receive("A-1", "south", 100)],
        limits=SMALL,
    ),
    Case("unknown SKU is said before unknown channel", give_back("C-3", "west", 0, "fax"), Outcome.UNKNOWN_SKU),
    Case(
        "unknown warehouse is said before unknown channel",
        give_back("A-1", "west", 0, "fax"),
        Outcome.UNKNOWN_WAREHOUSE,
    ),
    Case(
        "unknown channel is said before invalid quantity", give_back("A-1", "south", 0, "fax"), Outcome.UNKNOWN_CHANNEL
    ),
]


@pytest.mark.parametrize(**table(RECEIVE))
def test_receive(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(RETURN))
def test_return(case: Case) -> None:
    check_twice(case)
