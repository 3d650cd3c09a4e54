"""Seeds that are played on every run of the suite."""

import pytest

from tests.simulation.run import run


@pytest.mark.parametrize("seed", range(4))
def test_a_world_comes_to_rest_with_everything_right(seed: int) -> None:
    run(seed)
