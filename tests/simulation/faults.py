"""What goes wrong, how often, and when: each world draws its own mixture, so that rare companies meet.

The nemesis is a coroutine of the world. Everything that it does is counted, and a set of seeds in which some fault
never happened proves nothing about it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.simulation.disk import Crashed, SimDisk
from tests.simulation.loop import MS, NS, SimLoop
from tests.simulation.network import Network
from tests.simulation.places import ShardPlace, take_snapshot
from tests.simulation.shards import Machine

FAULTS: Final = (
    "kill shard", "stop shard", "take stopped shard for dead", "power cut", "disk full", "sync error",
    "clock jumps forward", "clock jumps back", "bad network", "network split", "kill client process", "slow kill",
    "snapshot",
)  # fmt: skip

STEPS: Final = ("prepare", "decide", "apply")
MOMENTS: Final = ("before it was sent", "while it was on its way", "after its answer")
CUTS: Final = tuple(f"saga cut: {step}, {moment}" for step in STEPS for moment in MOMENTS)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each fault comes in one world: mean seconds between two, 0 = never."""

    every_s: dict[str, float]
    crash_rate: float
    power_rate: float
    """share of these deaths that take the whole machine with them"""
    cut_rate: float
    """share of steps of commands over several shards at which their coordinator dies"""

    @classmethod
    def drawn(cls, chance: random.Random) -> "Rates":
        """Some faults often, some seldom, some not at all."""
        every_s = {fault: chance.choice((0.0, 0.0, 10.0, 20.0, 40.0)) for fault in FAULTS}
        crash_rate, power_rate = chance.choice((0.0, 0.3, 0.6)), chance.choice((0.0, 0.5))
        return cls(every_s, crash_rate, power_rate, chance.choice((0.0, 0.01, 0.05)))

    @classmethod
    def none(cls) -> "Rates":
        """A world in which nothing goes wrong."""
        return cls({}, 0.0, 0.0, 0.0)


class Nemesis:
    """Brings the faults, until it is told to stop; then it makes good."""

    def __init__(
        self, loop: SimLoop, rates: Rates, machine: Machine, network: Network, chance: random.Random,
        counts: Counter[str], kill_client: Callable[[], None], clients: int,
    ) -> None:  # fmt: skip
        self._loop = loop
        self._rates = rates
        self._machine = machine
        self._network = network
        self._chance = chance
        self._counts = counts
        self._kill_client = kill_client
        self._clients = clients
        self._at_peace = False
        self._tasks: list[asyncio.Task[None]] = []
        self._doers: dict[str, Callable[[], None]] = {
            "kill shard": self._kill_shard,
            "stop shard": self._stop_shard,
            "take stopped shard for dead": self._replace_shard,
            "power cut": self._cut_power,
            "disk full": self._fill_disk,
            "sync error": self._fail_sync,
            "clock jumps forward": lambda: self._jump(1),
            "clock jumps back": lambda: self._jump(-1),
            "bad network": self._worsen,
            "network split": self._split,
            "kill client process": kill_client,
            "slow kill": self._slow_kill,
            "snapshot": self._take_snapshot,
        }

    def begin(self) -> None:
        """From now on things go wrong."""
        self._machine.crash_rate = self._rates.crash_rate
        self._machine.power_rate = self._rates.power_rate
        self._machine.cut_power = self._cut_power
        for fault, mean_s in self._rates.every_s.items():
            if mean_s:
                self._tasks.append(self._loop.create_task(self._bring(fault, mean_s)))

    def end(self) -> None:
        """From now on nothing does, and what is broken heals."""
        self._at_peace = True
        for task in self._tasks:
            task.cancel()
        self._machine.crash_rate = 0.0
        self._machine.platter.full = False
        self._machine.platter.fail_syncs = 0
        self._machine.unkillable_until_ns = 0
        self._network.weather.lost = self._network.weather.twice = self._network.weather.late = 0.0
        self._network.cut_off.clear()
        for place in self._network.places:
            place.process.disk.crash_at = -1
            for process in (place.process, *place.zombies):
                process.go_on()

    def cuts(self, step: str, moment: str) -> bool:
        """A coordinator is at this step of a command over several shards: whether it dies there."""
        if self._at_peace or not self._rates.cut_rate or self._chance.random() >= self._rates.cut_rate:
            return False
        self._counts[f"saga cut: {step}, {moment}"] += 1
        return True

    async def _bring(self, fault: str, mean_s: float) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / mean_s))
            self._counts[fault] += fault not in ("power cut", "sync error")
            self._doers[fault]()

    def _place(self) -> ShardPlace:
        return self._chance.choice(self._network.places)

    def _kill_shard(self) -> None:
        self._place().process.die("killed")

    def _stop_shard(self) -> None:
        process = self._place().process
        process.stop_running()
        self._loop.call_later(8 * self._chance.random() ** 2, process.go_on)

    def _replace_shard(self) -> None:
        place = self._place()
        place.process.stop_running()
        self._loop.call_later(6 * self._chance.random() ** 2, place.process.go_on)
        self._loop.call_later(0.5 * self._chance.random(), place.replace)

    def _cut_power(self) -> None:
        for place in self._network.places:
            for process in (place.process, *place.zombies):
                process.die("power cut")
        self._machine.lose_power()

    def _fill_disk(self) -> None:
        self._machine.platter.full = True
        self._loop.call_later(4 * self._chance.random(), self._empty_disk)

    def _empty_disk(self) -> None:
        self._machine.platter.full = False

    def _fail_sync(self) -> None:
        self._machine.platter.fail_syncs += 1

    def _jump(self, sign: int) -> None:
        seconds = self._chance.choice((1, 5, 60, 3600, 86_400)) * self._chance.random()
        self._machine.clock.jump(sign * int(seconds * NS))

    def _worsen(self) -> None:
        weather, chance = self._network.weather, self._chance
        weather.lost = chance.choice((0.0, 0.02, 0.2))
        weather.twice = chance.choice((0.0, 0.05, 0.3))
        weather.late = chance.choice((0.0, 0.02, 0.1))
        weather.usual_ns = int(chance.choice((0.1, 0.2, 2)) * MS)

    def _split(self) -> None:
        wire = (self._chance.randrange(self._clients), self._place().shard)
        self._network.cut_off.add(wire)
        self._loop.call_later(6 * self._chance.random(), self._network.cut_off.discard, wire)

    def _take_snapshot(self) -> None:
        """No fault by itself; but the process that takes it may die of its disk, and its file be half there."""
        place = self._place()
        disk = SimDisk(self._machine.platter, self._chance)
        if self._chance.random() < 0.5:
            disk.crash_at = self._chance.randrange(30)
        try:
            take_snapshot(self._machine, place.shard, disk)
        except Crashed:
            self._counts["crashed taking a snapshot"] += 1
            if self._chance.random() < self._rates.power_rate:
                self._cut_power()

    def _slow_kill(self) -> None:
        self._machine.unkillable_until_ns = self._loop.now_ns + int(3 * self._chance.random() * NS)
        self._replace_shard()
