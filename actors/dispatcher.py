"""Carries out what the links of one client process want: calls, probes and timers, on the running asyncio loop.

All decisions are the links'. Requests that arrive in one turn of the loop are sent together at its end, so
that thirty lone reservations make one batch and not thirty.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from actors.batcher import Chunk
from actors.link import AskHow, Delivered, Effect, GivenUp, Link, Send
from actors.metrics import ClientMetrics
from actors.settings import Settings
from actors.transport import ShardStatus, Transport, TransportError
from engine.wire import Batch, Reply, WireError

_GRACE_S = 1.0
"""the link gives a call up first; the transport's own time-out only ends what is left of it"""


class Dispatcher:
    """The links, one per shard, and the tasks that serve them."""

    def __init__(
        self,
        transport: Transport,
        shards: int,
        settings: Settings,
        metrics: ClientMetrics,
        now_ms: Callable[[], int],
        jitter: Callable[[], float],
        first_call: int,
        gathered: Callable[[int], Sequence[Chunk]],
    ) -> None:
        """`gathered` gives the requests, of one chunk each, that were gathered for a shard: asked when they may go."""
        self.links = [Link(settings, metrics, jitter, first_call + (shard << 40)) for shard in range(shards)]
        self._transport = transport
        self._gathered = gathered
        self._settings = settings
        self._now_ms = now_ms
        self._call_timeout_s = settings.call_timeout_ms / 1000 + _GRACE_S
        self._probe_timeout_s = settings.probe_timeout_ms / 1000
        self._tasks: set[asyncio.Future[Any]] = set()
        self._timers: list[asyncio.TimerHandle | None] = [None] * shards
        self._timer_at_ms = [0] * shards
        self._waiting: set[int] = set()

    def queue(self, shard: int, chunks: Sequence[Chunk]) -> None:
        """Have chunks of one request decided; their owner is told."""
        self.links[shard].add(chunks)
        self.wake(shard)

    def wake(self, shard: int) -> None:
        """Something was gathered for this shard."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.add(shard)

    async def probe(self, shard: int) -> ShardStatus | None:
        """How the shard is now; None when it does not say."""
        try:
            message = await self._transport.probe(shard, self._probe_timeout_s)
            return ShardStatus.from_bytes(message)
        except (TransportError, ValueError):
            return None

    async def close(self) -> None:
        """End all tasks and timers; what is still waiting is never answered."""
        for timer in self._timers:
            if timer is not None:
                timer.cancel()
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _flush(self) -> None:
        now_ms = self._now_ms()
        waiting, self._waiting = self._waiting, set()
        for shard in waiting:
            link = self.links[shard]
            # While a call is out, what is gathered goes on growing: its answer, or its loss, is the next occasion.
            if not link.batcher.calls:
                self._take_gathered(shard)
            self._run(shard, link.pump(now_ms))

    def _take_gathered(self, shard: int) -> Link:
        link = self.links[shard]
        for chunk in self._gathered(shard):
            link.add([chunk])
        return link

    def _run(self, shard: int, effects: Sequence[Effect]) -> None:
        # The next batch first: the shard works on it while the answers to this one are written.
        for effect in effects:
            if isinstance(effect, Send):
                self._send(shard, effect.batch)
        for effect in effects:
            if isinstance(effect, Delivered):
                effect.chunk.owner.deliver(effect.chunk, effect.reply, effect.row, effect.question)
            elif isinstance(effect, GivenUp):
                effect.chunk.owner.give_up(effect.chunk)
            elif isinstance(effect, AskHow):
                self._spawn(self._ask_how(shard))
        self._set_timer(shard)

    def _send(self, shard: int, batch: Batch) -> None:
        answer = self._transport.call(shard, batch.to_bytes(), self._call_timeout_s)
        if isinstance(answer, asyncio.Future):
            self._keep(answer)
            answer.add_done_callback(partial(self._came, shard, batch.call))
        else:
            self._spawn(self._call(shard, batch.call, answer))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.get_running_loop().create_task(work))

    def _keep(self, task: asyncio.Future[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, shard: int, number: int, answer: Awaitable[bytes]) -> None:
        try:
            message = await answer
        except TransportError:
            self._lost(shard, number)
        else:
            self._replied(shard, number, message)

    def _came(self, shard: int, number: int, answer: asyncio.Future[bytes]) -> None:
        if answer.cancelled():  # by `close`
            return
        if answer.exception() is not None:
            self._lost(shard, number)
        else:
            self._replied(shard, number, answer.result())

    def _replied(self, shard: int, number: int, message: bytes) -> None:
        try:
            reply = Reply.from_bytes(message)
        except WireError:
            self._lost(shard, number)
        else:
            self._run(shard, self._take_gathered(shard).on_reply(number, reply, self._now_ms()))

    def _lost(self, shard: int, number: int) -> None:
        self._run(shard, self._take_gathered(shard).on_lost(number, self._now_ms()))

    async def _ask_how(self, shard: int) -> None:
        status = await self.probe(shard)
        self._run(shard, self._take_gathered(shard).on_probe(status, self._now_ms()))

    def _set_timer(self, shard: int) -> None:
        at_ms = self.links[shard].wake_at_ms()
        timer = self._timers[shard]
        # A timer that fires too early sets the next one; only one that would fire too late is replaced.
        if at_ms is None or (timer is not None and self._timer_at_ms[shard] <= at_ms):
            return
        if timer is not None:
            timer.cancel()
        delay_s = max(0, at_ms - self._now_ms()) / 1000
        self._timers[shard] = asyncio.get_running_loop().call_later(delay_s, self._on_timer, shard)
        self._timer_at_ms[shard] = at_ms

    def _on_timer(self, shard: int) -> None:
        self._timers[shard] = None
        self._run(shard, self._take_gathered(shard).on_time(self._now_ms()))
