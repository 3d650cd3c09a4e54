"""Judges mutants: each in a process of its own, forked where everything is imported, by the tests that run its line.

A test is given ten times the processor time that it takes without a fault; the processes are ended by their ids.
"""

import gc
import json
import os
import select
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Final, NamedTuple, TextIO

from tests.mutants.operators import Mutant
from tests.mutants.suite import Line, Seen, Suite
from tests.mutants.targets import exchange

LONGEST_S: Final = 2.5
"""A test that takes longer, looked at line by line and without the compiler, is no judge."""
BROAD: Final = ("test_seeded_histories", "test_saga_engine")
BROAD_N: Final = 2
"""Tests that run nearly everything and compare all that is said: so many come first."""
LIMIT_S: Final = 1.0
TIMES_SLOWER: Final = 10
HANGS_S: Final = 90.0
"""By the clock on the wall: for what waits and takes no processor time."""
KILLED, SURVIVED, TIMED_OUT, UNSEEN = "killed", "survived", "timed out", "unseen"
"""`unseen`: no test runs the line."""


class Verdict(NamedTuple):
    """What became of a mutant."""

    key: str
    verdict: str
    by: str = ""
    """the test that noticed"""
    tests_n: int = 0


class Judge:
    """Knows which tests run which lines, and which of them have noticed mutants of a function before."""

    def __init__(self, suite: Suite, seen: Sequence[Seen], budget_s: float) -> None:
        """`budget_s`: how much processor time of tests a mutant may cost before it counts as survived."""
        self._suite = suite
        self._cpu_s = {each.test: each.cpu_s for each in seen}
        self._lines = {each.test: each.lines for each in seen}
        self._budget_s = budget_s
        self._running: dict[Line, list[str]] = {}
        for each in sorted(seen, key=lambda each: each.cpu_s):
            for line in each.lines:
                self._running.setdefault(line, []).append(each.test)
        self._kills: dict[str, Counter[str]] = {}

    def told(self, function: str, tests: Sequence[str]) -> None:
        """These tests are known to notice mutants of the function."""
        known = self._kills.setdefault(function, Counter())
        known.update(test for test in tests if test in self._cpu_s)

    def killers_of(self, function: str) -> list[str]:
        """Tests that noticed mutants of the function, those that noticed most first."""
        return [test for test, _ in self._kills.get(function, Counter()).most_common()]

    def chosen(self, mutant: Mutant) -> list[str]:
        """The tests for a mutant, in order: who noticed its like, some that compare everything, then by `_turns`."""
        first, last = mutant.lines
        running = {test for line in range(first, last + 1) for test in self._running.get((mutant.module, line), ())}
        before = self._kills.get(f"{mutant.module} {mutant.function}", Counter())
        by_cost = sorted(running, key=lambda test: (self._cpu_s[test], test))
        broad = [test for test in by_cost if any(word in test for word in BROAD)][:BROAD_N]
        turns = self._turns(by_cost, mutant)
        ordered = sorted(by_cost, key=lambda test: (-before[test], test not in broad, turns[test]))
        chosen: list[str] = []
        cost_s = 0.0
        for test in ordered:
            cost_s += self._cpu_s[test]
            if chosen and cost_s > self._budget_s:
                break
            chosen.append(test)
        return chosen

    def _turns(self, tests: Sequence[str], mutant: Mutant) -> dict[str, tuple[int, int]]:
        """When a test's turn comes: first one of each way through the function, the rare ways before the usual."""
        first, last = mutant.within
        ways: dict[frozenset[int], list[str]] = {}
        for test in tests:
            way = frozenset(
                line for module, line in self._lines[test] if module == mutant.module and first <= line <= last
            )
            ways.setdefault(way, []).append(test)
        return {test: (turn, len(alike)) for alike in ways.values() for turn, test in enumerate(alike)}

    def judge(self, mutants: Iterator[Mutant], workers: int, until: float) -> Iterator[Verdict]:
        """Judge them side by side, as long as `time.monotonic` is below `until`."""
        running: dict[int, _Case] = {}
        # Whoever looks through the heap in a child copies all of it.
        gc.collect()
        gc.freeze()
        try:
            while True:
                while len(running) < workers and time.monotonic() < until:
                    mutant = next(mutants, None)
                    if mutant is None:
                        break
                    chosen = self.chosen(mutant)
                    if not chosen:
                        yield Verdict(mutant.key, UNSEEN)
                        continue
                    case = self._begin(mutant, chosen)
                    running[case.reads] = case
                if not running:
                    return
                ready, _, _ = select.select(list(running), [], [], 1.0)
                late = [each for each, case in running.items() if time.monotonic() - case.began > HANGS_S]
                for reads in {*ready, *late}:
                    yield self._end(running.pop(reads))
        finally:
            for case in running.values():
                os.kill(case.pid, signal.SIGKILL)
                self._end(case)

    def _begin(self, mutant: Mutant, chosen: list[str]) -> "_Case":
        reads, writes = os.pipe()
        pid = os.fork()
        if pid == 0:
            with suppress(BaseException):
                os.close(reads)
                _in_child(self._suite, mutant, [(test, self._cpu_s[test]) for test in chosen], writes)
            os._exit(1)
        os.close(writes)
        return _Case(mutant, chosen, reads, pid, time.monotonic())

    def _end(self, case: "_Case") -> Verdict:
        with suppress(ProcessLookupError):
            if not select.select([case.reads], [], [], 0)[0]:
                os.kill(case.pid, signal.SIGKILL)
        told = b""
        while part := os.read(case.reads, 1 << 16):
            told += part
        os.close(case.reads)
        os.waitpid(case.pid, 0)
        # A process that could not even say what failed has died of its fault.
        found = json.loads(told) if told else {"verdict": TIMED_OUT, "by": case.tests[0]}
        mutant = case.mutant
        if found["by"]:
            self.told(f"{mutant.module} {mutant.function}", [found["by"]])
        return Verdict(mutant.key, found["verdict"], found["by"], len(case.tests))


