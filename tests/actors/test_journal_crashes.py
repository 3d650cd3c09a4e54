"""Power cuts: after every single step of the disk, every image that a cut could leave there is opened.

Whatever is missing, all that was acknowledged is found, at most the record in flight besides, and nothing is refused.
"""

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.disk import RealDisk
from actors.fencing import Fence, take
from actors.segments import SegmentJournal
from engine.record import Record
from tests.actors.crashing_disk import CrashingDisk
from tests.actors.journal_stores import next_record
from tests.engine.journal_records import same_record

SEED = 20
IMAGES_MIN = 300


class QuickDisk(RealDisk):
    """Nothing has to outlive the test."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


def tiny_journal(directory: Path, disk: RealDisk, take_fence: Callable[[Path], Fence] = take) -> SegmentJournal:
    return SegmentJournal(
        directory, 0, disk=disk, segment_bytes=3 << 10, step_bytes=8 << 10, record_bytes_max=1, take_fence=take_fence
    )


class Cuts:
    """Cuts the power after each step of `disk` and looks at what is left."""

    def __init__(self, directory: Path, disk: CrashingDisk, scratch: Path) -> None:
        self.directory = directory
        self.records: list[Record] = []
        """begun; all but the last are acknowledged"""
        self.acknowledged = 0
        self.images = 0
        self.torn = 0
        self._disk = disk
        self._scratch = scratch
        self._rng = random.Random(SEED)
        disk.after = self.cut

    def cut(self) -> None:
        published = self.directory / "durable"
        durable = published.read_bytes() if published.exists() else None
        for image in self._disk.images(self._rng):
            self.images += 1
            place = self._scratch / str(self.images)
            place.mkdir()
            for name, data in image.items():
                (place / name).write_bytes(data)
            if durable is not None and self._rng.random() < 0.5:
                (place / "durable").write_bytes(durable)
            self.check(place)

    def check(self, place: Path) -> None:
        journal = tiny_journal(place, QuickDisk())
        opening = journal.open(known_seq=self.acknowledged)
        self.torn += opening.torn
        assert self.acknowledged <= opening.seq <= len(self.records)
        found = list(journal.scan())
        assert len(found) == opening.seq
        assert all(same_record(one, other) for one, other in zip(found, self.records, strict=False))
        if opening.torn or self._rng.random() < 0.1:
            journal.append(next_record(journal, opening, 1))
            journal.close()
            again = tiny_journal(place, QuickDisk())
            assert again.open().seq == opening.seq + 1
            again.close()
        journal.close()
        for path in place.iterdir():
            path.unlink()
        place.rmdir()


@pytest.mark.parametrize("rows", [[1, 20, 12, 1], [12, 1, 4, 28]])
def test_every_image_that_a_power_cut_leaves_opens_with_all_that_was_acknowledged(
    tmp_path: Path, rows: list[int]
) -> None:
    disk = CrashingDisk()
    for place in ("journal", "scratch"):
        (tmp_path / place).mkdir()
    cuts = Cuts(tmp_path / "journal", disk, tmp_path / "scratch")
    for opener in itertools.count(1):
        journal = tiny_journal(cuts.directory, disk)
        opening = journal.open(known_seq=cuts.acknowledged)
        for count in rows:
            record = next_record(journal, opening, count)
            cuts.records.append(record)
            journal.append(record)
            cuts.acknowledged += 1
        journal.close()
        if opener == 3:
            break
    assert cuts.images > IMAGES_MIN
    assert cuts.torn > 50


class Killed(BaseException):
    """What a process that is killed does not live to handle."""


class NoFence(Fence):
    """For openers that share a process: the predecessor is dead, though its process lives."""

    def __init__(self, path: Path) -> None:
        self._descriptor = -1


def test_a_record_that_its_writer_did_not_live_to_sync_is_synced_before_it_is_built_upon(tmp_path: Path) -> None:
    """A successor finds it whole, for the system still has it; then callers are told, and then the power is cut."""
    place, image_place = tmp_path / "journal", tmp_path / "image"
    place.mkdir()
    disk = CrashingDisk()
    journal = tiny_journal(place, disk, take_fence=NoFence)
    opening = journal.open()
    journal.append(next_record(journal, opening, 1))

    def killed() -> None:
        raise Killed

    disk.after = killed
    with pytest.raises(Killed):
        journal.append(next_record(journal, opening, 1))
    disk.after = lambda: None
    successor = tiny_journal(place, disk, take_fence=NoFence)
    assert successor.open().seq == 2
    images = list(disk.images(random.Random(SEED)))
    assert images
    for image in images:
        image_place.mkdir()
        for name, data in image.items():
            (image_place / name).write_bytes(data)
        again = tiny_journal(image_place, QuickDisk())
        assert again.open().seq == 2
        again.close()
        for path in image_place.iterdir():
            path.unlink()
        image_place.rmdir()
    successor.close()
