"""`verify`: whole directories pass and are counted; whatever is changed in one is found and named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from actors.datadir import DataDir, DataDirError
from actors.segment_files import path_of as segment_path
from actors.segment_files import segments_in
from actors.snapshot import Snapshot, load, path_of, write
from actors.standby import Standby
from actors.verify import Problem, Progress, verify
from engine.kinds import Kind
from engine.record import RULES_VERSION, Record, RecordKind
from tests.actors.histories import before_alerts, history, journaled
from tests.actors.journal_stores import small_journal
from tests.builders import receive
from tests.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return history(30, seed=2)


def snapshot(data: DataDir) -> None:
    standby = Standby(data)
    assert standby.take(0)
    standby.close()


def problem_of(data: DataDir) -> Problem:
    report = verify(data.path)
    assert not report.ok
    assert report.first_problem is not None
    return report.first_problem


def test_a_whole_directory_passes_and_everything_is_counted(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records)
    snapshot(data)
    told: list[Progress] = []
    report = verify(tmp_path, told.append)
    assert report.ok
    [shard] = report.shards
    rows = sum(len(record.rows) for record in world.records)
    assert (shard.last_seq, shard.records, shard.rows) == (len(world.records), len(world.records), rows)
    assert (shard.decided_again, shard.folded_only, shard.snapshots) == (rows, 0, 1)
    assert shard.movements == sum(len(record.movements) for record in world.records)
    assert shard.state_hash == world.shard.state_hash().hex()
    assert (told[-1].seq, told[-1].last_seq, told[-1].rows) == (len(world.records), len(world.records), rows)


def test_an_empty_directory_passes(tmp_path: Path) -> None:
    DataDir.make_or_open(tmp_path, shards=3)
    report = verify(tmp_path)
    assert report.ok
    assert [shard.records for shard in report.shards] == [0, 0, 0]


def test_what_is_no_data_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataDirError):
        verify(tmp_path)


def test_rows_of_unknown_rules_are_folded_and_counted(tmp_path: Path, world: World) -> None:
    at = next(k for k, record in enumerate(world.records) if len(record.rows) > 5)
    records = [
        replace(record, rules=RULES_VERSION + 1) if k == at else record for k, record in enumerate(world.records)
    ]
    report = verify(journaled(tmp_path, records).path)
    assert report.ok
    assert report.shards[0].folded_only == len(world.records[at].rows)
    assert report.shards[0].decided_again == report.shards[0].rows - report.shards[0].folded_only


def test_records_from_before_alerts_are_decided_again_and_what_was_due_is_raised_after_them(tmp_path: Path) -> None:
    world = before_alerts()
    assert not any((record.movements["kind"] == Kind.ALERT_RAISED).any() for record in world.records)
    decision = world.decide(receive("B-2", "north", 1))
    assert decision.movements["kind"].tolist() == [Kind.RECEIVE, Kind.ALERT_RAISED]
    data = journaled(tmp_path, world.records)
    snapshot(data)
    report = verify(tmp_path)
    assert report.ok
    assert report.shards[0].folded_only == 0
    assert report.shards[0].state_hash == world.shard.state_hash().hex()


def with_other_result(record: Record) -> Record:
    results = record.results.copy()
    results["available"][0] += 1
    return replace(record, results=results)


def with_other_movement(record: Record) -> Record:
    movements = record.movements.copy()
    movements["requested"][0] += 1
    return replace(record, movements=movements)


def with_other_counters(record: Record) -> Record:
    movements = record.movements.copy()
    movements["on_hand"] += 1
    return replace(record, movements=movements)


def with_another_command(record: Record) -> Record:
    rows = record.rows.copy()
    rows["quantity"][0] += 1000
    return replace(record, rows=rows)


@pytest.mark.parametrize("change", [with_other_result, with_other_movement, with_other_counters, with_another_command])
def test_a_record_that_was_decided_otherwise_is_named(
    tmp_path: Path, world: World, change: Callable[[Record], Record]
) -> None:
    """Its hash is right: somebody rewrote history, or the kernels changed without a new version of the rules."""
    at = next(k for k in range(9, 99) if len(world.records[k].movements) and world.records[k].kind is RecordKind.BATCH)
    records = [change(record) if k == at else record for k, record in enumerate(world.records)]
    problem = problem_of(journaled(tmp_path, records))
    assert (problem.shard, problem.seq) == (0, at + 1)


def test_a_damaged_record_is_named(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records)
    first = segments_in(data.shard(0))[1]
    path = segment_path(data.shard(0), first)
    damaged = bytearray(path.read_bytes())
    damaged[512 + 300] ^= 4
    path.write_bytes(damaged)
    problem = problem_of(data)
    assert (problem.shard, problem.seq) == (0, first)
    assert str(first) in str(problem)


def test_a_journal_that_was_cut_short_is_named(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records)
    names = segments_in(data.shard(0))
    segment_path(data.shard(0), names[-1]).unlink()
    assert problem_of(data).seq == names[-1]
    (data.shard(0) / "durable").unlink()
    assert verify(tmp_path).ok, "nothing is left that knows of more"
    snapshot_seq = len(world.records)
    write(data.snapshots(0), replace(load_any(world, tmp_path / "other"), seq=snapshot_seq))
    assert problem_of(data).seq == names[-1]


def load_any(world: World, directory: Path) -> Snapshot:
    data = journaled(directory, world.records[:5])
    snapshot(data)
    return load(path_of(data.snapshots(0), 5))


def test_a_torn_tail_is_no_problem(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records)
    journal = small_journal(data.shard(0))
    opening = journal.open()
    journal.append(Record(RecordKind.OPEN, 0, 0, opening.seq + 1, opening.epoch, world.now_ms))
    path = segment_path(data.shard(0), segments_in(data.shard(0))[-1])
    end = journal._position.offset
    journal.close()
    with path.open("r+b") as file:
        file.seek(end + 512)
        file.write(b"\x01" * 504 + b"\xa5\x5c\xc9\x36" + (opening.seq + 2).to_bytes(4, "little"))
    assert verify(tmp_path).ok


def test_a_directory_in_use_is_verified_up_to_what_is_durable(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records[:10])
    journal = small_journal(data.shard(0))
    opening = journal.open()
    for record in world.records[10:20]:
        journal.append(replace(record, epoch=opening.epoch))
    report = verify(tmp_path)
    assert report.ok
    assert report.shards[0].records == 20
    journal.close()


def test_a_damaged_snapshot_is_named(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records)
    snapshot(data)
    path = path_of(data.snapshots(0), len(world.records))
    path.write_bytes(path.read_bytes()[:-5] + b"hello")
    assert problem_of(data).seq == len(world.records)


def test_a_snapshot_of_another_state_is_named(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records)
    snapshot(data)
    taken = load(path_of(data.snapshots(0), len(world.records)))
    cells = np.array(taken.arrays["cells"])
    cells["on_hand"][1] += 1
    write(data.snapshots(0), replace(taken, arrays={**taken.arrays, "cells": cells}))
    assert problem_of(data).seq == len(world.records)
    write(data.snapshots(0), replace(taken, state_hash=bytes(32)))
    assert problem_of(data).seq == len(world.records)
