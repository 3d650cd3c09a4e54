"""Folding a record into the state: integer addition of its movements, nothing is decided again.

What the decision made besides movements is taken from the rows and results: ids with their positions,
definitions that were answered OK, and the settings of `configure`.
"""

from engine.kernels.alerts import pass_scanned, set_alert
from engine.kernels.cells import add_to_source, find_cell_near, make_cell
from engine.kernels.decide import housekeep
from engine.kernels.define import define
from engine.kernels.idtable import entry_of, make_ids_room, remember
from engine.kernels.jit import Row, Rows, i64, inner, jit
from engine.kernels.machine import endless
from engine.kernels.memory import (
    Memory,
    cells_of,
    lines_of,
    marks_of,
    operations_of,
    reservations_end,
    reservations_of,
    sku_buckets_of,
    sku_spill_of,
    skus_of,
    tables_of,
)
from engine.kernels.operations import find_operation, finish_operation, note_operation
from engine.kernels.reservations import (
    add_line,
    close,
    drop_deadline,
    find_line,
    find_reservation,
    find_reservation_near,
    is_open,
    make_reservation,
    set_deadline,
)
from engine.kernels.stock import set_cell
from engine.kernels.table import find
from engine.kernels.touch import FIRST_STEP, STEP, hint_of, touch, touch_ids
from engine.kinds import Flag, Kind, ReservationState, ResultFlag
from engine.layout import NO_ROW, NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.state import LAST_NOW_MS, LAST_SEQ, RESERVATIONS, SKUS, USED

_OK = i64(Outcome.OK)
_ID_REUSED = i64(Outcome.ID_REUSED)
_ID_TOO_OLD = i64(Outcome.ID_TOO_OLD)
_INSUFFICIENT_STOCK = i64(Outcome.INSUFFICIENT_STOCK)
_OVERLOADED = i64(Outcome.OVERLOADED)
_REPLAYED = i64(ResultFlag.REPLAYED)
_CONTINUES = i64(Flag.CONTINUES)
_COMMIT = i64(Flag.COMMIT)
_DEFINE_FIRST = i64(Kind.DEFINE_SKU)
_DEFINE_LAST = i64(Kind.DEFINE_CLIENT)
_RESERVE = i64(Kind.RESERVE)
_CONFIRM = i64(Kind.CONFIRM)
_RELEASE = i64(Kind.RELEASE)
_FULFIL = i64(Kind.FULFIL)
_SELL = i64(Kind.SELL)
_PREPARE = i64(Flag.PREPARE)
_EXTEND = i64(Kind.EXTEND)
_CONFIGURE = i64(Kind.CONFIGURE)
_ALERT_RAISED = i64(Kind.ALERT_RAISED)
_APPLY = i64(Kind.APPLY)
_HELD = i64(ReservationState.HELD)
_CONFIRMED = i64(ReservationState.CONFIRMED)
_PREPARED = i64(ReservationState.PREPARED)


@inner
def _apply_rows(st: Memory, rows: Rows, results: Rows, n: int, now_ms: int, seq: int) -> bool:
    """Ids and definitions of the `n` rows; False when the ring of ids is too small."""
    touched = FIRST_STEP
    for r in range(n):
        while touched <= r:
            touch_ids(st, rows, touched, n)
            touched += STEP
        outcome = results[r].outcome
        if (rows[r].flags & _CONTINUES) == 0 and (results[r].flags & _REPLAYED) == 0:
            if outcome != _ID_REUSED and outcome != _ID_TOO_OLD and outcome != _OVERLOADED:
                if not make_ids_room(st, 1, now_ms):
                    return False
                known = entry_of(st, rows[r].id_lo)
                remember(st, rows[r].id_hi, rows[r].id_lo, rows[r].content, seq << 24 | r, now_ms, known)
        kind = rows[r].kind
        if kind >= _DEFINE_FIRST and kind <= _DEFINE_LAST and outcome == _OK and (results[r].flags & _REPLAYED) == 0:
            define(st, rows[r])
    return True


@jit
def _group_start(rows: Rows, r: int) -> int:
    """The first row of the group that row `r` belongs to."""
    group = rows[r].group
    if group != 0:
        while r > 0 and rows[r - 1].group == group:
            r -= 1
    return r


@inner
def _apply_reserve(
    st: Memory, rows: Rows, movement: Row, hint: int, cell: int, sku: int, now_ms: int, seq: int
) -> None:
    """A line of a new reservation, or a prepared one that was committed (its units are held already)."""
    reservation = find_reservation_near(st, movement.reservation, hint)
    if movement.reserved_delta == 0 and cell != 0:
        if reservations_of(st)[reservation].state == _PREPARED:
            reservations_of(st)[reservation].state = _HELD
            set_deadline(st, reservation, movement.value)
        return
    if cell == 0 and rows[i64(movement.row)].kind == _APPLY:
        if reservations_of(st)[reservation].state == _PREPARED:
            close(st, reservation, i64(movement.state), now_ms)
        return
    if reservation == 0:
        r = i64(movement.row)
        start = _group_start(rows, r)
        reservation = make_reservation(st, rows[r], seq << 24 | start, i64(movement.state))
        if movement.state == _HELD:
            set_deadline(st, reservation, movement.value)
    outcome = _OK
    if cell == 0:
        outcome = _INSUFFICIENT_STOCK
    add_line(st, reservation, i64(movement.line), sku, cell, movement.requested, movement.quantity, outcome)


