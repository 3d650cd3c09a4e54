"""One shard with its segment journal: a message in, every record synced, a message out. No transport in between."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from actors.datadir import DataDir, make_journal, recover
from actors.journal import Journal
from actors.shard_actor import ShardActor, ShardConfig
from actors.snapshotter import TAIL_ROWS_MAX
from actors.standby import Standby
from benchmarks.figures import measure, note, rate
from benchmarks.filled import limits_for, touch
from benchmarks.sizes import BATCH_ROWS, CELLS, scaled, scratch
from benchmarks.workload import Batch, Goods, LifeCycle
from engine.kinds import Kind
from engine.layout import Limits
from engine.outcomes import Outcome
from engine.shard import Shard
from engine.wire import Batch as Message
from engine.wire import Reply, ShardState

ROUNDS = scaled(8, 3)
BATCHES = scaled(24, 2)
"""of a round"""
TAIL_BATCHES = scaled(TAIL_ROWS_MAX // BATCH_ROWS, 2)
ROWS_MAX = (3 * (ROUNDS + 1) * BATCHES + TAIL_BATCHES + 64) * BATCH_ROWS
WAREHOUSES = 5


@dataclass
class House:
    """A data directory with one shard, and whoever owns it now."""

    data: DataDir
    limits: Limits
    actor: ShardActor | None = None
    engine: Shard | None = None
    calls: int = 0

    def open(self) -> ShardActor:
        """The next owner, as a process that was started again."""

        def fold(journal: Journal) -> Shard:
            self.engine = recover(self.data.path, 0, self.limits, journal)
            return self.engine

        config = ShardConfig(shard=0, limits=self.limits, note_path=str(self.data.note(0)))
        self.actor = ShardActor(config, lambda: make_journal(self.data.path, 0, None), fold, background=False)
        assert self.actor.try_open()
        return self.actor

    def close(self) -> None:
        """As a death would: nothing is sealed."""
        if self.actor is not None:
            self.actor.abandon()
            self.actor = self.engine = None

    def messages(self, batches: list[Batch]) -> list[bytes]:
        """What a client would send."""
        self.calls += len(batches)
        return [Message(batch.rows, batch.heap, call=self.calls - at).to_bytes() for at, batch in enumerate(batches)]

    def submit(self, messages: list[bytes]) -> list[bytes]:
        """One after the other, as a shard takes them."""
        assert self.actor is not None
        return [self.actor.submit(message) for message in messages]


def all_ok(replies: list[bytes]) -> None:
    """Every row was carried out."""
    for message in replies:
        reply = Reply.from_bytes(message)
        assert reply.state is ShardState.READY
        assert set(np.unique(reply.results["outcome"]).tolist()) == {int(Outcome.OK)}


@pytest.fixture(scope="module")
def goods() -> Goods:
    return Goods(scaled(CELLS // WAREHOUSES, 1_000), WAREHOUSES, WAREHOUSES, now_ms=time.time_ns() // 1_000_000)


@pytest.fixture(scope="module")
def house(goods: Goods) -> Iterator[House]:
    with scratch("shard") as directory:
        data = DataDir.make_or_open(directory / "data", shards=1)
        house = House(data, limits_for(goods, ROWS_MAX, ROWS_MAX))
        house.open()
        assert house.engine is not None
        touch(house.engine)
        for batch in (*goods.definitions(), *goods.opening()):
            replies = house.submit(house.messages([batch.finished()]))
            if batch.rows["kind"][0] != Kind.DEFINE_WAREHOUSE:
                all_ok(replies)
        try:
            yield house
        finally:
            house.close()


def test_reserve(benchmark: BenchmarkFixture, goods: Goods, house: House) -> None:
    replies: list[bytes] = []
    rate(
        benchmark,
        "shard reserve",
        BATCHES * BATCH_ROWS,
        lambda: house.messages([goods.reserves().finished() for _ in range(BATCHES)]),
        lambda messages: replies.extend(house.submit(messages)),
        ROUNDS,
    )
    all_ok(replies)


def test_mixed_life_cycle(benchmark: BenchmarkFixture, goods: Goods, house: House) -> None:
    cycle = LifeCycle(goods)
    all_ok(house.submit(house.messages([batch.finished() for batch in cycle.warm_up()])))
    replies: list[bytes] = []
    rate(
        benchmark,
        "shard mixed",
        BATCHES * BATCH_ROWS,
        lambda: house.messages([cycle.batch().finished() for _ in range(BATCHES)]),
        lambda messages: replies.extend(house.submit(messages)),
        ROUNDS,
    )
    all_ok(replies)


def test_hot_sku(benchmark: BenchmarkFixture, goods: Goods, house: House) -> None:
    replies: list[bytes] = []
    rate(
        benchmark,
        "shard hot",
        BATCHES * BATCH_ROWS,
        lambda: house.messages([goods.reserves(hot=True).finished() for _ in range(BATCHES)]),
        lambda messages: replies.extend(house.submit(messages)),
        ROUNDS,
    )
    all_ok(replies)


def test_single_rows(benchmark: BenchmarkFixture, goods: Goods, house: House) -> None:
    """A batch of one: what a lone caller waits for the shard."""
    seconds = measure(benchmark, lambda: house.messages([goods.reserves(1).finished()]), house.submit, scaled(1000, 20))
    note(benchmark, "shard single", [1e6 * each for each in seconds], "us")


def test_recovery_from_the_journal_alone(benchmark: BenchmarkFixture, house: House) -> None:
    """No snapshot: everything is read, checked, unpacked and folded, into memory that is fresh."""
    seconds = measure(benchmark, house.close, lambda _: house.open(), 3)
    assert house.engine is not None
    rows = house.engine.counts["ids"]
    note(benchmark, "recovery rate", [rows / each for each in seconds], "rows/s")
    note(benchmark, "recovery without snapshot", seconds, "s")


def test_recovery_from_a_snapshot_and_the_longest_tail(benchmark: BenchmarkFixture, goods: Goods, house: House) -> None:
    """The standby begins one when 4,000,000 rows lie behind the last: so many lie there here."""
    standby = Standby(house.data, limits=house.limits)
    began = time.monotonic()
    assert standby.take(0)
    note(benchmark, "snapshot", [time.monotonic() - began], "s")
    standby.close()
    for _ in range(TAIL_BATCHES):
        all_ok(house.submit(house.messages([goods.reserves().finished()])))
    seconds = measure(benchmark, house.close, lambda _: house.open(), 3)
    note(benchmark, "recovery with snapshot", seconds, "s")
