"""Answers to questions: sums over a SKU's cells, reservations with their lines, pages of reservations."""

from engine.kernels.cells import ZERO, channel_known, is_quarantine, warehouse_of
from engine.kernels.idtable import find_id
from engine.kernels.jit import Row, Rows, i64, jit, u64
from engine.kernels.memory import (
    Memory,
    cells_of,
    ids_of,
    lines_of,
    marks_of,
    operations_of,
    planning_of,
    reservations_of,
    sku_buckets_of,
    sku_spill_of,
    skus_of,
    tables_of,
)
from engine.kernels.operations import find_operation
from engine.kernels.plan import sellable_of
from engine.kernels.reservations import find_reservation, write_lines
from engine.kernels.table import find
from engine.kinds import Flag, QuestionKind, ReservationState
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.state import LAST_NOW_MS, OPERATIONS, RESERVATIONS, SKUS, USED

_OK = i64(Outcome.OK)
_ID_TOO_OLD = i64(Outcome.ID_TOO_OLD)
_UNKNOWN_SKU = i64(Outcome.UNKNOWN_SKU)
_UNKNOWN_CHANNEL = i64(Outcome.UNKNOWN_CHANNEL)
_UNKNOWN_RESERVATION = i64(Outcome.UNKNOWN_RESERVATION)
_LIMIT_EXCEEDED = i64(Outcome.LIMIT_EXCEEDED)
_ADMIN = i64(Flag.ADMIN)
_STOCK = i64(QuestionKind.STOCK)
_RESERVATION = i64(QuestionKind.RESERVATION)
_COMMAND = i64(QuestionKind.COMMAND)
_PREPARED = i64(ReservationState.PREPARED)


@jit
def _stock(st: Memory, question: Row, out: Row, views: Rows, n: int) -> int:
    """Sums and cells of one SKU; returns the next index of `views`."""
    sku = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], i64(question.key))
    if sku == 0:
        out.outcome = _UNKNOWN_SKU
        return n
    out.decimals = skus_of(st)[sku].decimals
    out.archived = skus_of(st)[sku].archived
    if question.channel != NO_WAREHOUSE:
        if not channel_known(st, i64(question.channel)):
            out.outcome = _UNKNOWN_CHANNEL
            return n
        out.sellable = sellable_of(st, sku, i64(question.channel))
    out.items_at = n
    cell = i64(skus_of(st)[sku].first_cell)
    while cell != 0:
        if n >= views.shape[0]:
            out.outcome = _LIMIT_EXCEEDED
            return n
        record = cells_of(st)[cell]
        warehouse = warehouse_of(st, cell)
        available = record.on_hand - record.reserved - record.safety_stock
        view = views[n]
        view.on_hand = record.on_hand
        view.reserved = record.reserved
        view.safety_stock = record.safety_stock
        view.floor = record.floor
        view.incoming = record.incoming
        view.available = available
        view.reorder_point = planning_of(st)[cell].reorder_point
        view.order_up_to = planning_of(st)[cell].order_up_to
        view.warehouse = warehouse
        out.on_hand += record.on_hand
        out.reserved += record.reserved
        out.incoming += record.incoming
        if not is_quarantine(st, warehouse):
            out.available += available
        n += 1
        cell = i64(record.next_in_sku)
    out.items_n = n - i64(out.items_at)
    out.outcome = _OK
    return n


@jit
def _view(st: Memory, reservation: int, view: Row, lines: Rows, lines_n: int) -> int:
    """Describe one reservation with its lines; returns the next index of `lines`."""
    record = reservations_of(st)[reservation]
    view.reservation = u64(record.key)
    view.expires_at_ms = record.expires_at_ms if record.heap_at != 0 else 0
    view.position = record.made_at
    view.ordinal = u64(record.ordinal)
    view.partition = record.partition
    view.client = record.client
    view.channel = record.channel
    view.state = record.state
    view.lines_at = lines_n
    lines_n = write_lines(st, lines, lines_n, reservation, ZERO)
    view.lines_n = lines_n - i64(view.lines_at)
    return lines_n


@jit
def _may_see(st: Memory, question: Row, reservation: int) -> bool:
    record = reservations_of(st)[reservation]
    if record.state == _PREPARED or record.first_line == 0:
        return False
    return record.client == question.client or (question.flags & _ADMIN) != 0


@jit
def _has_sku(st: Memory, reservation: int, sku: int) -> bool:
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0:
        if lines_of(st)[line].sku == sku:
            return True
        line = i64(lines_of(st)[line].next)
    return False


