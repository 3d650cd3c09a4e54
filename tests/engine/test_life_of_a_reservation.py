"""Confirm, extend, release, fulfil: the steps of a reservation's life, line by line and place by place."""

import pytest

from engine.kinds import Flag, ReservationState
from engine.outcomes import Outcome
from tests.builders import (
    TTL_S,
    adjust,
    archived,
    confirm,
    define_warehouse,
    extend,
    fulfil,
    receive,
    release,
    reserve,
    settled,
    together,
)
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins, outcomes
from tests.world import Counters

FIVE, SOUTH = receive("A-1", "north", 5), receive("A-1", "south", 4)
ONE = reserve("A-1", 4, "north")
SPLIT = reserve("A-1", 8)
TWO = together(reserve("A-1", 2, "north"), reserve("B-2", 3, "north"))
OTHERS = reserve("A-1", 4, "north", client="market")
HELD = [FIVE, ONE]
CONFIRMED = [FIVE, ONE, confirm(ONE)]
SPLIT_HELD = [FIVE, SOUTH, SPLIT]
SPLIT_CONFIRMED = [*SPLIT_HELD, confirm(SPLIT)]
TTL_MS = TTL_S * 1000


def held(on_hand: int, reserved: int) -> Counters:
    return Counters(on_hand=on_hand, reserved=reserved)


STILL_HELD, GIVEN_BACK = {"A-1@north": held(5, 4)}, {"A-1@north": held(5, 0)}

CONFIRM = [
    Case("held", confirm(ONE), Outcome.OK, STILL_HELD, given=HELD),
    Case("outlives its deadline", [], [], STILL_HELD, given=CONFIRMED, later_ms=TTL_MS),
    Case("twice, as two commands", confirm(ONE), Outcome.RESERVATION_CLOSED, STILL_HELD, given=CONFIRMED),
    Case("in the last millisecond", confirm(ONE), Outcome.OK, STILL_HELD, given=HELD, later_ms=TTL_MS - 1),
    Case("at its deadline", confirm(ONE), Outcome.RESERVATION_EXPIRED, GIVEN_BACK, given=HELD, later_ms=TTL_MS),
    Case("released", confirm(ONE), Outcome.RESERVATION_CLOSED, GIVEN_BACK, given=[*HELD, release(ONE)]),
    Case(
        "fulfilled",
        confirm(ONE),
        Outcome.RESERVATION_CLOSED,
        {"A-1@north": held(1, 0)},
        given=[*CONFIRMED, fulfil(ONE)],
    ),
    Case("unknown", confirm(ONE), Outcome.UNKNOWN_RESERVATION, given=[FIVE]),
    Case("somebody else's", confirm(OTHERS, client="shop"), Outcome.UNKNOWN_RESERVATION, given=[FIVE, OTHERS]),
    Case(
        "somebody else's, by an admin",
        confirm(OTHERS, client="shop", flags=Flag.ADMIN),
        Outcome.OK,
        given=[FIVE, OTHERS],
    ),
    Case("acts on the whole", confirm(ONE, line=7), Outcome.OK, STILL_HELD, given=HELD),
]

