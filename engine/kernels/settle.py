"""Second half of sell, reserve, release and fulfil: take what was planned. From here it succeeds."""

from engine.kernels.cells import ZERO, available_of, bound_of, find_sku, is_owed, make_cell, move
from engine.kernels.jit import Row, Rows, i64, inner, jit
from engine.kernels.memory import (
    Memory,
    cells_of,
    lines_end,
    lines_of,
    plan_of,
    reservations_end,
    reservations_of,
    sku_buckets_of,
    sku_spill_of,
    skus_of,
    tables_of,
)
from engine.kernels.operations import note_operation
from engine.kernels.plan import forget_plan
from engine.kernels.reservations import (
    add_line,
    describe,
    make_reservation,
    set_deadline,
    settle_state,
    take_all,
    take_from_line,
    write_line_movement,
)
from engine.kernels.table import find
from engine.kinds import Flag, Kind, MovementFlag, ReservationState, ResultFlag
from engine.outcomes import Outcome
from engine.state import ENTRIES_MAX, FREE, LINES, RESERVATIONS, SKUS, USED

_OK = i64(Outcome.OK)
_INSUFFICIENT_STOCK = i64(Outcome.INSUFFICIENT_STOCK)
_SELL = i64(Kind.SELL)
_RESERVE = i64(Kind.RESERVE)
_RELEASE = i64(Kind.RELEASE)
_SHORT = i64(Kind.SHORT)
_HELD = i64(ReservationState.HELD)
_PREPARED = i64(ReservationState.PREPARED)
_SETTLED = i64(Flag.SETTLED)
_PREPARE = i64(Flag.PREPARE)
_SHORT_FLAG = i64(ResultFlag.SHORT)
_HIDDEN = i64(MovementFlag.HIDDEN)


@jit
def settle_sells(st: Memory, rows: Rows, results: Rows, plan_n: int, movements: Rows, m: int) -> int:
    """Take every planned sale."""
    forget_plan(st, 0, plan_n)
    for p in range(plan_n):
        r = i64(plan_of(st)[p].row)
        cell = i64(plan_of(st)[p].cell)
        quantity = plan_of(st)[p].quantity
        if cell == 0:
            cell = make_cell(st, find_sku(st, rows[r].sku_key), i64(rows[r].warehouse))
        m = move(st, movements, m, r, _SELL, cell, -quantity, -quantity, ZERO, ZERO, ZERO)
        movements[m - 1].channel = rows[r].channel
        movements[m - 1].client = rows[r].client
        results[r].available = available_of(st, cell)
        if (rows[r].flags & _SETTLED) != 0 and is_owed(st, cell):
            results[r].flags |= _SHORT_FLAG
            m = move(st, movements, m, r, _SHORT, cell, bound_of(st, cell), ZERO, ZERO, ZERO, ZERO)
    return m


@inner
def reservation_fits(st: Memory, plan_n: int, rows_n: int) -> bool:
    """Whether a reservation of that many lines fits its tables."""
    reservations = tables_of(st)[RESERVATIONS]
    if reservations[FREE] == 0 and reservations[USED] >= reservations_end(st):
        return False
    return plan_n + rows_n <= ENTRIES_MAX and tables_of(st)[LINES, USED] + plan_n + rows_n <= lines_end(st)


@inner
def hold(
    st: Memory,
    out: Row,
    r: int,
    reservation: int,
    line: int,
    cell: int,
    quantity: int,
    movements: Rows,
    m: int,
    expires_at_ms: int,
) -> int:
    """Give the reservation another line, of row `r`, for units of a cell; returns the next movement index."""
    add_line(st, reservation, line, cells_of(st)[cell].key >> 16, cell, out.requested, quantity, _OK)
    m = move(st, movements, m, r, _RESERVE, cell, quantity, ZERO, quantity, ZERO, expires_at_ms)
    describe(st, movements, m - 1, m, reservation, line, out.requested)
    out.available = available_of(st, cell)
    return m


