"""What was left undecided over shards is found, decided at its home after a while, and carried out where it waits."""

import numpy as np
import pytest

from actors.answers import Answers
from actors.gathering import Answered, no_results
from actors.partitions import PartitionMap
from actors.saga import NEVER_MS, derived_id
from actors.saga_scan import SagaScan, Undecided, question, undecided_in
from actors.settings import Settings
from engine.kinds import Flag, Kind, QuestionKind, ReservationState
from engine.layout import ANSWER, COMMAND, LINE, NO_LINE, NO_WAREHOUSE, RESERVATION_VIEW, SPANS
from engine.outcomes import Outcome
from engine.wire import Array

MAP = PartitionMap.even(4)
OP = (1 << 63) + 5
"""a number that is negative in a row's column"""
HOME = 700 | SPANS
WAIT_MS = 5_000
DAY_MS = 86_400_000
MIDNIGHT = 1_000_000

FIRST = Undecided(0, 41, OP, 41, HOME)
SECOND = Undecided(3, 41, OP, 41, HOME)
REPLACED = Undecided(3, 40, OP, 41, HOME)
OTHER = Undecided(1, 42, 6, 42, 3 | SPANS)
GONE = Undecided(2, 44, 8, 44, 9 | SPANS, settled=True)


@pytest.fixture
def scan() -> SagaScan:
    return SagaScan(Settings(undecided_ms=WAIT_MS), MAP)


def decided(*results: tuple[Outcome, ReservationState, int]) -> Answered:
    rows = no_results(len(results), Outcome.OK)
    for row, (outcome, state, due_ms) in zip(rows, results, strict=True):
        row["outcome"], row["state"], row["expires_at_ms"] = outcome, state, due_ms
    return Answered(rows, np.empty(0, LINE))


def column(rows: Array, name: str) -> list[int]:
    found: list[int] = rows[name].tolist()
    return found


def test_every_shard_is_asked_for_what_is_prepared_there_whoever_sent_it() -> None:
    asked = question(7)
    wanted = {
        "kind": QuestionKind.RESERVATIONS,
        "state": ReservationState.PREPARED,
        "limit": 7,
        "channel": NO_WAREHOUSE,
        "flags": Flag.ADMIN,
    }
    assert len(asked) == 1
    assert {name: int(asked[0][name]) for name in wanted} == wanted


def test_an_answer_tells_of_each_prepared_part_where_its_decision_is_to_be_found() -> None:
    views, rows = np.zeros(4, RESERVATION_VIEW), np.zeros(4, COMMAND)
    views["reservation"] = [41, 43, 40, 44]
    rows["flags"] = [Flag.PREPARE | Flag.WANT_LINES, Flag.WANT_LINES, Flag.PREPARE, Flag.PREPARE | Flag.SETTLED]
    rows["source_key"], rows["expected"], rows["priority"] = OP - (1 << 64), [41, 43, -2, 44], HOME
    answers = Answers(np.zeros(1, ANSWER), reservations=views, reservation_commands=rows, shard=3)
    assert undecided_in(answers) == [
        Undecided(3, 41, OP, 41, HOME),
        Undecided(3, 40, OP, (1 << 64) - 2, HOME),
        Undecided(3, 44, OP, 44, HOME, settled=True),
    ]


def test_nothing_is_done_before_a_part_was_seen_for_as_long_as_a_coordinator_may_take(scan: SagaScan) -> None:
    assert scan.on_found([], MIDNIGHT) is None
    assert scan.on_found([FIRST], MIDNIGHT) is None
    assert scan.on_found([FIRST, OTHER], MIDNIGHT + WAIT_MS - 1) is None
    step = scan.on_found([FIRST, OTHER], MIDNIGHT + WAIT_MS)
    assert step is not None
    assert column(step.rows, "reservation") == [41], "the other was not seen for so long"