EXTEND = [
    Case("held", [extend(ONE, 900)], Outcome.OK, STILL_HELD, given=HELD),
    Case("shorter changes nothing", extend(ONE, 1), Outcome.OK, STILL_HELD, given=HELD),
    Case("outlives the old deadline", [], [], STILL_HELD, given=[*HELD, extend(ONE, TTL_S + 1)], later_ms=TTL_MS),
    Case("not the new one", [], [], GIVEN_BACK, given=[*HELD, extend(ONE, TTL_S + 1)], later_ms=TTL_MS + 1000),
    Case("a shorter one never shortens", [], [], STILL_HELD, given=[*HELD, extend(ONE, 1)], later_ms=TTL_MS - 1),
    Case("at its deadline", extend(ONE), Outcome.RESERVATION_EXPIRED, GIVEN_BACK, given=HELD, later_ms=TTL_MS),
    Case("confirmed", extend(ONE), Outcome.RESERVATION_CLOSED, given=CONFIRMED),
    Case("released", extend(ONE), Outcome.RESERVATION_CLOSED, given=[*HELD, release(ONE)]),
    Case("no ttl", extend(ONE, 0), Outcome.INVALID_QUANTITY, given=HELD),
    Case("too long a ttl", extend(ONE, 2_592_001), Outcome.INVALID_QUANTITY, given=HELD),
    Case("invalid quantity is said before closed", extend(ONE, 0), Outcome.INVALID_QUANTITY, given=CONFIRMED),
    Case("unknown", extend(ONE, 0), Outcome.UNKNOWN_RESERVATION, given=[FIVE]),
    Case("somebody else's", extend(OTHERS, client="shop"), Outcome.UNKNOWN_RESERVATION, given=[FIVE, OTHERS]),
]

RELEASE = [
    Case("all of a held one", release(ONE), Outcome.OK, GIVEN_BACK, given=HELD),
    Case("all of a confirmed one", release(ONE), Outcome.OK, GIVEN_BACK, given=CONFIRMED),
    Case("a line", release(ONE, 0), Outcome.OK, GIVEN_BACK, given=HELD),
    Case("some of a line", release(ONE, 0, 1), Outcome.OK, {"A-1@north": held(5, 3)}, given=HELD),
    Case(
        "line by line",
        [release(TWO[0], 1), release(TWO[0], 0)],
        Outcome.OK,
        {"A-1@north": held(5, 0), "B-2@north": held(3, 0)},
        given=[FIVE, receive("B-2", "north", 3), TWO],
    ),
    Case(
        "one line leaves the other",
        release(TWO[0], 1),
        Outcome.OK,
        {"A-1@north": held(5, 2), "B-2@north": held(3, 0)},
        given=[FIVE, receive("B-2", "north", 3), TWO],
    ),
    Case(
        "one place of a split line",
        release(SPLIT, 0, warehouse="south"),
        Outcome.OK,
        {"A-1@north": held(5, 5), "A-1@south": held(4, 0)},
        given=SPLIT_HELD,
    ),
    Case(
        "some of a split line, in its order of places",
        release(SPLIT, 0, 6),
        Outcome.OK,
        {"A-1@north": held(5, 0), "A-1@south": held(4, 2)},
        given=SPLIT_HELD,
    ),
    Case("more than remains", release(ONE, 0, 5), Outcome.INVALID_QUANTITY, STILL_HELD, given=HELD),
    Case(
        "more than remains after some was released",
        release(ONE, 0, 2),
        Outcome.INVALID_QUANTITY,
        {"A-1@north": held(5, 1)},
        given=[*HELD, release(ONE, 0, 3)],
    ),
    Case(
        "more than that place holds",
        release(SPLIT, 0, 4, warehouse="south"),
        Outcome.INVALID_QUANTITY,
        {"A-1@south": held(4, 3)},
        given=SPLIT_HELD,
    ),
    Case(
        "a place that holds nothing of it",
        release(ONE, 0, warehouse="south"),
        Outcome.INVALID_QUANTITY,
        STILL_HELD,
        given=HELD,
    ),
    Case("an unknown place", release(ONE, 0, warehouse="west"), Outcome.UNKNOWN_WAREHOUSE, STILL_HELD, given=HELD),
    Case("no such line", release(ONE, 1), Outcome.INVALID_QUANTITY, STILL_HELD, given=HELD),
    Case("a quantity of no line", release(ONE, -1, 1), Outcome.INVALID_QUANTITY, STILL_HELD, given=HELD),
    Case("nothing", release(ONE, 0, 0), Outcome.INVALID_QUANTITY, STILL_HELD, given=HELD),
    Case("less than nothing", release(ONE, 0, -1), Outcome.INVALID_QUANTITY, STILL_HELD, given=HELD),
    Case("part of a piece", release(ONE, 0, "0.5"), Outcome.INVALID_QUANTITY, STILL_HELD, given=HELD),
    Case(
        "a line of which nothing remains",
        release(TWO[0], 1),
        Outcome.INVALID_QUANTITY,
        {"A-1@north": held(5, 2), "B-2@north": held(3, 0)},
        given=[FIVE, receive("B-2", "north", 3), TWO, release(TWO[0], 1)],
    ),
    Case("released", release(ONE), Outcome.RESERVATION_CLOSED, GIVEN_BACK, given=[*HELD, release(ONE)]),
    Case("released, some", release(ONE, 0, 1), Outcome.RESERVATION_CLOSED, GIVEN_BACK, given=[*HELD, release(ONE)]),
    Case("at its deadline", release(ONE), Outcome.RESERVATION_EXPIRED, GIVEN_BACK, given=HELD, later_ms=TTL_MS),
    Case("unknown", release(ONE), Outcome.UNKNOWN_RESERVATION, given=[FIVE]),
    Case("somebody else's", release(OTHERS, client="shop"), Outcome.UNKNOWN_RESERVATION, given=[FIVE, OTHERS]),
]

