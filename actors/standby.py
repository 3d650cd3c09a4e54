"""A low-priority process that stands by with every shard's state in memory: `python -m actors.standby`.

It never asks a shard anything: it folds the durable records of the journals as they come, a fraction of a second
behind. When a shard died, its successor takes the state from here (`actors.lending`) instead of folding it anew; from
the same state come the snapshots, for the day on which the whole machine starts again. Without this process nothing
is lost and nothing stops: starting a shard only takes longer.

All states together stay below a share of the machine's memory. Above, the largest is let go, and of its shard only
snapshots are taken, as fold of the one before and of the records since.
"""

import argparse
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from actors.archive import Archive, GivenUp
from actors.child import DATABASE_VARIABLE, supervisor_hears
from actors.datadir import DataDir
from actors.handover import SOCKET, NoHandOver
from actors.journal import JournalCorrupt, JournalError
from actors.lending import Lending, Loan
from actors.logs import set_up_logging
from actors.machine import memory_bytes
from actors.pulse import BEAT_S
from actors.shard_limits import shard_limits
from actors.snapshot import drop_unfinished, newest_in
from actors.snapshot_finish import NICENESS
from actors.snapshotter import TAIL_ROWS_MAX, Interrupted
from actors.warm_shard import WarmShard
from engine.layout import Limits

MEMORY_SHARE: Final = 1 / 3
"""of the machine's memory: what all states together may take"""
SLICE_S: Final = 0.5
"""A shard's turn; then it is the next one's."""
PAUSE_MIN_S: Final = 0.05
"""Also while records come: small ones cost less by the dozen."""
PAUSE_MAX_S: Final = 0.1
LOOK_EVERY_S: Final = 0.5
"""Whether a snapshot is due, and how much memory is taken."""
TRY_AGAIN_S: Final = 2.0
"""After a journal could not be read."""
ARCHIVE_AGAIN_S: Final = 60.0
"""After the archive was away or full."""
REST_SHARE: Final = 3.0
"""After a snapshot none is begun for so many times as long as it took: at most a quarter of the time goes into them."""
PATIENCE_S: Final = 0.5
"""A state that is behind for longer is folded with the priority of others: a successor would wait for it."""
_FIRST_TO_DIE: Final = "500"
"""When memory runs out the system ends this process before any shard."""

_log = logging.getLogger(__name__)


