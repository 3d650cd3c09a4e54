"""What is made of the shards' answers to a command over several of them: one answer, as one shard would give it."""

from collections.abc import Callable

import pytest

from actors.spanning import Held
from engine.kinds import Kind, ReservationState, ResultFlag
from engine.layout import NO_LINE
from engine.outcomes import Outcome
from tests.actors.saga_steps import DUE_MS, OLD, Steps, basket, column, held, lines_of, replacing, step_on_old
from tests.actors.shop import Spec, labelled, sell
from tests.actors.test_saga import A, B, C, sku_on

OK, SHORT, FAILED = Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.GROUP_FAILED
LOST, FULL, LATE = Outcome.UNAVAILABLE, Outcome.OVERLOADED, Outcome.TOO_LATE
HELD, CONFIRMED, RELEASED = ReservationState.HELD, ReservationState.CONFIRMED, ReservationState.RELEASED


@pytest.mark.parametrize(
    ("votes", "told"),
    [
        ((OK, OK, OK, OK), [OK] * 4),
        ((OK, SHORT, OK, OK), [FAILED, SHORT, FAILED, FAILED]),
        ((OK, LOST, OK, OK), [LOST] * 4),
        ((FULL, FULL, FULL, FULL), [FULL] * 4),
        ((FULL, FULL, FULL, LOST), [LOST] * 4),
    ],
)
def test_all_rows_of_a_command_are_told_what_became_of_it(votes: tuple[Outcome, ...], told: list[Outcome]) -> None:
    steps = Steps(basket())
    answer = steps.whole(*({"outcome": vote, "quantity": 3, "made_at": 9, "state": HELD} for vote in votes))
    assert column(answer, "outcome") == told
    done = told[0] == OK
    key, home = (int(steps.rows[name][0]) for name in ("reservation", "partition"))
    for name, value in (("reservation", key), ("partition", home), ("state", HELD), ("expires_at_ms", DUE_MS)):
        assert column(answer, name) == [value if done else 0] * 4, name
    assert column(answer, "made_at") == [9 if done else 0] * 4
    assert column(answer, "quantity") == [3 if done else 0] * 4


def test_what_was_given_up_meanwhile_is_too_late_and_is_let_go_everywhere() -> None:
    steps = Steps(basket()).vote().decided(state=RELEASED)
    assert steps.third is not None
    assert not steps.third.rows["flags"].any()
    assert column(steps.answer, "outcome") == [LATE] * 4


def test_a_decision_that_did_not_come_is_carried_out_nowhere() -> None:
    steps = Steps(basket()).vote().decided(outcome=LOST)
    assert steps.third is None
    assert column(steps.answer, "outcome") == [LOST] * 4


@pytest.mark.parametrize("lost", range(3))
def test_a_command_is_done_when_every_part_is_carried_out(lost: int) -> None:
    steps = Steps(basket()).vote().decided()
    steps.applied(*(LOST if at == lost else OK for at in range(3)))
    assert column(steps.answer, "outcome") == [LOST] * 4
    assert column(Steps(basket()).vote().decided().applied(OK, OK, OK).answer, "outcome") == [OK] * 4


def test_a_sale_is_told_without_the_hold_that_it_was() -> None:
    of_a_hold = {"reservation": 5, "partition": 5, "state": HELD, "expires_at_ms": 5, "made_at": 5}
    told = Steps(labelled(sell(A, 1), sell(B, 1))).whole(of_a_hold, of_a_hold)
    assert not any(told[name].any() for name in of_a_hold)


REPLAYED, SAME_BATCH = ResultFlag.REPLAYED, ResultFlag.SAME_BATCH


@pytest.mark.parametrize(
    ("votes", "decision", "told"),
    [
        ([REPLAYED] * 4, REPLAYED, REPLAYED),
        ([REPLAYED, SAME_BATCH, REPLAYED, SAME_BATCH], REPLAYED, REPLAYED),
        ([REPLAYED, REPLAYED, 0, REPLAYED], REPLAYED, 0),
        ([REPLAYED] * 4, 0, 0),
        ([ResultFlag.SPLIT] * 4, ResultFlag.SPLIT, ResultFlag.SPLIT),
        ([REPLAYED | ResultFlag.SPLIT] * 4, REPLAYED, REPLAYED | ResultFlag.SPLIT),
    ],
)
def test_an_answer_is_a_replay_when_all_of_it_was_known_before(votes: list[int], decision: int, told: int) -> None:
    steps = Steps(basket()).vote(*({"flags": flags} for flags in votes)).decided(flags=decision)
    assert column(steps.answer, "flags") == [told] * 4


def settled_votes(*states: tuple[ReservationState, int]) -> list[dict[str, int]]:
    return [{"state": state, "expires_at_ms": due, "quantity": 2} for state, due in states]


@pytest.mark.parametrize(
    ("parts", "votes", "state", "due_ms"),
    [
        ([held(0, HELD, 0), held(1, HELD, 1)], [(HELD, 40), (HELD, 60)], HELD, 60),
        ([held(0, HELD, 0, due_ms=60), held(1, HELD, 1, due_ms=60)], [(RELEASED, 0), (HELD, 60)], HELD, 60),
        ([held(0, HELD, 0), held(1, HELD, 1)], [(RELEASED, 0), (RELEASED, 0)], RELEASED, 0),
        ([held(0, HELD, 0, due_ms=9), held(1, HELD, 1, due_ms=9)], [(CONFIRMED, 9), (CONFIRMED, 9)], CONFIRMED, 0),
        ([held(0, HELD, 0), held(1, HELD, 1), held(2, RELEASED, 2)], [(HELD, 5), (HELD, 5)], HELD, 5),
        ([held(0, HELD, 0), held(1, HELD, 1)], [(HELD, 0), (HELD, 0)], HELD, 0),
    ],
)
def test_a_settled_reservation_is_told_as_a_whole(
    parts: list[Held], votes: list[tuple[ReservationState, int]], state: ReservationState, due_ms: int
) -> None:
    steps = Steps(sell(sku_on(0, 1), 1), step_on_old(Kind.RELEASE), holdings={OLD: parts})
    told = steps.whole({}, *(vote | {"reservation": OLD} for vote in settled_votes(*votes)))[1]
    assert int(told["reservation"]) == OLD
    assert (int(told["state"]), int(told["expires_at_ms"])) == (state, due_ms)
    assert int(told["quantity"]) == 4, "of all shards together"


