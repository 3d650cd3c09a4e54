"""Reservations: making, changing and closing them, their lines, and the heap of deadlines."""

from engine.kernels.cells import ZERO, move, sku_of, warehouse_of, write_movement
from engine.kernels.jit import Row, Rows, i64, inner, jit, u64
from engine.kernels.memory import (
    Memory,
    bounds_of,
    deadlines_of,
    lines_end,
    lines_of,
    marks_of,
    reservation_buckets_end,
    reservation_buckets_of,
    reservation_spill_of,
    reservations_end,
    reservations_of,
    skus_of,
    tables_of,
)
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
)

_HELD = i64(ReservationState.HELD)
_CONFIRMED = i64(ReservationState.CONFIRMED)
_FULFILLED = i64(ReservationState.FULFILLED)
_RELEASED = i64(ReservationState.RELEASED)
_EXPIRED = i64(ReservationState.EXPIRED)
_PREPARED = i64(ReservationState.PREPARED)
_EXPIRE = i64(Kind.EXPIRE)
_RELEASE = i64(Kind.RELEASE)
_FULFIL = i64(Kind.FULFIL)
_SELL = i64(Kind.SELL)
_HIDDEN = i64(MovementFlag.HIDDEN)
_NO_ROW = i64(NO_ROW)


@jit
def find_reservation(st: Memory, key: int) -> int:
    """Slot of a reservation, or 0."""
    return find(
        reservations_of(st),
        reservation_buckets_of(st),
        reservation_spill_of(st),
        tables_of(st)[RESERVATIONS],
        i64(key),
    )


@inner
def find_reservation_near(st: Memory, key: int, hint: int) -> int:
    """`find_reservation`, which begins where the reservation probably is."""
    if hint != 0 and reservations_of(st)[hint].key == i64(key) and reservations_of(st)[hint].state != 0:
        return hint
    return find_reservation(st, key)


@inner
def is_open(state: int) -> bool:
    """Whether units may still be held in this state."""
    return state == _HELD or state == _CONFIRMED or state == _PREPARED


@inner
def remaining_of(st: Memory, line: int) -> int:
    """Units of a line that are still held."""
    record = lines_of(st)[line]
    return record.quantity - record.fulfilled - record.released


@inner
def make_reservation(st: Memory, row: Row, made_at: int, state: int) -> int:
    """A new reservation without lines, taken from its first row; 0 when the table is full."""
    slot = take(reservations_of(st), tables_of(st)[RESERVATIONS], reservations_end(st))
    if slot == 0:
        return 0
    marks_of(st)[ORDINALS] += 1
    record = reservations_of(st)[slot]
    record.key = i64(row.reservation)
    record.expires_at_ms = 0
    record.made_at = u64(made_at)
    record.ordinal = marks_of(st)[ORDINALS]
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
    record.pending = 0
    link(
        reservation_buckets_of(st),
        reservation_spill_of(st),
        tables_of(st)[RESERVATIONS],
        slot,
        i64(row.reservation),
        reservation_buckets_end(st),
    )
    return slot


@inner
def add_line(
    st: Memory, reservation: int, line: int, sku: int, cell: int, requested: int, quantity: int, outcome: int
) -> int:
    """A new (line, warehouse) entry, in order of line; the caller has checked that the table has room."""
    slot = take(lines_of(st), tables_of(st)[LINES], lines_end(st))
    record = lines_of(st)[slot]
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
    owner = reservations_of(st)[reservation]
    owner.lines_n += 1
    last = i64(owner.last_line)
    if last == 0:
        owner.first_line = slot
        owner.last_line = slot
    elif lines_of(st)[last].line <= line:
        lines_of(st)[last].next = slot
        owner.last_line = slot
    else:
        before = 0
        at = i64(owner.first_line)
        while lines_of(st)[at].line <= line:
            before = at
            at = i64(lines_of(st)[at].next)
        record.next = at
        if before == 0:
            owner.first_line = slot
        else:
            lines_of(st)[before].next = slot
    return slot


@jit
def find_line(st: Memory, reservation: int, line: int, cell: int) -> int:
    """The entry of `line` at `cell`, or 0."""
    at = i64(reservations_of(st)[reservation].first_line)
    while at != 0 and (lines_of(st)[at].line != line or lines_of(st)[at].cell != cell):
        at = i64(lines_of(st)[at].next)
    return at


# The heap of deadlines: parent of place p is p // 2; every reservation knows its place.


@inner
def _earlier(st: Memory, a: int, b: int) -> bool:
    x = deadlines_of(st)[a]
    y = deadlines_of(st)[b]
    return x.at_ms < y.at_ms or (x.at_ms == y.at_ms and x.ordinal < y.ordinal)


