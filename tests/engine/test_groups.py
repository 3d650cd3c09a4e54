"""Lines that are held together: all or nothing, in part, and in place of an older reservation."""

import pytest

from engine.kinds import ReservationState
from engine.outcomes import Outcome
from tests.builders import adjust, confirm, fulfil, labelled, partly, receive, release, replacing, reserve, together
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins, outcomes
from tests.world import Counters

FIVE, SIX = receive("A-1", "north", 5), receive("B-2", "north", 6)


def held(on_hand: int, reserved: int) -> Counters:
    return Counters(on_hand=on_hand, reserved=reserved)


NOTHING_HELD = {"A-1@north": held(5, 0), "B-2@north": held(6, 0)}

WHOLE = [
    Case(
        "all lines of one command",
        together(reserve("A-1", 5, "north"), reserve("B-2", 6, "north")),
        Outcome.OK,
        {"A-1@north": held(5, 5), "B-2@north": held(6, 6)},
        given=[FIVE, SIX],
    ),
    Case(
        "all lines of one label",
        labelled("basket", reserve("A-1", 5, "north"), reserve("B-2", 6)),
        Outcome.OK,
        {"A-1@north": held(5, 5), "B-2@north": held(6, 6)},
        given=[FIVE, SIX],
    ),
    Case(
        "or none",
        together(reserve("A-1", 5, "north"), reserve("B-2", 7, "north")),
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK],
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "every short line is reported",
        together(reserve("A-1", 6), reserve("B-2", 1), reserve("B-2", 7, "north"), reserve("A-1", 9, "south")),
        [Outcome.INSUFFICIENT_STOCK, Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK, Outcome.INSUFFICIENT_STOCK],
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "several lines of one SKU never over-reserve",
        together(reserve("A-1", 2, "north"), reserve("A-1", 2), reserve("A-1", 2)),
        [Outcome.GROUP_FAILED, Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK],
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "two lines of one cell",
        together(reserve("A-1", 2, "north"), reserve("A-1", 3, "north")),
        Outcome.OK,
        {"A-1@north": held(5, 5)},
        given=[FIVE],
    ),
    Case(
        "a bad line fells the good ones",
        labelled("basket", reserve("A-1", 1, "north"), reserve("C-3", 1), reserve("A-1", 0), reserve("A-1", 1, "west")),
        [Outcome.GROUP_FAILED, Outcome.UNKNOWN_SKU, Outcome.INVALID_QUANTITY, Outcome.UNKNOWN_WAREHOUSE],
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "one channel",
        labelled("basket", reserve("A-1", 1, "north"), reserve("B-2", 1, "north", "till")),
        Outcome.CONFLICT,
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "one ttl",
        labelled("basket", reserve("A-1", 1, "north"), reserve("B-2", 1, "north", ttl_s=1)),
        Outcome.CONFLICT,
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "all in part or none",
        labelled("basket", partly("A-1", 1, "north"), reserve("B-2", 1, "north")),
        Outcome.CONFLICT,
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "two labels side by side are two groups",
        [
            *labelled("one", reserve("A-1", 5, "north"), reserve("B-2", 7, "north")),
            *labelled("two", reserve("A-1", 4, "north"), reserve("B-2", 6, "north")),
        ],
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK, Outcome.OK, Outcome.OK],
        {"A-1@north": held(5, 4), "B-2@north": held(6, 6)},
        given=[FIVE, SIX],
    ),
]

