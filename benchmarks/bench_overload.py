"""Three times what can be decided: how much of the peak is still done, and how soon the rest is refused.

The peak is that of closed loops just before and just after, each as long: what follows the journals takes its share
only after a second. Between them requests come at three times that rate at moments drawn ahead, over so many
connections that none has to wait for another. That again and again, because a snapshot or a gust of the analytics takes
a fifth of either: the medians count. All as it starts by default; the generator shares the processors, so requests are
bytes made before, and a refusal costs it next to nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
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
ROUNDS = scaled(5, 2)
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
    loads: list[Load] = []

    def offered() -> tuple[tuple[Sequence[bytes], float], dict[str, Any]]:
        if loads:
            peaks.append(_closed(work, make, scaled(peak_requests, few), few, status))
        per_s = TIMES * peaks[-1]
        return (make(work, round(SECONDS * per_s)), per_s), {}

    def offer(requests: Sequence[bytes], per_s: float) -> None:
        with Generator(work.address, many) as generator:
            loads.append(generator.open_loop(requests, per_s))

    pedantic: Any = benchmark.pedantic
    pedantic(offer, setup=offered, rounds=ROUNDS, iterations=1)
    peaks.append(_closed(work, make, scaled(peak_requests, few), few, status))
    assert {answered for load in loads for answered in load.statuses} <= {status, *REFUSED}
    done_per_s = [load.statuses[status] / load.seconds for load in loads]
    around = [(before + after) / 2 for before, after in pairwise(peaks)]
    note(benchmark, f"overload {name} peak", [rows * each for each in peaks], "rows/s")
    note(benchmark, f"overload {name} goodput", [rows * each for each in done_per_s], "rows/s")
    ratios = [done / peak for done, peak in zip(done_per_s, around, strict=True)]
    note(benchmark, f"overload {name} ratio", ratios, "x")
    note(benchmark, f"overload {name} done p99", [load.percentile(99, status) for load in loads], "ms")
    refusing = [load for load in loads if set(load.statuses) - {status}]
    if refusing:
        for share in (50, 99):
            times = [load.percentile(share, *REFUSED) for load in refusing]
            note(benchmark, f"overload {name} refused p{share}", times, "ms")


def _closed(work: HttpWork, make: Make, count: int, connections: int, status: int) -> float:
    """Requests a second as fast as answers come."""
    requests = make(work, count)
    with Generator(work.address, connections) as generator:
        load = generator.closed_loop(requests)
    load.all_answered(status)
    return load.per_s
