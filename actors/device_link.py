"""The way from an API process to the devices; and, in local mode, where they run: as threads of this process."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from actors import device_messages as m
from actors.device_office import DeviceGone, DeviceOffice
from actors.documents.database import DocumentsSettings
from actors.documents.device_rows import DevicesReader
from devices.device_document import DeviceDocument

if TYPE_CHECKING:
    from actors.device_actor import DeviceActor

CALL_S: Final = 5.0
"""For a device that is just being started, or started again, to answer."""
FIND_EVERY_S: Final = 0.02
THREADS: Final = 8
"""Calls at a time; each is as long as one write to the disk, or the drawing of a receipt."""
SCALES: Final = 32
"""Weighings at a time: each waits for a weight to come to rest, and holds up no printer meanwhile."""


@asynccontextmanager
async def local_devices(folder: Path, documents: DocumentsSettings) -> AsyncIterator["LocalDevices"]:
    """Devices as threads of this process, as the documents say; `folder`: of their journals."""
    devices = LocalDevices(folder)
    reader = DevicesReader(documents)
    office = DeviceOffice(reader.changed, devices, folder)
    minding = asyncio.create_task(office.run(), name="devices")
    try:
        yield devices
    finally:
        minding.cancel()
        await asyncio.wait([minding])
        await office.close()
        reader.close()
        devices.close()


class DeviceAway(Exception):
    """The device did not answer in time; what was asked may have been done."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Devices(Protocol):
    """Carries questions to devices, wherever these run."""

    async def ask(self, code: str, asked: m.Asked, timeout_s: float = CALL_S) -> m.Told:
        """What the device says; raises DeviceAway."""


class NoDevices:
    """An engine without any."""

    async def ask(self, code: str, asked: m.Asked, timeout_s: float = CALL_S) -> m.Told:
        """Nobody is there."""
        raise DeviceAway(code, "no devices run here")


class LocalDevices:
    """Devices in this process: a DeviceHost, and the way to them."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of all devices' journals."""
        self._folder = folder
        self._actors: dict[str, DeviceActor] = {}
        self._pool = ThreadPoolExecutor(THREADS, "devices")
        self._scales = ThreadPoolExecutor(SCALES, "scales")

    async def ask(self, code: str, asked: m.Asked, timeout_s: float = CALL_S) -> m.Told:
        """What the device says; raises DeviceAway."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + timeout_s
        while (actor := self._actors.get(code)) is None:
            if loop.time() >= give_up_at:
                raise DeviceAway(code, "it does not run")
            await asyncio.sleep(FIND_EVERY_S)
        try:
            async with asyncio.timeout_at(give_up_at):
                pool = self._scales if isinstance(asked, m.Weigh) else self._pool
                answer = await loop.run_in_executor(pool, actor.call, m.encode(asked))
        except TimeoutError:
            raise DeviceAway(code, f"no answer within {timeout_s:g} s") from None
        return m.decode_told(answer)

    async def start(self, code: str, document: DeviceDocument) -> None:
        """Have it run."""
        # Drivers, fonts and code pages are loaded with the first device: 0.4 s that no engine without devices spends.
        self._actors[code] = await asyncio.get_running_loop().run_in_executor(self._pool, self._made, code, document)

    async def stop(self, code: str) -> None:
        """Have it run no more."""
        actor = self._actors.pop(code, None)
        if actor is not None:
            # Not in the pool: many that end at once must not wait for each other.
            await asyncio.to_thread(actor.stop)

    async def watch(self, code: str) -> None:
        """Threads of one process live and die together, as a rule."""
        if not self._actors[code].works:
            await self.stop(code)
            raise DeviceGone

    def close(self) -> None:
        """When all have stopped."""
        self._pool.shutdown(wait=False)
        self._scales.shutdown(wait=False)

    def _made(self, code: str, document: DeviceDocument) -> "DeviceActor":
        from actors.device_actor import DeviceActor

        return DeviceActor(code, document, str(self._folder))
