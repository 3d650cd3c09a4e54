"""The read side of the documents in one API process: names to numbers and back, keys to principals. Never writes.

Look-ups are plain dict look-ups, for the hot path. A miss is no answer yet: `resolve_missing` asks the
database, one query for all that wait, and sees everything that was answered before it was called. So a code
is never refused because some process had not heard of it. It formats and routes; shards decide.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from actors.documents.closings import Closed, closed_days
from actors.documents.database import DocumentsSettings, describe, reading_engine, revision
from actors.documents.key_store import StoredKey, stored_keys
from actors.documents.keys import Principal, is_secret, parse_key
from actors.documents.reading import (
    Document,
    document,
    found_products,
    last_change,
    numbers_after,
    page,
    products_after,
    products_by_key,
)
from actors.documents.schema import HEAD, DocumentKind
from engine.layout import UNKNOWN_NUMBER

POLL_PERIOD_S: Final = 0.5
"""how long a revoked key may still be taken for good"""
START_TIMEOUT_S: Final = 60.0
SKUS_CACHED_MAX: Final = 1 << 18
"""about 60 MB"""
ABSENT_MAX: Final = 1 << 16
CHANGED_PRODUCTS_MAX: Final = 10_000
"""when more products than this changed between two looks, the cached ones are forgotten instead"""
_OPEN_RETRY_S: Final = 0.05

_NO_SKU: Final[tuple[None, int]] = (None, 0)
_NEVER_MS: Final = 1 << 62

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

__all__ = ["Directory", "DirectoryUnavailable", "Document", "DocumentKind", "Principal", "StoredKey"]


class DirectoryUnavailable(RuntimeError):
    """The documents cannot be read; carries where they are and why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where} cannot be read: {self.reason}"


@dataclass(slots=True)
class _News:
    """What one look at the database brought."""

    version: int
    numbers: dict[DocumentKind, list[tuple[str, int]]]
    keys: list[StoredKey]
    changed_products: list[tuple[int, str, int]]
    wanted_products: list[tuple[int, str, int]]


