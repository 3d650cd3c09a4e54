"""The same id is the same job, across restarts, torn writes, full disks, second copies and kill -9 at every step."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devices.clock import ManualClock
from devices.job_desk import DRAWER_MS, QUEUED_MAX, JobDesk
from devices.job_journal import REMEMBERED_MS, JobJournal
from devices.job_lines import SECTOR, JournalDamaged, JournalHeld, JournalLost, JournalRefused
from devices.jobs import FINAL, BadJob, DeskFull, IdReused, Job, JobKind, JobState, NotAllowed
from devices.simulators.endpoints import TcpDevice
from devices.simulators.receipt_printer import PrinterSimulator
from tests.devices.counter import Counter, QuickDisk, copy_of, drawer_job, print_job, receipt


def desk(folder: Path, clock: ManualClock | None = None, disk: QuickDisk | None = None) -> JobDesk:
    opened = JobDesk(JobJournal(folder, disk or QuickDisk()), clock or ManualClock())
    opened.open()
    return opened


def test_the_same_id_is_the_same_job_for_ever(tmp_path: Path) -> None:
    """Row 9, in one process and across restarts."""
    first = desk(tmp_path)
    assert first.submit(print_job("A")).state is JobState.QUEUED
    assert first.submit(print_job("A")).state is JobState.QUEUED
    with pytest.raises(IdReused):
        first.submit(Job("A", JobKind.PRINT, "another digest", b"x", b"y"))
    first.sending("A")
    first.sent("A", proof=True)
    first.ended("A", JobState.CONFIRMED, "proved")
    first.close()
    again = desk(tmp_path)
    assert again.submit(print_job("A")).state is JobState.CONFIRMED
    assert again.next(JobKind.PRINT) is None
    with pytest.raises(IdReused):
        again.submit(Job("A", JobKind.PRINT, "another digest", b"x", b"y"))
    again.close()


def test_many_who_submit_the_same_at_once_print_it_once(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    threads = [threading.Thread(target=counter.desk.submit, args=(print_job("A"),)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counter.run()
    assert counter.papers("A") == (1, 0)
    assert [view.state for view in counter.told].count(JobState.SENDING) == 1


def test_what_was_under_way_at_a_crash_is_unknown_and_what_waited_waits(tmp_path: Path) -> None:
    first = desk(tmp_path)
    for name in "ABCD":
        first.submit(print_job(name))
    first.sending("A")
    first.sending("B")
    first.sent("B", proof=True)
    first.sending("C")
    first.sent("C", proof=False)
    first.close()
    again = desk(tmp_path)
    assert [view.state for view in again.list()] == ["unknown", "unknown", "unknown", "queued"]
    next_job = again.next(JobKind.PRINT)
    assert next_job is not None
    assert (next_job.id, next_job.body) == ("D", receipt("D"))
    again.close()


def test_a_person_decides_and_the_reprint_is_marked(tmp_path: Path) -> None:
    first = desk(tmp_path)
    for name in "AB":
        first.submit(print_job(name))
        first.sending(name)
        first.ended(name, JobState.UNKNOWN, "line lost")
    assert first.decide("A", printed=True, by="Anna").state is JobState.CONFIRMED
    assert first.decide("B", printed=False, by="Anna").state is JobState.ABANDONED
    assert first.decide("B", printed=False, by="Boris").decided_by == "Anna"
    with pytest.raises(NotAllowed):
        first.decide("B", printed=True, by="Boris")
    first.close()
    again = desk(tmp_path)
    copy = again.next(JobKind.PRINT)
    assert copy is not None
    assert (copy.id, copy.copy_of, copy.body) == ("B:copy", "B", copy_of("B"))
    again.close()


def test_a_job_can_be_taken_back_before_its_first_byte_only(tmp_path: Path) -> None:
    first = desk(tmp_path)
    for name in "AB":
        first.submit(print_job(name))
    assert first.abandon("A", "Anna").state is JobState.ABANDONED
    first.sending("B")
    with pytest.raises(NotAllowed):
        first.abandon("B", "Anna")
    with pytest.raises(NotAllowed):
        first.decide("B", printed=True, by="Anna")
    first.close()


def test_what_cannot_be_a_job_is_refused(tmp_path: Path) -> None:
    first = desk(tmp_path)
    bad = [
        Job("", JobKind.PRINT, "", b"x", b"x"),
        Job("a\nb", JobKind.PRINT, "", b"x", b"x"),
        Job("A", JobKind.PRINT, "", b"x" * (1 << 21), b"x"),
        Job("A", JobKind.PRINT, "", b"x", b""),
        Job("A", JobKind.OPEN_DRAWER, "", by="Anna"),
        Job("A", JobKind.OPEN_DRAWER, "", why="no sale"),
    ]
    for job in bad:
        with pytest.raises(BadJob):
            first.submit(job)
    drawer = first.submit(drawer_job("D"))
    assert drawer.job.deadline_ms == drawer.job.submitted_ms + DRAWER_MS
    first.close()


def test_a_dead_printer_does_not_collect_jobs_without_end(tmp_path: Path) -> None:
    first = desk(tmp_path)
    for number in range(QUEUED_MAX):
        first.submit(Job(str(number), JobKind.PRINT, "", b"x", b"y"))
    with pytest.raises(DeskFull):
        first.submit(print_job("one more"))
    assert first.submit(Job("7", JobKind.PRINT, "", b"x", b"y")).state is JobState.QUEUED
    first.close()


def journal_of_three(folder: Path) -> bytes:
    first = desk(folder)
    for name in "ABC":
        first.submit(print_job(name, 40))
    first.close()
    return (folder / "jobs").read_bytes()


def test_a_torn_end_is_cut_off_wherever_the_crash_came(tmp_path: Path) -> None:
    """Cut short at every byte of the last line, and every mixture of sectors that were never written."""
    data = journal_of_three(tmp_path)
    last = data.rindex(b"\n", 0, -1) + 1
    assert len(data) - last > 2 * SECTOR
    for end in [*range(last, len(data), 5), len(data) - 1]:
        (tmp_path / "jobs").write_bytes(data[:end])
        again = desk(tmp_path)
        assert [view.job.id for view in again.list()] == ["A", "B"], end
        again.close()
    first = last + SECTOR - last % SECTOR
    parts = [(last, first), *((at, min(at + SECTOR, len(data))) for at in range(first, len(data), SECTOR))]
    for mask in range(1, 1 << len(parts)):
        torn = bytearray(data)
        for number, (begin, end) in enumerate(parts):
            if mask >> number & 1:
                torn[begin:end] = bytes(end - begin)
        (tmp_path / "jobs").write_bytes(torn)
        again = desk(tmp_path)
        assert [view.job.id for view in again.list()] == ["A", "B"], mask
        again.close()


def test_any_flipped_bit_stops_the_device_and_is_never_taken_for_a_torn_end(tmp_path: Path) -> None:
    data = journal_of_three(tmp_path)
    for at in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        (tmp_path / "jobs").write_bytes(damaged)
        with pytest.raises(JournalDamaged):
            JobJournal(tmp_path, QuickDisk()).open(0)
    for at in (len(data) - 1, len(data) - 2):
        damaged = bytearray(data)
        damaged[at] ^= 4
        (tmp_path / "jobs").write_bytes(damaged)
        with pytest.raises(JournalDamaged):
            JobJournal(tmp_path, QuickDisk()).open(0)


def test_a_lost_or_doubled_line_is_damage(tmp_path: Path) -> None:
    lines = journal_of_three(tmp_path).splitlines(keepends=True)
    for other in (lines[:1] + lines[2:], [*lines[:2], lines[1], *lines[2:]], [lines[0], lines[2], lines[1], lines[3]]):
        (tmp_path / "jobs").write_bytes(b"".join(other))
        with pytest.raises(JournalDamaged):
            JobJournal(tmp_path, QuickDisk()).open(0)


def test_a_second_copy_in_any_process_cannot_open_the_journal(tmp_path: Path) -> None:
    first = desk(tmp_path)
    with pytest.raises(JournalHeld):
        desk(tmp_path)
    first.close()
    desk(tmp_path).close()


def test_each_opening_is_an_epoch(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        opened = desk(tmp_path)
        assert opened.epoch == epoch
        opened.close()


def test_an_owner_whose_lock_was_replaced_sends_nothing_more(tmp_path: Path) -> None:
    """The lock was lost (a file removed by hand) and a second copy opened: the first one stops."""
    counter = Counter(tmp_path, PrinterSimulator())
    counter.desk.submit(print_job("A"))
    (tmp_path / "lock").unlink()
    second = desk(tmp_path)
    printed = bytes(counter.simulator.printed)
    assert counter.worker.step() is None
    assert bytes(counter.simulator.printed) == printed
    assert counter.worker.health().state == "error"
    with pytest.raises(JournalLost):
        counter.desk.submit(print_job("B"))
    assert second.next(JobKind.PRINT) is not None
    second.close()


class FullDisk(QuickDisk):
    """Writes a part and has no room for the rest, from the n-th append on."""

    def __init__(self) -> None:
        self.room = 1 << 30

    def append(self, descriptor: int, data: bytes) -> None:
        if self.room > 0:
            self.room -= 1
            super().append(descriptor, data)
            return
        os.write(descriptor, data[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("appends", range(5))
def test_without_room_for_the_journal_nothing_is_sent_and_the_reason_is_told(tmp_path: Path, appends: int) -> None:
    """Row 20: refused before the first byte; what is under way is written down as soon as there is room."""
    disk = FullDisk()
    counter = Counter(tmp_path, PrinterSimulator(), disk=disk)
    disk.room = appends
    if appends == 0:
        with pytest.raises(JournalRefused, match="no space"):
            counter.desk.submit(print_job("A"))
        assert counter.desk.find("A") is None
        disk.room = 1
    counter.desk.submit(print_job("A"))
    counter.run(20.0)
    whole, _ = counter.papers("A")
    assert whole == (1 if appends >= 2 else 0)
    if appends < 4:
        assert counter.worker.health().state == "error"
        assert "no space" in counter.worker.health().reasons[0]
    disk.room = 1 << 30
    counter.run(60.0)
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A") == (1, 0)
    counter.close()
    again = desk(tmp_path)
    assert [view.state for view in again.list()] == ["confirmed"]
    again.close()


def test_an_old_journal_is_written_anew_without_what_is_done_and_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    first = desk(tmp_path, clock)
    for name in "ABC":
        first.submit(print_job(name, 50))
        first.sending(name)
    first.ended("A", JobState.CONFIRMED, "proved")
    first.ended("B", JobState.UNKNOWN, "line lost")
    clock.advance(REMEMBERED_MS / 1000)
    first.ended("C", JobState.CONFIRMED, "proved")
    first.close()
    before = (tmp_path / "jobs").stat().st_size
    monkeypatch.setattr("devices.job_journal.COMPACT_BYTES", 100)
    for _ in range(2):
        again = desk(tmp_path, clock)
        assert [(view.job.id, view.state) for view in again.list()] == [("B", "unknown"), ("C", "confirmed")]
        again.close()
    assert (tmp_path / "jobs").stat().st_size < before
    monkeypatch.undo()
    again = desk(tmp_path, clock)
    again.decide("B", printed=False, by="Anna")
    copy = again.next(JobKind.PRINT)
    assert copy is not None
    assert copy.body == copy_of("B", 50)
    assert again.epoch == 4
    again.close()


def test_kill_9_at_every_journal_step_prints_once_or_asks(tmp_path: Path) -> None:
    """Row 9 with real processes and a real socket: 0 double, 0 silently lost."""
    simulator = PrinterSimulator(bytes_per_s=1e6)
    printer = TcpDevice(simulator)
    printer.start()
    try:
        outcomes = []
        for step in range(12):
            name = f"job{step}"
            folder = tmp_path / name
            for at in (str(step), "999"):
                done = subprocess.run(
                    [sys.executable, "-m", "tests.devices.journal_program", str(folder), str(printer.port), name, at],
                    cwd=Path(__file__).parents[2],
                    capture_output=True,
                    check=False,
                    timeout=60,
                )
                assert done.returncode in (0, -9), done.stderr.decode()
            state = done.stdout.decode()
            whole = simulator.printed.count(receipt(name).removeprefix(b"\x1b@"))
            outcomes.append((state, whole))
            assert whole <= 1
            assert (state, whole) in {("confirmed", 1), ("unknown", 0), ("unknown", 1)}
        # opening, submitted, sending, sent, confirmed: before and after each of them
        assert outcomes[:5] == [("confirmed", 1)] * 5
        assert outcomes[5:9] == [("unknown", 0), ("unknown", 1), ("unknown", 1), ("unknown", 1)]
        assert outcomes[9:] == [("confirmed", 1)] * 3
    finally:
        printer.stop()


def test_final_states_are_final(tmp_path: Path) -> None:
    first = desk(tmp_path)
    for name, state in (("A", JobState.CONFIRMED), ("B", JobState.FAILED_CLEAN)):
        first.submit(print_job(name))
        first.sending(name)
        first.ended(name, state, "")
        for later in JobState:
            with pytest.raises(NotAllowed):
                first.ended(name, later, "")
    assert {view.state for view in first.list()} < FINAL
    first.close()
