"""The way from an API process to the analytics: a question goes over a Unix socket, the answer comes in pieces.

Pieces are handed on as they come, so that a large report never lies in an API process; one that is cut off, because
its maker died, is told from one that is complete.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from actors.doorway import short_path
from analytics.questions import (
    QUERY_S_MAX,
    WAIT_S_MAX,
    Head,
    Question,
    Refused,
    Status,
    StatusAsked,
    decode_head,
    decode_status,
    encode,
)

SIZE_BYTES: Final = 4
HEAD_S_MAX: Final = WAIT_S_MAX + QUERY_S_MAX + 5.0
PIECE_S_MAX: Final = 30.0
COMING_S_MAX: Final = WAIT_S_MAX
"""How long a question waits at a door that is not open: the analytics start after the API, and again after a fall."""
_KNOCK_S: Final = 0.05
STATUS_S_MAX: Final = 0.5
"""Metrics do not wait for analytics."""


class AnalyticsAway(Exception):
    """Nobody answers there now, or the answer broke off."""


class AnalyticsLink:
    """To one data directory's analytics, wherever they are in their life."""

    def __init__(self, path: Path, coming_s: float = COMING_S_MAX) -> None:
        """`path`: of the socket."""
        self._path = path
        self._coming_s = coming_s

    async def ask(self, question: Question) -> tuple[Head, AsyncIterator[bytes]]:
        """The head and the pieces of the body; raises AnalyticsAway, and Refused as it was said.

        The pieces must be read to their end, or closed.
        """
        reader, writer = await self._connected()
        try:
            said = encode(question)
            writer.write(len(said).to_bytes(SIZE_BYTES, "little") + said)
            head = decode_head(await _piece(reader, HEAD_S_MAX))
            if head.problem is not None:
                raise Refused(*head.problem)
        except BaseException:
            writer.close()
            raise
        return head, _pieces(reader, writer)

    async def read(self, question: Question) -> tuple[Head, bytes]:
        """The head and the whole body."""
        head, pieces = await self.ask(question)
        return head, b"".join([piece async for piece in pieces])

    async def status(self) -> Status | None:
        """How far they are; None when they do not say so at once."""
        try:
            async with asyncio.timeout(STATUS_S_MAX):
                _, body = await self.read(StatusAsked())
        except (AnalyticsAway, Refused, TimeoutError):
            return None
        return decode_status(body)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        given_up_at = time.monotonic() + self._coming_s
        while True:
            try:
                with short_path(self._path) as name:
                    return await asyncio.open_unix_connection(name)
            except OSError as error:
                if time.monotonic() >= given_up_at:
                    raise AnalyticsAway(str(error)) from error
            await asyncio.sleep(_KNOCK_S)


async def _pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    try:
        while piece := await _piece(reader, PIECE_S_MAX):
            yield piece
    finally:
        writer.close()


async def _piece(reader: asyncio.StreamReader, timeout_s: float) -> bytes:
    try:
        async with asyncio.timeout(timeout_s):
            size = int.from_bytes(await reader.readexactly(SIZE_BYTES), "little")
            return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, OSError, TimeoutError) as error:
        raise AnalyticsAway(str(error)) from error
