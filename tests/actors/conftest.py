"""One small Ray cluster for all tests of a session that want one."""

import os
from collections.abc import Iterator

import pytest

from actors.process_group import descendants, kill_and_wait
from actors.ray_settings import RAY_ENVIRONMENT, RunDirectory, ray_environment

# Ray reads most of it when it is imported, which the test modules do; it reads the token when it starts.
os.environ.update(RAY_ENVIRONMENT)


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
