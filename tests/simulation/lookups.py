"""In the end some commands are looked up by their ids: whoever asks is told what the caller was told."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from actors.client import Client
from engine.kinds import Flag, Kind
from engine.outcomes import Outcome
from tests.simulation.evidence import Broken
from tests.simulation.goods import Goods
from tests.simulation.names import CLIENTS
from tests.simulation.workload import Command

LOOKED_UP: Final = 5
"""so many commands of any sort, and so many of those over several shards"""


async def look_up_some(
    client: Client, commands: Sequence[Command], goods: Goods, chance: random.Random, counts: Counter[str]
) -> None:
    """Raises Broken where an answer is not found again; counts those over several shards."""
    spanning = _spanning(commands, goods)
    for command in _some(commands, chance):
        await _look_up(client, command)
    for command in _some(spanning, chance):
        await _look_up(client, command)
        counts["looked up over shards"] += 1
    counts["replaced over shards"] += sum(command.ok and command.rows[0].has(Flag.REPLACES) for command in spanning)


def _some(commands: Sequence[Command], chance: random.Random) -> list[Command]:
    return chance.sample(commands, min(LOOKED_UP, len(commands)))


def _spanning(commands: Sequence[Command], goods: Goods) -> list[Command]:
    """Those over several shards, and what was done about the reservations that they made."""
    own = [command for command in commands if goods.spans([row.sku for row in command.rows if row.sku])]
    made = {(command.rows[0].client, command.rows[0].id) for command in own}
    return own + [command for command in commands if command.rows[0].reservation in made]


async def _look_up(client: Client, command: Command) -> None:
    for begin, end in _parts(command):
        head, answers = command.rows[begin], command.answers[begin:end]
        found = await client.command(CLIENTS.index(head.client), head.id)
        if found is None:
            raise Broken("an answered command is not found", detail=command.rows)
        # What lets a replaced reservation go is a row on each of its shards, and says nothing of the new one.
        told = _outcomes(found.rows["kind"].tolist(), found.results["outcome"].tolist())
        answered = _outcomes([row.kind for row in command.rows[begin:end]], [answer[0] for answer in answers])
        if told != answered:
            raise Broken("a command is told otherwise", detail=(command.rows, command.answers, found.results))


def _parts(command: Command) -> Iterator[tuple[int, int]]:
    """The rows of each id."""
    heads = [at for at, row in enumerate(command.rows) if row.id]
    return itertools.pairwise([*heads, len(command.rows)])


def _outcomes(kinds: Sequence[int], outcomes: Sequence[int]) -> list[Outcome]:
    begin = kinds.index(Kind.RESERVE) if Kind.RESERVE in kinds else 0
    return [Outcome(outcome) for outcome in outcomes[begin:]]
