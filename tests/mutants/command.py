"""What the command line of mutation testing asks for, done and told."""

import argparse
import os
import random
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutants.judge import Judge, Verdict, observed
from tests.mutants.known import equivalent, killers, write_killers, write_survivors
from tests.mutants.operators import Mutant, mutants_of
from tests.mutants.suite import Seen, Suite, collected
from tests.mutants.targets import MODULES, ROOT, functions_of
from tests.mutants.verdicts import MISSED, NOTICED, Verdicts, read_seen, table, whole_share, write_seen

BUDGET_S = 8.0
WIDE_BUDGET_S = 30.0
KILLERS_MAX = 12
"""tests that are remembered of a function"""
LOOK_N = 8
"""tests that are looked at before what was seen is written down"""
ENOUGH = 0.85


def main() -> int:
    """Judge what is asked for and tell what came of it."""
    asked = _parser().parse_args()
    return collected(lambda suite: _sampled(suite, asked) if asked.sample else _judged(suite, asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="a module by its last name, such as plan")
    parser.add_argument("--survivors", action="store_true", help="judge again what no test noticed, by more tests")
    parser.add_argument("--tests", default="", help="judge only by tests with one of these words, parted by commas")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no mutant after so many seconds")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=ROOT / ".mutants", help="where verdicts are kept")
    parser.add_argument("--sample", type=int, default=0, help="judge so many, chosen by --seed, and keep nothing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=ENOUGH, help="of faults that are noticed; fail below")
    return parser


def _judged(suite: Suite, asked: argparse.Namespace) -> int:
    """All mutants that have no verdict yet, or the survivors again."""
    until = time.monotonic() + asked.seconds
    asked.work.mkdir(parents=True, exist_ok=True)
    verdicts = Verdicts(asked.work / "verdicts.jsonl")
    seen = _looked_at(suite, asked.work / "seen.jsonl", asked.workers, until)
    if seen is None:
        return 1
    reasons = equivalent()
    functions = [each for module in MODULES for each in functions_of(module)]
    mutants = [
        mutant
        for function in functions
        if asked.only in ("", function.module.rpartition(".")[2])
        for mutant in mutants_of(function)
    ]

    # In no order of theirs: a run that is stopped early is a fair sample.
    shuffled = sorted(mutants, key=lambda mutant: zlib.crc32(mutant.key.encode()))

    def to_do() -> Iterator[Mutant]:
        for mutant in shuffled:
            known = verdicts.found.get(mutant.key)
            missed = known is not None and known.verdict in MISSED
            if mutant.key not in reasons and (missed if asked.survivors else known is None):
                yield mutant

    words = asked.tests.split(",")
    judges = [each for each in seen if any(word in each.test for word in words)]
    judge = Judge(suite, judges, WIDE_BUDGET_S if asked.survivors else BUDGET_S)
    names = [f"{function.module} {function.name}" for function in functions]
    for name in names:
        judge.told(name, [each.by for key, each in verdicts.found.items() if each.by and key.startswith(f"{name} ")])
    for verdict in judge.judge(to_do(), asked.workers, until):
        verdicts.add(verdict)
        if verdict.verdict in MISSED:
            _say(f"{verdict.verdict}: {verdict.key}")
    write_killers({name: tests[:KILLERS_MAX] for name in names if (tests := judge.killers_of(name))})
    keys = {mutant.key for function in functions for mutant in mutants_of(function)} - set(reasons)
    write_survivors(key for key, each in verdicts.found.items() if key in keys and each.verdict in MISSED)
    return _tell([mutant.key for mutant in mutants], verdicts.found, reasons, asked.share)


def _sampled(suite: Suite, asked: argparse.Namespace) -> int:
    """A choice of all mutants, each judged by the tests that have noticed others of its function."""
    reasons = equivalent()
    known = killers()
    functions = [each for module in MODULES for each in functions_of(module)]
    mutants = [each for function in functions for each in mutants_of(function) if each.key not in reasons]
    chosen = random.Random(asked.seed).sample(mutants, asked.sample)
    seen = [
        Seen(test, 0.1, frozenset((each.module, n) for n in range(each.node.lineno, (each.node.end_lineno or 0) + 1)))
        for each in functions
        for test in known.get(f"{each.module} {each.name}", ())
        if test in suite.items
    ]
    judge = Judge(suite, seen, BUDGET_S)
    for name, tests in known.items():
        judge.told(name, tests)
    found: dict[str, Verdict] = {}
    for verdict in judge.judge(iter(chosen), asked.workers, time.monotonic() + asked.seconds):
        found[verdict.key] = verdict
        if verdict.verdict in MISSED:
            _say(f"{verdict.verdict}: {verdict.key}")
    return _tell([mutant.key for mutant in chosen], found, reasons, asked.share)


def _looked_at(suite: Suite, path: Path, workers: int, until: float) -> Sequence[Seen] | None:
    """Which lines each test runs; kept for the next run. None when there was no time to see all."""
    seen = {test: each for test, each in read_seen(path).items() if test in suite.items}
    missing = [test for test in suite.items if test not in seen]
    for begin in range(0, len(missing), LOOK_N):
        if time.monotonic() > until:
            return None
        for each in observed(suite, missing[begin : begin + LOOK_N], workers):
            seen[each.test] = each
            if not each.lines:
                _say(f"no judge, for it fails or takes too long without the compiler: {each.test}")
        write_seen(path, seen.values())
    return [each for each in seen.values() if each.lines]


def _tell(keys: Sequence[str], found: dict[str, Verdict], reasons: dict[str, str], enough: float) -> int:
    for line in table(keys, found, reasons):
        _say(line)
    wrong = sorted(key for key in reasons if key in found and found[key].verdict in NOTICED)
    for key in wrong:
        _say(f"listed as equivalent, and noticed: {key}")
    return int(bool(wrong) or whole_share(keys, found, reasons) < enough)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
