"""Power cuts: after every step of the disk, what a cut could leave is opened by the real code, ten thousand times.

Whatever is missing, the shard comes back with everything that was acknowledged and nothing half: its state is that of
all records up to some seq, at least the acknowledged one, at most the one in flight. No cut is taken for damage.
"""

import hashlib
import itertools
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.datadir import recover
from actors.journal import JournalCorrupt
from engine.kinds import Kind
from engine.record import Record
from tests.actors.crashing_disk import Image, QuickDisk
from tests.actors.recorded_life import LIMITS, Known, Life, TinyJournal, make_quick
from tests.actors.shop import definitions, receive, reserve, sell, settle, together
from tests.conftest import Tell

pytestmark = pytest.mark.long
SEED = 20
IMAGES_MIN = {
    "journal by sectors": 3_400, "journal by pages": 2_700, "snapshots by sectors": 1_300, "snapshots by pages": 700,
    "cut again": 2_000,
}  # fmt: skip
"""A disk keeps or loses 512 bytes at a time, or 4,096; some lives begin with a cut."""
LEFT_MIN = 8


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    make_quick(monkeypatch)


class Cuts:
    """Lays out images and opens them."""

    def __init__(self, life: Life, place: Path) -> None:
        self.images = 0
        self.torn = 0
        self.in_flight = 0
        """of the images held a record that nobody had been told of"""
        self.from_snapshot = 0
        self.kept: list[tuple[Path, int]] = []
        self._life = life
        self._place = place
        self._seen: set[bytes] = set()

    def cut(self, block: int, most: int, keep: Callable[[bool], bool] = lambda torn: False) -> None:
        for known, image in self._life.images(block, random.Random(SEED), most):
            key = _digest(known, image)
            if key not in self._seen:
                self._seen.add(key)
                self._check(known, image, keep)

    def _check(self, known: Known, image: Image, keep: Callable[[bool], bool]) -> None:
        self.images += 1
        place = self._place / str(self.images)
        lay_out(image, place)
        journal = TinyJournal(place, QuickDisk())
        opening = journal.open(known_seq=known.acknowledged)
        assert known.acknowledged <= opening.seq <= known.begun
        shard = recover(place, 0, LIMITS, journal)
        assert shard.seq == opening.seq
        assert shard.state_hash() == self._life.history.states[shard.seq], "not what the records make"
        journal.close()
        self.torn += opening.torn
        self.in_flight += opening.seq > known.acknowledged
        shutil.rmtree(place)
        if keep(opening.torn):
            lay_out(image, place)
            self.kept.append((place, opening.seq))


def lay_out(image: Image, place: Path) -> None:
    (place / "shards/000/snapshots").mkdir(parents=True)
    for name, data in image.items():
        (place / name).write_bytes(data)


def _digest(known: Known, image: Image) -> bytes:
    digest = hashlib.blake2b(known.acknowledged.to_bytes(8, "little"), digest_size=16)
    for name, data in sorted(image.items()):
        digest.update(name.encode() + len(data).to_bytes(8, "little") + data)
    return digest.digest()


def written(data: Path) -> Life:
    """Batches of one sector and of many, segments that fill, an end without a word, by a failed sync, in order."""
    life = Life(data, [])
    life.send(*definitions(["A", "B"]))
    life.send(receive("A", 900), receive("B", 50, warehouse=1))
    held = life.send(reserve("A", 3), together(reserve("A", 1), reserve("B", 2, warehouse=1)))
    for size in (4, 11, 19, 180):
        life.send(*(reserve("A", 1, ttl_s=size + n) for n in range(size)))
    life.send(settle(Kind.CONFIRM, held.results[0]), sell("A", 1))
    life.actor.abandon()
    life.opened()
    life.die_in(*(sell("A", 1) for _ in range(12)))
    life.opened()
    life.send(settle(Kind.RELEASE, held.results[1]), *(sell("A", 1) for _ in range(30)))
    for size in (3, 8, 13, 21):
        life.send(*(reserve("B", 1, warehouse=at % 2) for at in range(size)))
    life.stop()
    life.opened()
    life.send(sell("B", 2, warehouse=1))
    life.send(*(reserve("B", 1, warehouse=at % 2) for at in range(40)))
    life.actor.abandon()
    life.opened()
    life.die_in(receive("A", 1))
    life.opened()
    life.send(receive("A", 1), sell("A", 1))
    return life


