"""A seed from beginning to end: the world it makes, its history, and all checks; what came of it."""

import gc
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest.mock import patch

from actors import recovery
from tests.simulation.bounds import check_bounds, check_sums
from tests.simulation.checkers import (
    OracleCheck,
    check_answers,
    check_clock,
    check_fold,
    check_order,
    check_sent,
    check_whole,
)
from tests.simulation.evidence import Broken, index_of
from tests.simulation.faults import Rates
from tests.simulation.loop import NS
from tests.simulation.plan import Plan
from tests.simulation.world import World

COMMANDS: Final = 2000
_MEMORY: Final = Path("/dev/shm")


@dataclass
class Ran:
    """What became of one seed."""

    seed: int
    commands: int = 0
    simulated_s: float = 0.0
    cpu_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


def run(seed: int, commands: int = COMMANDS, rates: Rates | None = None) -> Ran:
    """Play the seed; raises whatever is wrong with it."""
    began = time.process_time()
    # A world is garbage as a whole: looking for it again and again meanwhile takes a quarter of the time.
    gc.disable()
    directory = Path(tempfile.mkdtemp(prefix="omnistock-simulation-", dir=_MEMORY if _MEMORY.exists() else None))
    try:
        world = World(seed, Plan.drawn(random.Random(seed), commands, rates), directory)
        with _no_threads():
            world.run()
        check(world)
    finally:
        shutil.rmtree(directory)
        gc.enable()
    return Ran(seed, len(world.commands), world.loop.now_ns / NS, time.process_time() - began, world.counts)


@contextmanager
def _no_threads() -> Iterator[None]:
    """A recovery reads and folds in turn: its helping threads would only wait for one another here."""
    with patch.multiple(recovery, ahead=iter, FreshMemory=lambda *_: nullcontext()):
        yield


def check(world: World) -> None:
    """Everything that must be true of a world at rest."""
    journals = world.journals()
    index = index_of(journals)
    texts = {
        ids: row.id for command in world.commands for ids, row in zip(command.ids, command.rows, strict=True) if row.id
    }
    for shard, journal in enumerate(journals):
        check_order(journal, shard)
        check_sums(journal, shard)
        check_bounds(journal, shard)
        place = world.places[shard]
        check_clock(journal, [*place.written, *place.process.written], shard)
    reads = world.reads
    check_answers(world.commands, index, world.names)
    check_sent(index, texts)
    check_whole(index)
    for shard, journal in enumerate(journals):
        oracle = OracleCheck(shard, world.names, texts, [read for read in reads if read.shard == shard])
        oracle.run(journal)
        if oracle.oracle.prepared:
            raise Broken("something is prepared and never decided", shard, len(journal), oracle.oracle.prepared)
        check_fold(journal, world.places[shard].process.engine, shard)
