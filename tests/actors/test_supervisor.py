"""The supervisor with real processes: nothing it started outlives it, and everything comes back."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.process_group import Process, descendants, holding, kill_and_wait, locker_of

WAIT_S = 20.0
# In a process of its own: a supervisor collects every dead child that there is.
SIGNALLED_LATE = """
import os, signal, sys
from actors.supervision import Start, Supervision
from actors.supervisor import Plan, Supervisor
nothing = lambda: None
supervision = Supervision(1, ray=False)
plan = lambda name: Plan([sys.executable, "-c", ""], {})
hooks = dict.fromkeys(("is_ready", "announce", "stop_listening", "stack_died"), nothing)
supervisor = Supervisor(supervision, plan, **hooks)
supervisor._apply(supervision.begin(0))
pid = supervisor._children["worker-0"].popen.pid
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
supervisor._signal("worker-0", signal.SIGKILL)
supervisor._reap()
assert not supervisor._children
assert supervision.tick(1 << 62) == [Start("worker-0")]
"""


class Run:
    """A supervisor in a process of its own, and the facts its children wrote."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.actors.supervised_program", str(directory)], stdout=subprocess.PIPE
        )
        self.line = self.readline()

    def readline(self) -> bytes:
        assert self.popen.stdout is not None
        assert select.select([self.popen.stdout], [], [], WAIT_S)[0], "no line in time"
        return self.popen.stdout.readline()

    def pids(self, fact: str) -> list[int]:
        return [int(path.suffix[1:]) for path in self.directory.glob(f"{fact}.*")]

    def fact(self, fact: str, count: int = 1) -> list[int]:
        """Wait for it."""
        wait_until(lambda: len(self.pids(fact)) >= count, fact)
        return self.pids(fact)

    def process(self, fact: str) -> Process:
        (pid,) = self.fact(fact)
        process = Process.of(pid)
        assert process is not None
        return process

    def end(self, number: int) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(WAIT_S)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up_at, f"waited in vain for: {what}"
        select.select([], [], [], 0.01)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    assert run.line == b"ready\n"
    family: list[Process] = []
    yield run
    if run.popen.poll() is None:
        family = descendants(run.popen.pid)
        run.popen.terminate()
    run.popen.wait()
    assert run.popen.stdout is not None
    run.popen.stdout.close()
    wait_until(lambda: not any(process.alive() for process in family), "the end of every descendant")


def test_a_term_ends_the_workers_first_then_the_keeper_and_leaves_nobody(run: Run) -> None:
    family = descendants(run.popen.pid)
    assert run.end(signal.SIGTERM) == 0
    for name in ("worker-0", "worker-1", "keeper"):
        assert run.pids(f"{name}.terminated")
    assert run.pids("deaf")
    times = {name: (run.directory / f"{name}.terminated.{run.pids(f'{name}.terminated')[0]}").stat().st_mtime_ns
             for name in ("worker-0", "worker-1", "keeper")}  # fmt: skip
    assert times["keeper"] > max(times["worker-0"], times["worker-1"])
    assert not any(process.alive() for process in family)


def test_interrupt_is_the_same_as_term(run: Run) -> None:
    assert run.end(signal.SIGINT) == 0


def test_a_killed_worker_comes_back_alone(run: Run) -> None:
    run.process("worker-0.started").send(signal.SIGKILL)
    run.fact("worker-0.started", 2)
    assert len(run.pids("keeper.started")) == 1
    assert len(run.pids("worker-1.started")) == 1


def test_a_stopped_worker_is_killed_and_comes_back(run: Run) -> None:
    run.process("worker-0.started").send(signal.SIGSTOP)
    run.fact("worker-0.started", 2)
    assert len(run.pids("keeper.started")) == 1


def test_a_child_that_is_dead_when_it_is_signalled_is_missed_all_the_same() -> None:
    """A silent one is killed and dies between two looks; whoever signals it again must not take its end from sight."""
    subprocess.run([sys.executable, "-c", SIGNALLED_LATE], timeout=WAIT_S, check=True)


@pytest.mark.parametrize("victim", ["daemon", "keeper.started"])
def test_the_death_of_ray_or_its_keeper_kills_and_rebuilds_the_whole_stack(run: Run, victim: str) -> None:
    old = descendants(run.popen.pid)
    run.process(victim).send(signal.SIGKILL)
    for name in ("keeper", "worker-0", "worker-1"):
        run.fact(f"{name}.started", 2)
    assert run.pids("stack-died")
    assert not any(process.alive() for process in old)
    assert run.popen.poll() is None


def test_nobody_outlives_a_supervisor_that_was_killed(run: Run) -> None:
    # The head's own children come a moment after it is up.
    wait_until(lambda: len(descendants(run.popen.pid)) >= 5, "the whole family")
    family = descendants(run.popen.pid)
    run.popen.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(process.alive() for process in family), "the end of every descendant")


def test_a_process_is_its_id_and_its_start_time() -> None:
    this = Process.this()
    assert this.alive()
    assert this.pid == os.getpid()
    assert not Process(this.pid, this.started + 1).alive()
    assert not Process(this.pid, this.started + 1).send(signal.SIGKILL)


def test_a_zombie_is_dead() -> None:
    popen = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
    assert Process.of(popen.pid) is None
    popen.wait()


def test_a_process_is_found_by_the_files_it_has_open(tmp_path: Path) -> None:
    for name in ("this", "that"):
        (tmp_path / name).mkdir()
    with (tmp_path / "this" / "file").open("w") as file:
        holder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=file)
    found = holding(tmp_path / "this")
    assert [process.pid for process in found] == [holder.pid]
    assert holding(tmp_path / "that") == []
    assert kill_and_wait(found, WAIT_S) == []
    assert holder.wait() == -signal.SIGKILL
    assert holder.stdin is not None
    holder.stdin.close()


def test_a_process_is_found_by_the_lock_it_took_and_not_by_a_look_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    program = "import fcntl, sys; fcntl.flock(1, fcntl.LOCK_EX) if sys.argv[1] == 'take' else None; input()"
    popens = []
    try:
        for does in ("look", "take"):
            with path.open("a") as file:
                popens.append(
                    subprocess.Popen([sys.executable, "-c", program, does], stdin=subprocess.PIPE, stdout=file)
                )
        looking, taking = popens
        wait_until(lambda: locker_of(path) is not None, "the lock to be taken")
        found = locker_of(path)
        assert found is not None
        assert found.pid == taking.pid
        assert locker_of(tmp_path / "none") is None
        assert kill_and_wait([found], WAIT_S) == []
        assert looking.poll() is None
        assert locker_of(path) is None
    finally:
        for popen in popens:
            popen.kill()
            popen.communicate()
