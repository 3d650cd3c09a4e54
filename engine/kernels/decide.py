"""The dispatch kernel: one loop over the rows of a batch, in units of one row or one group.

For each unit: known ids? then check every row, then from here it succeeds, then write. Refusals are numbers
in `results`; nothing raises.
"""

from engine.kernels.alerts import forget_touched, raise_and_clear, scan_due, scan_some
from engine.kernels.define import define, define_channel_group
from engine.kernels.idtable import (
    entry_of,
    find_id,
    forget_newest,
    forget_old,
    ids_room,
    is_remembered,
    make_ids_room,
    remember,
)
from engine.kernels.jit import Row, Rows, i64, inner, jit, u64
from engine.kernels.machine import endless
from engine.kernels.memory import (
    Memory,
    bounds_of,
    cells_of,
    deadlines_of,
    ids_of,
    lines_of,
    marks_of,
    reservations_of,
)
from engine.kernels.operations import (
    apply_operation,
    decide_operation,
    let_go_with,
    note_operation,
    operations_room,
    say_prepared,
)
from engine.kernels.plain import is_plain, reserve_plainly
from engine.kernels.plan import (
    closed_outcome,
    forget_plan,
    plan_is_full,
    plan_reserve,
    plan_sell,
    plan_take,
    say_reservation,
    visible_reservation,
)
from engine.kernels.reservations import (
    drop_deadline,
    expire_due,
    find_reservation,
    find_reservation_near,
    forget_closed,
    remaining_of,
    set_deadline,
    write_line_movement,
    write_lines,
)
from engine.kernels.settle import (
    prepare_takes,
    release_replaced,
    reservation_fits,
    settle_reserve,
    settle_sells,
    settle_takes,
)
from engine.kernels.stock import adjust, configure, expect, receive, transfer
from engine.kernels.touch import FIRST_STEP, STEP, hint_of, touch, touch_ids
from engine.kinds import Flag, Kind, MovementFlag, ReservationState, ResultFlag
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.state import (
    DEADLINES_N,
    ENTRIES_MAX,
    ID_WINDOW_MS,
    IDS_MADE,
    LAST_NOW_MS,
    LAST_SEQ,
    TTL_S_MAX,
)

_NEW = 0
_OK = i64(Outcome.OK)
_ID_REUSED = i64(Outcome.ID_REUSED)
_ID_TOO_OLD = i64(Outcome.ID_TOO_OLD)
_TOO_LATE = i64(Outcome.TOO_LATE)
_UNKNOWN_RESERVATION = i64(Outcome.UNKNOWN_RESERVATION)
_INVALID_QUANTITY = i64(Outcome.INVALID_QUANTITY)
_CONFLICT = i64(Outcome.CONFLICT)
_INSUFFICIENT_STOCK = i64(Outcome.INSUFFICIENT_STOCK)
_GROUP_FAILED = i64(Outcome.GROUP_FAILED)
_LIMIT_EXCEEDED = i64(Outcome.LIMIT_EXCEEDED)
_QUARANTINED = i64(Outcome.QUARANTINED)
_OVERLOADED = i64(Outcome.OVERLOADED)
_REPLAYED = 255
"""Inside this module only: the row was answered before; results carry OK and the REPLAYED flag."""

_RECEIVE = i64(Kind.RECEIVE)
_EXPECT = i64(Kind.EXPECT)
_ADJUST = i64(Kind.ADJUST)
_SELL = i64(Kind.SELL)
_RETURN = i64(Kind.RETURN)
_RESERVE = i64(Kind.RESERVE)
_CONFIRM = i64(Kind.CONFIRM)
_RELEASE = i64(Kind.RELEASE)
_FULFIL = i64(Kind.FULFIL)
_EXTEND = i64(Kind.EXTEND)
_TRANSFER = i64(Kind.TRANSFER)
_CONFIGURE = i64(Kind.CONFIGURE)
_DEFINE_CHANNEL = i64(Kind.DEFINE_CHANNEL)
_DEFINE_FIRST = i64(Kind.DEFINE_SKU)
_DEFINE_LAST = i64(Kind.DEFINE_CLIENT)
_DECIDE = i64(Kind.DECIDE)
_APPLY = i64(Kind.APPLY)
_CONTINUES = i64(Flag.CONTINUES)
_PARTIAL = i64(Flag.PARTIAL)
_QUARANTINE = i64(Flag.QUARANTINE)
_REPLACES = i64(Flag.REPLACES)
_WANT_LINES = i64(Flag.WANT_LINES)
_PREPARE = i64(Flag.PREPARE)
_HIDDEN = i64(MovementFlag.HIDDEN)
_REPLAYED_FLAG = i64(ResultFlag.REPLAYED)
_SAME_BATCH = i64(ResultFlag.SAME_BATCH)
_HELD = i64(ReservationState.HELD)
_CONFIRMED = i64(ReservationState.CONFIRMED)


