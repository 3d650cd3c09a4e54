"""The writer's two transactions: one that writes what is wanted as pending, one that says what became of it.

Everything here runs on the one thread that owns the connection. Nothing is remembered between calls but the
connection itself: after any error the tables say what has to be done.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from actors.documents.alert_marks import mark_alert
from actors.documents.answers import forget_answers, remember_answer
from actors.documents.closings import close_day
from actors.documents.database import (
    DocumentsSettings,
    DocumentsUnreachable,
    describe,
    writers_lock,
    writing_engine,
)
from actors.documents.definitions import definition_rows
from actors.documents.delivery import Fate, Parcel, fate_of
from actors.documents.device_rows import change_devices
from actors.documents.facts import channel_facts
from actors.documents.first_start import ensure_first_documents
from actors.documents.interest import put_interest
from actors.documents.key_store import StoredKey, put_key, revoke_key, stored_keys
from actors.documents.messages import (
    UNAVAILABLE,
    Change,
    Changed,
    CloseDay,
    MarkAlert,
    Message,
    Proposal,
    PutInterest,
    RevokeKey,
    Verdict,
)
from actors.documents.migrating import migrate
from actors.documents.proposing import Proposed, propose
from actors.documents.rows import Pending, client_names, unfinished, warehouse_numbers
from actors.documents.schema import DocumentKind
from actors.documents.settling import settle
from engine.outcomes import Outcome

ANSWERS_KEPT_MS: Final = 7 * 24 * 3600 * 1000
_FORGET_EVERY_MS: Final = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Round:
    """Documents on their way, with what the shards are to be told."""

    messages: Sequence[Message]
    proposed: Sequence[Proposed]
    """of each message"""
    places: Sequence[Pending]
    """what every shard must know: warehouses, channels, clients"""
    products: Sequence[Pending]
    place_parcel: Parcel
    product_parcel: Parcel


@dataclass(frozen=True, slots=True)
class Settled:
    """What a round came to."""

    answers: Sequence[Changed]
    """of each message"""
    left: int
    """documents that a shard has not decided"""
    back: Round | None
    """definitions that take back what only some shards took"""


class WritingSession:
    """The open database of the one writer."""

    def __init__(self, settings: DocumentsSettings, now_ms: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        """Opens it, waits for nobody; raises DocumentsLocked, DocumentsTooNew or DocumentsUnreachable."""
        self._now_ms = now_ms
        self._forget_at_ms = 0
        try:
            with ExitStack() as stack:
                engine = writing_engine(settings)
                stack.callback(engine.dispose)
                self._connection = stack.enter_context(engine.connect())
                stack.enter_context(writers_lock(settings, self._connection))
                migrate(settings, self._connection)
                with self._transaction() as connection:
                    ensure_first_documents(connection, settings.data, now_ms(), entropy)
                self._stack = stack.pop_all()
        except SQLAlchemyError as error:
            raise DocumentsUnreachable(describe(settings), str(error).splitlines()[0]) from error

    def close(self) -> None:
        """Let go of the connection and the lock."""
        self._stack.close()

    def begin(self, messages: Sequence[Message]) -> Round:
        """Commit what `messages` want as pending."""
        with self._transaction() as connection:
            proposed = [self._propose(connection, message) for message in messages]
            return _round(connection, messages, proposed, [p for each in proposed for p in each.pending.values()])

    def unfinished(self, count_max: int) -> Round:
        """What was left pending."""
        with self._transaction() as connection:
            return _round(connection, (), (), unfinished(connection, count_max))

    def all_keys(self) -> list[tuple[StoredKey, str]]:
        """Every key with its client's name, oldest first."""
        with self._transaction() as connection:
            names = client_names(connection)
            return [(key, names[key.client]) for key in stored_keys(connection)]

    def settle(self, round_: Round, outcomes: Sequence[Sequence[Outcome]]) -> Settled:
        """Commit what became of a round's documents (places, then products), and tell who asked."""
        documents = [*round_.places, *round_.products]
        fates = [fate_of(said) for said in outcomes]
        by_fate = {fate: [p for p, f in zip(documents, fates, strict=True) if f is fate] for fate in Fate}
        verdicts = {
            (p.kind, p.number): _verdict(p, said, fate)
            for p, said, fate in zip(documents, outcomes, fates, strict=True)
        }
        answers = [_answer(proposed, verdicts) for proposed in round_.proposed]
        with self._transaction() as connection:
            back = settle(connection, by_fate[Fate.APPLIED], by_fate[Fate.REFUSED], by_fate[Fate.TORN])
            for message, answer in zip(round_.messages, answers, strict=True):
                self._remember(connection, message, answer)
            return Settled(answers, len(by_fate[Fate.OPEN]), _round(connection, (), (), back) if back else None)

    def settle_back(self, round_: Round, outcomes: Sequence[Sequence[Outcome]]) -> int:
        """Commit what became of the definitions that take others back; returns how many are undecided.

        One that is refused had nothing to take back on that shard.
        """
        documents = [*round_.places, *round_.products]
        done = [p for p, said in zip(documents, outcomes, strict=True) if fate_of(said) is not Fate.OPEN]
        with self._transaction() as connection:
            settle(connection, done, (), ())
        return len(documents) - len(done)

    def _propose(self, connection: Connection, message: Message) -> Proposed:
        if isinstance(message, Change) and message.kind is DocumentKind.DEVICE:
            return Proposed(list(change_devices(connection, message)))
        if isinstance(message, Change):
            return propose(connection, message)
        if isinstance(message, CloseDay):
            return close_day(connection, message)
        if isinstance(message, PutInterest):
            return put_interest(connection, message)
        if isinstance(message, MarkAlert):
            return mark_alert(connection, message, self._now_ms())
        if isinstance(message, RevokeKey):
            known = revoke_key(connection, message.id, self._now_ms())
            return Proposed([Verdict(Outcome.OK, changed=known)])
        proposed = propose(connection, Change(DocumentKind.CLIENT, [Proposal(message.client, "{}")]))
        if proposed.verdicts[0] is None or proposed.verdicts[0].outcome == Outcome.OK:
            verdict = put_key(connection, message, self._now_ms())
            # A key is as good as its client: until the shards know that one, there is no verdict.
            proposed.verdicts[0] = verdict if not proposed.pending or verdict.outcome != Outcome.OK else None
        return proposed

    def _remember(self, connection: Connection, message: Message, answer: Changed) -> None:
        if (
            not isinstance(message, Change | CloseDay | PutInterest | MarkAlert)
            or message.request is None
            or answer.replayed
        ):
            return
        if all(verdict.outcome <= Outcome.OK and verdict.outcome != Outcome.ID_REUSED for verdict in answer.verdicts):
            now_ms = self._now_ms()
            remember_answer(connection, message.request, answer.verdicts, now_ms)
            if now_ms >= self._forget_at_ms:
                forget_answers(connection, now_ms - ANSWERS_KEPT_MS)
                self._forget_at_ms = now_ms + _FORGET_EVERY_MS

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connection.begin():
            yield self._connection


