"""The same through Ray: one client process, a few calls in flight, shards in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from actors.kernel_cache import kernel_cache_environment
from actors.process_group import die_with_parent, holding, kill_and_wait
from actors.ray_settings import RunDirectory, ray_environment
from benchmarks.figures import note, rate
from benchmarks.sizes import BATCH_ROWS, CELLS, SCALE, scaled, scratch

ROUNDS = scaled(5, 2)
BATCHES = scaled(40, 4)
STORM_S = float(os.environ.get("OMNISTOCK_BENCH_STORM_S", 60 * SCALE))
GUSTS, GUST_S, MORE = scaled(24, 2), 1.0, scaled(8, 1)
ROWS_MAX = (5 * (ROUNDS + 1) * BATCHES + 100) * BATCH_ROWS


class Driver:
    """A running `benchmarks.ray_session`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.shards = int(self._answer()["shards"])

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have it do something, and wait."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the session ended; its words are above"
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def driver(*options: str) -> Iterator[Driver]:
    """A cluster with its goods; all of it is gone at the end."""
    with scratch("ray") as directory:
        run = RunDirectory.create(directory)
        environment = {
            **os.environ,
            **kernel_cache_environment(),
            **ray_environment(run),
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        cells = str(scaled(CELLS, 10_000))
        command = ["-m", "benchmarks.ray_session", "--run", str(run.path), "--data", str(directory / "data")]
        process = subprocess.Popen(
            [sys.executable, *command, "--cells", cells, *options],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
        try:
            found = Driver(process)
            found.ask("fill")
            yield found
            process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            kill_and_wait(holding(directory), 10)


@pytest.fixture(scope="module")
def session() -> Iterator[Driver]:
    with driver("--rows", str(ROWS_MAX)) as found:
        yield found


@pytest.mark.parametrize("in_flight", [2, 3, 4])
def test_reserve(benchmark: BenchmarkFixture, session: Driver, in_flight: int) -> None:
    _sent(benchmark, session, f"ray reserve {in_flight}", "reserve", in_flight)


def test_mixed_life_cycle(benchmark: BenchmarkFixture, session: Driver) -> None:
    _sent(benchmark, session, "ray mixed", "mixed", 2)


def test_hot_sku(benchmark: BenchmarkFixture, session: Driver) -> None:
    _sent(benchmark, session, "ray hot", "hot", 2)


def test_a_killed_shard_answers_again(benchmark: BenchmarkFixture) -> None:
    """Again and again while its state grows, after a minute at the rate of one client that makes its rows on the way,
    and again with all that behind it. The standby works beside.

    The state is copied into memory that the process never had. Where a virtual machine's host takes back what lies
    free for a second or two, that is ten times slower whenever it comes too late for what its predecessor left.
    """
    with driver() as session:
        found: list[dict[str, Any]] = []
        asked = {"gusts": GUSTS, "gust_seconds": GUST_S, "seconds": STORM_S, "more": MORE}
        pedantic: Any = benchmark.pedantic
        pedantic(lambda: found.append(session.ask("storm", **asked)), rounds=1, iterations=1)
        (storm,) = found
        note(benchmark, "early rows", [storm["early_rows"]], "rows")
        note(benchmark, "back after early kills", storm["early_back_s"], "s")
        note(benchmark, "back after early kills p99", [float(np.percentile(storm["early_back_s"], 99))], "s")
        note(benchmark, "storm rows", [storm["rows"]], "rows")
        note(benchmark, "storm rate", [storm["rows"] / storm["seconds"]], "rows/s")
        note(benchmark, "back after a kill", storm["late_back_s"][:1], "s")
        note(benchmark, "back after late kills", storm["late_back_s"], "s")


def _sent(benchmark: BenchmarkFixture, session: Driver, key: str, kind: str, in_flight: int) -> None:
    rate(
        benchmark,
        key,
        BATCHES * BATCH_ROWS,
        lambda: session.ask("prepare", kind=kind, batches=BATCHES, in_flight=in_flight),
        lambda _: session.ask("run"),
        ROUNDS,
    )
