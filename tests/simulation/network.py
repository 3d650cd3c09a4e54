"""Messages between client processes and shards: lost, late, twice, overtaken, or refused because nobody is there.

Stands in for Ray and for sockets: production's clients call it as their `Transport`. It knows no rows, except to tell
the nemesis which step of a command over several shards a message carries, so that coordinators can be cut there.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from actors.transport import TransportError
from engine.kinds import Flag, Kind
from engine.wire import Batch
from tests.simulation.loop import MS, SimLoop
from tests.simulation.shards import ShardPlace

_PREPARE: Final = np.uint16(Flag.PREPARE)


@dataclass(slots=True)
class Weather:
    """How bad the network is now; the nemesis changes it."""

    lost: float = 0.0
    """of requests, and of answers"""
    twice: float = 0.0
    late: float = 0.0
    """share of messages that take seconds"""
    usual_ns: int = 200_000
    late_ns: int = 4_000 * MS


class Network:
    """All wires of one world."""

    def __init__(self, loop: SimLoop, chance: random.Random, counts: Counter[str], places: "list[ShardPlace]") -> None:
        self.weather = Weather()
        self.cut_off: set[tuple[int, int]] = set()
        """(client process, shard) between which nothing passes"""
        self.loop = loop
        self.places = places
        self._chance = chance
        self._counts = counts

    def delay_ns(self) -> int:
        """How long the next message takes."""
        weather, chance = self.weather, self._chance
        if weather.late and chance.random() < weather.late:
            self._counts["message delayed"] += 1
            return int(weather.late_ns * chance.random())
        return int(weather.usual_ns * (0.2 + 4 * chance.random() ** 4))

    def loses(self, client: int, shard: int) -> bool:
        """Whether the next message between these two is lost. The watch sits beside the shards: to it, none is."""
        if client < 0:
            return False
        if (client, shard) in self.cut_off:
            self._counts["message lost"] += 1
            return True
        if self.weather.lost and self._chance.random() < self.weather.lost:
            self._counts["message lost"] += 1
            return True
        return False

    def repeats(self) -> bool:
        """Whether the next message arrives twice."""
        if self.weather.twice and self._chance.random() < self.weather.twice:
            self._counts["message repeated"] += 1
            return True
        return False

    def after(self, delay_ns: int, callback: Callable[..., object], *args: object) -> None:
        """An event of the world."""
        self.loop.call_later(delay_ns / 1e9, callback, *args)


Watcher = Callable[[str, str], None]
"""Told (step, moment) of every message that carries a step of a command over several shards."""


class SimTransport:
    """One client process's way to the shards (`actors.transport.Transport`)."""

    def __init__(self, network: Network, client: int, watcher: Watcher | None = None) -> None:
        self.dead = False
        """the process is gone: nothing leaves it, nothing reaches it"""
        self.client = client
        self._network = network
        self._watcher = watcher

    async def call(self, shard: int, message: bytes, timeout_s: float) -> bytes:
        """Have the shard decide a Batch; gives a Reply."""
        step = step_of(message) if self._watcher is not None else ""
        if step and self._watcher is not None:
            self._watcher(step, "before it was sent")
        answer = await self._carried(shard, message, timeout_s, step)
        if step and self._watcher is not None:
            self._watcher(step, "after its answer")
        return answer

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        """Ask how the shard is, beside its work; gives a ShardStatus."""
        return await self._carried(shard, None, timeout_s, "")

    async def _carried(self, shard: int, message: bytes | None, timeout_s: float, step: str) -> bytes:
        network = self._network
        waiting: asyncio.Future[bytes] = network.loop.create_future()
        if not self.dead and not network.loses(self.client, shard):
            for _ in range(1 + (message is not None and network.repeats())):
                network.after(network.delay_ns(), self._arrive, shard, message, waiting)
            if step and self._watcher is not None:
                self._watcher(step, "while it was on its way")
        try:
            async with asyncio.timeout(timeout_s):
                return await waiting
        except TimeoutError as error:
            raise TransportError(shard, "no answer in time") from error

    def _arrive(self, shard: int, message: bytes | None, waiting: "asyncio.Future[bytes]") -> None:
        place = self._network.places[shard]
        if message is None:
            place.probe(lambda answer: self._send_back(shard, answer, waiting))
        else:
            place.submit(message, lambda answer: self._send_back(shard, answer, waiting))

    def _send_back(self, shard: int, answer: bytes | None, waiting: "asyncio.Future[bytes]") -> None:
        """The answer leaves the shard; None = its process died, which the network says."""
        network = self._network
        if not network.loses(self.client, shard):
            network.after(network.delay_ns(), self._settle, shard, answer, waiting)

    def _settle(self, shard: int, answer: bytes | None, waiting: "asyncio.Future[bytes]") -> None:
        if self.dead or waiting.done():
            return
        if answer is None:
            waiting.set_exception(TransportError(shard, "the process died"))
        else:
            waiting.set_result(answer)


def step_of(message: bytes) -> str:
    """Which step of a command over several shards some row of a Batch is; "" = none."""
    rows = Batch.from_bytes(message).rows
    if not len(rows):
        return ""
    kinds = rows["kind"]
    if (kinds == Kind.DECIDE).any():
        return "decide"
    if (kinds == Kind.APPLY).any():
        return "apply"
    return "prepare" if (rows["flags"] & _PREPARE).any() else ""
