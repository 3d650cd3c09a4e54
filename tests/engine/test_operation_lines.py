"""Operations on reservations of several lines, seen from one shard: each step leaves alone what it is not about."""

import numpy as np
import pytest

from engine.kinds import Flag, Kind, MovementFlag, QuestionKind, ReservationState
from engine.layout import NO_WAREHOUSE, QUESTION
from engine.outcomes import Outcome
from engine.record import seq_and_row
from engine.shard import Answers, Decision
from tests.engine.test_operations import APPLE, DUE_MS, TTL_S, Voter

OK, SHORT = Outcome.OK, Outcome.INSUFFICIENT_STOCK
HELD, CONFIRMED = ReservationState.HELD, ReservationState.CONFIRMED
FULFILLED, RELEASED = ReservationState.FULFILLED, ReservationState.RELEASED
OPERATION = 9


@pytest.fixture
def voter() -> Voter:
    return Voter()


def hold_lines(voter: Voter, *quantities: int, flags: int = 0, **more: int) -> Decision:
    """One reservation, a line for each quantity."""
    row = {"kind": Kind.RESERVE, "sku_key": APPLE, "ttl_s": TTL_S, "group": 1} | more
    rows = [row | {"quantity": n * 1000, "line": at, "flags": flags} for at, n in enumerate(quantities)]
    for later in rows[1:]:
        later["flags"] |= Flag.CONTINUES
    return voter.send(*rows)


def key_of(decision: Decision) -> int:
    return int(decision.results["reservation"][0])


def prepare(voter: Voter, kind: Kind, key: int, **more: int) -> Decision:
    flags = Flag.PREPARE | Flag.WANT_LINES | more.pop("flags", 0)
    return voter.send({"kind": kind, "reservation": key, "source_key": OPERATION, "flags": flags} | more)


def moved(decision: Decision) -> list[tuple[int, int, int]]:
    return [(int(m["kind"]), int(m["line"]), int(m["quantity"])) for m in decision.movements]


def told(decision: Decision) -> tuple[int, int]:
    """(state, deadline)"""
    return int(decision.results["state"][0]), int(decision.results["expires_at_ms"][0])


def seen(voter: Voter, key: int) -> Answers:
    question = np.zeros(1, QUESTION)
    question["kind"], question["key"] = QuestionKind.RESERVATION, key
    question["channel"], question["flags"] = NO_WAREHOUSE, Flag.ADMIN
    return voter.shard.answer(question)


@pytest.mark.parametrize(("commit", "state", "due_ms"), [(True, HELD, DUE_MS), (False, RELEASED, 0)])
def test_a_hold_that_is_carried_out_or_dropped_is_told_as_what_it_is_now(
    voter: Voter, commit: bool, state: ReservationState, due_ms: int
) -> None:
    key = key_of(hold_lines(voter, 2, 3, flags=Flag.PREPARE, source_key=OPERATION))
    applied = voter.apply(key, OPERATION, commit=commit)
    assert told(applied) == (state, due_ms)
    assert key_of(applied) == key
    assert len(applied.movements) == 2
    assert (applied.movements["flags"] == (0 if commit else MovementFlag.HIDDEN)).all()
    assert {seq_and_row(int(at)) for at in applied.movements["prepared_at"]} == {(3, 0)}
    assert len(seen(voter, key).reservations) == int(commit)
    again = voter.apply(key, 8, commit=True)
    assert told(again) == ((HELD, DUE_MS) if commit else (0, 0)), "what comes again is told how it stands"


@pytest.mark.parametrize(("commit", "state"), [(True, FULFILLED), (False, RELEASED)])
def test_a_prepared_sale_is_told_as_sold_or_as_let_go_and_its_place_is_used_again(
    voter: Voter, commit: bool, state: ReservationState
) -> None:
    for key in (4241, 4242, 4243):
        sale = {"kind": Kind.SELL, "sku_key": APPLE, "warehouse": 0, "quantity": 3_000, "reservation": key}
        vote = voter.send(sale | {"source_key": OPERATION, "flags": Flag.PREPARE})
        assert int(vote.results["state"][0]) == HELD
        applied = voter.apply(key, OPERATION, commit=commit)
        assert told(applied) == (state, 0)
        assert not len(seen(voter, key).reservations)
        assert not len(voter.noted())
    assert (voter.shard.counts["reservations"], voter.shard.counts["lines"]) == (1, 1)


