"""A transport through which an answer's head and body leave in one write.

uvicorn writes them apart, and each write is a system call that wakes the caller: a sixth of what a short answer costs.
Here what is written first waits for what follows, at most until the event loop's turn ends.
"""

import asyncio
from typing import Any, Final

JOINED_MAX: Final = 1 << 16
"""larger bodies are not copied behind their heads"""


class OneWrite:
    """A transport that holds the first piece back for the second; everything else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it soon, in order."""
        if self._held:
            held, self._held = self._held, b""
            if len(data) < JOINED_MAX:
                self._transport.write(held + data)
            else:
                self._transport.write(held)
                self._transport.write(data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def write_whole(self, data: bytes) -> None:
        """Send it now, behind what is held."""
        if self._held:
            self._flush()
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._transport.is_closing()

    def close(self) -> None:
        """After what was written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)
