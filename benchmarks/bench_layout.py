"""Why a cell is one record: rows in random order, and a pass over all cells, as records and as a column per counter."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.figures import measure, note
from benchmarks.sizes import BATCH_ROWS, CELLS, scaled
from engine.state import CELL

ROUNDS = scaled(200, 10)
COLUMNS = ("key", "on_hand", "reserved", "safety_stock", "floor", "pending")
"""What reserving reads of a cell."""

_jit: Any = numba.njit(error_model="numpy", nogil=True)


@_jit
def reserve_in_records(cells: Any, places: Any, out: Any) -> None:
    for i in range(places.shape[0]):
        cell = cells[places[i]]
        if cell.key == 0 and cell.on_hand - cell.reserved - cell.safety_stock - cell.pending + cell.floor >= 1:
            cell.reserved += 1
            out[i] = cell.on_hand - cell.reserved


@_jit
def reserve_in_columns(
    key: Any, on_hand: Any, reserved: Any, safety_stock: Any, floor: Any, pending: Any, places: Any, out: Any
) -> None:
    for i in range(places.shape[0]):
        at = places[i]
        if key[at] == 0 and on_hand[at] - reserved[at] - safety_stock[at] - pending[at] + floor[at] >= 1:
            reserved[at] += 1
            out[i] = on_hand[at] - reserved[at]


@_jit
def count_short(on_hand: Any, reserved: Any, floor: Any) -> int:
    short = 0
    for i in range(on_hand.shape[0]):
        short += on_hand[i] - reserved[i] < floor[i]
    return short


@pytest.fixture(scope="module")
def cells() -> Any:
    made = np.zeros(scaled(CELLS, 10_000), CELL)
    made["on_hand"] = 1_000_000
    return made


@pytest.mark.parametrize("layout", ["records", "columns"])
def test_rows_in_random_order(benchmark: BenchmarkFixture, cells: Any, layout: str) -> None:
    rng, out = np.random.default_rng(1), np.zeros(BATCH_ROWS, np.int64)
    columns = [np.ascontiguousarray(cells[name]) for name in COLUMNS]
    run: Callable[[Any], object] = lambda places: reserve_in_records(cells, places, out)  # noqa: E731
    if layout == "columns":
        run = lambda places: reserve_in_columns(*columns, places, out)  # noqa: E731
    seconds = measure(benchmark, lambda: rng.integers(0, len(cells), BATCH_ROWS), run, ROUNDS)
    assert out.all()
    note(benchmark, f"layout {layout}", [1e9 * each / BATCH_ROWS for each in seconds], "ns")


@pytest.mark.parametrize("layout", ["records", "columns"])
def test_a_pass_over_all_cells(benchmark: BenchmarkFixture, cells: Any, layout: str) -> None:
    arrays = [cells[name] for name in ("on_hand", "reserved", "floor")]
    if layout == "columns":
        arrays = list(map(np.ascontiguousarray, arrays))
    seconds = measure(benchmark, lambda: arrays, lambda given: count_short(*given), min(ROUNDS, 20))
    note(benchmark, f"layout pass {layout}", [1e3 * each for each in seconds], "ms")
