"""Client processes and the customers behind them: whoever gets no answer asks again, by the same ids.

A `ClientProcess` is one API worker with production's `Client` in it; it may die at any moment, and another takes its
place. A customer's request goes to any of them; what is unanswered is sent again, to the same or to another.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from actors.answers import Answers
from actors.client import Client
from actors.clock import ShardClock
from actors.partitions import PartitionMap
from actors.settings import Settings
from engine.layout import RESULT
from engine.outcomes import PINNED_MAX
from engine.wire import Array, Bytes
from tests.rows import Hold
from tests.simulation.clock import MachineClock
from tests.simulation.loop import SimLoop
from tests.simulation.names import GOODS, SECRET, Names, together
from tests.simulation.network import Network, SimTransport
from tests.simulation.reads import Read, hold_question, stock_question, told_hold, told_stock
from tests.simulation.workload import ANSWER_COLUMNS, Command, Customer

T = TypeVar("T")
_READ_RATE: Final = 0.2
"""of requests: followed by a look at something"""
_PINNED_MAX = int(PINNED_MAX)
_AT = [(RESULT.names or ()).index(name) for name in ANSWER_COLUMNS]

Results = list[tuple[int, ...]]
"""Of RESULT rows the ANSWER_COLUMNS, as plain values."""


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
        self._under_way: set[asyncio.Future[Any]] = set()
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
        """What the rows were answered; raises ClientDied."""
        return await self._while_alive(self._lone(rows, heap) if len(rows) == 1 else self._many(rows, heap))

    async def ask(self, question: Array, shards: Sequence[int]) -> list[Answers]:
        """What each of the shards answers; raises ClientDied."""
        return await self._while_alive(self._asked(question, shards))

    async def _asked(self, question: Array, shards: Sequence[int]) -> list[Answers]:
        return await asyncio.gather(*(self.client.ask(question, shards=[shard]) for shard in shards))

    async def _while_alive(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if not self.alive:
            coroutine.close()
            raise ClientDied
        work = self._loop.create_task(coroutine)
        self._under_way.add(work)
        try:
            return await work
        except asyncio.CancelledError:
            raise ClientDied from None
        finally:
            self._under_way.discard(work)

    async def _lone(self, rows: Array, heap: Bytes) -> Results:
        result = (await self.client.lone(rows.tobytes(), heap.tobytes())).result
        return [tuple(result[at] for at in _AT)]

    async def _many(self, rows: Array, heap: Bytes) -> Results:
        results = (await self.client.commands(rows, heap)).results
        return list(zip(*(results[name].tolist() for name in ANSWER_COLUMNS), strict=True))

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
    spanning: tuple[int, ...]
    """commands in requests that hold some over several shards"""


class Caller:
    """One customer's coroutine: sends its requests, insists, and writes down what it was told."""

    def __init__(
        self, customer: Customer, processes: ClientProcesses, names: Names, patience: Patience, loop: SimLoop,
        now_ms: Callable[[], int], counts: Counter[str], durable: Mapping[int, int], shard_of: Callable[[str], int],
    ) -> None:  # fmt: skip
        """`durable`: the last durable record of each shard, as it is now; `shard_of` a SKU."""
        self.reads: list[Read] = []
        self._durable = durable
        self._shard_of = shard_of
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
            # What concerns several shards comes in small requests: in a large one each costs many calls, and
            # where coordinators die, none of these would ever be answered.
            may_span = chance.random() < 0.4
            count = chance.choice(self._patience.spanning if may_span else (1, 16, 250, 250))
            asked = self._customer.ask(min(commands, count), may_span=may_span)
            commands -= len(asked)
            await self._insist(asked, chance)
            if chance.random() < _READ_RATE:
                await self._read(chance)
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

    async def _read(self, chance: random.Random) -> None:
        """Look at a SKU or at a reservation, and write down what was told."""
        held = self._customer.pick_held() if chance.random() < 0.5 else None
        about: str | Hold = held.hold if held else chance.choice(GOODS)
        question = hold_question(self._names, about) if isinstance(about, tuple) else stock_question(about)
        shards = range(len(self._durable)) if held else [self._shard_of(str(about))]
        since = dict(self._durable)
        try:
            answers = await self._processes.any().ask(question, shards)
        except ClientDied:
            self._processes.revive()
            return
        for shard, answer in zip(shards, answers, strict=True):
            told = told_hold(answer, self._names) if held else told_stock(answer)
            self._counts["read"] += told is not None
            if told is not None:
                self.reads.append(Read(shard, since[shard], self._durable[shard], about, told))

    async def send(self, commands: Sequence[Command], chance: random.Random) -> None:
        """One request: what is answered is written down, what contradicts an earlier answer too."""
        for command in commands:
            command.packed = command.packed or [self._names.packed(row) for row in command.rows]
        encoded, heap = together([row for command in commands for row in command.packed])
        if not commands[0].tries:
            self._learn_ids(commands, encoded, heap)
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

    def _learn_ids(self, commands: Sequence[Command], encoded: Array, heap: Bytes) -> None:
        rows = [row for command in commands for row in command.rows]
        ids = self._names.learn(rows, encoded, heap)
        at = 0
        for command in commands:
            command.ids = ids[at : at + len(command.rows)]
            at += len(command.rows)

    def _note(self, command: Command, answers: Results) -> None:
        if any(answer[0] > _PINNED_MAX for answer in answers):
            self._counts["unanswered"] += 1
            return
        if command.known:
            self._counts["answered again"] += 1
            if command.answers != answers:
                command.contradiction = command.contradiction or f"{command.answers} and then {answers}"
            return
        command.answers = answers
        command.answered_at_ns = self._loop.now_ns
        self._customer.learn(command)