def folded(data: Path) -> Life:
    """Snapshots between batches; the third lets go of the first."""
    life = Life(data, [])
    life.send(*definitions(["A", "B"]))
    life.snapshot()
    life.send(receive("A", 90), receive("B", 50, warehouse=1))
    held = life.send(*(reserve("A", 1) for _ in range(12)))
    life.snapshot()
    life.actor.abandon()
    life.opened()
    life.send(settle(Kind.CONFIRM, held.results[0]), sell("A", 1))
    life.snapshot()
    life.send(*(reserve("A", 1) for _ in range(9)))
    return life


def lived_on(place: Path, known: list[Record]) -> Life:
    """After a cut: an opening, which may put a segment into an empty one's place, a batch, a snapshot, a batch."""
    life = Life(place, known)
    life.send(receive("A", 5), *(reserve("A", 1) for _ in range(5)))
    life.snapshot()
    life.send(sell("A", 1))
    return life


@pytest.mark.parametrize(
    ("kind", "lived", "block", "most"),
    [
        ("journal by sectors", written, 512, 52),
        ("journal by pages", written, 4096, 48),
        ("snapshots by sectors", folded, 512, 40),
        ("snapshots by pages", folded, 4096, 40),
    ],
)
def test_every_image_that_a_power_cut_leaves_is_opened_with_all_that_was_acknowledged(
    memory_path: Path,
    kind: str,
    lived: Callable[[Path], Life],
    block: int,
    most: int,
    tell: Tell,
) -> None:
    cuts = Cuts(lived(memory_path / "life"), memory_path)
    cuts.cut(block, most)
    opened(tell, kind, cuts.images, cuts.torn, cuts.in_flight)
    assert cuts.torn > 0 or lived is folded
    assert cuts.in_flight > 0


@pytest.mark.parametrize("left_out", ["sync", "sync directory"])
def test_a_sync_that_is_left_out_is_found(memory_path: Path, left_out: str) -> None:
    """The images tell: without either, some of them lack what was acknowledged."""
    life = folded(memory_path / "life")
    begin = life.disk.before
    life.disk.steps[begin:] = [step for step in life.disk.steps[begin:] if step.what != left_out]
    with pytest.raises((JournalCorrupt, AssertionError)):
        Cuts(life, memory_path).cut(512, 24)


def test_what_a_power_cut_left_is_opened_when_the_opener_and_its_successor_are_cut_too(
    memory_path: Path, tell: Tell
) -> None:
    first = written(memory_path / "life")
    cuts = Cuts(first, memory_path / "first")
    # Counted, not drawn: with the times in them the images of two runs differ, and so would a drawn number.
    torn_ones, whole_ones = itertools.count(1), itertools.count(1)
    cuts.cut(512, 6, keep=lambda torn: (next(torn_ones) % 6 if torn else next(whole_ones) % 120) == 0)
    assert len(cuts.kept) > LEFT_MIN
    tell(f"of {cuts.images} images, {cuts.torn} torn, {len(cuts.kept)} are lived on with")
    images = torn = in_flight = 0
    for left, seq in cuts.kept:
        again = Cuts(lived_on(left, first.history.records[:seq]), memory_path / "again")
        again.cut(512, 6)
        images, torn, in_flight = images + again.images, torn + again.torn, in_flight + again.in_flight
    opened(tell, "cut again", images, torn, in_flight)


def test_ten_thousand_images_are_opened() -> None:
    assert sum(IMAGES_MIN.values()) >= 10_000


def opened(tell: Tell, kind: str, images: int, torn: int, in_flight: int) -> None:
    tell(f"{kind}: {images} opened, {torn} with a torn record, {in_flight} with one that nobody was told of")
    assert images >= IMAGES_MIN[kind]
