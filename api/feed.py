"""The feed: every movement of all shards, gap-free, resumable, in order per SKU.

A cursor holds, for each shard, the record and the movement to go on with. Records are read and decoded in a
thread, never beyond what is durable; events are written on the loop, a few at a time. Shards are merged by the
clocks in their records, which makes a readable order; a promise is only the order within a shard.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from actors.documents.directory import Directory
from actors.journal import JournalCorrupt, JournalError, JournalReader, RecentRecords
from api.arrow_events import event_table, has_decimals, joined, no_events
from api.events import Filters, Piece, events, prepared_seqs, wanted
from api.lookup import any_of
from api.names import know
from api.paging import decode_cursor, encode_cursor
from api.status import Problem, invalid
from engine.record import Record

MOVEMENT_BITS: Final = 24
MOVEMENT_MASK: Final = (1 << MOVEMENT_BITS) - 1
RECORDS_AHEAD: Final = 64
"""Records read at a time: at a low load a record holds a few rows."""
MOVEMENTS_AHEAD: Final = 4_096
SCAN_S: Final = 2.0
"""A filter that finds nothing for so long answers an empty page that has come further."""
EVENTS_AT_ONCE: Final = 50
"""Events written between two turns of the event loop: 0.3 ms."""
CACHE_BYTES: Final = 16 << 20
"""Recent records of one shard, for many live streams."""
HEARTBEAT_S: Final = 15.0
POLL_S: Final = 0.05
STREAM_PAGE: Final = 200
RETRY_AFTER_MS: Final = 5_000
"""After a journal that is damaged or cannot be reached: somebody has to do something about it."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Position:
    """How far a reader has come in one shard."""

    seq: int
    """the record to go on with"""
    movement: int = 0
    """the first movement of it that was not read"""


@dataclass(slots=True)
class Page:
    """Events, not yet written, and where the next page begins."""

    positions: list[Position]
    pieces: list[Piece] = field(default_factory=list)
    befores: list[list[Position]] = field(default_factory=list)
    """the positions before each piece"""
    count: int = 0
    at_end: bool = False
    """nothing more was durable"""


@dataclass(slots=True)
class _Reader:
    """One shard's part of one page."""

    shard: int
    position: Position
    records: list[Record] = field(default_factory=list)
    """read ahead, from position.seq on"""
    durable_seq: int = 0