def test_a_sale_that_has_happened_is_not_given_up_while_its_till_may_be_away(scan: SagaScan) -> None:
    scan.on_found([GONE], MIDNIGHT)
    assert scan.on_found([GONE], MIDNIGHT + DAY_MS - 1) is None
    step = scan.on_found([GONE], MIDNIGHT + DAY_MS)
    assert step is not None
    assert column(step.rows, "reservation") == [44]


def test_every_part_of_a_command_follows_the_one_that_has_waited_long_enough(scan: SagaScan) -> None:
    part = GONE._replace(shard=1, settled=False)
    scan.on_found([GONE, part], MIDNIGHT)
    assert scan.on_found([GONE, part], MIDNIGHT + WAIT_MS) is not None
    applied = scan.on_decided(decided((Outcome.OK, ReservationState.RELEASED, 0)))
    assert applied is not None
    assert applied.shard_of.tolist() == [2, 1]


def test_what_was_gone_in_between_waits_anew(scan: SagaScan) -> None:
    scan.on_found([FIRST], MIDNIGHT)
    scan.on_found([], MIDNIGHT + WAIT_MS - 1)
    assert scan.on_found([FIRST], MIDNIGHT + WAIT_MS) is None


def test_the_home_is_asked_once_for_each_command_to_give_it_up(scan: SagaScan) -> None:
    found = [FIRST, SECOND, OTHER, REPLACED]
    scan.on_found(found, MIDNIGHT)
    step = scan.on_found(found, MIDNIGHT + WAIT_MS)
    assert step is not None
    rows = step.rows
    assert column(rows, "kind") == [Kind.DECIDE] * 2
    assert column(rows, "flags") == [0, 0]
    assert column(rows, "reservation") == [41, 42]
    assert column(rows, "partition") == [HOME, 3 | SPANS]
    assert column(rows, "source_key") == [OP - (1 << 64), 6]
    assert column(rows, "due_ms") == [0, 0]
    assert column(rows, "not_after_ms") == [NEVER_MS] * 2
    assert column(rows, "line") == [NO_LINE] * 2
    assert [(int(row["id_hi"]), int(row["id_lo"])) for row in rows] == [
        derived_id(OP, 41, b"decide"),
        derived_id(6, 42, b"decide"),
    ]
    assert step.shard_of.tolist() == [MAP.shard_of(HOME), 0]
    assert len(step.heap) == 0


@pytest.mark.parametrize(
    ("answer", "sent", "commit"),
    [
        ((Outcome.OK, ReservationState.HELD, 9_000), True, True),
        ((Outcome.OK, ReservationState.RELEASED, 0), True, False),
        ((Outcome.TOO_LATE, ReservationState.NONE, 0), True, False),
        ((Outcome.UNAVAILABLE, ReservationState.NONE, 0), False, False),
        ((Outcome.OVERLOADED, ReservationState.NONE, 0), False, False),
    ],
)
def test_what_the_home_decided_is_carried_out_on_every_part_that_waits(
    scan: SagaScan, answer: tuple[Outcome, ReservationState, int], sent: bool, commit: bool
) -> None:
    found = [FIRST, OTHER, REPLACED]
    scan.on_found(found, MIDNIGHT)
    scan.on_found(found, MIDNIGHT + WAIT_MS)
    step = scan.on_decided(decided(answer, (Outcome.UNAVAILABLE, ReservationState.NONE, 0)))
    assert (step is not None) is sent
    if step is None:
        return
    rows = step.rows
    assert column(rows, "kind") == [Kind.APPLY] * 2
    assert column(rows, "flags") == [Flag.COMMIT if commit else 0] * 2
    assert column(rows, "reservation") == [41, 40], "each under its own key"
    assert column(rows, "source_key") == [OP - (1 << 64)] * 2
    assert column(rows, "due_ms") == [answer[2]] * 2
    assert [(int(row["id_hi"]), int(row["id_lo"])) for row in rows] == [
        derived_id(OP, 41, b"apply"),
        derived_id(OP, 40, b"apply"),
    ]
    assert step.shard_of.tolist() == [FIRST.shard, REPLACED.shard]
    assert len(step.heap) == 0
