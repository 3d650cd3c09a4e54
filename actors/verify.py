"""Proves a data directory: every shard is built again from its journal alone, from the first record.

Two shards are built side by side. One *folds* the records: it adds what they say was decided. The other *decides
again* every record whose rules this version has, and must come to the same results and movements, byte for byte; it
folds the rest. In the end both must be in the same state, and every snapshot must be the state at its record. Records
are read as a shard would read them, with every hash and the chain checked.

It only reads. While the directory is being served it goes up to what is durable now.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.datadir import DataDir
from actors.fencing import owner_of
from actors.follow import PostgresFollower, SegmentFollower
from actors.journal import JournalCorrupt, JournalReader
from actors.recovery import ahead, fold
from actors.segment_end import end_of_journal
from actors.segment_files import SegmentReader
from actors.shard_limits import shard_limits
from actors.snapshot import Snapshot, SnapshotDamaged, load, path_of, snapshots_in
from engine.layout import Limits
from engine.record import RULES_KNOWN, Record, RecordKind
from engine.shard import Shard

PROGRESS_EVERY_RECORDS: Final = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that is wrong with a shard."""

    shard: int
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"shard {self.shard}, seq {self.seq}: {self.reason}"


@dataclass(slots=True)
class ShardReport:
    """What was looked at in one shard."""

    shard: int
    last_seq: int = 0
    records: int = 0
    rows: int = 0
    movements: int = 0
    decided_again: int = 0
    """rows"""
    folded_only: int = 0
    """rows decided by rules that this version does not have"""
    snapshots: int = 0
    state_hash: str = ""
    problem: Problem | None = None


@dataclass(slots=True)
class Report:
    """What was looked at in all shards."""

    shards: list[ShardReport] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return self.first_problem is None

    @property
    def first_problem(self) -> Problem | None:
        """Of the lowest shard that has one."""
        return next((shard.problem for shard in self.shards if shard.problem is not None), None)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    shard: int
    shards: int
    seq: int
    last_seq: int
    rows: int


def verify(
    data: Path,
    progress: Callable[[Progress], None] = lambda progress: None,
    *,
    database: str | None = None,
    limits: Limits | None = None,
) -> Report:
    """Look at every shard of the directory; raises DataDirError when it is none."""
    directory = DataDir.open(data)
    report = Report()
    for shard in range(directory.partitions.shards):
        found = ShardReport(shard)
        report.shards.append(found)
        try:
            reader = _reader(directory, shard, database)
            try:
                _verify_shard(reader, directory, found, limits or shard_limits(), progress)
            finally:
                reader.close()
        except JournalCorrupt as error:
            found.problem = Problem(error.shard, error.seq, error.reason)
    return report


def _reader(data: DataDir, shard: int, database: str | None) -> JournalReader:
    """Up to what is published while a process owns the shard; else up to what is really there."""
    if database:
        return PostgresFollower(database, shard)
    directory = data.shard(shard)
    follower = SegmentFollower(directory, shard)
    if owner_of(data.fence(shard)) is not None:
        return follower
    published = follower.durable
    follower.close()
    position = end_of_journal(directory, shard)
    if position.seq < published.seq:
        raise JournalCorrupt(shard, position.seq + 1, f"records up to {published.seq} were acknowledged")
    return SegmentReader(directory, shard, lambda: position)


def _verify_shard(
    reader: JournalReader, data: DataDir, report: ShardReport, limits: Limits, progress: Callable[[Progress], None]
) -> None:
    last_seq = report.last_seq = reader.durable_seq
    snapshots = _snapshots(data.snapshots(report.shard), report.shard, reader)
    folded, again = Shard(limits), Shard(limits)
    for record in ahead(reader.scan(1, last_seq)):
        fold(folded, record)
        _decide_again(again, record, report)
        report.records += 1
        report.rows += len(record.rows)
        report.movements += len(record.movements)
        if record.seq in snapshots:
            _compare(snapshots.pop(record.seq), folded, limits)
            report.snapshots += 1
        if record.seq % PROGRESS_EVERY_RECORDS == 0 or record.seq == last_seq:
            progress(Progress(report.shard, data.partitions.shards, record.seq, last_seq, report.rows))
    report.state_hash = folded.state_hash().hex()
    if again.state_hash().hex() != report.state_hash:
        raise JournalCorrupt(report.shard, last_seq, "deciding again ends in another state")


def _decide_again(shard: Shard, record: Record, report: ShardReport) -> None:
    if record.kind is not RecordKind.BATCH or record.rules not in RULES_KNOWN:
        fold(shard, record)
        report.folded_only += len(record.rows)
        return
    decision = shard.decide(
        record.rows,
        record.heap,
        now_ms=record.now_ms,
        seq=record.seq,
        id_window_ms=record.id_window_ms,
        rules=record.rules,
    )
    for name in ("results", "movements", "lines"):
        if getattr(decision, name).tobytes() != getattr(record, name).tobytes():
            raise JournalCorrupt(record.shard, record.seq, f"deciding again gives other {name}")
    report.decided_again += len(record.rows)


def _snapshots(directory: Path, shard: int, reader: JournalReader) -> dict[int, Snapshot]:
    found = {}
    for seq in snapshots_in(directory):
        try:
            found[seq] = load(path_of(directory, seq))
        except SnapshotDamaged as error:
            raise JournalCorrupt(shard, seq, f"its snapshot is damaged: {error.reason}") from error
        if seq > reader.durable_seq:
            raise JournalCorrupt(shard, reader.durable_seq + 1, f"a snapshot knows of records up to {seq}")
        if (found[seq].shard, found[seq].seq, found[seq].record_hash) != (shard, seq, reader.hash_at(seq)):
            raise JournalCorrupt(shard, seq, "its snapshot was made of another record")
    return found


def _compare(snapshot: Snapshot, folded: Shard, limits: Limits) -> None:
    state_hash = folded.state_hash()
    loaded = Shard.from_arrays(limits, dict(snapshot.arrays)).state_hash()
    if not state_hash == snapshot.state_hash == loaded:
        raise JournalCorrupt(snapshot.shard, snapshot.seq, "its snapshot is another state than the fold of the journal")
