"""The state of one shard in the standby, folded from the journal's durable records as they come.

`advance` is called by one thread, the standby's; `lent` by the threads that hand states over. Whoever folds holds the
lock. A snapshot is copied out without it, while `advance` leaves the state alone; a successor that wants the state
need not wait for that: the snapshot is given up, and knows so before it counts for anything.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from actors.follow import Follower
from actors.handover import CATCH_UP_S, LOCK_S, Lent, NoHandOver
from actors.journal import JournalCorrupt
from actors.lending import Loan
from actors.recovery import ahead, fold, from_snapshot
from actors.shared_memory import SharedMemory
from actors.snapshot import ArrayPlace, Snapshot, SnapshotFile, newest_in
from actors.snapshot_finish import finish, finish_apart
from actors.snapshotter import Interrupted, cost_of, fold_and_write, say
from engine.layout import Limits
from engine.record import Record
from engine.shard import Shard

_AHEAD_FROM: Final = 32_768
"""rows; for fewer no thread is worth its start"""

_log = logging.getLogger(__name__)


class WarmShard:
    """Warm while its state is kept; cold when there was no memory for it, then only its snapshots are looked after."""

    def __init__(self, follower: Follower, snapshots: Path, limits: Limits) -> None:
        self.shard = follower.shard
        self.cold = False
        self.cost = 0
        """of replaying what lies behind the newest snapshot, in rows"""
        self.behind_since: float | None = None
        """when it last had folded all that was durable, if there is more now"""
        self._follower = follower
        self._snapshots = snapshots
        self._limits = limits
        self._counted = newest_in(snapshots)
        self._era = 0
        self._record_rows = _AHEAD_FROM
        """of the last record, one at least: the next ones are probably no larger"""
        self._engine: Shard | None = None
        self._memory: SharedMemory | None = None
        self._hash: bytes | None = None
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._copying = False
        self._given_up = threading.Event()

    @property
    def used_bytes(self) -> int:
        """Memory of the state."""
        return self._memory.used_bytes if self._memory is not None else 0

    def close(self) -> None:
        """Let go of the files and the memory."""
        self._given_up.set()
        self.drop()
        self._follower.close()

    def drop(self) -> None:
        """Keep no state from now on."""
        self.cold = True
        with self._lock:
            self._engine, memory, self._memory = None, self._memory, None
            if memory is not None:
                memory.close()

    def advance(self, until: float, stopping: threading.Event) -> bool:
        """Fold, or only count, what is durable by now, till `until` at most; whether there was anything.

        Raises JournalError, OSError. After JournalCorrupt there is no state any more.
        """
        if self.cold:
            return self._count()
        if self._engine is None:
            self._load()
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._copying and not self._given_up.is_set():
                return False
            return self._fold(until, lambda: self._wanted.is_set() or stopping.is_set())
        finally:
            self._lock.release()

    @contextmanager
    def lent(self) -> Iterator[Loan]:
        """The state as far as it can be had soon; nothing is folded meanwhile. Raises NoHandOver."""
        if self._engine is None:
            raise NoHandOver("it has no state of this shard now")
        self._wanted.set()
        if not self._lock.acquire(timeout=LOCK_S):
            raise NoHandOver("its state is lent already")
        try:
            self._wanted.clear()
            self._given_up.set()
            loan = self._loan(time.monotonic() + CATCH_UP_S)
            try:
                yield loan
            finally:
                os.close(loan.descriptor)
        finally:
            self._lock.release()

    def snapshot(self, stopping: threading.Event, *, apart: bool = False) -> bool:
        """Write the state as it is to a file, while others may fold on; whether there was anything new.

        `apart`: what can be done without the state is done by another process. Raises Interrupted, JournalError,
        OSError.
        """
        began = time.monotonic()
        with self._lock:
            self._given_up.clear()
            engine, cost = self._engine, self.cost
            if engine is not None:
                if engine.seq == newest_in(self._snapshots):
                    return False
                snapshot = Snapshot(
                    self.shard, self._era, engine.seq, engine.now_ms, self._follower.hash_at(engine.seq), b"",
                    engine.arrays(),
                )  # fmt: skip
                id_window_ms = engine.id_window_ms
                self._copying = True
        if engine is not None:
            self._copied_out(snapshot, id_window_ms, began, stopping, apart)
        elif not fold_and_write(self._follower, self._snapshots, self._limits, stopping.is_set):
            return False
        with self._lock:
            self.cost -= cost
        return True

    def _copied_out(
        self, snapshot: Snapshot, id_window_ms: int, began: float, stopping: threading.Event, apart: bool
    ) -> None:
        try:
            with SnapshotFile.begin(self._snapshots, snapshot) as file:
                if not file.copy(snapshot.arrays, lambda: self._given_up.is_set() or stopping.is_set()):
                    raise Interrupted
                new = file.leave()
        finally:
            self._copying = False
        copied_s = time.monotonic() - began
        if apart:
            finish_apart(new, id_window_ms, stopping)
        else:
            finish(new, id_window_ms)
        if stopping.is_set():
            raise Interrupted
        say(snapshot, file.size, began, f", for {copied_s:.1f} s of which the state stood still")

    def _loan(self, until: float) -> Loan:
        engine, memory = self._engine, self._memory
        if engine is None or memory is None:
            raise NoHandOver("it has no state of this shard now")
        try:
            self._fold(until, lambda: False)
            lent = Lent(
                self.shard, engine.seq, engine.now_ms, engine.id_window_ms, self._follower.hash_at(engine.seq).hex(),
                [ArrayPlace.of(name, array, memory.offset_of(array)) for name, array in engine.arrays().items()],
            )  # fmt: skip
            return Loan(lent, memory.for_reading())
        except Exception as error:
            raise NoHandOver(str(error)) from error

    def _load(self) -> None:
        memory = SharedMemory(f"shard-{self.shard}")
        try:
            engine, record_hash = from_snapshot(self._follower, self._snapshots, self._limits, memory.reserve)
        except BaseException:
            memory.close()
            raise
        with self._lock:
            self._engine, self._memory, self._hash = engine, memory, record_hash
            self._counted, self.cost = engine.seq, 0
        _log.info("shard %d: the standby begins at record %d", self.shard, engine.seq)

    def _fold(self, until: float, stop: Callable[[], bool]) -> bool:
        engine, durable = self._engine, self._follower.durable_seq
        if engine is None or durable <= engine.seq:
            self.behind_since = None
            return False
        first = engine.seq + 1
        prev_hash = self._hash if self._hash is not None else self._follower.hash_at(engine.seq)
        self._hash = None
        if self.behind_since is None:
            self.behind_since = time.monotonic()
        try:
            for record in self._records(first, durable, prev_hash):
                fold(engine, record)
                self._era, self._record_rows = record.era, max(1, len(record.rows))
                self.cost += cost_of(len(record.rows), len(record.movements), len(record.lines))
                if stop() or time.monotonic() >= until:
                    break
            else:
                self.behind_since = None
        except JournalCorrupt:
            self._engine = None  # half of the record may be in it
            raise
        self._counted = engine.seq
        self._hash = self._follower.hash_at(engine.seq)
        return True

    def _records(self, first: int, last: int, prev_hash: bytes) -> Iterator[Record]:
        records = self._follower.scan(first, last, prev_hash)
        return ahead(records) if (last - first + 1) * self._record_rows >= _AHEAD_FROM else records

    def _count(self) -> bool:
        before = self._counted
        for header in self._follower.headers(before + 1):
            self._counted = header.seq
            self.cost += cost_of(*header.counts)
        return self._counted > before
