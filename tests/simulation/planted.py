"""Bugs that are planted one at a time, to prove that the simulator can see: each is a patch of one seam or method."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np

from actors import recovery
from actors.client import Client
from actors.journal import Opening
from actors.open_shard import OpenShard
from actors.packing import copied
from actors.segments import SegmentJournal
from engine.kinds import Flag, Kind
from engine.record import Record, RecordKind
from engine.shard import Answers, Decision, Shard
from tests.simulation import bent_rules, shards
from tests.simulation import run as checks
from tests.simulation.disk import PUBLISHED, SimDisk
from tests.simulation.shards import SimFence


class Bug(NamedTuple):
    """How it is planted, and what the simulator must say of it: anything else is another finding."""

    plant: Callable[[], Any]
    said: str
    """a pattern of what is said"""


_decide: Final = Shard.decide
_apply: Final = Shard.apply
_sync_directory: Final = SimDisk.sync_directory
_recover: Final = recovery.recover_shard
_queue_rows: Final = Client._queue_rows
_open: Final = SegmentJournal._open
_answer: Final = Shard.answer
_write: Final = OpenShard._write


def skipped_sync() -> Any:
    """Writes are answered before the disk has them."""
    return patch.object(SimDisk, "sync", lambda self, descriptor: self._step())


def lost_names(of_snapshots: bool) -> Any:
    """A file is written and renamed, and its name is never made durable: of a snapshot, or of a segment."""

    def sync_directory(self: SimDisk, path: Path) -> None:
        if (path.name == "snapshots") == of_snapshots:
            self._step()
        else:
            _sync_directory(self, path)

    return patch.object(SimDisk, "sync_directory", sync_directory)


def no_fence() -> Any:
    """A successor takes the lock and does not end whoever held it."""
    return patch.object(SimFence, "end_owner", lambda machine, shard: None)


def no_look_at_the_fence() -> Any:
    """The same, and who held it does not look whether it still does."""
    return patch.multiple(SimFence, end_owner=lambda machine, shard: None, holds=lambda self: True)


@contextmanager
def answered_before_append() -> Iterator[None]:
    """What was decided is shown at once, and made durable with the next batch."""

    def write(self: OpenShard, decided: Any) -> None:
        waiting, decided.record = decided.record, self.__dict__.get("waiting")
        self.__dict__["waiting"] = waiting
        _write(self, decided)

    # A record that is late looks as if the clock were wrong, also where nothing is lost.
    with patch.object(OpenShard, "_write", write), patch.object(checks, "check_clock", lambda *_: None):
        yield


def forgotten_ids() -> Any:
    """A shard that is started again does not know what it has done."""

    def recover(*given: Any) -> Shard:
        engine = _recover(*given)
        engine._state.id_buckets[:] = 0
        engine._state.id_spill[:] = 0
        return engine

    return patch.object(shards, "recover_shard", recover)


def wall_clock() -> Any:
    """Deadlines are told by whatever the wall clock says."""

    def time(self: OpenShard) -> int:
        self.now_ms = max(self.now_ms, self._readings()[1] // 1_000_000)
        return self.now_ms

    return patch.object(OpenShard, "_time", time)


@contextmanager
def askers_clock() -> Iterator[None]:
    """Whether a hold has expired is judged, when it is confirmed, by the clock of whoever asks."""

    def queue_rows(self: Client, gathering: Any, shard: int, rows: Any, *given: Any) -> None:
        rows = copied(rows)
        rows["issued_at_ms"][rows["kind"] == Kind.CONFIRM] = self.now_ms()
        _queue_rows(self, gathering, shard, rows, *given)

    decide = bent_rules.decide_by_clock_of_asker
    with patch.object(Client, "_queue_rows", queue_rows), patch.object(Shard, "decide", decide):
        yield


def twice_in_a_batch() -> Any:
    """A command that comes twice in one batch is done twice."""

    def change(rows: Any) -> None:
        _, first = np.unique(rows["id_lo"], return_index=True)
        again = np.ones(len(rows), np.bool_)
        again[first] = False
        rows["id_lo"][again & (rows["id_lo"] != 0)] ^= np.uint64(1)

    return _deciding_other(change)


def same_room() -> Any:
    """Two lines of one reservation each see the same room."""
    return patch.object(Shard, "decide", bent_rules.decide_blindly)


def late_confirm() -> Any:
    """A hold can be confirmed after its deadline, when nothing else is asked at the same time."""

    def decide(self: Shard, rows: Any, heap: Any, *, now_ms: int, seq: int, id_window_ms: int = 0) -> Decision:
        confirms = len(rows) and (rows["kind"] == Kind.CONFIRM).all()
        earlier = max(self.now_ms, now_ms - 5000) if confirms else now_ms
        return _decide(self, rows, heap, now_ms=earlier, seq=seq, id_window_ms=id_window_ms)

    return patch.object(Shard, "decide", decide)


def double_release() -> Any:
    """Whoever releases a hold a second time is told that it is done, and its units are given once more."""
    return patch.multiple(Shard, decide=bent_rules.decide_releasing_again, apply=bent_rules.apply_releasing_again)


def decided_again() -> Any:
    """Replay decides again, by a rule that has changed since: sales of goods in hand need no room now."""

    def fold(shard: Shard, record: Record) -> None:
        if record.kind is not RecordKind.BATCH:
            _apply(shard, record)
            return
        rows = copied(record.rows)
        rows["flags"][rows["kind"] == Kind.SELL] |= np.uint16(Flag.SETTLED)
        _decide(shard, rows, record.heap, now_ms=record.now_ms, seq=record.seq)

    return patch.object(recovery, "fold", fold)


def lost_marks() -> Any:
    """Whoever opens a journal knows of no high-water mark: neither of the writer's nor of the watch's."""

    def open_journal(self: SegmentJournal, known_seq: int) -> Opening:
        (self._directory / PUBLISHED).unlink(missing_ok=True)
        return _open(self, 0)

    return patch.object(SegmentJournal, "_open", open_journal)


def old_reads() -> Any:
    """A question is answered as it was answered the first time."""

    def answer(self: Shard, questions: Any) -> Answers:
        known = self.__dict__.setdefault("known", {})
        answers: Answers = known.setdefault(questions.tobytes(), _answer(self, questions))
        return answers

    return patch.object(Shard, "answer", answer)


def oversold() -> Any:
    """A sale takes what is not there, and the figures add up all the same: floors are read one piece too deep."""

    def change(rows: Any) -> None:
        floors = rows["kind"] == Kind.CONFIGURE
        rows["expected"][floors] += 5000

    return _deciding_other(change)


@contextmanager
def _deciding_other(change: Callable[[Any], None]) -> Iterator[None]:
    """The engine is given other rows than those that were sent and are journaled."""

    def decide(self: Shard, rows: Any, heap: Any, **named: Any) -> Decision:
        other = copied(rows)
        change(other)
        return _decide(self, other, heap, **named)

    with patch.object(Shard, "decide", decide):
        yield


BUGS: Final[dict[str, Bug]] = {
    "sync is skipped": Bug(skipped_sync, "no segment begins here"),
    "names of segments are not synced": Bug(partial(lost_names, False), "acknowledged and are not there"),
    "names of snapshots are not synced": Bug(partial(lost_names, True), "a snapshot that was taken is gone"),
    "no fence": Bug(no_fence, "answered by a process that does not own it"),
    "no fence, and nobody looks": Bug(no_look_at_the_fence, "answered by a process that does not own it"),
    "answered before the append": Bug(answered_before_append, "an answer stands in no journal"),
    "ids are forgotten across restarts": Bug(forgotten_ids, "an answered command is not found"),
    "expiry by the wall clock": Bug(wall_clock, "the clock ran wrong"),
    "expiry by the clock of whoever confirms": Bug(askers_clock, "the oracle decides otherwise .*CONFIRM"),
    "a command twice in one batch is done twice": Bug(twice_in_a_batch, "a command was decided twice"),
    "two lines of one SKU see the same room": Bug(same_room, "units were taken that were not there"),
    "confirmed after expiry": Bug(late_confirm, "the oracle decides otherwise .*CONFIRM"),
    "a second release gives the units again": Bug(double_release, "less than nothing is reserved"),
    "replay decides again by another rule": Bug(decided_again, "the state is not the fold of the journal"),
    "high-water marks are lost": Bug(lost_marks, "opened without a record that it had acknowledged"),
    "reads are answered from an earlier answer": Bug(old_reads, "a read tells what never was meanwhile"),
    "floors are lower than they were configured": Bug(oversold, "units were taken that were not there"),
}
