"""One small Ray cluster for all tests of a session that want one, and directories that cost no disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.process_group import descendants, kill_and_wait
from actors.ray_settings import RAY_ENVIRONMENT, RunDirectory, ray_environment

# Ray reads most of it when it is imported, which the test modules do; it reads the token when it starts.
os.environ.update(RAY_ENVIRONMENT)


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A directory in memory: for tests that make and remove files ten thousand times."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="omnistock-", dir=memory if memory.is_dir() else None))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def ray_run() -> Iterator[RunDirectory]:
    """This process is the driver of the head; nothing of Ray is left when the session ends."""
    from actors import cluster  # only when a test wants it: the import alone takes half a second

    run = RunDirectory.create()
    before = set(descendants(os.getpid()))
    os.environ.update(ray_environment(run))
    try:
        cluster.start_head(run)
        yield run
    finally:
        ours = [process for process in descendants(os.getpid()) if process not in before]
        cluster.leave()
        kill_and_wait(ours, 10)
        run.remove()