class Standby:
    """Of all shards of a data directory."""

    def __init__(
        self,
        data: DataDir,
        database: str | None = None,
        *,
        limits: Limits | None = None,
        tail_rows_max: int = TAIL_ROWS_MAX,
        memory_max: int | None = None,
        archive: Path | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`archive`: where old segments go. `beat` is called at every turn: whoever hears nothing for long may take
        this process for stuck."""
        self._beat = beat
        self.stopping = threading.Event()
        self._data = data
        self._tail_rows_max = tail_rows_max
        self._memory_max = int(memory_bytes() * MEMORY_SHARE) if memory_max is None else memory_max
        self._shards = [
            WarmShard(data.follower(shard, database), data.snapshots(shard), limits or shard_limits())
            for shard in range(data.partitions.shards)
        ]
        self._waiting_until = [0.0 for _ in self._shards]
        """of a shard whose journal cannot be read; for ever when it is damaged"""
        self._archive = None if archive is None else Archive(archive, data.mark)
        self._archived_up_to: dict[int, int] = {}
        self._archive_at = 0.0
        self._archiving: Future[int] | None = None
        self._look_at = 0.0
        self._beat_at = 0.0
        self._rest_until = 0.0
        self._writing: Future[bool] | None = None
        self._lending: Lending | None = None
        for shard in range(data.partitions.shards):
            drop_unfinished(data.snapshots(shard))

    def listen(self) -> None:
        """Hand states over from now on."""
        self._lending = Lending(self._data.path / SOCKET, self.lent)

    def run(self) -> None:
        """Until `stopping` is set."""
        self.listen()
        # A thread has the priority of the one that started it: these are started before it is lowered.
        with ExitStack() as ending:
            swift = ending.enter_context(ThreadPoolExecutor(1, "catch-up"))
            writer = ending.enter_context(ThreadPoolExecutor(1, "snapshot"))
            for pool in (swift, writer):
                pool.submit(int).result()
            os.nice(NICENESS)
            mover = ending.enter_context(ThreadPoolExecutor(1, "archive"))
            pause_s = PAUSE_MIN_S
            while not self.stopping.is_set():
                if time.monotonic() >= self._beat_at:
                    self._beat_at = time.monotonic() + BEAT_S
                    self._beat()
                moved = swift.submit(self.advance).result() if self._late() else self.advance()
                if time.monotonic() >= self._look_at:
                    self._look_at = time.monotonic() + LOOK_EVERY_S
                    self._limit_memory()
                    self._begin_snapshot(writer)
                    self._begin_archiving(mover)
                pause_s = PAUSE_MIN_S if moved else min(2 * pause_s, PAUSE_MAX_S)
                if not moved or all(shard.behind_since is None for shard in self._shards):
                    self.stopping.wait(pause_s)
            self.close()

    def _late(self) -> bool:
        """Whether a state has not been up to date for too long."""
        since = [shard.behind_since for shard in self._shards]
        return any(at is not None and time.monotonic() - at > PATIENCE_S for at in since)

    def advance(self) -> bool:
        """A turn for every shard; whether anything was new."""
        moved = False
        for number, shard in enumerate(self._shards):
            now = time.monotonic()
            if now < self._waiting_until[number]:
                continue
            try:
                moved |= shard.advance(now + SLICE_S, self.stopping)
            except JournalCorrupt as error:
                self._waiting_until[number] = float("inf")
                shard.drop()
                _log.error("no state and no more snapshots of a damaged journal: %s", error)
            except (JournalError, OSError) as error:
                self._waiting_until[number] = now + TRY_AGAIN_S
                _log.warning("a journal cannot be followed now: %s", error)
        return moved

    @contextmanager
    def lent(self, shard: int) -> Iterator[Loan]:
        """The state of a shard, standing still; raises NoHandOver."""
        if not 0 <= shard < len(self._shards):
            raise NoHandOver(f"there is no shard {shard}")
        with self._shards[shard].lent() as loan:
            yield loan

    def look(self) -> int:
        """Fold everything that is durable and take the snapshots that are due, now; returns how many."""
        while self.advance():
            pass
        self._limit_memory()
        return sum(self._take(shard) for shard in self._due())

    def take(self, shard: int) -> bool:
        """A snapshot of what is durable, now; False when there is nothing new or it could not be taken."""
        while self.advance():
            pass
        return self._take(shard)

    def archive(self) -> int:
        """Move the segments that lie before the newest snapshots; returns how many."""
        if self._archive is None:
            return 0
        moved = 0
        for shard in range(len(self._shards)):
            seq = newest_in(self._data.snapshots(shard))
            if self._archived_up_to.get(shard) == seq:
                continue
            try:
                moved += len(self._archive.take(self._data.shard(shard), shard, seq, self.stopping.is_set))
                self._archived_up_to[shard] = seq
            except GivenUp:
                break
            except OSError as error:
                self._archive_at = time.monotonic() + ARCHIVE_AGAIN_S
                _log.warning("shard %d: old segments stay where they are for now: %s", shard, error)
        return moved

    def close(self) -> None:
        """Listen no more, give up what is being written, and let go of the files."""
        self.stopping.set()
        if self._lending is not None:
            self._lending.close()
        if self._writing is not None:
            self._writing.result()
        if self._archiving is not None:
            self._archiving.result()
        for shard in self._shards:
            shard.close()

    def _due(self) -> list[int]:
        now = time.monotonic()
        return [
            number
            for number, shard in enumerate(self._shards)
            if shard.cost >= self._tail_rows_max and now >= self._waiting_until[number]
        ]

    def _begin_snapshot(self, writer: ThreadPoolExecutor) -> None:
        """One at a time, of a shard that is not behind."""
        if (self._writing is not None and not self._writing.done()) or time.monotonic() < self._rest_until:
            return
        due = [shard for shard in self._due() if self._shards[shard].behind_since is None]
        if due:
            self._writing = writer.submit(self._take, due[0], apart=True)

    def _begin_archiving(self, mover: ThreadPoolExecutor) -> None:
        idle = self._archiving is None or self._archiving.done()
        if self._archive is not None and idle and time.monotonic() >= self._archive_at:
            self._archiving = mover.submit(self.archive)

    def _take(self, shard: int, *, apart: bool = False) -> bool:
        began = time.monotonic()
        try:
            return self._shards[shard].snapshot(self.stopping, apart=apart)
        except Interrupted:
            _log.info("shard %d: a snapshot was given up", shard)
        except (JournalError, OSError) as error:
            _log.warning("shard %d: a snapshot could not be taken now: %s", shard, error)
        finally:
            now = time.monotonic()
            self._rest_until = now + (now - began) * REST_SHARE
        return False

    def _limit_memory(self) -> None:
        used = [shard.used_bytes for shard in self._shards]
        while sum(used) > self._memory_max:
            largest = used.index(max(used))
            _log.warning(
                "shard %d: its state of %.1f MB is let go, for all take %.1f MB of %.1f: its successor will be slower",
                largest, used[largest] / 1e6, sum(used) / 1e6, self._memory_max / 1e6,
            )  # fmt: skip
            self._shards[largest].drop()
            used[largest] = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser("actors.standby", description="keeps the shards' states and snapshots fresh")
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--database", default=os.environ.get(DATABASE_VARIABLE), help="where the journals are")
    parser.add_argument("--tail-rows-max", type=int, default=TAIL_ROWS_MAX, help="a snapshot at every so many rows")
    parser.add_argument(
        "--memory-max", type=int, help="bytes of all states together; default: a third of the machine's"
    )
    parser.add_argument("--archive", type=Path, help="where old segments go")
    given = parser.parse_args(arguments)
    set_up_logging()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_DIE)
    standby = Standby(
        DataDir.open(given.data),
        given.database,
        tail_rows_max=given.tail_rows_max,
        memory_max=given.memory_max,
        archive=given.archive,
        beat=supervisor_hears(),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: standby.stopping.set())
    standby.run()


if __name__ == "__main__":
    main()
