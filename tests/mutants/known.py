"""The lists that are committed: mutants that are no faults, with the reason, and tests that notice most.

equivalent.txt: a line "# why", and under it the mutants it is true of. Several changes of one line may be named behind
one another, between " ; ". killers.txt: a function, and tests that notice mutants of it, best first; they are tried
first, so a list that is out of date costs time and nothing else. survivors.txt: what no test noticed so far.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
EQUIVALENT: Final = HERE / "equivalent.txt"
KILLERS: Final = HERE / "killers.txt"
SURVIVORS: Final = HERE / "survivors.txt"


def equivalent() -> dict[str, str]:
    """By the mutant's key, why no test can notice it."""
    reasons: dict[str, str] = {}
    reason = ""
    for line in EQUIVALENT.read_text().splitlines():
        if line.startswith("# "):
            reason = line[2:]
        elif line:
            where, _, operators = line.rpartition(" ~ ")
            for operator in operators.split(" ; "):
                key = f"{where} ~ {operator}"
                assert reason, f"no reason is given for {key}"
                assert key not in reasons, f"{key} is there twice"
                reasons[key] = reason
    return reasons


def killers() -> dict[str, list[str]]:
    """By module and function, the tests that notice most."""
    known: dict[str, list[str]] = {}
    tests: list[str] = []
    for line in KILLERS.read_text().splitlines() if KILLERS.exists() else ():
        if line.startswith(" "):
            tests.append(line.strip())
        else:
            tests = known.setdefault(line, [])
    return known


def write_killers(known: Mapping[str, list[str]]) -> None:
    """What `killers` will read."""
    lines = [line for function, tests in known.items() for line in (function, *(f"  {test}" for test in tests))]
    _write(KILLERS, lines)


def write_survivors(keys: Iterable[str]) -> None:
    """The mutants that no test noticed when they were last judged: what is still to be pinned, or to be explained."""
    _write(SURVIVORS, sorted(keys))


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))
