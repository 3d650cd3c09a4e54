"""Commands whose reservation, or whose group of sales, lies on several shards: prepared, then carried out.

A row with Flag.PREPARE is this shard's vote. It is checked as if it were done now; if it can be done, an
operation is noted at the reservation: its units are pinned, its deadline is lifted, and other commands on it
are answered `conflict`. APPLY with the same operation key carries it out or drops it, and changes nothing when
it comes again. DECIDE, on the home shard, changes nothing here: its id is what the first writer wins.

A prepared sale is a reservation that nobody sees; it is gone when it is carried out or dropped.
"""

from engine.kernels.cells import ZERO, bound_of, is_owed, move
from engine.kernels.jit import Row, Rows, i64, jit, u64
from engine.kernels.memory import (
    Memory,
    lines_of,
    operation_buckets_end,
    operation_buckets_of,
    operation_spill_of,
    operations_end,
    operations_of,
    reservations_of,
    tables_of,
)
from engine.kernels.plan import say_reservation
from engine.kernels.reservations import (
    close,
    drop_deadline,
    find_reservation,
    free_reservation,
    remaining_of,
    set_deadline,
    settle_state,
    take_from_line,
    write_line_movement,
)
from engine.kernels.table import find, give_back, link, take, unlink
from engine.kinds import Flag, Kind, MovementFlag, ReservationState
from engine.outcomes import Outcome
from engine.state import FREE, OPERATIONS, USED

_OK = i64(Outcome.OK)
_COMMIT = i64(Flag.COMMIT)
_CONFIRM = i64(Kind.CONFIRM)
_EXTEND = i64(Kind.EXTEND)
_FULFIL = i64(Kind.FULFIL)
_RELEASE = i64(Kind.RELEASE)
_RESERVE = i64(Kind.RESERVE)
_SELL = i64(Kind.SELL)
_SHORT = i64(Kind.SHORT)
_CONFIRMED = i64(ReservationState.CONFIRMED)
_FULFILLED = i64(ReservationState.FULFILLED)
_HELD = i64(ReservationState.HELD)
_RELEASED = i64(ReservationState.RELEASED)
_HIDDEN = i64(MovementFlag.HIDDEN)


@jit
def operations_room(st: Memory) -> bool:
    """Whether one more operation can be noted."""
    return tables_of(st)[OPERATIONS, FREE] != 0 or tables_of(st)[OPERATIONS, USED] < operations_end(st)


@jit
def find_operation(st: Memory, reservation: int) -> int:
    """Slot of the operation noted at a reservation, or 0."""
    if reservation == 0 or reservations_of(st)[reservation].pending == 0:
        return 0
    return find(
        operations_of(st), operation_buckets_of(st), operation_spill_of(st), tables_of(st)[OPERATIONS], reservation
    )


@jit
def let_go_with(st: Memory, row: Row) -> int:
    """The reservation that a prepared one replaces, if its release is prepared here under the same key, else 0.

    Both wait for one decision, so what the release will free is the new reservation's to take: until then its units are
    held twice, and nobody else's.
    """
    replaced = find_reservation(st, u64(row.due_ms))
    slot = find_operation(st, replaced)
    if slot == 0 or operations_of(st)[slot].kind != _RELEASE or operations_of(st)[slot].operation != row.source_key:
        return 0
    return replaced


@jit
def note_operation(st: Memory, reservation: int, row: Row, position: int, expires_at_ms: int) -> None:
    """Note what `row` prepared; the deadline is lifted until it is settled. The caller has checked for room."""
    slot = take(operations_of(st), tables_of(st)[OPERATIONS], operations_end(st))
    record = operations_of(st)[slot]
    record.key = reservation
    record.operation = row.source_key
    record.position = position
    record.expires_at_ms = expires_at_ms
    record.kind = row.kind
    link(
        operation_buckets_of(st),
        operation_spill_of(st),
        tables_of(st)[OPERATIONS],
        slot,
        reservation,
        operation_buckets_end(st),
    )
    reservations_of(st)[reservation].pending = 1
    drop_deadline(st, reservation)


@jit
def say_prepared(st: Memory, out: Row, reservation: int, kind: int, expires_at_ms: int) -> None:
    """Answer as it will be when the operation is carried out."""
    say_reservation(st, out, reservation)
    record = reservations_of(st)[reservation]
    out.expires_at_ms = expires_at_ms
    if kind == _CONFIRM:
        out.state = _CONFIRMED
    elif kind == _RESERVE or kind == _SELL or kind == _EXTEND:
        out.state = _HELD
    else:
        remaining = i64(0)
        line = i64(record.first_line)
        while line != 0:
            remaining += remaining_of(st, line) - lines_of(st)[line].pending
            line = i64(lines_of(st)[line].next)
        if remaining != 0:
            # What remains is held until its deadline, though that is lifted for now.
            out.expires_at_ms = record.expires_at_ms if record.state == _HELD else 0
        else:
            out.expires_at_ms = 0
            out.state = _FULFILLED if kind == _FULFIL or record.fulfilled_any != 0 else _RELEASED


