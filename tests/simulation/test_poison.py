"""One row of a thousand kills whatever shard decides it: the others are done, and it is found soon."""

import asyncio
import logging
import math
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.settings import Settings
from engine.kinds import Flag, Kind
from engine.outcomes import Outcome
from engine.shard import Decision, Shard
from tests.simulation.disk import Crashed
from tests.simulation.faults import Rates
from tests.simulation.names import CLIENTS, GOODS
from tests.simulation.plan import Plan
from tests.simulation.workload import Command, Customer
from tests.simulation.world import World

ROWS = 1000


@pytest.mark.parametrize("own_settings", [False, True], ids=["drawn", "as shipped"])
@pytest.mark.parametrize("seed", range(3))
def test_one_crashing_row_among_a_thousand_is_found_and_the_others_are_done(
    seed: int, own_settings: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the thousand go in many small chunks or, as they do unless somebody sets it otherwise, in one."""
    monkeypatch.setattr(logging.root, "disabled", True)
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        world = World(seed, _plan(chance, own_settings), Path(place))
        customer = Customer(99, CLIENTS[0], chance, world.customers[0]._goods)
        rows = [
            customer.row(Kind.RECEIVE, sku=chance.choice(GOODS), warehouse="north", quantity=1000) for _ in range(ROWS)
        ]
        customer.commands = [Command([row], at) for at, row in enumerate(rows)]
        poison = customer.commands[chance.randrange(ROWS)]
        _poison(monkeypatch, poison)
        restarts = world.loop.run_until_complete(_sent(world, customer))
        world.loop.close()
    assert restarts <= math.log2(ROWS) + 2
    assert poison.answers[0][0] == Outcome.QUARANTINED
    assert {command.answers[0][0] for command in customer.commands if command is not poison} == {Outcome.OK}


def _plan(chance: random.Random, own_settings: bool) -> Plan:
    plan = Plan.drawn(chance, 0, Rates.none())
    return replace(plan, settings=Settings()) if own_settings else plan


def _poison(monkeypatch: pytest.MonkeyPatch, poison: Command) -> None:
    """From now on deciding this row ends the process, unless the row says that it is to be left alone."""
    plain = Shard.decide

    def decide(self: Shard, rows: Any, heap: Any, **named: Any) -> Decision:
        if poison.ids:
            own = (rows["id_hi"] == np.uint64(poison.ids[0][0])) & (rows["flags"] & np.uint16(Flag.QUARANTINE) == 0)
            if own.any():
                raise Crashed
        return plain(self, rows, heap, **named)

    monkeypatch.setattr(Shard, "decide", decide)


async def _sent(world: World, customer: Customer) -> int:
    """Send all as one request, until all is answered; how often a shard had to be started again."""
    await world.found()
    before = sum(place.restarts for place in world.places)
    caller = world.caller(customer)
    while not all(command.known for command in customer.commands):
        await caller.send([command for command in customer.commands if not command.known], customer.chance)
        await asyncio.sleep(0.1)
    restarts = sum(place.restarts for place in world.places) - before
    await world.finish()
    return restarts
