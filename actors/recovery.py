"""From files to a shard: the newest snapshot that is whole, and the journal's records after it.

Called by a shard that opens, by the snapshotter, and by `verify`. A snapshot is only a shortcut, the journal is the
truth: a snapshot of records that the journal does not have means that the journal has lost some, and nothing starts.
"""

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar, cast

from actors.journal import JournalCorrupt, JournalReader
from actors.snapshot import Snapshot, good_snapshots
from engine.journal_format import NO_HASH
from engine.layout import Limits
from engine.record import Record
from engine.shard import ReplayMismatch, Shard

T = TypeVar("T")
_AHEAD: Final = 4
_log = logging.getLogger(__name__)


def recover_shard(journal: JournalReader, snapshots: Path, limits: Limits) -> Shard:
    """The shard as the journal has it; raises JournalCorrupt when records are damaged, missing or do not fit."""
    shard, record_hash = from_snapshot(journal, snapshots, limits)
    for record in ahead(journal.scan(shard.seq + 1, prev_hash=record_hash)):
        fold(shard, record)
    return shard


def from_snapshot(journal: JournalReader, snapshots: Path, limits: Limits) -> tuple[Shard, bytes]:
    """The shard at its newest usable snapshot, or at its beginning, and the hash of the record it stands at."""
    for snapshot in good_snapshots(snapshots):
        check_against(journal, snapshot)
        try:
            return Shard.from_arrays(limits, dict(snapshot.arrays)), snapshot.record_hash
        except (ValueError, AttributeError) as error:  # smaller limits, or tables that this version does not have
            _log.warning("shard %d: the snapshot at %d does not fit: %s", snapshot.shard, snapshot.seq, error)
    return Shard(limits), NO_HASH


def check_against(journal: JournalReader, snapshot: Snapshot) -> None:
    """Raise JournalCorrupt when the snapshot knows of records that the journal does not have."""
    if snapshot.shard != journal.shard:
        raise JournalCorrupt(journal.shard, snapshot.seq, f"a snapshot of shard {snapshot.shard} lies with it")
    durable = journal.durable_seq
    if snapshot.seq > durable:
        raise JournalCorrupt(journal.shard, durable + 1, f"a snapshot knows of records up to {snapshot.seq}")
    if journal.hash_at(snapshot.seq) != snapshot.record_hash:
        raise JournalCorrupt(journal.shard, snapshot.seq, "a snapshot knows another record of this number")


def fold(shard: Shard, record: Record) -> None:
    """Apply a record; raises JournalCorrupt when it does not fit."""
    try:
        shard.apply(record)
    except ReplayMismatch as error:
        raise JournalCorrupt(record.shard, record.seq, str(error)) from error


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, made a few ahead in another thread: reading and unpacking let the caller's thread fold."""
    end = object()
    with ThreadPoolExecutor(1, "ahead") as pool:
        waiting: deque[Future[object]] = deque(pool.submit(next, items, end) for _ in range(_AHEAD))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, items, end))
                yield cast(T, item)
        finally:
            pool.shutdown(cancel_futures=True)