def test_a_hold_of_which_only_a_later_line_got_something_is_held(voter: Voter) -> None:
    flags = Flag.PREPARE | Flag.PARTIAL
    voter.send({"kind": Kind.SELL, "sku_key": APPLE, "warehouse": 0, "quantity": 4_000})
    voter.send({"kind": Kind.DEFINE_SKU, "sku_key": APPLE + 1})
    rows = [
        {"kind": Kind.RESERVE, "sku_key": sku, "ttl_s": TTL_S, "group": 1, "quantity": 5_000, "line": at,
         "flags": flags | more, "source_key": OPERATION}
        for at, (sku, more) in enumerate(((APPLE + 1, 0), (APPLE, Flag.CONTINUES)))
    ]  # fmt: skip
    vote = voter.send(*rows)
    assert sorted(vote.results["outcome"].tolist()) == [SHORT, OK]
    applied = voter.apply(key_of(vote), OPERATION, commit=True)
    assert told(applied) == (HELD, DUE_MS)
    assert moved(applied) == [(Kind.RESERVE, 1, 5)]
    assert voter.counters == (6, 5)


def test_only_the_pinned_line_moves(voter: Voter) -> None:
    key = key_of(hold_lines(voter, 2, 3))
    due_ms = voter.shard.next_due_ms()
    vote = prepare(voter, Kind.RELEASE, key, line=1)
    assert told(vote) == (HELD, due_ms)
    applied = voter.apply(key, OPERATION, commit=True)
    assert moved(applied) == [(Kind.RELEASE, 1, -3)]
    assert told(applied) == (HELD, due_ms)


@pytest.mark.parametrize(("kind", "quantity"), [(Kind.CONFIRM, 2), (Kind.EXTEND, 0)])
def test_a_line_of_which_nothing_remains_is_not_moved_again(voter: Voter, kind: Kind, quantity: int) -> None:
    key = key_of(hold_lines(voter, 3, 2))
    voter.send({"kind": Kind.RELEASE, "reservation": key, "line": 0})
    prepare(voter, kind, key, ttl_s=5)
    applied = voter.apply(key, OPERATION, commit=True)
    assert moved(applied) == [(kind, 1, quantity)]
    due_ms = DUE_MS if kind == Kind.EXTEND else 0
    assert applied.movements["value"].tolist() == [due_ms]
    assert told(applied) == (CONFIRMED if kind == Kind.CONFIRM else HELD, due_ms)


@pytest.mark.parametrize("line", [0, 1])
def test_what_a_dropped_step_pinned_may_be_taken_by_the_next_one(voter: Voter, line: int) -> None:
    key = key_of(hold_lines(voter, 2, 3))
    prepare(voter, Kind.RELEASE, key, line=line)
    dropped = voter.apply(key, OPERATION, commit=False)
    assert not len(dropped.movements)
    assert int(voter.send({"kind": Kind.RELEASE, "reservation": key}).results["quantity"][0]) == 5
    assert voter.counters == (10, 0)


@pytest.mark.parametrize(
    ("kind", "confirmed", "votes"),
    [
        (Kind.RELEASE, False, [(HELD, True), (HELD, True), (RELEASED, False)]),
        (Kind.RELEASE, True, [(CONFIRMED, False), (CONFIRMED, False), (RELEASED, False)]),
        (Kind.FULFIL, True, [(CONFIRMED, False), (CONFIRMED, False), (FULFILLED, False)]),
    ],
)
def test_a_vote_says_how_it_will_be_when_it_is_carried_out(
    voter: Voter, kind: Kind, confirmed: bool, votes: list[tuple[ReservationState, bool]]
) -> None:
    key = key_of(hold_lines(voter, 1, 1, 1))
    due_ms = voter.shard.next_due_ms()
    if confirmed:
        voter.send({"kind": Kind.CONFIRM, "reservation": key})
    for line, (state, keeps) in enumerate(votes):
        vote = prepare(voter, kind, key, line=line)
        assert told(vote) == (state, due_ms if keeps else 0)
        assert told(voter.apply(key, OPERATION, commit=True)) == told(vote)


