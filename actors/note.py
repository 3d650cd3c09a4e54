"""One number that outlives the process but need not outlive the machine: which batch is being decided.

Written to a shared mapping before a batch is decided and cleared when its record is durable, at the cost of
a memory write. A successor that finds a number knows which batch its predecessor died on.
"""

import mmap
import struct
from pathlib import Path
from typing import Final

_NUMBER: Final = struct.Struct("<q")


class Note:
    """The number at `path`; without a path nothing is noted."""

    def __init__(self, path: str) -> None:
        self.left_behind = 0
        """what the predecessor was deciding, 0 = nothing"""
        self._map: mmap.mmap | None = None
        if path:
            self._map = _mapped(Path(path))
        if self._map is not None:
            (self.left_behind,) = _NUMBER.unpack_from(self._map)
            self.write(0)

    def write(self, number: int) -> None:
        """Note this."""
        if self._map is not None:
            _NUMBER.pack_into(self._map, 0, number)


def _mapped(path: Path) -> mmap.mmap | None:
    """The file as memory; None when there is no room for eight bytes: the note is a help, not a need."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.seek(0, 2) < _NUMBER.size:
                file.write(bytes(_NUMBER.size))
                file.flush()
            return mmap.mmap(file.fileno(), _NUMBER.size)
    except OSError:
        return None
