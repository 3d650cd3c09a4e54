"""A real shard on a disk that keeps a log, and what is left of it when the power goes at any step of that log.

The actor, its journal, its snapshots and their recovery are the real ones; only the disk under them is another.
"""

import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

import actors.recovery
import actors.segment_files
import engine.state
from actors.datadir import recover, shard_directory, snapshot_directory
from actors.disk import Disk
from actors.follow import SegmentFollower
from actors.segments import SegmentJournal
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig, ShardDied
from actors.snapshot import Snapshot, write
from engine.ids import finish_rows
from engine.journal_format import Header, decode
from engine.layout import Limits
from engine.record import Record
from engine.shard import Shard
from engine.wire import Batch, Bytes, Reply
from tests.actors.crashing_disk import CrashingDisk, Image, Platter, Step
from tests.actors.shop import SECRET, Spec, encode

LIMITS = Limits(
    skus_max=64, cells_max=256, ids_max=4096, reservations_max=512, lines_max=2048, sources_max=64, operations_max=64,
    warehouses_max=16, channels_max=16, clients_max=16,
)  # fmt: skip
START_NS = 1_760_000_000_000_000_000
DURABLE = "shards/000/durable"


def make_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that open a shard ten thousand times: do without what costs time and decides nothing.

    Tables begin small, not large and empty. The same bytes of a record are unpacked once. Nothing is read ahead, and
    no thread brings in memory.
    """
    unpacked: dict[bytes, tuple[Header, Record]] = {}

    def decode_once(data: Bytes, header: Header | None = None) -> tuple[Header, Record]:
        key = data.tobytes()
        found = unpacked.get(key)
        if found is None:
            found = unpacked[key] = decode(data, header)
        return found

    monkeypatch.setattr(actors.segment_files, "decode", decode_once)
    monkeypatch.setattr(actors.recovery, "ahead", iter)
    monkeypatch.setattr(actors.recovery, "FreshMemory", lambda *_: nullcontext())
    monkeypatch.setattr(engine.state, "_FIRST_BUCKETS", 16)


class History:
    """Every record that was begun, and the state after each, folded here once."""

    def __init__(self, records: list[Record]) -> None:
        self.records: list[Record] = []
        self.shard = Shard(LIMITS)
        self.states = [self.shard.state_hash()]
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        self.records.append(record)
        self.shard.apply(record)
        self.states.append(self.shard.state_hash())


class TinyJournal(SegmentJournal):
    """A few batches fill a segment; a history is told what is about to be appended."""

    def __init__(self, data: Path, disk: Disk, history: History | None = None) -> None:
        directory = shard_directory(data, 0)
        super().__init__(directory, 0, disk=disk, segment_bytes=3 << 10, step_bytes=8 << 10, record_bytes_max=1)
        self._history = history

    def append(self, record: Record) -> None:
        if self._history is not None:
            self._history.add(record)
        super().append(record)


@dataclass(frozen=True, slots=True)
class Known:
    """What is true at a step."""

    begun: int
    acknowledged: int
    durable: bytes | None
    """what the shard has published; never synced, so after a power cut it may be any older one"""


class Life:
    """A shard in the data directory `data`, from its opening on; `known` are the records of whoever lived there."""

    def __init__(self, data: Path, known: list[Record]) -> None:
        snapshot_directory(data, 0).mkdir(parents=True, exist_ok=True)
        self.data = data
        self.disk = CrashingDisk(data)
        self.disk.look = self._look
        self.history = History(known)
        self.acknowledged = len(known)
        self._passed_ns = 0
        self.actor = self.opened()

    def opened(self) -> ShardActor:
        """A new actor, whatever became of the one before."""
        self._passed_ns += 1_000_000_000
        config = ShardConfig(shard=0, limits=LIMITS, settings=Settings())
        self.actor = ShardActor(
            config,
            lambda: TinyJournal(self.data, self.disk, self.history),
            lambda journal: recover(self.data, 0, LIMITS, journal),
            die=_died,
            readings=lambda: (self._passed_ns, START_NS + self._passed_ns),
            background=False,
        )
        assert self.actor.try_open(), self.actor.probe()
        self._acknowledge(len(self.history.records))
        return self.actor

    def send(self, *specs: Spec | list[Spec]) -> Reply:
        """A batch, decided, durable and answered."""
        self._passed_ns += 1_000_000
        rows, heap = encode(*specs)
        finish_rows(rows, heap, SECRET)
        reply = Reply.from_bytes(self.actor.submit(Batch(rows, heap).to_bytes()))
        assert len(reply.results) == len(rows)
        self._acknowledge(reply.seq)
        return reply

    def die_in(self, *specs: Spec | list[Spec]) -> None:
        """By a sync that fails: nobody is answered, though the next one may find the batch, and builds on it then."""
        self.disk.failing = True
        with pytest.raises(ShardDied):
            self.send(*specs)
        self.disk.failing = False
        self.actor.abandon()

    def stop(self) -> None:
        """Cleanly."""
        self.actor.stop()
        self._acknowledge(len(self.history.records))

    def snapshot(self) -> None:
        """Of everything acknowledged, as the standby would take it."""
        shard, record = self.history.shard, self.history.records[-1]
        journal = SegmentFollower(shard_directory(self.data, 0), 0)
        snapshot = Snapshot(
            0, record.era, shard.seq, shard.now_ms, journal.hash_at(shard.seq), shard.state_hash(), shard.arrays()
        )
        journal.close()
        write(snapshot_directory(self.data, 0), snapshot, self.disk)

    def _acknowledge(self, seq: int) -> None:
        self.acknowledged = seq
        self.disk.note(Step("acknowledged"))

    def _look(self) -> Known:
        durable = self.data / DURABLE
        return Known(
            len(self.history.records), self.acknowledged, durable.read_bytes() if durable.exists() else None
        )  # fmt: skip

    def images(self, block: int, rng: random.Random, most: int) -> Iterator[tuple[Known, Image]]:
        """Images that could be left at every step, about `most` at each, and what must be true of them."""
        platter = Platter(block)
        published: list[bytes | None] = [None]
        for at, step in enumerate(self.disk.steps):
            platter.take(step)
            if at < self.disk.before:
                continue
            assert isinstance(step.seen, Known)
            if step.seen.durable != published[-1]:
                published.append(step.seen.durable)
            for image in platter.images(rng, most):
                durable = rng.choice([None, published[-1], rng.choice(published)])
                image.pop(DURABLE, None)
                yield step.seen, image | ({} if durable is None else {DURABLE: durable})


def _died(reason: str) -> NoReturn:
    raise ShardDied(reason)
