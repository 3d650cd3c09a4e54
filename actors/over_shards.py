"""Drives commands over several shards on asyncio: their rounds, step after step, and the scan for what was left.

What is sent and what it means is decided by `actors.saga` and `actors.saga_scan`; the client gives the two
ways out, one for rows and one for questions.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from actors.answers import Answers
from actors.gathering import NO_LINES, Answered, no_results
from actors.packing import join_arrays, number_groups, place
from actors.partitions import PartitionMap
from actors.routing import Units
from actors.saga import Round, Step
from actors.saga_scan import SagaScan, question, undecided_in
from actors.settings import Settings
from actors.spanning import (
    CommandId,
    Held,
    Key,
    named_reservations,
    rounds_of,
    settled_reservations,
    settling_ids,
    touched_by,
)
from engine.kinds import Flag, QuestionKind
from engine.layout import LINE, NO_WAREHOUSE, QUESTION
from engine.outcomes import Outcome
from engine.wire import Array, Bytes

_OK: Final = int(Outcome.OK)


class Entry(Enum):
    """How rows are let into the queues."""

    EACH = "each"
    """shard by shard: those of a full one are refused"""
    TOGETHER = "together"
    """all or none: a command of which a part is refused would be undecided"""
    FOLLOWS = "follows"
    """always: the command's first step is in already"""


Decide = Callable[[Step, Entry], Awaitable[Answered]]
AskAll = Callable[[Array], Awaitable[list[Answers]]]


class OverShards:
    """One per client."""

    def __init__(
        self, settings: Settings, partitions: PartitionMap, decide: Decide, ask_all: AskAll, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._partitions = partitions
        self._decide = decide
        self._ask_all = ask_all
        self._now_ms = now_ms
        self._scan = SagaScan(settings, partitions)

    async def decided(
        self, rows: Array, heap: Bytes, shard_of: npt.NDArray[np.uint8], units: Units
    ) -> tuple[Array, Array, int]:
        """(results, lines, retry_after_ms) of finished rows of which some units span shards."""
        number_groups(rows)
        settled = settled_reservations(rows)
        # Also those on one shard: what they hold says which SKUs their commands are about.
        named, settling_at = named_reservations(rows), settling_ids(rows)
        holdings, voted, unknown, reused = await self._look_up(named, rows, settling_at)
        touched = touched_by(rows, units, holdings)
        results = no_results(len(rows), Outcome.UNAVAILABLE)
        lines = [NO_LINES]
        lines_n = retry_after_ms = 0
        # What an unanswered unit was about: it may still take effect, so nothing behind it may overtake it.
        blocked: set[Key] = set()
        for number, planned in enumerate(rounds_of(units, touched)):
            if number and settled:
                holdings, voted, unknown, reused = await self._look_up(settled, rows, settling_at)
            chosen = []
            for unit in planned:
                head = int(units.begins[unit])
                if head in reused:
                    # Not sent: a shard that has not heard of the id would remember it for this content.
                    results["outcome"][head : units.ends[unit]] = Outcome.ID_REUSED
                elif blocked.isdisjoint(touched[unit]) and unknown.isdisjoint(_reservations(rows, units, unit)):
                    chosen.append(unit)
                else:
                    blocked |= touched[unit]
            round_ = Round(rows, heap, shard_of, units, chosen, holdings, self._partitions, voted)
            votes = await self._decide(round_.prepare(), Entry.TOGETHER)
            retry_after_ms = max(retry_after_ms, votes.retry_after_ms)
            decide = round_.decide(votes)
            decisions = None if decide is None else await self._decide(decide, Entry.FOLLOWS)
            apply = round_.apply(decisions)
            if apply is not None:
                round_.applied(await self._decide(apply, Entry.FOLLOWS))
            at, own, own_lines = round_.answered()
            own["lines_at"] += np.uint32(lines_n) * (own["lines_n"] > 0)
            lines.append(own_lines)
            lines_n += len(own_lines)
            place(results, at, own)
            for unit in chosen:
                if (results["outcome"][units.begins[unit] : units.ends[unit]] > Outcome.OK).any():
                    blocked |= touched[unit]
        return results, join_arrays(lines, LINE), retry_after_ms

    async def scan(self) -> None:
        """Look once at every shard for what was left undecided, and have it decided and carried out."""
        found = []
        for answers in await self._ask_all(question(self._settings.page_max)):
            found += undecided_in(answers)
        decide = self._scan.on_found(found, self._now_ms())
        if decide is not None:
            apply = self._scan.on_decided(await self._decide(decide, Entry.FOLLOWS))
            if apply is not None:
                await self._decide(apply, Entry.FOLLOWS)

    async def watch(self) -> None:
        """Scan for ever; a scan that fails is followed by others."""
        while True:
            await asyncio.sleep(self._settings.scan_period_ms / 1000)
            try:
                await self.scan()
            except Exception:
                logging.getLogger(__name__).exception("looking for undecided commands")

    async def _look_up(
        self, reservations: Sequence[int], rows: Array, settling_at: Sequence[int]
    ) -> tuple[dict[int, list[Held]], dict[CommandId, list[int]], set[int], set[int]]:
        """What the shards have of each reservation; which of them know each settling command, because it was sent
        before; the reservations of which a shard did not say; and the settling rows whose ids stand for something else.

        `settling_at`: which rows settle under an id of their own."""
        holdings: dict[int, list[Held]] = {key: [] for key in reservations}
        voted: dict[CommandId, list[int]] = {}
        unknown: set[int] = set()
        reused: set[int] = set()
        if not reservations:
            return holdings, voted, unknown, reused
        count, settling = len(reservations), rows.take(settling_at)
        questions = np.zeros(count + len(settling), QUESTION)
        questions["kind"][:count], questions["key"][:count] = QuestionKind.RESERVATION, reservations
        questions["channel"], questions["flags"][:count] = NO_WAREHOUSE, Flag.ADMIN | Flag.PREPARE
        questions["kind"][count:], questions["client"][count:] = QuestionKind.COMMAND, settling["client"]
        questions["key"][count:], questions["key_lo"][count:] = settling["id_hi"], settling["id_lo"]
        ids = list(zip(settling["id_hi"].tolist(), settling["id_lo"].tolist(), strict=True))
        contents = settling["content"].tolist()
        for answers in await self._ask_all(questions):
            # As plain numbers: there may be thousands.
            outcomes, items_at, items_n = (
                answers.answers[name].tolist() for name in ("outcome", "items_at", "items_n")
            )
            for at, command in enumerate(ids):
                if outcomes[count + at] == _OK:
                    voted.setdefault(command, []).append(answers.shard)
                    pinned = answers.commands[items_at[count + at] :][: items_n[count + at]]
                    if len(pinned) and pinned["id_hi"][0] == command[0] and pinned["content"][0] != contents[at]:
                        reused.add(settling_at[at])
            for at, key in enumerate(reservations):
                if outcomes[at] > _OK:
                    unknown.add(key)
                for item in range(items_at[at], items_at[at] + items_n[at]):
                    view = answers.reservations[item]
                    begin = int(view["lines_at"])
                    own = answers.reservation_lines[begin : begin + int(view["lines_n"])]
                    holdings[key].append(Held(answers.shard, int(view["state"]), int(view["expires_at_ms"]), own))
        return holdings, voted, unknown, reused


def _reservations(rows: Array, units: Units, unit: int) -> set[int]:
    found: set[int] = set(rows["reservation"][units.begins[unit] : units.ends[unit]].tolist())
    return found