@inner
def _known(st: Memory, row: Row, out: Row, r: int, now_ms: int, seq: int) -> int:
    """_NEW, or why the row is not to be decided; a new id is remembered at once, with this row as its answer."""
    slot = entry_of(st, row.id_lo)
    if is_remembered(st, slot, row.id_hi, now_ms):
        if ids_of(st)[slot].content != row.content:
            return _ID_REUSED
        position = ids_of(st)[slot].position
        out.flags |= _REPLAYED_FLAG
        if i64(position >> u64(24)) == seq:
            out.flags |= _SAME_BATCH
            position = position & u64(0xFFFFFF)
        out.position = position
        return _REPLAYED
    if row.issued_at_ms != 0 and now_ms - row.issued_at_ms > bounds_of(st)[ID_WINDOW_MS]:
        return _ID_TOO_OLD
    remember(st, row.id_hi, row.id_lo, row.content, seq << 24 | r, now_ms, slot)
    out.position = u64(seq << 24 | r)
    if (row.flags & _QUARANTINE) != 0:
        return _QUARANTINED
    if row.not_after_ms != 0 and now_ms > row.not_after_ms:
        return _TOO_LATE
    return _NEW


@jit
def _answer_known(rows: Rows, results: Rows, i: int, end: int, found: int) -> None:
    """Give rows [i, end) of one command what was found about its first row."""
    for r in range(i, end):
        if found == _REPLAYED:
            results[r].outcome = _OK
            results[r].flags = results[i].flags
            results[r].position = results[i].position + u64(r - i)
        else:
            results[r].outcome = found


@inner
def _check_ids(st: Memory, rows: Rows, results: Rows, i: int, end: int, now_ms: int, seq: int) -> bool:
    """Whether the unit [i, end) is to be decided; otherwise its results are written.

    Rows that continue a command share the fate of its first row. In a group whose rows have ids of their
    own, one known row means that nothing runs and the new ones fell with their group; a row that came too
    late or is quarantined is a refusal like others, beside which the rest is still looked at.
    """
    stopped = False
    fresh = False
    r = i
    while r < end:
        stop = r + 1
        while stop < end and (rows[stop].flags & _CONTINUES) != 0:
            stop += 1
        found = _known(st, rows[r], results[r], r, now_ms, seq)
        if found != _NEW:
            stopped = stopped or found == _REPLAYED or found == _ID_REUSED
            _answer_known(rows, results, r, stop, found)
        else:
            fresh = True
            for c in range(r + 1, stop):
                results[c].position = results[r].position + u64(c - r)
        r = stop
    if stopped:
        for r in range(i, end):
            if results[r].outcome == 0:
                results[r].outcome = _GROUP_FAILED
    return fresh and not stopped


