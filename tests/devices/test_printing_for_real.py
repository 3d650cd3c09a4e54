"""The same over real sockets and pseudo-terminals, with threads: what the clock of a test cannot show."""

import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.clock import SystemClock, Waker
from devices.drivers.receipt_printer import ReceiptPrinter
from devices.health import Health
from devices.job_desk import JobDesk
from devices.job_journal import JobJournal
from devices.jobs import FINAL, Job, JobState, JobView
from devices.printer_settings import PrinterSettings
from devices.printer_worker import PrinterWorker
from devices.simulators.endpoints import PtyDevice, TcpDevice
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from devices.transports.line import Line
from devices.transports.serial_port import SerialLine, SerialSettings
from devices.transports.tcp import TcpLine
from tests.devices.counter import RESET, Counter, QuickDisk, print_job, receipt

BOUND_S = 30.0


class Shop:
    """Workers in threads, and whoever waits for their news."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._news = threading.Condition()
        self._states: dict[str, JobState] = {}
        self._healths: dict[str, Health] = {}
        self._workers: list[PrinterWorker] = []
        self._wakers: list[Waker] = []
        self.clock = SystemClock()

    def printer(self, name: str, settings: PrinterSettings | None = None) -> tuple[Waker, "Start"]:
        waker = Waker()
        self._wakers.append(waker)
        return waker, Start(self, name, waker, settings or PrinterSettings())

    def job_told(self, view: JobView) -> None:
        with self._news:
            self._states[view.job.id] = view.state
            self._news.notify_all()

    def health_told(self, name: str, health: Health) -> None:
        with self._news:
            self._healths[name] = health
            self._news.notify_all()

    def wait_for(self, job_id: str, *states: JobState) -> JobState:
        with self._news:
            assert self._news.wait_for(lambda: self._states.get(job_id) in (states or FINAL), BOUND_S), self._states
            return self._states[job_id]

    def wait_for_reason(self, name: str, reason: str) -> None:
        with self._news:
            assert self._news.wait_for(
                lambda: name in self._healths and reason in self._healths[name].reasons, BOUND_S
            ), self._healths

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()
        for waker in self._wakers:
            waker.close()


class Start:
    """A worker that begins when it has its line."""

    def __init__(self, shop: Shop, name: str, waker: Waker, settings: PrinterSettings) -> None:
        self._shop, self._name, self._waker, self._settings = shop, name, waker, settings

    def on(self, line: Line) -> PrinterWorker:
        shop = self._shop
        desk = JobDesk(JobJournal(shop._folder / self._name, QuickDisk()), shop.clock, shop.job_told)
        worker = PrinterWorker(
            desk,
            ReceiptPrinter(line, self._settings, shop.clock),
            shop.clock,
            self._waker,
            random.Random(1),
            lambda health: shop.health_told(self._name, health),
        )
        worker.step()
        worker.start()
        shop._workers.append(worker)
        return worker


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def submit(worker: PrinterWorker, job: Job) -> None:
    worker.desk.submit(job)
    worker.wake()


def whole(simulator: PrinterSimulator, name: str, lines: int = 3) -> int:
    return simulator.printed.count(receipt(name, lines).removeprefix(RESET))


def test_a_receipt_over_tcp_is_proved(shop: Shop) -> None:
    simulator = PrinterSimulator(bytes_per_s=1e6)
    device = TcpDevice(simulator)
    device.start()
    waker, start = shop.printer("till")
    worker = start.on(TcpLine("127.0.0.1", device.port, shop.clock, waker))
    submit(worker, print_job("A", 200))
    assert shop.wait_for("A") is JobState.CONFIRMED
    assert whole(simulator, "A", 200) == 1
    device.stop()


def test_a_receipt_over_a_serial_line_is_proved_and_a_pulled_cable_is_unknown(shop: Shop, tmp_path: Path) -> None:
    simulator = PrinterSimulator(bytes_per_s=1e6, faults=(Fault(FaultKind.CABLE, 2000, lasts_s=0.05),))
    device = PtyDevice(simulator)
    device.start()
    folder = tmp_path / "serial"
    (folder / "by-id").mkdir(parents=True)
    link = folder / "by-id" / "printer"
    link.symlink_to(device.path)
    waker, start = shop.printer("till", PrinterSettings(proof="gs_h"))
    worker = start.on(SerialLine("by-id/printer", SerialSettings(), shop.clock, waker, folder))
    submit(worker, print_job("A"))
    assert shop.wait_for("A") is JobState.CONFIRMED
    submit(worker, print_job("B", 200))
    assert shop.wait_for("B", JobState.UNKNOWN) is JobState.UNKNOWN
    assert whole(simulator, "B", 200) == 0
    before = device.path
    link.unlink()
    shop.wait_for_reason("till", "not plugged in")
    while not os.path.exists(device.path):
        os.sched_yield()  # the cable goes back in the device's own thread
    link.symlink_to(device.path)  # with whatever number it has now
    submit(worker, print_job("C"))
    assert shop.wait_for("C") is JobState.CONFIRMED, before
    device.stop()


def test_a_printer_that_hangs_holds_up_nobody_else(shop: Shop) -> None:
    """Row 5: it takes the connection and never reads."""
    simulator = PrinterSimulator(bytes_per_s=1e6)
    device = TcpDevice(simulator)
    device.start()
    with socket.create_server(("127.0.0.1", 0)) as dead:
        waker, start = shop.printer("dead")
        stuck = start.on(TcpLine("127.0.0.1", dead.getsockname()[1], shop.clock, waker))
        waker, start = shop.printer("alive")
        alive = start.on(TcpLine("127.0.0.1", device.port, shop.clock, waker))
        submit(stuck, print_job("X"))
        submit(alive, print_job("A"))
        assert shop.wait_for("A") is JobState.CONFIRMED
        shop.wait_for_reason("dead", "silent")
        view = stuck.desk.find("X")
        assert view is not None
        assert view.state is JobState.QUEUED
        assert stuck.health().state == "unknown"
    device.stop()


def test_a_second_client_waits_for_its_turn_and_nothing_is_lost(shop: Shop) -> None:
    """Row 8: a network printer serves one connection; ours waits behind another till's and prints when that is gone."""
    simulator = PrinterSimulator(bytes_per_s=1e6)
    device = TcpDevice(simulator)
    device.start()
    with socket.create_connection(("127.0.0.1", device.port)):
        waker, start = shop.printer("till", PrinterSettings(answer_s=0.1))
        worker = start.on(TcpLine("127.0.0.1", device.port, shop.clock, waker))
        submit(worker, print_job("A"))
        shop.wait_for_reason("till", "silent")
        assert whole(simulator, "A") == 0
    assert shop.wait_for("A") is JobState.CONFIRMED
    assert whole(simulator, "A") == 1
    device.stop()


def test_two_tills_and_a_thousand_jobs_on_one_kitchen_printer(tmp_path: Path) -> None:
    """Row 10: each whole, once, in each till's own order."""
    counter = Counter(tmp_path, PrinterSimulator(bytes_per_s=1e6))

    def till(name: str) -> None:
        for number in range(500):
            counter.desk.submit(print_job(f"{name}{number:03}", 1))

    threads = [threading.Thread(target=till, args=(name,)) for name in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counter.run(3600.0)
    assert counter.all_final()
    text = "".join(counter.simulator.text)
    printed = [line.removesuffix(" товар 0") for line in text.splitlines() if line]
    for name in "AB":
        assert [line for line in printed if line[0] == name] == [f"{name}{number:03}" for number in range(500)]
    assert len(printed) == 1000
    counter.close()