@inner
def settle_reserve(
    st: Memory,
    rows: Rows,
    results: Rows,
    first: int,
    end: int,
    plan_n: int,
    movements: Rows,
    m: int,
    now_ms: int,
    made_at: int,
) -> tuple[int, int]:
    """Make the reservation of rows [first, end), with a line per plan entry; prepared sales are held so too.

    Returns (the reservation, next movement index).

    Rows that got nothing (their group is `partial`) become lines without a cell. The caller has checked that
    reservation and lines fit their tables.
    """
    forget_plan(st, 0, plan_n)
    prepared = (rows[first].flags & _PREPARE) != 0
    state = _PREPARED if prepared else _HELD
    reservation = make_reservation(st, rows[first], made_at, state)
    expires_at_ms = now_ms + i64(rows[first].ttl_s) * 1000
    if prepared:
        note_operation(st, reservation, rows[first], made_at, expires_at_ms)
    else:
        set_deadline(st, reservation, expires_at_ms)
    hidden = _HIDDEN if prepared else 0
    for p in range(plan_n):
        r = i64(plan_of(st)[p].row)
        cell = i64(plan_of(st)[p].cell)
        quantity = plan_of(st)[p].quantity
        if cell == 0:
            cell = make_cell(st, find_sku(st, rows[r].sku_key), i64(rows[r].warehouse))
        line = i64(rows[r].line) if rows[r].kind == _RESERVE else r - first
        m = hold(st, results[r], r, reservation, line, cell, quantity, movements, m, expires_at_ms)
        movements[m - 1].flags = hidden
        if rows[r].kind == _SELL and is_owed(st, cell):
            results[r].flags |= _SHORT_FLAG  # as it will be: the sale is carried out later
    for r in range(first, end):
        if rows[r].kind == _RESERVE and results[r].outcome == _INSUFFICIENT_STOCK:
            sku = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], rows[r].sku_key)
            line = add_line(st, reservation, i64(rows[r].line), sku, 0, results[r].requested, 0, _INSUFFICIENT_STOCK)
            m = write_line_movement(st, movements, m, r, _RESERVE, reservation, line, ZERO, expires_at_ms)
    return reservation, m


@jit
def settle_takes(st: Memory, rows: Rows, reservation: int, plan_n: int, movements: Rows, m: int, now_ms: int) -> int:
    """Release or fulfil what was planned; all entries belong to the one reservation."""
    forget_plan(st, 0, plan_n)
    first = m
    for p in range(plan_n):
        r = i64(plan_of(st)[p].row)
        line = i64(plan_of(st)[p].line)
        m = take_from_line(st, movements, m, r, i64(rows[r].kind), reservation, line, plan_of(st)[p].quantity)
    settle_state(st, movements, first, m, reservation, ZERO, now_ms)
    return m


@jit
def prepare_takes(
    st: Memory, rows: Rows, reservation: int, first: int, plan_n: int, movements: Rows, m: int, position: int
) -> int:
    """Pin what a release or fulfil over several shards will take; nothing moves yet."""
    forget_plan(st, 0, plan_n)
    for p in range(plan_n):
        r = i64(plan_of(st)[p].row)
        line = i64(plan_of(st)[p].line)
        quantity = plan_of(st)[p].quantity
        lines_of(st)[line].pending += quantity
        m = write_line_movement(st, movements, m, r, i64(rows[r].kind), reservation, line, -quantity, ZERO)
        movements[m - 1].flags = _HIDDEN
    note_operation(st, reservation, rows[first], position, reservations_of(st)[reservation].expires_at_ms)
    return m


@jit
def release_replaced(st: Memory, movements: Rows, m: int, row: int, reservation: int, now_ms: int) -> int:
    """Release all of a reservation that another one replaces."""
    return take_all(st, movements, m, row, _RELEASE, reservation, ZERO, now_ms)
