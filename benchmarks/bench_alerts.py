"""All cells judged anew, as when the policy of alerts changes, beside what only reading the same bytes takes.

One thread, 10 million cells that all have a reorder point and are above it: a record of 64 bytes and the planning
figures beside it, 16 more.
"""

import time
from typing import Any

import numba
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.figures import measure, note
from benchmarks.filled import touch
from benchmarks.sizes import scaled
from engine.kernels.alerts import scan_alerts
from engine.layout import Limits
from engine.shard import Shard
from engine.state import CELLS, TOUCHED_N, USED, WATCHED

CELLS_N = scaled(10_000_000, 100_000)
ROUNDS = scaled(15, 3)

_jit: Any = numba.njit(error_model="numpy", nogil=True)


@_jit
def read(cells: Any, planning: Any) -> int:
    """The sum of all words: a loop that the compiler makes vectors of, and memory is all it waits for."""
    total = 0
    for words in (cells, planning):
        for i in range(words.shape[0]):
            total += words[i]
    return total


@pytest.fixture(scope="module")
def shard() -> Shard:
    """10 million cells, written straight into the tables: by rows it would take minutes, and read the same."""
    limits = Limits(
        skus_max=1024, cells_max=CELLS_N, ids_max=4096, reservations_max=1024, lines_max=1024, sources_max=1024
    )
    made = Shard(limits)
    state = made._state
    state.tables[CELLS, USED] = CELLS_N + 1
    state.cells["key"][1:] = np.arange(CELLS_N) % 1024 << 16 | np.arange(CELLS_N) // 1024
    state.cells["on_hand"][1:] = 100
    state.cells["reserved"][1:] = 30
    state.planning["reorder_point"][1:] = 50
    state.planning["order_up_to"][1:] = 90
    touch(made)
    return made


def scanned(shard: Shard) -> int:
    """Where the scan ends; nothing is due."""
    end: int = scan_alerts(shard._memory, 1, CELLS_N + 1)
    return end


def test_scan_beside_reading(benchmark: BenchmarkFixture, shard: Shard) -> None:
    state = shard._state
    words = [table[: CELLS_N + 1].view(np.int64) for table in (state.cells, state.planning)]
    assert scanned(shard) == CELLS_N + 1
    assert (shard.cells["next"] == WATCHED).all()
    assert state.marks[TOUCHED_N] == 0
    gigabytes = sum(each.nbytes for each in words) / 1e9
    reading: list[float] = []
    seconds = measure(benchmark, lambda: reading.append(_timed(words)), lambda _: scanned(shard), ROUNDS)
    note(benchmark, "alert scan", [gigabytes / each for each in seconds], "GB/s")
    note(benchmark, "alert scan cells", [CELLS_N / each for each in seconds], "cells/s")
    note(benchmark, "alert bytes", [gigabytes / each for each in reading[1:]], "GB/s")


def _timed(words: list[Any]) -> float:
    """Reading, each time just before a scan, so that both meet the machine in the same mood."""
    began = time.perf_counter()
    read(*words)
    return time.perf_counter() - began
