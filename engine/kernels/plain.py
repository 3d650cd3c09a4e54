"""A reservation of one line at a named place, the most frequent row of all: checked and taken in one go.

The rules are those of `engine.kernels.plan` and `engine.kernels.settle`, called in the same order; a row alone needs no
plan between them.
"""

from engine.kernels.cells import find_cell_near
from engine.kernels.jit import Row, Rows, i64, inner
from engine.kernels.memory import Memory, bounds_of, cells_of
from engine.kernels.plan import check_reserve, got_at, say_reservation
from engine.kernels.reservations import find_reservation_near, make_reservation, set_deadline
from engine.kernels.settle import hold, reservation_fits
from engine.kernels.touch import hint_of
from engine.kinds import Flag, Kind, ReservationState
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.state import STOCK_MAX

_OK = i64(Outcome.OK)
_CONFLICT = i64(Outcome.CONFLICT)
_INSUFFICIENT_STOCK = i64(Outcome.INSUFFICIENT_STOCK)
_LIMIT_EXCEEDED = i64(Outcome.LIMIT_EXCEEDED)
_RESERVE = i64(Kind.RESERVE)
_PREPARE = i64(Flag.PREPARE)
_HELD = i64(ReservationState.HELD)


@inner
def is_plain(row: Row) -> bool:
    """Whether a row that is a unit of its own may go this way."""
    return row.kind == _RESERVE and row.warehouse != NO_WAREHOUSE and row.line >= 0 and (row.flags & _PREPARE) == 0


@inner
def reserve_plainly(
    st: Memory, row: Row, out: Row, r: int, movements: Rows, m: int, now_ms: int, seq: int
) -> tuple[int, int]:
    """(outcome, next movement index) of row `r`; the caller has checked that there is room for a movement."""
    outcome, sku, wanted = check_reserve(st, row, out, r)
    if outcome != _OK:
        return outcome, m
    cell = find_cell_near(st, sku, i64(row.warehouse), i64(hint_of(st, r).cell))
    quantity = got_at(st, row, out, cell, wanted)
    if quantity == 0:
        return _INSUFFICIENT_STOCK, m
    if cells_of(st)[cell].reserved + quantity > bounds_of(st)[STOCK_MAX]:
        return _LIMIT_EXCEEDED, m
    if find_reservation_near(st, row.reservation, i64(hint_of(st, r).reservation)) != 0:
        return _CONFLICT, m
    if not reservation_fits(st, 1, 1):
        return _LIMIT_EXCEEDED, m
    reservation = make_reservation(st, row, seq << 24 | r, _HELD)
    expires_at_ms = now_ms + i64(row.ttl_s) * 1000
    set_deadline(st, reservation, expires_at_ms)
    m = hold(st, out, r, reservation, i64(row.line), cell, quantity, movements, m, expires_at_ms)
    out.quantity = quantity
    say_reservation(st, out, reservation)
    return _OK, m
