"""A shard in a process of its own that can be stopped, and goes on when it is told to: see `test_zombies`.

Processes come from a server that has loaded the kernels once and forks, so that dozens of them can live and die.
"""

import multiprocessing
import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from actors.datadir import make_journal, recover
from actors.journal import Journal
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig
from engine.layout import Limits
from engine.wire import Batch, Reply

LIMITS: Final = Limits(
    skus_max=64, cells_max=256, ids_max=1 << 16, reservations_max=1 << 12, lines_max=1 << 13, sources_max=64,
    operations_max=64, warehouses_max=16, channels_max=16, clients_max=16,
)  # fmt: skip
ANSWER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Home:
    """Where a shard's history is."""

    data: Path
    database: str | None
    lease_ms: int

    def journal(self) -> Journal:
        return make_journal(self.data, 0, self.database)

    def shard(self) -> ShardActor:
        """One that does nothing by itself, opened."""
        config = ShardConfig(shard=0, limits=LIMITS, settings=Settings(lease_ms=self.lease_ms))
        actor = ShardActor(
            config, self.journal, lambda journal: recover(self.data, 0, LIMITS, journal), background=False
        )
        assert actor.try_open(), actor.probe()
        return actor


class ZombieToBe:
    """A shard in another process."""

    def __init__(self, home: Home) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.actors.zombie_shard", "tests.actors.zombie_kernels"])
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_live, args=(home, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.pipe.poll(ANSWER_S)
        self.epoch = int.from_bytes(self.pipe.recv_bytes(), "little")

    def send(self, message: bytes) -> None:
        """Put a batch before it; it is read when it is not stopped. A dead one gets nothing."""
        try:
            self.pipe.send_bytes(message)
        except BrokenPipeError:
            return

    def answer(self) -> Reply | None:
        """Its next answer; None when it ended without another."""
        assert self.pipe.poll(ANSWER_S)
        try:
            return Reply.from_bytes(self.pipe.recv_bytes())
        except (EOFError, ConnectionResetError):
            return None

    def stop(self) -> None:
        """Until `go_on`."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Whether it still is there or not."""
        assert self.process.pid is not None
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGCONT)

    def end(self) -> int | None:
        """Its exit code."""
        self.process.join(ANSWER_S)
        return self.process.exitcode

    def clear_away(self) -> None:
        """Whatever happened."""
        self.process.kill()
        self.process.join(ANSWER_S)
        self.pipe.close()


def _live(home: Home, pipe: Connection) -> None:
    actor = home.shard()
    pipe.send_bytes(Reply.from_bytes(actor.submit(Batch().to_bytes())).epoch.to_bytes(8, "little"))
    while True:
        try:
            message = pipe.recv_bytes()
        except EOFError:
            os._exit(0)
        pipe.send_bytes(actor.submit(message))
