"""Where kernels are cached, Hypothesis profiles, which tests share a worker, and what tests tell whoever runs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from actors.kernel_cache import is_warm, kernel_cache, kernel_cache_environment

# Before numba is imported: it does not notice when a kernel in another file changes.
for _name, _value in kernel_cache_environment().items():
    os.environ.setdefault(_name, _value)

pytest.register_assert_rewrite("tests.engine.tables", "tests.engine.twins")

# A history can take a second on a busy machine: kernels and oracle decide it side by side.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("ci", _patient, max_examples=60)
settings.register_profile("deep", _patient, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

_TOLD = "told"
Tell = Callable[[str], None]


def pytest_configure(config: pytest.Config) -> None:
    """Before several workers begin, the kernels are compiled once for all."""
    if config.getoption("numprocesses", None) and not is_warm(kernel_cache()):
        subprocess.run([sys.executable, "-m", "actors.warmup"], timeout=900, check=True)


# What takes longest is begun first.
_BREAKING, _SERVED, _WORLDS, _OTHERS = range(4)
_BROKEN = (
    "tests/actors/test_cluster", "tests/actors/test_shard_watch", "tests/e2e/chaos/", "tests/e2e/test_disk_faults",
    "tests/e2e/test_serve_postgres", "tests/e2e/test_soak",
)  # fmt: skip
"""These start Ray, or engines that nobody shares."""


def _rank(nodeid: str) -> int:
    if nodeid.startswith(_BROKEN):
        return _BREAKING
    if nodeid.startswith("tests/e2e/"):
        return _SERVED
    # Simulated worlds give way to everything else.
    return _WORLDS if nodeid.startswith("tests/simulation/test_simulation") else _OTHERS


class _Parted(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """A file's tests stay in one worker, for they share fixtures. Those that start engines are two parts, one for those
    that share some: so there are never more than two at work. (The groups of pytest-xdist 3.8 do not survive pytest
    9.2: every test is a group of its own.)"""

    def _split_scope(self, nodeid: str) -> str:
        rank = _rank(nodeid)
        return str(rank) if rank in (_BREAKING, _SERVED) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Which worker runs what."""
    return _Parted(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of their ranks."""
    items.sort(key=lambda item: _rank(item.nodeid))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Says something to whoever runs the tests: it is shown at the end, whichever worker it comes from."""
    return lambda text: record_property(_TOLD, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests told."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    told = [(report.nodeid, text) for report in reports for name, text in report.user_properties if name == _TOLD]
    for nodeid, text in told:
        terminalreporter.section(nodeid.rpartition("::")[2], sep="-")
        terminalreporter.write_line(str(text))
