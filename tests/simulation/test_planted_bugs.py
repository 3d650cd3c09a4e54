"""The simulator can see: each planted bug is found within a few seeds, and the time to find it is told."""

import logging
import time

import pytest

from tests.conftest import Tell
from tests.simulation.planted import BUGS
from tests.simulation.run import run

pytestmark = pytest.mark.long
SEEDS_MAX = 60
COMMANDS = 1000


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, tell: Tell) -> None:
    began = time.process_time()
    logging.disable(logging.CRITICAL)
    try:
        with BUGS[bug]():
            found = next((said for seed in range(SEEDS_MAX) if (said := _wrong(seed))), "")
    finally:
        logging.disable(logging.NOTSET)
    assert found, f"not found in {SEEDS_MAX} seeds"
    tell(f"{bug}: found in {time.process_time() - began:.1f} s, {found}")


def _wrong(seed: int) -> str:
    """What is wrong with a seed; "" = nothing."""
    try:
        run(seed, COMMANDS)
    except Exception as error:
        return f"seed {seed}: {type(error).__name__}: {error}"[:160]
    return ""
