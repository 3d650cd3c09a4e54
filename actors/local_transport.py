"""Shards as threads of this process: the transport of tests, benchmarks and small store boxes.

The same messages and the same ShardActor as over Ray. A shard that ends itself ends only its actor; the next
one is made in its place and folds the journal, as a restarted process would. Kernels let go of the
interpreter's lock, so shards run side by side while they decide.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NoReturn

from actors.shard_actor import ShardActor, ShardDied
from actors.transport import BATCHES_AT_ONCE, TransportError

MakeShard = Callable[[Callable[[str], NoReturn]], ShardActor]
"""Makes a shard's actor, which calls its argument instead of ending the process."""


@dataclass(frozen=True, slots=True)
class _Call:
    message: bytes
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[bytes]"


class _Life:
    """One actor from its making to its death."""

    def __init__(self, make: MakeShard, wake: Callable[[], None]) -> None:
        self.died = ""
        self._wake = wake
        self.actor = make(self.die)

    def die(self, reason: str) -> NoReturn:
        self.end(reason)
        raise ShardDied(reason)

    def end(self, reason: str) -> None:
        self.died = self.died or reason or "no reason"
        self._wake()


class _Place:
    """One shard's threads, whichever actor lives there."""

    def __init__(self, shard: int, make: MakeShard) -> None:
        self.restarts = 0
        self.queue: SimpleQueue[_Call | None] = SimpleQueue()
        """None wakes a thread, to see that the actor died or that all is over"""
        self._shard = shard
        self._make = make
        self._stopping = False
        self._replacing = threading.Lock()
        self.life = _Life(make, self._wake)
        self._threads = [
            threading.Thread(target=self._run, name=f"shard-{shard}-batches-{n}", daemon=True)
            for n in range(BATCHES_AT_ONCE)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stopping = True
        for _ in self._threads:
            self._wake()
        for thread in self._threads:
            thread.join()
        self.life.actor.stop()

    def _wake(self) -> None:
        self.queue.put(None)

    def _run(self) -> None:
        while not self._stopping:
            call = self.queue.get()
            life = self.life
            if call is not None:
                self._serve(call, life)
            if life.died and not self._stopping:
                self._replace(life)

    def _serve(self, call: _Call, life: _Life) -> None:
        outcome: bytes | TransportError
        try:
            outcome = TransportError(self._shard, life.died) if life.died else life.actor.submit(call.message)
        except ShardDied as death:
            outcome = TransportError(self._shard, str(death))
        except Exception as error:
            outcome = TransportError(self._shard, repr(error))
        _settle(call, outcome)

    def _replace(self, dead: _Life) -> None:
        with self._replacing:
            if self.life is dead:
                # Waits for the other thread to be done with it.
                dead.actor.abandon()
                self.life = _Life(self._make, self._wake)
                self.restarts += 1


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
        """How the shard is; answered from here, whatever its threads do."""
        return self._places[shard].life.actor.probe()

    def kill(self, shard: int) -> None:
        """As if the shard had died just now: what it has not made durable is forgotten."""
        self._places[shard].life.end("killed")

    def close(self) -> None:
        """Seal the journals and end the threads; waits for the batches being decided."""
        for place in self._places:
            place.close()
