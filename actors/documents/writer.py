"""The one writer of documents: commits a change as pending, has it journaled by the shards, marks it done, answers.

Changes that wait together go together: one transaction, one call per shard, one transaction. Only this class
decides on that order; what is written stands in `rounds`, what shards are told in `definitions`.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from actors.documents.database import DocumentsLocked, DocumentsSettings
from actors.documents.delivery import Shards, deliver
from actors.documents.messages import (
    OVERLOADED,
    UNAVAILABLE,
    Change,
    Changed,
    CloseDay,
    MarkAlert,
    Message,
    PutInterest,
    PutKey,
    count_of,
    refuse_all,
)
from actors.documents.reconciler import WAIT_FIRST_S, WAIT_MAX_S, Reconciler
from actors.documents.rounds import Round, WritingSession
from actors.documents.schema import DocumentKind
from engine.outcomes import Outcome

ROUND_DOCUMENTS_MAX: Final = 4096
"""a round with so many documents takes no further change; a single larger change goes alone"""
QUEUED_DOCUMENTS_MAX: Final = 50_000
DELIVERY_TIMEOUT_S: Final = 10.0
"""shards that say nothing for so long are tried again later; changes behind wait no longer for them"""

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Asked:
    message: Message
    names: frozenset[tuple[str, str]]
    """what no two changes of a round may share"""
    answer: asyncio.Future[Changed]


class DocumentsWriter:
    """Runs in one process for the whole engine, in the event loop that starts it."""

    def __init__(
        self,
        settings: DocumentsSettings,
        shards: Shards,
        *,
        now_ms: Callable[[], int],
        entropy: Callable[[int], bytes] = secrets.token_bytes,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
    ) -> None:
        """Starts nothing."""
        self._settings = settings
        self._shards = shards
        self._now_ms = now_ms
        self._entropy = entropy
        self._delivery_timeout_s = delivery_timeout_s
        self._queue: deque[_Asked] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._session: WritingSession | None = None
        self._thread = ThreadPoolExecutor(1, "documents-writer")
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Open the database and begin; raises DocumentsLocked, DocumentsTooNew or DocumentsUnreachable."""
        await self._open()
        self._task = asyncio.create_task(self._run(), name="documents-writer")

    async def stop(self) -> None:
        """End after the round that is under way; what still waits is `unavailable`."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._refuse_waiting()
        await self._close()
        self._thread.shutdown()

    async def submit(self, message: Message) -> Changed:
        """Carry out a change; answers when it is in force, refused, or cannot be decided now."""
        size = count_of(message)
        if self._stopping:
            return refuse_all(message, UNAVAILABLE)
        if self._queued + size > QUEUED_DOCUMENTS_MAX:
            return refuse_all(message, OVERLOADED)
        asked = _Asked(message, _names(message), asyncio.get_running_loop().create_future())
        self._queue.append(asked)
        self._queued += size
        self._wake.set()
        try:
            return await asked.answer
        finally:
            self._queued -= size

    async def _run(self) -> None:
        now_s = asyncio.get_running_loop().time
        reconciler = Reconciler(now_s())
        while not self._stopping:
            wait_s = reconciler.wait_s(now_s())
            if wait_s == 0:
                reconciler.tried(now_s(), finished=await self._reconcile())
                continue
            if not self._queue:
                self._wake.clear()
                await _wait(self._wake, wait_s)
                continue
            if await self._carry_out(self._take()):
                reconciler.left_behind(now_s())

    async def _carry_out(self, asked: Sequence[_Asked]) -> bool:
        """One round; True when it left something behind for the reconciler."""
        try:
            round_ = await self._on_thread(partial(self._opened().begin, [each.message for each in asked]))
            outcomes = await self._deliver(round_)
            settled = await self._on_thread(partial(self._opened().settle, round_, outcomes))
        except Exception as error:
            # Whatever it was, the tables say how far it got: the same change sent again goes on from there.
            _log.exception("documents_round_failed", changes=len(asked))
            for each in asked:
                _tell(each, refuse_all(each.message, UNAVAILABLE))
            await self._recover(error)
            return True
        left = settled.left
        if settled.back is not None:
            left += await self._take_back(settled.back)
        for each, answer in zip(asked, settled.answers, strict=True):
            _tell(each, answer)
        return left > 0

    async def _reconcile(self) -> bool:
        """Try what is pending; True when nothing is left."""
        try:
            round_ = await self._on_thread(partial(self._opened().unfinished, ROUND_DOCUMENTS_MAX))
            count = len(round_.places) + len(round_.products)
            if count == 0:
                return True
            settled = await self._on_thread(partial(self._opened().settle, round_, await self._deliver(round_)))
            left = settled.left + (await self._take_back(settled.back) if settled.back is not None else 0)
        except Exception as error:
            _log.exception("documents_reconciliation_failed")
            await self._recover(error)
            return False
        _log.info("documents_reconciled", finished=count - left, left=left)
        return left == 0 and count < ROUND_DOCUMENTS_MAX

    async def _take_back(self, round_: Round) -> int:
        try:
            return await self._on_thread(partial(self._opened().settle_back, round_, await self._deliver(round_)))
        except Exception as error:
            _log.exception("documents_take_back_failed")
            await self._recover(error)
            return 1

    async def _deliver(self, round_: Round) -> list[list[Outcome]]:
        # Places first: channels and stock stand on them.
        places = await deliver(self._shards, round_.place_parcel, self._delivery_timeout_s)
        return places + await deliver(self._shards, round_.product_parcel, self._delivery_timeout_s)

    def _take(self) -> list[_Asked]:
        taken: list[_Asked] = []
        names: set[tuple[str, str]] = set()
        while self._queue:
            following = self._queue[0]
            crowded = len(names) + len(following.names) > ROUND_DOCUMENTS_MAX
            if taken and (crowded or not names.isdisjoint(following.names)):
                break
            names |= following.names
            taken.append(self._queue.popleft())
        return taken

    def _opened(self) -> WritingSession:
        if self._session is None:
            raise DocumentsLocked("documents that could not be opened again yet")
        return self._session

    async def _open(self) -> None:
        self._session = await self._on_thread(partial(WritingSession, self._settings, self._now_ms, self._entropy))

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await self._on_thread(session.close)

    async def _recover(self, error: Exception) -> None:
        """After a database error: if the connection is lost, a new one with a new lock."""
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        if not lost and self._session is not None:
            return
        wait_s = WAIT_FIRST_S
        while not self._stopping:
            try:
                await self._close()
                await self._open()
                return
            except Exception:
                _log.exception("documents_reopening_failed", wait_s=wait_s)
                self._refuse_waiting()
                await asyncio.sleep(wait_s)
                wait_s = min(WAIT_MAX_S, 2 * wait_s)

    def _refuse_waiting(self) -> None:
        while self._queue:
            asked = self._queue.popleft()
            _tell(asked, refuse_all(asked.message, UNAVAILABLE))

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _names(message: Message) -> frozenset[tuple[str, str]]:
    if isinstance(message, Change):
        names = {(message.kind.value, proposal.code) for proposal in message.proposals}
        assert len(names) == len(message.proposals)
        if message.request is not None:
            names.add(("request", f"{message.request.client}:{message.request.key}"))
        return frozenset(names)
    if isinstance(message, CloseDay):
        names = {("closing", f"{each.day} {each.warehouse} {each.channel}") for each in message.closings}
        return frozenset({*names, ("request", f"{message.request.client}:{message.request.key}")})
    if isinstance(message, PutInterest):
        # One round has one: two may speak of the same SKU.
        return frozenset({("interest", ""), ("request", f"{message.request.client}:{message.request.key}")})
    if isinstance(message, MarkAlert):
        return frozenset({("alert", message.alert), ("request", f"{message.request.client}:{message.request.key}")})
    if isinstance(message, PutKey):
        return frozenset({("key", message.id), (DocumentKind.CLIENT.value, message.client)})
    return frozenset({("key", message.id)})


def _tell(asked: _Asked, answer: Changed) -> None:
    if not asked.answer.done():  # whoever asked may have gone
        asked.answer.set_result(answer)


async def _wait(event: asyncio.Event, timeout_s: float | None) -> Any:
    try:
        return await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return None