class Directory:
    """Belongs to one event loop."""

    def __init__(
        self,
        settings: DocumentsSettings,
        *,
        poll_period_s: float = POLL_PERIOD_S,
        start_timeout_s: float = START_TIMEOUT_S,
        skus_cached_max: int = SKUS_CACHED_MAX,
    ) -> None:
        """Opens nothing."""
        self._settings = settings
        self._poll_period_s = poll_period_s
        self._start_timeout_s = start_timeout_s
        self._skus_cached_max = skus_cached_max
        self._version = -1
        self._numbers: dict[DocumentKind, dict[str, int]] = {kind: {} for kind in _NUMBERED}
        self._codes: dict[DocumentKind, dict[int, str]] = {kind: {} for kind in _NUMBERED}
        self._warehouse_numbers = self._numbers[DocumentKind.WAREHOUSE]
        self._warehouse_codes = self._codes[DocumentKind.WAREHOUSE]
        self._channel_numbers = self._numbers[DocumentKind.CHANNEL]
        self._channel_codes = self._codes[DocumentKind.CHANNEL]
        self._client_codes = self._codes[DocumentKind.CLIENT]
        self._skus: dict[int, tuple[str, int]] = {}
        self._absent: set[int] = set()
        self._wanted: set[int] = set()
        self._keys: dict[str, StoredKey] = {}
        self._principals: dict[str, Principal] = {}
        self.looks = 0
        """how often the database was asked, for the metrics"""
        self._engines: dict[ThreadPoolExecutor, Engine] = {}
        self._thread = ThreadPoolExecutor(1, "documents-reader")
        self._searcher = ThreadPoolExecutor(1, "documents-searcher")
        self._looking: asyncio.Task[None] | None = None
        self._next_look: asyncio.Task[None] | None = None
        self._poller: asyncio.Task[None] | None = None

    # ---- the hot path: no await, no query ----

    def warehouse_number(self, code: str) -> int:
        """UNKNOWN_NUMBER when it is not known here; archived ones keep theirs."""
        return self._warehouse_numbers.get(code, UNKNOWN_NUMBER)

    def warehouse_code(self, number: int) -> str:
        """Empty when it is not known here."""
        return self._warehouse_codes.get(number, "")

    def channel_number(self, code: str) -> int:
        """UNKNOWN_NUMBER when it is not known here; archived ones keep theirs."""
        return self._channel_numbers.get(code, UNKNOWN_NUMBER)

    def channel_code(self, number: int) -> str:
        """Empty when it is not known here."""
        return self._channel_codes.get(number, "")

    def client_name(self, number: int) -> str:
        """Empty when it is not known here."""
        return self._client_codes.get(number, "")

    @property
    def device_numbers(self) -> Mapping[str, int]:
        """Devices by code, removed ones too; only to be read."""
        return self._numbers[DocumentKind.DEVICE]

    def sku_text(self, sku_key: int) -> str | None:
        """None when it is not cached."""
        return self._skus.get(sku_key, _NO_SKU)[0]

    def sku_decimals(self, sku_key: int) -> int:
        """0 when it is not cached."""
        return self._skus.get(sku_key, _NO_SKU)[1]

    def remember_sku(self, sku_key: int, sku: str, decimals: int) -> None:
        """A shard has just carried out a command about this SKU: so it is registered, and need not be looked up."""
        self._skus.setdefault(sku_key, (sku, decimals))

    def principal(self, key: str, now_ms: int) -> Principal | None:
        """Who a key speaks for; None when it is none, is revoked, or its time is over."""
        found = self._principals.get(key)
        if found is None:
            found = self._verified(key)
        return found if found is not None and now_ms < found.expires_at_ms else None

    @property
    def has_clients(self) -> bool:
        """Whether the shards took the first clients in: before that no key is in force."""
        return bool(self._client_codes)

    @property
    def warehouse_numbers(self) -> Mapping[str, int]:
        """All known codes, for loops over many rows; only to be read."""
        return self._warehouse_numbers

    @property
    def channel_numbers(self) -> Mapping[str, int]:
        """All known codes, for loops over many rows; only to be read."""
        return self._channel_numbers

    # ---- asking the database ----

    async def resolve_missing(
        self,
        *,
        warehouses: Iterable[str] = (),
        channels: Iterable[str] = (),
        sku_keys: Iterable[int] = (),
        keys: Iterable[str] = (),
    ) -> None:
        """Find what is not known here; what is unknown afterwards was unknown when this was called.

        Raises DirectoryUnavailable when the database cannot be read.
        """
        wanted = [key for key in sku_keys if key not in self._skus]
        self._wanted.update(wanted)
        known = (
            all(code in self._warehouse_numbers for code in warehouses)
            and all(code in self._channel_numbers for code in channels)
            and all(self._verified(key) for key in keys)
        )
        if wanted or not known:
            await self.refresh()

    async def refresh(self) -> None:
        """Take in every change that was answered before this call; raises DirectoryUnavailable."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look_after(self._looking), name="documents-look")
            self._next_look.add_done_callback(_retrieved)
        # A look that is under way may have read before the change that the caller knows of: wait for the next.
        await asyncio.shield(self._next_look)

    async def document(self, kind: DocumentKind, code: str) -> Document | None:
        """The document in force with that code."""
        return await self._read(lambda connection: document(connection, kind, code))

    async def page(self, kind: DocumentKind, after: str, count_max: int) -> list[Document]:
        """The documents in force whose codes follow `after`."""
        return await self._read(lambda connection: page(connection, kind, after, count_max))

    async def closed_days(
        self,
        first: str,
        last: str,
        warehouses: Sequence[int] | None,
        channels: Sequence[int] | None,
        after: tuple[str, int, int] | None,
        count_max: int,
    ) -> list[Closed]:
        """The closed days from `first` to `last`, in order; those behind `after`."""
        return await self._read(
            lambda connection: closed_days(connection, first, last, warehouses, channels, after, count_max)
        )

    async def found_products(self, text: str, after: str, count_max: int) -> list[Document]:
        """The products in force that a text finds, which takes a look at every one: beside the other reads."""
        query = partial(found_products, text_=text, after=after, count_max=count_max)
        return await self._read(query, self._searcher)

    async def keys(self) -> list[StoredKey]:
        """All keys, oldest first."""
        return await self._read(stored_keys)

    # ---- life ----

    async def start(self) -> None:
        """Wait until the writer has made the tables, load what is small, and begin to poll."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + self._start_timeout_s
        while True:
            try:
                if await self._read(revision) == HEAD:
                    break
                reason = "its tables are not those of this program"
            except DirectoryUnavailable as error:
                reason = error.reason
            if loop.time() > give_up_s:
                raise DirectoryUnavailable(describe(self._settings), reason)
            await asyncio.sleep(_OPEN_RETRY_S)
        await self.refresh()
        self._poller = asyncio.create_task(self._poll(), name="documents-poll")

    async def stop(self) -> None:
        """End the polling and let go of the database."""
        for task in (self._poller, self._looking, self._next_look):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        for thread, engine in self._engines.items():
            await asyncio.get_running_loop().run_in_executor(thread, engine.dispose)
        for thread in (self._thread, self._searcher):
            thread.shutdown()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_period_s)
            try:
                await self.refresh()
            except DirectoryUnavailable as error:
                _log.warning("documents_unreadable", where=error.where, reason=error.reason)

    async def _look_after(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._looking, self._next_look = self._next_look, None
        self.looks += 1
        wanted = [key for key in self._wanted if key not in self._skus]
        self._wanted.clear()
        version = self._version
        news = await self._read(partial(_look, version=version, wanted=wanted, absent=self._absent))
        self._take_in(news, wanted)

    def _take_in(self, news: _News, wanted: Iterable[int]) -> None:
        for kind, pairs in news.numbers.items():
            self._numbers[kind].update(pairs)
            self._codes[kind].update((number, code) for code, number in pairs)
        if news.keys:
            self._keys.update((key.id, key) for key in news.keys)
            self._principals.clear()
        if news.version != self._version:
            self._absent.clear()
            if len(news.changed_products) >= CHANGED_PRODUCTS_MAX:
                self._skus.clear()
            for key, sku, decimals in news.changed_products:
                if key in self._skus:
                    self._skus[key] = (sku, decimals)
            self._version = news.version
        for key, sku, decimals in news.wanted_products:
            self._skus[key] = (sku, decimals)
        if len(self._absent) < ABSENT_MAX:
            self._absent.update(key for key in wanted if key not in self._skus)
        if len(self._skus) > self._skus_cached_max:
            for key in list(islice(self._skus, len(self._skus) - self._skus_cached_max * 7 // 8)):
                del self._skus[key]

    def _verified(self, key: str) -> Principal | None:
        parsed = parse_key(key)
        stored = self._keys.get(parsed[0]) if parsed is not None else None
        if parsed is None or stored is None or stored.revoked_at_ms is not None:
            return None
        name = self._client_codes.get(stored.client)
        if name is None or not is_secret(parsed[1], stored.secret_sha256):
            return None
        found = Principal(
            stored.id,
            name,
            stored.client,
            frozenset(stored.scopes),
            None if stored.channels is None else frozenset(stored.channels),
            None if stored.warehouses is None else frozenset(stored.warehouses),
            _NEVER_MS if stored.expires_at_ms is None else stored.expires_at_ms,
        )
        self._principals[key] = found
        return found

    async def _read(self, query: Callable[[Connection], _T], thread: ThreadPoolExecutor | None = None) -> _T:
        thread = thread or self._thread
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, self._read_now, query, thread)
        except SQLAlchemyError as error:
            raise DirectoryUnavailable(describe(self._settings), str(error).splitlines()[0]) from error

    def _read_now(self, query: Callable[[Connection], _T], thread: ThreadPoolExecutor) -> _T:
        # Each thread has a connection of its own: a search must not keep a name waiting that a sale needs.
        if thread not in self._engines:
            self._engines[thread] = reading_engine(self._settings)
        with self._engines[thread].connect() as connection:
            return query(connection)


_NUMBERED: Final = (DocumentKind.WAREHOUSE, DocumentKind.CHANNEL, DocumentKind.CLIENT, DocumentKind.DEVICE)


def _look(connection: Connection, *, version: int, wanted: list[int], absent: set[int]) -> _News:
    newest = last_change(connection)
    moved = newest != version
    return _News(
        newest,
        {kind: numbers_after(connection, kind, version) for kind in _NUMBERED} if moved else {},
        stored_keys(connection, version) if moved else [],
        products_after(connection, version, CHANGED_PRODUCTS_MAX) if moved and version >= 0 else [],
        products_by_key(connection, wanted if moved else [key for key in wanted if key not in absent]),
    )


def _retrieved(task: "asyncio.Task[None]") -> None:
    # Those who wait get the error themselves; nobody may be left waiting, for instance after a cancelled request.
    if not task.cancelled():
        task.exception()
