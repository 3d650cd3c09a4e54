"""One engine with analytics for the tests of a module, with a small shop in it; `admin` calls unless a key is given."""

from collections.abc import Iterator

import pytest

from tests.api.box import Box


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Two shards, stocked."""
    made = Box(tmp_path_factory.mktemp("data"), analytics=True)
    made.stock_shop()
    yield made
    made.close()
