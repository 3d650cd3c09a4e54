"""The rounds of a request over shards: what is asked before each, what may follow what, what the caller is told."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from actors.answers import Answers, unanswered
from actors.gathering import Answered
from actors.over_shards import Entry, OverShards
from actors.routing import shard_of_row, units_of
from actors.saga import Step
from engine.ids import finish_rows
from engine.kinds import Flag, Kind, QuestionKind, ReservationState
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.wire import Array
from tests.actors.fake_shard import total
from tests.actors.shop import CLIENT, SECRET, Spec, encode, labelled, receive, reserve, sell, settle, together
from tests.actors.test_saga import MAP, SETTINGS, A, B, C, World, basket, outcomes, sku_on
from tests.actors.test_saga_engine import SKUS, Both

OK, LOST = Outcome.OK, Outcome.UNAVAILABLE


class Watched:
    """A world whose coordinator's ways out are written down, and may be spoiled."""

    def __init__(self) -> None:
        self.world = World()
        self.asked: list[Array] = []
        self.entries: list[Entry] = []
        self.retry_after_ms = iter([0] * 100)
        self.spoil: Callable[[Answers, Array], Answers] = lambda answers, questions: answers
        self.coordinator = OverShards(SETTINGS, MAP, self._decide, self._ask_all, lambda: self.world.now_ms)

    async def _decide(self, step: Step, entry: Entry) -> Answered:
        self.entries.append(entry)
        answered = await self.world._decide(step, entry)
        answered.retry_after_ms = next(self.retry_after_ms)
        return answered

    async def _ask_all(self, questions: Array) -> list[Answers]:
        self.asked.append(questions)
        return [self.spoil(answers, questions) for answers in await self.world._ask_all(questions)]

    def send(self, *specs: Spec | list[Spec]) -> tuple[list[Outcome], int]:
        """(outcomes, retry_after_ms)"""
        rows, heap = encode(*specs)
        finish_rows(rows, heap, SECRET)
        shard_of = shard_of_row(rows, MAP)
        units = units_of(rows, shard_of)
        results, lines, retry_after_ms = asyncio.run(self.coordinator.decided(rows, heap, shard_of, units))
        return outcomes(Answered(results, lines)), retry_after_ms


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_shards_are_asked_only_about_what_is_settled_and_once_for_each_round(watched: Watched) -> None:
    made = watched.world.send(basket()).results[0]
    for specs, rounds in (
        ([labelled(sell(A, 1), sell(B, 1)), sell(A, 1)], 0),
        ([settle(Kind.EXTEND, made, ttl_s=900)], 1),
        ([settle(Kind.CONFIRM, made), sell(A, 1)], 2),
    ):
        watched.asked.clear()
        assert set(watched.send(*specs)[0]) == {OK}
        assert len(watched.asked) == rounds, specs


def test_they_are_asked_of_each_reservation_with_what_is_prepared_and_of_each_step_s_id(watched: Watched) -> None:
    made = watched.world.send(basket()).results[0]
    watched.send(settle(Kind.CONFIRM, made, id="step"))
    of_reservation, of_command = watched.asked[0]
    assert (of_reservation["kind"], of_reservation["key"]) == (QuestionKind.RESERVATION, made["reservation"])
    assert (of_reservation["channel"], of_reservation["flags"]) == (NO_WAREHOUSE, Flag.ADMIN | Flag.PREPARE)
    rows, heap = encode(settle(Kind.CONFIRM, made, id="step"))
    finish_rows(rows, heap, SECRET)
    assert (of_command["kind"], of_command["client"], of_command["flags"]) == (QuestionKind.COMMAND, CLIENT, 0)
    assert (of_command["key"], of_command["key_lo"]) == (rows["id_hi"][0], rows["id_lo"][0])


def test_a_first_step_is_let_in_whole_or_not_and_the_steps_behind_it_always(watched: Watched) -> None:
    watched.send(labelled(sell(A, 1), sell(B, 1)))
    assert watched.entries == [Entry.TOGETHER, Entry.FOLLOWS, Entry.FOLLOWS]


def test_a_step_sees_what_the_step_before_it_left(watched: Watched) -> None:
    made = watched.world.send(basket()).results[0]
    said, _ = watched.send(settle(Kind.RELEASE, made, line=1), settle(Kind.CONFIRM, made))
    assert said == [OK, OK], "the part of which nothing remains is not asked"
    assert watched.world.parts() == [
        ReservationState.CONFIRMED,
        ReservationState.RELEASED,
        ReservationState.CONFIRMED,
    ]