@jit
def _swap(st: Memory, a: int, b: int) -> None:
    x = deadlines_of(st)[a]
    y = deadlines_of(st)[b]
    at_ms, ordinal, reservation = x.at_ms, x.ordinal, x.reservation
    x.at_ms = y.at_ms
    x.ordinal = y.ordinal
    x.reservation = y.reservation
    y.at_ms = at_ms
    y.ordinal = ordinal
    y.reservation = reservation
    reservations_of(st)[i64(x.reservation)].heap_at = a
    reservations_of(st)[i64(y.reservation)].heap_at = b


@jit
def _up(st: Memory, place: int) -> None:
    while place > 1 and _earlier(st, place, place // 2):
        _swap(st, place, place // 2)
        place //= 2


@jit
def _down(st: Memory, place: int) -> None:
    count = marks_of(st)[DEADLINES_N]
    while 2 * place <= count:
        child = 2 * place
        if child < count and _earlier(st, child + 1, child):
            child += 1
        if not _earlier(st, child, place):
            return
        _swap(st, place, child)
        place = child


@jit
def set_deadline(st: Memory, reservation: int, at_ms: int) -> None:
    """Give the reservation a deadline, or another one."""
    record = reservations_of(st)[reservation]
    record.expires_at_ms = at_ms
    place = i64(record.heap_at)
    if place != 0:
        deadlines_of(st)[place].at_ms = at_ms
        _up(st, place)
        _down(st, i64(record.heap_at))
        return
    place = marks_of(st)[DEADLINES_N] + 1
    marks_of(st)[DEADLINES_N] = place
    record.heap_at = place
    deadlines_of(st)[place].reservation = reservation
    deadlines_of(st)[place].ordinal = record.ordinal
    deadlines_of(st)[place].at_ms = at_ms
    _up(st, place)


@jit
def drop_deadline(st: Memory, reservation: int) -> None:
    """Take the reservation out of the heap; `expires_at_ms` stays as it is."""
    place = i64(reservations_of(st)[reservation].heap_at)
    if place == 0:
        return
    last = marks_of(st)[DEADLINES_N]
    if place != last:
        _swap(st, place, last)
    marks_of(st)[DEADLINES_N] = last - 1
    reservations_of(st)[reservation].heap_at = 0
    if place != last:
        _up(st, place)
        _down(st, place)


@jit
def close(st: Memory, reservation: int, state: int, now_ms: int) -> None:
    """Nothing is held any more: no deadline, and in the queue of those to be forgotten one day."""
    drop_deadline(st, reservation)
    record = reservations_of(st)[reservation]
    record.state = state
    record.closed_at_ms = now_ms
    record.next_closed = 0
    last = marks_of(st)[LAST_CLOSED]
    if last == 0:
        marks_of(st)[FIRST_CLOSED] = reservation
    else:
        reservations_of(st)[last].next_closed = reservation
    marks_of(st)[LAST_CLOSED] = reservation


@jit
def free_reservation(st: Memory, reservation: int) -> None:
    """Take a reservation and its lines out of their tables."""
    drop_deadline(st, reservation)
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0:
        after = i64(lines_of(st)[line].next)
        give_back(lines_of(st), tables_of(st)[LINES], line)
        line = after
    unlink(
        reservation_buckets_of(st),
        reservation_spill_of(st),
        tables_of(st)[RESERVATIONS],
        reservation,
        reservations_of(st)[reservation].key,
    )
    reservations_of(st)[reservation].state = 0  # whoever has a hint of it must not take it for one in use
    give_back(reservations_of(st), tables_of(st)[RESERVATIONS], reservation)


@jit
def forget_closed(st: Memory, now_ms: int, most: int) -> None:
    """Forget at most `most` reservations that were closed longer ago than ids are remembered."""
    for _ in range(most):
        slot = marks_of(st)[FIRST_CLOSED]
        if slot == 0 or now_ms - reservations_of(st)[slot].closed_at_ms <= bounds_of(st)[ID_WINDOW_MS]:
            return
        following = i64(reservations_of(st)[slot].next_closed)
        marks_of(st)[FIRST_CLOSED] = following
        if following == 0:
            marks_of(st)[LAST_CLOSED] = 0
        free_reservation(st, slot)


@inner
def describe(st: Memory, movements: Rows, first: int, end: int, reservation: int, line: int, requested: int) -> None:
    """Say in movements [first, end) which reservation and line they belong to."""
    record = reservations_of(st)[reservation]
    for m in range(first, end):
        out = movements[m]
        out.reservation = u64(record.key)
        out.line = line
        out.requested = requested
        out.channel = record.channel
        out.client = record.client
        out.partition = record.partition
        out.state = record.state


@jit
def write_line_movement(
    st: Memory, movements: Rows, m: int, row: int, kind: int, reservation: int, line: int, quantity: int, value: int
) -> int:
    """Record something about a line that changes no counter (confirm, extend, a line that got nothing)."""
    record = lines_of(st)[line]
    cell = i64(record.cell)
    if cell != 0:
        m = write_movement(st, movements, m, row, kind, cell, quantity, ZERO, ZERO, ZERO, value)
    else:
        # Slot 0 holds zeros: a line for which nothing was held has no cell.
        m = write_movement(st, movements, m, row, kind, ZERO, quantity, ZERO, ZERO, ZERO, value)
        movements[m - 1].sku_key = skus_of(st)[i64(record.sku)].key
        movements[m - 1].decimals = skus_of(st)[i64(record.sku)].decimals
        movements[m - 1].warehouse = NO_WAREHOUSE
        movements[m - 1].flags = _HIDDEN
    describe(st, movements, m - 1, m, reservation, i64(record.line), record.requested)
    return m


@jit
def take_from_line(
    st: Memory, movements: Rows, m: int, row: int, kind: int, reservation: int, line: int, quantity: int
) -> int:
    """Release, expire or fulfil `quantity` of what a line holds."""
    record = lines_of(st)[line]
    cell = i64(record.cell)
    if kind == _FULFIL or kind == _SELL:
        record.fulfilled += quantity
        reservations_of(st)[reservation].fulfilled_any = 1
        m = move(st, movements, m, row, kind, cell, -quantity, -quantity, -quantity, ZERO, ZERO)
    else:
        record.released += quantity
        m = move(st, movements, m, row, kind, cell, -quantity, ZERO, -quantity, ZERO, ZERO)
    describe(st, movements, m - 1, m, reservation, i64(record.line), record.requested)
    return m


@jit
def settle_state(
    st: Memory, movements: Rows, first: int, end: int, reservation: int, closed_state: int, now_ms: int
) -> None:
    """After units were taken: close the reservation if nothing remains, and say the state in the movements."""
    remaining = 0
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0 and remaining == 0:
        remaining += remaining_of(st, line)
        line = i64(lines_of(st)[line].next)
    if remaining == 0:
        state = closed_state
        if state == 0:
            state = _FULFILLED if reservations_of(st)[reservation].fulfilled_any != 0 else _RELEASED
        close(st, reservation, state, now_ms)
    for m in range(first, end):
        movements[m].state = reservations_of(st)[reservation].state


@jit
def take_all(
    st: Memory, movements: Rows, m: int, row: int, kind: int, reservation: int, closed_state: int, now_ms: int
) -> int:
    """Release, expire or fulfil everything that remains."""
    first = m
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0:
        quantity = remaining_of(st, line)
        if quantity > 0:
            m = take_from_line(st, movements, m, row, kind, reservation, line, quantity)
        line = i64(lines_of(st)[line].next)
    settle_state(st, movements, first, m, reservation, closed_state, now_ms)
    return m


@jit
def expire_due(st: Memory, movements: Rows, m: int, room: int, now_ms: int) -> int:
    """Expire every hold whose deadline has come, earliest first; stops when there is no room before index `room`."""
    while marks_of(st)[DEADLINES_N] > 0 and deadlines_of(st)[1].at_ms <= now_ms:
        reservation = i64(deadlines_of(st)[1].reservation)
        if m + i64(reservations_of(st)[reservation].lines_n) > room:
            return m
        m = take_all(st, movements, m, _NO_ROW, _EXPIRE, reservation, _EXPIRED, now_ms)
    return m


@jit
def write_lines(st: Memory, lines: Rows, n: int, reservation: int, preparing: int) -> int:
    """Copy the entries of a reservation to LINE rows from index `n`; returns the next index.

    `preparing`: 0, or the kind of the operation as whose answer they are given: as they will be.
    """
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0 and n < lines.shape[0]:
        record = lines_of(st)[line]
        out = lines[n]
        cell = i64(record.cell)
        sku = i64(record.sku) if cell == 0 else sku_of(st, cell)
        out.reservation = u64(reservations_of(st)[reservation].key)
        out.sku_key = skus_of(st)[sku].key
        out.requested = record.requested
        out.quantity = record.quantity
        out.fulfilled = record.fulfilled
        out.released = record.released
        out.line = record.line
        out.warehouse = NO_WAREHOUSE if cell == 0 else warehouse_of(st, cell)
        if preparing == _FULFIL:
            out.fulfilled += record.pending
        elif preparing == _RELEASE:
            out.released += record.pending
        out.outcome = record.outcome
        out.decimals = skus_of(st)[sku].decimals
        n += 1
        line = i64(record.next)
    return n
