"""The simulator can see: each planted bug is found within a few seeds, and the time to find it is told."""

import logging
import re
import time

import pytest

from actors.journal import JournalCorrupt
from tests.conftest import Tell
from tests.simulation.evidence import Broken
from tests.simulation.loop import Stuck
from tests.simulation.planted import BUGS
from tests.simulation.run import run
from tests.simulation.shards import AnsweredByAnother

pytestmark = pytest.mark.long
SEEDS_MAX = 60
COMMANDS = 1000


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, tell: Tell) -> None:
    """By the check that is there for it: another finding would be of the patch, or of something else."""
    began = time.process_time()
    logging.disable(logging.CRITICAL)
    try:
        with BUGS[bug].plant():
            found = next((said for seed in range(SEEDS_MAX) if (said := _wrong(seed))), "")
    finally:
        logging.disable(logging.NOTSET)
    assert found, f"not found in {SEEDS_MAX} seeds"
    assert re.search(BUGS[bug].said, found), found[:1000]
    tell(f"{bug}: found in {time.process_time() - began:.1f} s, {found[:160]}")


def _wrong(seed: int) -> str:
    """What is wrong with a seed; "" = nothing. Whatever no check said is a fault of the patch, and is raised."""
    try:
        run(seed, COMMANDS)
    except (Broken, Stuck, JournalCorrupt, AnsweredByAnother) as error:
        return f"seed {seed}: {type(error).__name__}: {error}"
    return ""
