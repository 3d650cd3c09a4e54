"""Where kernels are cached, Hypothesis profiles, which tests share a worker, and what tests tell whoever runs them."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

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


# Before the one of pytest-xdist, which reads the groups and is there first.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay in one worker, for they share fixtures. All that start an engine of processes share one, so
    that there is one at a time. What takes longest is begun first: they in one worker, in the other the simulated
    worlds, which give way to everything else."""
    apart = {item for item in items if "e2e" in item.path.parts or "ray_run" in getattr(item, "fixturenames", ())}
    for item in items:
        item.add_marker(pytest.mark.xdist_group("processes" if item in apart else str(item.path)))
    items.sort(key=lambda item: (item not in apart, item.path.name != "test_simulation.py"))


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
