"""Client processes and the customers behind them: whoever gets no answer asks again, by the same ids.

A `ClientProcess` is one API worker with production's `Client` in it; it may die at any moment, and another takes its
place. A customer's request goes to any of them; what is unanswered is sent again, to the same or to another.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.client import Client
from actors.clock import ShardClock
from actors.partitions import PartitionMap
from actors.settings import Settings
from engine.layout import RESULT
from engine.outcomes import PINNED_MAX
from engine.wire import Array, Bytes
from tests.rows import Row
from tests.simulation.clock import MachineClock
from tests.simulation.loop import SimLoop
from tests.simulation.names import SECRET, Names
from tests.simulation.network import Network, SimTransport
from tests.simulation.workload import Command, Customer

_PINNED_MAX = int(PINNED_MAX)
_AT = {name: at for at, name in enumerate(RESULT.names or ())}
OUTCOME, QUANTITY, RESERVATION = (_AT[name] for name in ("outcome", "quantity", "reservation"))


Results = list[tuple[int, ...]]
"""RESULT rows as plain values."""


class ClientDied(Exception):
    """The connection to the client process broke: nobody knows what became of the request."""


class ClientProcess:
    """One API worker."""

    def __init__(
        self, number: int, network: Network, partitions: PartitionMap, settings: Settings, chance: random.Random,
        clock: MachineClock, cuts: Callable[[str, str], bool],
    ) -> None:  # fmt: skip
        self.alive = True
        self.number = number
        self._cuts = cuts
        self._loop = network.loop
        self._under_way: set[asyncio.Future[Results]] = set()
        self._transport = SimTransport(network, number, self._at_step)
        own = ShardClock(0, *clock.readings())
        self.client = Client(
            self._transport,
            partitions,
            SECRET,
            jitter=chance.random,
            first_call=chance.getrandbits(61),
            settings=settings,
            now_ms=lambda: own.now_ms(*clock.readings()),
        )

    async def send(self, rows: Array, heap: Bytes) -> Results:
        """The results of the rows, as plain values; raises ClientDied."""
        if not self.alive:
            raise ClientDied
        if len(rows) == 1:
            work = self._loop.create_task(self._lone(rows, heap))
        else:
            work = self._loop.create_task(self._many(rows, heap))
        self._under_way.add(work)
        try:
            return await work
        except asyncio.CancelledError:
            raise ClientDied from None
        finally:
            self._under_way.discard(work)

    async def _lone(self, rows: Array, heap: Bytes) -> Results:
        return [(await self.client.lone(rows.tobytes(), heap.tobytes())).result]

    async def _many(self, rows: Array, heap: Bytes) -> Results:
        found: Results = (await self.client.commands(rows, heap)).results.tolist()
        return found

    def die(self) -> None:
        """It is gone, in the middle of everything."""
        if self.alive:
            self.alive = False
            self._transport.dead = True
            for work in self._under_way:
                work.cancel()
            self._loop.create_task(self.client.close())

    def _at_step(self, step: str, moment: str) -> None:
        if self.alive and self._cuts(step, moment):
            self.die()


class ClientProcesses:
    """All workers of a world; a dead one is followed by another."""

    def __init__(self, make: Callable[[int], ClientProcess], count: int, loop: SimLoop, chance: random.Random) -> None:
        self._make = make
        self._loop = loop
        self._chance = chance
        self.processes = [make(number) for number in range(count)]

    def any(self) -> ClientProcess:
        """One that lives, unless all are dead."""
        alive = [process for process in self.processes if process.alive]
        return self._chance.choice(alive or self.processes)

    def kill_any(self) -> None:
        """End one of them."""
        self.any().die()
        self.revive()

    def revive(self) -> None:
        """Have every dead one followed by another, after a while."""
        for at, process in enumerate(self.processes):
            if not process.alive:
                self._loop.call_later(0.3 * self._chance.random(), self._replace, at, process)

    def _replace(self, at: int, dead: ClientProcess) -> None:
        if self.processes[at] is dead:
            self.processes[at] = self._make(at)


@dataclass(frozen=True, slots=True)
class Patience:
    """How customers behave in this world."""

    pause_s: float
    """between two requests"""
    give_up_rate: float
    """of unanswered requests: nobody asks again"""
    impatient_rate: float
    """of requests: sent to a second process while the first is at work"""
    again_rate: float
    """of requests: sent once more after they were answered"""
    too_late_rate: float
    """of requests: a deadline that is likely to pass"""
    span_rate: float
    """of large requests: they hold commands over several shards"""


class Caller:
    """One customer's coroutine: sends its requests, insists, and writes down what it was told."""

    def __init__(
        self, customer: Customer, processes: ClientProcesses, names: Names, patience: Patience, loop: SimLoop,
        now_ms: Callable[[], int], counts: Counter[str],
    ) -> None:  # fmt: skip
        self._customer = customer
        self._processes = processes
        self._names = names
        self._patience = patience
        self._loop = loop
        self._now_ms = now_ms
        self._counts = counts

    async def live(self, commands: int) -> None:
        """Ask until so many commands were sent."""
        chance = self._customer.chance
        while commands > 0:
            count = chance.choice((1, 2, 4, 8, 60, 120, 120))
            # Most of what concerns several shards comes in small requests: in a large one each costs many calls.
            may_span = chance.random() < (0.8 if count <= 8 else self._patience.span_rate)
            asked = self._customer.ask(min(commands, count), may_span=may_span)
            commands -= len(asked)
            await self._insist(asked, chance)
            await asyncio.sleep(self._patience.pause_s * chance.expovariate(1))

    async def _insist(self, asked: Sequence[Command], chance: random.Random) -> None:
        left = list(asked)
        pause_s = 0.05
        while left:
            first = self._loop.create_task(self.send(left, chance))
            if chance.random() < self._patience.impatient_rate:
                await asyncio.sleep(0.02 * chance.random())
                self._counts["sent twice at once"] += 1
                await self.send(left, chance)
            await first
            left = [command for command in left if not command.known]
            if left and chance.random() < self._patience.give_up_rate:
                self._counts["customer gave up"] += 1
                return
            await asyncio.sleep(pause_s * chance.random())
            pause_s = min(2.0, 2 * pause_s)
        if chance.random() < self._patience.again_rate:
            self._counts["asked again"] += 1
            await self.send(asked, chance)

    async def send(self, commands: Sequence[Command], chance: random.Random) -> None:
        """One request: what is answered is written down, what contradicts an earlier answer too."""
        rows = [row for command in commands for row in command.rows]
        encoded, heap = self._names.encode(rows)
        if not commands[0].tries:
            self._learn_ids(commands, rows, encoded, heap)
        if chance.random() < self._patience.too_late_rate:
            encoded["not_after_ms"] = self._now_ms() + chance.choice((-1, 1, 20, 500))
        else:
            encoded["not_after_ms"] = 1 << 62
        for command in commands:
            command.tries += 1
        try:
            results = await self._processes.any().send(encoded, heap)
        except ClientDied:
            self._processes.revive()
            await asyncio.sleep(0.05)
            return
        at = 0
        for command in commands:
            self._note(command, results[at : at + len(command.rows)])
            at += len(command.rows)

    def _learn_ids(self, commands: Sequence[Command], rows: list[Row], encoded: Array, heap: Bytes) -> None:
        ids = self._names.learn(rows, encoded, heap)
        at = 0
        for command in commands:
            command.ids = ids[at : at + len(command.rows)]
            at += len(command.rows)

    def _note(self, command: Command, results: Sequence[tuple[int, ...]]) -> None:
        if any(result[OUTCOME] > _PINNED_MAX for result in results):
            self._counts["unanswered"] += 1
            return
        answers: Results = [(result[OUTCOME], result[QUANTITY], result[RESERVATION]) for result in results]
        if command.known:
            self._counts["answered again"] += 1
            if command.answers != answers:
                command.contradiction = command.contradiction or f"{command.answers} and then {answers}"
            return
        command.answers = answers
        command.answered_at_ns = self._loop.now_ns
        self._customer.learn(command)
