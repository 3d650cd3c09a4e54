import asyncio
from typing import Any

import numpy as np
import pytest

from actors.answers import Answers
from actors.client import Client
from actors.command_lookup import ShardAway
from actors.gathering import Answered
from actors.partitions import PartitionMap
from actors.routing import shard_of_row, units_of
from actors.saga import Round
from actors.transport import TransportError
from engine.ids import finish_rows
from engine.kinds import Flag, Kind, QuestionKind, ReservationState, ResultFlag
from engine.outcomes import Outcome
from engine.record import Record
from engine.wire import Array, Batch, ShardState
from tests.actors.local_house import LocalHouse, local_house, run
from tests.actors.shop import (
    CLIENT,
    NEVER_MS,
    SECRET,
    Spec,
    ask,
    encode,
    labelled,
    receive,
    reserve,
    sell,
    settle,
    together,
)


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
            assert outcomes(await send(house, receive(sku, 1))) == [Outcome.OK], "there was room for this one"
            assert outcomes(await send(house, receive(sku, 1))) == [Outcome.UNAVAILABLE]
            assert on_hand(await house.client.ask(stock(sku))) == [1]
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


class Doors:
    """A transport whose answers are futures, as those of sockets; none ever comes."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[bytes]] = []
        self.called = asyncio.Event()

    def call(self, shard: int, message: bytes, timeout_s: float) -> asyncio.Future[bytes]:
        self.called.set()
        self.calls.append(asyncio.get_running_loop().create_future())
        return self.calls[-1]

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        raise TransportError(shard, "nobody there", may_have_run=False)


def test_a_closed_client_sends_nothing_more() -> None:
    async def scenario() -> None:
        doors = Doors()
        client = Client(doors, PartitionMap.even(1), SECRET, jitter=lambda: 0.5, first_call=1)
        sent = [asyncio.create_task(client.commands(*encode(sell(f"S{n}", 1)))) for n in range(3)]
        await doors.called.wait()
        await client.close()
        assert all(call.cancelled() for call in doors.calls)
        calls = len(doors.calls)
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(doors.calls) == calls
        for task in sent:
            task.cancel()

    asyncio.run(scenario())


def basket(house: LocalHouse, *quantities: int, **more: Any) -> list[Spec]:
    """One reservation with a line on each shard."""
    lines = [reserve(house.skus(shard)[0], quantity) for shard, quantity in enumerate(quantities)]
    return together(lines[0] | more, *lines[1:])


async def fill(house: LocalHouse, quantity: int) -> None:
    await send(house, *(receive(sku, quantity) for shard in range(house.map.shards) for sku in house.skus(shard, 3)))


async def counters(house: LocalHouse) -> list[tuple[int, int]]:
    """(on_hand, reserved) of the first SKU of each shard."""
    asked = await house.client.ask(stock(*(house.skus(shard)[0] for shard in range(house.map.shards))))
    return [(int(answer["on_hand"]), int(answer["reserved"])) for answer in asked.answers]


def test_a_reservation_over_shards_lives_its_whole_life() -> None:
    async def scenario() -> None:
        async with local_house(shards=3) as house:
            await fill(house, 10)
            made = await send(house, basket(house, 1, 2, 3))
            assert outcomes(made) == [Outcome.OK] * 3
            first = made.results[0]
            assert made.lines["quantity"].tolist() == [1, 2, 3]
            assert len(set(made.results["expires_at_ms"].tolist())) == 1
            assert await counters(house) == [(10, 1), (10, 2), (10, 3)]
            extended = await send(house, settle(Kind.EXTEND, first, ttl_s=5_000))
            assert extended.results["expires_at_ms"][0] > first["expires_at_ms"]
            assert extended.results["state"].tolist() == [ReservationState.HELD]
            confirmed = await send(house, settle(Kind.CONFIRM, first))
            assert confirmed.results["state"].tolist() == [ReservationState.CONFIRMED]
            part = await send(house, settle(Kind.RELEASE, first, line=1))
            assert outcomes(part) == [Outcome.OK]
            assert part.lines["released"].tolist() == [0, 2, 0]
            assert part.results["state"].tolist() == [ReservationState.CONFIRMED]
            done = await send(house, settle(Kind.FULFIL, first))
            assert outcomes(done) == [Outcome.OK]
            assert done.lines["fulfilled"].tolist() == [1, 0, 3]
            assert await counters(house) == [(9, 0), (10, 0), (7, 0)]
            again = await send(house, settle(Kind.FULFIL, first))
            assert outcomes(again) == [Outcome.RESERVATION_CLOSED]

    run(scenario())


def test_a_short_line_on_one_shard_leaves_the_others_alone() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            await fill(house, 10)
            answered = await send(house, basket(house, 1, 11))
            assert outcomes(answered) == [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK]
            assert answered.results["available"].tolist()[1] == 10
            assert await counters(house) == [(10, 0), (10, 0)]

    run(scenario())


def test_the_same_reservation_over_shards_again_is_the_same_answer() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            await fill(house, 10)
            first = await send(house, basket(house, 1, 2, id="once"))
            for _ in range(2):
                again = await send(house, basket(house, 1, 2, id="once"))
                assert (again.results["flags"] & ResultFlag.REPLAYED).all()
                for name in ("outcome", "quantity", "reservation", "partition", "expires_at_ms", "state"):
                    assert again.results[name].tolist() == first.results[name].tolist(), name
                assert again.lines.tobytes() == first.lines.tobytes()
                house.transport.kill(0)
            assert await counters(house) == [(10, 1), (10, 2)]

    run(scenario())


@pytest.mark.parametrize("kind", [Kind.RELEASE, Kind.FULFIL])
def test_the_same_step_over_shards_again_is_the_same_answer_though_nothing_remains(kind: Kind) -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            await fill(house, 10)
            made = (await send(house, basket(house, 1, 2))).results[0]
            await send(house, settle(Kind.CONFIRM, made))
            told = [await send(house, settle(kind, made, id="once")) for _ in range(2)]
            assert [outcomes(answered) for answered in told] == [[Outcome.OK]] * 2
            assert [answered.results["quantity"].tolist() for answered in told] == [[3]] * 2
            assert (told[1].results["flags"] & ResultFlag.REPLAYED).all()

    run(scenario())


def test_baskets_over_shards_take_effect_in_the_order_of_the_array() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            await fill(house, 10)
            a, b = house.skus(0)[0], house.skus(1)[0]
            answered = await send(
                house, labelled(sell(a, 8), sell(b, 8)), labelled(sell(a, 1), sell(b, 3)), sell(a, 2), sell(b, 3)
            )
            assert outcomes(answered) == [
                *(Outcome.OK, Outcome.OK, Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK),
                *(Outcome.OK, Outcome.INSUFFICIENT_STOCK),
            ]
            assert await counters(house) == [(0, 0), (2, 0)]
            events = [m for store in house.stores for record in store.records for m in record.movements]
            shown = [int(m["kind"]) for m in events if not m["flags"] and m["kind"] != Kind.RECEIVE]
            assert shown == [Kind.SELL] * 3, "what was only prepared is not on the feed"

    run(scenario())


def test_a_reservation_over_shards_is_replaced() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            await fill(house, 10)
            old = (await send(house, basket(house, 3, 3))).results[0]
            first = settle(Kind.RELEASE, old, flags=Flag.REPLACES)
            new = [reserve(house.skus(shard)[0], 4) for shard in range(2)]
            answered = await send(house, together(first, *new))
            assert outcomes(answered) == [Outcome.OK] * 3
            assert await counters(house) == [(10, 4), (10, 4)]

    run(scenario())


def test_what_a_coordinator_left_undecided_is_given_back() -> None:
    async def scenario() -> None:
        async with local_house(shards=2, undecided_ms=1, scan_period_ms=5) as house:
            await fill(house, 10)
            rows, heap = encode(basket(house, 3, 3))
            finish_rows(rows, heap, SECRET)
            shard_of = shard_of_row(rows, house.map)
            units = units_of(rows, shard_of)
            step = Round(rows, heap, shard_of, units, [0], {}, house.map, {}).prepare()
            assert house.map.shard_of(int(step.rows["partition"][0])) == 0
            await house.transport.call(0, Batch(step.rows[:1], step.heap).to_bytes(), 10)
            async with asyncio.timeout(20):
                while await counters(house) != [(10, 0), (10, 0)]:
                    await house.client.shards()
            late = await send(house, receive(house.skus(0)[0], 1))
            assert outcomes(late) == [Outcome.OK]
            kinds = [
                kind for store in house.stores for record in store.records for kind in record.rows["kind"].tolist()
            ]
            assert Kind.DECIDE in kinds
            assert Kind.APPLY in kinds

    run(scenario())


def test_a_command_is_found_whatever_became_of_it() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            await fill(house, 10)
            find = house.client.command
            a, b = house.skus(0)[0], house.skus(1)[0]
            await send(house, receive(a, 1, id="plain"))
            made = await send(house, basket(house, 1, 2, id="made"))
            await send(house, basket(house, 1, 99, id="refused"))
            await send(house, settle(Kind.CONFIRM, made.results[0], id="confirmed"))
            await send(house, labelled(sell(a, 1, id="sold-a"), sell(b, 1, id="sold-b")))
            await send(house, labelled(sell(a, 1, id="short-a"), sell(b, 99, id="short-b")))
            for name in ("all-of-b", "none-of-b"):
                partly = basket(house, 1, 99, id=name)
                made_partly = await send(house, [line | {"flags": line["flags"] | Flag.PARTIAL} for line in partly])
                got = dict(zip(made_partly.lines["line"].tolist(), made_partly.lines["quantity"].tolist(), strict=True))
                assert (sorted(got), got[1] > 0) == ([0, 1], name == "all-of-b"), "also the line that got nothing"
            expected = {
                "plain": [Outcome.OK],
                "made": [Outcome.OK, Outcome.OK],
                "refused": [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK],
                "confirmed": [Outcome.OK],
                "sold-a": [Outcome.OK],
                "sold-b": [Outcome.OK],
                "short-a": [Outcome.GROUP_FAILED],
                "short-b": [Outcome.INSUFFICIENT_STOCK],
                "all-of-b": [Outcome.OK, Outcome.OK],
                "none-of-b": [Outcome.OK, Outcome.INSUFFICIENT_STOCK],
            }
            assert await find(CLIENT, "never") is None
            told = {}
            for name in expected:
                answer = await find(CLIENT, name)
                assert answer is not None
                told[name] = [Outcome(number) for number in answer.results["outcome"].tolist()]
                if name == "made":
                    assert answer.rows["line"].tolist() == [0, 1]
                    assert answer.lines["quantity"].tolist() == [1, 2]
                    assert answer.results["reservation"].tolist() == made.results["reservation"].tolist()
            assert told == expected

    run(scenario())


def test_a_command_that_an_absent_shard_could_know_is_not_denied() -> None:
    async def scenario() -> None:
        async with local_house(shards=2, question_within_ms=30, call_timeout_ms=30) as house:
            house.stores[1].broken = "no disk"
            house.transport.kill(1)
            with pytest.raises(ShardAway) as away:
                await house.client.command(CLIENT, "never")
            assert away.value.shard == 1
            house.stores[1].broken = ""

    run(scenario())
