"""From a document to its first byte on the line: a station with its journal and fsync, printers simulated over TCP.

One printer gets one receipt after another, as a till hands them in; many printers on one box get theirs all at once. A
job's first byte leaves when its `sending` is on the disk. The printers are one thread in a process of their own that
answers every question at once and prints nothing: those of `devices.simulators` look at each byte, and fifty of them
want a core.
"""

import multiprocessing
import re
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_receipts import sales
from benchmarks.figures import note
from benchmarks.sizes import scaled, scratch
from devices.clock import SystemClock
from devices.device_document import DeviceDocument
from devices.jobs import JobKind
from devices.receipts.document import as_json
from devices.receipts.templates.sale import sale_receipt
from devices.station import Station, Wanted
from devices.transports.line import Line

PRINTERS: Final = scaled(50, 4)
ROUNDS: Final = 10
RECEIPTS: Final = scaled(100, 5)
PROFILE: Final = "TM-T20II"
QUESTIONS: Final = re.compile(rb"\x10\x04[\x01-\x04]|\x1dr[\x01\x02]")
"""`DLE EOT` and `GS r`; no receipt holds them by chance"""
NEVER_MS: Final = 1 << 60
BOUND_S: Final = 60.0


def _printers(count: int, connection: Connection) -> None:
    """So many printers, until somebody says that it is enough."""
    selector = selectors.DefaultSelector()
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    for listener in listeners:
        selector.register(listener, selectors.EVENT_READ, False)
    selector.register(connection, selectors.EVENT_READ)
    connection.send([f"tcp://127.0.0.1:{listener.getsockname()[1]}" for listener in listeners])
    while True:
        for key, _ in selector.select():
            if key.fileobj is connection:
                return
            if key.data:
                _answer(selector, key.data)
            else:
                line, _ = next(each for each in listeners if each is key.fileobj).accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(line, selectors.EVENT_READ, line)


def _answer(selector: selectors.BaseSelector, line: socket.socket) -> None:
    """Whatever is asked in what came: ready, printed, emptied."""
    data = line.recv(1 << 16)
    if not data:
        selector.unregister(line)
        line.close()
        return
    asked = QUESTIONS.findall(data)
    if asked:
        line.sendall(b"".join(b"\x12" if each[0] == 0x10 else b"\0" for each in asked))


@contextmanager
def printers(count: int) -> Iterator[list[str]]:
    """Their addresses."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_printers, args=(count, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join(BOUND_S)


class Till:
    """A station, and when the first byte of each job left."""

    def __init__(self, code: str, transport: str, folder: Path) -> None:
        document = DeviceDocument("receipt_printer", "escpos", transport, {"profile": PROFILE})
        self.station = Station(code, document, folder, SystemClock())
        self.first_byte_at = 0.0
        self.done = threading.Event()
        worker: Any = self.station._running  # whose moments are measured
        begin, worker.begin = worker.begin, self._begun
        self._begin = begin
        self._line: Line = worker.line
        worker.desk._tell = self._told
        self.station.start()

    def _begun(self, job_id: str) -> None:
        self._begin(job_id)
        self.first_byte_at = time.perf_counter()

    def _told(self, view: Any) -> None:
        if view.over or view.state == "unknown":
            assert view.state == "confirmed", view
            self.done.set()

    def hand_in(self, job_id: str, document: bytes) -> None:
        """Render it and write it down."""
        self.done.clear()
        self.station.submit(Wanted(job_id, JobKind.PRINT, document, None, "bench", "", NEVER_MS))


def documents() -> Iterator[bytes]:
    """Receipts of a dozen lines, no two alike."""
    for sale in sales():
        yield as_json(sale_receipt(sale))


def test_document_to_first_byte(benchmark: BenchmarkFixture) -> None:
    given, seconds = documents(), []
    with scratch("device") as folder, printers(1) as (address,):
        till = Till("till", address, folder)

        def run(number: int, document: bytes) -> None:
            begun = time.perf_counter()
            till.hand_in(f"J{number}", document)
            assert till.done.wait(BOUND_S)
            seconds.append(till.first_byte_at - begun)

        for number in range(RECEIPTS + 5):
            run(number, next(given))
        del seconds[:5]
        numbers = iter(range(10**6, 10**7))
        pedantic: Any = benchmark.pedantic
        pedantic(run, setup=lambda: ((next(numbers), next(given)), {}), rounds=ROUNDS, iterations=1)
        till.station.stop()
    note(benchmark, "device p50", [1e3 * float(np.percentile(seconds, 50))], "ms")
    note(benchmark, "device p99", [1e3 * float(np.percentile(seconds, 99))], "ms")


@pytest.mark.parametrize("count", [PRINTERS])
def test_many_printers_on_one_box(benchmark: BenchmarkFixture, count: int) -> None:
    """Handed in by as many threads as there are tills, all at once; each is timed from its own hand-in."""
    given, seconds = documents(), []
    with scratch("devices") as folder, printers(count) as addresses:
        tills = [Till(f"till-{number}", address, folder) for number, address in enumerate(addresses)]

        def one(till: Till, job_id: str, document: bytes, start: threading.Barrier) -> None:
            start.wait(BOUND_S)
            begun = time.perf_counter()
            till.hand_in(job_id, document)
            assert till.done.wait(BOUND_S)
            seconds.append(till.first_byte_at - begun)

        def run(job_id: str, work: list[bytes]) -> None:
            start = threading.Barrier(count)
            threads = [
                threading.Thread(target=one, args=(till, job_id, document, start))
                for till, document in zip(tills, work, strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        numbers = iter(range(10**6))
        pedantic: Any = benchmark.pedantic
        pedantic(
            run,
            setup=lambda: ((f"J{next(numbers)}", [next(given) for _ in range(count)]), {}),
            rounds=ROUNDS,
            warmup_rounds=1,
            iterations=1,
        )
        for till in tills:
            till.station.stop()
    assert len(seconds) == count * (ROUNDS + 1)
    note(benchmark, "devices p50", [1e3 * float(np.percentile(seconds[count:], 50))], "ms")
    note(benchmark, "devices p99", [1e3 * float(np.percentile(seconds[count:], 99))], "ms")