@jit
def _confirm_or_extend(
    st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int, now_ms: int, seq: int
) -> tuple[int, int]:
    row = rows[r]
    out = results[r]
    reservation = visible_reservation(st, row, i64(hint_of(st, r).reservation))
    if reservation == 0:
        return _UNKNOWN_RESERVATION, m
    say_reservation(st, out, reservation)
    if row.kind == _EXTEND and (row.ttl_s < 1 or row.ttl_s > bounds_of(st)[TTL_S_MAX]):
        return _INVALID_QUANTITY, m
    outcome = closed_outcome(st, reservation, _HELD)
    if outcome != _OK:
        return outcome, m
    if reservations_of(st)[reservation].pending != 0:
        return _CONFLICT, m
    prepared = (row.flags & _PREPARE) != 0
    if prepared and not operations_room(st):
        return _LIMIT_EXCEEDED, m
    value = i64(0)
    if row.kind == _EXTEND:
        value = max(reservations_of(st)[reservation].expires_at_ms, now_ms + i64(row.ttl_s) * 1000)
    first = m
    if prepared:
        note_operation(st, reservation, row, seq << 24 | r, value)
    elif row.kind == _EXTEND:
        set_deadline(st, reservation, value)
    else:
        drop_deadline(st, reservation)
        reservations_of(st)[reservation].state = _CONFIRMED
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0:
        remaining = remaining_of(st, line)
        if remaining > 0:
            quantity = remaining if row.kind == _CONFIRM else i64(0)
            m = write_line_movement(st, movements, m, r, i64(row.kind), reservation, line, quantity, value)
            out.quantity += remaining
        line = i64(lines_of(st)[line].next)
    if prepared:
        for k in range(first, m):
            movements[k].flags = _HIDDEN
        say_prepared(st, out, reservation, i64(row.kind), value)
    else:
        say_reservation(st, out, reservation)
    return _OK, m


@jit
def _decide_alone(
    st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int, now_ms: int, seq: int
) -> tuple[int, int]:
    """Rows that need no group: (outcome, next movement index)."""
    kind = i64(rows[r].kind)
    if kind == _RECEIVE or kind == _RETURN:
        return receive(st, rows, results, r, movements, m)
    if kind == _CONFIRM or kind == _EXTEND:
        return _confirm_or_extend(st, rows, results, r, movements, m, now_ms, seq)
    if kind == _EXPECT:
        return expect(st, rows, results, r, movements, m)
    if kind == _ADJUST:
        return adjust(st, rows, results, r, movements, m)
    if kind == _TRANSFER:
        return transfer(st, rows, results, r, movements, m)
    if kind == _CONFIGURE:
        return configure(st, rows, results, r, movements, m)
    if kind == _DECIDE:
        return decide_operation(rows, results, r), m
    if kind == _APPLY:
        return apply_operation(st, rows, results, r, movements, m, now_ms)
    if kind >= _DEFINE_FIRST and kind <= _DEFINE_LAST:
        return define(st, rows[r]), m
    return _CONFLICT, m


@inner
def _is_grouped_kind(kind: int) -> bool:
    return kind == _SELL or kind == _RESERVE or kind == _RELEASE or kind == _FULFIL


@jit
def _mixed(rows: Rows, i: int, end: int) -> bool:
    """Whether the rows of a group do not belong together."""
    first = i
    if rows[i].kind == _RELEASE and (rows[i].flags & _REPLACES) != 0 and end > i + 1:
        first = i + 1
    head = rows[first]
    for r in range(first, end):
        row = rows[r]
        if row.kind != head.kind or row.client != head.client:
            return True
        if row.kind == _RESERVE and (
            row.channel != head.channel
            or row.ttl_s != head.ttl_s
            or (row.flags & _PARTIAL) != (head.flags & _PARTIAL)
            or row.reservation != head.reservation
            or row.line < 0
            or (r > first and row.line <= rows[r - 1].line)
        ):
            return True
        if (row.kind == _RELEASE or row.kind == _FULFIL) and row.reservation != head.reservation:
            return True
    return False


@jit
def _hold_back(st: Memory, reservation: int, sign: int) -> None:
    """Let the group see (sign -1), or stop seeing (sign 1), what the reservation it replaces would free."""
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0:
        cell = i64(lines_of(st)[line].cell)
        if cell != 0:
            cells_of(st)[cell].pending += sign * remaining_of(st, line)
        line = i64(lines_of(st)[line].next)


@inner
def _plan_row(st: Memory, rows: Rows, results: Rows, r: int, plan_n: int) -> int:
    kind = rows[r].kind
    if plan_is_full(st, plan_n):
        outcome = _LIMIT_EXCEEDED
    elif kind == _SELL:
        outcome, plan_n = plan_sell(st, rows, results, r, plan_n)
    elif kind == _RESERVE:
        outcome, plan_n = plan_reserve(st, rows[r], results[r], r, plan_n)
    else:
        outcome, plan_n = plan_take(st, rows[r], results[r], r, plan_n)
    results[r].outcome = outcome
    return plan_n


