"""Over HTTP, against `omnistock serve` as anybody starts it: Arrow streams, JSON arrays, single reservations.

The load generator, the API process, the shard and Ray share the machine's processors, as they do for the echo.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from api.running import engine_of
from api.serving import default_workers
from benchmarks.figures import measure, note
from benchmarks.generator import Generator, Load
from benchmarks.http_work import ARROW_ROWS, JSON_ROWS, HttpWork, outcomes_of_arrow, outcomes_of_json
from benchmarks.peers import echo
from benchmarks.sizes import scaled, scratch
from benchmarks.workload import Goods

CONNECTIONS = 32
ROUNDS = 5 if scaled(5) == 5 else 2
SINGLES = scaled(8_000, 200)
OPEN_S = 5.0 if scaled(5) == 5 else 0.5
ANSWER_BYTES = 400


@pytest.fixture(scope="module")
def work() -> Iterator[HttpWork]:
    """An engine with 20,000 SKUs in 5 warehouses."""
    with scratch("http") as directory, engine_of(directory / "data") as engine:
        work = HttpWork(Goods(scaled(20_000, 400), 5, 5), engine.url, engine.key)
        work.fill()
        yield work


@pytest.fixture(scope="module")
def echoing() -> Iterator[tuple[str, int]]:
    """A bare uvicorn with as many workers as the engine has."""
    with echo.serving(ANSWER_BYTES, default_workers()) as address:
        yield address


def test_generator_alone(benchmark: BenchmarkFixture, work: HttpWork) -> None:
    """Against a process that answers anything with the same bytes: what the generator can do at most."""
    with echo.serving(ANSWER_BYTES, responder=True) as address:
        _closed(benchmark, "generator", address, lambda: work.singles(SINGLES), 1)


def test_echo(benchmark: BenchmarkFixture, work: HttpWork, echoing: tuple[str, int]) -> None:
    _closed(benchmark, "echo", echoing, lambda: work.singles(SINGLES), 1)


def test_single_reservations(benchmark: BenchmarkFixture, work: HttpWork) -> None:
    _closed(benchmark, "http single", work.address, lambda: work.singles(SINGLES), 1)
    with Generator(work.address, 1, keep=True) as generator:
        load = generator.closed_loop(work.singles(scaled(500, 20)))
    load.all_answered(201)
    assert orjson.loads(load.bodies[0])["state"] == "held"
    note(benchmark, "http answer bytes", [len(load.bodies[0])], "bytes")
    note(benchmark, "http alone p50", [load.percentile(50)], "ms")


@pytest.mark.parametrize(("name", "share"), [("half", 0.5), ("full", 1.0)])
def test_open_loop(benchmark: BenchmarkFixture, work: HttpWork, name: str, share: float) -> None:
    """At a share of what the closed loop reaches at this moment."""
    _open(benchmark, f"http {name}", work.address, work.singles, share)


def test_open_loop_of_the_echo(benchmark: BenchmarkFixture, work: HttpWork, echoing: tuple[str, int]) -> None:
    _open(benchmark, "echo half", echoing, work.singles, 0.5)


def test_json_arrays(benchmark: BenchmarkFixture, work: HttpWork) -> None:
    bodies = _closed(benchmark, "http json", work.address, lambda: work.json_arrays(scaled(100, 4)), JSON_ROWS, 8, 200)
    assert all(set(outcomes_of_json(body)) == {"ok"} for body in bodies)


def test_arrow_streams(benchmark: BenchmarkFixture, work: HttpWork) -> None:
    bodies = _closed(
        benchmark, "http arrow", work.address, lambda: work.arrow_streams(scaled(60, 3)), ARROW_ROWS, 4, 200
    )
    assert all(set(outcomes_of_arrow(body)) == {"ok"} for body in bodies)


@pytest.mark.parametrize("transport", ["ray", "local"])
def test_ready(benchmark: BenchmarkFixture, transport: str) -> None:
    """From the command to the first answer, in a new data directory, with kernels that were compiled before."""
    seconds: list[float] = []

    def start() -> None:
        with scratch("ready") as directory:
            began = time.monotonic()
            with engine_of(directory / "data", transport=transport):
                seconds.append(time.monotonic() - began)

    pedantic: Any = benchmark.pedantic
    pedantic(start, rounds=3, iterations=1)
    note(benchmark, f"ready {transport}", seconds, "s")


def _closed(
    benchmark: BenchmarkFixture,
    key: str,
    address: tuple[str, int],
    prepare: Callable[[], Sequence[bytes]],
    rows: int,
    connections: int = CONNECTIONS,
    status: int = 201,
) -> list[bytes]:
    """Rows a second as fast as answers come; gives the bodies of arrays."""
    loads: list[Load] = []
    with Generator(address, connections, keep=rows > 1) as generator:
        measure(benchmark, prepare, lambda requests: loads.append(generator.closed_loop(requests)), ROUNDS)
    for load in loads:
        load.all_answered(status)
    note(benchmark, key, [rows * load.per_s for load in loads[1:]], "rows/s" if rows > 1 else "requests/s")
    return [body for load in loads for body in load.bodies]


def _open(
    benchmark: BenchmarkFixture,
    key: str,
    address: tuple[str, int],
    requests: Callable[[int], list[bytes]],
    share: float,
) -> None:
    loads: list[Load] = []
    with Generator(address, CONNECTIONS) as generator:
        generator.closed_loop(requests(SINGLES // 4))
        per_s = share * generator.closed_loop(requests(SINGLES)).per_s
        count = max(50, round(OPEN_S * per_s))
        measure(
            benchmark,
            lambda: requests(count),
            lambda given: loads.append(generator.open_loop(given, per_s)),
            3 if ROUNDS == 5 else 1,
        )
    for load in loads:
        load.all_answered(201)
    note(benchmark, f"{key} rate", [per_s], "requests/s")
    note(benchmark, f"{key} p50", [load.percentile(50) for load in loads[1:]], "ms")
    note(benchmark, f"{key} p99", [load.percentile(99) for load in loads[1:]], "ms")
