"""Messages between client processes and shards: lost, late, twice, overtaken, or refused because nobody is there.

Stands in for Ray and for sockets: production's clients call it as their `Transport`. It knows no rows, except to tell
the nemesis which step of a command over several shards a message carries, so that coordinators can be cut there.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from actors.transport import TransportError
from engine.kinds import Flag, Kind
from engine.wire import Batch
from tests.simulation.loop import MS, NS, SimLoop
from tests.simulation.places import ShardPlace

_PREPARE: Final = np.uint16(Flag.PREPARE)
_DECIDE, _APPLY = int(Kind.DECIDE), int(Kind.APPLY)


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
        self._last_ns: dict[tuple[int, int], int] = {}
        """by wire: when the last of the requests sent so far arrives"""

    def delay_ns(self) -> int:
        """How long the next message takes."""
        weather, chance = self.weather, self._chance
        if weather.late and chance.random() < weather.late:
            self._counts["message delayed"] += 1
            return int(weather.late_ns * chance.random())
        return int(weather.usual_ns * (0.2 + 4 * chance.random() ** 4))

    def arrives_after(self, client: int, shard: int) -> int:
        """As `delay_ns`, for a request: it may overtake those that were sent before it."""
        delay_ns = self.delay_ns()
        wire, at_ns = (client, shard), self.loop.now_ns + delay_ns
        last_ns = self._last_ns.get(wire, 0)
        self._counts["message overtaken"] += at_ns < last_ns
        self._last_ns[wire] = max(at_ns, last_ns)
        return delay_ns

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

    def call(self, shard: int, message: bytes, timeout_s: float) -> "asyncio.Future[bytes]":
        """Have the shard decide a Batch; gives a Reply."""
        step = step_of(message) if self._watcher is not None else ""
        if not step or self._watcher is None:
            return self._carried(shard, message, timeout_s, "")
        self._watcher(step, "before it was sent")
        answer = self._carried(shard, message, timeout_s, step)
        answer.add_done_callback(partial(self._came, step))
        return answer

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        """Ask how the shard is, beside its work; gives a ShardStatus."""
        return await self._carried(shard, None, timeout_s, "")

    def _came(self, step: str, answer: "asyncio.Future[bytes]") -> None:
        if self._watcher is not None and not answer.cancelled() and answer.exception() is None:
            self._watcher(step, "after its answer")

    def _carried(self, shard: int, message: bytes | None, timeout_s: float, step: str) -> "asyncio.Future[bytes]":
        network = self._network
        call = _Call(shard, message, network.loop.create_future())
        if not self.dead and not network.loses(self.client, shard):
            for _ in range(1 + (message is not None and network.repeats())):
                network.loop.after(network.arrives_after(self.client, shard), self._arrive, call)
            if step and self._watcher is not None:
                self._watcher(step, "while it was on its way")
        call.timer = network.loop.after(int(timeout_s * NS), self._late, call)
        return call.answer

    def _late(self, call: "_Call") -> None:
        if not call.answer.done():
            call.answer.set_exception(TransportError(call.shard, "no answer in time"))

    def _arrive(self, call: "_Call") -> None:
        place = self._network.places[call.shard]
        if call.message is None:
            place.probe(partial(self._send_back, call))
        else:
            place.submit(call.message, partial(self._send_back, call))

    def _send_back(self, call: "_Call", answer: bytes | None) -> None:
        """The answer leaves the shard; None = its process died, which the network says."""
        network = self._network
        if not network.loses(self.client, call.shard):
            network.loop.after(network.delay_ns(), self._settle, call, answer)

    def _settle(self, call: "_Call", answer: bytes | None) -> None:
        if self.dead or call.answer.done():
            return
        if call.timer is not None:
            call.timer.cancel()
        if answer is None:
            call.answer.set_exception(TransportError(call.shard, "the process died"))
        else:
            call.answer.set_result(answer)


@dataclass(slots=True, eq=False)
class _Call:
    """A message and its answer to come."""

    shard: int
    message: bytes | None
    """None = a probe"""
    answer: "asyncio.Future[bytes]"
    timer: asyncio.Handle | None = None


def step_of(message: bytes) -> str:
    """Which step of a command over several shards some row of a Batch is; "" = none."""
    rows = Batch.from_bytes(message).rows
    kinds = rows["kind"].tolist()
    if _DECIDE in kinds:
        return "decide"
    if _APPLY in kinds:
        return "apply"
    return "prepare" if (rows["flags"] & _PREPARE).any() else ""
