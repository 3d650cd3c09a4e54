"""Bugs of rules that are compiled: no patch reaches into a kernel, so the state is bent around the decision.

For just as long as one group of rows, or one hold, is decided, the state says what a kernel with the bug would believe;
before anybody else looks, it says the truth again. Called by `planted`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np

from engine.kernels.reservations import find_reservation
from engine.kinds import Flag, Kind, ReservationState, ResultFlag
from engine.layout import NO_LINE, NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.record import ALERTS_SINCE, RULES_VERSION, Record
from engine.shard import Decision, Shard
from engine.state import CELLS, LAST_SEQ, SKUS, TOUCHED_N, USED
from engine.wire import Array
from tests.simulation.names import SKU_KEYS, WEIGHED

_decide: Final = Shard.decide
_apply: Final = Shard.apply


class _Part(NamedTuple):
    """Some rows of a batch: a reservation of two lines of one SKU at one place, or what stands between such."""

    begin: int
    end: int
    pair: int = -1
    """the first of the two lines, the other is behind it; -1 = there are none"""


def decide_blindly(self: Shard, rows: Array, heap: Any, *, now_ms: int, seq: int, **more: Any) -> Decision:
    """As `Shard.decide`, but the two lines of a reservation each see the whole room of the cell they name."""
    marks, touched = self._state.marks, self._state.touched
    decided: list[Decision] = []
    touched[:] = 0
    parts = list(_parts(rows))
    for part in parts:
        # What stands before a part was decided by the parts before it, and is only repeated: nothing moves. Alerts
        # are judged behind the last part, of all the cells that the others have touched.
        marks[LAST_SEQ], marks[TOUCHED_N] = seq - 1, np.count_nonzero(touched)
        rules = RULES_VERSION if part is parts[-1] else ALERTS_SINCE - 1
        with _room_for_both(self, rows, part.pair):
            decided.append(_decide(self, rows[: part.end], heap, now_ms=now_ms, seq=seq, rules=rules, **more))
    return _joined(parts, decided)


def _parts(rows: Array) -> Iterator[_Part]:
    """All rows, in order; in one part when some are not remembered by an id."""
    heads = (rows["flags"] & Flag.CONTINUES) == 0
    begin = 0
    if len(rows) > 1 and rows["id_lo"][heads].all():
        twin = (rows["kind"] == Kind.RESERVE) & (rows["group"] != 0) & (rows["warehouse"] != NO_WAREHOUSE)
        twin[-1] = False
        for column in ("kind", "group", "sku_key", "warehouse"):
            twin[:-1] &= rows[column][:-1] == rows[column][1:]
        for pair in np.flatnonzero(twin).tolist():
            group = np.flatnonzero(rows["group"] == rows["group"][pair])
            if len(group) == 2:
                yield from (_Part(begin, pair), _Part(pair, pair + 2, pair))
                begin = pair + 2
    if begin < len(rows) or not len(rows):
        yield _Part(begin, len(rows))


@contextmanager
def _room_for_both(shard: Shard, rows: Array, pair: int) -> Iterator[None]:
    """Meanwhile, where each of two lines alone has room at their cell, both have."""
    cell = _cell(shard, rows[pair]) if pair >= 0 else None
    if cell is None:
        yield
        return
    unit = 1 if rows["sku_key"][pair] == SKU_KEYS[WEIGHED] else 1000
    wanted = [int(quantity) // unit for quantity in rows["quantity"][pair : pair + 2]]
    room = int(cell["on_hand"] - cell["reserved"] - cell["safety_stock"] + cell["floor"])
    lent = max(0, sum(wanted) - room) if max(wanted) <= room else 0
    cell["floor"] += lent
    try:
        yield
    finally:
        cell["floor"] -= lent


def _cell(shard: Shard, row: Any) -> Any:
    state = shard._state
    skus = state.skus["key"][1 : int(state.tables[SKUS, USED])]
    cells = state.cells["key"][1 : int(state.tables[CELLS, USED])]
    for sku in np.flatnonzero(skus == row["sku_key"]).tolist():
        for at in np.flatnonzero(cells == (sku + 1 << 16 | int(row["warehouse"]))).tolist():
            return state.cells[at + 1]
    return None


def _joined(parts: Sequence[_Part], decided: Sequence[Decision]) -> Decision:
    """What the whole would have been, of decisions each of which also repeats the parts before its own."""
    lines_n = 0
    for decision in decided:
        decision.results["lines_at"][decision.results["lines_n"] != 0] += lines_n
        lines_n += len(decision.lines)
    return Decision(
        np.concatenate([each.results[part.begin :] for part, each in zip(parts, decided, strict=True)]),
        np.concatenate([each.movements for each in decided]),
        np.concatenate([each.lines for each in decided]),
        any(each.changed for each in decided),
    )


def decide_by_clock_of_asker(self: Shard, rows: Array, heap: Any, **named: Any) -> Decision:
    """As `Shard.decide`, but a confirm finds its hold expired when it was so by the time that the row says."""
    state = self._state
    over = []
    for row in rows[(rows["kind"] == Kind.CONFIRM) & (rows["issued_at_ms"] != 0)]:
        (slot,) = _slots(self, row)
        hold = state.reservations[slot]
        due = named["now_ms"] < hold["expires_at_ms"] <= row["issued_at_ms"]
        if slot and hold["state"] == ReservationState.HELD and due:
            over.append(slot)
    state.reservations["state"][over] = ReservationState.EXPIRED
    decision = _decide(self, rows, heap, **named)
    state.reservations["state"][over] = ReservationState.HELD
    return decision


def decide_releasing_again(self: Shard, rows: Array, heap: Any, **named: Any) -> Decision:
    """As `Shard.decide`, but a hold that was released can be released once more."""
    reopened = [each for each in _released(self, rows[_releases(rows)]) if _reopen(self, each)]
    decision = _decide(self, rows, heap, **named)
    for slot in reopened:
        record = self._state.reservations[slot]
        if record["state"] == ReservationState.CONFIRMED:  # the row was known already, or refused for another reason
            for line in _lines(self, slot):
                line["released"] = line["quantity"]
            record["state"] = ReservationState.RELEASED
    return decision


def apply_releasing_again(self: Shard, record: Record) -> None:
    """As `Shard.apply`, of records that were decided so."""
    done = (record.results["outcome"] == Outcome.OK) & (record.results["flags"] & ResultFlag.REPLAYED == 0)
    for slot in _released(self, record.rows[_releases(record.rows) & done]):
        _reopen(self, slot)
    _apply(self, record)


def _releases(rows: Array) -> Any:
    """Which rows release a whole hold on one shard, and make no other in its place."""
    other = Flag.REPLACES | Flag.PREPARE | Flag.HAS_QUANTITY
    return (rows["kind"] == Kind.RELEASE) & (rows["line"] == NO_LINE) & (rows["flags"] & int(other) == 0)


def _released(shard: Shard, rows: Array) -> list[int]:
    """The slots of holds that these rows are about and that were released already."""
    released = shard._state.reservations["state"] == ReservationState.RELEASED
    return sorted({slot for slot in _slots(shard, rows) if released[slot]})


def _slots(shard: Shard, rows: Array) -> list[int]:
    """Of the holds that rows are about; 0 = there is none."""
    keys = np.atleast_1d(rows["reservation"]).astype(np.int64)
    return [int(find_reservation(shard._memory, key)) for key in keys.tolist()]


def _reopen(shard: Shard, slot: int) -> bool:
    """Let the hold have its units again, which nobody takes from the stock; False where it never had any."""
    had = False
    for line in _lines(shard, slot):
        had |= bool(line["quantity"])
        line["released"] = 0
    if had:
        shard._state.reservations["state"][slot] = ReservationState.CONFIRMED
    return had


def _lines(shard: Shard, slot: int) -> Iterator[Any]:
    at = int(shard._state.reservations["first_line"][slot])
    while at:
        yield shard._state.lines[at]
        at = int(shard._state.lines["next"][at])
