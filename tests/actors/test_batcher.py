from collections.abc import Sequence

import numpy as np
import pytest

from actors.batcher import NO_HEAP, NO_QUESTIONS, NO_ROWS, Batcher, Call, Chunk
from actors.settings import Settings
from engine.kinds import Flag
from engine.layout import COMMAND, QUESTION

LATER_MS = 30_000


def chunk(name: str, rows: int = 1, *, give_up_at_ms: int = LATER_MS, group: int = 0) -> Chunk:
    table = np.zeros(rows, COMMAND)
    table["quantity"] = np.arange(rows)
    table["group"] = group
    return Chunk(table, NO_HEAP, NO_QUESTIONS, name, slice(0, rows), give_up_at_ms, 0)


def questions(name: str, count: int) -> Chunk:
    return Chunk(NO_ROWS, NO_HEAP, np.zeros(count, QUESTION), name, slice(0, count), LATER_MS, 0)


def names(chunks: Sequence[Chunk]) -> list[str]:
    return [chunk.owner for chunk in chunks]


def take(batcher: Batcher, now_ms: int = 0) -> Call:
    call = batcher.next_call(now_ms)
    assert call is not None
    return call


def test_while_calls_are_in_flight_the_next_batch_fills() -> None:
    batcher = Batcher(Settings(calls_in_flight_max=2, beside_rows_min=1))
    batcher.add([chunk("a")])
    first = take(batcher)
    batcher.add([chunk("b")])
    take(batcher)
    for name in "cde":
        batcher.add([chunk(name)])
    assert batcher.next_call(0) is None
    assert batcher.waiting_rows == 3
    batcher.finish(first.number)
    assert names(take(batcher).chunks) == ["c", "d", "e"]
    assert batcher.waiting_rows == 0


def test_few_rows_wait_for_the_call_that_is_out_and_many_go_beside_it() -> None:
    batcher = Batcher(Settings(calls_in_flight_max=2, beside_rows_min=10))
    batcher.add([chunk("a")])
    first = take(batcher)
    batcher.add([chunk("b", 9)])
    assert batcher.next_call(0) is None
    batcher.add([chunk("c")])
    assert names(take(batcher).chunks) == ["b", "c"]
    batcher.add([chunk("d")])
    batcher.finish(first.number)
    assert batcher.next_call(0) is None, "the second call is still out"
    batcher.finish(first.number + 1)
    assert names(take(batcher).chunks) == ["d"]


def test_a_batch_keeps_to_its_rows_and_bytes() -> None:
    by_rows = Batcher(Settings(chunk_rows_max=1, batch_rows_max=5))
    for name in "abc":
        by_rows.add([chunk(name, 2)])
    assert names(take(by_rows).chunks) == ["a", "b"]
    by_bytes = Batcher(Settings(batch_bytes_max=3 * COMMAND.itemsize))
    for name in "abc":
        by_bytes.add([chunk(name, 2)])
    assert names(take(by_bytes).chunks) == ["a"]


def test_a_chunk_larger_than_a_batch_goes_alone() -> None:
    batcher = Batcher(Settings(chunk_rows_max=1, batch_rows_max=5))
    batcher.add([chunk("group", 9)])
    batcher.add([chunk("a")])
    assert names(take(batcher).chunks) == ["group"]


def test_chunks_of_one_request_go_one_after_another_and_others_take_turns() -> None:
    batcher = Batcher(Settings(chunk_rows_max=1, batch_rows_max=4, calls_in_flight_max=3))
    batcher.add([chunk(f"big-{i}", 2) for i in range(3)])
    batcher.add([chunk("lone")])
    first = take(batcher)
    assert names(first.chunks) == ["big-0", "lone"], "the lone row does not wait behind the whole array"
    assert batcher.next_call(0) is None, "big-1 may not overtake big-0"
    batcher.finish(first.number)
    assert names(take(batcher).chunks) == ["big-1", "big-2"], "in one call they are in order"


def test_rows_and_questions_ride_in_one_batch_rows_first() -> None:
    batcher = Batcher(Settings())
    for each in (questions("q", 2), chunk("a", 3), questions("r", 1), chunk("b", 1)):
        batcher.add([each])
    call = take(batcher)
    batch = call.batch(epoch_seen=4)
    assert (len(batch.rows), len(batch.questions)) == (4, 3)
    assert batch.rows["quantity"].tolist() == [0, 1, 2, 0]
    assert (batch.epoch_seen, batch.call) == (4, call.number)


def test_groups_of_different_requests_never_become_one() -> None:
    batcher = Batcher(Settings())
    batcher.add([chunk("a", 2, group=1)])
    batcher.add([chunk("b", 2, group=1)])
    group = take(batcher).batch(0).rows["group"].tolist()
    assert group[0] == group[1] != group[2] == group[3]


def test_lost_chunks_come_back_ahead_of_all_others_in_their_order() -> None:
    batcher = Batcher(Settings(chunk_rows_max=1, batch_rows_max=4))
    batcher.add([chunk(f"big-{i}", 2) for i in range(3)])
    batcher.add([chunk("a")])
    call = take(batcher)
    assert names(call.chunks) == ["big-0", "a"]
    batcher.add([chunk("b")])
    batcher.lose(call.number)
    batcher.requeue(batcher.lost.pop().chunks)
    assert names(take(batcher).chunks) == ["big-0", "a", "b"]


