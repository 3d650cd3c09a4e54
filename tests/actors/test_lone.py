import asyncio

from actors.lone import LoneAnswer, heading, shard_of
from actors.partitions import PartitionMap
from engine.kinds import Kind, ReservationState, ResultFlag
from engine.layout import LINE, RESULT
from engine.outcomes import Outcome
from tests.actors.local_house import LocalHouse, local_house, run
from tests.actors.shop import Spec, encode, receive, reserve, row, settle, together


def packed(spec: Spec) -> tuple[bytes, bytes]:
    rows, heap = encode(spec)
    return rows.tobytes(), heap.tobytes()


async def send(house: LocalHouse, spec: Spec) -> LoneAnswer:
    return await house.client.lone(*packed(spec))


async def stocked(house: LocalHouse, *skus: str) -> None:
    await house.client.commands(*encode(*(receive(sku, 1_000) for sku in skus)))


def result(answer: LoneAnswer, column: str) -> int:
    found: int = answer.result[(RESULT.names or ()).index(column)]
    return found


def lines(answer: LoneAnswer, column: str) -> list[int]:
    return [line[(LINE.names or ()).index(column)] for line in answer.lines]


def test_each_gets_its_own_result_and_lines() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            skus = [*house.skus(0), *house.skus(1)]
            await stocked(house, *skus)
            specs = [reserve(skus[n % 2], n + 1) for n in range(50)]
            answers = await asyncio.gather(*(send(house, spec) for spec in specs))
            assert [result(answer, "outcome") for answer in answers] == [Outcome.OK] * 50
            assert [result(answer, "quantity") for answer in answers] == list(range(1, 51))
            assert [lines(answer, "quantity") for answer in answers] == [[n] for n in range(1, 51)]
            assert len({result(answer, "reservation") for answer in answers}) == 50

    run(scenario())


def test_it_is_the_answer_that_the_row_would_get_in_an_array() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            (sku,) = house.skus(1)
            await stocked(house, sku)
            spec = reserve(sku, 3, reference="order 17")
            alone = await send(house, spec)
            again = await house.client.commands(*encode(spec))
            assert again.results["flags"][0] & ResultFlag.REPLAYED
            for column in ("reservation", "partition", "quantity", "available", "expires_at_ms", "position"):
                assert again.results[column][0] == result(alone, column), column
            once_more = await send(house, spec)
            assert result(once_more, "flags") & ResultFlag.REPLAYED
            assert lines(once_more, "quantity") == [3]

    run(scenario())


def test_those_that_come_together_travel_in_one_call_and_the_next_wait_for_its_answer() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            (sku,) = house.skus(0)
            await stocked(house, sku)
            calls = house.client.metrics.calls
            first = [asyncio.create_task(send(house, reserve(sku, 1))) for _ in range(20)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            second = [asyncio.create_task(send(house, reserve(sku, 1))) for _ in range(20)]
            answers = await asyncio.gather(*first, *second)
            assert [result(answer, "outcome") for answer in answers] == [Outcome.OK] * 40
            assert house.client.metrics.calls - calls == 2

    run(scenario())


def test_a_refusal_is_the_row_s_own() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            (sku,) = house.skus(0)
            await stocked(house, sku)
            good, short, unknown = await asyncio.gather(
                send(house, reserve(sku, 600)), send(house, reserve(sku, 600)), send(house, reserve("NOWHERE", 1))
            )
            assert result(good, "outcome") == Outcome.OK
            assert (result(short, "outcome"), result(short, "available")) == (Outcome.INSUFFICIENT_STOCK, 400)
            assert short.results["requested"].tolist() == [600]
            assert result(unknown, "outcome") == Outcome.UNKNOWN_SKU

    run(scenario())


def test_a_full_queue_refuses_at_once_and_lets_in_again_what_comes_later() -> None:
    async def scenario() -> None:
        async with local_house(queue_rows_max=4) as house:
            (sku,) = house.skus(0)
            await stocked(house, sku)
            answers = await asyncio.gather(*(send(house, reserve(sku, 1)) for _ in range(10)))
            outcomes = [result(answer, "outcome") for answer in answers]
            assert outcomes == [Outcome.OK] * 4 + [Outcome.OVERLOADED] * 6
            assert all(answer.retry_after_ms > 0 for answer in answers[4:])
            assert house.client.admission.rows == 0
            assert result(await send(house, reserve(sku, 1)), "outcome") == Outcome.OK

    run(scenario())


def test_more_than_a_chunk_are_several_chunks() -> None:
    async def scenario() -> None:
        async with local_house(chunk_rows_max=8, batch_rows_max=8) as house:
            (sku,) = house.skus(0)
            await stocked(house, sku)
            answers = await asyncio.gather(*(send(house, reserve(sku, n + 1)) for n in range(30)))
            assert [result(answer, "quantity") for answer in answers] == list(range(1, 31))

    run(scenario())


def test_a_shard_that_dies_is_asked_again_by_the_same_ids() -> None:
    async def scenario() -> None:
        async with local_house() as house:
            (sku,) = house.skus(0)
            await stocked(house, sku)
            under_way = [asyncio.create_task(send(house, reserve(sku, 1))) for _ in range(20)]
            await asyncio.sleep(0)
            house.transport.kill(0)
            answers = await asyncio.gather(*under_way)
            assert [result(answer, "outcome") for answer in answers] == [Outcome.OK] * 20
            last = await send(house, reserve(sku, 1))
            assert result(last, "available") == 1_000 - 21

    run(scenario())


def test_a_step_of_a_reservation_over_several_shards_is_carried_out_on_all() -> None:
    async def scenario() -> None:
        async with local_house(shards=2) as house:
            a, b = house.skus(0)[0], house.skus(1)[0]
            await stocked(house, a, b)
            made = await house.client.commands(*encode(together(reserve(a, 3), reserve(b, 4))))
            confirmed = await send(house, settle(Kind.CONFIRM, made.results[0]))
            assert result(confirmed, "outcome") == Outcome.OK
            assert result(confirmed, "state") == ReservationState.CONFIRMED
            assert sorted(lines(confirmed, "quantity")) == [3, 4]

    run(scenario())


def test_what_every_shard_must_hear_has_no_one_shard() -> None:
    rows, _ = encode(row(Kind.DEFINE_WAREHOUSE, warehouse=3, name="east"))
    sku_key, _, _, partition, kind = heading(rows.tobytes())
    assert shard_of(kind, sku_key, partition, PartitionMap.even(2)) is None
