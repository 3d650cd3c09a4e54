"""One engine with Ray for all tests of a session, and one without."""

from collections.abc import Iterator

import pytest

from tests.e2e.served import Served, wait_until


def _served(tmp_path_factory: pytest.TempPathFactory, name: str, *options: str) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp(name) / "data", *options)
    yield served
    family = served.family()
    assert served.stop() == 0, served.words()
    wait_until(lambda: not any(process.alive() for process in family), "the end of every process")


@pytest.fixture(scope="session")
def ray_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two shards as Ray actors, two API workers."""
    yield from _served(tmp_path_factory, "ray", "--shards", "2", "--workers", "2")


@pytest.fixture(scope="session")
def local_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two shards as threads of one API process."""
    yield from _served(tmp_path_factory, "local", "--transport", "local", "--shards", "2")
