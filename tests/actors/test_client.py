import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest

from actors.answers import Answers
from actors.gathering import Answered
from engine.kinds import QuestionKind, ResultFlag
from engine.outcomes import Outcome
from engine.record import Record
from engine.wire import Array, ShardState
from tests.actors.local_house import LocalHouse, local_house
from tests.actors.shop import NEVER_MS, Spec, ask, encode, labelled, receive, reserve, sell, together


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


async def send(house: LocalHouse, *specs: Spec | list[Spec]) -> Answered:
    return await house.client.commands(*encode(*specs))


def outcomes(answered: Answered) -> list[Outcome]:
    return [Outcome(number) for number in answered.results["outcome"].tolist()]


def stock(*skus: str) -> Array:
    return np.concatenate([ask(QuestionKind.STOCK, sku=sku) for sku in skus])


def on_hand(answers: Answers) -> list[int]:
    found: list[int] = answers.answers["on_hand"].tolist()
    return found


def test_rows_of_many_shards_are_answered_in_the_order_sent() -> None:
    async def scenario() -> None:
        async with local_house(shards=3) as house:
            skus = [house.skus(shard, 2)[k] for shard in (2, 0, 1) for k in (0, 1)]
            answered = await send(house, *(receive(sku, 10 + i) for i, sku in enumerate(skus)))
            assert outcomes(answered) == [Outcome.OK] * 6
            assert answered.results["quantity"].tolist() == [10, 11, 12, 13, 14, 15]
            asked = await house.client.ask(stock(*reversed(skus)))
            assert on_hand(asked) == [15, 14, 13, 12, 11, 10]
            cells = [int(asked.cells[int(a["items_at"])]["on_hand"]) for a in asked.answers]
            assert cells == [15, 14, 13, 12, 11, 10]

    run(scenario())


def test_lines_are_found_where_the_results_point() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            a, b = house.skus(0)[0], house.skus(1)[0]
            await send(house, receive(a, 10), receive(b, 10))
            answered = await send(
                house, reserve(a, 1), receive(a, 1), reserve(b, 2), together(reserve(a, 3), reserve(a, 4))
            )
            lines = [
                answered.lines["quantity"][r["lines_at"] : r["lines_at"] + r["lines_n"]].tolist()
                for r in answered.results
            ]
            assert lines[:3] == [[1], [], [2]]
            assert lines[3] == [3, 4]

    run(scenario())


def test_a_long_array_takes_effect_in_order() -> None:
    """Received, sold out and refused, row by row, in chunks that must not overtake each other."""

    async def scenario() -> None:
        async with local_house(shards=2, chunk_rows_max=7, batch_rows_max=10) as house:
            sku, other = house.skus(0)[0], house.skus(1)[0]
            specs = []
            for _ in range(40):
                specs += [receive(sku, 1), sell(sku, 1), sell(sku, 1), receive(other, 1)]
            answered = await send(house, *specs)
            assert outcomes(answered) == [Outcome.OK, Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.OK] * 40

    run(scenario())


def test_a_group_is_never_cut() -> None:
    async def scenario() -> None:
        async with local_house(chunk_rows_max=3, batch_rows_max=4) as house:
            sku = house.skus(0)[0]
            await send(house, receive(sku, 6))
            basket = labelled(*(sell(sku, 1) for _ in range(6)))
            late = labelled(*(sell(sku, 1) for _ in range(6)))
            answered = await send(house, basket, late)
            assert outcomes(answered)[:6] == [Outcome.OK] * 6
            assert Outcome.OK not in outcomes(answered)[6:]

    run(scenario())


def test_many_lone_rows_share_batches() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            sku = house.skus(0)[0]
            calls = house.client.metrics.calls
            answers = await asyncio.gather(*(send(house, receive(sku, 1)) for _ in range(200)))
            assert all(outcomes(answered) == [Outcome.OK] for answered in answers)
            assert house.client.metrics.calls - calls <= 3
            assert on_hand(await house.client.ask(stock(sku))) == [200]

    run(scenario())


def test_a_shard_that_dies_is_asked_again_and_nothing_runs_twice() -> None:
    async def scenario() -> None:
        async with local_house(backoff_first_ms=1, chunk_rows_max=5, batch_rows_max=20) as house:
            sku = house.skus(0)[0]
            store = house.stores[0]
            appended = 0

            def die_sometimes(record: Record) -> None:
                nonlocal appended
                appended += 1
                if appended % 3 == 0:
                    raise OSError("the disk went away")

            store.after_append = die_sometimes
            answers = await asyncio.gather(*(send(house, *(receive(sku, 1) for _ in range(5))) for _ in range(40)))
            store.after_append = lambda record: None
            assert all(outcomes(answered) == [Outcome.OK] * 5 for answered in answers)
            assert on_hand(await house.client.ask(stock(sku))) == [200]
            assert house.transport.restarts[0] > 0

    run(scenario())


