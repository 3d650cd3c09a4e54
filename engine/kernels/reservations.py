"""Reservations: making, changing and closing them, their lines, and the heap of deadlines."""

import numpy as np
import numpy.typing as npt

from engine.kernels.cells import move, sku_of, warehouse_of, write_movement
from engine.kernels.jit import jit
from engine.kernels.table import find, give_back, link, take, unlink
from engine.kinds import Kind, MovementFlag, ReservationState
from engine.layout import NO_ROW, NO_WAREHOUSE
from engine.state import (
    DEADLINES_N,
    FIRST_CLOSED,
    ID_WINDOW_MS,
    LAST_CLOSED,
    LINES,
    ORDINALS,
    RESERVATIONS,
    USED,
    State,
)

Rows = npt.NDArray[np.void]
_HELD = int(ReservationState.HELD)
_CONFIRMED = int(ReservationState.CONFIRMED)
_FULFILLED = int(ReservationState.FULFILLED)
_RELEASED = int(ReservationState.RELEASED)
_EXPIRED = int(ReservationState.EXPIRED)
_PREPARED = int(ReservationState.PREPARED)
_EXPIRE = int(Kind.EXPIRE)
_RESERVE = int(Kind.RESERVE)
_RELEASE = int(Kind.RELEASE)
_FULFIL = int(Kind.FULFIL)
_HIDDEN = int(MovementFlag.HIDDEN)


@jit
def find_reservation(st: State, key: np.uint64) -> int:
    """Slot of a reservation, or 0."""
    return find(st.reservations, st.reservation_heads, st.tables[RESERVATIONS], np.int64(key))


@jit
def is_open(state: int) -> bool:
    """Whether units may still be held in this state."""
    return state == _HELD or state == _CONFIRMED or state == _PREPARED


@jit
def remaining_of(st: State, line: int) -> int:
    """Units of a line that are still held."""
    record = st.lines[line]
    return record.quantity - record.fulfilled - record.released


@jit
def make_reservation(st: State, row: np.void, made_at: int, state: int) -> int:
    """A new reservation without lines, taken from its first row; 0 when the table is full."""
    slot = take(st.reservations, st.tables[RESERVATIONS])
    if slot == 0:
        return 0
    st.marks[ORDINALS] += 1
    record = st.reservations[slot]
    record.key = np.int64(row.reservation)
    record.expires_at_ms = 0
    record.made_at = np.uint64(made_at)
    record.ordinal = st.marks[ORDINALS]
    record.reference_key = row.reference_key
    record.closed_at_ms = 0
    record.first_line = 0
    record.last_line = 0
    record.heap_at = 0
    record.next_closed = 0
    record.client = row.client
    record.channel = row.channel
    record.partition = row.partition
    record.lines_n = 0
    record.state = state
    record.fulfilled_any = 0
    link(st.reservations, st.reservation_heads, st.tables[RESERVATIONS], slot, st.tables[RESERVATIONS, USED])
    return slot


@jit
def add_line(st: State, reservation: int, line: int, sku: int, cell: int, requested: int, quantity: int, outcome: int) -> int:  # fmt: skip
    """A new (line, warehouse) entry, in order of line; the caller has checked that the table has room."""
    slot = take(st.lines, st.tables[LINES])
    record = st.lines[slot]
    record.requested = requested
    record.quantity = quantity
    record.fulfilled = 0
    record.released = 0
    record.pending = 0
    record.cell = cell
    record.sku = sku
    record.next = 0
    record.line = line
    record.outcome = outcome
    owner = st.reservations[reservation]
    owner.lines_n += 1
    last = np.int64(owner.last_line)
    if last == 0:
        owner.first_line = slot
        owner.last_line = slot
    elif st.lines[last].line <= line:
        st.lines[last].next = slot
        owner.last_line = slot
    else:
        before = 0
        at = np.int64(owner.first_line)
        while st.lines[at].line <= line:
            before = at
            at = np.int64(st.lines[at].next)
        record.next = at
        if before == 0:
            owner.first_line = slot
        else:
            st.lines[before].next = slot
    return slot


@jit
def find_line(st: State, reservation: int, line: int, cell: int) -> int:
    """The entry of `line` at `cell`, or 0."""
    at = np.int64(st.reservations[reservation].first_line)
    while at != 0 and (st.lines[at].line != line or st.lines[at].cell != cell):
        at = np.int64(st.lines[at].next)
    return at


# The heap of deadlines: parent of place p is p // 2; every reservation knows its place.


