"""What customers read while everything goes on: each answer must be a state that the shard was in meanwhile.

A read that was asked when record n was durable and answered when m was must tell the state after one of the records
n to m, as the oracle has it: nothing older than what was acknowledged before, and nothing that never was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from actors.answers import Answers
from engine.kinds import Flag, QuestionKind, ReservationState
from engine.layout import NO_WAREHOUSE, QUESTION
from engine.outcomes import Outcome
from engine.wire import Array
from tests.oracle.book import Book
from tests.oracle.words import Cell, Reservation
from tests.rows import Hold
from tests.simulation.names import CHANNELS, PLACES, SKU_KEYS, Names

Told = tuple[Any, ...]
_COUNTERS: Final = ("on_hand", "reserved", "incoming", "available", "safety_stock", "floor")
_OPEN: Final = (ReservationState.HELD, ReservationState.CONFIRMED)
_OK: Final = int(Outcome.OK)


@dataclass(frozen=True, slots=True)
class Read:
    """One answer of one shard."""

    shard: int
    since_seq: int
    """durable when it was asked"""
    until_seq: int
    """durable when it was answered"""
    about: str | Hold
    """a SKU or a reservation"""
    told: Told

    def agrees(self, book: Book) -> bool:
        """Whether this is what the oracle would tell now."""
        return self.told == (_stock(book, self.about) if isinstance(self.about, str) else _hold(book, self.about))


def stock_question(sku: str) -> Array:
    """As `GET /stock/{sku}` asks, for the channel web."""
    question = np.zeros(1, QUESTION)
    question["kind"], question["key"] = QuestionKind.STOCK, SKU_KEYS[sku] & (1 << 64) - 1
    return question


def hold_question(names: Names, hold: Hold) -> Array:
    """As `GET /reservations/{id}` asks each shard."""
    question = np.zeros(1, QUESTION)
    question["kind"], question["key"] = QuestionKind.RESERVATION, names.keys[hold][0]
    question["channel"], question["flags"] = NO_WAREHOUSE, Flag.ADMIN | Flag.PREPARE
    return question


def told_stock(answers: Answers) -> Told | None:
    """What a shard says of a SKU; None when it did not answer."""
    (answer,) = answers.answers
    if answer["outcome"] > _OK:
        return None
    begin = int(answer["items_at"])  # the others belong to questions that shared the batch
    own = answers.cells[begin : begin + int(answer["items_n"])]
    cells = {int(cell["warehouse"]): tuple(int(cell[name]) for name in _COUNTERS) for cell in own}
    nothing = (0,) * len(_COUNTERS)
    told = tuple(cells.get(number, nothing) for number in range(len(PLACES)))
    return (*told, int(answer["on_hand"]), int(answer["sellable"]))


def told_hold(answers: Answers, names: Names) -> Told | None:
    """What a shard says of its part of a reservation; None when it did not answer."""
    (answer,) = answers.answers
    if answer["outcome"] > _OK:
        return None
    if not answer["items_n"]:
        return ()
    view = answers.reservations[int(answer["items_at"])]
    begin = int(view["lines_at"])
    lines = answers.reservation_lines[begin : begin + int(view["lines_n"])].tolist()
    return _seen(int(view["state"]), int(view["expires_at_ms"]), _told_lines(lines, names))


def _told_lines(lines: Sequence[tuple[Any, ...]], names: Names) -> Iterator[Told]:
    for _, sku, requested, quantity, fulfilled, released, line, warehouse, _, _ in lines:
        place = "" if warehouse == NO_WAREHOUSE else PLACES[warehouse]
        yield line, names.skus[sku], place, requested, quantity, fulfilled, released


def _stock(book: Book, sku: str) -> Told:
    cells = [book.state.cells.get((sku, place)) or Cell() for place in PLACES]
    told = tuple(tuple(getattr(cell, name) for name in _COUNTERS) for cell in cells)
    return (*told, sum(cell.on_hand for cell in cells), book.sellable(sku, CHANNELS[0]))


def _hold(book: Book, hold: Hold) -> Told:
    found = book.state.reservations.get(hold)
    if found is None:
        return ()
    # While a step over several shards is prepared, nothing expires.
    return _seen(found.state, 0 if found.pending else found.expires_at_ms, _oracle_lines(found))


def _oracle_lines(found: Reservation) -> Iterator[Told]:
    for entry in found.entries:
        units = (entry.requested, entry.quantity, entry.fulfilled, entry.released)
        yield entry.line, entry.sku, entry.warehouse, *units


def _seen(state: int, expires_at_ms: int, lines: Iterator[Told]) -> Told:
    """The deadline of what is over, or not yet decided, means nothing."""
    return int(state), expires_at_ms if state in _OPEN else 0, tuple(lines)