@jit
def _page(st: Memory, question: Row, out: Row, views: Rows, n: int, lines: Rows, lines_n: int) -> tuple[int, int]:
    """Reservations after an ordinal, in order of creation, that pass the filters.

    The table is in order of slots, which freed slots shuffle: the page is gathered by repeated passes only
    over ordinals, so the smallest `limit` ones are kept by insertion into the views.
    """
    sku = 0
    if question.sku_key != 0:
        sku = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], question.sku_key)
    limit = i64(question.limit)
    out.items_at = n
    found = 0
    more = False
    for slot in range(1, tables_of(st)[RESERVATIONS, USED]):
        record = reservations_of(st)[slot]
        if record.first_line == 0 or u64(record.ordinal) <= question.after or not _may_see(st, question, slot):
            continue
        if find_reservation(st, u64(record.key)) != slot:
            continue  # a freed slot that still holds what it held
        if question.state != 0 and record.state != question.state:
            continue
        if question.channel != NO_WAREHOUSE and record.channel != question.channel:
            continue
        if question.reference_key != 0 and record.reference_key != question.reference_key:
            continue
        if question.sku_key != 0 and (sku == 0 or not _has_sku(st, slot, sku)):
            continue
        ordinal = u64(record.ordinal)
        if found == limit or n + found >= views.shape[0]:
            more = True
            if found == 0 or ordinal >= views[n + found - 1].ordinal:
                continue
            found -= 1
        place = found
        while place > 0 and views[n + place - 1].ordinal > ordinal:
            views[n + place].ordinal = views[n + place - 1].ordinal
            views[n + place].reservation = views[n + place - 1].reservation
            place -= 1
        views[n + place].ordinal = ordinal
        views[n + place].reservation = u64(record.key)
        found += 1
    for k in range(n, n + found):
        lines_n = _view(st, find_reservation(st, views[k].reservation), views[k], lines, lines_n)
    out.items_n = found
    if more and found > 0:
        out.next_after = views[n + found - 1].ordinal
    out.outcome = _OK
    return n + found, lines_n


@jit
def _pending_page(
    st: Memory, question: Row, out: Row, views: Rows, n: int, lines: Rows, lines_n: int
) -> tuple[int, int]:
    """Reservations at which an operation is noted; `position` is that of the row which prepared it."""
    out.items_at = n
    out.outcome = _OK
    for slot in range(i64(question.after) + 1, tables_of(st)[OPERATIONS, USED]):
        reservation = i64(operations_of(st)[slot].key)
        if find_operation(st, reservation) != slot:
            continue
        if n - i64(out.items_at) == i64(question.limit) or n >= views.shape[0]:
            out.next_after = u64(slot - 1)
            break
        lines_n = _view(st, reservation, views[n], lines, lines_n)
        views[n].position = operations_of(st)[slot].position
        n += 1
    out.items_n = n - i64(out.items_at)
    return n, lines_n


@jit
def answer_questions(
    st: Memory, questions: Rows, answers: Rows, cells: Rows, reservations: Rows, lines: Rows
) -> tuple[int, int, int]:
    """Fill `answers` (ANSWER[q], zeroed) and the three arrays of details; returns how much of each was used.

    An answer whose details do not fit its array is LIMIT_EXCEEDED: ask for less at a time.
    """
    cells_n = 0
    reservations_n = 0
    lines_n = 0
    for q in range(questions.shape[0]):
        question = questions[q]
        out = answers[q]
        if question.kind == _STOCK:
            cells_n = _stock(st, question, out, cells, cells_n)
        elif question.kind == _RESERVATION:
            slot = find_reservation(st, question.key)
            if slot == 0 or not _may_see(st, question, slot):
                out.outcome = _UNKNOWN_RESERVATION
            elif reservations_n >= reservations.shape[0]:
                out.outcome = _LIMIT_EXCEEDED
            else:
                lines_n = _view(st, slot, reservations[reservations_n], lines, lines_n)
                out.items_at = reservations_n
                out.items_n = 1
                out.outcome = _OK
                reservations_n += 1
        elif question.kind == _COMMAND:
            slot = find_id(st, question.key, question.key_lo, marks_of(st)[LAST_NOW_MS])
            if slot == 0:
                out.outcome = _ID_TOO_OLD
            else:
                out.position = ids_of(st)[slot].position
                out.outcome = _OK
        elif question.state == _PREPARED:
            reservations_n, lines_n = _pending_page(st, question, out, reservations, reservations_n, lines, lines_n)
        else:
            reservations_n, lines_n = _page(st, question, out, reservations, reservations_n, lines, lines_n)
    return cells_n, reservations_n, lines_n
