"""Where jobs are handed in and what became of them: the book, its journal, and the rules of ids and deadlines.

The device's thread takes jobs and says what happened; any other thread submits, asks and decides. Whatever is told here
is on the disk first.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from devices.clock import Clock
from devices.health import Health, HealthState
from devices.job_book import JobBook
from devices.job_journal import JobJournal
from devices.job_lines import JobJournalError
from devices.job_maker import AsTheyCame, Maker
from devices.jobs import (
    FINAL,
    ID_LENGTH_MAX,
    NO_PROOF,
    Clean,
    Decided,
    DeskFull,
    Ended,
    Event,
    HealthSeen,
    IdReused,
    Job,
    JobKind,
    JobState,
    JobView,
    NotAllowed,
    Remade,
    ScanSeen,
    Sending,
    Sent,
    Submitted,
    must_be_a_job,
)

QUEUED_MAX: Final = 1000
"""Waiting jobs of one device; a printer that is dead for a day must not fill the disk."""
DRAWER_MS: Final = 10_000
"""A drawer that could not be opened within this time stays shut."""
DEADLINE_PASSED: Final = "its deadline passed"


class JobDesk:
    """One per device. `tell` hears of every change, after it is durable."""

    def __init__(
        self,
        journal: JobJournal,
        clock: Clock,
        tell: Callable[[JobView], None] = lambda view: None,
        maker: Maker | None = None,
    ) -> None:
        self._maker: Maker = maker or AsTheyCame()
        self._journal = journal
        self._clock = clock
        self._tell = tell
        self._lock = threading.RLock()
        self._book = JobBook()
        self._noted: tuple[str, tuple[str, ...]] | None = None

    @property
    def folder(self) -> Path:
        """Where the journal lies."""
        return self._journal.folder

    @property
    def epoch(self) -> int:
        """How often this journal was opened."""
        return self._book.epoch

    @property
    def is_open(self) -> bool:
        """Whether the journal is ours."""
        return self._journal.is_open

    def open(self) -> None:
        """Own the journal; raises JobJournalError."""
        with self._lock:
            self._book = self._journal.open(self._clock.wall_ms())

    def close(self) -> None:
        """Let go of the journal."""
        with self._lock:
            self._journal.close()

    def submit(self, job: Job) -> JobView:
        """Take it in, or say where the job with this id stands; raises BadJob, IdReused, DeskFull, JobJournalError."""
        must_be_a_job(job)
        with self._lock:
            there = self._book.jobs.get(job.id)
            if there is not None:
                if (there.job.kind, there.job.content) != (job.kind, job.content):
                    raise IdReused(job.id)
                return _picture(there)
            waiting = len(self._book.in_state(JobState.QUEUED))
            if waiting >= QUEUED_MAX:
                raise DeskFull(waiting)
            now_ms, deadline_ms = self._clock.wall_ms(), job.deadline_ms
            if job.kind is JobKind.OPEN_DRAWER:  # nobody stands before it any more later
                deadline_ms = min(deadline_ms or now_ms + DRAWER_MS, now_ms + DRAWER_MS)
            job = msgspec.structs.replace(job, submitted_ms=now_ms, deadline_ms=deadline_ms)
            return self._note(Submitted(job), job.id)

    def find(self, job_id: str) -> JobView | None:
        """Where the job stands."""
        with self._lock:
            there = self._book.jobs.get(job_id)
            return None if there is None else _picture(there)

    def page(self, states: Collection[JobState], after: int, count_max: int, *, newest: bool = False) -> list[JobView]:
        """Some of those in these states (none named: all) that came after the job with the number `after`; the newest
        first: that came before it, 0 = the last."""
        with self._lock:
            found = self._book.in_state(*(states or tuple(JobState)))
            if newest:
                wanted = (view for view in reversed(found) if not after or view.number < after)
            else:
                wanted = (view for view in found if view.number > after)
            return [_picture(view) for view in itertools.islice(wanted, count_max)]

    def counts(self) -> dict[str, int]:
        """How many wait for the printer, and how many for a person."""
        with self._lock:
            return {str(each): len(self._book.in_state(each)) for each in (JobState.QUEUED, JobState.UNKNOWN)}

    def list(self, *states: JobState) -> list[JobView]:
        """Those in these states (none named: all), oldest first."""
        with self._lock:
            return [_picture(view) for view in self._book.in_state(*(states or tuple(JobState)))]

    def decide(self, job_id: str, *, printed: bool, by: str) -> JobView:
        """A person looked at the paper. Not printed: the marked copy is ordered, as a job of its own (`copy_of`).

        The copy is written down first: a crash between the two leaves a marked copy and a question, never a loss.
        """
        with self._lock:
            view = self._book.jobs[job_id]
            if view.state in FINAL and view.decided_by:
                if (view.state is JobState.CONFIRMED) is not printed:
                    raise NotAllowed(job_id, view.state, f"{view.decided_by} decided otherwise")
                return _picture(view)
            event = Decided(job_id, self._clock.wall_ms(), printed, by)
            self._book.check(event)
            if not printed and view.job.kind is JobKind.PRINT:
                self._order_copy(view.job, by)
            return self._note(event, job_id)

    def abandon(self, job_id: str, by: str) -> JobView:
        """Take back a job of which nothing was sent."""
        with self._lock:
            view = self._book.jobs[job_id]
            if view.state is not JobState.QUEUED:
                raise NotAllowed(job_id, view.state, "only a waiting job can be taken back")
            return self._end(job_id, JobState.ABANDONED, f"{by} took it back")

    def copy_of(self, job_id: str) -> JobView | None:
        """The marked copy that was ordered of a job."""
        with self._lock:
            there = next((view for view in self._book.jobs.values() if view.job.copy_of == job_id), None)
            return None if there is None else _picture(there)

    def retire(self, reason: str) -> None:
        """What waits will not be printed here: the device is gone."""
        with self._lock:
            for view in self._book.in_state(JobState.QUEUED):
                self._end(view.job.id, JobState.ABANDONED, reason)

    def note_health(self, health: Health) -> None:
        """Write down how the device is, when that is news; that it prints is told by its jobs.

        Nothing stops because this cannot be written: it is written with the next news.
        """
        if health.state is HealthState.BUSY:
            return
        seen = (str(health.state), health.reasons)
        with self._lock, contextlib.suppress(JobJournalError):
            if seen != self._noted:
                self._write(HealthSeen(self._clock.wall_ms(), *seen))
                self._noted = seen

    def note_scan(self, scan: ScanSeen) -> None:
        """Durable when it returns; raises JobJournalError."""
        with self._lock:
            self._write(scan)

    def tidy(self) -> None:
        """Write a long journal anew; for a moment in which nothing else is to be done."""
        with self._lock:
            self._book = self._journal.compacted(self._book, self._clock.wall_ms())

    def next(self, kind: JobKind) -> Job | None:
        """The oldest waiting job of a kind; those whose deadline passed are ended on the way."""
        with self._lock:
            now_ms = self._clock.wall_ms()
            for view in self._book.in_state(JobState.QUEUED):
                if view.job.deadline_ms is not None and now_ms >= view.job.deadline_ms:
                    self._end(view.job.id, JobState.FAILED_CLEAN, DEADLINE_PASSED)
                elif view.job.kind is kind:
                    return view.job
            return None

    def fitted(self, job: Job) -> Job | None:
        """The waiting job in the bytes of the printer as it is set up now; None when it waits no more."""
        layout = self._maker.layout
        if not job.source or job.layout == layout:
            return job
        try:
            body = self._maker.body(job)
            must_be_a_job(msgspec.structs.replace(job, body=body))
        except ValueError as error:
            body, reason = b"", f"cannot be printed as the printer is set up now: {error}"
        with self._lock:
            view = self._book.jobs[job.id]
            if view.state is not JobState.QUEUED:
                return None
            if not body:
                self._end(job.id, JobState.FAILED_CLEAN, reason)
                return None
            if body == job.body:  # another printer, the same bytes: nothing to write down
                view.job = msgspec.structs.replace(job, layout=layout)
            else:
                self._note(Remade(job.id, self._clock.wall_ms(), body, layout), job.id)
            return self._book.jobs[job.id].job

    def sending(self, job_id: str) -> None:
        """The first byte leaves when this has returned, and not if it raises."""
        with self._lock:
            self._note(Sending(job_id, self._clock.wall_ms()), job_id)

    def clean(self, job_id: str, reason: str) -> None:
        """The attempt ended without a byte."""
        with self._lock:
            self._note(Clean(job_id, self._clock.wall_ms(), reason), job_id)

    def waits(self, job_id: str, reason: str) -> None:
        """It could not begin, and this is why."""
        with self._lock:
            self._book.waits(job_id, reason)

    def sent(self, job_id: str, *, proof: bool) -> None:
        """The last byte was handed over; without proof that is all that will be known."""
        with self._lock:
            self._note(Sent(job_id, self._clock.wall_ms(), "" if proof else NO_PROOF), job_id)

    def ended(self, job_id: str, state: JobState, reason: str, bytes_sent: int = 0) -> None:
        """What came of it."""
        with self._lock:
            self._end(job_id, state, reason, bytes_sent)

    def _order_copy(self, job: Job, by: str) -> None:
        copy_id = self._free_copy_id(job.id)
        if copy_id:
            now_ms, layout = self._clock.wall_ms(), self._maker.layout
            copy = msgspec.structs.replace(
                job, id=copy_id, layout=layout, submitted_ms=now_ms, deadline_ms=None, by=by, copy_of=job.id
            )
            copy = msgspec.structs.replace(copy, body=job.copy or self._maker.body(copy))
            self._note(Submitted(copy), copy_id)

    def _end(self, job_id: str, state: JobState, reason: str, bytes_sent: int = 0) -> JobView:
        return self._note(Ended(job_id, self._clock.wall_ms(), state, reason, bytes_sent), job_id)

    def _free_copy_id(self, job_id: str) -> str:
        """An id for the marked copy, of an id's length; empty when it was ordered already."""
        for number in itertools.count(1):
            end = ":copy" if number == 1 else f":copy{number}"
            copy_id = job_id[: ID_LENGTH_MAX - len(end)] + end
            there = self._book.jobs.get(copy_id)
            if there is None:
                return copy_id
            if there.job.copy_of == job_id:
                return ""
        raise AssertionError("ids are without end")

    def _write(self, event: Event) -> None:
        self._book.check(event)
        self._journal.append(event)
        self._book.apply(event)

    def _note(self, event: Event, job_id: str) -> JobView:
        self._write(event)
        view = _picture(self._book.jobs[job_id])
        self._tell(view)
        return view


def _picture(view: JobView) -> JobView:
    """A copy that stays as it is."""
    return msgspec.structs.replace(view, attempts=list(view.attempts), reasons=list(view.reasons))
