"""What the machine itself can do, in the same run: syncs of a journal's size, and memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.figures import measure, note
from benchmarks.sizes import scaled, scratch
from engine.state import reserve_array

ROUNDS = scaled(200, 10)
SMALL, LARGE = 4096, 850_000
"""Bytes of a record with a few rows, and of one with 8,192."""
MEMORY_BYTES = scaled(1 << 30, 1 << 24)


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with scratch("disk") as path:
        yield path


@pytest.mark.parametrize(("name", "size"), [("small", SMALL), ("large", LARGE)])
def test_fdatasync(benchmark: BenchmarkFixture, directory: Path, name: str, size: int) -> None:
    """Write and sync records one after another: small ones into zeros that were written, large ones into room."""
    records = ROUNDS + 2
    data = np.random.default_rng(1).bytes(size)
    descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o600)
    os.posix_fallocate(descriptor, 0, records * size)
    if size == SMALL:
        os.pwrite(descriptor, bytes(records * size), 0)
    os.fsync(descriptor)
    places = iter(range(0, records * size, size))

    def append(place: int) -> None:
        os.pwrite(descriptor, data, place)
        os.fdatasync(descriptor)

    seconds = measure(benchmark, lambda: next(places), append, ROUNDS)
    os.close(descriptor)
    note(benchmark, f"fdatasync {name}", [1e6 * each for each in seconds], "us")
    note(benchmark, f"disk {name}", [size / 1e6 / each for each in seconds], "MB/s")


def test_memory_copy(benchmark: BenchmarkFixture) -> None:
    source, target = (np.ones(MEMORY_BYTES // 2, np.uint8) for _ in range(2))
    seconds = measure(benchmark, lambda: source, lambda given: np.copyto(target, given), 9)
    note(benchmark, "memory copy", [source.nbytes / 1e9 / each for each in seconds], "GB/s")


def test_fresh_memory(benchmark: BenchmarkFixture) -> None:
    """How fast the system gives memory that was never touched, in the tables' own way."""

    def fresh() -> np.ndarray[tuple[int], np.dtype[np.void]]:
        return reserve_array(np.uint8, MEMORY_BYTES)

    seconds = measure(benchmark, fresh, lambda array: array[::4096].fill(1), 5)
    note(benchmark, "fresh memory", [MEMORY_BYTES / 1e9 / each for each in seconds], "GB/s")
