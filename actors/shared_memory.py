"""Memory for the tables of a state that another process may be given to read.

One file without a name per state: tables lie in it one behind the other, each from a page on, and take memory only
where they were written. Whoever is to read is handed a descriptor, over a socket; it outlives this process. There are
no huge pages here, as there are for a shard's own tables: random access takes 10 % longer, copying does not.
"""

import mmap
import os
from typing import Any

import numpy as np
import numpy.typing as npt


class SharedMemory:
    """Use `reserve` as the `Reserve` of a Shard; `close` gives the memory back when the shard's arrays are gone."""

    def __init__(self, name: str) -> None:
        """`name` is seen in /proc only."""
        self._descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        self._size = 0
        self._offsets: list[tuple[int, int, int]] = []

    def reserve(self, dtype: "np.dtype[np.void] | type[np.generic]", count: int) -> npt.NDArray[Any]:
        """`count` zero records whose memory is taken from the system only when touched."""
        size = -(-max(1, np.dtype(dtype).itemsize * count) // mmap.PAGESIZE) * mmap.PAGESIZE
        offset, self._size = self._size, self._size + size
        os.ftruncate(self._descriptor, self._size)
        array = np.frombuffer(mmap.mmap(self._descriptor, size, offset=offset), dtype, count)
        self._offsets.append((array.ctypes.data, size, offset))
        return array

    def offset_of(self, array: npt.NDArray[Any]) -> int:
        """Where in the file the first byte of an array, or of a part of it, lies."""
        address = array.ctypes.data
        for begin, size, offset in self._offsets:
            if begin <= address < begin + size:
                return offset + address - begin
        raise LookupError("the array lies elsewhere")

    @property
    def used_bytes(self) -> int:
        """Memory that it takes now."""
        return os.fstat(self._descriptor).st_blocks * 512

    def for_reading(self) -> int:
        """A new descriptor, to be handed to a reader, who cannot write with it; the caller closes it."""
        return os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
