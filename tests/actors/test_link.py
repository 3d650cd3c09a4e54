from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from actors.batcher import NO_HEAP, NO_QUESTIONS, NO_ROWS, Chunk
from actors.link import AskHow, Delivered, Effect, GivenUp, Link, Send
from actors.metrics import ClientMetrics
from actors.settings import Settings
from actors.transport import ShardStatus
from engine.kinds import Flag
from engine.layout import ANSWER, COMMAND, QUESTION, RESULT
from engine.outcomes import Outcome
from engine.wire import Batch, Reply, ShardState

LATER_MS = 30_000
SETTINGS = Settings(call_timeout_ms=5_000, probe_timeout_ms=1_000, backoff_first_ms=10, backoff_max_ms=1_000)


class Bench:
    """A link, and a shard that does what the test says."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.metrics = ClientMetrics()
        self.link = Link(settings, self.metrics, jitter=lambda: 1.0, first_call=100)
        self.epoch = 1

    def send(self, *chunks: Chunk, now_ms: int = 0) -> list[Batch]:
        for chunk in chunks:
            self.link.add([chunk])
        return sent(self.link.pump(now_ms))

    def answer(self, batch: Batch, now_ms: int = 0, **fields: Any) -> list[Effect]:
        return self.link.on_reply(batch.call, self.reply(batch, **fields), now_ms)

    def reply(self, batch: Batch, *, epoch: int | None = None, state: ShardState = ShardState.READY) -> Reply:
        results = np.zeros(len(batch.rows), RESULT)
        results["outcome"] = Outcome.OK
        results["quantity"] = batch.rows["quantity"]
        return Reply(state, epoch or self.epoch, 1, results, answers=np.zeros(len(batch.questions), ANSWER))

    def status(self, state: ShardState = ShardState.READY, **fields: Any) -> ShardStatus:
        fields.setdefault("epoch", self.epoch)
        return ShardStatus(shard=0, state=state, **fields)


def chunk(name: str, rows: int = 1, give_up_at_ms: int = LATER_MS) -> Chunk:
    table = np.zeros(rows, COMMAND)
    table["quantity"] = np.arange(rows)
    return Chunk(table, NO_HEAP, NO_QUESTIONS, name, slice(0, rows), give_up_at_ms, 0)


def question(name: str) -> Chunk:
    return Chunk(NO_ROWS, NO_HEAP, np.zeros(1, QUESTION), name, slice(0, 1), LATER_MS, 0)


def sent(effects: Sequence[Effect]) -> list[Batch]:
    return [effect.batch for effect in effects if isinstance(effect, Send)]


def delivered(effects: Sequence[Effect]) -> list[str]:
    return [effect.chunk.owner for effect in effects if isinstance(effect, Delivered)]


def given_up(effects: Sequence[Effect]) -> list[str]:
    return [effect.chunk.owner for effect in effects if isinstance(effect, GivenUp)]


def asks(effects: Sequence[Effect]) -> bool:
    return any(isinstance(effect, AskHow) for effect in effects)


def test_each_chunk_is_given_its_own_part_of_the_reply() -> None:
    bench = Bench()
    bench.link.add([chunk("a", 2)])
    bench.link.add([question("q")])
    (batch,) = bench.send(chunk("b", 3))
    effects = bench.answer(batch)
    assert delivered(effects) == ["a", "q", "b"]
    places = [(each.row, each.question) for each in effects if isinstance(each, Delivered)]
    assert places == [(0, 0), (2, 0), (2, 1)]


def test_after_a_lost_call_nothing_is_sent_until_the_probe_answers_and_then_the_same_rows() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a", 2))
    assert asks(bench.link.on_lost(batch.call, 10)), "at once: it may have been replaced already"
    assert bench.send(chunk("b"), now_ms=11) == []
    again = sent(bench.link.on_probe(bench.status(epoch=2), 20))
    assert [len(each.rows) for each in again] == [3]
    assert again[0].epoch_seen == 2
    assert again[0].call != batch.call
    bench.epoch = 2
    assert delivered(bench.answer(again[0])) == ["a", "b"]


def test_a_call_that_takes_too_long_is_given_up_and_its_late_reply_ignored() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a"))
    assert bench.link.wake_at_ms() == 5_000
    assert bench.link.on_time(4_999) == []
    assert asks(bench.link.on_time(5_000))
    assert bench.metrics.calls_timed_out == 1
    assert bench.answer(batch, 5_001) == []
    (again,) = sent(bench.link.on_probe(bench.status(), 5_002))
    assert delivered(bench.answer(again)) == ["a"]


def test_a_probe_that_fails_is_repeated_after_a_growing_pause() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a"))
    bench.link.on_lost(batch.call, 0)
    now_ms, pauses = 0, []
    for _ in range(9):
        assert bench.link.on_probe(None, now_ms) == []
        wake_at_ms = bench.link.wake_at_ms()
        assert wake_at_ms is not None
        pauses.append(wake_at_ms - now_ms)
        now_ms = wake_at_ms
        assert asks(bench.link.on_time(now_ms))
    assert pauses == [40, 80, 160, 320, 640, 1_000, 1_000, 1_000, 1_000]
    assert bench.link.state == ShardState.AWAY


def test_a_probe_without_an_answer_is_given_up_in_time() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a"))
    bench.link.on_lost(batch.call, 0)
    assert bench.link.wake_at_ms() == 1_000
    assert not asks(bench.link.on_time(1_000))
    assert asks(bench.link.on_time(1_040))


@pytest.mark.parametrize("state", [ShardState.STARTING, ShardState.AWAY])
def test_a_shard_that_is_starting_is_waited_for(state: ShardState) -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a"))
    assert asks(bench.link.on_reply(batch.call, Reply(state, 0, 0), 1))
    assert sent(bench.link.on_probe(bench.status(state), 2)) == []
    assert asks(bench.link.on_time(200))
    assert len(sent(bench.link.on_probe(bench.status(), 201))) == 1


def test_a_shard_that_answers_its_probe_but_is_stuck_in_a_batch_is_left_alone() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a"))
    bench.link.on_lost(batch.call, 0)
    assert sent(bench.link.on_probe(bench.status(busy_ms=6_000), 1)) == []


def test_a_reply_of_a_lower_epoch_is_dropped_and_the_rows_are_sent_again() -> None:
    bench = Bench(Settings(beside_rows_min=1))
    first, second = bench.send(chunk("a")) + bench.send(chunk("b"))
    bench.answer(first, epoch=5)
    effects = bench.answer(second, epoch=4)
    assert delivered(effects) == []
    assert asks(effects)
    assert bench.metrics.stale_replies == 1
    assert bench.link.on_probe(bench.status(epoch=4), 1) == [], "the old one's probe is not believed either"
    assert bench.link.suspended
    bench.link.on_time(1_000)
    (again,) = sent(bench.link.on_probe(bench.status(epoch=5), 1_001))
    assert delivered(bench.answer(again, epoch=5)) == ["b"]


def test_read_only_rows_are_answered_as_they_are_and_not_sent_again() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a"))
    assert delivered(bench.answer(batch, state=ShardState.READ_ONLY)) == ["a"]
    assert bench.link.state == ShardState.READ_ONLY
    assert len(bench.send(chunk("b"))) == 1


def test_a_reply_that_does_not_fit_its_batch_is_as_good_as_none() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a", 2))
    short = bench.reply(Batch(batch.rows[:1], call=batch.call))
    assert asks(bench.link.on_reply(batch.call, short, 0))
    assert bench.metrics.malformed_replies == 1


def test_rows_that_find_no_answer_in_time_are_given_up() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a", give_up_at_ms=2_000), chunk("b", give_up_at_ms=3_000))
    bench.link.on_lost(batch.call, 0)
    bench.link.on_probe(None, 1)
    assert given_up(bench.link.on_time(1_999)) == []
    assert given_up(bench.link.on_time(2_000)) == ["a"]
    bench.link.on_probe(None, 2_001)
    assert given_up(bench.link.on_time(3_000)) == ["b"]
    assert sent(bench.link.on_probe(bench.status(), 3_001)) == []


def test_a_row_given_up_while_its_call_is_out_is_not_answered_twice() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a", give_up_at_ms=100), chunk("b"))
    assert given_up(bench.link.on_time(100)) == ["a"]
    assert delivered(bench.answer(batch, 200)) == ["b"]


def test_after_a_loss_one_call_goes_ahead_before_there_are_two_again() -> None:
    bench = Bench(Settings(chunk_rows_max=1, batch_rows_max=1, beside_rows_min=1))
    first, _ = bench.send(*(chunk(name) for name in "abcd"))
    bench.link.on_lost(first.call, 0)
    (second,) = bench.link.batcher.calls
    bench.link.on_lost(second, 0)
    (only,) = sent(bench.link.on_probe(bench.status(), 1))
    assert len(sent(bench.answer(only))) == 2


def test_a_row_that_kills_its_shard_is_found_and_the_others_are_answered() -> None:
    """1,000 commands, one of them deadly: every death is told by the successor's note."""
    bench = Bench()
    poison = 617
    calls = bench.send(*(chunk(str(i), give_up_at_ms=900_000) for i in range(1_000)))
    answered: list[str] = []
    deaths = 0
    now_ms = 0
    for _ in range(200):
        if not calls:
            break
        call = calls.pop(0)
        names = [each.owner for each in bench.link.batcher.calls[call.call].chunks]
        deadly = str(poison) in names and not (call.rows["flags"] & Flag.QUARANTINE).any()
        now_ms += 2_000
        if deadly:
            deaths += 1
            bench.epoch += 1
            bench.link.on_lost(call.call, now_ms)
            bench.link.on_time(now_ms + 1_000)
            calls += sent(bench.link.on_probe(bench.status(died_deciding=[call.call]), now_ms + 1_001))
        else:
            effects = bench.answer(call, now_ms)
            answered += delivered(effects)
            calls += sent(effects)
    assert sorted(answered, key=int) == [str(i) for i in range(1_000)]
    assert deaths <= 7, "two deaths, then quarters of 1,000"


def test_rows_that_were_only_aboard_are_not_suspected() -> None:
    bench = Bench()
    (batch,) = bench.send(chunk("a"), chunk("b"))
    for death in range(5):
        bench.epoch += 1
        bench.link.on_lost(batch.call, death * 5_000)
        bench.link.on_time(death * 5_000 + 3_000)
        (batch,) = sent(bench.link.on_probe(bench.status(died_deciding=[77]), death * 5_000 + 3_001))
        assert len(batch.rows) == 2, "it died on somebody else's batch"
