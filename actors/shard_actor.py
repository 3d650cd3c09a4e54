"""The single writer of one shard, from opening to stop. A plain class; a transport gives it a process or threads.

`submit` is called by at most two threads at a time (one batch is decided while another is made durable, see
`actors.open_shard`), `probe` by any. Opening goes on in a thread of its own: the constructor returns at once
and raises nothing, for Ray would never start such an actor again; until it is open the answer is STARTING.

What must never happen is that somebody sees what is not durable. So an append that fails ends the process
(the successor folds the journal and knows), and so does any surprise between deciding and appending. Lack of
room is met before deciding: READ_ONLY, rows are `unavailable` and did not run, reads go on.
"""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import msgspec

from actors.clock import Readings, ShardClock, system_readings
from actors.journal import Journal, JournalError
from actors.metrics import ShardMetrics
from actors.note import Note
from actors.open_shard import OpenShard
from actors.process_group import Process
from actors.settings import Settings
from actors.transport import ShardStatus
from engine.layout import Limits
from engine.record import Record, RecordKind
from engine.shard import Shard
from engine.wire import Batch, Reply, ShardState

_MS = 1_000_000


class ShardDied(BaseException):
    """Raised in place of an exit where shards are threads; not an Exception, so that nothing swallows it."""


def exit_process(reason: str) -> NoReturn:
    """End this process at once: nothing is flushed, nothing is answered."""
    sys.stderr.write(f"shard exits: {reason}\n")
    sys.stderr.flush()
    os._exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardConfig:
    """What a shard is told when it is made, and again whenever its process is started again."""

    shard: int
    era: int = 1
    limits: Limits = field(default_factory=Limits)
    settings: Settings = field(default_factory=Settings)
    known_seq_path: str = ""
    """a file with the highest seq that anybody saw acknowledged; a journal that ends below it is damaged"""
    note_path: str = ""
    """where the number of the batch being decided is noted, for the successor; not to be synced"""


