"""A shard that is open: it decides batches in order, makes each durable, and answers only then.

Two batches may be on their way at a time: while one is being written and synced, the next is decided. It is
decided on what is not durable yet, but its own answer waits until both are, for records become durable in
the order in which they were decided. If a write fails, nothing after it is answered, and nobody ever saw
what it built on. Called by `actors.shard_actor`, which ends the process on any exception from here.
"""

import threading
from dataclasses import dataclass

import numpy as np

from actors.clock import Readings, ShardClock
from actors.gathering import no_results
from actors.journal import Journal
from actors.metrics import ShardMetrics
from actors.note import Note
from actors.packing import copied
from actors.pinned import commands_behind, made_by, positions_to_read, replayed, resolve
from actors.settings import Settings
from engine.layout import LINE, RESULT
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from engine.shard import Answers, Shard
from engine.wire import Array, Batch, Reply, ShardState

_MS = 1_000_000
_NO_RESULTS: Array = np.empty(0, RESULT)
_NO_LINES: Array = np.empty(0, LINE)


class WriteFailed(Exception):
    """A batch before this one could not be made durable; what this one was decided on never happened."""


@dataclass(slots=True)
class _Decided:
    """A batch between its decision and its answer."""

    results: Array
    lines: Array
    at_ns: int
    questions: Array
    found: Answers | None = None
    record: Record | None = None
    note: int | None = None
    """which place of the note says that it is on its way"""


