"""Sees to it that every device whose document is in force runs, as its document says, and no other.

One per engine: in the keeper with Ray, in the one API process without. It reads the documents as everybody does, a
fraction of a second behind; each device has a task of its own, so that one that does not stop holds up no other. How a
device is started, stopped and looked after is the host's (`actors/device_link.py`, `actors/ray_devices.py`).
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from actors.documents.device_rows import StoredDevice
from devices.clock import SystemClock
from devices.device_document import DeviceDocument, folder_of
from devices.retire import retire

POLL_S: Final = 0.25
"""How long a changed document takes to be seen."""
WATCH_S: Final = 2.0
"""From one look after a device to the next."""
RETRY_S_MIN: Final = 0.1
RETRY_S_MAX: Final = 5.0

_log = structlog.get_logger(__name__)

document_of: Final = msgspec.json.Decoder(DeviceDocument).decode
"""What the documents keep, as a driver takes it."""


class DeviceGone(Exception):
    """It runs no more, and nobody will start it again but the office."""


class DeviceHost(Protocol):
    """Where devices run."""

    async def start(self, code: str, document: DeviceDocument) -> None:
        """Have it run."""

    async def stop(self, code: str) -> None:
        """Have it run no more; takes a bounded time."""

    async def watch(self, code: str) -> None:
        """Look after one that runs; raises DeviceGone."""


class DeviceOffice:
    """`run` it in a task; `close` it when that is over."""

    def __init__(self, changed: Callable[[], list[StoredDevice] | None], host: DeviceHost, folder: Path) -> None:
        """`changed` may take its time: it is called in a thread. `folder`: of all devices' journals."""
        self._changed = changed
        self._host = host
        self._folder = folder
        self._minders: dict[str, _Minder] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for device in await asyncio.to_thread(self._changed) or ():
                minder = self._minders.get(device.code)
                if minder is None:
                    self._minders[device.code] = _Minder(device, self._host, self._folder)
                else:
                    minder.want(device)
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """Stop every device, side by side."""
        await asyncio.gather(*(minder.close() for minder in self._minders.values()))


class _Minder:
    """Brings one device to what its document says, again and again."""

    def __init__(self, device: StoredDevice, host: DeviceHost, folder: Path) -> None:
        self._wanted = device
        self._host = host
        self._folder = folder
        self._news = asyncio.Event()
        self._runs: StoredDevice | None = None
        self._was: StoredDevice | None = None
        """ran before"""
        self._task = asyncio.create_task(self._mind(), name=f"device-{device.code}")

    def want(self, device: StoredDevice) -> None:
        """The document is another one now."""
        self._wanted = device
        self._news.set()

    async def close(self) -> None:
        """Stop the device."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._runs is not None:
            await self._host.stop(self._wanted.code)

    async def _mind(self) -> None:
        pause_s = RETRY_S_MIN
        while True:
            self._news.clear()
            try:
                await self._turn()
            except DeviceGone:
                self._runs = None
                _log.warning("device_gone", device=self._wanted.code)
            except Exception as error:  # a name that is not free yet, a journal that is still held, Ray on its way out
                _log.info("device_not_as_wanted_yet", device=self._wanted.code, error=repr(error))
            else:
                pause_s = RETRY_S_MIN
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), WATCH_S if self._runs is not None else None)
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(RETRY_S_MAX, 2 * pause_s)

    async def _turn(self) -> None:
        wanted = self._wanted
        if self._runs is wanted:
            await self._host.watch(wanted.code)
            return
        was = self._was if self._runs is None else self._runs
        if self._runs is not None:
            await self._host.stop(wanted.code)
            self._was, self._runs = self._runs, None
        if wanted.archived or (was is not None and was.made != wanted.made):
            # What waited for it when it was removed is not printed when it comes back.
            await asyncio.to_thread(retire, folder_of(self._folder, wanted.code), SystemClock())
        if not wanted.archived:
            await self._host.start(wanted.code, document_of(wanted.document))
            self._runs = wanted
            _log.info("device_started", device=wanted.code)
            # At once: only a process that is known can be killed when it stops.
            await self._host.watch(wanted.code)
