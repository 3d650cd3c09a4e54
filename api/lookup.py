"""Questions to shards, for reads: reservations with their texts, pages of them, stock, and what a command got."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from actors.answers import Answers
from actors.client import Client
from actors.command_lookup import CommandAnswer, ShardAway
from actors.documents.keys import Principal
from api.status import Problem, away
from engine.ids import partition_of, reservation_text, text_key
from engine.kinds import Flag, QuestionKind
from engine.layout import LINE, NO_WAREHOUSE, QUESTION, SPANS, TEXTS
from engine.outcomes import Outcome
from engine.wire import Array, Bytes

TEXTS_KEPT_MAX: Final = 1 << 16
"""Reservations whose texts this process remembers: about 20 MB."""
ReservationTexts = tuple[str, str]
"""The reference and the customer that a reservation was given when it was made, and keeps; empty when not given."""
_REFERENCE, _CUSTOMER = TEXTS.index("reference"), TEXTS.index("customer")


class RememberedTexts:
    """The texts of the reservations that this process has seen lately, the least recent forgotten first."""

    def __init__(self, count_max: int = TEXTS_KEPT_MAX) -> None:
        self._count_max = count_max
        # Plain tuples of texts: the garbage collector need not look at those.
        self._texts: OrderedDict[int, ReservationTexts] = OrderedDict()

    def get(self, key: int) -> ReservationTexts | None:
        """The texts of the reservation with this key."""
        found = self._texts.get(key)
        if found is not None:
            self._texts.move_to_end(key)
        return found

    def put(self, key: int, texts: ReservationTexts) -> None:
        """Remember them."""
        self._texts[key] = texts
        if len(self._texts) > self._count_max:
            self._texts.popitem(last=False)


@dataclass(slots=True)
class Reservation:
    """One reservation as the shards know it."""

    partition: int
    key: int
    state: int
    expires_at_ms: int
    channel: int
    texts: ReservationTexts
    lines: Array

    @property
    def id(self) -> str:
        """Its text form."""
        return reservation_text(self.partition, self.key)


def question(kind: QuestionKind, principal: Principal, count: int = 1) -> Array:
    """Questions with what all have in common."""
    questions = np.zeros(count, QUESTION)
    questions["kind"] = kind
    questions["client"] = principal.client
    questions["channel"] = NO_WAREHOUSE
    questions["flags"] = Flag.ADMIN if principal.admin else 0
    return questions


def check_answered(answers: Answers) -> None:
    """503 or 429 when a shard that was asked did not answer."""
    outcomes = answers.answers["outcome"]
    for outcome in (Outcome.UNAVAILABLE, Outcome.OVERLOADED):
        if (outcomes == outcome).any():
            problem = away(outcome, answers.retry_after_ms)
            problem.detail = "try again"
            raise problem


def text_of(row: Array, heap: Bytes, number: int) -> str:
    """Text `number` (of layout.TEXTS) of a journaled row."""
    lengths = row["text_lengths"].tolist()
    begin = int(row["text_at"]) + sum(lengths[:number])
    return heap[begin : begin + lengths[number]].tobytes().decode()


def reservations_of(answers: Answers, at: int) -> Iterator[Reservation]:
    """The reservations that question `at` was answered with."""
    answer = answers.answers[at]
    begin = int(answer["items_at"])
    for item in range(begin, begin + int(answer["items_n"])):
        view = answers.reservations[item]
        made_by = answers.reservation_commands[item]
        lines_at = int(view["lines_at"])
        yield Reservation(
            int(view["partition"]),
            int(view["reservation"]),
            int(view["state"]),
            int(view["expires_at_ms"]),
            int(view["channel"]),
            (text_of(made_by, answers.heap, _REFERENCE), text_of(made_by, answers.heap, _CUSTOMER)),
            answers.reservation_lines[lines_at : lines_at + int(view["lines_n"])],
        )


async def reservation(client: Client, principal: Principal, partition: int, key: int) -> Reservation | None:
    """The reservation with all its lines, or None when the caller has none such."""
    questions = question(QuestionKind.RESERVATION, principal)
    questions["key"] = key
    home = client.shard_of(partition)
    if not partition & SPANS:
        answers = await client.ask(questions, shards=[home])
        check_answered(answers)
        return next(reservations_of(answers, 0), None)
    parts = []
    for answers in await client.ask_all(questions):
        check_answered(answers)
        parts += [(answers.shard != home, part) for part in reservations_of(answers, 0)]
    return _whole([part for _, part in sorted(parts, key=lambda each: each[0])])


def _whole(parts: Sequence[Reservation]) -> Reservation | None:
    """One reservation out of its parts on several shards; the home's part comes first and rules."""
    if not parts:
        return None
    lines = np.concatenate([part.lines for part in parts]).astype(LINE)
    return replace(parts[0], lines=lines[np.argsort(lines["line"], kind="stable")])


