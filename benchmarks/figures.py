"""How a benchmark says what it measured: named figures in pytest-benchmark's JSON, which `benchmarks.report` reads."""

import gc
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeVar

from pytest_benchmark.fixture import BenchmarkFixture

T = TypeVar("T")


def note(benchmark: BenchmarkFixture, key: str, values: Sequence[float], unit: str) -> float:
    """Keep the median of what the rounds measured under `key`, and give it."""
    middle = float(median(values))
    benchmark.extra_info[key] = {
        "value": middle,
        "unit": unit,
        "rounds": len(values),
        "least": min(values),
        "most": max(values),
    }
    return middle


def note_slowest(benchmark: BenchmarkFixture, key: str, ratios: Sequence[float]) -> None:
    """Keep the highest of several ratios, with how many they are."""
    note(benchmark, key, ratios, "x")
    benchmark.extra_info[key]["value"] = max(ratios)


def measure(
    benchmark: BenchmarkFixture, prepare: Callable[[], T], run: Callable[[T], object], rounds: int
) -> list[float]:
    """The seconds of `run` in every round; each gets something newly prepared, outside the time.

    One more round goes ahead of them and does not count.
    """
    gc.collect()
    pedantic: Any = benchmark.pedantic  # it has no types
    pedantic(run, setup=lambda: ((prepare(),), {}), rounds=rounds, warmup_rounds=1, iterations=1)
    assert benchmark.stats is not None
    return [float(seconds) for seconds in benchmark.stats.stats.data]


def rate(
    benchmark: BenchmarkFixture, key: str, count: int, prepare: Callable[[], T], run: Callable[[T], object], rounds: int
) -> float:
    """Rows a second of rounds of `count` rows each."""
    return note(benchmark, key, [count / seconds for seconds in measure(benchmark, prepare, run, rounds)], "rows/s")
