"""What is asked of a device's actor, and what it answers: flat structs that travel as msgpack."""

from collections.abc import Callable
from typing import Final

import msgspec

from devices.health import Health
from devices.jobs import Attempt, JobKind, JobState, JobView


class Submit(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Take a job in."""

    id: str
    kind: JobKind
    document: bytes
    deadline_ms: int | None
    by: str
    why: str
    not_after_ms: int


class Find(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Where does it stand?"""

    id: str


class ListJobs(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Those in these states (none: all) that came after number `after`; the newest first: before it."""

    states: list[JobState]
    after: int
    count_max: int
    newest: bool = False


class Decide(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A person looked at the paper."""

    id: str
    printed: bool
    by: str
    not_after_ms: int


class Draw(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What does it look like on the paper?"""

    id: str


class AskHealth(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """How is it?"""


class Weigh(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What lies on the scale? The same id gets the same answer again."""

    id: str
    tare_grams: int
    not_after_ms: int


class Show(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Have the customer see this."""

    shown: bytes
    """JSON of devices.shown"""
    not_after_ms: int


class NewReceipt(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The next customer stands at the scanner."""


class AskTape(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What were the last bytes both ways?"""


Asked = Submit | Find | ListJobs | Decide | Draw | AskHealth | Weigh | Show | NewReceipt | AskTape


class JobPicture(msgspec.Struct, frozen=True, array_like=True):
    """A job without its bytes."""

    id: str
    kind: JobKind
    state: JobState
    number: int
    attempts: list[Attempt]
    reasons: list[str]
    submitted_ms: int
    changed_ms: int
    deadline_ms: int | None
    by: str
    why: str
    copy_of: str
    decided_by: str

    @classmethod
    def of(cls, view: JobView) -> "JobPicture":
        """What may leave the device."""
        job = view.job
        return cls(
            job.id, job.kind, view.state, view.number, view.attempts, view.reasons, job.submitted_ms, view.changed_ms,
            job.deadline_ms, job.by, job.why, job.copy_of, view.decided_by,
        )  # fmt: skip


class JobTold(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """One job."""

    job: JobPicture
    replayed: bool = False
    """it was known, or decided, before"""
    copy: str = ""
    """the id of the marked copy that was ordered of it"""


class JobsTold(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Some jobs, in the order they came."""

    jobs: list[JobPicture]


class HealthTold(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """How it is, and how many jobs wait there for the device and for a person."""

    health: Health
    jobs: dict[str, int] = {}


class Drawn(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A picture."""

    png: bytes


class Weighed(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A weight to sell by."""

    grams: int
    gross_grams: int
    tare_grams: int
    net_on_scale: bool
    sequence: int
    at_ms: int
    evidence: str
    replayed: bool


class Lines(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What a display will show; that it does it never says."""

    upper: str
    lower: str


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Bytes that went one way without any the other way between them."""

    at_ms: int
    sent: bool
    data: bytes


class TapeTold(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The last bytes both ways, the oldest first."""

    pieces: list[Piece]


class Done(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """It was done."""


class Refusal(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """It was not done, and this is why; `code` is that of the problem."""

    code: str
    detail: str
    path: str = ""


Answer = JobTold | JobsTold | Drawn | HealthTold | Weighed | Lines | TapeTold | Done
Told = Answer | Refusal


class DeviceProbe(msgspec.Struct, frozen=True, array_like=True):
    """Which process answers for a device."""

    pid: int
    started: int
    works: bool = True
    """False when the device has to be made anew, although its process answers"""


encode: Final = msgspec.msgpack.Encoder().encode
decode_asked: Final[Callable[[bytes], Asked]] = msgspec.msgpack.Decoder(Asked).decode
decode_told: Final[Callable[[bytes], Told]] = msgspec.msgpack.Decoder(Told).decode
decode_probe: Final = msgspec.msgpack.Decoder(DeviceProbe).decode
