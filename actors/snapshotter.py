"""When a snapshot is due, and how one is taken of a shard whose state nobody keeps.

A snapshot is due when replaying what came after the last one would cost as much as `TAIL_ROWS_MAX` rows; small records
cost more than their rows, so they count for more. Called by the standby (`actors.warm_shard`); a shard is never asked
anything.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from actors.disk import Disk
from actors.follow import Follower
from actors.recovery import ahead, fold, from_snapshot
from actors.snapshot import Snapshot, SnapshotFile
from engine.layout import Limits

TAIL_ROWS_MAX: Final = 4_000_000
"""About a second of replay."""
RECORD_COST_ROWS: Final = 200
"""Replaying a record takes as long as so many rows, beyond its rows."""

_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """Somebody wants the state, or the process is to end: the snapshot is given up."""


def cost_of(*counts: int) -> int:
    """Of replaying a record with so many rows, movements, lines."""
    return RECORD_COST_ROWS + max(counts)


def fold_and_write(
    follower: Follower,
    directory: Path,
    limits: Limits,
    given_up: Callable[[], bool] = lambda: False,
    disk: Disk | None = None,
) -> Snapshot | None:
    """Fold the newest snapshot and what is durable after it, write the result, and let the memory go again.

    None when there is nothing new. Raises Interrupted, JournalError, OSError.
    """
    began = time.monotonic()
    engine, record_hash = from_snapshot(follower, directory, limits)
    first, era = engine.seq + 1, 0
    for record in ahead(follower.scan(first, prev_hash=record_hash)):
        if given_up():
            raise Interrupted
        fold(engine, record)
        era = record.era
    if engine.seq < first:
        return None
    hashed = follower.hash_at(engine.seq)
    snapshot = Snapshot(follower.shard, era, engine.seq, engine.now_ms, hashed, engine.state_hash(), engine.arrays())
    with SnapshotFile.begin(directory, snapshot, disk) as file:
        if not file.copy(snapshot.arrays, given_up):
            raise Interrupted
        file.finish(snapshot.state_hash)
    say(snapshot, file.size, began)
    return snapshot


def say(snapshot: Snapshot, size: int, began: float, more: str = "") -> None:
    """In the log: a snapshot was taken."""
    seconds = time.monotonic() - began
    _log.info("shard %d: snapshot at %d, %.1f MB, in %.1f s%s", snapshot.shard, snapshot.seq, size / 1e6, seconds, more)