FULFIL = [
    Case("all", fulfil(ONE), Outcome.OK, {"A-1@north": held(1, 0)}, given=CONFIRMED),
    Case("some", fulfil(ONE, 0, 1), Outcome.OK, {"A-1@north": held(4, 3)}, given=CONFIRMED),
    Case(
        "one place of a split line",
        fulfil(SPLIT, 0, warehouse="south"),
        Outcome.OK,
        {"A-1@north": held(5, 5), "A-1@south": held(1, 0)},
        given=SPLIT_CONFIRMED,
    ),
    Case(
        "some of one place of a split line",
        fulfil(SPLIT, 0, 2, warehouse="south"),
        Outcome.OK,
        {"A-1@south": held(2, 1)},
        given=SPLIT_CONFIRMED,
    ),
    Case(
        "all of a split line",
        fulfil(SPLIT),
        Outcome.OK,
        {"A-1@north": held(0, 0), "A-1@south": held(1, 0)},
        given=SPLIT_CONFIRMED,
    ),
    Case("not yet confirmed", fulfil(ONE), Outcome.RESERVATION_CLOSED, STILL_HELD, given=HELD),
    Case("more than remains", fulfil(ONE, 0, 5), Outcome.INVALID_QUANTITY, STILL_HELD, given=CONFIRMED),
    Case("no such line", fulfil(ONE, 3), Outcome.INVALID_QUANTITY, STILL_HELD, given=CONFIRMED),
    Case("nothing", fulfil(ONE, 0, 0), Outcome.INVALID_QUANTITY, STILL_HELD, given=CONFIRMED),
    Case("an unknown place", fulfil(ONE, 0, warehouse="west"), Outcome.UNKNOWN_WAREHOUSE, STILL_HELD, given=CONFIRMED),
    Case(
        "an archived place",
        fulfil(ONE, 0, warehouse="south"),
        Outcome.UNKNOWN_WAREHOUSE,
        STILL_HELD,
        given=[*CONFIRMED, archived(define_warehouse("south"))],
    ),
    Case(
        "goods that are not there",
        fulfil(ONE),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": held(3, 4)},
        given=[*CONFIRMED, adjust("A-1", "north", -2)],
    ),
    Case(
        "as many as are there",
        fulfil(ONE, 0, 3),
        Outcome.OK,
        {"A-1@north": held(0, 1)},
        given=[*CONFIRMED, adjust("A-1", "north", -2)],
    ),
    Case(
        "one place short fells the whole row",
        fulfil(SPLIT),
        Outcome.INSUFFICIENT_STOCK,
        {"A-1@north": held(5, 5), "A-1@south": held(2, 3)},
        given=[*SPLIT_CONFIRMED, settled("A-1", "south", 2)],
    ),
    Case("fulfilled", fulfil(ONE), Outcome.RESERVATION_CLOSED, given=[*CONFIRMED, fulfil(ONE)]),
    Case("released", fulfil(ONE), Outcome.RESERVATION_CLOSED, given=[*CONFIRMED, release(ONE)]),
    Case("expired", fulfil(ONE), Outcome.RESERVATION_EXPIRED, given=HELD, later_ms=TTL_MS),
    Case("unknown", fulfil(ONE), Outcome.UNKNOWN_RESERVATION, given=[FIVE]),
    Case("somebody else's", fulfil(OTHERS, client="shop"), Outcome.UNKNOWN_RESERVATION, given=[FIVE, OTHERS]),
]