def test_what_is_lost_twice_is_still_sent_in_order() -> None:
    batcher = Batcher(Settings(chunk_rows_max=1, batch_rows_max=6))
    batcher.add([chunk(f"big-{i}", 2) for i in range(4)])
    for _ in range(3):
        call = take(batcher)
        assert names(call.chunks) == ["big-0", "big-1", "big-2"]
        batcher.lose(call.number)
        batcher.requeue(batcher.lost.pop().chunks)
    batcher.finish(take(batcher).number)
    assert names(take(batcher).chunks) == ["big-3"]


def test_a_chunk_whose_time_is_over_is_given_up_with_those_behind_it() -> None:
    batcher = Batcher(Settings(chunk_rows_max=1, batch_rows_max=1))
    batcher.add([chunk("late-0", give_up_at_ms=10), chunk("late-1", give_up_at_ms=10)])
    batcher.add([chunk("other-0", give_up_at_ms=20), chunk("other-1")])
    call = take(batcher)
    assert names(call.chunks) == ["late-0"]
    assert batcher.give_up(9) == []
    assert names(batcher.give_up(10)) == ["late-0", "late-1"], "in flight or not"
    assert batcher.first_give_up_ms() == 20
    assert names(batcher.give_up(25)) == ["other-0", "other-1"]
    batcher.finish(call.number)
    assert batcher.next_call(25) is None
    assert batcher.first_give_up_ms() is None


def test_lost_chunks_are_given_up_too() -> None:
    batcher = Batcher(Settings())
    batcher.add([chunk("a", give_up_at_ms=10)])
    batcher.add([chunk("b", give_up_at_ms=99)])
    batcher.lose(take(batcher).number)
    assert names(batcher.give_up(10)) == ["a"]
    batcher.requeue(batcher.lost.pop().chunks)
    assert names(take(batcher).chunks) == ["b"]


def test_a_suspected_batch_goes_alone_and_is_cut_until_one_command_is_left() -> None:
    batcher = Batcher(Settings(calls_in_flight_max=2))
    for name in "abcdefgh":
        batcher.add([chunk(name)])
    kill(batcher)
    batcher.add([chunk("innocent")])
    pile = take(batcher)
    assert names(pile.chunks) == ["a", "b"]
    assert pile.alone
    assert batcher.next_call(0) is None, "nothing goes beside a suspect"
    batcher.finish(pile.number)
    assert names(kill(batcher).chunks) == ["c", "d"]
    assert [names(take_and_finish(batcher)) for _ in range(5)] == [["c"], ["d"], ["e", "f"], ["g", "h"], ["innocent"]]


def take_and_finish(batcher: Batcher) -> list[Chunk]:
    call = take(batcher)
    batcher.finish(call.number)
    return call.chunks


def kill(batcher: Batcher) -> Call:
    """The next call kills the shard."""
    call = take(batcher)
    batcher.lose(call.number)
    batcher.lost.clear()
    batcher.suspect(call.chunks, split=True)
    return call


def test_a_chunk_that_kills_alone_is_cut_between_commands_and_a_single_command_is_marked() -> None:
    """And the commands keep their order."""
    batcher = Batcher(Settings(chunk_rows_max=1, batch_rows_max=8))
    rows = chunk("array", 8)
    sent = rows.rows
    batcher.add([rows, chunk("behind")])
    kill(batcher)
    assert [(each.at, each.rows["quantity"].tolist()) for each in kill(batcher).chunks] == [(slice(0, 2), [0, 1])]
    assert [each.at for each in kill(batcher).chunks] == [slice(0, 1)]
    marked = take_and_finish(batcher)
    assert [(each.at, each.rows["flags"].tolist()) for each in marked] == [(slice(0, 1), [Flag.QUARANTINE])]
    assert [each.at for each in take_and_finish(batcher)] == [slice(1, 2)], "row 1 was innocent"
    assert [(each.at, each.rows["quantity"].tolist()) for each in take_and_finish(batcher)] == [(slice(2, 4), [2, 3])]
    assert [take_and_finish(batcher)[0].at for _ in range(2)] == [slice(4, 6), slice(6, 8)]
    assert not sent["flags"].any(), "the request's own rows are not touched"
    assert names(take_and_finish(batcher)) == ["behind"], "the stream goes on when all its parts are answered"


def test_a_question_that_kills_is_given_up() -> None:
    batcher = Batcher(Settings())
    batcher.add([questions("q", 1)])
    call = take(batcher)
    batcher.lose(call.number)
    assert names(batcher.suspect(call.chunks, split=True)) == ["q"]
    assert batcher.next_call(0) is None


@pytest.mark.parametrize(("count", "wanted"), [(2, [1, 1]), (3, [1, 1, 1]), (5, [1, 1, 1, 2]), (9, [2, 2, 2, 3])])
def test_questions_are_cut_like_rows(count: int, wanted: list[int]) -> None:
    batcher = Batcher(Settings())
    batcher.add([questions("q", count)])
    kill(batcher)
    assert [len(take_and_finish(batcher)[0].questions) for _ in wanted] == wanted
    assert batcher.next_call(0) is None
