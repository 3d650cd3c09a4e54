"""The way to the one writer, wherever it runs: in this process, or behind an actor that takes and gives bytes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from actors.documents.database import DocumentsSettings
from actors.documents.delivery import Shards
from actors.documents.messages import (
    UNAVAILABLE,
    Changed,
    Message,
    decode_changed,
    decode_message,
    encode_changed,
    encode_message,
    refuse_all,
)
from actors.documents.reconciler import WAIT_FIRST_S, WAIT_MAX_S
from actors.documents.writer import DocumentsWriter
from actors.process_group import Process
from actors.transport import ShardStatus
from engine.wire import ShardState

CALL_TIMEOUT_S: Final = 60.0
"""a change that got no answer from the writer's process for so long is `unavailable`"""

OPENING_WAIT_S: Final = 5.0
"""how long a change waits for the database to be opened"""

_log = structlog.get_logger(__name__)


class Documents(Protocol):
    """Takes changes; `DocumentsWriter` is one, `RemoteDocuments` another."""

    async def submit(self, message: Message) -> Changed:
        """Carry out a change; answers when it is in force, refused, or cannot be decided now."""


class WriterAway(Exception):
    """The writer's process does not answer; carries why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RemoteDocuments:
    """Hands changes to a writer in another process."""

    def __init__(self, call: Callable[[bytes], Awaitable[bytes]], timeout_s: float = CALL_TIMEOUT_S) -> None:
        """`call` carries bytes to a `DocumentsActor.submit` and back; it raises WriterAway."""
        self._call = call
        self._timeout_s = timeout_s

    async def submit(self, message: Message) -> Changed:
        """See `Documents`; `unavailable` when the writer's process is away."""
        try:
            return decode_changed(await asyncio.wait_for(self._call(encode_message(message)), self._timeout_s))
        except (TimeoutError, WriterAway) as error:
            _log.warning("documents_writer_away", error=repr(error))
            return refuse_all(message, UNAVAILABLE)


class DocumentsActor:
    """The writer as an actor: a plain class with async methods.

    Its constructor never raises for what may pass, such as the lock of a predecessor that is not quite dead:
    it opens in the background and answers `unavailable` until it has.
    """

    def __init__(
        self,
        settings: DocumentsSettings,
        make_shards: Callable[[], Awaitable[Shards]],
        now_ms: Callable[[], int],
        opening_wait_s: float = OPENING_WAIT_S,
    ) -> None:
        """Starts nothing: its methods run in an event loop, this need not."""
        self._opening_wait_s = opening_wait_s
        self._settings = settings
        self._make_shards = make_shards
        self._now_ms = now_ms
        self._writer: DocumentsWriter | None = None
        self._opening: asyncio.Task[None] | None = None

    async def submit(self, message: bytes) -> bytes:
        """A message there, what became of it back."""
        asked = decode_message(message)
        if self._writer is None:
            # Made anew after a death it opens when it is first asked: a moment's patience spares a refusal.
            self.open()
            assert self._opening is not None
            await asyncio.wait([self._opening], timeout=self._opening_wait_s)
        if self._writer is None:
            return encode_changed(refuse_all(asked, UNAVAILABLE))
        return encode_changed(await self._writer.submit(asked))

    def open(self) -> None:
        """Begin to open, unless that has begun."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="documents-opening")

    async def opened(self) -> None:
        """Wait until it is open."""
        self.open()
        assert self._opening is not None
        await asyncio.shield(self._opening)

    async def probe(self) -> bytes:
        """A ShardStatus, from the loop that does the work: silence means that it is stopped or stuck."""
        process = Process.this()
        state = ShardState.STARTING if self._writer is None else ShardState.READY
        return ShardStatus(shard=0, state=state, pid=process.pid, started=process.started).to_bytes()

    async def stop(self) -> None:
        """A clean end."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._writer is not None:
            await self._writer.stop()

    async def _open(self) -> None:
        wait_s = WAIT_FIRST_S
        while True:
            try:
                writer = DocumentsWriter(self._settings, await self._make_shards(), now_ms=self._now_ms)
                await writer.start()
            except Exception:
                _log.exception("documents_opening_failed", wait_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(WAIT_MAX_S, 2 * wait_s)
            else:
                self._writer = writer
                return
