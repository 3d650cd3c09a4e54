"""One world: shards, client processes, customers and a nemesis, from its founding to its rest."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.composition import keep_seqs
from actors.datadir import DataDir
from actors.follow import SegmentFollower
from actors.partitions import PartitionMap
from actors.process_group import Process
from actors.shard_watch import ShardUnreachable, ShardWatch
from engine.ids import sku_key
from engine.kinds import Kind
from engine.outcomes import Outcome
from engine.record import Record
from tests.simulation.clients import Caller, ClientProcess, ClientProcesses
from tests.simulation.clock import MachineClock
from tests.simulation.disk import Platter
from tests.simulation.evidence import Broken
from tests.simulation.faults import Nemesis
from tests.simulation.goods import Goods
from tests.simulation.lookups import look_up_some
from tests.simulation.loop import MS, NS, SimLoop, Stuck
from tests.simulation.lost_end import lose_end
from tests.simulation.names import CLIENTS, GOODS, SECRET, Names, definitions
from tests.simulation.network import Network, SimTransport
from tests.simulation.places import ShardPlace
from tests.simulation.plan import Plan
from tests.simulation.reads import Read
from tests.simulation.shards import Machine
from tests.simulation.workload import Command, Customer

WATCHER: Final = -1
"""The number of the process that watches the shards, on the network."""
TROUBLE_S_MAX: Final = 25.0
"""So long things go wrong, at most."""
LOST_ENDS: Final = 0.4
"""share of worlds in which a journal loses a record that was acknowledged"""
REFUSALS: Final = 4
REST_S_MAX: Final = 120.0
"""So long a world may take to come to rest once nothing goes wrong any more."""


@dataclass
class World:
    """Everything there is; made by `found`."""

    seed: int
    plan: Plan
    directory: Path
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.loop = SimLoop()
        plan = self.plan
        self.names = Names()
        self.partitions = PartitionMap.even(plan.shards)
        self.data = DataDir(self.directory, SECRET, self.partitions)
        for shard in range(plan.shards):
            self.data.snapshots(shard).mkdir(parents=True)
        self.clock = MachineClock(self.loop)
        platter = Platter(self.directory, self._own_chance(), self.counts)
        self.machine = Machine(
            self.loop, self.clock, platter, self.data, plan.settings, self._own_chance(), self.counts
        )
        self.machine.durable.update(dict.fromkeys(range(plan.shards), 0))
        self.places = [ShardPlace(self.machine, shard) for shard in range(plan.shards)]
        self.network = Network(self.loop, self._own_chance(), self.counts, self.places)
        self.processes = ClientProcesses(self._client_process, plan.clients, self.loop, self._own_chance())
        self.nemesis = Nemesis(
            self.loop, plan.rates, self.machine, self.network, self._own_chance(), self.counts,
            self.processes.kill_any, plan.clients,
        )  # fmt: skip
        self.goods = Goods([self._goods_of(shard) for shard in range(plan.shards)], plan.span_rate)
        self.customers = [
            Customer(number, CLIENTS[number % len(CLIENTS)], self._own_chance(), self.goods)
            for number in range(plan.customers)
        ]
        self.callers = [self.caller(customer) for customer in self.customers]

    @property
    def commands(self) -> list[Command]:
        """All that was ever asked for."""
        return [command for customer in self.customers for command in customer.commands]

    def now_ms(self) -> int:
        """By the wall clock of the machine."""
        return self.clock.readings()[1] // MS

    def run(self) -> None:
        """From the founding to the rest."""
        try:
            self.loop.run_until_complete(self._history())
        finally:
            self.loop.close()
        if self.loop.errors:
            raise self.loop.errors[0]

    async def _history(self) -> None:
        self.loop.create_task(self._watch())
        await self.found()
        self.nemesis.begin()
        self.loop.call_later(TROUBLE_S_MAX, self.nemesis.end)
        shares = [self.plan.commands // len(self.callers)] * len(self.callers)
        await asyncio.gather(*(caller.live(share) for caller, share in zip(self.callers, shares, strict=True)))
        self.nemesis.end()
        await self._rest()
        await self.finish()

    async def finish(self) -> None:
        """Nobody does anything any more."""
        left = asyncio.all_tasks(self.loop) - {asyncio.current_task(self.loop)}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def caller(self, customer: Customer) -> Caller:
        """The coroutine of a customer."""
        return Caller(
            customer, self.processes, self.names, self.plan.patience, self.loop, self.now_ms, self.counts,
            self.machine.durable, self.goods.shard_of,
        )  # fmt: skip

    @property
    def reads(self) -> list[Read]:
        """All that was ever read."""
        return [read for caller in self.callers for read in caller.reads]

    async def found(self) -> None:
        """Every shard is told what there is, and something is there."""
        for shard in range(self.plan.shards):
            encoded, heap = self.names.encode(definitions())
            self.names.learn(definitions(), encoded, heap)
            encoded["not_after_ms"] = 1 << 62
            answered = await self.processes.any().client.commands(encoded, heap, shard=shard)
            assert set(answered.results["outcome"].tolist()) == {int(Outcome.OK)}, answered.results["outcome"]
        founder = Customer(len(self.customers), CLIENTS[0], self.chance, self.customers[0]._goods)
        rows = [
            founder.row(Kind.RECEIVE, sku=sku, warehouse=place, quantity=20_000)
            for sku in GOODS
            for place in ("north", "south")
        ]
        founder.commands = [Command([row], at) for at, row in enumerate(rows)]
        self.customers.append(founder)
        caller = self.caller(founder)
        await caller.send(founder.commands, self.chance)

    async def _rest(self) -> None:
        """Nothing goes wrong any more: everybody gets an answer, nothing stays undecided."""
        until_ns = self.loop.now_ns + int(REST_S_MAX * NS)
        for caller, customer in zip(self.callers, self.customers, strict=False):
            while left := [command for command in customer.commands if not command.known]:
                if self.loop.now_ns > until_ns:
                    raise Stuck(f"{len(left)} commands of customer {customer.number} are never answered")
                self.counts["resolved at rest"] += len(left)
                await caller.send(left, customer.chance)
                await asyncio.sleep(0.2)
        # The scan needs two looks, and the time that a coordinator is given.
        await asyncio.sleep((self.plan.settings.undecided_ms + 3 * self.plan.settings.scan_period_ms) / 1000)
        if self.chance.random() < LOST_ENDS:
            await self._lose_an_end()
        await self._start_again()
        client = self.processes.any().client
        await look_up_some(client, self.commands, self.goods, self.chance, self.counts)

    async def _lose_an_end(self) -> None:
        """A journal without a record that was acknowledged: its shard stays closed until the record is back."""
        await self._all_open()
        place = self.chance.choice(self.places)
        place.process.die("killed")
        lost = lose_end(self.data, place.shard, self.chance)
        if lost is None:
            return
        self.counts["acknowledged record lost"] += 1
        for _ in range(REFUSALS):
            await asyncio.sleep(0.5)
            if place.process.is_open:
                raise Broken("a shard opened without a record that it had acknowledged", place.shard, lost.seq)
        lost.put_back()
        await self._all_open()

    async def _start_again(self) -> None:
        """One last time every shard ends, in order or not, and is found as it was."""
        how = self.chance.choice(("stopped", "killed", "power cut"))
        for place in self.places:
            if how == "stopped" and place.process.alive:
                place.process.actor.stop()
            place.process.die(how)
        if how == "power cut":
            self.machine.lose_power()
        await self._all_open()

    async def _all_open(self) -> None:
        until_ns = self.loop.now_ns + int(REST_S_MAX * NS)
        while not all(place.process.alive and place.process.is_open for place in self.places):
            if self.loop.now_ns > until_ns:
                raise Stuck(f"a shard does not open: {[place.process.actor.probe() for place in self.places]}")
            await asyncio.sleep(0.1)

    async def _watch(self) -> None:
        """The process that watches the shards, and whoever starts everything again when it gives up."""
        while True:
            watch = ShardWatch(
                SimTransport(self.network, WATCHER),
                self.plan.shards,
                self.plan.settings,
                lambda shard: self.places[shard].owner(),
                lambda seqs: keep_seqs(self.data, seqs),
                now_ms=self.clock.steady_ms,
                kill=self._kill,
            )
            try:
                await watch.watch()
            except ShardUnreachable:
                self.counts["watch gave up"] += 1
                for place in self.places:
                    place.process.die("everything is started again")

    def _kill(self, process: Process) -> bool:
        killed = any(place.kill(process) for place in self.places)
        self.counts["killed by the watch"] += killed
        return killed

    def journals(self) -> list[list[Record]]:
        """What is durable, by shard, as any reader finds it."""
        found = []
        for shard in range(self.plan.shards):
            follower = SegmentFollower(self.data.shard(shard), shard)
            found.append(list(follower.scan(1)))
            follower.close()
        return found

    def _client_process(self, number: int) -> ClientProcess:
        return ClientProcess(
            number, self.network, self.partitions, self.plan.settings, self._own_chance(), self.clock,
            self._cuts,
        )  # fmt: skip

    def _cuts(self, step: str, moment: str) -> bool:
        if self.nemesis.cuts(step, moment):
            self.loop.call_soon(self.processes.revive)
            return True
        return False

    def _own_chance(self) -> random.Random:
        return random.Random(self.chance.getrandbits(64))

    def _goods_of(self, shard: int) -> list[str]:
        return [sku for sku in GOODS if self.partitions.shard_of_sku(sku_key(sku)) == shard]
