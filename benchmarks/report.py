"""`python -m benchmarks.report RUN.json`: a run of pytest-benchmark as the table in benchmarks/README.md.

What is compared with what, and what was wanted, stands in `benchmarks.wanted`. A figure that was not measured in the
run is left out of its row, and a row without its own figure says so.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.wanted import LIMITS, ROWS, Row, Target, short

README: Final = Path(__file__).resolve().parent / "README.md"
BEGIN: Final = "<!-- written by benchmarks.report: begin -->"
END: Final = "<!-- written by benchmarks.report: end -->"
_LIBRARIES: Final = (
    "ray",
    "numpy",
    "numba",
    "uvicorn",
    "uvloop",
    "httptools",
    "pyarrow",
    "orjson",
    "msgspec",
    "psycopg",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number, with how many rounds it is the median of."""

    value: float
    unit: str
    rounds: int
    least: float
    most: float

    @property
    def text(self) -> str:
        """As people read it."""
        return f"{short(self.value)} {self.unit}"


Figures = dict[str, Figure]


def figures_of(run: dict[str, Any]) -> Figures:
    """Everything that the benchmarks of a run noted."""
    found: Figures = {}
    for benchmark in run["benchmarks"]:
        for key, noted in benchmark["extra_info"].items():
            if isinstance(noted, dict):
                found[key] = Figure(**noted)
    return found


def best(figures: Figures, keys: Sequence[str]) -> Figure | None:
    """The highest of those that were measured."""
    measured = [figures[key] for key in keys if key in figures]
    return max(measured, key=lambda figure: figure.value, default=None)


def table(figures: Figures) -> Iterator[str]:
    """The lines of the main table."""
    yield "| what | figure (median of n) | beside it in the same run | ratio | target | |"
    yield "|---|---|---|---|---|---|"
    for row in ROWS:
        own = best(figures, row.figure)
        if own is None:
            yield f"| {row.what} | not measured | | | {_wanted(row, '')} | |"
            continue
        beside = [(name, other) for name, keys in row.beside if (other := best(figures, keys)) is not None]
        names = "<br>".join(f"{name}: {other.text}" for name, other in beside)
        ratios = "<br>".join(f"{short(own.value / other.value)} x" for _, other in beside if other.value)
        spread = f"{short(own.least)} to {short(own.most)}" if own.rounds > 1 else ""
        shown = f"{own.text} ({own.rounds})" + (f"<br>{spread}" if spread else "")
        verdicts = "<br>".join(_verdict(own, target, figures) for target in row.targets)
        if "missed" in verdicts and row.why:
            verdicts += f"<br>{row.why}"
        yield f"| {row.what} | {shown} | {names} | {ratios} | {_wanted(row, own.unit)} | {verdicts} |"


def _wanted(row: Row, unit: str) -> str:
    return "<br>".join(target.shown(unit) for target in row.targets)


def _verdict(own: Figure, target: Target, figures: Figures) -> str:
    reached = own.value
    if target.of:
        other = best(figures, target.of.split("|"))
        if other is None:
            return "no peer"
        reached /= other.value
    met = reached <= target.bound if target.below else reached >= target.bound
    share = target.bound / reached if target.below else reached / target.bound
    return "met" if met else f"**missed** ({share:.0%})"


def machine() -> Iterator[str]:
    """What it was measured on, and with which versions."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processors = len(os.sched_getaffinity(0))
    yield f"- {processors} processors ({model[1].strip() if model else platform.machine()}), {memory:.0f} GiB of memory"
    yield f"- {platform.system()} {platform.release()}, Python {platform.python_version()}"
    yield "- " + ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    yield "- " + ", ".join(filter(None, (_said(*command) for command in _PEERS)))
    yield f"- load average when the report was written: {os.getloadavg()[0]:.1f}"


_PEERS: Final = (("psql", "--version"), ("redis-server", "--version"), (os.environ.get("TIGERBEETLE", ""), "version"))


def _said(program: str, argument: str) -> str:
    where = shutil.which(program) if program else None
    if where is None:
        return ""
    said = subprocess.run([where, argument], capture_output=True, text=True, timeout=30).stdout.strip()
    return re.sub(r" sha=.*", "", said.splitlines()[0]) if said else ""


def report(run: dict[str, Any]) -> str:
    """The part of the README between the marks."""
    figures = figures_of(run)
    parts: list[Callable[[], Iterator[str]]] = [machine, lambda: _limits(figures), lambda: table(figures)]
    lines = [
        BEGIN,
        f"Run of {run['datetime'][:16].replace('T', ' ')} UTC at commit {run['commit_info']['id'][:10]}.",
        "",
    ]
    for part in parts:
        lines += [*part(), ""]
    return "\n".join([*lines, END])


def _limits(figures: Figures) -> Iterator[str]:
    yield "| limit of the machine in this run | median (least to most) |"
    yield "|---|---|"
    for name, key in LIMITS:
        if key in figures:
            figure = figures[key]
            yield f"| {name} | {figure.text} ({short(figure.least)} to {short(figure.most)}) |"


def written(readme: str, part: str) -> str:
    """The README with what is between its marks exchanged."""
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    assert found, "the README has lost its marks"
    return before + part + after


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="written by pytest --benchmark-json")
    parser.add_argument("--print", action="store_true", dest="only_print", help="leave the README as it is")
    asked = parser.parse_args()
    run = json.loads(asked.run.read_text())
    part = report(run)
    if asked.only_print or float(os.environ.get("OMNISTOCK_BENCH_SCALE", "1")) != 1:
        print(part)
    else:
        README.write_text(written(README.read_text(), part))


if __name__ == "__main__":
    main()
