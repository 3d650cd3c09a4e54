"""What came of each mutant, kept in a file as it comes, so that a run can go on where the last one stopped."""

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.mutants.judge import KILLED, SURVIVED, TIMED_OUT, UNSEEN, Verdict
from tests.mutants.suite import Seen
from tests.mutants.targets import MODULES, path_of

NOTICED = (KILLED, TIMED_OUT)
MISSED = (SURVIVED, UNSEEN)
_HEADS = (*NOTICED, *MISSED, "equivalent", "to do")


class Verdicts:
    """The latest verdict on each mutant."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: dict[str, Verdict] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                verdict = Verdict(*json.loads(line))
                self.found[verdict.key] = verdict

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict."""
        self.found[verdict.key] = verdict
        with self._path.open("a") as out:
            out.write(json.dumps(verdict) + "\n")


def read_seen(path: Path) -> dict[str, Seen]:
    """What `write_seen` wrote, by test; without tests that ran a module which is another since."""
    seen: dict[str, Seen] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        test, cpu_s, lines, digest = json.loads(line)
        found = Seen(test, cpu_s, frozenset((module, n) for module, n in lines))
        if digest == _digest(found):
            seen[test] = found
    return seen


def write_seen(path: Path, seen: Iterable[Seen]) -> None:
    """Which lines each test runs, for the next run."""
    path.write_text(
        "".join(json.dumps((each.test, each.cpu_s, sorted(each.lines), _digest(each))) + "\n" for each in seen)
    )


def _digest(seen: Seen) -> str:
    """Of the sources that the test runs, and of which modules were looked at."""
    looked_at = hashlib.sha256(" ".join(MODULES).encode()).hexdigest()[:8]
    return " ".join((looked_at, *(_source_digest(module) for module in sorted({module for module, _ in seen.lines}))))


@functools.cache
def _source_digest(module: str) -> str:
    return hashlib.sha256(path_of(module).read_bytes()).hexdigest()[:8]


def table(keys: Iterable[str], found: Mapping[str, Verdict], equivalent: Mapping[str, str]) -> list[str]:
    """Lines of a table: of every module and of all how many mutants were killed, survived, are no faults."""
    counts = _counts(keys, found, equivalent)
    lines = [f"{'':26}{'share':>8}" + "".join(f"{head:>12}" for head in _HEADS)]
    for module, count in counts.items():
        lines.append(f"{module:26}{_share(count):8.1%}" + "".join(f"{count[head]:12}" for head in _HEADS))
    return lines


def whole_share(keys: Iterable[str], found: Mapping[str, Verdict], equivalent: Mapping[str, str]) -> float:
    """Of the mutants that are faults, how many were noticed."""
    return _share(_counts(keys, found, equivalent)["all"])


def _counts(
    keys: Iterable[str], found: Mapping[str, Verdict], equivalent: Mapping[str, str]
) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for key in keys:
        verdict = "equivalent" if key in equivalent else found[key].verdict if key in found else "to do"
        counts.setdefault(key.partition(" ")[0], Counter())[verdict] += 1
    return {**counts, "all": sum(counts.values(), Counter())}


def _share(count: Mapping[str, int]) -> float:
    noticed, missed = (sum(count.get(each, 0) for each in group) for group in (NOTICED, MISSED))
    return noticed / max(1, noticed + missed)
