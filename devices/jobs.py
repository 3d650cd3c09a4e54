"""A device's jobs: what state each is in and what may follow. Pure: events in, jobs out; the journal keeps the events.

    queued -> sending -> sent -> confirmed             the device itself proved that it is done
       ^         |         |
       +- clean -+         +--> unknown -> confirmed   a person looked: it was printed
       |         +------------> unknown -> abandoned   a person looked: it was not; a marked copy is a new job
       +--> failed_clean                               not one byte of it left, and it will not be tried again
       +--> abandoned                                  a person took it back before a byte left

`sending` is written down before the first byte leaves. So after any crash a job that may have reached the device is
found in `sending` or `sent`, and becomes `unknown`: it is never printed again by itself.

A device that cannot prove anything leaves a receipt `unknown`, too: a person looks. A drawer without a switch ends as
`sent`: whoever stands before it sees it, and a new kick is a new job.
"""

from enum import StrEnum
from typing import Final

import msgspec

ID_LENGTH_MAX: Final = 64
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
"""Handed over whole, and the device will never say more."""
REMADE: Final = "made anew: the printer is set up otherwise now"


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
    """the same with the word COPY on it, for whoever has to order it again;"""
    source: bytes = b""
    """or what it can be made from, which few ever need"""
    submitted_ms: int = 0
    deadline_ms: int | None = None
    """wall clock; not one byte of it leaves afterwards"""
    by: str = ""
    """who asked"""
    why: str = ""
    """a drawer is never opened for nothing: a sale's id, or "no sale" """
    copy_of: str = ""
    layout: str = ""
    """what the body was made for: a printer's paper and letters"""


class Submitted(msgspec.Struct, frozen=True, tag="submitted"):
    """It was taken in."""

    job: Job


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """A new owner of the journal; it says next what was under way, which is unknown from here on."""

    epoch: int
    at_ms: int


class Remade(msgspec.Struct, frozen=True, tag="remade"):
    """Its bytes were made anew before any left: the printer is set up otherwise now."""

    id: str
    at_ms: int
    body: bytes
    layout: str


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


class HealthSeen(msgspec.Struct, frozen=True, tag="health"):
    """How the device was from then on; here because whoever follows a device follows its journal."""

    at_ms: int
    state: str
    reasons: tuple[str, ...]


class ScanSeen(msgspec.Struct, frozen=True, tag="scan", omit_defaults=True):
    """Somebody scanned something; whoever sells follows the device's journal, and none is missed or seen twice."""

    at_ms: int
    raw: str
    """as read, with GS; of another keyboard layout what was meant"""
    aim: str = ""
    means: dict[str, str | int | bool] = {}
    """kind, GTIN, weight and so on; empty when it is refused"""
    refused: str = ""
    again: bool = False
    """a marked good that is in this receipt already: refuse it"""


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
    number: int = 0
    """which event it came with: the order in which jobs came"""

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        handed_over = self.state is JobState.SENT and self.reasons[-1:] == [NO_PROOF]
        return self.state in FINAL or (handed_over and self.job.kind is JobKind.OPEN_DRAWER)

    @property
    def unproved(self) -> bool:
        """Handed over to a device without a voice, and nobody has looked."""
        return self.state is JobState.UNKNOWN and self.reasons[-1:] == [NO_PROOF]


class Retold(msgspec.Struct, frozen=True, tag="retold"):
    """The first line of a journal that was written anew: what went before it."""

    epoch: int
    seq: int


class Remembered(msgspec.Struct, frozen=True, tag="remembered"):
    """A job as it stood when the journal was written anew."""

    view: JobView


Event = (
    Retold | Remembered | Opened | Submitted | Remade | Sending | Clean | Sent | Ended | Decided | HealthSeen | ScanSeen
)


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


class DeskFull(Exception):
    """Too many jobs wait for this device."""

    def __init__(self, waiting: int) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def __str__(self) -> str:
        return f"{self.waiting} jobs wait already"


class BadJob(ValueError):
    """This cannot be a job."""


def must_be_a_job(job: Job) -> None:
    """Raises BadJob."""
    if not 0 < len(job.id) <= ID_LENGTH_MAX or not job.id.isprintable():
        raise BadJob(f"an id has 1 to {ID_LENGTH_MAX} printable characters")
    if max(map(len, (job.body, job.copy, job.source))) > BODY_BYTES_MAX:
        raise BadJob(f"a job has at most {BODY_BYTES_MAX} bytes")
    if job.kind is JobKind.PRINT and not (job.body and (job.copy or job.source)):
        raise BadJob("a print job brings its bytes and a copy with the word COPY on it, or what that is made from")
    if job.kind is JobKind.OPEN_DRAWER and not (job.why and job.by):
        raise BadJob("a drawer is opened by somebody and for a reason")