def test_what_was_fulfilled_in_part_ends_as_fulfilled_also_when_the_rest_is_released(voter: Voter) -> None:
    key = key_of(hold_lines(voter, 1, 1))
    voter.send({"kind": Kind.CONFIRM, "reservation": key})
    voter.send({"kind": Kind.FULFIL, "reservation": key, "line": 0})
    assert told(prepare(voter, Kind.RELEASE, key)) == (FULFILLED, 0)
    assert told(voter.apply(key, OPERATION, commit=True)) == (FULFILLED, 0)


def test_places_of_operations_are_used_again_and_nothing_is_noted_twice(voter: Voter) -> None:
    key = voter.hold(1)
    for number in range(1, 10):  # there is room for four
        step = {"kind": Kind.EXTEND, "reservation": key, "ttl_s": 5, "source_key": number, "flags": Flag.PREPARE}
        assert voter.send(step).results["outcome"][0] == OK
        assert voter.noted()["reservation"].tolist() == [key]
        voter.apply(key, number, commit=number % 2 == 0)
        assert not len(voter.noted())
    assert seen(voter, key).reservations["state"].tolist() == [HELD]


def test_an_extension_never_brings_a_deadline_nearer(voter: Voter) -> None:
    key = voter.hold(ttl_s=1_000)
    later_ms = voter.shard.next_due_ms()
    assert later_ms > DUE_MS
    prepare(voter, Kind.EXTEND, key, ttl_s=5)
    assert told(voter.apply(key, OPERATION, commit=True)) == (HELD, later_ms)
    assert voter.shard.next_due_ms() == later_ms


@pytest.mark.parametrize(("flags", "state"), [(Flag.COMMIT, HELD), (Flag(0), RELEASED)])
def test_a_decision_is_told_with_what_it_is_about(voter: Voter, flags: Flag, state: ReservationState) -> None:
    decide = {"kind": Kind.DECIDE, "reservation": 4242, "partition": 77, "due_ms": DUE_MS, "flags": flags}
    decision = voter.send(decide)
    assert (key_of(decision), int(decision.results["partition"][0])) == (4242, 77)
    assert told(decision) == (state, DUE_MS)
    assert not len(decision.movements)


@pytest.mark.parametrize(
    ("kind", "operation", "wanted", "outcome"),
    [
        (Kind.RELEASE, 7, 9, OK),
        (Kind.RELEASE, 7, 10, SHORT),
        (Kind.RELEASE, 8, 4, SHORT),
        (Kind.EXTEND, 7, 4, SHORT),
        (None, 7, 4, SHORT),
        (None, 7, 3, OK),
    ],
)
def test_only_a_release_under_the_same_decision_lends_its_units_to_what_takes_its_place(
    voter: Voter, kind: Kind | None, operation: int, wanted: int, outcome: Outcome
) -> None:
    other = voter.hold(1)
    old = voter.hold(6)
    if kind is not None:
        voter.send({"kind": kind, "reservation": old, "ttl_s": 5, "source_key": operation, "flags": Flag.PREPARE})
    row = {
        "kind": Kind.RESERVE,
        "sku_key": APPLE,
        "ttl_s": TTL_S,
        "line": 0,
        "source_key": 7,
        "quantity": wanted * 1000,
    }
    vote = voter.send(row | {"flags": Flag.PREPARE, "due_ms": old - (1 << 64) if old >> 63 else old})
    assert vote.results["outcome"][0] == outcome
    assert voter.counters == (10, 7 + wanted if outcome == OK else 7)
    assert told(voter.apply(other, 7, commit=True))[0] == HELD, "nothing was prepared on it"