@inner
def _apply_to_line(st: Memory, rows: Rows, movement: Row, hint: int, cell: int, now_ms: int) -> bool:
    """Confirm, extend, release, expire or fulfil; False when the reservation or line is not there."""
    reservation = find_reservation_near(st, movement.reservation, hint)
    if reservation == 0:
        return False
    kind = movement.kind
    record = reservations_of(st)[reservation]
    if movement.row != NO_ROW and (rows[i64(movement.row)].flags & _PREPARE) != 0:
        if kind == _RELEASE or kind == _FULFIL:
            line = find_line(st, reservation, i64(movement.line), cell)
            if line == 0:
                return False
            lines_of(st)[line].pending -= movement.quantity
        return True
    if kind == _CONFIRM:
        drop_deadline(st, reservation)
        record.state = _CONFIRMED
        return True
    if kind == _EXTEND:
        set_deadline(st, reservation, movement.value)
        return True
    line = find_line(st, reservation, i64(movement.line), cell)
    if line == 0:
        return False
    if kind == _FULFIL or kind == _SELL:
        lines_of(st)[line].fulfilled -= movement.quantity
        record.fulfilled_any = 1
    else:
        lines_of(st)[line].released -= movement.quantity
    if not is_open(i64(movement.state)) and is_open(i64(record.state)):
        close(st, reservation, i64(movement.state), now_ms)
    return True


@inner
def _finish_applied(st: Memory, rows: Rows, results: Rows, start: int, end: int) -> None:
    """After their movements: settle the operations that rows [start, end) carried out or dropped."""
    for r in range(start, end):
        if rows[r].kind == _APPLY and results[r].outcome == _OK and (results[r].flags & _REPLAYED) == 0:
            reservation = find_reservation(st, rows[r].reservation)
            slot = find_operation(st, reservation)
            if slot != 0 and operations_of(st)[slot].operation == rows[r].source_key:
                finish_operation(st, reservation, (rows[r].flags & _COMMIT) != 0)


@jit
def apply_record(st: Memory, rows: Rows, results: Rows, movements: Rows, now_ms: int, seq: int, alerts: bool) -> int:
    """Fold one record; returns -1, or the index of the first movement that does not fit the state.

    rows: COMMAND[n], results: RESULT[n], movements: MOVEMENT[m] of the record; alerts: whether it was decided by rules
    that judge them; `st` is modified.
    """
    rows_n, movements_n = rows.shape[0], movements.shape[0]
    rows, results, movements = endless(rows), endless(results), endless(movements)
    if not _apply_rows(st, rows, results, rows_n, now_ms, seq):
        return 0
    applied = i64(0)
    touched = FIRST_STEP
    for m in range(movements_n):
        while touched <= m:
            touch(st, movements, touched, movements_n)
            touched += STEP
        hint = hint_of(st, m)
        movement = movements[m]
        kind = movement.kind
        if movement.row != NO_ROW:
            if i64(movement.row) > applied:
                _finish_applied(st, rows, results, applied, i64(movement.row))
                applied = i64(movement.row)
        sku = i64(hint.sku)
        if sku == 0 or skus_of(st)[sku].key != movement.sku_key:
            sku = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], movement.sku_key)
        if sku == 0:
            return m
        cell = i64(0)
        if movement.warehouse != NO_WAREHOUSE:
            cell = find_cell_near(st, sku, i64(movement.warehouse), i64(hint.cell))
            if cell == 0:
                cell = make_cell(st, sku, i64(movement.warehouse))
            if cell == 0:
                return m
            record = cells_of(st)[cell]
            record.on_hand += movement.on_hand_delta
            record.reserved += movement.reserved_delta
            record.incoming += movement.incoming_delta
            if kind == _CONFIGURE:
                set_cell(st, sku, cell, rows[i64(movement.row)])
            elif kind >= _ALERT_RAISED:
                set_alert(st, cell, kind == _ALERT_RAISED)
            if movement.incoming_delta != 0 and not add_to_source(st, cell, movement.value, movement.incoming_delta):
                return m
            if (
                record.on_hand != movement.on_hand
                or record.reserved != movement.reserved
                or record.incoming != movement.incoming
                or record.on_hand - record.reserved - record.safety_stock != movement.available
            ):
                return m
        if movement.reservation != 0:
            if kind == _RESERVE:
                _apply_reserve(st, rows, movement, i64(hint.reservation), cell, sku, now_ms, seq)
            elif not _apply_to_line(st, rows, movement, i64(hint.reservation), cell, now_ms):
                return m
            if movement.row != NO_ROW and (rows[i64(movement.row)].flags & _PREPARE) != 0:
                reservation = find_reservation(st, movement.reservation)
                if find_operation(st, reservation) == 0:
                    start = _group_start(rows, i64(movement.row))
                    expires_at_ms = movement.value
                    if kind == _RELEASE or kind == _FULFIL:
                        expires_at_ms = reservations_of(st)[reservation].expires_at_ms
                    note_operation(st, reservation, rows[start], seq << 24 | start, expires_at_ms)
    _finish_applied(st, rows, results, applied, rows_n)
    if alerts:
        pass_scanned(st)
    housekeep(st, now_ms, rows_n)
    marks_of(st)[LAST_SEQ] = seq
    marks_of(st)[LAST_NOW_MS] = now_ms
    return -1


@jit
def shift_deadlines(st: Memory, from_ms: int, to_ms: int, by_ms: int) -> None:
    """Move the deadlines that fell into (from_ms, to_ms] by `by_ms`: the shard was not there to be confirmed to."""
    for slot in range(1, reservations_end(st)):
        if slot >= tables_of(st)[RESERVATIONS, USED]:
            return
        record = reservations_of(st)[slot]
        if record.heap_at != 0 and record.expires_at_ms > from_ms and record.expires_at_ms <= to_ms:
            set_deadline(st, slot, record.expires_at_ms + by_ms)
