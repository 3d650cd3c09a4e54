"""A device's jobs: what state each is in and what may follow. Pure: events in, jobs out; the journal keeps the events.

    queued -> sending -> sent -> confirmed             the device itself proved that it is done
       ^         |         |
       +- clean -+         +--> unknown -> confirmed   a person looked: it was printed
       |         +------------> unknown -> abandoned   a person looked: it was not; a marked copy is a new job
       +--> failed_clean                               not one byte of it left, and it will not be tried again
       +--> abandoned                                  a person took it back before a byte left

`sending` is written down before the first byte leaves. So after any crash a job that may have reached the device is
found in `sending` or `sent`, and becomes `unknown`: it is never printed again by itself.
"""

from enum import StrEnum
from typing import Final

import msgspec

ID_LENGTH_MAX: Final = 128
BODY_BYTES_MAX: Final = 1 << 20
"""A receipt as one picture is about 100 KB."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED_CLEAN = "failed_clean"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"


FINAL: Final = frozenset({JobState.CONFIRMED, JobState.FAILED_CLEAN, JobState.ABANDONED})


NO_PROOF: Final = "this device cannot prove that it is done"
"""Such a job ends as `sent`: handed over whole, and nothing more will ever be known."""


class JobKind(StrEnum):
    """What a job wants of the device."""

    PRINT = "print"
    OPEN_DRAWER = "open_drawer"


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked, as it came; never changes."""

    id: str
    kind: JobKind
    content: str
    """what the same id must come with again, e.g. a digest of the document"""
    body: bytes = b""
    """what is sent to a printer, ready"""
    copy: bytes = b""
    """the same with the word COPY on it, for whoever has to order it again"""
    submitted_ms: int = 0
    deadline_ms: int | None = None
    """wall clock; not one byte of it leaves afterwards"""
    by: str = ""
    """who asked"""
    why: str = ""
    """a drawer is never opened for nothing: a sale's id, or "no sale" """
    copy_of: str = ""


class Submitted(msgspec.Struct, frozen=True, tag="submitted"):
    """It was taken in."""

    job: Job


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """A new owner of the journal: what was under way is unknown from here on."""

    epoch: int
    at_ms: int


class Sending(msgspec.Struct, frozen=True, tag="sending"):
    """The first byte may leave from here on."""

    id: str
    at_ms: int


class Clean(msgspec.Struct, frozen=True, tag="clean"):
    """An attempt ended without a byte having left: it will be tried again."""

    id: str
    at_ms: int
    reason: str


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """The last byte was handed over."""

    id: str
    at_ms: int
    reason: str = ""
    """NO_PROOF when that is all that will ever be known"""


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """What came of it."""

    id: str
    at_ms: int
    state: JobState
    reason: str
    bytes_sent: int = 0


class Decided(msgspec.Struct, frozen=True, tag="decided"):
    """A person looked at the paper."""

    id: str
    at_ms: int
    printed: bool
    by: str


class Attempt(msgspec.Struct, frozen=True):
    """One try, for people."""

    began_ms: int
    ended_ms: int = 0
    """0 = it goes on"""
    reason: str = ""
    bytes_sent: int = 0


class JobView(msgspec.Struct):
    """A job and where it stands."""

    job: Job
    state: JobState = JobState.QUEUED
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    """the last ones; a printer without paper is asked often"""
    tries: int = 0
    reasons: list[str] = msgspec.field(default_factory=list)
    """why it is in this state, last one last"""
    changed_ms: int = 0
    decided_by: str = ""


class Remembered(msgspec.Struct, frozen=True, tag="remembered"):
    """A job as it stood when the journal was written anew."""

    view: JobView


Event = Opened | Remembered | Submitted | Sending | Clean | Sent | Ended | Decided


ATTEMPTS_KEPT: Final = 10
"""and reasons; a printer without paper is asked often"""


class IdReused(Exception):
    """This id names another job."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return f"job {self.job_id!r} has other content"


class NotAllowed(Exception):
    """The job's state does not allow this."""

    def __init__(self, job_id: str, state: str, what: str) -> None:
        super().__init__(job_id, state, what)
        self.job_id = job_id
        self.state = state
        self.what = what

    def __str__(self) -> str:
        return f"job {self.job_id!r} is {self.state}: {self.what}"


_MAY_FOLLOW: Final = {
    JobState.QUEUED: {JobState.SENDING, JobState.FAILED_CLEAN, JobState.ABANDONED},
    JobState.SENDING: {
        JobState.QUEUED,
        JobState.SENT,
        JobState.CONFIRMED,  # when the disk had no room for `sent`
        JobState.FAILED_CLEAN,
        JobState.UNKNOWN,
    },
    JobState.SENT: {JobState.CONFIRMED, JobState.UNKNOWN},
    JobState.UNKNOWN: {JobState.CONFIRMED, JobState.ABANDONED},
    JobState.CONFIRMED: set(),
    JobState.FAILED_CLEAN: set(),
    JobState.ABANDONED: set(),
}


