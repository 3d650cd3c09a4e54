"""How many arrays of commands are taken in: as much as can be decided soon, and read a few at a time.

To read an array takes this process longer than the shard to decide it. What there is no room for is therefore refused
before it is read: else, the more is offered, the less is done (at three times what can be decided, a third of it). And
arrays that are all read at once are all ready late, while the event loop's turns are as long as there are arrays.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api.status import Problem

READ_AT_ONCE: Final = 2
"""One more than is needed to keep this process busy. Whoever has to ask for a name lets others read meanwhile."""
_RETRY_AFTER_MS: Final = 1_000


class ArrayRoom:
    """Of one process."""

    def __init__(self) -> None:
        self.bytes = 0
        """of the arrays that wait, are read or are being decided"""
        self.reading = asyncio.Semaphore(READ_AT_ONCE)
        """held while an array is read, by one after the other"""

    def refusal(self, size: int, bytes_max: int) -> Problem | None:
        """Of an array that would be too much beside others, if it were there now."""
        if self.bytes and self.bytes + size > bytes_max:
            return Problem(429, "overloaded", "too many arrays at once", {"retry_after_ms": _RETRY_AFTER_MS})
        return None

    @contextmanager
    def taken(self, size: int, bytes_max: int) -> Iterator[None]:
        """Room for an array until it is answered; raises what is its `refusal`."""
        refusal = self.refusal(size, bytes_max)
        if refusal is not None:
            raise refusal
        self.bytes += size
        try:
            yield
        finally:
            self.bytes -= size
