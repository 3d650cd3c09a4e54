"""Taking definitions to the shards and telling what became of each document from what they answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import structlog

from actors.documents.definitions import Rows
from engine.outcomes import Outcome

_log = structlog.get_logger(__name__)

_OK: Final = int(Outcome.OK)
_UNDECIDED: Final = (int(Outcome.UNAVAILABLE), int(Outcome.OVERLOADED))


class Answered(Protocol):
    """What the client hands back: a result for each row."""

    @property
    def results(self) -> npt.NDArray[np.void]:
        """RESULT rows."""


class Shards(Protocol):
    """What is needed of the client: it answers rows of shards that are away, and does not raise for them."""

    @property
    def shard_count(self) -> int:
        """Shards are numbered from 0."""

    async def commands(self, rows: Rows, heap: npt.NDArray[np.uint8], *, shard: int | None = None) -> Answered:
        """Send unfinished rows to the shards of their SKUs, or all of them to `shard`."""


class Fate(Enum):
    """What became of a pending document."""

    APPLIED = "every shard took it"
    REFUSED = "no shard took it"
    TORN = "some took it, some refused"
    OPEN = "a shard has not decided yet"


@dataclass(frozen=True, slots=True)
class Parcel:
    """The definitions of some documents."""

    rows: Rows
    heap: npt.NDArray[np.uint8]
    first_rows: list[int]
    """of each document: its rows go up to the next one's"""
    everywhere: bool
    """to every shard; otherwise each row to the shard of its SKU"""


async def deliver(shards: Shards, parcel: Parcel, timeout_s: float) -> list[list[Outcome]]:
    """For each document what each shard that was asked said; `unavailable` where it said nothing in time."""
    if not parcel.first_rows:
        return []
    if not parcel.everywhere:
        return [[outcome] for outcome in await _ask(shards, parcel, None, timeout_s)]
    asked = (_ask(shards, parcel, shard, timeout_s) for shard in range(shards.shard_count))
    return [list(outcomes) for outcomes in zip(*await asyncio.gather(*asked), strict=True)]


def fate_of(outcomes: Sequence[Outcome]) -> Fate:
    """What the outcomes of one document's definitions mean for it."""
    if any(outcome in _UNDECIDED for outcome in outcomes):
        return Fate.OPEN
    taken = sum(outcome == _OK for outcome in outcomes)
    if taken == len(outcomes):
        return Fate.APPLIED
    return Fate.TORN if taken else Fate.REFUSED


async def _ask(shards: Shards, parcel: Parcel, shard: int | None, timeout_s: float) -> list[Outcome]:
    try:
        # A copy because the client finishes the rows that it is given.
        answered = await asyncio.wait_for(shards.commands(parcel.rows.copy(), parcel.heap, shard=shard), timeout_s)
    except TimeoutError:
        _log.warning("definitions_unanswered", shard=shard, rows=len(parcel.rows), timeout_s=timeout_s)
        return [Outcome.UNAVAILABLE] * len(parcel.first_rows)
    outcomes = answered.results["outcome"]
    assert len(outcomes) == len(parcel.rows)
    # A channel's rows stand together: the group's outcome is the worst of them, which is the smallest number,
    # unless one of them is not decided at all.
    undecided = np.isin(outcomes, _UNDECIDED)
    worst = np.minimum.reduceat(np.where(undecided, 0, outcomes), parcel.first_rows)
    return [Outcome(outcome) if outcome else Outcome.UNAVAILABLE for outcome in worst.tolist()]
