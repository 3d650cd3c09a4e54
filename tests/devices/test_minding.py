"""A fault of ours ends a turn and never a device: it comes back, or says that it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.clock import SystemClock
from devices.device_document import DeviceDocument
from devices.drivers.receipt_printer import Attempted, ReceiptPrinter, Witness
from devices.drivers.scale import Scale
from devices.jobs import JobKind
from devices.printer_worker import FAULTS_MAX, PrinterWorker
from devices.simulators.endpoints import TcpDevice
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.scale import ScaleSimulator
from devices.station import Station, Wanted
from tests.e2e.served import wait_until


class Till:
    """A station with a simulated printer."""

    def __init__(self, folder: Path) -> None:
        self.simulator = PrinterSimulator(bytes_per_s=1e6)
        self.endpoint = TcpDevice(self.simulator)
        self.endpoint.start()
        document = DeviceDocument("receipt_printer", "escpos", self.endpoint.address)
        self.station = Station("p", document, folder, SystemClock())

    def print(self, job_id: str) -> None:
        document = b'{"blocks":[{"text":"receipt %s"},{"cut":true}]}' % job_id.encode()
        self.station.submit(Wanted(job_id, JobKind.PRINT, document, None, "anna", "", 1 << 60))

    def until(self, job_id: str, state: str) -> None:
        wait_until(lambda: str(self.station.find(job_id).state) == state, f"{job_id} to be {state}")

    @property
    def health(self) -> tuple[str, tuple[str, ...]]:
        found = self.station.health()
        return str(found.state), found.reasons


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    made = Till(tmp_path)
    yield made
    made.station.stop()
    made.endpoint.stop()


class Faults:
    """In the place of `ReceiptPrinter.print`: for some jobs it breaks, before the first byte or after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, marks: dict[bytes, int], *, after_first_byte: bool) -> None:
        self.left = dict(marks)
        printed = ReceiptPrinter.print

        def broken(printer: ReceiptPrinter, body: bytes, number: int, witness: Witness) -> Attempted:
            mark = next((mark for mark, times in self.left.items() if mark in body and times), b"")
            if mark:
                self.left[mark] -= 1
                if after_first_byte:
                    witness.first_byte()
                    printer.line.write(body[:20], 1e12)
                raise RuntimeError("a fault of ours")
            return printed(printer, body, number, witness)

        monkeypatch.setattr(ReceiptPrinter, "print", broken)


def test_a_fault_before_the_first_byte_costs_a_moment(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    Faults(monkeypatch, {b"receipt A": FAULTS_MAX - 1}, after_first_byte=False)
    till.station.start()
    till.print("A")
    wait_until(lambda: till.health == ("error", ("program: RuntimeError('a fault of ours')",)), "the fault to be told")
    till.until("A", "confirmed")
    wait_until(lambda: till.health[0] == "ready", "a printer that is ready again")
    assert "".join(till.simulator.text).count("receipt A") == 1


def test_a_fault_after_the_first_byte_leaves_a_question_and_the_next_receipt_is_whole(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    Faults(monkeypatch, {b"receipt A": 1}, after_first_byte=True)
    till.station.start()
    till.print("A")
    till.until("A", "unknown")
    wait_until(lambda: till.health[0] in ("error", "ready"), "a worker that is back")
    till.print("B")
    till.until("B", "confirmed")
    assert "receipt B\n" in "".join(till.simulator.text)


def test_a_job_that_always_breaks_us_is_given_up_and_holds_up_no_other(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    Faults(monkeypatch, {b"receipt A": 1_000}, after_first_byte=False)
    till.station.start()
    till.print("A")
    till.print("B")
    till.until("B", "confirmed")
    job = till.station.find("A")
    assert (str(job.state), job.reasons[-1]) == ("failed_clean", "program: RuntimeError('a fault of ours')")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_gone_is_told_of(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(worker: PrinterWorker) -> float | None:
        raise SystemExit

    monkeypatch.setattr(PrinterWorker, "step", gone)
    till.station.start()
    wait_until(lambda: not till.station.works, "the end of its thread")
    assert till.health == ("error", ("program: nobody minds the device",))


def test_a_scale_outlives_a_fault_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched, left = Scale.watch, [2]

    def broken(scale: Scale) -> object:
        if left[0]:
            left[0] -= 1
            raise RuntimeError("a fault of ours")
        return watched(scale)

    monkeypatch.setattr(Scale, "watch", broken)
    device = TcpDevice(ScaleSimulator("cas"))
    device.start()
    made = Station("s", DeviceDocument("scale", "cas", device.address), tmp_path, SystemClock())
    made.start()
    wait_until(lambda: str(made.health().state) == "error", "the fault to be told")
    wait_until(lambda: str(made.health().state) == "ready", "a scale that works again")
    assert made.works
    made.stop()
    device.stop()


def test_a_lost_journal_is_a_reason_to_make_the_device_anew_and_a_damaged_one_to_wait_for_somebody(
    till: Till, tmp_path: Path
) -> None:
    till.station.start()
    wait_until(lambda: till.health[0] == "ready", "the printer")
    (tmp_path / "p" / "lock").unlink()
    (tmp_path / "p" / "lock").touch()
    with pytest.raises(Exception, match="replaced"):
        till.print("A")
    till.endpoint.stop()
    wait_until(lambda: not till.station.works, "the loss to be seen")
    assert till.health == ("error", ("journal: it is ours no more",))
    till.station.stop()
    (tmp_path / "p" / "jobs").write_bytes(b"nonsense\nmore nonsense\n")
    made = Station("p", till.station.document, tmp_path, SystemClock())
    made.start()
    wait_until(lambda: str(made.health().state) == "error", "the damage to be told")
    assert made.works
    made.stop()
