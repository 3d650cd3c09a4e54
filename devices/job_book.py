"""A device's jobs as the events tell them: what may come next, and what is known after it. Pure; the journal keeps the
events, the desk is asked and told."""

from typing import Final

import msgspec

from devices.jobs import (
    FINAL,
    REMADE,
    Attempt,
    Clean,
    Decided,
    Ended,
    Event,
    HealthSeen,
    IdReused,
    JobState,
    JobView,
    NotAllowed,
    Opened,
    Remade,
    Remembered,
    Retold,
    ScanSeen,
    Sending,
    Sent,
    Submitted,
)

ATTEMPTS_KEPT: Final = 10
"""and reasons; a printer without paper is asked often"""

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


_OVER_SOMETIMES: Final = FINAL | {JobState.SENT}


class JobBook:
    """Every job that is remembered, as the events tell; in the order they were submitted."""

    def __init__(self) -> None:
        self.epoch = 0
        self.seq = 0
        """of the last event; each has the next number, for ever"""
        self.jobs: dict[str, JobView] = {}
        self._open: dict[str, JobView] = {}
        """those that are not over: a week's done jobs are not looked through for each new one"""

    def check(self, event: Event) -> None:
        """Whether the event may come next; raises IdReused or NotAllowed."""
        match event:
            case Opened(epoch):
                if epoch <= self.epoch:
                    raise NotAllowed("", f"in epoch {self.epoch}", f"epoch {epoch} cannot follow")
            case Submitted(job) | Remembered(JobView(job)):
                if job.id in self.jobs:
                    raise IdReused(job.id)
            case Retold() if self.seq or self.jobs:
                raise NotAllowed("", f"at event {self.seq}", "only the first line tells what went before")
            case Retold() | HealthSeen() | ScanSeen():
                pass
            case Remade(job_id):
                if self.jobs[job_id].state is not JobState.QUEUED:
                    raise NotAllowed(job_id, self.jobs[job_id].state, "only a waiting job is made anew")
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
        self.seq = seq_after(self.seq, event)
        match event:
            case Opened(epoch) | Retold(epoch):
                self.epoch = epoch
            case Submitted(job):
                self._take_in(JobView(job, changed_ms=job.submitted_ms, number=self.seq))
            case Remembered(view):
                self._take_in(view)
            case Remade(job_id, at_ms, body, layout):
                view = self._move(job_id, JobState.QUEUED, at_ms, REMADE)
                view.job = msgspec.structs.replace(view.job, body=body, layout=layout)
            case Sending(job_id, at_ms):
                view = self._move(job_id, JobState.SENDING, at_ms, "")
                view.tries += 1
                view.attempts = [*view.attempts[1 - ATTEMPTS_KEPT :], Attempt(at_ms)]
            case Clean(job_id, at_ms, reason):
                _close_attempt(self._move(job_id, JobState.QUEUED, at_ms, reason), at_ms, reason, 0)
            case Sent(job_id, at_ms, reason):
                view = self._move(job_id, JobState.SENT, at_ms, reason)
                if view.over:
                    _close_attempt(view, at_ms, reason, 0)
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
        among = self._open if _OVER_SOMETIMES.isdisjoint(states) else self.jobs
        return [view for view in among.values() if view.state in states]

    def doubts(self, at_ms: int) -> list["Ended"]:
        """What a new owner has to say: somebody else was sending these, and is gone."""
        left = [view for view in self._open.values() if view.state in (JobState.SENDING, JobState.SENT)]
        return [
            Ended(view.job.id, at_ms, JobState.UNKNOWN, f"the program ended while the job was {view.state}")
            for view in left
        ]

    def _take_in(self, view: JobView) -> None:
        self.jobs[view.job.id] = view
        if not view.over:
            self._open[view.job.id] = view

    def _move(self, job_id: str, state: JobState, at_ms: int, reason: str) -> JobView:
        view = self.jobs[job_id]
        view.state = state
        view.changed_ms = at_ms
        if reason and view.reasons[-1:] != [reason]:
            view.reasons = [*view.reasons[1 - ATTEMPTS_KEPT :], reason]
        if view.over:
            self._open.pop(job_id, None)
            # Memory; nobody sends them any more.
            view.job = msgspec.structs.replace(view.job, body=b"", copy=b"", source=b"")
        return view


def seq_after(seq: int, event: Event) -> int:
    """The number of the event that comes after the one with the number `seq`."""
    match event:
        case Retold():
            return event.seq
        case Remembered():
            return seq
        case _:
            return seq + 1


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