class Feed:
    """One per process."""

    def __init__(self, journals: Sequence[JournalReader], era: int, directory: Directory) -> None:
        self._journals = journals
        self._era = era
        self._directory = directory
        self._recent = [RecentRecords(CACHE_BYTES) for _ in journals]
        self.streams = 0
        """live streams that are open"""

    def oldest(self) -> list[Position]:
        """Where everything begins."""
        return [Position(1) for _ in self._journals]

    def newest(self) -> list[Position]:
        """Behind what is durable now."""
        return [Position(journal.durable_seq + 1) for journal in self._journals]

    def cursor(self, positions: Sequence[Position]) -> str:
        """The positions as opaque text."""
        return encode_cursor([self._era, *(each.seq << MOVEMENT_BITS | each.movement for each in positions)])

    def positions(self, path: str, cursor: str) -> list[Position]:
        """The positions in a cursor; 422 for a text that was never one, 410 for one of a layout that is gone."""
        numbers = decode_cursor(path, cursor)
        if not numbers:
            raise invalid(path, "not a cursor of the feed")
        era, *places = numbers
        if era != self._era or len(places) != len(self._journals):
            raise Problem(410, "cursor_expired", "begin anew without a cursor")
        return [Position(max(1, place >> MOVEMENT_BITS), place & MOVEMENT_MASK) for place in places]

    async def page(self, start: Sequence[Position], filters: Filters, count_max: int) -> Page:
        """Up to `count_max` events from `start`."""
        page = Page(_copied(start))
        readers = [_Reader(shard, position) for shard, position in enumerate(page.positions)]
        for reader in readers:
            reader.durable_seq = self._journals[reader.shard].durable_seq
        give_up_s = time.monotonic() + SCAN_S
        while page.count < count_max:
            await self._read_ahead(readers)
            open_readers = [reader for reader in readers if reader.records]
            if not open_readers:
                page.at_end = True
                break
            reader = min(open_readers, key=lambda each: (each.records[0].now_ms, each.shard))
            await self._take(reader, page, filters, count_max)
            if not page.count and time.monotonic() > give_up_s:
                break
        return page

    async def _take(self, reader: _Reader, page: Page, filters: Filters, count_max: int) -> None:
        """Take the wanted events of one record, and move the position behind them."""
        record = reader.records[0]
        index = wanted(record, reader.position.movement, filters)
        fits = index[: count_max - page.count]
        if len(fits):
            movements = record.movements[fits]
            await know(
                self._directory,
                warehouses=any_of(movements["warehouse"]),
                channels=any_of(movements["channel"]),
                clients=any_of(movements["client"]),
                sku_keys=any_of(movements["sku_key"]),
            )
            prepared = await self._records(reader.shard, prepared_seqs(record, fits))
            page.befores.append(_copied(page.positions))
            page.pieces.append(Piece(record, fits, prepared))
            page.count += len(fits)
            _move(reader.position, record, int(fits[-1]))
        if len(fits) == len(index):
            _move(reader.position, record, len(record.movements) - 1)
            del reader.records[0]

    async def events(self, page: Page) -> list[dict[str, Any]]:
        """The page's events, each with the cursor behind it."""
        written: list[dict[str, Any]] = []
        for piece, before in zip(page.pieces, page.befores, strict=True):
            positions = _copied(before)
            for begin in range(0, len(piece.which), EVENTS_AT_ONCE):
                part = piece.which[begin : begin + EVENTS_AT_ONCE]
                of_part = events(piece.record, part, piece.prepared, self._directory)
                for at, event in zip(part.tolist(), of_part, strict=True):
                    _move(positions[piece.record.shard], piece.record, at)
                    event["cursor"] = self.cursor(positions)
                    written.append(event)
                await asyncio.sleep(0)
        return written

    async def table(self, page: Page) -> Any:
        """The page's events as a pyarrow table."""
        pieces = page.pieces or [no_events()]
        whole = not any(map(has_decimals, pieces))
        tables = []
        for piece in pieces:
            tables.append(event_table(piece, self._directory, whole))
            await asyncio.sleep(0)
        return joined(tables)

    async def _read_ahead(self, readers: Sequence[_Reader]) -> None:
        """Have at least one record at hand of every shard that has more."""
        for reader in readers:
            if reader.records or reader.position.seq > reader.durable_seq:
                continue
            known = self._recent[reader.shard].get(reader.position.seq)
            if known is not None:
                reader.records = [known]
                continue
            reader.records = await self._read(reader.shard, reader.position.seq, reader.durable_seq)

    async def _records(self, shard: int, seqs: Sequence[int]) -> dict[int, Record]:
        found = {}
        for seq in seqs:
            found[seq] = self._recent[shard].get(seq) or (await self._read(shard, seq, seq))[0]
        return found

    async def _read(self, shard: int, first_seq: int, last_seq: int) -> list[Record]:
        try:
            records = await asyncio.to_thread(_read, self._journals[shard], first_seq, last_seq)
        except LookupError:
            raise Problem(410, "cursor_expired", "begin anew without a cursor") from None
        except (JournalError, OSError) as error:
            _log.error("the feed cannot be read now: %s", error)
            # Which record it is may be told; paths and servers are nobody else's.
            detail = str(error) if isinstance(error, JournalCorrupt) else f"shard {shard}: its journal cannot be read"
            raise Problem(503, "unavailable", detail, {"retry_after_ms": RETRY_AFTER_MS}) from None
        for record in records:
            self._recent[shard].put(record)
        return records

    async def stream(self, start: Sequence[Position], filters: Filters, closing: asyncio.Event) -> AsyncIterator[bytes]:
        """Server-sent events from `start`, for ever: pages while there are any, heartbeats while there are none.

        The caller is sent a page and read from again when it has taken it, so nothing piles up here.
        """
        self.streams += 1
        try:
            yield b"retry: 1000\n\n"
            quiet_since_s = time.monotonic()
            while not closing.is_set():
                page = await self.page(start, filters, STREAM_PAGE)
                start = page.positions
                if page.count:
                    yield b"".join(map(_message, await self.events(page)))
                    quiet_since_s = time.monotonic()
                elif page.at_end:
                    if time.monotonic() - quiet_since_s > HEARTBEAT_S:
                        yield b": still here\n\n"
                        quiet_since_s = time.monotonic()
                    await self._more(page.positions, closing)
        finally:
            self.streams -= 1

    async def _more(self, positions: Sequence[Position], closing: asyncio.Event) -> None:
        """Wait until a shard has more than `positions`, or for a heartbeat's time."""
        patience_s = time.monotonic() + HEARTBEAT_S
        while not closing.is_set() and time.monotonic() < patience_s:
            if any(journal.durable_seq >= each.seq for journal, each in zip(self._journals, positions, strict=True)):
                return
            await asyncio.sleep(POLL_S)


def _copied(positions: Sequence[Position]) -> list[Position]:
    return [Position(each.seq, each.movement) for each in positions]


def _move(position: Position, record: Record, movement: int) -> None:
    """Set the position behind a movement of the record."""
    position.seq, position.movement = record.seq, movement + 1
    if position.movement >= len(record.movements):
        position.seq, position.movement = record.seq + 1, 0


def _read(journal: JournalReader, first_seq: int, last_seq: int) -> list[Record]:
    records: list[Record] = []
    movements = 0
    for seq in range(first_seq, min(last_seq, first_seq + RECORDS_AHEAD - 1) + 1):
        record = journal.read(seq)
        records.append(record)
        movements += len(record.movements)
        if movements >= MOVEMENTS_AHEAD:
            break
    return records


def _message(event: dict[str, Any]) -> bytes:
    cursor: str = event["cursor"]
    return b"".join((b"id: ", cursor.encode(), b"\ndata: ", orjson.dumps(event), b"\n\n"))