class OpenShard:
    """Owns the engine's state and the journal of one epoch."""

    def __init__(
        self, journal: Journal, engine: Shard, clock: ShardClock, opened: Record, settings: Settings,
        metrics: ShardMetrics, note: Note, readings: Readings,
    ) -> None:  # fmt: skip
        """`opened`: the record that began the epoch, durable and folded into `engine`."""
        self.journal = journal
        self.clock = clock
        self.epoch = opened.epoch
        self.seq = opened.seq
        """durable"""
        self.now_ms = opened.now_ms
        self.due_ms = engine.next_due_ms()
        self.has_room = journal.room()
        """for the next two records, however large"""
        self._engine = engine
        self._opened = opened
        self._settings = settings
        self._metrics = metrics
        self._note = note
        self._readings = readings
        self._owned_at_ns = readings()[0]
        self._failed = False
        self._notes = 0
        # Taken in this order. The second is taken before the first is given back: so records keep their order.
        self._deciding = threading.Lock()
        self._writing = threading.Lock()

    def tables(self) -> dict[str, tuple[int, int]]:
        """How full the engine's tables are, perhaps in the middle of a batch: (rows, room for rows)."""
        counts, room = self._engine.counts, self._engine.room
        return {table: (rows, room[table]) for table, rows in counts.items()}

    def run(self, batch: Batch) -> Reply:
        """Decide the batch, make it durable, answer it."""
        try:
            with self._deciding:
                decided = self._decide(batch)
                self._writing.acquire()
            try:
                self._write(decided)
            finally:
                self._writing.release()
            return self._reply(decided)
        except BaseException:
            self._failed = True
            raise

    def tick(self) -> None:
        """Expire what is due, judge alerts anew if that is due, look for room, and prove ownership, unless a batch is
        doing so now."""
        if self._deciding.locked():
            return
        if not self.has_room:
            with self._writing:
                self.has_room = self.journal.room()
        if self.has_room and (0 < self.due_ms <= self._time() or self._engine.scan_due):
            self.run(Batch())
        self._prove_ownership(self._settings.lease_ms // 2)

    def close(self, seal: bool) -> None:
        """Let the journal go, after what is on its way."""
        with self._deciding, self._writing:
            if seal and not self._failed and self.has_room:
                self.journal.seal()
            self._failed = True
            self.journal.close()

    def _time(self) -> int:
        self.now_ms = self.clock.now_ms(*self._readings())
        return self.now_ms

    def _decide(self, batch: Batch) -> _Decided:
        """Results of the batch's rows, after due holds are expired, and the answers to its questions after them."""
        if self._failed:
            raise WriteFailed
        now_ms = self._time()
        begun_ns = self._readings()[0]
        decided = _Decided(_NO_RESULTS, _NO_LINES, begun_ns, batch.questions)
        rows = batch.rows
        if len(rows) or 0 < self.due_ms <= now_ms or self._engine.scan_due:
            self._decide_rows(batch, decided, now_ms)
        if decided.record is None:  # else the append proves it
            self._prove_ownership(self._settings.lease_ms)
        if len(batch.questions):
            decided.questions = copied(batch.questions)
            limits = decided.questions["limit"]
            np.minimum(limits, self._settings.page_max, out=limits)
            decided.found = self._engine.answer(decided.questions)
            self._metrics.questions += len(batch.questions)
        return decided

    def _decide_rows(self, batch: Batch, decided: _Decided, now_ms: int) -> None:
        engine, rows, metrics = self._engine, batch.rows, self._metrics
        if not self.has_room:
            with self._writing:
                self.has_room = self.journal.room()
        if not self.has_room:
            metrics.refused_read_only += len(rows)
            decided.results = no_results(len(rows), Outcome.UNAVAILABLE)
            return
        if len(rows) > engine.limits.batch_rows_max:
            decided.results = no_results(len(rows), Outcome.LIMIT_EXCEEDED)
            return
        self._notes ^= 1
        decided.note = self._notes
        self._note.write(decided.note, batch.call)
        decision = engine.decide(rows, batch.heap, now_ms=now_ms, seq=engine.seq + 1)
        decided.results, decided.lines = decision.results, decision.lines
        if decision.changed:
            decided.record = Record(
                RecordKind.BATCH,
                self._opened.shard,
                self._opened.era,
                engine.seq,
                self.epoch,
                now_ms,
                id_window_ms=engine.limits.id_window_ms,
                rows=rows,
                results=decision.results,
                movements=decision.movements,
                lines=decision.lines,
                heap=batch.heap,
            )
        self.due_ms = engine.next_due_ms()
        metrics.batches += 1
        metrics.rows += len(rows)
        metrics.batch_rows.observe(len(rows))
        begun_ns, decided.at_ns = decided.at_ns, self._readings()[0]
        metrics.decide_s.observe((decided.at_ns - begun_ns) / 1e9)

    def _write(self, decided: _Decided) -> None:
        if self._failed:
            raise WriteFailed
        if decided.record is not None:
            began_ns = self._readings()[0]
            self.journal.append(decided.record)
            self.seq = decided.record.seq
            self._owned_at_ns = self._readings()[0]
            self._metrics.append_s.observe((self._owned_at_ns - began_ns) / 1e9)
            self.has_room = self.journal.room()
        if decided.note is not None:
            self._note.write(decided.note, 0)
        self._metrics.replays += int(replayed(decided.results).sum())
        decided.results, decided.lines = resolve(decided.results, decided.lines, self.journal.read)
        self._metrics.count_outcomes(decided.results["outcome"])

    def _reply(self, decided: _Decided) -> Reply:
        state = ShardState.READY if self.has_room else ShardState.READ_ONLY
        found, questions, read = decided.found, decided.questions, self.journal.read
        if found is None:
            return Reply(state, self.epoch, self.seq, decided.results, decided.lines)
        made, made_heap = made_by(positions_to_read(questions, found), read)
        commands, heap, command_results, command_lines = commands_behind(questions, found.answers, read)
        commands["text_at"] += np.uint32(len(made_heap))
        return Reply(
            state,
            self.epoch,
            self.seq,
            decided.results,
            decided.lines,
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

    def _prove_ownership(self, older_than_ms: int) -> None:
        """Without an append or a proof for so long, somebody else may own the shard by now."""
        now_ns = self._readings()[0]
        if now_ns - self._owned_at_ns > older_than_ms * _MS:
            self.journal.check()
            self._owned_at_ns = now_ns
