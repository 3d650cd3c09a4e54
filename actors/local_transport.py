"""Shards as threads of this process: the transport of tests, benchmarks and small store boxes.

The same messages and the same ShardActor as over Ray. A shard that ends itself ends its thread's actor; the
next one is made in its place and folds the journal, as a restarted process would. Kernels let go of the
interpreter's lock, so shards run side by side while they decide.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import NoReturn

from actors.shard_actor import ShardActor, ShardDied
from actors.transport import TransportError

MakeShard = Callable[[Callable[[str], NoReturn]], ShardActor]
"""Makes a shard's actor, which calls its argument instead of ending the process."""


@dataclass(frozen=True, slots=True)
class _Call:
    message: bytes
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[bytes]"


@dataclass(slots=True)
class _Place:
    """One shard's thread, whichever actor lives in it."""

    shard: int
    make: MakeShard
    queue: "SimpleQueue[_Call | None]" = field(default_factory=SimpleQueue)
    """None wakes the thread, to see that its actor died or that all is over"""
    actor: ShardActor | None = None
    died: str = ""
    restarts: int = 0
    stopping: bool = False
    thread: threading.Thread | None = None

    def die(self, reason: str) -> NoReturn:
        self.died = reason or "no reason"
        self.queue.put(None)
        raise ShardDied(reason)

    def run(self) -> None:
        while not self.stopping:
            call = self.queue.get()
            if call is not None and not self.died:
                self._serve(call)
            elif call is not None:
                _settle(call, TransportError(self.shard, self.died))
            if self.died and not self.stopping:
                self._replace()
        if self.actor is not None:
            self.actor.stop()

    def _serve(self, call: _Call) -> None:
        assert self.actor is not None
        try:
            _settle(call, self.actor.submit(call.message))
        except ShardDied as death:
            _settle(call, TransportError(self.shard, str(death)))
        except Exception as error:
            _settle(call, TransportError(self.shard, repr(error)))

    def _replace(self) -> None:
        assert self.actor is not None
        self.actor.abandon()
        self.died = ""
        self.restarts += 1
        self.actor = self.make(self.die)


def _settle(call: _Call, outcome: bytes | TransportError) -> None:
    def settle() -> None:
        if call.answer.done():
            return
        if isinstance(outcome, bytes):
            call.answer.set_result(outcome)
        else:
            call.answer.set_exception(outcome)

    try:
        call.loop.call_soon_threadsafe(settle)
    except RuntimeError:
        # The loop is closed: nobody waits any more.
        return


class LocalTransport:
    """Starts the shards; `close` stops them in order."""

    def __init__(self, makers: Sequence[MakeShard]) -> None:
        self._places = [_Place(shard, make) for shard, make in enumerate(makers)]
        for place in self._places:
            place.actor = place.make(place.die)
            place.thread = threading.Thread(target=place.run, name=f"shard-{place.shard}-batches", daemon=True)
            place.thread.start()

    @property
    def restarts(self) -> list[int]:
        """How often each shard was replaced."""
        return [place.restarts for place in self._places]

    async def call(self, shard: int, message: bytes, timeout_s: float) -> bytes:
        """Have the shard decide a Batch; gives a Reply."""
        loop = asyncio.get_running_loop()
        call = _Call(message, loop, loop.create_future())
        self._places[shard].queue.put(call)
        try:
            async with asyncio.timeout(timeout_s):
                return await call.answer
        except TimeoutError as error:
            raise TransportError(shard, f"no answer within {timeout_s:g} s") from error

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        """How the shard is; answered from here, whatever its thread does."""
        actor = self._places[shard].actor
        if actor is None:
            raise TransportError(shard, "it is being made", False)
        return actor.probe()

    def kill(self, shard: int) -> None:
        """As if the shard had died just now: what it has not made durable is forgotten."""
        place = self._places[shard]
        place.died = "killed"
        place.queue.put(None)

    def close(self) -> None:
        """Seal the journals and end the threads; waits for the batches being decided."""
        for place in self._places:
            place.stopping = True
            place.queue.put(None)
        for place in self._places:
            if place.thread is not None:
                place.thread.join()
