"""From files to a shard: the newest snapshot that is whole, or what the standby has, and the journal's records since.

Called by a shard that opens, by the standby, and by `verify`. Both are only shortcuts, the journal is the truth. What
the standby has is left alone when anything about it is not as the journal says. A snapshot of records that the journal
does not have means that the journal has lost some, and nothing starts.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from actors.fresh_memory import FreshMemory
from actors.handover import Lent, NoHandOver
from actors.journal import JournalCorrupt, JournalReader
from actors.snapshot import Snapshot, good_snapshots, newest_in
from actors.take_over import Offer
from engine.journal_format import NO_HASH
from engine.layout import Limits
from engine.record import Record
from engine.shard import ReplayMismatch, Shard
from engine.state import Reserve, reserve_array

_AHEAD: Final = 4
_TOGETHER: Final = 64
_TOGETHER_ROWS: Final = 4096
_log = logging.getLogger(__name__)


def recover_shard(
    journal: JournalReader, snapshots: Path, limits: Limits, offer: Callable[[], Offer] | None = None
) -> Shard:
    """The shard as the journal has it; raises JournalCorrupt when records are damaged, missing or do not fit.

    `offer` gives what the standby has; it is taken when the journal bears it out and no snapshot is newer.
    """
    if offer is not None:
        try:
            return _from_standby(journal, snapshots, *offer())
        except (NoHandOver, JournalCorrupt) as error:
            _log.info("shard %d: nothing from the standby: %s", journal.shard, error)
    shard, record_hash = from_snapshot(journal, snapshots, limits)
    return _followed(journal, shard, record_hash)


def _from_standby(journal: JournalReader, snapshots: Path, shard: Shard, lent: Lent) -> Shard:
    durable, newest = journal.durable_seq, newest_in(snapshots)
    if not newest <= lent.seq <= durable:
        raise NoHandOver(f"it has record {lent.seq}, the journal {durable}, a snapshot {newest}")
    record_hash = journal.hash_at(lent.seq)
    if record_hash.hex() != lent.record_hash:
        raise NoHandOver(f"it knows another record {lent.seq}")
    return _followed(journal, shard, record_hash)


def _followed(journal: JournalReader, shard: Shard, record_hash: bytes) -> Shard:
    """With the records after it folded in."""
    if shard.seq < journal.durable_seq:
        with FreshMemory(shard, journal.durable_seq):
            for record in ahead(journal.scan(shard.seq + 1, prev_hash=record_hash)):
                fold(shard, record)
    return shard


def from_snapshot(
    journal: JournalReader, snapshots: Path, limits: Limits, reserve: Reserve = reserve_array
) -> tuple[Shard, bytes]:
    """The shard at its newest usable snapshot, or at its beginning, and the hash of the record it stands at."""
    for snapshot in good_snapshots(snapshots):
        check_against(journal, snapshot)
        try:
            return Shard.from_arrays(limits, snapshot.arrays, reserve), snapshot.record_hash
        except ValueError as error:  # smaller limits, or tables that this version does not have
            _log.warning("shard %d: the snapshot at %d does not fit: %s", snapshot.shard, snapshot.seq, error)
    return Shard(limits, reserve), NO_HASH


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


def ahead(records: Iterator[Record]) -> Iterator[Record]:
    """The same records, made a few ahead in another thread: reading and unpacking let the caller's thread fold."""
    with ThreadPoolExecutor(1, "ahead") as pool:
        waiting = deque(pool.submit(_some, records) for _ in range(_AHEAD))
        try:
            while True:
                some = waiting.popleft().result()
                waiting.append(pool.submit(_some, records))
                yield from some.records
                if some.error is not None:
                    raise some.error
                if not some.records:
                    return
        finally:
            pool.shutdown(cancel_futures=True)


class _Some(NamedTuple):
    records: list[Record]
    error: Exception | None
    """what came in place of the next record"""


def _some(records: Iterator[Record]) -> _Some:
    """As many as are worth a change of threads; none at the end."""
    found: list[Record] = []
    rows = 0
    try:
        for record in records:
            found.append(record)
            rows += len(record.rows) + len(record.movements)
            if rows >= _TOGETHER_ROWS or len(found) == _TOGETHER:
                break
    except Exception as error:
        return _Some(found, error)
    return _Some(found, None)
