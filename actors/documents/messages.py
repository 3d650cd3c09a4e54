"""What API processes ask of the documents writer, and what it answers: flat structs that travel as msgpack."""

from typing import Final

import msgspec

from actors.documents.schema import DocumentKind
from engine.outcomes import Outcome


class Proposal(msgspec.Struct, frozen=True, array_like=True):
    """One document as somebody wants it."""

    code: str
    document: str
    """JSON, validated and normalised by the sender; empty when it is to be archived"""
    archived: bool = False


class RequestId(msgspec.Struct, frozen=True, array_like=True):
    """The Idempotency-Key that a change came with."""

    client: int
    key: str
    content_sha256: bytes


class Change(msgspec.Struct, frozen=True, tag=True):
    """Put or archive documents of one kind; each code at most once."""

    kind: DocumentKind
    proposals: list[Proposal]
    request: RequestId | None = None


class PutKey(msgspec.Struct, frozen=True, tag=True):
    """Register an API key, of which only the secret's SHA-256 ever travels."""

    id: str
    secret_sha256: bytes
    client: str
    scopes: list[str]
    channels: list[str] | None = None
    warehouses: list[str] | None = None
    expires_at_ms: int | None = None


class RevokeKey(msgspec.Struct, frozen=True, tag=True):
    """Make a key useless from now on."""

    id: str


class Closing(msgspec.Struct, frozen=True, array_like=True):
    """A business day of one channel at one place, as whoever closes it has it."""

    day: str
    warehouse: int
    channel: int
    document: str
    """JSON, as it will be answered for ever"""


class CloseDay(msgspec.Struct, frozen=True, tag=True):
    """Write down days that are over; those that are written already stay as they are. Each at most once."""

    closings: list[Closing]
    request: RequestId


class Interest(msgspec.Struct, frozen=True, array_like=True):
    """What was looked at in one channel on one day: a SKU, or what a search did not find."""

    day: str
    channel: int
    sku_key: int
    """0 = of a search"""
    query: str
    """empty = of a SKU"""
    views: int
    cart_adds: int
    empty_searches: int


class PutInterest(msgspec.Struct, frozen=True, tag=True):
    """The last word on these; each at most once. A row that cannot be kept is its outcome, which is pinned too."""

    rows: list[Interest | Outcome]
    request: RequestId


class MarkAlert(msgspec.Struct, frozen=True, tag=True):
    """What somebody says of an alert."""

    alert: str
    state: str
    """acknowledged or snoozed"""
    author: str
    request: RequestId
    until_ms: int | None = None
    """until when a snoozed one is not to be heard of"""
    raised: bool = True
    """if it is not, only a request that comes again is answered; a new one is a `conflict`"""


Message = Change | PutKey | RevokeKey | CloseDay | PutInterest | MarkAlert


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """What became of one proposal."""

    outcome: Outcome
    made: bool = False
    """there was no such document in force before"""
    changed: bool = False
    detail: str = ""


class Changed(msgspec.Struct, frozen=True):
    """The answer to a message: a verdict for each proposal, in their order (one for a key)."""

    verdicts: list[Verdict]
    replayed: bool = False
    """the Idempotency-Key was known: these are the verdicts of the first time"""


UNAVAILABLE: Final = Verdict(Outcome.UNAVAILABLE)
"""May have run: send it again."""
OVERLOADED: Final = Verdict(Outcome.OVERLOADED)
"""Did not run."""

PINNED_OUTCOMES: Final = frozenset(outcome for outcome in Outcome if outcome <= Outcome.OK)


def refuse_all(message: Message, verdict: Verdict) -> Changed:
    """The same verdict for everything that `message` asks."""
    return Changed([verdict] * count_of(message))


def count_of(message: Message) -> int:
    """How many verdicts it is answered with."""
    match message:
        case Change(proposals=asked) | CloseDay(closings=asked) | PutInterest(rows=asked):
            return len(asked)
        case _:
            return 1


encode_message = msgspec.msgpack.Encoder().encode
encode_changed = msgspec.msgpack.Encoder().encode
decode_message = msgspec.msgpack.Decoder(Message).decode
decode_changed = msgspec.msgpack.Decoder(Changed).decode
encode_verdicts = msgspec.msgpack.Encoder().encode
decode_verdicts = msgspec.msgpack.Decoder(list[Verdict]).decode
