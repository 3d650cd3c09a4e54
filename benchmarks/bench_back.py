"""SIGKILL to a process of a served engine: the seconds until a new caller, over a new connection, has a reservation.

After Ray's head or its keeper everything is built again; a shard comes back alone; the answer must come from what was
built, not from what is about to die.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from actors.fencing import owner_of
from actors.process_group import Process, descendants
from api.running import engine_of
from benchmarks.figures import note
from benchmarks.generator import Generator
from benchmarks.http_work import HttpWork
from benchmarks.sizes import scaled, scratch
from benchmarks.workload import Goods

GIVE_UP_S = 120.0
STARTED = 201
PAUSE_S = 3.0 if scaled(3) == 3 else 0.5
"""between two blows: those beside the shards start when all is ready"""


class Victim:
    """A served engine with 1,000 SKUs."""

    def __init__(self, data: Path, work: HttpWork) -> None:
        self._data = data
        self._work = work

    def family(self) -> list[Process]:
        """Every process below the supervisor."""
        return descendants(int(msgspec.json.decode((self._data / "serve.json").read_bytes())["pid"]))

    def process(self, name: str) -> Process:
        """The one whose command line holds this; `shard` is the first one's."""
        if name == "shard":
            owner = owner_of(self._data / "shards" / "000" / "lock")
            assert owner is not None
            return owner
        return next(each for each in self.family() if name in _command_line(each.pid))

    def back_s(self, name: str) -> float:
        """Kill it, and wait for a reservation by those that came after."""
        time.sleep(PAUSE_S)
        victim = self.process(name)
        doomed = [victim] if name == "shard" else self.family()
        requests = iter(self._work.singles(5_000))
        began = time.monotonic()
        victim.send(signal.SIGKILL)
        while time.monotonic() < began + GIVE_UP_S:
            gone = not any(each.alive() for each in doomed)
            try:
                with Generator(self._work.address, 1) as caller:
                    load = caller.closed_loop([next(requests)])
            except (OSError, AssertionError):  # it was taken in by somebody who died
                continue
            if gone and load.statuses[STARTED]:
                return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError(f"not back {GIVE_UP_S} s after the end of {name}")


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    with scratch("back") as directory, engine_of(directory / "data") as engine:
        work = HttpWork(Goods(1_000, 5, 5), engine.url, engine.key)
        work.fill()
        yield Victim(directory / "data", work)


@pytest.mark.parametrize(("name", "rounds"), [("shard", 8), ("gcs_server", 3), ("actors.keeper", 1)])
def test_back_after_a_kill(benchmark: BenchmarkFixture, victim: Victim, name: str, rounds: int) -> None:
    seconds: list[float] = []
    pedantic: Any = benchmark.pedantic
    pedantic(lambda: seconds.append(victim.back_s(name)), rounds=scaled(rounds), iterations=1)
    note(benchmark, f"back after {name}", seconds, "s")


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
