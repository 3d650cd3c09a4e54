"""What a follower of a device sees: every event once, in order, over restarts and rewritten journals, not too early."""

from pathlib import Path

import pytest

from devices.clock import ManualClock
from devices.health import Health, HealthState
from devices.job_desk import JobDesk
from devices.job_events import DeviceEvent, EventsGone, HealthEvent, JobEvent, JobEvents, StartEvent
from devices.job_journal import JobJournal
from devices.job_lines import DURABLE, DURABLE_WORDS
from devices.jobs import NO_PROOF, Job, JobKind, JobState
from devices.retire import REMOVED, retire
from tests.devices.counter import QuickDisk, drawer_job, print_job

EVERYTHING = 1_000_000


def desk(folder: Path) -> JobDesk:
    opened = JobDesk(JobJournal(folder, QuickDisk()), ManualClock())
    opened.open()
    return opened


def told(events: list[DeviceEvent]) -> list[str]:
    words = []
    for event in events:
        match event:
            case JobEvent():
                words.append(f"{event.job} {event.state}")
            case HealthEvent():
                words.append(" ".join((event.state, *event.reasons)))
            case StartEvent():
                words.append(f"start {event.epoch}")
    return words


def health(state: HealthState, *reasons: str) -> Health:
    return Health(state, reasons, 0, 0, "", 0)


def test_every_event_is_told_once_in_order_and_what_was_under_way_at_a_crash_too(tmp_path: Path) -> None:
    first = desk(tmp_path)
    first.note_health(health(HealthState.READY))
    first.submit(print_job("A"))
    first.sending("A")
    first.note_health(health(HealthState.BUSY, "printing"))  # told by its job
    first.clean("A", "silent")
    first.sending("A")
    first.sent("A", proof=True)
    first.note_health(health(HealthState.READY))  # no news
    first.note_health(health(HealthState.BLOCKED, "paper_out"))
    first.close()
    second = desk(tmp_path)
    second.decide("A", printed=True, by="Anna")
    second.close()
    events = JobEvents(tmp_path)
    everything = events.after(0, EVERYTHING)
    assert told(everything) == [
        "start 1", "ready", "A queued", "A sending", "A queued", "A sending", "A sent", "blocked paper_out",
        "start 2", "A unknown", "A confirmed",
    ]  # fmt: skip
    assert [event.seq for event in everything] == list(range(1, 12))
    for seq in range(12):
        for size in (1, 3, 100):
            assert events.after(seq, size) == everything[seq : seq + size]
            assert JobEvents(tmp_path).after(seq, size) == everything[seq : seq + size]
    assert (events.oldest(), events.newest()) == (0, 11)


def test_nothing_is_told_before_it_is_durable(tmp_path: Path) -> None:
    class Watched(QuickDisk):
        def sync(self, descriptor: int) -> None:
            seen.append(JobEvents(tmp_path).newest())

    seen: list[int] = []
    watched = JobDesk(JobJournal(tmp_path, Watched()), ManualClock())
    watched.open()
    watched.submit(print_job("A"))
    watched.sending("A")
    assert seen == [0, 1, 2]
    assert JobEvents(tmp_path).newest() == 3
    watched.close()
    (tmp_path / DURABLE).write_bytes(DURABLE_WORDS.pack(1, 0))  # of another file: it is just being replaced
    assert JobEvents(tmp_path).after(0, 100) == []


def test_a_damaged_line_ends_what_is_told_and_nothing_else(tmp_path: Path) -> None:
    first = desk(tmp_path)
    for name in "ABC":
        first.submit(print_job(name))
    first.close()
    data = bytearray((tmp_path / "jobs").read_bytes())
    data[data.index(b'"B"') + 1] = 0x01
    (tmp_path / "jobs").write_bytes(data)
    assert told(JobEvents(tmp_path).after(0, 10)) == ["start 1", "A queued"]
    assert JobEvents(tmp_path).newest() == 4


def test_a_device_that_is_not_there_yet_has_nothing_to_tell(tmp_path: Path) -> None:
    events = JobEvents(tmp_path / "none")
    assert (events.oldest(), events.newest(), events.after(0, 10), events.durable()) == (0, 0, [], (0, 0))


