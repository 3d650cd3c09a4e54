"""The standby: when a snapshot is due, what it does beside a living shard, and how it ends."""

import logging
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from actors.snapshot import snapshots_in
from actors.snapshotter import RECORD_COST_ROWS
from actors.standby import Standby
from tests.actors.histories import history, journaled
from tests.actors.journal_stores import small_journal
from tests.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return history(30, seed=3)


def test_a_snapshot_is_due_when_replay_would_take_long(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records[:5])
    rows = sum(max(len(record.rows), len(record.movements), len(record.lines)) for record in world.records[:5])
    cost = rows + 5 * RECORD_COST_ROWS
    for tail_rows_max, taken in ((cost + 1, 0), (cost, 1), (cost, 0)):
        standby = Standby(data, tail_rows_max=tail_rows_max)
        assert standby.look() == taken
        assert standby.look() == 0
        standby.close()
    assert snapshots_in(data.snapshots(0)) == [5]


def test_the_tail_is_counted_from_the_newest_snapshot(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, [])
    standby = Standby(data, tail_rows_max=3 * RECORD_COST_ROWS)
    journal = small_journal(data.shard(0))
    opening = journal.open()
    taken = []
    for record in world.records:
        journal.append(replace(record, epoch=opening.epoch))
        if standby.look():
            taken.append(record.seq)
    assert 5 < len(taken) <= len(world.records) // 2
    assert snapshots_in(data.snapshots(0)) == taken[:-3:-1]
    journal.close()
    standby.close()


def test_a_damaged_journal_is_left_alone(tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture) -> None:
    data = journaled(tmp_path, world.records)
    path = next(data.shard(0).glob("*.journal"))
    damaged = bytearray(path.read_bytes())
    damaged[700] ^= 1
    path.write_bytes(damaged)
    standby = Standby(data, tail_rows_max=1)
    with caplog.at_level(logging.ERROR):
        assert standby.look() == 0
        assert standby.look() == 0
    assert caplog.text.count("damaged journal") == 1
    assert snapshots_in(data.snapshots(0)) == []
    standby.close()


def test_the_process_takes_what_is_due_and_ends_when_told(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records)
    command = [sys.executable, "-m", "actors.standby", "--data", str(tmp_path), "--tail-rows-max", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            wanted = f"shard 0: snapshot at {len(world.records)}"
            assert any(wanted in line for line in process.stderr)
            nice = int(Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[16])
            assert nice >= 10
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert snapshots_in(data.snapshots(0)) == [len(world.records)]
