"""The oracle: decides batches of command rows with dicts and big integers, slowly and obviously.

Written from the rules, not from the kernels, so that a difference between the two is a mistake in one of them.
A refusal is raised as `Refused` and becomes the row's result; a row checks everything before it writes anything;
a group that falls is undone by putting back a copy of the whole state. Ids and closed reservations are never
forgotten here, so histories driven through it must be shorter than the id window. Commands that span shards
(PREPARE, DECIDE, APPLY) are not its business.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from engine.kinds import Flag, Kind
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.oracle import alerts, definitions, reservations, stock
from tests.oracle.book import Book
from tests.oracle.words import Entry, Movement, Refused, Reservation, Result, State
from tests.rows import Row

# Kept at hand: in Python 3.11 an enumeration looks a member up by a function of its own, and these are asked per row.
_OK, _RESERVE, _QUARANTINE, _CONTINUES = Outcome.OK, Kind.RESERVE, Flag.QUARANTINE, Flag.CONTINUES
Members = list[tuple[int, Row]]
"""Rows with their places in the batch."""

RULES: Final[dict[Kind, Callable[[Book, Row], Result]]] = {
    Kind.RECEIVE: stock.receive,
    Kind.EXPECT: stock.expect,
    Kind.ADJUST: stock.adjust,
    Kind.SELL: stock.sell,
    Kind.RETURN: stock.give_back,
    Kind.TRANSFER: stock.transfer,
    Kind.CONFIGURE: stock.configure,
    Kind.RESERVE: reservations.reserve,
    Kind.CONFIRM: reservations.confirm,
    Kind.EXTEND: reservations.extend,
    Kind.RELEASE: reservations.release,
    Kind.FULFIL: reservations.fulfil,
    Kind.DEFINE_SKU: definitions.define_sku,
    Kind.DEFINE_WAREHOUSE: definitions.define_warehouse,
    Kind.DEFINE_CHANNEL: definitions.define_channel,
    Kind.DEFINE_CHANNEL_WAREHOUSE: definitions.define_channel_warehouse,
    Kind.DEFINE_CLIENT: definitions.define_client,
}


class Model:
    """Decides batches; `state` is what the shard's state must be equal to."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.seq = 0
        self._book = Book(self.limits)
        self._ids: dict[tuple[str, str], tuple[object, int, int]] = {}
        self._made = 0

    @property
    def state(self) -> State:
        """Cells, reservations and definitions."""
        return self._book.state

    @property
    def movements(self) -> list[Movement]:
        """What the last batch moved, expiries first, alerts last."""
        return self._book.movements

    def decide(self, rows: Sequence[Row], now_ms: int, seq: int) -> list[Result]:
        """One result per row. `seq` is what the batch will be known by."""
        self.seq = seq
        self._book.now_ms = now_ms
        self._book.movements, self._book.changed = [], []
        self._book.row = None
        reservations.expire_due(self._book)
        results: dict[int, Result] = {}
        for members in _groups(rows):
            results |= self._decide_group(members)
        alerts.judge(self._book)
        return [results[i] for i in range(len(rows))]

    def _decide_group(self, members: Members) -> dict[int, Result]:
        results, blocked = self._check_ids(members)
        pending = [(i, row) for i, row in members if i not in results]
        if blocked:
            return results | {i: Result(Outcome.GROUP_FAILED) for i, _ in pending}
        reserves = [(i, row) for i, row in members if row.kind == _RESERVE]
        if reserves and not _fit_together([row for _, row in reserves]):
            return results | {i: Result(Outcome.CONFLICT) for i, _ in pending}

        book = self._book
        before = self._saved(members) if len(members) > 1 else None
        moved, changed = len(book.movements), len(book.changed)
        first = members[0][1]
        book.draft_hold = (first.client, first.id)
        book.draft = Reservation(first.client, "", 0, self._made)
        for i, row in sorted(pending, key=lambda member: member[1].sourced):
            book.row = i
            results[i] = self._decide_row(row)

        if self._has_fallen(members, reserves, results):
            if before is not None:
                self._put_back(before)
                del book.movements[moved:], book.changed[changed:]
            return {i: _fallen(result) for i, result in results.items()}
        if reserves:
            self._made += 1
            book.draft.entries.sort(key=lambda entry: entry.line)
            book.state.reservations[book.draft_hold] = book.draft
        for _, row in members:
            if row.reservation is not None and row.reservation in self.state.reservations:
                reservations.close_if_nothing_remains(self.state.reservations[row.reservation])
        return {i: self._with_lines(row, results[i]) for i, row in members}

    def _saved(self, members: Members) -> State:
        """All that deciding these rows may change, for `_put_back`."""
        return copy.deepcopy(self._book.state)

    def _put_back(self, saved: State) -> None:
        self._book.state = saved

    def _decide_row(self, row: Row) -> Result:
        try:
            return RULES[row.kind](self._book, row)
        except Refused as refused:
            return refused.result

    def _lines_of(self, found: Reservation) -> tuple[Entry, ...]:
        return tuple(entry.copy() for entry in found.entries)

    def _has_fallen(self, members: Members, reserves: Members, results: dict[int, Result]) -> bool:
        """Any refusal fells a group, but a short line of one in part does so only when all lines are short."""
        in_part = len(members) > 1 and any(row.has(Flag.PARTIAL) for _, row in reserves)
        may_be_short = {i for i, _ in reserves if in_part and results[i].outcome == Outcome.INSUFFICIENT_STOCK}
        if any(results[i].outcome != _OK for i, _ in members if i not in may_be_short):
            return True
        return bool(reserves) and len(may_be_short) == len(reserves)

    def _check_ids(self, members: Members) -> tuple[dict[int, Result], bool]:
        """What the ids and times alone decide, and whether a known id keeps the rest of the group from running."""
        results: dict[int, Result] = {}
        blocked = False
        for command in _commands(members):
            first_i, first = command[0]
            content = tuple(row.content for _, row in command)
            known = self._ids.get((first.client, first.id))
            if known is not None:
                blocked = True
                pinned, seq, at = known
                for n, (i, _) in enumerate(command):
                    replayed = Result(Outcome.OK, replays=(seq, at + n))
                    results[i] = replayed if pinned == content else Result(Outcome.ID_REUSED)
                continue
            outcome = self._check_times(first)
            if outcome != Outcome.ID_TOO_OLD:
                self._ids[first.client, first.id] = (content, self.seq, first_i)
            if outcome != _OK:
                results |= {i: Result(outcome) for i, _ in command}
        return results, blocked

    def _check_times(self, row: Row) -> Outcome:
        now_ms = self._book.now_ms
        if row.has(_QUARANTINE):
            return Outcome.QUARANTINED
        if row.issued_at_ms and now_ms - row.issued_at_ms > self.limits.id_window_ms:
            return Outcome.ID_TOO_OLD
        if row.not_after_ms and now_ms > row.not_after_ms:
            return Outcome.TOO_LATE
        return _OK

    def _with_lines(self, row: Row, result: Result) -> Result:
        """The reservation as it is after the whole group."""
        hold = self._book.draft_hold if row.kind == _RESERVE else result.hold
        if hold is None:
            return result
        found = self.state.reservations[hold]
        lines = self._lines_of(found)
        return result._replace(hold=hold, state=found.state, expires_at_ms=found.expires_at_ms, lines=lines)


def _groups(rows: Sequence[Row]) -> Iterator[Members]:
    """Adjacent rows with the same non-zero group, every other row by itself."""
    members: Members = []
    for i, row in enumerate(rows):
        if members and not (row.group and row.group == members[-1][1].group):
            yield members
            members = []
        members.append((i, row))
    if members:
        yield members


def _commands(members: Members) -> list[Members]:
    """The rows of a group by the id they share: a row that continues belongs to the one before."""
    commands: list[Members] = []
    for i, row in members:
        if commands and row.has(_CONTINUES):
            commands[-1].append((i, row))
        else:
            commands.append([(i, row)])
    return commands


def _fit_together(reserves: list[Row]) -> bool:
    """One channel, one ttl, all in part or none, and lines numbered upwards."""
    lines = [row.line for row in reserves]
    return (
        len({(row.channel, row.ttl_s, row.has(Flag.PARTIAL)) for row in reserves}) <= 1
        and lines == sorted(set(lines))
        and all(line >= 0 for line in lines)
    )


def _fallen(result: Result) -> Result:
    return Result(Outcome.GROUP_FAILED) if result.outcome == _OK else result