class _Case(NamedTuple):
    mutant: Mutant
    tests: list[str]
    reads: int
    pid: int
    began: float


def _in_child(suite: Suite, mutant: Mutant, tests: Sequence[tuple[str, float]], writes: int) -> None:
    """Runs the tests until one fails, says what came of it and ends the process."""
    gc.disable()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    doing = ""

    def say(verdict: str, by: str) -> None:
        os.write(writes, json.dumps({"verdict": verdict, "by": by}).encode())
        os._exit(0)

    def too_long(_: int, __: object) -> None:
        say(TIMED_OUT, doing)

    signal.signal(signal.SIGPROF, too_long)
    try:
        exchange(mutant.module, mutant.function, mutant.code())
        for doing, cpu_s in tests:
            signal.setitimer(signal.ITIMER_PROF, LIMIT_S + TIMES_SLOWER * cpu_s)
            if suite.run(doing):
                say(KILLED, doing)
        say(SURVIVED, "")
    except BaseException:
        say(KILLED, doing)


class _TooLongError(BaseException):
    """A test that is no judge: it would take as long for each of a hundred mutants."""


def _stop(_: int, __: object) -> None:
    raise _TooLongError


def observed(suite: Suite, tests: Sequence[str], workers: int) -> Iterator[Seen]:
    """Run tests without a fault, in processes of their own: what each runs; nothing is said of one that fails."""
    with ExitStack() as files:
        told = [files.enter_context(tempfile.TemporaryFile("w+")) for _ in range(workers)]
        pids = []
        for at, out in enumerate(told):
            pid = os.fork()
            if pid == 0:
                with suppress(BaseException):
                    _observe(suite, tests[at::workers], out)
                os._exit(1)
            pids.append(pid)
        for pid, out in zip(pids, told, strict=True):
            os.waitpid(pid, 0)
            out.seek(0)
            for line in out:
                test, cpu_s, lines = json.loads(line)
                yield Seen(test, cpu_s, frozenset((module, n) for module, n in lines))


def _observe(suite: Suite, tests: Sequence[str], out: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGPROF, _stop)
    for test in tests:
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
        seen = suite.observe(test)
        signal.setitimer(signal.ITIMER_PROF, 0)
        told = (test, 0.0, []) if seen is None else (test, seen.cpu_s, sorted(seen.lines))
        out.write(json.dumps(told) + "\n")
        out.flush()
