"""Finds commands over several shards that were left undecided, and has them aborted through their home shard.

Every client process looks at every shard now and then; the decision is journaled at the home, first writer
wins, so it does not matter how many look, nor whether the coordinator is still alive. What was decided
meanwhile is only carried out where it was not. A state machine without IO; the client drives it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from actors.answers import Answers
from actors.gathering import Answered
from actors.partitions import PartitionMap
from actors.saga import Step, derived_id, fill_step, is_commit
from actors.settings import Settings
from engine.kinds import Flag, Kind, QuestionKind, ReservationState
from engine.layout import COMMAND, NO_WAREHOUSE, QUESTION
from engine.outcomes import Outcome
from engine.wire import Array

_MASK = (1 << 64) - 1


class Undecided(NamedTuple):
    """A part of a reservation or sale that is prepared on a shard."""

    shard: int
    reservation: int
    op: int
    key: int
    """under which the decision is journaled"""
    home: int
    """at the shard of this partition"""
    settled: bool = False
    """a sale that has happened: it is not given up because its coordinator is away"""


def question(limit: int) -> Array:
    """What is asked of every shard."""
    asked = np.zeros(1, QUESTION)
    asked["kind"], asked["state"], asked["limit"] = QuestionKind.RESERVATIONS, ReservationState.PREPARED, limit
    asked["channel"], asked["flags"] = NO_WAREHOUSE, Flag.ADMIN
    return asked


def undecided_in(answers: Answers) -> list[Undecided]:
    """What one shard answered, read."""
    return [
        Undecided(
            answers.shard,
            int(view["reservation"]),
            int(row["source_key"]) & _MASK,
            int(row["expected"]) & _MASK,
            int(row["priority"]),
            bool(row["flags"] & Flag.SETTLED),
        )
        for view, row in zip(answers.reservations, answers.reservation_commands, strict=True)
        if row["flags"] & Flag.PREPARE
    ]


class SagaScan:
    """What is undecided, and since when it has been seen."""

    def __init__(self, settings: Settings, partitions: PartitionMap) -> None:
        self._settings = settings
        self._partitions = partitions
        self._since_ms: dict[Undecided, int] = {}
        self._overdue: list[Undecided] = []

    def on_found(self, found: Sequence[Undecided], now_ms: int) -> Step | None:
        """All that is prepared now, on every shard that answered: DECIDE rows for what has waited too long."""
        self._since_ms = {each: self._since_ms.get(each, now_ms) for each in found}
        overdue = {
            (each.op, each.key)
            for each, since_ms in self._since_ms.items()
            if now_ms - since_ms >= self._patience_ms(each)
        }
        self._overdue = [each for each in found if (each.op, each.key) in overdue]
        if not self._overdue:
            return None
        # One row for each decision: its parts on several shards ask for the same one.
        asked = {(each.op, each.key): each for each in self._overdue}
        rows = np.zeros(len(asked), COMMAND)
        for row, each in zip(rows, asked.values(), strict=True):
            fill_step(row, Kind.DECIDE, each.op, each.key, each.home, False, 0)
            row["id_hi"], row["id_lo"] = derived_id(each.op, each.key, Kind.DECIDE.text.encode())
        homes = [self._partitions.shard_of(each.home) for each in asked.values()]
        return Step(rows, np.empty(0, np.uint8), np.array(homes, np.uint8))

    def on_decided(self, decided: Answered) -> Step | None:
        """The decisions: APPLY rows for every part that waits for one."""
        asked = dict.fromkeys((each.op, each.key) for each in self._overdue)
        decisions = dict(zip(asked, decided.results, strict=True))
        waiting = [each for each in self._overdue if decisions[each.op, each.key]["outcome"] <= Outcome.OK]
        if not waiting:
            return None
        rows = np.zeros(len(waiting), COMMAND)
        for row, each in zip(rows, waiting, strict=True):
            result = decisions[each.op, each.key]
            due_ms = int(result["expires_at_ms"])
            fill_step(row, Kind.APPLY, each.op, each.reservation, each.home, is_commit(result), due_ms)
            row["id_hi"], row["id_lo"] = derived_id(each.op, each.reservation, Kind.APPLY.text.encode())
        return Step(rows, np.empty(0, np.uint8), np.array([each.shard for each in waiting], np.uint8))

    def _patience_ms(self, part: Undecided) -> int:
        return self._settings.undecided_settled_ms if part.settled else self._settings.undecided_ms
