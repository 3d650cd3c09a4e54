"""Every device whose document is in force runs as its document says; one that makes trouble holds up no other."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors import cluster, device_office, ray_devices
from actors import device_messages as m
from actors.device_link import LocalDevices
from actors.device_office import DeviceGone, DeviceOffice
from actors.documents.device_rows import StoredDevice
from actors.process_group import locker_of
from actors.ray_devices import RayDeviceHost
from devices.clock import ManualClock
from devices.device_document import DeviceDocument
from devices.job_desk import JobDesk
from devices.job_events import JobEvent, JobEvents, StartEvent
from devices.job_journal import JobJournal
from devices.job_lines import LOCK
from devices.printer_worker import PrinterWorker
from tests.devices.counter import QuickDisk, print_job
from tests.e2e.served import wait_until

BOUND_S = 20.0


class Hands:
    """A host that writes down what it is told, and does what a test tells it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.news = asyncio.Condition()
        self.fails: dict[str, list[Exception]] = {}
        self.stuck: set[str] = set()
        self.gone: set[str] = set()
        self.watched = asyncio.Event()

    async def start(self, code: str, document: DeviceDocument) -> None:
        if self.fails.get(code):
            raise self.fails[code].pop()
        await self._note(f"start {code} at {document.transport}")

    async def stop(self, code: str) -> None:
        await self._note(f"stop {code}")
        if code in self.stuck:
            await asyncio.Event().wait()

    async def watch(self, code: str) -> None:
        self.watched.set()
        if code in self.gone:
            self.gone.discard(code)
            raise DeviceGone

    async def _note(self, what: str) -> None:
        async with self.news:
            self.done.append(what)
            self.news.notify_all()

    async def until(self, *wanted: str) -> None:
        async with asyncio.timeout(BOUND_S), self.news:
            await self.news.wait_for(lambda: all(what in self.done for what in wanted))


class Documents:
    """What the office reads."""

    def __init__(self) -> None:
        self._news: list[StoredDevice] = []
        self._version = 0
        self._made: dict[str, int] = {}
        self.readable = True

    def put(self, code: str, transport: str = "memory:", *, archived: bool = False) -> None:
        self._version += 1
        document = f'{{"kind":"receipt_printer","driver":"escpos","transport":"{transport}"}}'
        if archived or code not in self._made:
            self._made[code] = self._version
        self._news.append(StoredDevice(code, self._version, self._made[code], document, archived))

    def changed(self) -> list[StoredDevice] | None:
        if not self.readable:
            self.readable = True
            return None
        news, self._news = self._news, []
        return news


Scene = Callable[[Hands, Documents], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_office, "POLL_S", 0.001)
    monkeypatch.setattr(device_office, "WATCH_S", 0.001)
    monkeypatch.setattr(device_office, "RETRY_S_MIN", 0.001)


def play(folder: Path, scene: Scene) -> list[str]:
    async def run() -> list[str]:
        hands, documents = Hands(), Documents()
        office = DeviceOffice(documents.changed, hands, folder)
        running = asyncio.create_task(office.run())
        await scene(hands, documents)
        running.cancel()
        await asyncio.wait([running])
        hands.stuck.clear()
        await office.close()
        return hands.done

    return asyncio.run(run())


def test_devices_are_started_changed_and_stopped_as_the_documents_say(tmp_path: Path) -> None:
    async def scene(hands: Hands, documents: Documents) -> None:
        documents.readable = False  # the writer has not made the tables yet
        documents.put("a")
        documents.put("b")
        await hands.until("start a at memory:", "start b at memory:")
        documents.put("a", "memory:other")
        await hands.until("start a at memory:other")
        documents.put("b", archived=True)
        await hands.until("stop b")

    done = play(tmp_path, scene)
    assert [what for what in done if what.split()[1] == "a"] == [
        "start a at memory:", "stop a", "start a at memory:other", "stop a",
    ]  # fmt: skip
    assert [what for what in done if what.split()[1] == "b"] == ["start b at memory:", "stop b"]