def _round(
    connection: Connection, messages: Sequence[Message], proposed: Sequence[Proposed], pending: Sequence[Pending]
) -> Round:
    places = [p for p in pending if p.kind is not DocumentKind.PRODUCT]
    products = [p for p in pending if p.kind is DocumentKind.PRODUCT]
    channels = [p for p in places if p.kind is DocumentKind.CHANNEL]
    codes = {code for p in channels for code in channel_facts(p.document).warehouses or ()}
    numbers = warehouse_numbers(connection, codes)
    return Round(
        messages,
        proposed,
        places,
        products,
        Parcel(*definition_rows(places, numbers), everywhere=True),
        Parcel(*definition_rows(products, numbers), everywhere=False),
    )


def _answer(proposed: Proposed, verdicts: dict[tuple[DocumentKind, int], Verdict]) -> Changed:
    found = []
    for place, verdict in enumerate(proposed.verdicts):
        if verdict is None:
            pending = proposed.pending[place]
            verdict = verdicts[pending.kind, pending.number]
        found.append(verdict)
    return Changed(found, proposed.replayed)


def _verdict(pending: Pending, said: Sequence[Outcome], fate: Fate) -> Verdict:
    if fate is Fate.APPLIED:
        return Verdict(Outcome.OK, made=pending.made and not pending.archived, changed=True)
    if fate is Fate.OPEN:
        return UNAVAILABLE
    refusal = min(said)
    detail = ""
    if refusal == Outcome.CONFLICT and pending.archived:
        detail = "there is stock of it on hand, reserved or incoming"
    elif refusal == Outcome.CONFLICT:
        detail = "quantity_decimals cannot change once there has been stock of it"
    elif refusal == Outcome.LIMIT_EXCEEDED:
        detail = f"the shards have no room for another {pending.kind}"
    return Verdict(refusal, detail=detail)