@pytest.mark.parametrize(
    ("kind", "line", "votes", "state"),
    [
        (Kind.CONFIRM, NO_LINE, [{"outcome": Outcome.RESERVATION_CLOSED}, {"outcome": OK}], HELD),
        (Kind.RELEASE, 1, [{"outcome": Outcome.INVALID_QUANTITY}], HELD),
    ],
)
def test_a_refused_step_tells_in_which_state_the_whole_still_is(
    kind: Kind, line: int, votes: list[dict[str, int]], state: ReservationState
) -> None:
    parts = [held(0, HELD, 0, due_ms=60), held(1, HELD, 1, due_ms=60)]
    steps = Steps(step_on_old(kind, line=line), holdings={OLD: parts})
    told = steps.whole(*(vote | {"state": CONFIRMED, "quantity": 3} for vote in votes))[0]
    assert told["outcome"] == votes[0]["outcome"]
    assert (int(told["state"]), int(told["expires_at_ms"]), int(told["quantity"])) == (state, 60, 0)


def test_the_most_important_refusal_speaks_for_a_row_that_several_shards_refuse() -> None:
    steps = Steps(step_on_old(Kind.CONFIRM), holdings={OLD: [held(shard, HELD, shard) for shard in range(3)]})
    refused = (OK, Outcome.RESERVATION_EXPIRED, Outcome.CONFLICT)
    assert column(steps.whole(*({"outcome": each} for each in refused)), "outcome") == [Outcome.RESERVATION_EXPIRED]


def test_a_refused_replacement_says_what_is_still_held_and_nothing_of_the_new_one() -> None:
    steps = Steps(replacing(), holdings={OLD: [held(0, HELD, 0), held(2, RELEASED, 1)]})
    votes = [{"outcome": OK, "state": RELEASED, "made_at": 3, "reservation": OLD, "quantity": 1}] * 4
    told = steps.whole(votes[0], *({"outcome": SHORT, "made_at": 3, "state": HELD} for _ in range(3)))
    assert column(told, "outcome") == [FAILED, SHORT, SHORT, SHORT]
    assert column(told, "state") == [HELD, 0, 0, 0]
    assert not any(told[name].any() for name in ("reservation", "partition", "expires_at_ms", "made_at", "quantity"))


@pytest.mark.parametrize(
    ("specs", "told"),
    [
        (lambda: step_on_old(Kind.EXTEND), [0, 1, 2, 3, 4]),
        (lambda: step_on_old(Kind.EXTEND) | {"flags": 0}, []),
    ],
)
def test_lines_are_told_in_their_order_from_all_shards_also_of_parts_that_are_closed(
    specs: Callable[[], Spec], told: list[int]
) -> None:
    parts = [held(0, HELD, 8), held(1, HELD, 9), held(2, RELEASED, 2)]
    steps = Steps(specs(), holdings={OLD: parts})
    own = lines_of(4, 0, 3, 1)
    steps.vote({"lines_at": 2, "lines_n": 2}, {"lines_at": 0, "lines_n": 2}, lines=own)
    _, results, lines = steps.decided().round.answered()
    assert column(lines, "line") == told
    assert (int(results["lines_at"][0]), int(results["lines_n"][0])) == (0, len(told))


def test_a_refused_step_shows_the_lines_as_they_were_and_a_refused_hold_none() -> None:
    parts = [held(0, HELD, 1), held(1, HELD, 0)]
    steps = Steps(step_on_old(Kind.CONFIRM), holdings={OLD: parts})
    steps.vote({"outcome": Outcome.CONFLICT, "lines_n": 1}, lines=lines_of(5)).undecided()
    assert column(steps.round.answered()[2], "line") == [0, 1]
    refused = Steps(basket()).vote({"outcome": SHORT}, {"lines_n": 1}, lines=lines_of(5)).undecided()
    assert len(refused.round.answered()[2]) == 0


def test_answers_stand_at_their_rows_and_point_to_their_own_lines() -> None:
    sales = labelled(sell(sku_on(0, 2), 1), sell(sku_on(2, 2), 1))
    step = step_on_old(Kind.EXTEND)
    steps = Steps(sell(C, 1), basket(), sell(sku_on(1, 1), 1), sales, step, holdings={OLD: [held(1, HELD, 0)]})
    votes = [{"quantity": n} for n in range(9)]
    votes[0] |= {"lines_at": 0, "lines_n": 1}
    votes[1] |= {"lines_at": 1, "lines_n": 2}
    votes[5] |= {"lines_at": 3, "lines_n": 1}
    votes[8] |= {"lines_at": 4, "lines_n": 1}
    steps.vote(*votes, lines=lines_of(9, 2, 1, 8, 7)).decided()
    at, results, lines = steps.round.answered()
    assert at.tolist() == steps.round.request_rows == list(range(9))
    pointed = [column(lines[result["lines_at"] :][: result["lines_n"]], "line") for result in results]
    assert pointed == [[9], [1, 2], [], [], [], [8], [], [], [7]]
    assert not results["lines_at"][results["lines_n"] == 0].any()
