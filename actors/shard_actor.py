"""The single writer of one shard: decides batches, makes them durable, and only then answers.

A plain class; a transport gives it a thread or a process. `submit` is called by one thread at a time, `probe`
by any. Opening goes on in a thread of its own: the constructor returns at once and raises nothing, for Ray
would never start such an actor again; until it is open the answer is STARTING.

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
import numpy as np

from actors.clock import Readings, ShardClock, system_readings
from actors.gathering import no_results
from actors.journal import Journal, JournalError
from actors.metrics import ShardMetrics
from actors.note import Note
from actors.packing import copied
from actors.pinned import commands_behind, made_by, positions_to_read, replayed, resolve
from actors.process_group import Process
from actors.settings import Settings
from actors.transport import ShardStatus
from engine.layout import LINE, Limits
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from engine.shard import Shard
from engine.wire import Array, Batch, Reply, ShardState

_MS = 1_000_000
_NO_LINES: Array = np.empty(0, LINE)


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
    ) -> None:
        """`recover` folds snapshot and journal, after `Journal.open`. Without `background`, nothing runs by
        itself: the caller calls `try_open` and `tick`."""
        self.config = config
        self.metrics = ShardMetrics()
        self._make_journal = make_journal
        self._recover = recover
        self._die = die
        self._readings = readings
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._state = ShardState.STARTING
        self._reason = "opening"
        self._epoch = 0
        self._seq = 0
        self._due_ms = 0
        self._busy_since_ns = 0
        self._owned_at_ns = 0
        self._now_ms = 0
        self._note = Note(config.note_path)
        self._process = Process.this()
        self._journal: Journal | None = None
        self._engine: Shard | None = None
        self._clock = ShardClock(0, *readings())
        if background:
            threading.Thread(target=self._keep_house, name=f"shard-{config.shard}", daemon=True).start()

    def submit(self, message: bytes) -> bytes:
        """Decide a Batch; gives a Reply. Raises WireError when the message is no Batch: nothing was done."""
        batch = Batch.from_bytes(message)
        with self._lock:
            if batch.epoch_seen > self._epoch and self._state is not ShardState.STARTING:
                self._end(f"epoch {batch.epoch_seen} was seen, and this is {self._epoch}: it was replaced")
            if self._state not in (ShardState.READY, ShardState.READ_ONLY):
                return Reply(self._state, self._epoch, self._seq).to_bytes()
            self._busy_since_ns = self._readings()[0]
            try:
                return self._answer(batch).to_bytes()
            except Exception as error:
                logging.getLogger(__name__).exception("shard %d", self.config.shard)
                self._end(repr(error))
            finally:
                self._busy_since_ns = 0

    def probe(self) -> bytes:
        """A ShardStatus, without waiting for the batch that is being decided."""
        busy_since_ns = self._busy_since_ns
        busy_ms = (self._readings()[0] - busy_since_ns) // _MS if busy_since_ns else 0
        return ShardStatus(
            shard=self.config.shard,
            state=self._state,
            epoch=self._epoch,
            seq=self._seq,
            pid=self._process.pid,
            started=self._process.started,
            busy_ms=busy_ms,
            due_ms=self._due_ms,
            now_ms=self._now_ms,
            clock_alarm=self._clock.alarm,
            died_deciding=self._note.left_behind,
            reason=self._reason,
            metrics=msgspec.to_builtins(self.metrics),
        ).to_bytes()

    def stop(self) -> None:
        """Seal the journal and let it go; every later answer is AWAY."""
        self._stopping.set()
        with self._lock:
            ready = self._state is ShardState.READY
            self._state = ShardState.AWAY
            self._reason = "stopped"
            if self._journal is not None:
                # A seal only says that the stop was clean; the journal is whole without it.
                with contextlib.suppress(JournalError, OSError):
                    if ready:
                        self._journal.seal()
                    self._journal.close()
                self._journal = None

    def abandon(self) -> None:
        """Let the journal go without a seal, as a death would; for shards that are threads."""
        self._stopping.set()
        with self._lock:
            self._state = ShardState.AWAY
            if self._journal is not None:
                with contextlib.suppress(JournalError, OSError):
                    self._journal.close()

    def try_open(self) -> bool:
        """Own the journal, fold it, begin an epoch. False when it cannot be had now: try again later."""
        with self._lock:
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
        """Expire what is due, see whether there is room to write, and prove ownership, when nobody asks."""
        if self._state not in (ShardState.READY, ShardState.READ_ONLY) or not self._lock.acquire(blocking=False):
            return
        try:
            if self._state in (ShardState.READY, ShardState.READ_ONLY):
                self._decide(Batch())
                self._prove_ownership(self.config.settings.lease_ms // 2)
        except Exception as error:
            logging.getLogger(__name__).exception("shard %d", self.config.shard)
            self._end(repr(error))
        finally:
            self._lock.release()

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
        self._journal, self._engine, self._clock = journal, engine, clock
        self._owned_at_ns = self._readings()[0]
        self._epoch, self._seq, self._due_ms = opening.epoch, record.seq, engine.next_due_ms()
        self._state, self._reason = ShardState.READY, ""

    def _answer(self, batch: Batch) -> Reply:
        results, lines = self._decide(batch)
        if not len(batch.questions):
            return Reply(self._state, self._epoch, self._seq, results, lines)
        journal, engine = self._opened()
        self._prove_ownership(self.config.settings.lease_ms)
        self.metrics.questions += len(batch.questions)
        questions = copied(batch.questions)
        np.minimum(questions["limit"], self.config.settings.page_max, out=questions["limit"])
        found = engine.answer(questions)
        made, made_heap = made_by(positions_to_read(questions, found), journal.read)
        commands, heap, command_results, command_lines = commands_behind(questions, found.answers, journal.read)
        commands["text_at"] += np.uint32(len(made_heap))
        return Reply(
            self._state,
            self._epoch,
            self._seq,
            results,
            lines,
            found.answers,
            found.cells,
            found.reservations,
            found.lines,
            made,
            commands,
            command_results,
            command_lines,
            np.concatenate((made_heap, heap)),
        )

    def _decide(self, batch: Batch) -> tuple[Array, Array]:
        """Results and lines of the batch's rows; due holds are expired before."""
        journal, engine = self._opened()
        now_ms = self._now_ms = self._clock.now_ms(*self._readings())
        rows = batch.rows
        if not len(rows) and not 0 < self._due_ms <= now_ms and self._state is ShardState.READY:
            return no_results(0, Outcome.OK), _NO_LINES
        if not journal.room():
            self._state, self._reason = ShardState.READ_ONLY, "no room in the journal"
            self.metrics.refused_read_only += len(rows)
            return no_results(len(rows), Outcome.UNAVAILABLE), _NO_LINES
        self._state, self._reason = ShardState.READY, ""
        if len(rows) > engine.limits.batch_rows_max:
            return no_results(len(rows), Outcome.LIMIT_EXCEEDED), _NO_LINES
        begun_ns = self._readings()[0]
        self._note.write(batch.call)
        decision = engine.decide(rows, batch.heap, now_ms=now_ms, seq=self._seq + 1)
        decided_ns = self._readings()[0]
        if decision.changed:
            record = Record(
                RecordKind.BATCH,
                self.config.shard,
                self.config.era,
                self._seq + 1,
                self._epoch,
                now_ms,
                id_window_ms=engine.limits.id_window_ms,
                rows=rows,
                results=decision.results,
                movements=decision.movements,
                lines=decision.lines,
                heap=batch.heap,
            )
            journal.append(record)
            self._seq = record.seq
            self._owned_at_ns = self._readings()[0]
            self.metrics.append_s.observe((self._owned_at_ns - decided_ns) / 1e9)
        self._note.write(0)
        self._due_ms = engine.next_due_ms()
        metrics = self.metrics
        metrics.batches += 1
        metrics.rows += len(rows)
        metrics.batch_rows.observe(len(rows))
        metrics.decide_s.observe((decided_ns - begun_ns) / 1e9)
        metrics.replays += int(replayed(decision.results).sum())
        results, lines = resolve(decision.results, decision.lines, journal.read)
        metrics.count_outcomes(results["outcome"])
        return results, lines

    def _opened(self) -> tuple[Journal, Shard]:
        assert self._journal is not None
        assert self._engine is not None
        return self._journal, self._engine

    def _prove_ownership(self, older_than_ms: int) -> None:
        """Without an append or a proof for so long, somebody else may own the shard by now."""
        now_ns = self._readings()[0]
        if now_ns - self._owned_at_ns > older_than_ms * _MS:
            self._opened()[0].check()
            self._owned_at_ns = now_ns

    def _end(self, reason: str) -> NoReturn:
        self._state = ShardState.AWAY
        self._reason = reason
        self._stopping.set()
        self._die(reason)


def _known_seq(path: str) -> int:
    try:
        return int(Path(path).read_text()) if path else 0
    except (FileNotFoundError, ValueError):
        return 0