def test_steps_side_by_side_are_asked_each_only_of_the_shards_of_its_own_reservation(watched: Watched) -> None:
    others = [sku_on(shard, 1) for shard in range(3)]
    pairs = [(A, B), (others[1], others[2]), (others[0], C)]
    made = [watched.world.send(together(*(reserve(sku, 1) for sku in pair))).results[0] for pair in pairs]
    assert watched.send(*(settle(Kind.CONFIRM, each) for each in made))[0] == [OK] * 3
    assert watched.world.parts() == [ReservationState.CONFIRMED] * 6


def test_groups_of_one_number_that_are_not_neighbours_stand_or_fall_each_for_itself(watched: Watched) -> None:
    first, second = labelled(sell(A, 1), sell(B, 1)), labelled(sell(sku_on(0, 1), 1), sell(sku_on(1, 1), 99))
    same = [[spec | {"group": 7} for spec in specs] for specs in (first, second)]
    said, _ = watched.send(same[0], sell(C, 1), same[1])
    assert said == [OK, OK, OK, Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK]


def test_what_waits_behind_an_unanswered_command_holds_up_what_is_behind_it_too(watched: Watched) -> None:
    watched.world.reaches = lambda shard, way: (shard, way) != (1, "back")
    said, _ = watched.send(
        labelled(sell(A, 1), sell(B, 1)),
        labelled(sell(A, 1), sell(C, 1)),
        sell(C, 1),
        sell(sku_on(2, 1), 1),
    )
    assert said == [LOST, LOST, LOST, LOST, LOST, OK]
    assert total(watched.world.shards[2:], "sold") == 1


def test_a_step_waits_until_every_shard_has_said_what_it_has_of_the_reservation(watched: Watched) -> None:
    made = watched.world.send(basket()).results[0]
    watched.spoil = lambda answers, questions: (
        replace(unanswered(len(questions), LOST), shard=1) if answers.shard == 1 else answers
    )
    free = sku_on(0, 1)
    said, _ = watched.send(settle(Kind.CONFIRM, made), sell(free, 1), labelled(sell(free, 1), sell(sku_on(2, 1), 1)))
    assert said == [LOST, OK, OK, OK], "what is about other goods does not wait"
    assert watched.world.parts() == [ReservationState.HELD] * 3
    watched.spoil = lambda answers, questions: answers
    assert watched.send(settle(Kind.CONFIRM, made))[0] == [OK]


def test_the_caller_is_told_to_wait_as_long_as_the_fullest_queue_asks(watched: Watched) -> None:
    baskets = [labelled(sell(A, 1), sell(B, 1)) for _ in range(3)]
    assert watched.send(*baskets) == ([OK] * 6, 0)
    watched.retry_after_ms = iter([100, 0, 0, 700, 0, 0, 300, 0, 0])
    assert watched.send(*baskets)[1] == 700


def test_an_id_that_stands_for_another_step_is_refused_and_sends_nothing() -> None:
    both = Both()
    both.send(*(receive(sku, 9) for sku in SKUS))
    # On shards 0 and 1, and on 1 and 2: each has one that has not heard of the other's step.
    baskets = [together(reserve(SKUS[at], 1), reserve(SKUS[at + 2], 1) | {"flags": 0}) for at in (0, 3)]
    one, two = (both.send(each).results[0] for each in baskets)
    steps = settle(Kind.CONFIRM, one, id="one"), settle(Kind.CONFIRM, two, id="two")
    assert set(both.send(*steps).results["outcome"].tolist()) == {OK}
    mixed = both.send(settle(Kind.FULFIL, one, id="two"), steps[1], settle(Kind.RELEASE, two, id="one"))
    assert outcomes(mixed) == [Outcome.ID_REUSED, OK, Outcome.ID_REUSED]
    assert outcomes(both.send(*steps, settle(Kind.FULFIL, one))) == [OK] * 3, "the ids still stand for what they did"
    both.three.check_fold()


def test_scans_follow_one_another_in_their_time_also_after_one_that_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    happened: list[float | str] = []

    async def sleep(seconds: float) -> None:
        happened.append(seconds)

    async def ask_all(questions: Array) -> list[Answers]:
        happened.append("asked")
        if happened.count("asked") == 1:
            raise OSError("nobody is there")
        if happened.count("asked") == 3:
            raise asyncio.CancelledError
        return []

    async def nothing(step: Step, entry: Entry) -> Answered:
        raise AssertionError(np.unique(step.rows["kind"]))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    watching = OverShards(replace(SETTINGS, scan_period_ms=1_500), MAP, nothing, ask_all, lambda: 0)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watching.watch())
    assert happened == [1.5, "asked"] * 3
    assert [record.getMessage() for record in caplog.records] == ["looking for undecided commands"]