@jit
def _earlier(st: State, a: int, b: int) -> bool:
    x = st.deadlines[a]
    y = st.deadlines[b]
    return x.at_ms < y.at_ms or (x.at_ms == y.at_ms and x.ordinal < y.ordinal)


@jit
def _swap(st: State, a: int, b: int) -> None:
    x = st.deadlines[a]
    y = st.deadlines[b]
    at_ms, ordinal, reservation = x.at_ms, x.ordinal, x.reservation
    x.at_ms = y.at_ms
    x.ordinal = y.ordinal
    x.reservation = y.reservation
    y.at_ms = at_ms
    y.ordinal = ordinal
    y.reservation = reservation
    st.reservations[np.int64(x.reservation)].heap_at = a
    st.reservations[np.int64(y.reservation)].heap_at = b


@jit
def _up(st: State, place: int) -> None:
    while place > 1 and _earlier(st, place, place // 2):
        _swap(st, place, place // 2)
        place //= 2


@jit
def _down(st: State, place: int) -> None:
    count = st.marks[DEADLINES_N]
    while 2 * place <= count:
        child = 2 * place
        if child < count and _earlier(st, child + 1, child):
            child += 1
        if not _earlier(st, child, place):
            return
        _swap(st, place, child)
        place = child


@jit
def set_deadline(st: State, reservation: int, at_ms: int) -> None:
    """Give the reservation a deadline, or another one."""
    record = st.reservations[reservation]
    record.expires_at_ms = at_ms
    place = np.int64(record.heap_at)
    if place == 0:
        st.marks[DEADLINES_N] += 1
        place = st.marks[DEADLINES_N]
        record.heap_at = place
        st.deadlines[place].reservation = reservation
        st.deadlines[place].ordinal = record.ordinal
    st.deadlines[place].at_ms = at_ms
    _up(st, place)
    _down(st, np.int64(st.reservations[reservation].heap_at))


@jit
def drop_deadline(st: State, reservation: int) -> None:
    """Take the reservation out of the heap; `expires_at_ms` stays as it is."""
    place = np.int64(st.reservations[reservation].heap_at)
    if place == 0:
        return
    last = st.marks[DEADLINES_N]
    if place != last:
        _swap(st, place, last)
    st.marks[DEADLINES_N] = last - 1
    st.reservations[reservation].heap_at = 0
    if place != last:
        _up(st, place)
        _down(st, place)


@jit
def close(st: State, reservation: int, state: int, now_ms: int) -> None:
    """Nothing is held any more: no deadline, and in the queue of those to be forgotten one day."""
    drop_deadline(st, reservation)
    record = st.reservations[reservation]
    record.state = state
    record.closed_at_ms = now_ms
    record.next_closed = 0
    last = st.marks[LAST_CLOSED]
    if last == 0:
        st.marks[FIRST_CLOSED] = reservation
    else:
        st.reservations[last].next_closed = reservation
    st.marks[LAST_CLOSED] = reservation


@jit
def forget_closed(st: State, now_ms: int, most: int) -> None:
    """Forget at most `most` reservations that were closed longer ago than ids are remembered."""
    for _ in range(most):
        slot = st.marks[FIRST_CLOSED]
        if slot == 0 or now_ms - st.reservations[slot].closed_at_ms <= st.bounds[ID_WINDOW_MS]:
            return
        following = np.int64(st.reservations[slot].next_closed)
        st.marks[FIRST_CLOSED] = following
        if following == 0:
            st.marks[LAST_CLOSED] = 0
        line = np.int64(st.reservations[slot].first_line)
        while line != 0:
            after = np.int64(st.lines[line].next)
            give_back(st.lines, st.tables[LINES], line)
            line = after
        unlink(st.reservations, st.reservation_heads, st.tables[RESERVATIONS], slot)
        give_back(st.reservations, st.tables[RESERVATIONS], slot)


@jit
def describe(st: State, movements: Rows, first: int, end: int, reservation: int, line: int, requested: int) -> None:
    """Say in movements [first, end) which reservation and line they belong to."""
    record = st.reservations[reservation]
    for m in range(first, end):
        out = movements[m]
        out.reservation = np.uint64(record.key)
        out.line = line
        out.requested = requested
        out.channel = record.channel
        out.client = record.client
        out.partition = record.partition
        out.state = record.state


@jit
def write_line_movement(st: State, movements: Rows, m: int, row: int, kind: int, reservation: int, line: int, quantity: int, value: int) -> int:  # fmt: skip
    """Record something about a line that changes no counter (confirm, extend, a line that got nothing)."""
    record = st.lines[line]
    cell = np.int64(record.cell)
    if cell != 0:
        m = write_movement(st, movements, m, row, kind, cell, quantity, 0, 0, 0, value)
    else:
        # Slot 0 holds zeros: a line for which nothing was held has no cell.
        m = write_movement(st, movements, m, row, kind, 0, quantity, 0, 0, 0, value)
        movements[m - 1].sku_key = st.skus[np.int64(record.sku)].key
        movements[m - 1].decimals = st.skus[np.int64(record.sku)].decimals
        movements[m - 1].warehouse = NO_WAREHOUSE
        movements[m - 1].flags = _HIDDEN
    describe(st, movements, m - 1, m, reservation, np.int64(record.line), record.requested)
    return m


@jit
def take_from_line(st: State, movements: Rows, m: int, row: int, kind: int, reservation: int, line: int, quantity: int) -> int:  # fmt: skip
    """Release, expire or fulfil `quantity` of what a line holds."""
    record = st.lines[line]
    cell = np.int64(record.cell)
    if kind == _FULFIL:
        record.fulfilled += quantity
        st.reservations[reservation].fulfilled_any = 1
        m = move(st, movements, m, row, kind, cell, -quantity, -quantity, -quantity, 0, 0)
    else:
        record.released += quantity
        m = move(st, movements, m, row, kind, cell, -quantity, 0, -quantity, 0, 0)
    describe(st, movements, m - 1, m, reservation, np.int64(record.line), record.requested)
    return m


@jit
def settle_state(st: State, movements: Rows, first: int, end: int, reservation: int, closed_state: int, now_ms: int) -> None:  # fmt: skip
    """After units were taken: close the reservation if nothing remains, and say the state in the movements."""
    remaining = 0
    line = np.int64(st.reservations[reservation].first_line)
    while line != 0 and remaining == 0:
        remaining += remaining_of(st, line)
        line = np.int64(st.lines[line].next)
    if remaining == 0:
        state = closed_state
        if state == 0:
            state = _FULFILLED if st.reservations[reservation].fulfilled_any != 0 else _RELEASED
        close(st, reservation, state, now_ms)
    for m in range(first, end):
        movements[m].state = st.reservations[reservation].state


@jit
def take_all(st: State, movements: Rows, m: int, row: int, kind: int, reservation: int, closed_state: int, now_ms: int) -> int:  # fmt: skip
    """Release, expire or fulfil everything that remains."""
    first = m
    line = np.int64(st.reservations[reservation].first_line)
    while line != 0:
        quantity = remaining_of(st, line)
        if quantity > 0:
            m = take_from_line(st, movements, m, row, kind, reservation, line, quantity)
        line = np.int64(st.lines[line].next)
    settle_state(st, movements, first, m, reservation, closed_state, now_ms)
    return m


@jit
def expire_due(st: State, movements: Rows, m: int, now_ms: int) -> int:
    """Expire every hold whose deadline has come, earliest first; stops when `movements` is full."""
    while st.marks[DEADLINES_N] > 0 and st.deadlines[1].at_ms <= now_ms:
        reservation = np.int64(st.deadlines[1].reservation)
        if m + np.int64(st.reservations[reservation].lines_n) > movements.shape[0]:
            return m
        m = take_all(st, movements, m, NO_ROW, _EXPIRE, reservation, _EXPIRED, now_ms)
    return m


@jit
def write_lines(st: State, lines: Rows, n: int, reservation: int) -> int:
    """Copy the entries of a reservation to LINE rows from index `n`; returns the next index."""
    line = np.int64(st.reservations[reservation].first_line)
    while line != 0 and n < lines.shape[0]:
        record = st.lines[line]
        out = lines[n]
        cell = np.int64(record.cell)
        sku = np.int64(record.sku) if cell == 0 else sku_of(st, cell)
        out.reservation = np.uint64(st.reservations[reservation].key)
        out.sku_key = st.skus[sku].key
        out.requested = record.requested
        out.quantity = record.quantity
        out.fulfilled = record.fulfilled
        out.released = record.released
        out.line = record.line
        out.warehouse = NO_WAREHOUSE if cell == 0 else warehouse_of(st, cell)
        out.outcome = record.outcome
        out.decimals = st.skus[sku].decimals
        n += 1
        line = np.int64(record.next)
    return n