class JobBook:
    """Every job that is remembered, as the events tell; in the order they were submitted."""

    def __init__(self) -> None:
        self.epoch = 0
        self.jobs: dict[str, JobView] = {}
        self._open: dict[str, JobView] = {}
        """those that are not in a final state: a week's done jobs are not looked through for each new one"""

    def check(self, event: Event) -> None:
        """Whether the event may come next; raises IdReused or NotAllowed."""
        match event:
            case Opened(epoch):
                if epoch <= self.epoch:
                    raise NotAllowed("", f"in epoch {self.epoch}", f"epoch {epoch} cannot follow")
            case Submitted(job) | Remembered(JobView(job)):
                if job.id in self.jobs:
                    raise IdReused(job.id)
            case Decided(job_id):
                if self.jobs[job_id].state is not JobState.UNKNOWN:
                    raise NotAllowed(job_id, self.jobs[job_id].state, "only an unknown job is decided by a person")
            case _:
                view, state = self.jobs[event.id], _state_after(event)
                if state not in _MAY_FOLLOW[view.state]:
                    raise NotAllowed(event.id, view.state, f"cannot become {state}")

    def apply(self, event: Event) -> None:
        """One more event; one that may not come next changes nothing."""
        self.check(event)
        match event:
            case Opened(epoch, at_ms):
                self.epoch = epoch
                self._doubt(at_ms)
            case Submitted(job):
                self._take_in(JobView(job, changed_ms=job.submitted_ms))
            case Remembered(view):
                self._take_in(view)
            case Sending(job_id, at_ms):
                view = self._move(job_id, JobState.SENDING, at_ms, "")
                view.tries += 1
                view.attempts = [*view.attempts[1 - ATTEMPTS_KEPT :], Attempt(at_ms)]
            case Clean(job_id, at_ms, reason):
                _close_attempt(self._move(job_id, JobState.QUEUED, at_ms, reason), at_ms, reason, 0)
            case Sent(job_id, at_ms, reason):
                self._move(job_id, JobState.SENT, at_ms, reason)
            case Ended(job_id, at_ms, state, reason, bytes_sent):
                _close_attempt(self._move(job_id, state, at_ms, reason), at_ms, reason, bytes_sent)
            case Decided(job_id, at_ms, printed, by):
                said = "a person saw it printed" if printed else "a person saw that it was not printed"
                view = self._move(job_id, JobState.CONFIRMED if printed else JobState.ABANDONED, at_ms, said)
                view.decided_by = by

    def waits(self, job_id: str, reason: str) -> JobView:
        """Why it still waits; not worth a line in the journal."""
        return self._move(job_id, self.jobs[job_id].state, self.jobs[job_id].changed_ms, reason)

    def in_state(self, *states: JobState) -> list[JobView]:
        """Those in any of these states, oldest first."""
        among = self._open if FINAL.isdisjoint(states) else self.jobs
        return [view for view in among.values() if view.state in states]

    def _take_in(self, view: JobView) -> None:
        self.jobs[view.job.id] = view
        if view.state not in FINAL:
            self._open[view.job.id] = view

    def _move(self, job_id: str, state: JobState, at_ms: int, reason: str) -> JobView:
        view = self.jobs[job_id]
        view.state = state
        view.changed_ms = at_ms
        if state in FINAL:
            self._open.pop(job_id, None)
            view.job = msgspec.structs.replace(view.job, body=b"", copy=b"")  # memory; nobody sends them any more
        if reason and view.reasons[-1:] != [reason]:
            view.reasons = [*view.reasons[1 - ATTEMPTS_KEPT :], reason]
        return view

    def _doubt(self, at_ms: int) -> None:
        """Somebody else was sending these, and is gone."""
        for view in self.in_state(JobState.SENDING, JobState.SENT):
            if view.state is JobState.SENT and view.reasons[-1:] == [NO_PROOF]:
                continue
            reason = f"the program ended while the job was {view.state}"
            _close_attempt(self._move(view.job.id, JobState.UNKNOWN, at_ms, reason), at_ms, reason, 0)


def _state_after(event: Sending | Clean | Sent | Ended) -> JobState:
    match event:
        case Sending():
            return JobState.SENDING
        case Clean():
            return JobState.QUEUED
        case Sent():
            return JobState.SENT
        case Ended():
            return event.state


def _close_attempt(view: JobView, at_ms: int, reason: str, bytes_sent: int) -> None:
    if view.attempts and not view.attempts[-1].ended_ms:
        last = view.attempts[-1]
        view.attempts[-1] = msgspec.structs.replace(last, ended_ms=at_ms, reason=reason, bytes_sent=bytes_sent)
