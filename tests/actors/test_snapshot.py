"""Snapshots: what is loaded is what was written; else the one before serves, else the journal alone."""

import logging
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from actors.datadir import DataDir, recover
from actors.disk import RealDisk
from actors.follow import SegmentFollower
from actors.journal import JournalCorrupt
from actors.snapshot import KEPT, Snapshot, SnapshotDamaged, good_snapshots, load, path_of, snapshots_in, write
from actors.standby import Standby
from engine.layout import Limits
from engine.shard import Shard
from tests.actors.crashing_disk import CrashingDisk, Platter, Step
from tests.actors.histories import history, journaled
from tests.actors.journal_stores import small_journal
from tests.world import World

SHOP = np.dtype([("key", "<i8"), ("count", "<u4"), ("flag", "u1")])


def snapshot_at(seq: int) -> Snapshot:
    rng = np.random.default_rng(seq)
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "records": rng.integers(0, 256, 40 * SHOP.itemsize, dtype=np.uint8).view(SHOP),
        "numbers": rng.integers(-9, 9, 100),
        "table": rng.integers(0, 9, (3, 5)).astype(np.int16),
        "nothing": np.zeros(0, SHOP),
        "last": np.arange(seq % 7 + 1, dtype=np.uint8),
    }
    return Snapshot(2, 1, seq, 1_760_000_000_000 + seq, bytes(range(32)), bytes(32), arrays)


def same_snapshot(one: Snapshot, other: Snapshot) -> bool:
    if replace(one, arrays={}) != replace(other, arrays={}) or list(one.arrays) != list(other.arrays):
        return False
    pairs = zip(one.arrays.values(), other.arrays.values(), strict=True)
    return all(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


@pytest.fixture(scope="module")
def world() -> World:
    return history(40)


@pytest.fixture
def data(tmp_path: Path, world: World) -> DataDir:
    return journaled(tmp_path / "data", world.records)


def recovered(data: DataDir, limits: Limits | None = None) -> Shard:
    journal = SegmentFollower(data.shard(0), 0)
    try:
        return recover(data.path, 0, limits or Limits(), journal)
    finally:
        journal.close()


@pytest.mark.parametrize("seq", range(1, 8))
def test_what_was_written_is_loaded(tmp_path: Path, seq: int) -> None:
    path = write(tmp_path / "new", snapshot_at(seq))
    assert same_snapshot(load(path), snapshot_at(seq))


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for seq in (3, 5, 8, 13):
        write(tmp_path, snapshot_at(seq))
    assert snapshots_in(tmp_path) == [13, 8]
    assert len(snapshots_in(tmp_path)) == KEPT
    assert [snapshot.seq for snapshot in good_snapshots(tmp_path)] == [13, 8]


@pytest.mark.long
def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, snapshot_at(4))
    data = bytearray(path.read_bytes())
    for offset in range(len(data)):
        data[offset] ^= 1 << offset % 8
        path.write_bytes(data)
        with pytest.raises(SnapshotDamaged):
            load(path)
        data[offset] ^= 1 << offset % 8


@pytest.mark.parametrize("size", [0, 1, 11, 31, 32, 33, 500])
def test_what_is_cut_off_is_noticed(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, snapshot_at(4))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SnapshotDamaged):
        load(path)


def test_a_snapshot_that_is_not_there_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(SnapshotDamaged):
        load(path_of(tmp_path, 1))
    assert list(good_snapshots(tmp_path / "nowhere")) == []