def test_a_device_is_looked_after_from_its_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that nobody has asked who it is cannot be killed when it stops."""
    monkeypatch.setattr(device_office, "WATCH_S", 1e6)

    async def scene(hands: Hands, documents: Documents) -> None:
        documents.put("a")
        async with asyncio.timeout(BOUND_S):
            await hands.watched.wait()

    play(tmp_path, scene)


def test_one_that_cannot_be_stopped_or_started_holds_up_no_other(tmp_path: Path) -> None:
    async def scene(hands: Hands, documents: Documents) -> None:
        hands.stuck.add("a")
        hands.fails["b"] = [ValueError("its name is taken"), OSError("no room")]
        documents.put("a")
        await hands.until("start a at memory:")
        documents.put("a", "memory:other")
        documents.put("b")
        documents.put("c")
        await hands.until("stop a", "start b at memory:", "start c at memory:")
        assert "start a at memory:other" not in hands.done

    play(tmp_path, scene)


def test_one_that_is_gone_for_good_is_started_again(tmp_path: Path) -> None:
    async def scene(hands: Hands, documents: Documents) -> None:
        documents.put("a")
        await hands.until("start a at memory:")
        hands.done.clear()
        hands.gone.add("a")
        await hands.until("start a at memory:")

    assert play(tmp_path, scene) == ["start a at memory:", "stop a"]


def test_a_change_that_comes_while_another_is_carried_out_is_not_lost(tmp_path: Path) -> None:
    async def scene(hands: Hands, documents: Documents) -> None:
        for number in range(20):
            documents.put("a", f"memory:{number}")
            await asyncio.sleep(0.0005 * number)
        await hands.until("start a at memory:19")

    assert play(tmp_path, scene)[-2:] == ["start a at memory:19", "stop a"]


def test_what_waits_for_a_removed_device_is_given_up_also_after_a_crash(tmp_path: Path) -> None:
    desk = JobDesk(JobJournal(tmp_path / "a", QuickDisk()), ManualClock())
    desk.open()
    desk.submit(print_job("A"))
    desk.close()

    async def scene(hands: Hands, documents: Documents) -> None:
        documents.put("a", archived=True)
        documents.put("b", archived=True)
        async with asyncio.timeout(BOUND_S):
            while events.newest() < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    events = JobEvents(tmp_path / "a")
    assert play(tmp_path, scene) == []
    last = events.after(3, 10)[0]
    assert isinstance(last, JobEvent)
    assert (last.job, last.state) == ("A", "abandoned")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_device_of_this_process_whose_thread_is_gone_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, left = PrinterWorker.step, [1]

    def gone_once(worker: PrinterWorker) -> float | None:
        if left and left.pop():
            raise SystemExit
        return step(worker)

    async def run() -> None:
        devices, documents = LocalDevices(tmp_path), Documents()
        office = DeviceOffice(documents.changed, devices, tmp_path)
        running = asyncio.create_task(office.run())
        documents.put("a")
        async with asyncio.timeout(BOUND_S):
            while events.newest() < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        told = await devices.ask("a", m.AskHealth())
        running.cancel()
        await asyncio.wait([running])
        await office.close()
        devices.close()
        assert isinstance(told, m.HealthTold)
        assert told.health.state != "error"

    monkeypatch.setattr(PrinterWorker, "step", gone_once)
    events = JobEvents(tmp_path / "a")
    asyncio.run(run())
    assert [event.epoch for event in events.after(0, 9) if isinstance(event, StartEvent)] == [1, 2]


def test_a_device_whose_process_answers_and_works_no_more_is_ended_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Handle:
        """What the host calls of Ray's."""

        @property
        def stop(self) -> "Handle":
            return self

        async def remote(self) -> None:
            asked.append("stop")

    async def probe(handle: Any) -> bytes:
        return m.encode(m.DeviceProbe(1 << 30, 1, works=False))  # no process has this number

    monkeypatch.setattr(cluster, "probe", probe)
    monkeypatch.setattr(cluster, "end", lambda handle, restart=False: asked.append("end"))
    monkeypatch.setattr(RayDeviceHost, "_made", lambda host, code, document: Handle())

    async def run() -> None:
        host = RayDeviceHost(tmp_path)
        await host.start("a", DeviceDocument("receipt_printer", "escpos", "memory:"))
        with pytest.raises(DeviceGone):
            await host.watch("a")

    asyncio.run(run())
    assert asked == ["stop", "end"]


@contextmanager
def silent_device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has its journal and says nothing; a host is soon out of patience with one that has started."""
    lock = folder / "a" / LOCK
    lock.parent.mkdir()
    program = "import fcntl; fcntl.flock(1, fcntl.LOCK_EX); input()"

    async def probe(handle: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(cluster, "probe", probe)
    monkeypatch.setattr(RayDeviceHost, "_made", lambda host, code, document: None)
    monkeypatch.setattr(ray_devices, "PROBE_S", 0.01)
    monkeypatch.setattr(ray_devices, "SILENCE_S", 0.1)
    with lock.open("w") as file:
        device = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=file)
    try:
        wait_until(lambda: locker_of(lock) is not None, "the process to have its journal")
        yield device
    finally:
        device.kill()
        device.communicate()


def test_a_process_that_has_its_journal_and_never_answered_is_killed_as_soon_as_one_that_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be stopped between its first answer to somebody else and the one to its host."""

    async def run(device: "subprocess.Popen[bytes]") -> None:
        host = RayDeviceHost(tmp_path)
        await host.start("a", DeviceDocument("receipt_printer", "escpos", "memory:"))
        async with asyncio.timeout(BOUND_S):
            while device.poll() is None:
                await host.watch("a")

    with silent_device(tmp_path, monkeypatch) as device:
        asyncio.run(run(device))
        assert device.returncode == -signal.SIGKILL


def test_when_a_predecessor_that_had_the_journal_has_ended_the_next_one_has_its_time_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[object] = []
    monkeypatch.setattr(cluster, "end", lambda handle, restart=False: ended.append(handle))

    async def run(device: "subprocess.Popen[bytes]") -> None:
        host = RayDeviceHost(tmp_path)
        await host.start("a", DeviceDocument("receipt_printer", "escpos", "memory:"))
        async with asyncio.timeout(BOUND_S):
            await host.watch("a")
            device.kill()
            device.wait()
            until = time.monotonic() + 2 * ray_devices.SILENCE_S
            while time.monotonic() < until:
                await host.watch("a")

    with silent_device(tmp_path, monkeypatch) as device:
        monkeypatch.setattr(ray_devices, "SILENCE_S", 0.5)
        asyncio.run(run(device))
    assert not ended
