"""The oracle of one shard: `tests.model` with the steps of commands over several shards, at a simulator's speed.

Written from the rules (a vote is checked as if it were done now and pins what it needs; the decision is whoever's is
journaled first; carrying it out changes nothing the second time), not from the kernels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.kinds import Flag, Kind, ReservationState
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.model import Members, Model
from tests.oracle.book import Book
from tests.oracle.reservations import close_if_nothing_remains
from tests.oracle.words import CellKey, Entry, Refused, Reservation, Result, State
from tests.rows import Hold, Row
from tests.simulation.names import PLACES

HELD, CONFIRMED, PREPARED = ReservationState.HELD, ReservationState.CONFIRMED, ReservationState.PREPARED
RELEASED, FULFILLED = ReservationState.RELEASED, ReservationState.FULFILLED
_DECIDE, _APPLY, _PREPARE = Kind.DECIDE, Kind.APPLY, Flag.PREPARE
_HOLDING: Final = (Kind.RESERVE, Kind.SELL)
_TAKING: Final = (Kind.RELEASE, Kind.FULFIL)
_SETTLING: Final = (*_TAKING, Kind.CONFIRM, Kind.EXTEND)


@dataclass(slots=True)
class Operation:
    """What is prepared on a reservation."""

    number: int
    kind: Kind
    expires_at_ms: int
    taken: list[tuple[int, int]]
    """release, fulfil: (entry, units)"""


@dataclass(frozen=True, slots=True)
class Step:
    """What a row of a command over several shards carries besides."""

    operation: int
    hold: Hold
    """of the reservation that a RESERVE or SELL row makes, or that a DECIDE or APPLY row is about"""


class ShardOracle(Model):
    """Decides the batches of one shard's journal, in their order."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._steps: dict[int, Step] = {}
        self._operations: dict[Hold, Operation] = {}
        self._made_none: list[CellKey] = []

    @property
    def book(self) -> Book:
        """Cells, reservations, and the movements of the last batch."""
        return self._book

    @property
    def prepared(self) -> int:
        """How many commands over several shards wait for their decision here."""
        return len(self._operations)

    def decide_record(self, rows: Sequence[Row], steps: dict[int, Step], now_ms: int, seq: int) -> list[Result]:
        """As `decide`; `steps` by row, for those of commands over several shards."""
        self._steps = steps
        return self.decide(rows, now_ms, seq)

    def open_again(self, from_ms: int, now_ms: int, downtime_ms: int) -> None:
        """Deadlines that fell into the downtime move by it."""
        for reservation in self.state.reservations.values():
            due = reservation.state == HELD and not reservation.pending
            if due and from_ms < reservation.expires_at_ms <= now_ms:
                reservation.expires_at_ms += downtime_ms

    def _decide_group(self, members: Members) -> dict[int, Result]:
        row = members[-1][1]
        if row.kind == _DECIDE:
            return self._decide_once(members, self._decision)
        if row.kind == _APPLY:
            return self._decide_once(members, self._apply)
        if not row.has(_PREPARE):
            return super()._decide_group(members)
        results, blocked = self._check_ids(members)
        pending = [(i, each) for i, each in members if i not in results]
        if blocked or not pending:
            return results | {i: Result(Outcome.GROUP_FAILED) for i, _ in pending}
        if row.kind in _HOLDING:
            return results | self._prepare_hold(members, pending)
        return results | self._prepare_settling(members, pending)

    def _decide_once(self, members: Members, decide: Callable[[int, Row], Result]) -> dict[int, Result]:
        # A step is the same command whoever takes it and whichever way it goes: its id stands for the first one.
        plain = [(i, replace(row, client="", flags=row.flags & ~Flag.COMMIT, due_ms=0)) for i, row in members]
        results, _ = self._check_ids(plain)
        return results | {i: decide(i, row) for i, row in members if i not in results}

    def _decision(self, i: int, row: Row) -> Result:
        state = HELD if row.has(Flag.COMMIT) else RELEASED
        return Result(Outcome.OK, hold=self._steps[i].hold, state=state, expires_at_ms=row.due_ms)

    def _lines_of(self, found: Reservation) -> tuple[Entry, ...]:
        """Nobody compares them here, and copying them takes a tenth of the oracle's time."""
        return ()

    # The vote

    def _prepare_hold(self, members: Members, pending: Members) -> dict[int, Result]:
        """Reserve, or sales as holds that nobody sees: like a group, but nothing is shown and nothing expires."""
        book = self._book
        step = self._steps[members[0][0]]
        first = members[0][1]
        saved = self._saved(members)
        moved, changed = len(book.movements), len(book.changed)
        book.draft_hold = step.hold
        book.draft = Reservation(first.client, first.channel, 0, self._made)
        results: dict[int, Result] = {}
        for i, row in sorted(pending, key=lambda member: member[1].sourced):
            book.row = i
            results[i] = self._decide_row(row) if row.kind == Kind.RESERVE else self._hold_sale(i - members[0][0], row)
        del book.movements[moved:]
        in_part = first.has(Flag.PARTIAL) and first.kind == Kind.RESERVE
        allowed = (Outcome.OK, Outcome.INSUFFICIENT_STOCK) if in_part else (Outcome.OK,)
        if any(result.outcome not in allowed for result in results.values()):
            self._put_back(saved)
            del book.changed[changed:]
            return {i: _fallen(result) for i, result in results.items()}
        self._made += 1
        book.draft.entries.sort(key=lambda entry: entry.line)
        book.draft.state = PREPARED
        book.draft.pending = True
        expires_at_ms = book.draft.expires_at_ms if first.kind == Kind.RESERVE else 0
        self.state.reservations[step.hold] = book.draft
        self._operations[step.hold] = Operation(step.operation, first.kind, expires_at_ms, [])
        return {
            i: result._replace(hold=step.hold, state=HELD, expires_at_ms=expires_at_ms) for i, result in results.items()
        }

    def _hold_sale(self, line: int, row: Row) -> Result:
        book = self._book
        try:
            key = book.cell_key(row)
            book.channel(row.channel)
            quantity = book.positive(row)
            cell = book.look(key)
            if not row.has(Flag.SETTLED) and cell.on_hand - cell.reserved + cell.floor < quantity:
                raise Refused(Outcome.INSUFFICIENT_STOCK, cell.available, quantity)
        except Refused as refused:
            return refused.result
        book.draft.entries.append(Entry(line, row.sku, row.warehouse, quantity, quantity))
        book.move(key, Kind.RESERVE, quantity, reserved=quantity)
        owed = cell.on_hand - cell.reserved + cell.floor < 0
        return book.done(key, quantity, requested=quantity, short=owed)

    def _prepare_settling(self, members: Members, pending: Members) -> dict[int, Result]:
        """Confirm, extend, release or fulfil: done, looked at, and put back until it is decided."""
        book = self._book
        saved = self._saved(members)
        moved, changed = len(book.movements), len(book.changed)
        results = {i: self._decide_row(row) for i, row in pending}
        del book.movements[moved:], book.changed[changed:]
        first = pending[0][1]
        found = self.state.reservations.get(first.reservation) if first.reservation else None
        after = found.copy() if found else None
        self._put_back(saved)
        if any(result.outcome != Outcome.OK for result in results.values()):
            return {i: _fallen(result) for i, result in results.items()}
        assert first.reservation is not None
        assert after is not None
        reservation = self.state.reservations[first.reservation]
        taken = [
            (at, now.fulfilled + now.released - before.fulfilled - before.released)
            for at, (before, now) in enumerate(zip(reservation.entries, after.entries, strict=True))
        ]
        close_if_nothing_remains(after)
        self._operations[first.reservation] = Operation(
            self._steps[members[0][0]].operation, first.kind, after.expires_at_ms, taken
        )
        reservation.pending = True
        return {i: result._replace(hold=first.reservation, state=after.state) for i, result in results.items()}

    # The last step

    def _apply(self, i: int, row: Row) -> Result:
        step = self._steps[i]
        operation = self._operations.get(step.hold)
        reservation = self.state.reservations.get(step.hold)
        if operation is None or operation.number != step.operation or reservation is None:
            return Result(Outcome.OK)
        del self._operations[step.hold]
        reservation.pending = False
        self._book.row = i
        if row.has(Flag.COMMIT):
            self._carry_out(row, step.hold, operation, reservation)
        elif operation.kind in _HOLDING:
            for entry in reservation.entries:
                if entry.remaining:
                    self._book.look(entry.key).reserved -= entry.remaining
                    self._book.note_changed(entry.key)
        if operation.kind == Kind.SELL or (operation.kind == Kind.RESERVE and not row.has(Flag.COMMIT)):
            del self.state.reservations[step.hold]
        return Result(Outcome.OK)

    def _carry_out(self, row: Row, hold: Hold, operation: Operation, reservation: Reservation) -> None:
        book, kind = self._book, operation.kind
        if kind == Kind.RESERVE:
            holds_any = any(entry.remaining for entry in reservation.entries)
            reservation.state = HELD if holds_any else RELEASED
            reservation.expires_at_ms = row.due_ms if holds_any else 0
        elif kind == Kind.EXTEND:
            reservation.expires_at_ms = max(row.due_ms, reservation.expires_at_ms)
        elif kind == Kind.CONFIRM:
            reservation.state, reservation.expires_at_ms = CONFIRMED, 0
        taken = dict(operation.taken)
        for at, entry in enumerate(reservation.entries):
            units = entry.remaining
            if kind in _TAKING:
                if taken.get(at):
                    self._take(kind, hold, entry, taken[at])
            elif units and kind == Kind.SELL:
                self._take(kind, hold, entry, units)
                cell = book.look(entry.key)
                book.note_short(entry.key, cell.on_hand - cell.reserved + cell.floor)
            elif units:
                book.move(entry.key, kind, 0 if kind == Kind.EXTEND else units, hold=hold, line=entry.line)
        close_if_nothing_remains(reservation)

    def _take(self, kind: Kind, hold: Hold, entry: Entry, units: int) -> None:
        gone = kind != Kind.RELEASE
        entry.fulfilled += units if gone else 0
        entry.released += 0 if gone else units
        on_hand = -units if gone else 0
        self._book.move(entry.key, kind, -units, on_hand=on_hand, reserved=-units, hold=hold, line=entry.line)

    # Undoing, without a copy of everything

    def _saved(self, members: Members) -> State:
        if members[0][1].kind >= Kind.DEFINE_SKU:
            return super()._saved(members)
        state, saved = self.state, State()
        skus = {row.sku for _, row in members}
        for _, row in members:
            found = state.reservations.get(row.reservation) if row.reservation else None
            if row.reservation is not None and found is not None:
                saved.reservations[row.reservation] = found.copy()
                skus |= {entry.sku for entry in found.entries}
        for key in _cells_of(skus):
            if key in state.cells:
                cell = state.cells[key]
                saved.cells[key] = cell.copy()
        self._made_none = [key for key in _cells_of(skus) if key not in state.cells]
        return saved

    def _put_back(self, saved: State) -> None:
        if saved.skus:
            super()._put_back(saved)
            return
        self.state.cells.update(saved.cells)
        self.state.reservations.update(saved.reservations)
        for key in self._made_none:
            self.state.cells.pop(key, None)


def _cells_of(skus: set[str]) -> list[CellKey]:
    return [(sku, place) for sku in sorted(skus) for place in PLACES]


def _fallen(result: Result) -> Result:
    return Result(Outcome.GROUP_FAILED) if result.outcome == Outcome.OK else result
