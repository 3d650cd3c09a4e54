import numpy as np
import pytest

from actors.journal import JournalCorrupt
from actors.pinned import commands_behind, made_by, resolve
from engine.kinds import QuestionKind, ResultFlag
from engine.layout import ANSWER, COMMAND, LINE, QUESTION, RESULT
from engine.outcomes import Outcome
from engine.record import Record, RecordKind, position_of
from engine.wire import Array


def record(seq: int, rows: int) -> Record:
    results = np.zeros(rows, RESULT)
    results["outcome"], results["quantity"] = Outcome.OK, np.arange(rows) + 100 * seq
    results["lines_at"], results["lines_n"] = np.arange(rows), 1
    lines = np.zeros(rows, LINE)
    lines["quantity"] = results["quantity"]
    return Record(RecordKind.BATCH, 0, 1, seq, 1, 0, rows=np.zeros(rows, COMMAND), results=results, lines=lines)


RECORDS = {seq: record(seq, 3) for seq in (1, 2)}


def read(seq: int) -> Record:
    if seq == 9:
        raise JournalCorrupt(0, 9, "damaged")
    return RECORDS[seq]


def replays(*positions: int) -> Array:
    results = np.zeros(len(positions) + 1, RESULT)
    results["outcome"], results["quantity"] = Outcome.OK, 7
    results["position"][1:] = positions
    results["flags"][1:] = ResultFlag.REPLAYED
    return results


def test_replayed_rows_get_results_and_lines_from_the_records_they_stand_in() -> None:
    results, lines = resolve(replays(position_of(2, 1), position_of(1, 0), position_of(2, 2)), np.zeros(1, LINE), read)
    assert results["quantity"].tolist() == [7, 201, 100, 202]
    assert results["flags"].tolist() == [0] + [ResultFlag.REPLAYED] * 3
    assert [int(lines["quantity"][r["lines_at"]]) for r in results[1:]] == [201, 100, 202]


def test_a_record_that_cannot_be_read_leaves_its_rows_unavailable_and_the_others_answered() -> None:
    results, _ = resolve(replays(position_of(9, 0), position_of(1, 1), position_of(5, 0)), np.empty(0, LINE), read)
    assert results["outcome"].tolist() == [Outcome.OK, Outcome.UNAVAILABLE, Outcome.OK, Outcome.UNAVAILABLE]


def test_nothing_replayed_is_nothing_copied() -> None:
    results = replays()
    assert resolve(results, np.empty(0, LINE), read)[0] is results


@pytest.mark.parametrize(("seq", "outcome"), [(1, Outcome.OK), (9, Outcome.UNAVAILABLE)])
def test_a_command_behind_a_question_is_found_or_unavailable(seq: int, outcome: Outcome) -> None:
    questions, answers = np.zeros(1, QUESTION), np.zeros(1, ANSWER)
    questions["kind"], answers["outcome"], answers["position"] = QuestionKind.COMMAND, Outcome.OK, position_of(seq, 1)
    rows, _, results, lines = commands_behind(questions, answers, read)
    assert answers["outcome"].tolist() == [outcome]
    assert len(rows) == len(results) == len(lines) == (outcome == Outcome.OK)


def test_a_row_that_cannot_be_read_is_shown_without_texts() -> None:
    rows, heap = made_by(np.array([position_of(9, 0), 0], np.uint64), read)
    assert len(rows) == 2
    assert len(heap) == 0
    assert not rows["text_lengths"].any()