@inner
def _group_stands(rows: Rows, results: Rows, i: int, end: int, prepared: bool) -> bool:
    """Whether the planned group is to be carried out.

    One in part needs a line that gets something; of one over several shards another shard may have that line.
    """
    partial = rows[end - 1].kind == _RESERVE and (rows[end - 1].flags & _PARTIAL) != 0
    any_ok = False
    for r in range(i, end):
        outcome = results[r].outcome
        if outcome == _OK:
            if rows[r].kind == rows[end - 1].kind:
                any_ok = True
        elif not (partial and outcome == _INSUFFICIENT_STOCK):
            return False
    return any_ok or (partial and prepared)


@inner
def _decide_group(
    st: Memory, rows: Rows, results: Rows, i: int, end: int, movements: Rows, m: int, room: int, now_ms: int, seq: int
) -> int:
    """Sell, reserve, release or fulfil: plan every row, then take all of it or nothing.

    There is room for movements before index `room`. Returns the next movement index, or -1 when the batch has no
    room for the movements: nothing was done.
    """
    alone = end - i == 1
    if (alone and rows[i].kind == _RESERVE and rows[i].line < 0) or (not alone and _mixed(rows, i, end)):
        for r in range(i, end):
            if results[r].outcome == 0:
                results[r].outcome = _CONFLICT
        return m
    kind = rows[end - 1].kind
    replaced = 0
    replaced_lines = 0
    first = i
    if rows[i].kind == _RELEASE and (rows[i].flags & _REPLACES) != 0:
        first = i + 1
        replaced = visible_reservation(st, rows[i], i64(hint_of(st, i).reservation))
        if replaced == 0:
            results[i].outcome = _UNKNOWN_RESERVATION
        else:
            say_reservation(st, results[i], replaced)
            state = i64(reservations_of(st)[replaced].state)
            results[i].outcome = _OK if state == _HELD else closed_outcome(st, replaced, _CONFIRMED)
            if reservations_of(st)[replaced].pending != 0:
                results[i].outcome = _CONFLICT
            if results[i].outcome == _OK:
                _hold_back(st, replaced, -1)
                replaced_lines = i64(reservations_of(st)[replaced].lines_n)
            else:
                replaced = 0
    elsewhere = 0
    if kind == _RESERVE and rows[i].due_ms != 0 and (rows[i].flags & _PREPARE) != 0:
        elsewhere = let_go_with(st, rows[i])
        if elsewhere != 0:
            _hold_back(st, elsewhere, -1)
    plan_n = 0
    if end - first == 1:
        plan_n = _plan_row(st, rows, results, first, plan_n)
    else:
        # Lines that name a warehouse come first, so that sourcing takes what they leave.
        for r in range(first, end):
            if rows[r].warehouse != NO_WAREHOUSE and results[r].outcome == 0:
                plan_n = _plan_row(st, rows, results, r, plan_n)
        for r in range(first, end):
            if rows[r].warehouse == NO_WAREHOUSE and results[r].outcome == 0:
                plan_n = _plan_row(st, rows, results, r, plan_n)
    prepared = (rows[first].flags & _PREPARE) != 0
    stands = _group_stands(rows, results, i, end, prepared)
    if stands and prepared and not operations_room(st):
        stands = False
        results[first].outcome = _LIMIT_EXCEEDED
    if stands and (kind == _RESERVE or (kind == _SELL and prepared)):
        if find_reservation_near(st, rows[first].reservation, i64(hint_of(st, first).reservation)) != 0:
            stands = False
            results[first].outcome = _CONFLICT
        elif not reservation_fits(st, plan_n, end - first):
            stands = False
            results[first].outcome = _LIMIT_EXCEEDED
    if stands and m + 2 * plan_n + (end - first) + replaced_lines > room:
        forget_plan(st, 0, plan_n)
        if replaced != 0:
            _hold_back(st, replaced, 1)
        if elsewhere != 0:
            _hold_back(st, elsewhere, 1)
        return -1
    if replaced != 0:
        _hold_back(st, replaced, 1)
    if elsewhere != 0:
        _hold_back(st, elsewhere, 1)
    if not stands:
        forget_plan(st, 0, plan_n)
        for r in range(i, end):
            results[r].quantity = 0
            if results[r].outcome == _OK:
                results[r].outcome = _GROUP_FAILED
        return m
    if kind == _SELL and not prepared:
        return settle_sells(st, rows, results, plan_n, movements, m)
    reservation = i64(0)
    if kind == _RESERVE or kind == _SELL:
        if replaced != 0:
            # `pending` of the plan is still there; the units freed here are the ones it counted on.
            released_from = m
            m = release_replaced(st, movements, m, i, replaced, now_ms)
            for k in range(released_from, m):
                results[i].quantity -= movements[k].quantity
            say_reservation(st, results[i], replaced)
        reservation, m = settle_reserve(st, rows, results, first, end, plan_n, movements, m, now_ms, seq << 24 | i)
    else:
        reservation = find_reservation_near(st, rows[first].reservation, i64(hint_of(st, first).reservation))
        if prepared:
            m = prepare_takes(st, rows, reservation, first, plan_n, movements, m, seq << 24 | i)
        else:
            m = settle_takes(st, rows, reservation, plan_n, movements, m, now_ms)
    for r in range(first, end):
        if prepared:
            expires_at_ms = i64(0)
            if kind == _RESERVE:
                expires_at_ms = now_ms + i64(rows[first].ttl_s) * 1000
            say_prepared(st, results[r], reservation, i64(kind), expires_at_ms)
        else:
            say_reservation(st, results[r], reservation)
    return m


