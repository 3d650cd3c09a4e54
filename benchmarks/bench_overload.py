"""Three times what can be decided: how much of the peak is still done, and how soon the rest is refused.

The peak is that of closed loops just before and just after, each as long: what follows the journals takes its share
only after a second. Between them requests come at three times that rate at moments drawn ahead, over so many
connections that none has to wait for another. All as it starts by default; the generator shares the processors, so
requests are bytes made before, and a refusal costs it next to nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from api.running import engine_of
from benchmarks.figures import note
from benchmarks.generator import Generator, Load
from benchmarks.http_work import ARROW_ROWS, JSON_ROWS, HttpWork
from benchmarks.sizes import scaled, scratch
from benchmarks.workload import Goods

TIMES = 3
SECONDS = 3.0 if scaled(3) == 3 else 0.5
REFUSED = (429, 503)

Make = Callable[[HttpWork, int], Sequence[bytes]]


@pytest.fixture(scope="module")
def work() -> Iterator[HttpWork]:
    """An engine with 20,000 SKUs in 5 warehouses."""
    with scratch("over") as directory, engine_of(directory / "data") as engine:
        made = HttpWork(Goods(scaled(20_000, 400), 5, 5), engine.url, engine.key)
        made.fill()
        yield made


@pytest.mark.parametrize(
    ("name", "make", "rows", "status", "peak_requests", "few", "many"),
    [
        ("json", HttpWork.json_arrays, JSON_ROWS, 200, 400, 8, 256),
        ("arrow", HttpWork.arrow_streams, ARROW_ROWS, 200, 150, 4, 128),
        # One row on each connection: there are never so many that a queue of rows is full, so all are answered.
        ("single", HttpWork.singles, 1, 201, 16_000, 32, 512),
    ],
)
def test_at_three_times_the_peak(
    benchmark: BenchmarkFixture,
    work: HttpWork,
    name: str,
    make: Make,
    rows: int,
    status: int,
    peak_requests: int,
    few: int,
    many: int,
) -> None:
    _closed(work, make, scaled(peak_requests // 10, few), few, status)
    peaks = [_closed(work, make, scaled(peak_requests, few), few, status)]
    per_s = TIMES * peaks[0]
    loads: list[Load] = []

    def offer(requests: Sequence[bytes]) -> None:
        with Generator(work.address, many) as generator:
            loads.append(generator.open_loop(requests, per_s))

    pedantic: Any = benchmark.pedantic
    pedantic(offer, setup=lambda: ((make(work, round(SECONDS * per_s)),), {}), rounds=1, iterations=1)
    peaks.append(_closed(work, make, scaled(peak_requests, few), few, status))
    (load,) = loads
    assert set(load.statuses) <= {status, *REFUSED}, load.statuses
    done = load.statuses[status]
    peak = note(benchmark, f"overload {name} peak", [rows * each for each in peaks], "rows/s")
    note(benchmark, f"overload {name} goodput", [rows * done / load.seconds], "rows/s")
    note(benchmark, f"overload {name} ratio", [rows * done / load.seconds / peak], "x")
    note(benchmark, f"overload {name} done p99", [load.percentile(99, status)], "ms")
    if done < len(load.latencies_ms):
        note(benchmark, f"overload {name} refused p50", [load.percentile(50, *REFUSED)], "ms")
        note(benchmark, f"overload {name} refused p99", [load.percentile(99, *REFUSED)], "ms")


def _closed(work: HttpWork, make: Make, count: int, connections: int, status: int) -> float:
    """Requests a second as fast as answers come."""
    requests = make(work, count)
    with Generator(work.address, connections) as generator:
        load = generator.closed_loop(requests)
    load.all_answered(status)
    return load.per_s
