"""The work that benchmarks give: every row is carried out, and the mix is the one that is claimed."""

import numpy as np

from benchmarks.filled import all_ok, decide, filled, limits_for
from benchmarks.workload import Goods, LifeCycle, uuids
from engine.kinds import Kind
from engine.layout import NO_WAREHOUSE

ROWS = 100


def test_ids_are_uuids_and_differ() -> None:
    texts = uuids(np.random.default_rng(1), 500).view("S36").ravel().astype(str).tolist()
    assert len(set(texts)) == 500
    assert all(text[14] == "4" and [text[at] for at in (8, 13, 18, 23)] == ["-"] * 4 for text in texts)


def test_the_same_seed_gives_the_same_work() -> None:
    first, second = (Goods(20, 5, 5, seed=7).reserves(50) for _ in range(2))
    assert first.rows.tobytes() == second.rows.tobytes()
    assert first.heap.tobytes() == second.heap.tobytes()


def test_every_row_of_the_life_cycle_is_carried_out() -> None:
    goods = Goods(40, 5, 5)
    shard = filled(goods, limits_for(goods, 100 * ROWS, 100 * ROWS))
    cycle = LifeCycle(goods, rows=ROWS)
    for batch in cycle.warm_up():
        all_ok(decide(shard, batch.finished()))
    for _ in range(20):
        batch = cycle.batch()
        all_ok(decide(shard, batch.finished()))
        kinds, counts = np.unique(batch.rows["kind"], return_counts=True)
        mix = dict(zip(map(Kind, kinds.tolist()), counts.tolist(), strict=True))
        assert mix == {Kind.RESERVE: 40, Kind.CONFIRM: 30, Kind.FULFIL: 20, Kind.RELEASE: 10}


def test_sourced_rows_go_past_places_with_too_little() -> None:
    goods = Goods(20, 50, 10, scarce=0.8)
    shard = filled(goods, limits_for(goods, 10 * ROWS, 10 * ROWS))
    batch = goods.reserves(ROWS, sourced=True)
    decision = decide(shard, batch.finished())
    all_ok(decision)
    assert (batch.rows["warehouse"] == NO_WAREHOUSE).all()
    assert len(np.unique(decision.results["warehouse"])) > 1