class Filters(NamedTuple):
    """Which reservations a list is to show; 0, NO_WAREHOUSE and empty are any."""

    state: int = 0
    channel: int = NO_WAREHOUSE
    reference: str = ""
    sku_key: int = 0


class Place(NamedTuple):
    """How far a list has come: this shard, after this ordinal."""

    shard: int
    after: int


async def reservations(
    client: Client, principal: Principal, filters: Filters, start: Place, count_max: int
) -> tuple[list[Reservation], Place | None]:
    """A page of reservations and where the next one begins, None at the end.

    Shard after shard, in the order of creation. A reservation over several shards is shown by its home, or,
    when a SKU is asked for, by the one shard that has the SKU.
    """
    last = client.shard_count - 1
    if filters.sku_key:
        last = client.shard_of(partition_of(filters.sku_key))
        start = Place(last, start.after)
    found: list[Reservation] = []
    shard, after = start
    while shard <= last:
        questions = question(QuestionKind.RESERVATIONS, principal)
        questions["after"] = after
        questions["limit"] = count_max - len(found)
        questions["state"] = filters.state
        questions["channel"] = filters.channel
        questions["reference_key"] = text_key(filters.reference)
        questions["sku_key"] = filters.sku_key
        answers = await client.ask(questions, shards=[shard])
        check_answered(answers)
        for item in reservations_of(answers, 0):
            whole: Reservation | None = item
            if item.partition & SPANS:
                if not filters.sku_key and client.shard_of(item.partition) != shard:
                    continue
                whole = await reservation(client, principal, item.partition, item.key)
            if whole is not None:
                found.append(whole)
        after = int(answers.answers["next_after"][0])
        if not after:
            shard += 1
        if len(found) >= count_max:
            break
    return found, Place(shard, after) if shard <= last else None


async def stock(client: Client, principal: Principal, sku_keys: Sequence[int], channel: int) -> Answers:
    """The cells of each SKU, in the order asked."""
    questions = question(QuestionKind.STOCK, principal, len(sku_keys))
    questions["key"] = np.array(sku_keys, np.int64).view(np.uint64)
    questions["channel"] = channel
    answers = await client.ask(questions)
    check_answered(answers)
    return answers


async def command(client: Client, principal: Principal, command_id: str) -> CommandAnswer:
    """The pinned answer of a command of the caller's client, else 404 `unknown_command`."""
    try:
        found = await client.command(principal.client, command_id)
    except ShardAway as unsaid:
        problem = away(unsaid.outcome, unsaid.retry_after_ms or client.settings.retry_after_ms)
        problem.detail = "a shard that could know did not say; ask again"
        raise problem from None
    if found is None:
        raise Problem(404, "unknown_command", "it never arrived; that is final once its not_after has passed")
    return found


def any_of(values: Any) -> set[int]:
    """The different numbers in a column."""
    # Sorting is faster than a set of Python's integers from some dozens on.
    return set((np.unique(values) if len(values) > 64 else values).tolist())