@pytest.mark.parametrize(**table(CONFIRM))
def test_confirm(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(EXTEND))
def test_extend(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(RELEASE))
def test_release(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(FULFIL))
def test_fulfil(case: Case) -> None:
    check_twice(case)


def test_the_whole_life_in_one_batch() -> None:
    twins = Twins.furnished()
    twins.send(FIVE, ONE, confirm(ONE), fulfil(ONE, 0, 1), release(ONE, 0, 1), fulfil(ONE))
    assert twins.world.state_of(ONE) == ReservationState.FULFILLED
    assert twins.world.stock("A-1", "north") == held(2, 0)


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([release(ONE, 0, 1), release(ONE)], ReservationState.RELEASED),
        ([confirm(ONE), release(ONE)], ReservationState.RELEASED),
        ([confirm(ONE), fulfil(ONE, 0, 1), release(ONE)], ReservationState.FULFILLED),
        ([confirm(ONE), release(ONE, 0, 3), fulfil(ONE)], ReservationState.FULFILLED),
        ([confirm(ONE), fulfil(ONE, 0, 3)], ReservationState.CONFIRMED),
        ([release(ONE, 0, 3)], ReservationState.HELD),
    ],
)
def test_the_state_stays_until_nothing_remains(steps: list[object], state: ReservationState) -> None:
    twins = Twins.furnished()
    twins.send(FIVE, ONE)
    twins.send(steps)  # type: ignore[arg-type]
    assert twins.world.state_of(ONE) == state


def test_confirm_says_how_much_it_confirmed_and_drops_the_deadline() -> None:
    twins = Twins.furnished()
    twins.send(FIVE, ONE, release(ONE, 0, 1))
    (result,) = twins.send(confirm(ONE))
    assert (result.quantity, result.state, result.expires_at_ms) == (3, ReservationState.CONFIRMED, 0)


def test_extend_says_the_later_of_the_two_deadlines() -> None:
    twins = Twins.furnished()
    twins.send(FIVE, ONE)
    start_ms = twins.world.now_ms
    results = twins.send(extend(ONE, 100), extend(ONE, 700), extend(ONE, 600), at_ms=start_ms + 1000)
    assert [r.expires_at_ms - start_ms for r in results] == [600_000, 701_000, 701_000]


def test_a_refused_step_says_the_state_as_it_is() -> None:
    twins = Twins.furnished()
    twins.send(FIVE, ONE)
    assert [r.state for r in twins.send(fulfil(ONE))] == [ReservationState.HELD]
    twins.send(release(ONE))
    assert [r.state for r in twins.send(confirm(ONE), extend(ONE))] == [ReservationState.RELEASED] * 2


def test_another_client_with_the_same_id_has_its_own_reservation() -> None:
    twins = Twins.furnished()
    mine, theirs = reserve("A-1", 1, id="x"), reserve("A-1", 3, id="x", client="market")
    twins.send(FIVE, mine, theirs)
    assert outcomes(twins.send(release(theirs))) == [Outcome.OK]
    assert twins.world.stock("A-1", "north") == held(5, 1)
