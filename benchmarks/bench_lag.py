"""How far behind the tables are while a shard takes 200,000 rows a second: from durable to answered by a report.

The shard and its journal are those of `benchmarks.bench_shard`; the analytics are the process that `serve` starts, with
its priority and its rests. Rows are sent when they are due, whatever the analytics do.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import quantiles

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from actors.datadir import DataDir
from benchmarks.bench_shard import House, all_ok
from benchmarks.figures import note
from benchmarks.filled import limits_for, touch
from benchmarks.sizes import BATCH_ROWS, scaled, scratch
from benchmarks.workload import Goods
from engine.kinds import Kind

ROWS_A_SECOND = 200_000
SECONDS = scaled(15, 3)
SKUS = scaled(20_000, 1_000)
WAREHOUSES = 5
PATIENCE_S = 240.0
"""For what is left when the last row was sent."""
Moments = list[tuple[float, int]]
"""(when, last record)"""


def test_lag(benchmark: BenchmarkFixture) -> None:
    """Each record's time from its sync until the turn that entered it was committed."""
    batches = SECONDS * ROWS_A_SECOND // BATCH_ROWS
    goods = Goods(SKUS, WAREHOUSES, WAREHOUSES, now_ms=time.time_ns() // 1_000_000)
    with scratch("lag") as directory:
        data = DataDir.make_or_open(directory / "data", shards=1)
        house = House(data, limits_for(goods, (batches + 64) * BATCH_ROWS, (batches + 2) * BATCH_ROWS))
        house.open()
        assert house.engine is not None
        touch(house.engine)
        for batch in (*goods.definitions(), *goods.opening()):
            replies = house.submit(house.messages([batch.finished()]))
            if batch.rows["kind"][0] != Kind.DEFINE_WAREHOUSE:
                all_ok(replies)
        messages = house.messages([goods.reserves().finished() for _ in range(batches)])
        noted = directory / "noted"
        follower = subprocess.Popen([sys.executable, "-m", "benchmarks.lag_follower", str(data.path), str(noted)])
        durable: Moments = []
        try:
            _entered(noted, house.engine.seq)
            pedantic = benchmark.pedantic
            pedantic(lambda: durable.extend(_paced(house, messages)), rounds=1)  # type: ignore[no-untyped-call]
            turns = _entered(noted, house.engine.seq)
        finally:
            follower.send_signal(signal.SIGTERM)
            follower.wait(PATIENCE_S)
            house.close()
    sent, (last, _) = [at for at, _ in durable], durable[-1]
    ends = np.array([at for at, _ in turns])[np.searchsorted([seq for _, seq in turns], [seq for _, seq in durable])]
    cut = quantiles((1e3 * (ends - np.array(sent))).tolist(), n=100)
    note(benchmark, "lag p50", [cut[49]], "ms")
    note(benchmark, "lag p99", [cut[98]], "ms")
    note(benchmark, "lag rate", [len(messages) * BATCH_ROWS / (last - sent[0])], "rows/s")


def _paced(house: House, messages: list[bytes]) -> Moments:
    """When each record was durable."""
    assert house.engine is not None
    durable: Moments = []
    replies: list[bytes] = []
    began = time.monotonic()
    for at, message in enumerate(messages):
        time.sleep(max(0.0, began + at * BATCH_ROWS / ROWS_A_SECOND - time.monotonic()))
        replies += house.submit([message])
        durable.append((time.monotonic(), house.engine.seq))
    all_ok(replies)
    return durable


def _entered(noted: Path, seq: int) -> Moments:
    """What the follower has noted, once this record is in the tables."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        lines = noted.read_text().splitlines() if noted.exists() else []
        turns = [(float(at), int(last)) for at, last in map(str.split, lines)]
        if turns and turns[-1][1] >= seq:
            return turns
        time.sleep(0.1)
    raise TimeoutError("the analytics have not come so far")
