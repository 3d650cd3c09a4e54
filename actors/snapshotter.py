"""A low-priority process that keeps every shard's snapshot near the end of its journal: `python -m actors.snapshotter`.

It never asks a shard anything: it folds the newest snapshot and the durable records after it, writes the result, and
lets the memory go again. A snapshot is due when replaying what came after the last one would cost as much as
`tail_rows_max` rows; small records cost more than their rows, so they count for more. Without this process nothing is
lost and nothing stops: starting a shard only takes longer.
"""

import argparse
import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from actors.datadir import DataDir
from actors.follow import Follower
from actors.journal import JournalCorrupt, JournalError
from actors.logs import set_up_logging
from actors.recovery import ahead, fold, from_snapshot
from actors.snapshot import Snapshot, snapshots_in, write
from engine.layout import Limits

TAIL_ROWS_MAX: Final = 4_000_000
"""About a second of replay."""
RECORD_COST_ROWS: Final = 200
"""Replaying a record takes as long as so many rows, beyond its rows."""
LOOK_EVERY_S: Final = 0.5
REST_SHARE: Final = 1.0
"""After a snapshot it rests so many times as long as that took."""
NICENESS: Final = 10
DATABASE_VARIABLE: Final = "OMNISTOCK_DATABASE"

_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The process is to end."""


class Snapshotter:
    """Snapshots of all shards of a data directory."""

    def __init__(
        self,
        data: DataDir,
        database: str | None = None,
        *,
        limits: Limits | None = None,
        tail_rows_max: int = TAIL_ROWS_MAX,
    ) -> None:
        self.stopping = threading.Event()
        self._data = data
        self._limits = limits or Limits()
        self._tail_rows_max = tail_rows_max
        self._tails = [
            _Tail(data.follower(shard, database), newest(data.snapshots(shard)))
            for shard in range(data.partitions.shards)
        ]

    def run(self) -> None:
        """Until `stopping` is set."""
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                took = self.look()
            except Stopped:
                return
            self.stopping.wait(max(LOOK_EVERY_S, (time.monotonic() - began) * REST_SHARE if took else 0))

    def look(self) -> int:
        """Take the snapshots that are due; returns how many."""
        taken = 0
        for tail in self._tails:
            if tail.broken:
                continue
            try:
                if tail.cost() >= self._tail_rows_max:
                    self.take(tail.follower.shard)
                    taken += 1
            except JournalCorrupt as error:
                tail.broken = True
                _log.error("no more snapshots of a damaged journal: %s", error)
            except (JournalError, OSError) as error:
                _log.warning("a snapshot could not be taken now: %s", error)
        return taken

    def take(self, shard: int) -> Snapshot | None:
        """Fold what is durable and write it; None when there is nothing new. Raises Stopped when it is to end."""
        tail, directory = self._tails[shard], self._data.snapshots(shard)
        follower = tail.follower
        began = time.monotonic()
        engine, record_hash = from_snapshot(follower, directory, self._limits)
        first, era = engine.seq + 1, self._data.partitions.era
        for record in ahead(follower.scan(first, prev_hash=record_hash)):
            if self.stopping.is_set():
                raise Stopped
            fold(engine, record)
            era = record.era
        if engine.seq < first:
            return None
        snapshot = Snapshot(
            shard, era, engine.seq, engine.now_ms, follower.hash_at(engine.seq), engine.state_hash(), engine.arrays()
        )
        path = write(directory, snapshot)
        tail.begin_at(engine.seq)
        _log.info(
            "shard %d: snapshot at %d, %.1f MB, in %.1f s",
            shard,
            engine.seq,
            path.stat().st_size / 1e6,
            time.monotonic() - began,
        )
        return snapshot

    def close(self) -> None:
        """Let go of the files."""
        for tail in self._tails:
            tail.follower.close()


class _Tail:
    """What lies behind a shard's newest snapshot, counted as it grows."""

    def __init__(self, follower: Follower, snapshot_seq: int) -> None:
        self.follower = follower
        self.broken = False
        self.begin_at(snapshot_seq)

    def begin_at(self, seq: int) -> None:
        self._counted = seq
        self._cost = 0

    def cost(self) -> int:
        """Of replaying it, in rows."""
        for header in self.follower.headers(self._counted + 1):
            self._counted = header.seq
            self._cost += RECORD_COST_ROWS + max(header.counts)
        return self._cost


def newest(directory: Path) -> int:
    """The seq of the newest snapshot, 0 = there is none."""
    return next(iter(snapshots_in(directory)), 0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser("actors.snapshotter", description="keeps the shards' snapshots fresh")
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--database", default=os.environ.get(DATABASE_VARIABLE), help="where the journals are")
    parser.add_argument("--tail-rows-max", type=int, default=TAIL_ROWS_MAX)
    given = parser.parse_args(arguments)
    set_up_logging()
    os.nice(NICENESS)
    snapshotter = Snapshotter(DataDir.open(given.data), given.database, tail_rows_max=given.tail_rows_max)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: snapshotter.stopping.set())
    snapshotter.run()
    snapshotter.close()


if __name__ == "__main__":
    main()
