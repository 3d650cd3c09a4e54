"""Power cuts: after every single step of the disk, every image that a cut could leave there is opened.

Whatever is missing, all that was acknowledged is found, at most the record in flight besides, and nothing is refused.
"""

import itertools
import random
from pathlib import Path

import pytest

from actors.disk import RealDisk
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


def tiny_journal(directory: Path, disk: RealDisk) -> SegmentJournal:
    return SegmentJournal(directory, 0, disk=disk, segment_bytes=3 << 10, step_bytes=8 << 10, record_bytes_max=1)


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
