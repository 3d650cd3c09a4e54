"""A device made from its document: what is asked of it, what it refuses, and what it writes down of itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices import job_journal
from devices.clock import SystemClock
from devices.device_document import DeviceDocument, folder_of
from devices.job_events import HealthEvent, JobEvents, StartEvent
from devices.jobs import REMADE, IdReused, JobKind, JobState, NotAllowed
from devices.printer_settings import PrinterSettings
from devices.receipts.document import DocumentRefused, document_from_json
from devices.receipts.escpos import slip
from devices.receipts.preview import as_png
from devices.receipts.profiles import printer_profile, printer_profiles
from devices.simulators.endpoints import TcpDevice
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.scale import ScaleSimulator
from devices.slips import SlipMaker
from devices.station import NoPicture, NoSuchJob, NotThisDevice, Station, TooLate, Wanted
from devices.transports.file import FileLine
from tests.e2e.served import wait_until

SALE = b'{"blocks":[{"text":"Tea & Co"},{"row":["Tea","4.50"]},{"cut":true}]}'
NEVER_MS = 1 << 60


def wanted(
    job_id: str, document: bytes = SALE, *, not_after_ms: int = NEVER_MS, deadline_ms: int | None = None
) -> Wanted:
    return Wanted(job_id, JobKind.PRINT, document, deadline_ms, "till-1", "", not_after_ms)


@pytest.fixture
def printer() -> Iterator[TcpDevice]:
    device = TcpDevice(PrinterSimulator(bytes_per_s=1e6))
    device.start()
    yield device
    device.stop()


def station(folder: Path, transport: str, **settings: object) -> Station:
    made = Station("p", DeviceDocument("receipt_printer", "escpos", transport, settings), folder, SystemClock())
    made.start()
    return made


def state(made: Station, job_id: str) -> str:
    return str(made.find(job_id).state)


def test_a_document_is_printed_once_whoever_asks_again(printer: TcpDevice, tmp_path: Path) -> None:
    made = station(tmp_path, printer.address, profile="TM-T20II")
    view, known = made.submit(wanted("A"))
    assert (view.state, known, view.job.by) == (JobState.QUEUED, False, "till-1")
    wait_until(lambda: state(made, "A") == "confirmed", "a proof")
    spelled_otherwise = SALE.replace(b":[", b": [").replace(b"Tea &", b"Tea \\u0026")
    assert made.submit(wanted("A", spelled_otherwise))[1]
    for other in (wanted("A", SALE.replace(b"4.50", b"4.60")), wanted("A", deadline_ms=NEVER_MS)):
        with pytest.raises(IdReused):
            made.submit(other)
    with pytest.raises(NoSuchJob):
        made.find("B")
    made.stop()
    simulator = printer.device
    assert isinstance(simulator, PrinterSimulator)
    assert "".join(simulator.text).count("Tea & Co") == 1


def test_what_came_too_late_is_not_begun_and_what_is_known_is_told(tmp_path: Path) -> None:
    made = station(tmp_path, "memory:")
    made.submit(wanted("A"))
    with pytest.raises(TooLate):
        made.submit(wanted("B", not_after_ms=0))
    assert made.submit(wanted("A", not_after_ms=0))[1]
    made.stop()


def test_what_cannot_be_printed_is_refused_with_its_place(tmp_path: Path) -> None:
    made = station(tmp_path, "memory:")
    for document, place in (
        (b'{"blocks":[{"barcode":"4006381333932"}]}', "barcode"),
        (b'{"blocks":[{"text":"x"},{"row":["a"],"weights":[1,2]}]}', "blocks[1].weights"),
        (b'{"blocks":[]}', "document"),
        (b"[" * 100_000, "document"),
    ):
        with pytest.raises(DocumentRefused) as refused:
            made.submit(wanted("A", document))
        assert refused.value.place == place
    assert made.page([], 0, 10) == []
    made.stop()


def test_a_job_in_doubt_is_decided_and_the_copy_is_a_job(tmp_path: Path) -> None:
    made = station(tmp_path / "devices", "file:slip", proof="none")
    made.submit(wanted("A"))
    wait_until(lambda: state(made, "A") == "unknown", "the hand-over")
    view, copy, known = made.decide("A", printed=False, by="Anna")
    assert copy is not None
    assert (view.state, copy.job.copy_of, known) == (JobState.ABANDONED, "A", False)
    wait_until(lambda: state(made, copy.job.id) == "unknown", "the copy")
    assert made.decide("A", printed=False, by="Anna")[2]
    with pytest.raises(NotAllowed):
        made.decide("A", printed=True, by="Anna")
    with pytest.raises(NoSuchJob):
        made.decide("B", printed=True, by="Anna")
    made.stop()
    text = (tmp_path / "paper" / "slip").read_bytes()
    assert text.count(b"Tea & Co") == 2
    assert text.count(b"COPY") == 2


def test_what_waits_is_printed_in_the_bytes_of_the_printer_that_is_there_now(tmp_path: Path) -> None:
    before = station(tmp_path / "devices", "tcp://127.0.0.1:9", profile="TM-T20II")
    for job_id in ("A", "B"):
        before.submit(wanted(job_id))
    wide = before.picture("A")
    before.stop()
    made = station(tmp_path / "devices", "file:slip", profile="TM-T20II", columns=24, proof="none")
    wait_until(lambda: [state(made, job_id) for job_id in "AB"] == ["unknown", "unknown"], "the hand-over")
    job = made.find("A")
    narrow = SlipMaker(PrinterSettings("TM-T20II", columns=24))
    assert job.reasons[0] == REMADE
    assert job.job.body == narrow.slip(document_from_json(SALE))
    assert made.picture("A") == narrow.picture(job.job) != wide
    assert made.submit(wanted("A"))[1]  # it is the same job still
    made.stop()
    lines = (tmp_path / "paper" / "slip").read_bytes().split(b"\n")
    assert sum(line.startswith(b"Tea ") and len(line) == 24 for line in lines) == 2


def test_the_same_bytes_for_another_printer_are_not_written_down_again(tmp_path: Path) -> None:
    before = station(tmp_path / "devices", "tcp://127.0.0.1:9", profile="TM-T20II")
    before.submit(wanted("A"))
    before.stop()
    made = station(tmp_path / "devices", "file:slip", profile="TM-T20II", dots=500, proof="none")
    wait_until(lambda: state(made, "A") == "unknown", "the hand-over")
    assert REMADE not in made.find("A").reasons
    made.stop()


def test_a_picture_is_made_of_the_very_bytes_also_when_the_job_is_long_over(
    printer: TcpDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = station(tmp_path, printer.address, profile="TM-T20II")
    made.submit(wanted("A"))
    profile = printer_profile(PrinterSettings("TM-T20II"))
    expected = as_png(slip(document_from_json(SALE), profile), profile)
    assert made.picture("A") == expected
    wait_until(lambda: state(made, "A") == "confirmed", "a proof")
    assert made.find("A").job.body == b""
    assert made.picture("A") == expected
    made.stop()
    # Printed long ago on another printer, and the journal was written anew since.
    monkeypatch.setattr(job_journal, "COMPACT_BYTES", 100)
    made = station(tmp_path, printer.address, profile="TM-T88V", columns=30)
    assert made.picture("A") == expected
    made.stop()
    made = station(tmp_path, printer.address)
    made.submit(wanted("B"))
    with pytest.raises(NoSuchJob):
        made.picture("C")
    made.stop()


def test_a_drawer_and_what_is_kept_no_more_have_no_picture(tmp_path: Path) -> None:
    made = station(tmp_path, "tcp://127.0.0.1:9")
    made.submit(Wanted("D", JobKind.OPEN_DRAWER, b"", None, "till-1", "sale 17", NEVER_MS))
    with pytest.raises(NoPicture, match="prints nothing"):
        made.picture("D")
    made.submit(wanted("A", deadline_ms=1))
    wait_until(lambda: state(made, "A") == "failed_clean", "the deadline")
    folder_of(tmp_path, "p").joinpath("jobs").write_bytes(b"")
    with pytest.raises(NoPicture, match="no more"):
        made.picture("A")
    made.stop()


def test_a_plain_file_has_what_it_took_and_a_full_disk_is_no_proof(tmp_path: Path) -> None:
    paper = tmp_path / "paper" / "slip"
    made = station(tmp_path / "devices", "file:slip", profile="TM-T20II")
    made.submit(wanted("A"))
    wait_until(lambda: state(made, "A") == "confirmed", "the file")
    assert (made.find("A").reasons, made.find("A").attempts[0].bytes_sent) == (
        ["it is in the file"], paper.stat().st_size,
    )  # fmt: skip
    assert (str(made.health().state), made.health().reasons) == ("ready", ())
    paper.unlink()
    made.submit(wanted("B"))
    wait_until(lambda: state(made, "B") == "confirmed", "a file that was made anew")
    assert b"Tea & Co" in paper.read_bytes()
    made.stop()


def test_a_disk_that_fills_up_in_the_middle_of_a_receipt_leaves_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [10, 0]
    write = FileLine.write

    def short(line: FileLine, data: bytes, deadline: float) -> int:
        most = room.pop(0)
        if not most:
            raise line._lost("no space left on device")
        return write(line, data[:most], deadline)

    made = station(tmp_path / "devices", "file:slip", profile="TM-T20II")
    wait_until(lambda: str(made.health().state) == "ready", "the file")
    monkeypatch.setattr(FileLine, "write", short)
    made.submit(wanted("A"))
    wait_until(lambda: state(made, "A") == "unknown", "the end of the disk")
    assert made.find("A").reasons == ["no space left on device"]
    made.stop()


def test_jobs_are_told_newest_first_a_page_at_a_time(tmp_path: Path) -> None:
    made = station(tmp_path, "tcp://127.0.0.1:9")
    for number in range(5):
        made.submit(wanted(f"J{number}"))
    first = made.page([], 0, 2, newest=True)
    second = made.page([JobState.QUEUED], first[-1].number, 9, newest=True)
    assert [view.job.id for view in (*first, *second)] == ["J4", "J3", "J2", "J1", "J0"]
    assert made.counts() == {"queued": 5, "unknown": 0}
    made.stop()


def test_other_devices_take_no_jobs_but_their_life_is_written_down(tmp_path: Path) -> None:
    device = TcpDevice(ScaleSimulator("cas"))
    device.start()
    made = Station(".scale", DeviceDocument("scale", "cas", device.address), tmp_path, SystemClock())
    made.start()
    events = JobEvents(folder_of(tmp_path, ".scale"))
    wait_until(lambda: events.newest() >= 2, "the scale's health")
    with pytest.raises(NotThisDevice, match="a scale takes no jobs"):
        made.submit(wanted("A"))
    assert made.page([], 0, 10) == []
    made.stop()
    device.stop()
    start, health = events.after(0, 2)
    assert isinstance(start, StartEvent)
    assert isinstance(health, HealthEvent)
    assert health.state == "ready"


def test_a_document_that_no_driver_knows_any_more_is_an_error_in_words(tmp_path: Path) -> None:
    made = Station("x", DeviceDocument("receipt_printer", "matrix", "memory:"), tmp_path, SystemClock())
    made.start()
    assert made.health().state == "error"
    assert "no driver 'matrix'" in made.health().reasons[0]
    with pytest.raises(NotThisDevice):
        made.submit(wanted("A"))
    made.stop()


def test_a_second_copy_of_a_device_takes_no_jobs_until_the_first_is_gone(printer: TcpDevice, tmp_path: Path) -> None:
    first = station(tmp_path, printer.address)
    first.submit(wanted("A"))
    wait_until(lambda: state(first, "A") == "confirmed", "a proof")
    second = station(tmp_path, printer.address)
    with pytest.raises(Exception, match="closed"):
        second.submit(wanted("B"))
    wait_until(lambda: second.health().state == "error", "the reason to be told")
    first.stop()
    wait_until(lambda: bool(second.page([], 0, 10)), "the journal")
    second.submit(wanted("B"))
    wait_until(lambda: state(second, "B") == "confirmed", "a proof")
    second.stop()


@pytest.mark.parametrize("name", printer_profiles())
def test_every_profile_makes_a_device(name: str, tmp_path: Path) -> None:
    made = Station(
        "p",
        DeviceDocument("receipt_printer", "escpos", f"file:{os.devnull}", {"profile": name}),
        tmp_path,
        SystemClock(),
    )
    assert made.health().state == "connecting"
    assert printer_profile().name == "default"
    made.stop()
