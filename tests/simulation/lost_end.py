"""A journal that has lost its end: whoever knows that the end was acknowledged must not let the shard open.

The disk gives back a journal without its last record, as one that lies about syncs does. Nothing in the journal tells:
a chain that ends earlier is a good chain. What tells are the high-water marks beside it, the writer's own and the one
that the watch keeps; one of them is enough, so each is tried alone.
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path

from actors.datadir import DataDir
from actors.segment_end import find_end
from actors.segment_files import Segment, path_of, segments_in
from tests.simulation.disk import PUBLISHED


@dataclass(frozen=True, slots=True)
class LostEnd:
    """What a journal has lost, to be put back."""

    path: Path
    offset: int
    sectors: bytes
    seq: int

    def put_back(self) -> None:
        """The journal is as it was."""
        _write(self.path, self.offset, self.sectors)


def lose_end(data: DataDir, shard: int, chance: random.Random) -> LostEnd | None:
    """Take the last record from a journal that nobody owns, and one of its marks; None where no mark is left."""
    directory = data.shard(shard)
    names = segments_in(directory)
    if not names:
        return None
    segment = Segment(directory, shard, names[-1])
    try:
        end = find_end(segment)
        if end.last is None:
            return None
        begin = segment.find(end.seq, end.offset)
    finally:
        segment.close()
    published = directory / PUBLISHED
    if chance.random() < 0.5:
        if _known(data.known_seq(shard)) < end.seq:
            return None
        published.unlink(missing_ok=True)
    elif not published.exists():
        return None
    else:
        data.known_seq(shard).unlink(missing_ok=True)
    path = path_of(directory, names[-1])
    with path.open("rb") as file:
        file.seek(begin)
        sectors = file.read(end.offset - begin)
    _write(path, begin, bytes(len(sectors)))
    return LostEnd(path, begin, sectors, end.seq)


def _known(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0


def _write(path: Path, offset: int, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, data, offset)
    finally:
        os.close(descriptor)
