"""The project's own tests, collected once by pytest and run one by one, in processes forked from this one.

Kernels run without the compiler, so a mutant is a function with other code and nothing more. Shards are built small:
where a table is as long as its limit, Python would take a second to look through it.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NamedTuple

import pytest
from _pytest.runner import runtestprotocol

from engine.layout import Limits
from tests.mutants.targets import MODULES, ROOT, path_of

TESTS: Final = (
    "tests/engine",
    *(f"tests/actors/test_{name}.py" for name in ("saga", "saga_answers", "saga_engine", "saga_rounds")),
    *(f"tests/actors/test_{name}.py" for name in ("over_shards", "saga_scan", "spanning")),
)
LEFT_OUT: Final = ("test_against_model", "test_journal_format", "test_checksum", "test_alert_scans")
"""Hypothesis plays too long without the compiler (`test_seeded_histories` is there for it), so do 100,000 cells; the
others do not judge."""
_SMALL: Final = {"warehouses_max": 12, "channels_max": 8, "clients_max": 16}

Line = tuple[str, int]
"""(module, line)"""


class Seen(NamedTuple):
    """What is known of a test that passes."""

    test: str
    cpu_s: float
    lines: frozenset[Line]


class Suite:
    """pytest's collected tests."""

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        self.items = {item.nodeid: item for item in items if not any(name in item.nodeid for name in LEFT_OUT)}

    def run(self, test: str) -> str:
        """Why the test fails, "" when it passes."""
        item = self.items[test]
        for report in runtestprotocol(item, log=False, nextitem=None):
            if report.failed:
                return report.longreprtext.strip().rpartition("\n")[2] or "failed"
        return ""

    def observe(self, test: str) -> Seen | None:
        """Run the test and see which lines of the mutated modules it runs; None when it fails."""
        lines: set[Line] = set()
        began = time.process_time()
        with _traced(lines):
            wrong = self.run(test)
        return None if wrong else Seen(test, time.process_time() - began, frozenset(lines))


def collected(job: Callable[[Suite], int]) -> int:
    """Collect the tests and do the job with them; returns what the job returns."""
    return _Collecting(job).main()


class _Collecting:
    """A plugin: pytest collects, and instead of running everything it is handed over."""

    def __init__(self, job: Callable[[Suite], int]) -> None:
        self._job = job
        self._status = 1

    def main(self) -> int:
        _build_small_shards()
        paths = [str(ROOT / path) for path in TESTS if (ROOT / path).exists()]
        options = [
            "-qq",
            "--no-header",
            "--no-summary",
            "--assert=plain",
            "--capture=no",
            "--tb=line",
            "-o",
            "faulthandler_timeout=0",
            f"--rootdir={ROOT}",
        ]
        plugins = ["no:cacheprovider", "no:benchmark"]
        pytest.main([*options, *(f"-p{each}" for each in plugins), *paths], plugins=[self])
        return self._status

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Hand the items over."""
        self._status = self._job(Suite(session.items))
        return True


def _build_small_shards() -> None:
    names = list(Limits.__dataclass_fields__)
    defaults: Any = Limits.__init__.__defaults__
    Limits.__init__.__defaults__ = tuple(_SMALL.get(name, value) for name, value in zip(names, defaults, strict=True))


@contextmanager
def _traced(lines: set[Line]) -> Iterator[None]:
    """Every line of the mutated modules that is run is added."""
    module_of = {str(path_of(module)): module for module in MODULES}

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        module = module_of.get(frame.f_code.co_filename)
        if module is None:
            return None

        def on_line(frame: FrameType, event: str, argument: Any) -> Any:
            lines.add((module, frame.f_lineno))
            return on_line

        lines.add((module, frame.f_lineno))
        return on_line

    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(None)
