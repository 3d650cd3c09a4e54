"""Holding units of a named warehouse, one line at a time."""

import pytest

from engine.kinds import ReservationState
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import TTL_S, archived, configure, count, define_channel, partly, receive, reserve
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins
from tests.world import Counters

SMALL = Limits(quantity_max=100, stock_max=150)
FIVE = receive("A-1", "north", 5)
FIVE_AT_NORTH = Counters(on_hand=5)

RESERVE = [
    Case("some", reserve("A-1", 2, "north"), Outcome.OK, {"A-1@north": Counters(on_hand=5, reserved=2)}, given=[FIVE]),
    Case("all", reserve("A-1", 5, "north"), Outcome.OK, {"A-1@north": Counters(on_hand=5, reserved=5)}, given=[FIVE]),
    Case(
        "one more than there is",
        reserve("A-1", 6, "north"),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": FIVE_AT_NORTH},
        given=[FIVE],
    ),
    Case(
        "several rows of one batch never over-reserve",
        [
            reserve("A-1", 2, "north"),
            reserve("A-1", 2, "north"),
            reserve("A-1", 2, "north"),
            reserve("A-1", 1, "north"),
        ],
        [Outcome.OK, Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.OK],
        {"A-1@north": Counters(on_hand=5, reserved=5)},
        given=[FIVE],
    ),
    Case(
        "into the floor",
        [reserve("A-1", 7, "north"), reserve("A-1", 1, "north")],
        [Outcome.OK, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": Counters(on_hand=5, reserved=7, floor=2)},
        given=[FIVE, configure("A-1", "north", floor=2)],
    ),
    Case(
        "not into safety stock",
        [reserve("A-1", 4, "north"), reserve("A-1", 3, "north")],
        [Outcome.INSUFFICIENT_STOCK, Outcome.OK],
        {"A-1@north": Counters(on_hand=5, reserved=3, safety_stock=2)},
        given=[FIVE, configure("A-1", "north", safety_stock=2)],
    ),
    Case(
        "where there is no cell",
        reserve("A-1", 1, "north"),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": Counters()},
    ),
    Case(
        "from quarantine",
        reserve("A-1", 1, "bin"),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@bin": Counters(on_hand=5)},
        given=[receive("A-1", "bin", 5)],
    ),
    Case("unknown SKU", reserve("C-3", 1, "north"), Outcome.UNKNOWN_SKU),
    Case("unknown warehouse", reserve("A-1", 1, "west"), Outcome.UNKNOWN_WAREHOUSE),
    Case("unknown channel", reserve("A-1", 1, "north", "fax"), Outcome.UNKNOWN_CHANNEL, given=[FIVE]),
    Case("no channel", reserve("A-1", 1, "north", ""), Outcome.UNKNOWN_CHANNEL, given=[FIVE]),
    Case(
        "archived channel",
        reserve("A-1", 1, "north", "web"),
        Outcome.UNKNOWN_CHANNEL,
        {"A-1@north": FIVE_AT_NORTH},
        given=[FIVE, archived(define_channel("web")[0])],
    ),
    Case("nothing", reserve("A-1", 0, "north"), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("less than nothing", reserve("A-1", -1, "north"), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("part of a piece", reserve("A-1", "0.5", "north"), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("above the largest quantity", reserve("A-1", 101, "north"), Outcome.INVALID_QUANTITY, limits=SMALL),
    Case("no ttl", reserve("A-1", 1, "north", ttl_s=0), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("a negative ttl", reserve("A-1", 1, "north", ttl_s=-1), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case("the longest ttl", reserve("A-1", 1, "north", ttl_s=2_592_000), Outcome.OK, given=[FIVE]),
    Case("a longer ttl", reserve("A-1", 1, "north", ttl_s=2_592_001), Outcome.INVALID_QUANTITY, given=[FIVE]),
    Case(
        "above the largest stock, by a floor",
        reserve("A-1", 51, "north"),
        Outcome.LIMIT_EXCEEDED,
        {"A-1@north": Counters(on_hand=100, reserved=100, floor=100)},
        given=[
            receive("A-1", "north", 100),
            configure("A-1", "north", floor=100),
            reserve("A-1", 100, "north"),
        ],
        limits=SMALL,
    ),
    Case("unknown SKU is said before all else", reserve("C-3", 0, "west", "fax"), Outcome.UNKNOWN_SKU),
    Case("then the warehouse", reserve("A-1", 0, "west", "fax"), Outcome.UNKNOWN_WAREHOUSE),
    Case("then the channel", reserve("A-1", 0, "north", "fax"), Outcome.UNKNOWN_CHANNEL),
    Case("then the quantity", reserve("A-1", 0, "north", ttl_s=0), Outcome.INVALID_QUANTITY),
]

PARTIAL = [
    Case(
        "what there is",
        partly("A-1", 9, "north"),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=5, reserved=5)},
        given=[FIVE],
    ),
    Case(
        "all of it", partly("A-1", 5, "north"), Outcome.OK, {"A-1@north": Counters(on_hand=5, reserved=5)}, given=[FIVE]
    ),
    Case(
        "with the floor",
        partly("A-1", 9, "north"),
        Outcome.OK,
        {"A-1@north": Counters(on_hand=5, reserved=6, floor=1)},
        given=[FIVE, configure("A-1", "north", floor=1)],
    ),
    Case(
        "of nothing",
        partly("A-1", 9, "north"),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": Counters()},
        given=[count("A-1", "north", 0)],
    ),
    Case("of no cell", partly("A-1", 9, "north"), Outcome.INSUFFICIENT_STOCK, {"A-1@north": Counters()}),
    Case("of quarantine", partly("A-1", 9, "bin"), Outcome.INSUFFICIENT_STOCK, given=[receive("A-1", "bin", 5)]),
    Case("nothing", partly("A-1", 0, "north"), Outcome.INVALID_QUANTITY, given=[FIVE]),
]


@pytest.mark.parametrize(**table(RESERVE))
def test_reserve(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(PARTIAL))
def test_reserve_in_part(case: Case) -> None:
    check_twice(case)


def test_the_answer_says_what_is_held_until_when_and_what_is_left() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 5))
    (result,) = twins.send(asked := reserve("A-1", 2, "north"))
    assert (result.quantity, result.requested, result.available, result.warehouse) == (2, 2, 3, "north")
    assert (result.state, result.expires_at_ms) == (ReservationState.HELD, twins.world.now_ms + TTL_S * 1000)
    assert result.hold == ("shop", asked.id)


def test_a_refusal_says_what_was_asked_and_what_there_is() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 5), configure("A-1", "north", safety_stock=1))
    (result,) = twins.send(asked := reserve("A-1", 6, "north"))
    assert (result.quantity, result.requested, result.available) == (0, 6, 4)
    assert twins.world.state_of(asked) == ReservationState.NONE


def test_ids_of_two_clients_make_two_reservations() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 5))
    first, second = (reserve("A-1", 2, "north", id="basket-1", client=client) for client in ("shop", "market"))
    assert [r.replays for r in twins.send(first, second)] == [None, None]
    assert twins.world.stock("A-1", "north") == Counters(on_hand=5, reserved=4)