def test_a_power_cut_leaves_the_old_snapshot_or_the_new_one(tmp_path: Path) -> None:
    """After every step of the disk, in every image that a cut could leave."""
    made, images = tmp_path / "made", tmp_path / "images"
    made.mkdir()
    disk, rng, platter = CrashingDisk(made), random.Random(5), Platter(512)
    durable, count, seen = 0, 0, set()
    disk.look = lambda: durable
    for seq in (3, 5, 8, 13):
        write(made, snapshot_at(seq), disk)
        durable = seq
    disk.note(Step("written"))
    for step in disk.steps:
        platter.take(step)
        for image in platter.images(rng, 24):
            count += 1
            place = images / str(count)
            place.mkdir(parents=True)
            for name, data in image.items():
                (place / name).write_bytes(data)
            newest = next(good_snapshots(place), None)
            assert (newest.seq if newest is not None else 0) >= (step.seen or 0)
            assert newest is None or same_snapshot(newest, snapshot_at(newest.seq))
            seen.add(newest.seq if newest is not None else 0)
    assert seen == {0, 3, 5, 8, 13}
    assert count > 100


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path, snapshot_at(3))

    class FullDisk(RealDisk):
        def sync(self, descriptor: int) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write(tmp_path, snapshot_at(5), FullDisk())
    assert [path.name for path in tmp_path.iterdir()] == [path_of(tmp_path, 3).name]


def test_recovery_gives_the_state_that_was_left(data: DataDir, world: World) -> None:
    assert recovered(data).state_hash() == world.shard.state_hash()


def test_recovery_from_a_snapshot_and_what_came_after_gives_the_same_state(tmp_path: Path, world: World) -> None:
    data = journaled(tmp_path, world.records[:20])
    standby = Standby(data)
    assert standby.take(0)
    assert snapshots_in(data.snapshots(0)) == [20]
    assert not standby.take(0), "nothing new"
    standby.close()
    journaled_more(data, world)
    assert recovered(data).state_hash() == world.shard.state_hash()


def journaled_more(data: DataDir, world: World) -> None:
    journal = small_journal(data.shard(0))
    opening = journal.open()
    for record in world.records[opening.seq :]:
        journal.append(replace(record, epoch=opening.epoch))
    journal.close()


def test_a_damaged_snapshot_is_noticed_and_the_one_before_serves(
    tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    data = journaled(tmp_path, world.records[:10])
    standby = Standby(data)
    standby.take(0)
    journaled_more(data, world)
    standby.take(0)
    standby.close()
    newest, before = snapshots_in(data.snapshots(0))
    assert (newest, before) == (len(world.records), 10)
    for seq in (newest, before):
        path = path_of(data.snapshots(0), seq)
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with caplog.at_level(logging.ERROR):
            assert recovered(data).state_hash() == world.shard.state_hash()
        assert path.name in caplog.text


def test_a_snapshot_of_lost_records_stops_the_shard(data: DataDir, world: World) -> None:
    standby = Standby(data)
    assert standby.take(0)
    standby.close()
    taken = load(path_of(data.snapshots(0), snapshots_in(data.snapshots(0))[0]))
    lost = taken.seq + 3
    write(data.snapshots(0), replace(taken, seq=lost))
    with pytest.raises(JournalCorrupt) as caught:
        recovered(data)
    assert caught.value.seq == len(world.records) + 1


@pytest.mark.parametrize("change", [{"record_hash": bytes(32)}, {"shard": 1}])
def test_a_snapshot_from_elsewhere_stops_the_shard(data: DataDir, change: dict[str, object]) -> None:
    standby = Standby(data)
    assert standby.take(0)
    standby.close()
    taken = load(path_of(data.snapshots(0), snapshots_in(data.snapshots(0))[0]))
    write(data.snapshots(0), replace(taken, **change))  # type: ignore[arg-type]
    with pytest.raises(JournalCorrupt) as caught:
        recovered(data)
    assert caught.value.seq == taken.seq


def test_a_snapshot_that_does_not_fit_the_limits_is_not_used(data: DataDir, world: World) -> None:
    standby = Standby(data)
    standby.take(0)
    standby.close()
    small = Limits(warehouses_max=16, channels_max=16, clients_max=16)
    assert recovered(data, small).seq == world.shard.seq