PARTIAL = [
    Case(
        "each line gets what there is",
        together(partly("A-1", 9), partly("B-2", 4)),
        Outcome.OK,
        {"A-1@north": held(5, 5), "B-2@north": held(6, 4)},
        given=[FIVE, SIX],
    ),
    Case(
        "a line without anything does not fell the others",
        together(partly("A-1", 9, "south"), partly("B-2", 4), partly("B-2", 4), partly("B-2", 4)),
        [Outcome.INSUFFICIENT_STOCK, Outcome.OK, Outcome.OK, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": held(5, 0), "B-2@north": held(6, 6)},
        given=[FIVE, SIX],
    ),
    Case(
        "nothing for anybody",
        together(partly("A-1", 9, "south"), partly("B-2", 4, "south")),
        Outcome.INSUFFICIENT_STOCK,
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
    Case(
        "another failure fells it as usual",
        labelled("basket", partly("A-1", 9), partly("A-1", 9, "south"), partly("C-3", 1)),
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK, Outcome.UNKNOWN_SKU],
        NOTHING_HELD,
        given=[FIVE, SIX],
    ),
]

OLD = reserve("A-1", 4, "north")
OTHERS = reserve("A-1", 4, "north", client="market")
REPLACE = [
    Case(
        "the old units serve the new lines",
        replacing(OLD, reserve("A-1", 5, "north")),
        Outcome.OK,
        {"A-1@north": held(5, 5)},
        given=[FIVE, OLD],
    ),
    Case(
        "by another SKU",
        replacing(OLD, reserve("B-2", 5), reserve("A-1", 1)),
        Outcome.OK,
        {"A-1@north": held(5, 1), "B-2@north": held(6, 5)},
        given=[FIVE, SIX, OLD],
    ),
    Case(
        "refused, the old one is kept",
        replacing(OLD, reserve("A-1", 5), reserve("B-2", 7)),
        [Outcome.GROUP_FAILED, Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": held(5, 4), "B-2@north": held(6, 0)},
        given=[FIVE, SIX, OLD],
    ),
    Case(
        "in part of nothing, the old one is kept",
        replacing(OLD, partly("B-2", 5)),
        [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": held(5, 4)},
        given=[FIVE, OLD],
    ),
    Case(
        "a confirmed one",
        replacing(OLD, partly("A-1", 9)),
        Outcome.OK,
        {"A-1@north": held(5, 5)},
        given=[FIVE, OLD, confirm(OLD)],
    ),
    Case(
        "one that is closed",
        replacing(OLD, reserve("A-1", 1)),
        [Outcome.RESERVATION_CLOSED, Outcome.GROUP_FAILED],
        {"A-1@north": held(5, 0)},
        given=[FIVE, OLD, release(OLD)],
    ),
    Case(
        "one that is expired",
        replacing(OLD, reserve("A-1", 1)),
        [Outcome.RESERVATION_EXPIRED, Outcome.GROUP_FAILED],
        {"A-1@north": held(5, 0)},
        given=[FIVE, OLD],
        later_ms=600_000,
    ),
    Case(
        "one that is not known",
        replacing(OLD, reserve("A-1", 6)),
        [Outcome.UNKNOWN_RESERVATION, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": held(5, 0)},
        given=[FIVE],
    ),
    Case(
        "somebody else's",
        together(release(OTHERS, client="shop", flags=replacing(OTHERS)[0].flags), reserve("A-1", 1)),
        [Outcome.UNKNOWN_RESERVATION, Outcome.GROUP_FAILED],
        {"A-1@north": held(5, 4)},
        given=[FIVE, OTHERS],
    ),
]


@pytest.mark.parametrize(**table(WHOLE))
def test_groups_stand_or_fall_together(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(PARTIAL))
def test_groups_in_part(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(REPLACE))
def test_replacing_a_reservation(case: Case) -> None:
    check_twice(case)


def test_all_lines_of_a_group_are_one_reservation() -> None:
    twins = Twins.furnished()
    twins.send(FIVE, SIX)
    rows = labelled("basket", reserve("A-1", 2), reserve("B-2", 3, "north"))
    results = twins.send(rows)
    assert {r.hold for r in results} == {("shop", rows[0].id)}
    assert {(e.line, e.sku, e.quantity) for e in results[0].lines} == {(0, "A-1", 2), (1, "B-2", 3)}
    assert outcomes(twins.send(release(rows[0]))) == [Outcome.OK]
    assert twins.world.stock("A-1", "north") == Counters(on_hand=5)


def test_a_line_that_got_nothing_stays_in_the_answer() -> None:
    twins = Twins.furnished()
    twins.send(FIVE)
    rows = together(partly("A-1", 2), partly("B-2", 3, "north"))
    results = twins.send(rows)
    assert sorted((e.line, e.warehouse, e.quantity, e.outcome) for e in results[0].lines) == [
        (0, "north", 2, Outcome.OK),
        (1, "", 0, Outcome.INSUFFICIENT_STOCK),
    ]
    assert [r.hold for r in results] == [("shop", rows[0].id)] * 2


def test_the_replaced_reservation_is_released_and_its_lines_say_so() -> None:
    twins = Twins.furnished()
    twins.send(FIVE)
    twins.send(OLD)
    rows = replacing(OLD, reserve("A-1", 3))
    twins.send(rows)
    assert twins.world.state_of(OLD) == ReservationState.RELEASED
    assert twins.world.state_of(rows[0]) == ReservationState.HELD


def test_several_release_rows_of_one_command_stand_or_fall_together() -> None:
    twins = Twins.furnished()
    twins.send(FIVE, SIX)
    rows = together(reserve("A-1", 5), reserve("B-2", 6))
    twins.send(rows)
    too_much = together(release(rows[0], 0, 2), release(rows[0], 1, 7), release(rows[0], 0, 1))
    assert outcomes(twins.send(too_much)) == [Outcome.GROUP_FAILED, Outcome.INVALID_QUANTITY, Outcome.GROUP_FAILED]
    assert twins.world.stock("A-1", "north") == held(5, 5)
    good = together(release(rows[0], 0, 2), release(rows[0], 1, 6), release(rows[0], 0, 3))
    assert [r.state.text for r in twins.send(good)] == ["released"] * 3


def test_rows_of_one_command_cannot_take_the_same_units_twice() -> None:
    twins = Twins.furnished()
    twins.send(FIVE)
    twins.send(one := reserve("A-1", 5))
    twins.send(confirm(one))
    twice = together(fulfil(one, 0, 3), fulfil(one, 0, 3))
    assert outcomes(twins.send(twice)) == [Outcome.GROUP_FAILED, Outcome.INVALID_QUANTITY]
    twins.send(adjust("A-1", "north", -1))
    short = together(fulfil(one, 0, 3), fulfil(one, 0, 2))
    assert outcomes(twins.send(short)) == [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK]
    assert twins.world.stock("A-1", "north") == held(4, 5)
