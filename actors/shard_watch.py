"""The watchdog's hands: probes go out over a transport, processes that must die are killed.

Runs in the keeper, beside the commands and not in their way. What it learns besides, the highest durable seq
of each shard, is kept for the next opener of the journal: a journal that ends below it has lost something.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

from actors.process_group import Process
from actors.settings import Settings
from actors.transport import Probes, ShardStatus, TransportError
from actors.watchdog import Kill, Watchdog

_TICK_S: Final = 0.1

_log = logging.getLogger("omnistock.watch")


def monotonic_ms() -> int:
    """The watch's clock: only differences count."""
    return time.monotonic_ns() // 1_000_000


def kill(process: Process) -> bool:
    """End it for certain; False when it is gone already."""
    return process.send(signal.SIGKILL)


class ShardUnreachable(Exception):
    """A shard is silent and nobody knows its process: everything has to be started again."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name} is out of reach: {self.reason}"


class ShardWatch:
    """One for all shards of a cluster, and one for the writer of documents, which to it is a shard of another name."""

    def __init__(
        self,
        transport: Probes,
        shards: int,
        settings: Settings,
        owner_of: Callable[[int], Process | None],
        keep_seqs: Callable[[Sequence[int]], None],
        *,
        name: str = "shard {}",
        now_ms: Callable[[], int] = monotonic_ms,
        kill: Callable[[Process], bool] = kill,
    ) -> None:
        """`owner_of` says who holds a shard's journal: how a process is known before it has answered."""
        self._now_ms = now_ms
        self._kill_process = kill
        self._transport = transport
        self._settings = settings
        self._watchdog = Watchdog(shards, now_ms(), settings)
        self._owner_of = owner_of
        self._keep_seqs = keep_seqs
        self._probes: set[asyncio.Task[None]] = set()
        self._said: list[str] = ["" for _ in range(shards)]
        self._kept: list[int] = []
        self._can_keep = True
        self._names = [name.format(shard) for shard in range(shards)]

    async def watch(self) -> None:
        """Until cancelled; raises ShardUnreachable."""
        while True:
            for shard in self._watchdog.due(self._now_ms()):
                task = asyncio.create_task(self._probe(shard))
                self._probes.add(task)
                task.add_done_callback(self._probes.discard)
            for shard in self._watchdog.unknown():
                if (owner := self._owner_of(shard)) is not None:
                    self._watchdog.owned(shard, owner, self._now_ms())
            self._kill(self._watchdog.overdue(self._now_ms()))
            if (seqs := self._watchdog.seqs()) != self._kept:
                self._keep(seqs)
            await asyncio.sleep(_TICK_S)

    def _keep(self, seqs: list[int]) -> None:
        """What is kept is an advice to the next opener: not to be able to, as on a full disk, ends nothing."""
        try:
            self._keep_seqs(seqs)
        except OSError as error:
            if self._can_keep:
                _log.warning("what is durable cannot be noted now: %s", error)
            self._can_keep = False
        else:
            self._kept, self._can_keep = seqs, True

    async def _probe(self, shard: int) -> None:
        try:
            answer = await self._transport.probe(shard, self._settings.starting_max_ms / 1000)
        except TransportError as error:
            self._watchdog.failed(shard, self._now_ms())
            self._say(shard, f"{self._names[shard]} is away: {error.reason}")
            return
        status = ShardStatus.from_bytes(answer)
        self._kill(self._watchdog.answered(status, self._now_ms()))
        reason = f": {status.reason}" if status.reason else ""
        epoch = f" in epoch {status.epoch}" if status.epoch else ""
        self._say(shard, f"{self._names[shard]} is {status.state.text}{epoch}, process {status.pid}{reason}")

    def _say(self, shard: int, text: str) -> None:
        """Log what is new."""
        if self._said[shard] != text:
            self._said[shard] = text
            _log.info("%s", text)

    def _kill(self, kills: Sequence[Kill]) -> None:
        for kill in kills:
            if kill.process is None:
                raise ShardUnreachable(self._names[kill.shard], kill.reason)
            if self._kill_process(kill.process):
                _log.warning("%s, process %d, is killed: %s", self._names[kill.shard], kill.process.pid, kill.reason)