@jit
def _write_wanted_lines(st: Memory, rows: Rows, results: Rows, i: int, end: int, lines: Rows, lines_n: int) -> int:
    """For rows that ask for them: the lines of the reservation, as they are after the unit."""
    for r in range(i, end):
        if (rows[r].flags & _WANT_LINES) != 0 and (results[r].flags & _REPLAYED_FLAG) == 0:
            reservation = 0
            if results[r].reservation != 0:
                reservation = find_reservation(st, results[r].reservation)
            if reservation != 0:
                results[r].lines_at = lines_n
                preparing = i64(rows[r].kind) if (rows[r].flags & _PREPARE) != 0 else i64(0)
                lines_n = write_lines(st, lines, lines_n, reservation, preparing)
                results[r].lines_n = lines_n - i64(results[r].lines_at)
    return lines_n


@inner
def _has_room_for_any(st: Memory, rows: Rows, i: int, end: int, movements_left: int) -> bool:
    """Whether rows [i, end) fit whatever they do, answered lines apart: the common case, told at one look."""
    return (
        end - i == 1 and (rows[i].flags & _WANT_LINES) == 0 and movements_left >= ENTRIES_MAX + 4 and ids_room(st) > 0
    )


@jit
def _room_needed(st: Memory, rows: Rows, i: int, end: int) -> tuple[int, int]:
    """Most movements and most answered lines that rows [i, end) can make, groups of plans apart."""
    movements_n = 4 * (end - i)
    lines_n = 0
    for r in range(i, end):
        kind = rows[r].kind
        if kind == _CONFIRM or kind == _EXTEND or kind == _DECIDE or kind == _APPLY:
            reservation = find_reservation(st, rows[r].reservation)
            if reservation != 0:
                # A line of a sale may also say that its cell is short.
                movements_n += i64(reservations_of(st)[reservation].lines_n) * (2 if kind == _APPLY else 1)
        if (rows[r].flags & _WANT_LINES) != 0:
            lines_n += ENTRIES_MAX
    return movements_n, lines_n


@jit
def _new_ids(st: Memory, rows: Rows, i: int, end: int, now_ms: int) -> int:
    """How many ids of rows [i, end) are not known; a replay needs no room."""
    if end - i == 1 and find_id(st, rows[i].id_hi, rows[i].id_lo, now_ms) != 0:
        return 0
    if end - i > 1 and (rows[i + 1].flags & _CONTINUES) != 0:
        return 0 if find_id(st, rows[i].id_hi, rows[i].id_lo, now_ms) != 0 else 1
    return end - i


@inner
def _unit_end(rows: Rows, i: int, n: int) -> int:
    end = i + 1
    group = rows[i].group
    if group != 0:
        while end < n and rows[end].group == group:
            end += 1
    return end


