"""The kernel alone: one thread decides finished rows in memory, batches of 8,192 over a million cells."""

from functools import partial

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.figures import measure, note, rate
from benchmarks.filled import all_ok, decide, filled, limits_for, record_of, touch
from benchmarks.sizes import BATCH_ROWS, CELLS, scaled
from benchmarks.workload import Batch, Goods, LifeCycle
from engine.journal_format import NO_HASH, encode
from engine.record import Record
from engine.shard import Shard

ROUNDS = scaled(100, 5)
TESTS_MAX = 8
ROWS_MAX = TESTS_MAX * (ROUNDS + 30) * BATCH_ROWS
WAREHOUSES = 5


@pytest.fixture(scope="module")
def goods() -> Goods:
    return Goods(scaled(CELLS // WAREHOUSES, 1_000), WAREHOUSES, WAREHOUSES)


@pytest.fixture(scope="module")
def shard(goods: Goods) -> Shard:
    return filled(goods, limits_for(goods, ROWS_MAX, ROWS_MAX))


def test_reserve(benchmark: BenchmarkFixture, goods: Goods, shard: Shard) -> None:
    rate(benchmark, "kernel reserve", BATCH_ROWS, lambda: goods.reserves().finished(), partial(decide, shard), ROUNDS)
    all_ok(decide(shard, goods.reserves().finished()))


def test_reserve_of_one_hot_sku(benchmark: BenchmarkFixture, goods: Goods, shard: Shard) -> None:
    rate(
        benchmark,
        "kernel hot",
        BATCH_ROWS,
        lambda: goods.reserves(hot=True).finished(),
        partial(decide, shard),
        ROUNDS,
    )
    all_ok(decide(shard, goods.reserves(hot=True).finished()))


def test_known_ids(benchmark: BenchmarkFixture, goods: Goods, shard: Shard) -> None:
    batches = [goods.reserves().finished() for _ in range(4)]
    for batch in batches:
        all_ok(decide(shard, batch))
    again = iter(batches * (ROUNDS + 1))
    rate(benchmark, "kernel repeated", BATCH_ROWS, lambda: next(again), partial(decide, shard), ROUNDS)


def test_mixed_life_cycle(benchmark: BenchmarkFixture, goods: Goods, shard: Shard) -> None:
    cycle = LifeCycle(goods)
    for batch in cycle.warm_up():
        all_ok(decide(shard, batch.finished()))
    rate(benchmark, "kernel mixed", BATCH_ROWS, lambda: cycle.batch().finished(), partial(decide, shard), ROUNDS)
    all_ok(decide(shard, cycle.batch().finished()))


def test_ids_and_keys_of_rows(benchmark: BenchmarkFixture, goods: Goods) -> None:
    """What the process that encodes does before it sends."""
    rate(benchmark, "finish rows", BATCH_ROWS, goods.reserves, Batch.finished, ROUNDS)


def test_replay(benchmark: BenchmarkFixture, goods: Goods, shard: Shard) -> None:
    """Folding records into a state, as a restart does; reading them is measured with the journal."""
    copies = {name: array.copy() for name, array in shard.arrays().items()}
    follower = Shard.from_arrays(shard.limits, copies)
    touch(follower)

    def next_record() -> Record:
        batch = goods.reserves().finished()
        decision = decide(shard, batch)
        return record_of(batch, decision, shard.seq)

    rate(benchmark, "replay", BATCH_ROWS, next_record, follower.apply, ROUNDS)
    assert follower.counts == shard.counts


def test_bytes(benchmark: BenchmarkFixture, goods: Goods, shard: Shard) -> None:
    """Of a cell (with its SKU), an id, and a journaled row; from the sizes of the arrays in use."""
    cycle = LifeCycle(goods)
    for batch in cycle.warm_up():
        decide(shard, batch.finished())
    reserve, mixed = goods.reserves().finished(), cycle.batch().finished()
    records = [record_of(batch, decide(shard, batch), shard.seq) for batch in (reserve, mixed)]
    encoded = [encode(record, NO_HASH) for record in records]
    seconds = measure(benchmark, lambda: records[0], lambda record: encode(record, NO_HASH), min(ROUNDS, 30))
    note(benchmark, "encode record", [BATCH_ROWS / round_s for round_s in seconds], "rows/s")
    note(benchmark, "journal bytes reserve", [len(encoded[0]) / BATCH_ROWS], "bytes")
    note(benchmark, "journal bytes mixed", [len(encoded[1]) / BATCH_ROWS], "bytes")
    arrays, counts = shard.arrays(), shard.counts

    def bytes_of(*names: str) -> int:
        return sum(arrays[name].nbytes for name in names)

    cells = bytes_of("cells", "planning", "cell_buckets", "cell_spill", "skus", "sku_buckets", "sku_spill")
    note(benchmark, "cell bytes", [cells / counts["cells"]], "bytes")
    note(benchmark, "id bytes", [bytes_of("ids", "id_buckets", "id_spill", "id_times") / counts["ids"]], "bytes")
    held = bytes_of("reservations", "reservation_buckets", "reservation_spill", "lines", "deadlines")
    note(benchmark, "reservation bytes", [held / counts["reservations"]], "bytes")


@pytest.mark.parametrize(("cells_per_sku", "scarce"), [(5, 0.5), (500, 0.98)])
def test_sourced_reserve_over_500_warehouses(benchmark: BenchmarkFixture, cells_per_sku: int, scarce: float) -> None:
    """Half, or 98 of 100, of a SKU's places have too little, so the search goes on past them."""
    goods = Goods(scaled(CELLS // cells_per_sku, 20), 500, cells_per_sku, scarce=scarce)
    rounds = min(ROUNDS, 40)
    rows = (rounds + 2) * BATCH_ROWS
    shard = filled(goods, limits_for(goods, rows, rows))
    rate(
        benchmark,
        f"kernel sourced {cells_per_sku}",
        BATCH_ROWS,
        lambda: goods.reserves(sourced=True).finished(),
        partial(decide, shard),
        rounds,
    )
    decision = decide(shard, goods.reserves(sourced=True).finished())
    all_ok(decision)
    assert len(np.unique(decision.results["warehouse"])) > 1
