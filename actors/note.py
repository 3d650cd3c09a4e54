"""Two numbers that outlive the process but need not outlive the machine: which batches are on their way.

Written to a shared mapping before a batch is decided and cleared when its record is durable, at the cost of
a memory write. A successor that finds a number knows which batch its predecessor may have died of.
"""

import mmap
import struct
from pathlib import Path
from typing import Final

_NUMBER: Final = struct.Struct("<q")
PLACES: Final = 2
"""one batch is decided while another is made durable"""


class Note:
    """The numbers at `path`; without a path nothing is noted."""

    def __init__(self, path: str) -> None:
        self.left_behind: list[int] = []
        """what the predecessor was at when it ended"""
        self._map: mmap.mmap | None = None
        if path:
            self._map = _mapped(Path(path))
        if self._map is not None:
            numbers = [_NUMBER.unpack_from(self._map, place * _NUMBER.size)[0] for place in range(PLACES)]
            self.left_behind = [number for number in numbers if number]
            for place in range(PLACES):
                self.write(place, 0)

    def write(self, place: int, number: int) -> None:
        """Note this; 0 = nothing."""
        if self._map is not None:
            _NUMBER.pack_into(self._map, place * _NUMBER.size, number)


def _mapped(path: Path) -> mmap.mmap | None:
    """The file as memory; None when there is no room for a few bytes: the note is a help, not a need."""
    size = PLACES * _NUMBER.size
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if (have := file.seek(0, 2)) < size:
                file.write(bytes(size - have))
                file.flush()
            return mmap.mmap(file.fileno(), size)
    except OSError:
        return None
