"""One engine with Ray for all tests here, and one without; they end with the last of these tests."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from actors.kernel_cache import is_warm, kernel_cache, kernel_cache_environment
from tests.e2e.served import Served, wait_until


def _served(tmp_path_factory: pytest.TempPathFactory, name: str, *options: str) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp(name) / "data", *options)
    yield served
    family = served.family()
    assert served.stop() == 0, served.words()
    wait_until(lambda: not any(process.alive() for process in family), "the end of every process")


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compiled before any engine starts, so that the time an engine takes to be ready is its own."""
    environment = {**os.environ, **kernel_cache_environment()}
    if not is_warm(kernel_cache()):
        subprocess.run([sys.executable, "-m", "actors.warmup"], env=environment, timeout=600, check=True)


@pytest.fixture(scope="package")
def ray_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two shards as Ray actors, two API workers."""
    yield from _served(tmp_path_factory, "ray", "--shards", "2", "--workers", "2")


@pytest.fixture(scope="package")
def local_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two shards as threads of one API process."""
    yield from _served(tmp_path_factory, "local", "--transport", "local", "--shards", "2")