def test_rows_of_a_shard_that_stays_away_are_unavailable_and_the_others_are_not() -> None:
    async def scenario() -> None:
        async with local_house(shards=2, call_timeout_ms=30, answer_within_ms=40, backoff_first_ms=1) as house:
            a, b = house.skus(0)[0], house.skus(1)[0]
            house.stores[1].broken = "no disk"
            house.transport.kill(1)
            specs = [receive(a, 1), receive(b, 1, id="again")]
            answered = await send(house, *specs)
            assert outcomes(answered) == [Outcome.OK, Outcome.UNAVAILABLE]
            assert answered.retry_after_ms > 0
            assert [status.state for status in await house.client.shards()] == [ShardState.READY, ShardState.STARTING]
            asked = await house.client.ask(stock(a))
            assert on_hand(asked) == [1]
            house.stores[1].broken = ""

    run(scenario())


def test_a_question_to_a_shard_that_stays_away_is_answered_unavailable() -> None:
    async def scenario() -> None:
        async with local_house(question_within_ms=30, call_timeout_ms=30, backoff_first_ms=1) as house:
            house.stores[0].broken = "no disk"
            house.transport.kill(0)
            asked = await house.client.ask(stock(house.skus(0)[0]))
            assert asked.answers["outcome"].tolist() == [Outcome.UNAVAILABLE]
            assert asked.retry_after_ms > 0
            house.stores[0].broken = ""

    run(scenario())


def test_a_full_queue_is_answered_at_once() -> None:
    async def scenario() -> None:
        async with local_house(queue_rows_max=10, answer_within_ms=200, call_timeout_ms=200) as house:
            sku = house.skus(0)[0]
            house.stores[0].broken = "no disk"
            house.transport.kill(0)
            waited: list[Answered] = []

            async def wait() -> None:
                waited.append(await send(house, *(receive(sku, 1) for _ in range(10))))

            async def be_refused() -> None:
                refused = await send(house, receive(sku, 1))
                assert not waited
                assert outcomes(refused) == [Outcome.OVERLOADED]
                assert refused.retry_after_ms > 0

            await asyncio.gather(wait(), be_refused())
            assert outcomes(waited[0]) == [Outcome.UNAVAILABLE] * 10
            assert house.client.admission.rows == 0
            house.stores[0].broken = ""

    run(scenario())


def test_a_full_disk_is_unavailable_at_once_and_comes_back() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            sku = house.skus(0)[0]
            house.stores[0].full = True
            assert outcomes(await send(house, receive(sku, 1))) == [Outcome.UNAVAILABLE]
            assert on_hand(await house.client.ask(stock(sku))) == [0]
            house.stores[0].full = False
            assert outcomes(await send(house, receive(sku, 1))) == [Outcome.OK]

    run(scenario())


def test_two_clients_of_one_shard_do_not_disturb_each_other() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            other = house.new_client(seed=2)
            sku = house.skus(0)[0]
            rows = [receive(sku, 1, id=f"x-{i}") for i in range(50)]
            both = await asyncio.gather(
                *(client.commands(*encode(spec)) for spec in rows for client in (house.client, other))
            )
            assert all(outcomes(answered) == [Outcome.OK] for answered in both)
            replays = sum(int(answered.results["flags"][0]) & ResultFlag.REPLAYED for answered in both)
            assert replays == 50
            assert on_hand(await other.ask(stock(sku))) == [50]
            await other.close()

    run(scenario())


def test_every_shard_is_asked_about_a_command() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            sku = house.skus(1)[0]
            await send(house, receive(sku, 3, id="find-me"))
            hi, lo = house.client.command_hash(7, "find-me")
            answers = await house.client.ask_all(ask(QuestionKind.COMMAND, key=hi, key_lo=lo))
            assert [answer.shard for answer in answers] == [0, 1]
            found = [Outcome(int(answer.answers["outcome"][0])) == Outcome.OK for answer in answers]
            assert found == [False, True]
            assert answers[1].command_results["quantity"].tolist() == [3]

    run(scenario())


def test_a_row_whose_time_is_over_is_refused_by_the_shard() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            answered = await send(house, receive(house.skus(0)[0], 1, not_after_ms=1))
            assert outcomes(answered) == [Outcome.TOO_LATE]

    run(scenario())


def test_a_group_beyond_every_limit_is_refused_without_a_call() -> None:
    async def scenario() -> None:
        async with local_house(chunk_rows_max=2, group_rows_max=5) as house:
            sku = house.skus(0)[0]
            answered = await send(house, labelled(*(sell(sku, 1) for _ in range(6))), receive(sku, 1))
            assert outcomes(answered) == [Outcome.LIMIT_EXCEEDED] * 6 + [Outcome.OK]

    run(scenario())


def test_no_rows_and_no_questions_are_answered_with_none() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            assert len((await send(house)).results) == 0
            assert len((await house.client.ask(stock("x")[:0])).answers) == 0
            with pytest.raises(ValueError, match="only a question about stock"):
                await house.client.ask(ask(QuestionKind.COMMAND))

    run(scenario())


def test_a_caller_that_goes_away_leaves_no_trace_in_the_queue_counts() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            sku = house.skus(0)[0]
            task = asyncio.create_task(send(house, receive(sku, 1, not_after_ms=NEVER_MS)))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert on_hand(await house.client.ask(stock(sku))) == [1], "it was on its way and is decided"
            assert house.client.admission.rows == 0

    run(scenario())