@jit
def finish_operation(st: Memory, reservation: int, commit: bool) -> None:
    """The operation is settled: nothing is pinned any more. Replay does the same after its movements."""
    slot = find_operation(st, reservation)
    kind = i64(operations_of(st)[slot].kind)
    unlink(operation_buckets_of(st), operation_spill_of(st), tables_of(st)[OPERATIONS], slot, reservation)
    operations_of(st)[slot].key = 0
    give_back(operations_of(st), tables_of(st)[OPERATIONS], slot)
    record = reservations_of(st)[reservation]
    record.pending = 0
    line = i64(record.first_line)
    while line != 0:
        lines_of(st)[line].pending = 0
        line = i64(lines_of(st)[line].next)
    if kind == _SELL or (kind == _RESERVE and not commit):
        free_reservation(st, reservation)
    elif record.state == _HELD and record.heap_at == 0:
        set_deadline(st, reservation, record.expires_at_ms)


@jit
def _holds_anything(st: Memory, reservation: int) -> bool:
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0 and remaining_of(st, line) == 0:
        line = i64(lines_of(st)[line].next)
    return line != 0


@jit
def _carry_out(
    st: Memory, movements: Rows, m: int, r: int, reservation: int, slot: int, due_ms: int, now_ms: int
) -> int:
    """Make the movements of a committed operation."""
    kind = i64(operations_of(st)[slot].kind)
    record = reservations_of(st)[reservation]
    value = i64(0)
    empty = False
    if kind == _RESERVE:
        value = due_ms
        empty = not _holds_anything(st, reservation)
        if empty:
            # The lines that got nothing are to be seen; there is nothing to confirm, release or let expire.
            close(st, reservation, _RELEASED, now_ms)
        else:
            record.state = _HELD
            set_deadline(st, reservation, due_ms)
    elif kind == _EXTEND:
        value = max(due_ms, record.expires_at_ms)
        set_deadline(st, reservation, value)
    elif kind == _CONFIRM:
        record.state = _CONFIRMED
    first = m
    line = i64(record.first_line)
    while line != 0:
        remaining = remaining_of(st, line)
        pinned = lines_of(st)[line].pending
        if kind == _FULFIL or kind == _RELEASE:
            if pinned > 0:
                m = take_from_line(st, movements, m, r, kind, reservation, line, pinned)
        elif remaining > 0 or empty:
            if kind == _SELL:
                m = take_from_line(st, movements, m, r, kind, reservation, line, remaining)
                cell = i64(lines_of(st)[line].cell)
                if is_owed(st, cell):
                    m = move(st, movements, m, r, _SHORT, cell, bound_of(st, cell), ZERO, ZERO, ZERO, ZERO)
                    movements[m - 1].line = lines_of(st)[line].line
            else:
                quantity = i64(0) if kind == _EXTEND else remaining
                m = write_line_movement(st, movements, m, r, kind, reservation, line, quantity, value)
        line = i64(lines_of(st)[line].next)
    if kind == _FULFIL or kind == _RELEASE:
        settle_state(st, movements, first, m, reservation, i64(0), now_ms)
    return m


@jit
def apply_operation(
    st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int, now_ms: int
) -> tuple[int, int]:
    """Carry out, or drop, what was prepared under the row's operation key; (OK, next movement index)."""
    row = rows[r]
    reservation = find_reservation(st, row.reservation)
    slot = find_operation(st, reservation)
    if slot == 0 or operations_of(st)[slot].operation != row.source_key:
        if reservation != 0:
            say_reservation(st, results[r], reservation)
        return _OK, m
    first = m
    commit = (row.flags & _COMMIT) != 0
    kind = i64(operations_of(st)[slot].kind)
    position = operations_of(st)[slot].position
    if commit:
        m = _carry_out(st, movements, m, r, reservation, slot, row.due_ms, now_ms)
    elif kind == _RESERVE or kind == _SELL:
        line = i64(reservations_of(st)[reservation].first_line)
        while line != 0:
            held = remaining_of(st, line)
            if held > 0:
                m = take_from_line(st, movements, m, r, _RELEASE, reservation, line, held)
                movements[m - 1].flags = _HIDDEN
            line = i64(lines_of(st)[line].next)
    for k in range(first, m):
        movements[k].prepared_at = position
    gone = kind == _SELL or (kind == _RESERVE and not commit)
    if not gone:
        finish_operation(st, reservation, commit)
    say_reservation(st, results[r], reservation)
    if gone:
        results[r].state = _FULFILLED if commit else _RELEASED
        results[r].expires_at_ms = 0
        finish_operation(st, reservation, commit)
    return _OK, m


@jit
def decide_operation(rows: Rows, results: Rows, r: int) -> int:
    """The home shard's decision: the id of this row is known from now on, with this answer."""
    commit = (rows[r].flags & _COMMIT) != 0
    results[r].reservation = rows[r].reservation
    results[r].partition = rows[r].partition
    results[r].state = _HELD if commit else _RELEASED
    results[r].expires_at_ms = rows[r].due_ms
    return _OK
