"""The later steps of a reservation whose lines lie on several shards: the decision, and its carrying out.

A prepared reservation holds its units and waits. DECIDE on the home shard settles it, the first writer
wins: what was prepared there becomes held, or is given back; a decision to abort what was never prepared
leaves a closed reservation without lines, so that a late prepare finds the key taken. APPLY does the same on
every other shard, and changes nothing when it comes again.
"""

from engine.kernels.jit import Row, Rows, i64, jit
from engine.kernels.memory import Memory, lines_of, reservations_of, tables_of
from engine.kernels.plan import say_reservation
from engine.kernels.reservations import (
    close,
    find_reservation,
    make_reservation,
    remaining_of,
    set_deadline,
    take_all,
    write_line_movement,
)
from engine.kinds import Flag, Kind, MovementFlag, ReservationState
from engine.outcomes import Outcome
from engine.state import FREE, RESERVATIONS, USED

_OK = i64(Outcome.OK)
_RESERVATION_CLOSED = i64(Outcome.RESERVATION_CLOSED)
_LIMIT_EXCEEDED = i64(Outcome.LIMIT_EXCEEDED)
_COMMIT = i64(Flag.COMMIT)
_RESERVE = i64(Kind.RESERVE)
_RELEASE = i64(Kind.RELEASE)
_HELD = i64(ReservationState.HELD)
_RELEASED = i64(ReservationState.RELEASED)
_PREPARED = i64(ReservationState.PREPARED)
_HIDDEN = i64(MovementFlag.HIDDEN)


@jit
def commit_prepared(st: Memory, movements: Rows, m: int, row: int, reservation: int, expires_at_ms: int) -> int:
    """What was prepared is held from now on, and shows on the feed."""
    reservations_of(st)[reservation].state = _HELD
    set_deadline(st, reservation, expires_at_ms)
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0:
        held = remaining_of(st, line)
        if held > 0:
            m = write_line_movement(st, movements, m, row, _RESERVE, reservation, line, held, expires_at_ms)
        line = i64(lines_of(st)[line].next)
    return m


@jit
def abort_prepared(st: Memory, movements: Rows, m: int, row: int, reservation: int, now_ms: int) -> int:
    """What was prepared is given back, and never showed on the feed."""
    first = m
    m = take_all(st, movements, m, row, _RELEASE, reservation, _RELEASED, now_ms)
    for k in range(first, m):
        movements[k].flags = _HIDDEN
    return m


@jit
def leave_tombstone(st: Memory, row: Row, made_at: int, now_ms: int) -> bool:
    """A closed reservation without lines; False when the table is full."""
    if tables_of(st)[RESERVATIONS, FREE] == 0 and tables_of(st)[RESERVATIONS, USED] >= reservations_of(st).shape[0]:
        return False
    reservation = make_reservation(st, row, made_at, _RELEASED)
    close(st, reservation, _RELEASED, now_ms)
    return True


@jit
def apply_decision(
    st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int, now_ms: int, seq: int
) -> tuple[int, int]:
    """Carry out what the home shard decided; (outcome, next movement index)."""
    row = rows[r]
    out = results[r]
    commit = (row.flags & _COMMIT) != 0
    reservation = find_reservation(st, row.reservation)
    if reservation == 0:
        if commit:
            return _RESERVATION_CLOSED, m
        if not leave_tombstone(st, row, seq << 24 | r, now_ms):
            return _LIMIT_EXCEEDED, m
        out.state = _RELEASED
        return _OK, m
    if reservations_of(st)[reservation].state == _PREPARED:
        if commit:
            m = commit_prepared(st, movements, m, r, reservation, row.due_ms)
        else:
            m = abort_prepared(st, movements, m, r, reservation, now_ms)
    say_reservation(st, out, reservation)
    return _OK, m


@jit
def decide_reservation(
    st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int, now_ms: int, seq: int
) -> tuple[int, int]:
    """Decide at home; RESERVATION_CLOSED with the state as it is when it was decided the other way before."""
    row = rows[r]
    out = results[r]
    commit = (row.flags & _COMMIT) != 0
    reservation = find_reservation(st, row.reservation)
    if reservation != 0 and reservations_of(st)[reservation].state != _PREPARED:
        say_reservation(st, out, reservation)
        aborted = reservations_of(st)[reservation].first_line == 0 or (
            reservations_of(st)[reservation].state == _RELEASED and reservations_of(st)[reservation].fulfilled_any == 0
        )
        if aborted == commit:
            return _RESERVATION_CLOSED, m
        return _OK, m
    return apply_decision(st, rows, results, r, movements, m, now_ms, seq)
