"""Devices as Ray actors: how the keeper has them run, and how everybody else finds them.

An actor is named after its device and lives on the machine with the cables. When its document changes it is ended and
made anew, because an actor that dies is made again with what it was made with the first time. Nothing is retried by
Ray; calls carry ids, so the link may ask again.
"""

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError

from actors import cluster
from actors import device_messages as m
from actors.device_link import CALL_S, DeviceAway
from actors.device_office import DeviceGone
from actors.process_group import Process, locker_of
from devices.device_document import DeviceDocument, folder_of
from devices.job_lines import LOCK

PROBE_S: Final = 3.0
SILENCE_S: Final = 10.0
"""A device's process that said nothing for so long is killed, and Ray makes it anew."""
START_S: Final = 60.0
"""For a process to start and to take its journal, on a machine that has much to do."""
STOP_S: Final = 8.0
AGAIN_S: Final = 0.05

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Run:
    handle: Any
    """Ray gives its handles no type"""
    process: Process | None = None
    heard_at: float = field(default_factory=time.monotonic)
    asked: "asyncio.Task[bytes] | None" = None
    """One question at a time; the first is answered as soon as the process has started."""


class RayDeviceHost:
    """In the keeper."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of all devices' journals."""
        self._folder = folder
        self._runs: dict[str, _Run] = {}

    async def start(self, code: str, document: DeviceDocument) -> None:
        """Make its actor; raises ValueError while a predecessor's name is not free."""
        self._runs[code] = _Run(await asyncio.to_thread(self._made, code, document))

    def _made(self, code: str, document: DeviceDocument) -> Any:
        from actors.device_actor import DeviceActor  # with drivers and fonts: 0.4 s, for who has devices

        return cluster.create_device(name_of(code), DeviceActor, code, document, str(self._folder))

    async def stop(self, code: str) -> None:
        """End it in order if it can, and for good."""
        run = self._runs.pop(code, None)
        if run is None:
            return
        if run.asked is not None:
            run.asked.cancel()
        with contextlib.suppress(RayError, TimeoutError):
            async with asyncio.timeout(STOP_S):
                await run.handle.stop.remote()
        await asyncio.to_thread(cluster.end, run.handle)
        if run.process is not None:
            run.process.send(signal.SIGKILL)  # one that is stopped or stuck does not hear Ray

    async def watch(self, code: str) -> None:
        """Ask whether it is there; kill what is silent."""
        run = self._runs[code]
        if run.asked is None:
            run.asked = asyncio.create_task(cluster.probe(run.handle))
        answered, _ = await asyncio.wait([run.asked], timeout=PROBE_S)
        try:
            if not answered:
                raise TimeoutError
            asked, run.asked = run.asked, None
            probe = m.decode_probe(asked.result())
        except ActorDiedError:
            del self._runs[code]
            raise DeviceGone from None
        except (RayError, TimeoutError):
            if run.process is None or not run.process.alive():
                await asyncio.to_thread(self._see_process, code, run)
            silent_s = time.monotonic() - run.heard_at
            if silent_s > (START_S if run.process is None else SILENCE_S):
                _log.warning("device_silent", device=code, seconds=round(silent_s))
                if run.process is None or not run.process.send(signal.SIGKILL):
                    await asyncio.to_thread(cluster.end, run.handle, restart=True)
                run.process, run.heard_at = None, time.monotonic()
        else:
            run.process, run.heard_at = Process(probe.pid, probe.started), time.monotonic()
            if not probe.works:
                await self.stop(code)
                raise DeviceGone

    def _see_process(self, code: str, run: _Run) -> None:
        """One that has its journal has started, although it has not said anything to this host yet.

        It may be a predecessor that is about to end: when that is gone, the next one has its time to start.
        """
        run.process = locker_of(folder_of(self._folder, code) / LOCK)
        if run.process is not None:
            run.heard_at = time.monotonic()


class RayDevices:
    """In a process that has joined the cluster: the way to its devices."""

    def __init__(self) -> None:
        self._handles: dict[str, Any] = {}

    async def ask(self, code: str, asked: m.Asked, timeout_s: float = CALL_S) -> m.Told:
        """What the device says; asks again while its process is being made; raises DeviceAway."""
        give_up_at = asyncio.get_running_loop().time() + timeout_s
        message = m.encode(asked)
        reason = "it does not run"
        while True:
            try:
                async with asyncio.timeout_at(give_up_at):
                    handle = self._handles.get(code) or await asyncio.to_thread(cluster.named, name_of(code))
                    if handle is not None:
                        self._handles[code] = handle
                        return m.decode_told(await handle.call.remote(message))
                    await asyncio.sleep(AGAIN_S)
            except TimeoutError:
                self._handles.pop(code, None)
                raise DeviceAway(code, reason) from None
            except (ActorDiedError, ActorUnavailableError) as error:
                self._handles.pop(code, None)
                reason = "its process ended or is being started"
                if asyncio.get_running_loop().time() >= give_up_at:
                    raise DeviceAway(code, reason) from error
                await asyncio.sleep(AGAIN_S)
            except RayError as error:
                raise DeviceAway(code, f"{type(error).__name__}: {error}") from error


def name_of(code: str) -> str:
    """Of a device's actor."""
    return f"device-{code}"
