"""The feed of devices and jobs: every event of every device, gap-free and in order per device, resumable.

Its own feed, beside that of the stock: a movement is one of a fixed number of shards, a device comes and goes, and a
cursor of the stock's feed must not grow with every printer. The form is the same. An event is a line of its device's
journal; a cursor holds, for each device, the number of the last event that was read, so one that is slow, or not there,
makes nobody lose anything. Devices are merged by the clocks in their events.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from api.numbers import time_json
from api.paging import decode_cursor, encode_cursor
from api.status import Problem, invalid
from devices.device_document import folder_of
from devices.job_events import DeviceEvent, EventsGone, HealthEvent, JobEvent, JobEvents, ScanEvent, StartEvent

KINDS: Final = {"job": JobEvent, "health": HealthEvent, "start": StartEvent, "scan": ScanEvent}
SCAN_S: Final = 2.0
"""A filter that finds nothing for so long answers an empty page that has come further."""
HEARTBEAT_S: Final = 15.0
POLL_S: Final = 0.1
STREAM_PAGE: Final = 200
_FORM: Final = 1
"""the first number of a cursor"""
_SEQ_BITS: Final = 44

T = TypeVar("T")
Positions = dict[int, int]
"""A device's number -> the last event of it that was read."""


@dataclass(frozen=True, slots=True)
class DeviceFilters:
    """What a reader wants; None = all."""

    device: str | None = None
    kind: type | None = None


@dataclass(slots=True)
class DevicePage:
    """Events, as they are told, and where the next page begins."""

    positions: Positions
    events: list[dict[str, Any]] = field(default_factory=list)
    at_end: bool = False


class DeviceFeed:
    """One per process."""

    def __init__(self, folder: Path, numbers: Callable[[], Mapping[str, int]]) -> None:
        """`folder`: of all devices' journals; `numbers`: of all devices by code, removed ones too."""
        self.folder = folder
        self._numbers = numbers
        self._journals: dict[str, JobEvents] = {}
        self._lock = threading.Lock()
        self.streams = 0
        """live streams that are open"""

    async def oldest(self) -> Positions:
        """Where everything that is kept begins."""
        return await self._in_thread(lambda: self._all(JobEvents.oldest))

    async def newest(self) -> Positions:
        """Behind what is durable now."""
        return await self._in_thread(lambda: self._all(JobEvents.newest))

    def cursor(self, positions: Mapping[int, int]) -> str:
        """The positions as opaque text."""
        return encode_cursor([_FORM, *(number << _SEQ_BITS | seq for number, seq in sorted(positions.items()) if seq)])

    def positions(self, path: str, cursor: str) -> Positions:
        """The positions in a cursor; 422 for a text that was never one."""
        form, *words = decode_cursor(path, cursor) or (0,)
        if form != _FORM:
            raise invalid(path, "not a cursor of this feed")
        return {word >> _SEQ_BITS: word & ((1 << _SEQ_BITS) - 1) for word in words}

    async def page(self, start: Mapping[int, int], filters: DeviceFilters, count_max: int) -> DevicePage:
        """Up to `count_max` events from `start`; 410 when some of them are kept no more."""
        page = DevicePage(dict(start))
        give_up_s = time.monotonic() + SCAN_S
        try:
            while not page.events and not page.at_end and time.monotonic() < give_up_s:
                await self._in_thread(lambda: self._read(page, filters, count_max))
        except EventsGone:
            raise Problem(410, "cursor_expired", "begin anew without a cursor") from None
        return page

    async def stream(
        self, start: Mapping[int, int], filters: DeviceFilters, closing: asyncio.Event
    ) -> AsyncIterator[bytes]:
        """Server-sent events from `start`, until the caller leaves; heartbeats while there are none."""
        self.streams += 1
        try:
            yield b"retry: 1000\n\n"
            positions, quiet_since_s = dict(start), time.monotonic()
            while not closing.is_set():
                seen = await self._in_thread(self._signs)
                page = await self.page(positions, filters, STREAM_PAGE)
                positions = page.positions
                if page.events:
                    yield b"".join(map(_message, page.events))
                    quiet_since_s = time.monotonic()
                while page.at_end and not closing.is_set() and await self._in_thread(self._signs) == seen:
                    if time.monotonic() - quiet_since_s > HEARTBEAT_S:
                        yield b": still here\n\n"
                        quiet_since_s = time.monotonic()
                    await asyncio.sleep(POLL_S)
        finally:
            self.streams -= 1

    def _read(self, page: DevicePage, filters: DeviceFilters, count_max: int) -> None:
        """The next events of all devices, the oldest first; moves the page's positions."""
        numbers = self._numbers()
        codes = [code for code in numbers if filters.device in (None, code)]
        waiting = {
            code: found
            for code in codes
            if (found := self._journal(code).after(page.positions.get(numbers[code], 0), count_max)[::-1])
        }
        page.at_end = not waiting
        full = {code for code, found in waiting.items() if len(found) == count_max}
        while waiting and len(page.events) < count_max:
            code = min(waiting, key=lambda each: (waiting[each][-1].at_ms, each))
            event = waiting[code].pop()
            page.positions[numbers[code]] = event.seq
            if filters.kind is None or isinstance(event, filters.kind):
                page.events.append({"cursor": self.cursor(page.positions), **_told(code, event)})
            if not waiting[code]:
                if code in full:
                    return  # it may have more that is older than what the others have
                del waiting[code]

    def _journal(self, code: str) -> JobEvents:
        if code not in self._journals:
            self._journals[code] = JobEvents(folder_of(self.folder, code))
        return self._journals[code]

    def _all(self, ask: Callable[[JobEvents], int]) -> Positions:
        return {number: ask(self._journal(code)) for code, number in self._numbers().items()}

    def _signs(self) -> list[tuple[int, int]]:
        """Changes when any device has something new."""
        return [self._journal(code).durable() for code in self._numbers()]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._locked, work)

    def _locked(self, work: Callable[[], T]) -> T:
        with self._lock:
            return work()


def _told(code: str, event: DeviceEvent) -> dict[str, Any]:
    told: dict[str, Any] = {"device": code, "seq": event.seq, "at": time_json(event.at_ms)}
    match event:
        case JobEvent():
            told |= {"kind": "job", "job": event.job, "state": event.state}
            told |= {name: value for name in ("reason", "by") if (value := getattr(event, name))}
        case HealthEvent():
            told |= {"kind": "health", "state": event.state, "reasons": event.reasons}
        case StartEvent():
            told |= {"kind": "start", "epoch": event.epoch}
        case ScanEvent(scan=scan):
            told |= {"kind": "scan", "raw": scan.raw}
            told |= {name: value for name in ("aim", "refused", "again") if (value := getattr(scan, name))}
            if scan.means:
                told["code"] = scan.means
    return told


def _message(event: dict[str, Any]) -> bytes:
    return b"".join((b"id: ", event["cursor"].encode(), b"\ndata: ", orjson.dumps(event), b"\n\n"))
