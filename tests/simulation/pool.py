"""Plays many seeds on all cores: each in a process of its own kind of state, none knows of the others."""

import logging
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.simulation.run import Ran, run


@dataclass(frozen=True, slots=True)
class Failed:
    """A seed with which something is wrong."""

    seed: int
    reason: str


def parted(played: Iterable[Ran | Failed]) -> tuple[list[Failed], list[Ran]]:
    """Those with which something is wrong, and the others."""
    failed: list[Failed] = []
    ran: list[Ran] = []
    for each in played:
        if isinstance(each, Failed):
            failed.append(each)
        else:
            ran.append(each)
    return failed, ran


def play_all(seeds: Iterable[int], commands: int, processes: int = 0) -> Iterator[Ran | Failed]:
    """As they are done. Nothing of a failure but its seed is needed: it can be played again."""
    # Not forked: this process may have threads, of numba or of the test runner.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes or os.cpu_count() or 1, _quiet) as pool:
        yield from pool.imap_unordered(play, ((seed, commands) for seed in seeds), chunksize=4)


def _quiet() -> None:
    """What shards say of deaths that were meant is not news; and whoever else is at work here goes first."""
    logging.disable(logging.CRITICAL)
    os.nice(10)


def play(given: tuple[int, int]) -> Ran | Failed:
    """(seed, commands), played in this process."""
    seed, commands = given
    try:
        return run(seed, commands)
    except (Exception, AssertionError) as error:
        return Failed(seed, f"{type(error).__name__}: {error}"[:4000])
