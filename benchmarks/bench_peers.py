"""PostgreSQL, Redis and TigerBeetle with the same goods and wishes, each with its best client; all durable."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.figures import note, rate
from benchmarks.peers import postgres, redis, tigerbeetle
from benchmarks.sizes import BATCH_ROWS, CELLS, scaled, scratch
from benchmarks.workload import Goods

WAREHOUSES = 5
ROUNDS = 3
SINGLES_S = scaled(6)
BATCHES = scaled(16, 2) // 2 * 2
PIPELINES = scaled(60, 4) // redis.CONNECTIONS * redis.CONNECTIONS
TRANSFERS = scaled(2_000_000, 100_000)


def _goods() -> Goods:
    return Goods(scaled(CELLS // WAREHOUSES, 1_000), WAREHOUSES, WAREHOUSES)


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[postgres.Server]:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no pgbench")
    with postgres.serving(programs, _goods()) as server:
        yield server


@pytest.fixture(scope="module")
def redis_server() -> Iterator[redis.Server]:
    program = redis.program()
    if program is None:
        pytest.skip("Redis is not installed: no redis-server")
    with redis.serving(program, _goods()) as server:
        yield server


@pytest.mark.parametrize("rows", [1000, BATCH_ROWS])
def test_postgres_batches(benchmark: BenchmarkFixture, postgres_server: postgres.Server, rows: int) -> None:
    count = BATCHES * BATCH_ROWS // rows // 2 * 2
    rate(
        benchmark,
        f"postgres batch {rows}",
        count * rows,
        lambda: postgres_server.batches(count, rows),
        postgres_server.run,
        ROUNDS,
    )


@pytest.mark.parametrize(("name", "hot"), [("single", False), ("hot", True)])
def test_postgres_single_statements(
    benchmark: BenchmarkFixture, postgres_server: postgres.Server, name: str, hot: bool
) -> None:
    rates: list[float] = []
    pedantic: Any = benchmark.pedantic
    pedantic(lambda: rates.append(postgres_server.singles_per_s(SINGLES_S, hot=hot)), rounds=ROUNDS, iterations=1)
    note(benchmark, f"postgres {name}", rates, "rows/s")


@pytest.mark.parametrize(("name", "hot"), [("script", False), ("hot", True)])
def test_redis_scripts(benchmark: BenchmarkFixture, redis_server: redis.Server, name: str, hot: bool) -> None:
    rate(
        benchmark,
        f"redis {name}",
        PIPELINES * redis.PIPELINE,
        lambda: redis_server.pieces(PIPELINES, hot=hot),
        redis_server.run,
        ROUNDS,
    )


def test_tigerbeetle_pending_transfers(benchmark: BenchmarkFixture) -> None:
    program = tigerbeetle.program()
    if program is None:
        pytest.skip(f"{tigerbeetle.VARIABLE} names no binary")
    rates: list[float] = []
    pedantic: Any = benchmark.pedantic
    with scratch("tb") as directory:
        pedantic(
            lambda: rates.append(tigerbeetle.pending_per_s(program, directory, TRANSFERS)), rounds=ROUNDS, iterations=1
        )
    note(benchmark, "tigerbeetle", rates, "rows/s")
    benchmark.extra_info["tigerbeetle version"] = tigerbeetle.version(program)
