"""Where a shard lives: its journal, and the way back to its state after a death. Travels as one value.

A shard's process is made by others, again and again, from its config and this. What a start needs is done side by
side: while the kernels are loaded, the standby's state is copied already; whether it may be used is decided when the
journal is open (`actors.recovery`). Imports only what a shard needs: every import is a part of the time without it.
"""

import gc
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from actors.datadir import make_journal, snapshot_directory
from actors.handover import SOCKET
from actors.journal import Journal
from actors.recovery import recover_shard
from actors.shard_actor import ShardActor, ShardConfig, exit_process
from actors.take_over import Offer, take_over
from actors.warmup import warm_up
from engine.layout import Limits
from engine.shard import Shard


@dataclass
class ShardHome:
    """Of one shard of a data directory."""

    data: Path
    shard: int
    database: str | None
    limits: Limits
    _asked: "Future[Offer] | None" = field(default=None, init=False)
    """what the standby has, until it is used; a journal that cannot be opened now has it wait"""

    def journal(self) -> Journal:
        """The shard's journal, by the shard's opening thread: kernels are loaded before anything is owned."""
        if self._asked is None:
            pool = ThreadPoolExecutor(1, "take-over")
            self._asked = pool.submit(take_over, self.data / SOCKET, self.shard, self.limits)
            pool.shutdown(wait=False)
        warm_up()
        return make_journal(self.data, self.shard, self.database)

    def recover(self, journal: Journal) -> Shard:
        """The shard as its journal has it."""
        asked, self._asked = self._asked, None
        offer = asked.result if asked is not None else None
        return recover_shard(journal, snapshot_directory(self.data, self.shard), self.limits, offer)


class HousedShard(ShardActor):
    """A shard as a transport makes it."""

    def __init__(self, config: ShardConfig, home: ShardHome, *, die: Callable[[str], NoReturn] = exit_process) -> None:
        super().__init__(config, home.journal, home.recover, die=die)

    def try_open(self) -> bool:
        """As any shard; what the start left behind is then out of the collector's sight.

        Modules, kernels and Ray stay for good. A full collection that looked at them all took 0.1 s, and came in the
        middle of one batch in two thousand.
        """
        opened = super().try_open()
        if opened:
            gc.freeze()
        return opened
