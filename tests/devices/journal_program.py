"""A till's printing in a process of its own, that ends itself with SIGKILL at a chosen step: before or after one sync.

    python -m tests.devices.journal_program FOLDER PORT JOB STEP

Prints the state of the job when it got to the end.
"""

import os
import random
import signal
import sys
from pathlib import Path

from devices.clock import SystemClock, Waker
from devices.drivers.receipt_printer import ReceiptPrinter
from devices.job_desk import JobDesk
from devices.job_journal import JobJournal, RealDisk
from devices.jobs import JobState
from devices.printer_settings import PrinterSettings
from devices.printer_worker import PrinterWorker
from devices.transports.tcp import TcpLine
from tests.devices.counter import print_job


class DeadlyDisk(RealDisk):
    """Steps: 2n before the n-th append, 2n + 1 after its sync."""

    def __init__(self, step: int) -> None:
        self._left = step

    def _count(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def append(self, descriptor: int, data: bytes) -> None:
        self._count()
        super().append(descriptor, data)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self._count()


def main(folder: str, port: str, job_id: str, step: str) -> None:
    clock, waker = SystemClock(), Waker()
    desk = JobDesk(JobJournal(Path(folder), DeadlyDisk(int(step))), clock)
    printer = ReceiptPrinter(TcpLine("127.0.0.1", int(port), clock, waker), PrinterSettings(), clock)
    worker = PrinterWorker(desk, printer, clock, waker, random.Random(1))
    worker.step()
    desk.submit(print_job(job_id))
    while desk.list(JobState.QUEUED, JobState.SENDING, JobState.SENT):
        again_at = worker.step()
        assert again_at is not None
        clock.wait(min(again_at, clock.now() + 0.05), waker)
    found = desk.find(job_id)
    assert found is not None
    sys.stdout.write(found.state)
    worker.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