def test_a_journal_that_is_written_anew_while_the_device_works_loses_no_follower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.job_journal.COMPACT_BYTES", 6_000)
    monkeypatch.setattr("devices.job_journal.REMEMBERED_MS", -1)
    events, seq, seen = JobEvents(tmp_path), 0, []
    working = desk(tmp_path)
    sizes = []
    for number in range(60):
        name = f"J{number}"
        working.submit(print_job(name))
        working.sending(name)
        working.ended(name, JobState.CONFIRMED, "proved")
        working.tidy()
        sizes.append((tmp_path / "jobs").stat().st_size)
        for event in events.after(seq, 2 if number % 3 else 100):  # sometimes it lags behind
            seen.append(event)
            seq = event.seq
    while more := events.after(seq, 7):
        seen += more
        seq = more[-1].seq
    assert max(sizes) < 12_000
    assert [event.seq for event in seen] == list(range(1, 182))
    assert told(seen)[-3:] == ["J59 queued", "J59 sending", "J59 confirmed"]
    with pytest.raises(EventsGone):
        events.after(0, 10)
    oldest = JobEvents(tmp_path).oldest()
    assert 0 < oldest < 181
    assert [event.seq for event in JobEvents(tmp_path).after(oldest, EVERYTHING)] == list(range(oldest + 1, 182))
    working.close()
    again = desk(tmp_path)
    assert again.list() == []
    again.submit(print_job("J0"))  # forgotten, so it is a new one
    again.close()


def test_a_drawer_without_a_switch_is_over_when_it_was_kicked(tmp_path: Path) -> None:
    first = desk(tmp_path)
    first.submit(drawer_job("D"))
    first.sending("D")
    first.sent("D", proof=False)
    view = first.find("D")
    assert view is not None
    assert view.over
    assert view.attempts[0].ended_ms
    first.close()
    again = desk(tmp_path)
    view = again.find("D")
    assert view is not None
    assert (view.state, view.reasons) == (JobState.SENT, [NO_PROOF])
    assert [shown.job.id for shown in again.page([JobState.SENT], 0, 10)] == ["D"]
    again.close()


def test_receipts_that_nobody_can_prove_and_nobody_looked_at_are_forgotten_after_a_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.job_journal.COMPACT_BYTES", 10)
    monkeypatch.setattr("devices.job_journal.REMEMBERED_MS", -1)
    first = desk(tmp_path)
    for name, reason in (("A", NO_PROOF), ("B", "line lost")):
        first.submit(print_job(name))
        first.sending(name)
        first.ended(name, JobState.UNKNOWN, reason)
    first.tidy()
    assert [view.job.id for view in first.list()] == ["B"]
    first.close()


def test_pages_of_jobs_follow_each_other_whatever_comes_between(tmp_path: Path) -> None:
    first = desk(tmp_path)
    for number in range(5):
        first.submit(print_job(f"J{number}"))
    page = first.page([], 0, 2)
    first.submit(print_job("J5"))
    first.abandon("J0", "Anna")
    assert [view.job.id for view in page] == ["J0", "J1"]
    assert [view.job.id for view in first.page([], page[-1].number, 10)] == ["J2", "J3", "J4", "J5"]
    assert [view.job.id for view in first.page([JobState.ABANDONED], 0, 10)] == ["J0"]
    first.close()


def test_what_waits_for_a_device_that_was_removed_is_given_up(tmp_path: Path) -> None:
    retire(tmp_path / "never made", ManualClock())
    first = desk(tmp_path)
    first.submit(print_job("A"))
    first.submit(print_job("B"))
    first.sending("B")
    first.ended("B", JobState.UNKNOWN, "line lost")
    first.close()
    retire(tmp_path, ManualClock())
    retire(tmp_path, ManualClock())
    again = desk(tmp_path)
    assert [(view.state, view.reasons[-1]) for view in again.list()] == [
        ("abandoned", REMOVED),
        ("unknown", "line lost"),
    ]
    assert again.epoch == 3  # an empty desk is not opened
    again.close()


def test_a_copys_id_is_an_id_and_nobody_elses(tmp_path: Path) -> None:
    first = desk(tmp_path)
    long = "x" * 64
    first.submit(Job("A:copy", JobKind.PRINT, "somebody's own", b"x", b"y"))
    for name in ("A", long):
        first.submit(print_job(name))
        first.sending(name)
        first.ended(name, JobState.UNKNOWN, "line lost")
        first.decide(name, printed=False, by="Anna")
    copies = {view.job.copy_of: view.job.id for view in first.list() if view.job.copy_of}
    assert copies == {"A": "A:copy2", long: "x" * 59 + ":copy"}
    copy = first.copy_of("A")
    assert copy is not None
    assert copy.job.id == "A:copy2"
    first.close()
