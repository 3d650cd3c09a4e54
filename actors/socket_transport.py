"""Messages to shards on this machine by their own doors (`actors.socket_server`), and by another transport elsewhere.

One connection carries one call at a time; they are opened as calls need them and kept. A call whose connection
breaks, or that takes too long, may have run: its connection is closed, so that no late answer can be taken for
another's. Where nobody listens the call goes through the transport behind this one, which also knows how a shard is
that does not answer.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Final, cast

from actors.socket_server import HEAD_BYTES, MESSAGE_BYTES_MAX
from actors.transport import Transport, TransportError

CONNECT_S_MAX: Final = 1.0
_ENDED: Final = "its process ended"


def socket_paths(directory: Path, shards: int) -> list[Path]:
    """Where each shard listens."""
    return [directory / str(shard) for shard in range(shards)]


class SocketTransport:
    """One per process; belongs to its event loop."""

    def __init__(self, behind: Transport, paths: Sequence[Path]) -> None:
        """`paths`: where each shard would listen. Opens nothing."""
        self._behind = behind
        self._paths = paths
        self._idle: list[list[_Connection]] = [[] for _ in paths]

    def call(self, shard: int, message: bytes, timeout_s: float) -> Awaitable[bytes]:
        """Have the shard decide a Batch; gives a Reply."""
        connection = self._take(shard)
        if connection is None:
            return self._call_anew(shard, message, timeout_s)
        return connection.ask(message, timeout_s)

    async def _call_anew(self, shard: int, message: bytes, timeout_s: float) -> bytes:
        connection = await self._open(shard)
        if connection is None:
            return await self._behind.call(shard, message, timeout_s)
        return await connection.ask(message, timeout_s)

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        """Ask how the shard is, beside its work; gives a ShardStatus."""
        return await self._behind.probe(shard, timeout_s)

    def close(self) -> None:
        """Hang up everywhere."""
        for connections in self._idle:
            for connection in connections:
                connection.close()
            connections.clear()

    def _take(self, shard: int) -> "_Connection | None":
        idle = self._idle[shard]
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _open(self, shard: int) -> "_Connection | None":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                _, connection = await loop.create_unix_connection(
                    lambda: _Connection(shard, self._idle[shard]), str(self._paths[shard])
                )
        except (OSError, TimeoutError):
            return None
        return connection


class _Connection(asyncio.BufferedProtocol):
    """A connection: `ask`, wait, `ask` again."""

    def __init__(self, shard: int, idle: "list[_Connection]") -> None:
        """`idle`: where it waits for the next call."""
        self.is_open = False
        self._shard = shard
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head = bytearray(HEAD_BYTES)
        self._body = bytearray()
        self._got = 0
        """of head and body together"""

    def ask(self, message: bytes, timeout_s: float) -> "asyncio.Future[bytes]":
        """The answer to come; TransportError when the other side is gone or takes longer."""
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        if self._transport is None or not self.is_open:
            self._fail(_ENDED)
        else:
            self._transport.writelines((len(message).to_bytes(HEAD_BYTES, "little"), message))
            self._timer = loop.call_later(timeout_s, self._late, timeout_s)
        return self._answer

    def close(self) -> None:
        """Hang up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to ask."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass
        self.is_open = True

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes of the answer go."""
        if self._got < HEAD_BYTES:
            return memoryview(self._head)[self._got :]
        return memoryview(self._body)[self._got - HEAD_BYTES :]

    def buffer_updated(self, nbytes: int) -> None:
        """More of the answer is there."""
        self._got += nbytes
        if self._got == HEAD_BYTES and nbytes:
            size = int.from_bytes(self._head, "little")
            if not 0 < size <= MESSAGE_BYTES_MAX:
                self.close()
                return
            self._body = bytearray(size)
        if self._got == HEAD_BYTES + len(self._body):
            # From here on for the next one: an event loop may ask for a buffer although nothing more will come.
            body, self._got, self._body = bytes(self._body), 0, bytearray()
            self._stop_waiting()
            if self._answer is None or self._answer.done():
                self.close()  # nobody asked for this, or whoever did is gone
            else:
                self._idle.append(self)
                self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        """The shard's process ended, or somebody hung up."""
        self.is_open = False
        self._stop_waiting()
        self._fail(_ENDED)

    def _late(self, timeout_s: float) -> None:
        self._fail(f"no answer within {timeout_s:g} s")
        self.close()

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(TransportError(self._shard, reason))

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
