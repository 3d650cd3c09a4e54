"""What a child tells its supervisor, through a pipe: that it still runs, and what it has reached.

One JSON line per message. A child that says nothing for a while hangs or is stopped and is killed; so the
beat must come from the loop that does the child's work, not from a thread beside it.
"""

import asyncio
import contextlib
import os
from typing import Final

import msgspec

from actors.process_group import Process

BEAT_S: Final = 1.0
"""How often a child says that it runs."""

LINE_BYTES_MAX: Final = 65_536
"""A longer line is not ours."""


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """It runs."""


class ClusterUp(msgspec.Struct, frozen=True, tag="cluster"):
    """The keeper's Ray is up."""

    processes: dict[str, Process]
    """whose death is the death of the cluster, by name"""


class Serving(msgspec.Struct, frozen=True, tag="serving"):
    """The API worker takes connections, though the shards behind it may not be ready."""


Message = Beat | ClusterUp | Serving


class Pulse:
    """The child's end."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    def say(self, message: Message) -> None:
        """Send it; a supervisor that does not read is dead or busy, and a lost beat is followed by others."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._descriptor, msgspec.json.encode(message) + b"\n")

    async def beat(self) -> None:
        """Say that this loop turns, until cancelled."""
        while True:
            self.say(Beat())
            await asyncio.sleep(BEAT_S)


class PulseReader:
    """The supervisor's end."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
        self._rest = b""

    def read(self) -> list[Message] | None:
        """What has come since the last time; None at the end of the pipe."""
        try:
            data = os.read(self.descriptor, LINE_BYTES_MAX)
        except BlockingIOError:
            return []
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            self._rest = b""
        return [self._decoder.decode(line) for line in lines]

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)