class ShardActor:
    """One shard, from opening to `stop`."""

    def __init__(
        self,
        config: ShardConfig,
        make_journal: Callable[[], Journal],
        recover: Callable[[Journal], Shard],
        *,
        die: Callable[[str], NoReturn] = exit_process,
        readings: Readings = system_readings,
        background: bool = True,
        process: Process | None = None,
    ) -> None:
        """`recover` folds snapshot and journal, after `Journal.open`. Without `background`, nothing runs by
        itself: the caller calls `try_open` and `tick`. `process`: whom to kill when it is stuck, this one."""
        self.config = config
        self.metrics = ShardMetrics()
        self._make_journal = make_journal
        self._recover = recover
        self._die = die
        self._readings = readings
        self._opening = threading.Lock()
        self._stopping = threading.Event()
        self._state = ShardState.STARTING
        self._reason = "opening"
        self._shard: OpenShard | None = None
        self._begun_ns: dict[int, int] = {}
        """by thread: when it took up the batch that it is at"""
        self._note = Note(config.note_path)
        self._process = process or Process.this()
        if background:
            threading.Thread(target=self._keep_house, name=f"shard-{config.shard}", daemon=True).start()

    def submit(self, message: bytes) -> bytes:
        """Decide a Batch; gives a Reply. Raises WireError when the message is no Batch: nothing was done."""
        batch = Batch.from_bytes(message)
        shard = self._shard
        if shard is None or self._state is ShardState.AWAY:
            return Reply(self._state, 0, 0).to_bytes()
        if batch.epoch_seen > shard.epoch:
            self._end(f"epoch {batch.epoch_seen} was seen, and this is {shard.epoch}: it was replaced")
        me = threading.get_ident()
        self._begun_ns[me] = self._readings()[0]
        try:
            return shard.run(batch).to_bytes()
        except Exception as error:
            self._fail(error)
        finally:
            del self._begun_ns[me]

    def probe(self) -> bytes:
        """A ShardStatus, without waiting for the batch that is being decided."""
        begun_ns = min(self._begun_ns.copy().values(), default=0)
        shard = self._shard
        if shard is not None:
            self.metrics.tables = shard.tables()
        status = ShardStatus(
            shard=self.config.shard,
            state=self._state,
            pid=self._process.pid,
            started=self._process.started,
            busy_ms=(self._readings()[0] - begun_ns) // _MS if begun_ns else 0,
            died_deciding=self._note.left_behind,
            reason=self._reason,
            metrics=msgspec.to_builtins(self.metrics),
        )
        if shard is not None and self._state is ShardState.READY:
            status = msgspec.structs.replace(
                status,
                state=ShardState.READY if shard.has_room else ShardState.READ_ONLY,
                reason="" if shard.has_room else "no room in the journal",
                epoch=shard.epoch,
                seq=shard.seq,
                due_ms=shard.due_ms,
                now_ms=shard.now_ms,
                clock_alarm=shard.clock.alarm,
            )
        return status.to_bytes()

    def stop(self) -> None:
        """Seal the journal and let it go; every later answer is AWAY."""
        self._close("stopped", seal=True)

    def abandon(self) -> None:
        """Let the journal go without a seal, as a death would; for shards that are threads."""
        self._close(self._reason, seal=False)

    def try_open(self) -> bool:
        """Own the journal, fold it, begin an epoch. False when it cannot be had now: try again later."""
        with self._opening:
            if self._state is not ShardState.STARTING:
                return True
            journal: Journal | None = None
            try:
                journal = self._make_journal()
                self._open(journal)
                return True
            except Exception as error:
                # Whatever it was, raising would be for good; the reason is shown by every probe.
                self._reason = str(error) or repr(error)
                logging.getLogger(__name__).warning("shard %d cannot open: %s", self.config.shard, self._reason)
                if journal is not None:
                    with contextlib.suppress(JournalError, OSError):
                        journal.close()
                return False

    def tick(self) -> None:
        """What is due when nobody asks: see `OpenShard.tick`."""
        shard = self._shard
        if shard is not None:
            try:
                shard.tick()
            except Exception as error:
                self._fail(error)

    def _keep_house(self) -> None:
        settings = self.config.settings
        pause_ms = settings.opening_backoff_first_ms
        try:
            while not self.try_open():
                if self._stopping.wait(pause_ms / 1000):
                    return
                pause_ms = min(2 * pause_ms, settings.opening_backoff_max_ms)
            while not self._stopping.wait(settings.tick_ms / 1000):
                self.tick()
        except ShardDied:
            return

    def _open(self, journal: Journal) -> None:
        config = self.config
        opening = journal.open(_known_seq(config.known_seq_path))
        engine = self._recover(journal)
        clock = ShardClock(max(opening.now_ms, engine.now_ms), *self._readings())
        now_ms = clock.now_ms(*self._readings())
        downtime_ms = min(now_ms - opening.now_ms, config.settings.downtime_max_ms) if opening.seq else 0
        record = Record(
            RecordKind.OPEN,
            config.shard,
            config.era,
            opening.seq + 1,
            opening.epoch,
            now_ms,
            downtime_ms=downtime_ms,
            id_window_ms=config.limits.id_window_ms,
        )
        journal.append(record)
        engine.apply(record)
        self._shard = OpenShard(
            journal, engine, clock, record, config.settings, self.metrics, self._note, self._readings
        )
        self._state, self._reason = ShardState.READY, ""

    def _close(self, reason: str, seal: bool) -> None:
        self._stopping.set()
        with self._opening:
            shard, self._shard = self._shard, None
            self._state, self._reason = ShardState.AWAY, reason
            if shard is not None:
                # A seal only says that the stop was clean; the journal is whole without it.
                with contextlib.suppress(JournalError, OSError):
                    shard.close(seal)

    def _fail(self, error: Exception) -> NoReturn:
        if self._state is ShardState.AWAY:
            self._end(self._reason)
        logging.getLogger(__name__).error("shard %d", self.config.shard, exc_info=error)
        self._end(repr(error))

    def _end(self, reason: str) -> NoReturn:
        self._state, self._reason = ShardState.AWAY, reason
        self._stopping.set()
        self._die(reason)


def _known_seq(path: str) -> int:
    try:
        return int(Path(path).read_text()) if path else 0
    except (FileNotFoundError, ValueError):
        return 0
