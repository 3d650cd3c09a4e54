"""A shop's counter for tests: a simulated printer, its worker, and a person who looks at the paper."""

import random
from pathlib import Path

from devices.clock import ManualClock, Waker
from devices.drivers.receipt_printer import ReceiptPrinter
from devices.job_desk import JobDesk
from devices.job_journal import Disk, JobJournal, RealDisk
from devices.jobs import FINAL, Job, JobKind, JobState, JobView
from devices.printer_settings import PrinterSettings
from devices.printer_worker import PrinterWorker
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.simulated_line import SimulatedLine

RESET = b"\x1b@"
CUT = b"\n\x1dV\x42\x00"


class QuickDisk(RealDisk):
    """For what outlives no power cut."""

    def sync(self, descriptor: int) -> None:
        pass


def receipt(name: str, lines: int = 3) -> bytes:
    """What an encoder would make of a small receipt: code page, text, a picture, the cut."""
    goods = "".join(f"{name} товар {line}\n" for line in range(lines)).encode("cp866")
    picture = b"\x1dv0\x00\x02\x00\x04\x00" + bytes(range(8))
    return RESET + b"\x1bt\x11" + goods + picture + CUT


def copy_of(name: str, lines: int = 3) -> bytes:
    return RESET + b"\x1bt\x11" + "КОПИЯ\n".encode("cp866") + receipt(name, lines).removeprefix(RESET)


def print_job(name: str, lines: int = 3, deadline_ms: int | None = None) -> Job:
    return Job(
        name, JobKind.PRINT, f"digest of {name}", receipt(name, lines), copy_of(name, lines), deadline_ms=deadline_ms
    )


def drawer_job(name: str) -> Job:
    return Job(name, JobKind.OPEN_DRAWER, "", by="Anna", why="sale 17")


class Counter:
    """One printer with everything around it; `run` lets it work until nothing moves."""

    def __init__(
        self,
        folder: Path,
        simulator: PrinterSimulator,
        settings: PrinterSettings | None = None,
        *,
        bytes_per_s: float = 1e6,
        clock: ManualClock | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.waker = Waker()
        self.simulator = simulator
        self.line = SimulatedLine(simulator, self.clock, bytes_per_s=bytes_per_s)
        self.told: list[JobView] = []
        self.healths: list[str] = []
        self.desk = JobDesk(JobJournal(folder, disk or QuickDisk()), self.clock, self.told.append)
        self.printer = ReceiptPrinter(self.line, settings or PrinterSettings(), self.clock)
        self.worker = PrinterWorker(
            self.desk,
            self.printer,
            self.clock,
            self.waker,
            random.Random(7),
            lambda health: self.healths.append(" ".join((health.state, *health.reasons))),
        )
        self.worker.step()

    def run(self, seconds: float = 120.0) -> None:
        """Until every job has come to an end or to a person, and at most so long."""
        give_up_at = self.clock.now() + seconds
        while self.clock.now() < give_up_at:
            again_at = self.worker.step()
            if again_at is None or not self.desk.list(JobState.QUEUED, JobState.SENDING):
                return
            self.rest(again_at)

    def idle(self, seconds: float) -> None:
        """The shop is open and nobody buys."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            again_at = self.worker.step()
            assert again_at is not None
            self.rest(min(again_at, until))

    def rest(self, until: float) -> None:
        self.worker._rest(until)

    def state(self, job_id: str) -> JobState:
        view = self.desk.find(job_id)
        assert view is not None
        return view.state

    def papers(self, name: str, lines: int = 3) -> tuple[int, int]:
        """Whole receipts and whole marked copies of this job on the paper."""
        copies = self.simulator.printed.count(copy_of(name, lines).removeprefix(RESET))
        marked = self.simulator.printed.count(copy_of(name, lines)[len(RESET) + 3 :])
        whole = self.simulator.printed.count(receipt(name, lines).removeprefix(RESET))
        assert marked >= copies
        return whole - copies, copies

    def person_decides(self) -> None:
        """Looks at the paper and says the truth, until there is nothing to decide."""
        while unknown := self.desk.list(JobState.UNKNOWN):
            for view in unknown:
                original = view.job.copy_of or view.job.id
                whole, copies = self.papers(original.removesuffix("/copy"))
                self.desk.decide(view.job.id, printed=bool(copies if view.job.copy_of else whole), by="Anna")
            self.run()

    def all_final(self) -> bool:
        return all(view.state in FINAL for view in self.desk.list())

    def close(self) -> None:
        self.desk.close()
        self.waker.close()