@jit
def decide_rows(
    st: Memory, rows: Rows, results: Rows, movements: Rows, lines: Rows, room: int, now_ms: int, seq: int, alerts: bool
) -> tuple[int, int, bool]:
    """Expire what is due, then decide `rows` in order, then, if `alerts`, judge the alerts of what they changed.

    rows: COMMAND[n]; results: RESULT[n], zeroed, is filled; movements: MOVEMENT[k], lines: LINE[k] are
    filled from index 0; room: how many movements may come before the alerts, for which there must be room for as
    many again and ALERT_SCAN_CELLS. `st` is modified. Returns (movements written, lines written, whether there is
    anything to journal: answers that were known already, and refusals that are not remembered, are nothing).
    """
    ids_before = marks_of(st)[IDS_MADE]
    n = rows.shape[0]
    m = expire_due(st, movements, 0, room, now_ms)
    lines_n = 0
    # More may be due than one record holds: then nothing is decided on a state that is behind.
    overdue = marks_of(st)[DEADLINES_N] > 0 and deadlines_of(st)[1].at_ms <= now_ms
    rows, results = endless(rows), endless(results)
    movements = endless(movements)
    i = 0
    touched = FIRST_STEP
    while i < n:
        while touched <= i:
            touch_ids(st, rows, touched, n)
            touch(st, rows, touched, n)
            touched += STEP
        end = _unit_end(rows, i, n)
        overloaded = overdue
        if not overloaded and not _has_room_for_any(st, rows, i, end, room - m):
            movements_needed, lines_needed = _room_needed(st, rows, i, end)
            overloaded = (
                not make_ids_room(st, _new_ids(st, rows, i, end, now_ms), now_ms)
                or m + movements_needed > room
                or lines_n + lines_needed > lines.shape[0]
            )
        if not overloaded:
            made = marks_of(st)[IDS_MADE]
            for r in range(i, end):
                results[r].warehouse = rows[r].warehouse
            if end - i == 1:
                found = _known(st, rows[i], results[i], i, now_ms, seq)
                fresh = found == _NEW
                if not fresh:
                    results[i].outcome = _OK if found == _REPLAYED else found
            else:
                fresh = _check_ids(st, rows, results, i, end, now_ms, seq)
            if fresh:
                if end - i == 1 and is_plain(rows[i]):
                    outcome, m = reserve_plainly(st, rows[i], results[i], i, movements, m, now_ms, seq)
                    results[i].outcome = outcome
                elif _is_grouped_kind(i64(rows[end - 1].kind)):
                    after = _decide_group(st, rows, results, i, end, movements, m, room, now_ms, seq)
                    if after < 0:
                        overloaded = True
                        forget_newest(st, marks_of(st)[IDS_MADE] - made)
                    else:
                        m = after
                elif end - i > 1 and i64(rows[i].kind) == _DEFINE_CHANNEL:
                    define_channel_group(st, rows, results, i, end)
                else:
                    for r in range(i, end):
                        if results[r].outcome != 0:
                            continue
                        outcome, m = _decide_alone(st, rows, results, r, movements, m, now_ms, seq)
                        results[r].outcome = outcome
                if not overloaded and (end - i > 1 or (rows[i].flags & _WANT_LINES) != 0):
                    lines_n = _write_wanted_lines(st, rows, results, i, end, lines, lines_n)
        if overloaded:
            for r in range(i, end):
                results[r].outcome = _OVERLOADED
                results[r].flags = 0
                results[r].position = 0
        i = end
    changed = m > 0 or marks_of(st)[IDS_MADE] != ids_before or (alerts and scan_due(st))
    if changed:
        if alerts:
            m = scan_some(st, movements, raise_and_clear(st, movements, m))
        else:
            forget_touched(st)
        housekeep(st, now_ms, n)
        marks_of(st)[LAST_SEQ] = seq
        marks_of(st)[LAST_NOW_MS] = now_ms
    return m, lines_n, changed


@jit
def housekeep(st: Memory, now_ms: int, rows_n: int) -> None:
    """Forget a bounded number of what is older than the window: twice what one batch can add."""
    forget_old(st, now_ms, 2 * rows_n + 64)
    forget_closed(st, now_ms, 2 * rows_n + 64)
