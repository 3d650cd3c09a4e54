"""Bugs that are planted one at a time, to prove that the simulator can see: each is a patch of one seam or method."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import numpy as np

from actors import recovery
from actors.journal import Opening
from actors.open_shard import OpenShard
from actors.packing import copied
from actors.segments import SegmentJournal
from engine.kinds import Flag, Kind
from engine.record import Record, RecordKind
from engine.shard import Answers, Decision, Shard
from tests.simulation import shards
from tests.simulation.disk import PUBLISHED, SimDisk
from tests.simulation.shards import ShardProcess, SimFence

Bug = Callable[[], Any]
_decide: Final = Shard.decide
_apply: Final = Shard.apply
_recover: Final = recovery.recover_shard
_open: Final = SegmentJournal._open
_answer: Final = Shard.answer
_write: Final = OpenShard._write


def skipped_sync() -> Any:
    """Writes are answered before the disk has them."""
    return patch.object(SimDisk, "sync", lambda self, descriptor: self._step())


def skipped_directory_sync() -> Any:
    """A file is written and renamed, and its name is never made durable."""
    return patch.object(SimDisk, "sync_directory", lambda self, path: self._step())


def no_fence() -> Any:
    """A successor takes over and leaves its predecessor alive, who does not look whether it is still the owner."""

    def take(machine: Any, process: ShardProcess) -> SimFence:
        machine.owners[process.shard] = process
        return SimFence(machine, process)

    return patch.multiple(SimFence, take=take, holds=lambda self: True)


def answered_before_append() -> Any:
    """What was decided is shown at once, and made durable with the next batch."""

    def write(self: OpenShard, decided: Any) -> None:
        waiting, decided.record = decided.record, self.__dict__.get("waiting")
        self.__dict__["waiting"] = waiting
        _write(self, decided)

    return patch.object(OpenShard, "_write", write)


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


def twice_in_a_batch() -> Any:
    """A command that comes twice in one batch is done twice."""

    def change(rows: Any) -> None:
        _, first = np.unique(rows["id_lo"], return_index=True)
        again = np.ones(len(rows), np.bool_)
        again[first] = False
        rows["id_lo"][again & (rows["id_lo"] != 0)] ^= np.uint64(1)

    return _deciding_other(change)


def same_room() -> Any:
    """Two lines of one command each see the same room."""

    def change(rows: Any) -> None:
        rows["flags"][rows["kind"] == Kind.SELL] |= np.uint16(Flag.SETTLED)

    return _deciding_other(change)


def late_confirm() -> Any:
    """A hold can be confirmed after its deadline, when nothing else is asked at the same time."""

    def decide(self: Shard, rows: Any, heap: Any, *, now_ms: int, seq: int, id_window_ms: int = 0) -> Decision:
        confirms = len(rows) and (rows["kind"] == Kind.CONFIRM).all()
        earlier = max(self.now_ms, now_ms - 5000) if confirms else now_ms
        return _decide(self, rows, heap, now_ms=earlier, seq=seq, id_window_ms=id_window_ms)

    return patch.object(Shard, "decide", decide)


def double_release() -> Any:
    """A release gives its units twice."""

    def decide(self: Shard, *given: Any, **named: Any) -> Decision:
        decision = _decide(self, *given, **named)
        decision.movements["reserved_delta"][decision.movements["kind"] == Kind.RELEASE] *= 2
        return decision

    return patch.object(Shard, "decide", decide)


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
    "sync is skipped": skipped_sync,
    "directory sync is skipped": skipped_directory_sync,
    "no fence": no_fence,
    "answered before the append": answered_before_append,
    "ids are forgotten across restarts": forgotten_ids,
    "expiry by the wall clock": wall_clock,
    "a command twice in one batch is done twice": twice_in_a_batch,
    "sales of one basket see the same room": same_room,
    "confirmed after expiry": late_confirm,
    "a release gives its units twice": double_release,
    "replay decides again by another rule": decided_again,
    "high-water marks are lost": lost_marks,
    "reads are answered from an earlier answer": old_reads,
    "floors are lower than they were configured": oversold,
}
