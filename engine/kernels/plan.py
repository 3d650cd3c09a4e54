"""First half of sell, reserve, release and fulfil: check everything, note what would be taken, change nothing.

Rows of a group see what the rows before them would take through `pending` of cells and lines; the second
half (`engine.kernels.settle`) either takes it or gives `pending` back. A plan entry is (row, cell, line,
quantity); entries of a reserve row without a cell stand for a line that gets nothing.
"""

from engine.kernels.cells import (
    ZERO,
    available_of,
    channel_known,
    find_cell_near,
    find_sku_near,
    is_quarantine,
    room_of,
    smallest_units,
    warehouse_known,
    warehouse_of,
)
from engine.kernels.jit import Row, Rows, i64, inner, jit, u64
from engine.kernels.memory import (
    Memory,
    bounds_of,
    cells_end,
    cells_of,
    channel_ranks_of,
    channels_of,
    lines_of,
    plan_end,
    plan_of,
    reservations_of,
    skus_of,
    tables_of,
    warehouses_of,
)
from engine.kernels.reservations import find_reservation_near, remaining_of
from engine.kernels.touch import hint_of
from engine.kinds import Flag, Kind, ReservationState, ResultFlag
from engine.layout import NO_LINE, NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.state import CELLS, CHANNEL_ALL, ENTRIES_MAX, QUANTITY_MAX, STOCK_MAX, TTL_S_MAX, USED

_OK = i64(Outcome.OK)
_UNKNOWN_SKU = i64(Outcome.UNKNOWN_SKU)
_UNKNOWN_WAREHOUSE = i64(Outcome.UNKNOWN_WAREHOUSE)
_UNKNOWN_CHANNEL = i64(Outcome.UNKNOWN_CHANNEL)
_UNKNOWN_RESERVATION = i64(Outcome.UNKNOWN_RESERVATION)
_INVALID_QUANTITY = i64(Outcome.INVALID_QUANTITY)
_RESERVATION_CLOSED = i64(Outcome.RESERVATION_CLOSED)
_RESERVATION_EXPIRED = i64(Outcome.RESERVATION_EXPIRED)
_CONFLICT = i64(Outcome.CONFLICT)
_INSUFFICIENT_STOCK = i64(Outcome.INSUFFICIENT_STOCK)
_LIMIT_EXCEEDED = i64(Outcome.LIMIT_EXCEEDED)
_PARTIAL = i64(Flag.PARTIAL)
_SETTLED = i64(Flag.SETTLED)
_ADMIN = i64(Flag.ADMIN)
_HAS_QUANTITY = i64(Flag.HAS_QUANTITY)
_SPLIT = i64(ResultFlag.SPLIT)
_FULFIL = i64(Kind.FULFIL)
_HELD = i64(ReservationState.HELD)
_CONFIRMED = i64(ReservationState.CONFIRMED)
_EXPIRED = i64(ReservationState.EXPIRED)
_PREPARED = i64(ReservationState.PREPARED)


@inner
def note(st: Memory, plan_n: int, row: int, cell: int, line: int, quantity: int) -> int:
    """Add a plan entry and make it felt; returns the next index."""
    entry = plan_of(st)[plan_n]
    entry.row = row
    entry.cell = cell
    entry.line = line
    entry.quantity = quantity
    if cell != 0:
        cells_of(st)[cell].pending += quantity
    if line != 0:
        lines_of(st)[line].pending += quantity
    return plan_n + 1


@inner
def forget_plan(st: Memory, start: int, end: int) -> None:
    """Give back what plan entries [start, end) had taken."""
    for p in range(start, end):
        entry = plan_of(st)[p]
        if entry.cell != 0:
            cells_of(st)[i64(entry.cell)].pending -= entry.quantity
        if entry.line != 0:
            lines_of(st)[i64(entry.line)].pending -= entry.quantity


@inner
def checked_quantity(st: Memory, sku: int, thousandths: int) -> int:
    """Smallest units of a quantity that must be positive; 0 when it is invalid."""
    quantity = smallest_units(st, sku, thousandths)
    if quantity <= 0 or quantity > bounds_of(st)[QUANTITY_MAX]:
        return 0
    return quantity


@jit
def _sold_of_missing(st: Memory, rows: Rows, r: int, plan_n: int) -> int:
    """What rows of the group before row `r` will sell from its cell, which is not there yet."""
    total = i64(0)
    for p in range(plan_n):
        entry = plan_of(st)[p]
        if entry.cell == 0:
            other = rows[i64(entry.row)]
            if other.sku_key == rows[r].sku_key and other.warehouse == rows[r].warehouse:
                total += entry.quantity
    return total


@jit
def plan_sell(st: Memory, rows: Rows, results: Rows, r: int, plan_n: int) -> tuple[int, int]:
    """(outcome, next plan index) of a sale: goods in hand, so safety stock does not bind."""
    row = rows[r]
    out = results[r]
    hint = hint_of(st, r)
    sku = find_sku_near(st, row.sku_key, i64(hint.sku))
    if sku == 0:
        return _UNKNOWN_SKU, plan_n
    out.decimals = skus_of(st)[sku].decimals
    warehouse = i64(row.warehouse)
    if not warehouse_known(st, warehouse):
        return _UNKNOWN_WAREHOUSE, plan_n
    if not channel_known(st, i64(row.channel)):
        return _UNKNOWN_CHANNEL, plan_n
    quantity = checked_quantity(st, sku, row.quantity)
    if quantity == 0:
        return _INVALID_QUANTITY, plan_n
    out.requested = quantity
    out.warehouse = warehouse
    cell = find_cell_near(st, sku, warehouse, i64(hint.cell))
    if (row.flags & _SETTLED) != 0:
        # A missing cell is made when the sale is settled, not here: the group may still fall.
        if cell == 0 and (
            tables_of(st)[CELLS, USED] + plan_n + 1 > cells_end(st)
            or _sold_of_missing(st, rows, r, plan_n) + quantity > bounds_of(st)[STOCK_MAX]
        ):
            return _LIMIT_EXCEEDED, plan_n
        if cell != 0 and cells_of(st)[cell].on_hand - cells_of(st)[cell].pending - quantity < -bounds_of(st)[STOCK_MAX]:
            return _LIMIT_EXCEEDED, plan_n
    elif cell == 0 or available_of(st, cell) + cells_of(st)[cell].safety_stock + cells_of(st)[cell].floor < quantity:
        out.available = available_of(st, cell) - (_sold_of_missing(st, rows, r, plan_n) if cell == 0 else 0)
        return _INSUFFICIENT_STOCK, plan_n
    out.quantity = quantity
    return _OK, note(st, plan_n, r, cell, ZERO, quantity)


@inner
def plan_is_full(st: Memory, plan_n: int) -> bool:
    """Whether one more row, which may be split over every warehouse, could overrun the plan."""
    return plan_n + ENTRIES_MAX > plan_end(st)


@jit
def _rank(st: Memory, channel: int, cell: int) -> int:
    """Place of the cell's warehouse in the channel's list, 0 when the channel does not sell from it."""
    warehouse = warehouse_of(st, cell)
    if warehouses_of(st)[warehouse].archived != 0 or is_quarantine(st, warehouse):
        return 0
    return i64(channel_ranks_of(st)[channel, warehouse])


@jit
def _first_with(st: Memory, sku: int, channel: int, quantity: int, after: int) -> int:
    """The first cell, in the channel's own order, past rank `after`, with room for `quantity`; 0 if none."""
    best = 0
    best_rank = 1 << 30
    cell = i64(skus_of(st)[sku].first_cell)
    while cell != 0:
        rank = _rank(st, channel, cell)
        if rank > after and rank < best_rank and room_of(st, cell) >= quantity:
            best = cell
            best_rank = rank
        cell = i64(cells_of(st)[cell].next_in_sku)
    return best


@jit
def sellable_of(st: Memory, sku: int, channel: int) -> int:
    """Sum of max(0, room) over the channel's warehouses."""
    everywhere = channels_of(st)[channel].mode == CHANNEL_ALL
    total = 0
    cell = i64(skus_of(st)[sku].first_cell)
    while cell != 0:
        if everywhere:
            usable = warehouses_of(st)[warehouse_of(st, cell)].archived == 0
        else:
            usable = _rank(st, channel, cell) > 0
        if usable:
            total += max(0, room_of(st, cell))
        cell = i64(cells_of(st)[cell].next_in_sku)
    return total


@jit
def _source(st: Memory, sku: int, channel: int, quantity: int, partial: bool, r: int, plan_n: int) -> int:
    """Choose the cells for a line that names no warehouse; returns the next plan index, unchanged if short.

    A single cell with enough comes first; otherwise the line is split in the channel's order.
    """
    everywhere = channels_of(st)[channel].mode == CHANNEL_ALL
    if everywhere:
        cell = i64(skus_of(st)[sku].first_cell)
        while cell != 0:
            if room_of(st, cell) >= quantity and warehouses_of(st)[warehouse_of(st, cell)].archived == 0:
                return note(st, plan_n, r, cell, ZERO, quantity)
            cell = i64(cells_of(st)[cell].next_in_sku)
    else:
        cell = _first_with(st, sku, channel, quantity, 0)
        if cell != 0:
            return note(st, plan_n, r, cell, ZERO, quantity)
    total = sellable_of(st, sku, channel)
    if total < quantity and not partial:
        return plan_n
    wanted = min(total, quantity)
    cell = i64(skus_of(st)[sku].first_cell) if everywhere else _first_with(st, sku, channel, 1, 0)
    while wanted > 0:
        if not everywhere or warehouses_of(st)[warehouse_of(st, cell)].archived == 0:
            got = min(wanted, max(0, room_of(st, cell)))
            if got > 0:
                plan_n = note(st, plan_n, r, cell, ZERO, got)
                wanted -= got
        if wanted > 0:
            if everywhere:
                cell = i64(cells_of(st)[cell].next_in_sku)
            else:
                cell = _first_with(st, sku, channel, 1, _rank(st, channel, cell))
    return plan_n


@inner
def check_reserve(st: Memory, row: Row, out: Row, r: int) -> tuple[int, int, int]:
    """(outcome, slot of the SKU, smallest units) of one reserve line, row `r` of its batch, before any stock."""
    sku = find_sku_near(st, row.sku_key, i64(hint_of(st, r).sku))
    if sku == 0:
        return _UNKNOWN_SKU, sku, ZERO
    out.decimals = skus_of(st)[sku].decimals
    if row.warehouse != NO_WAREHOUSE and not warehouse_known(st, i64(row.warehouse)):
        return _UNKNOWN_WAREHOUSE, sku, ZERO
    if not channel_known(st, i64(row.channel)):
        return _UNKNOWN_CHANNEL, sku, ZERO
    quantity = checked_quantity(st, sku, row.quantity)
    if quantity == 0 or row.ttl_s < 1 or row.ttl_s > bounds_of(st)[TTL_S_MAX]:
        return _INVALID_QUANTITY, sku, ZERO
    out.requested = quantity
    return _OK, sku, quantity


@inner
def got_at(st: Memory, row: Row, out: Row, cell: int, quantity: int) -> int:
    """How many of `quantity` the cell that a reserve line names has room for; of 0 the result says what is there."""
    out.warehouse = row.warehouse
    room = room_of(st, cell)
    if room >= quantity:
        return quantity
    if (row.flags & _PARTIAL) != 0 and room > 0:
        return room
    out.available = 0 if is_quarantine(st, i64(row.warehouse)) else available_of(st, cell)
    return 0


@inner
def plan_reserve(st: Memory, row: Row, out: Row, r: int, plan_n: int) -> tuple[int, int]:
    """(outcome, next plan index) of one reserve line, row `r` of its batch."""
    outcome, sku, quantity = check_reserve(st, row, out, r)
    if outcome != _OK:
        return outcome, plan_n
    channel = i64(row.channel)
    first = plan_n
    if row.warehouse == NO_WAREHOUSE:
        plan_n = _source(st, sku, channel, quantity, (row.flags & _PARTIAL) != 0, r, plan_n)
        if plan_n == first:
            out.available = sellable_of(st, sku, channel)
            return _INSUFFICIENT_STOCK, plan_n
    else:
        cell = find_cell_near(st, sku, i64(row.warehouse), i64(hint_of(st, r).cell))
        got = got_at(st, row, out, cell, quantity)
        if got == 0:
            return _INSUFFICIENT_STOCK, plan_n
        plan_n = note(st, plan_n, r, cell, ZERO, got)
    for p in range(first, plan_n):
        cell = i64(plan_of(st)[p].cell)
        if cells_of(st)[cell].reserved + cells_of(st)[cell].pending > bounds_of(st)[STOCK_MAX]:
            forget_plan(st, first, plan_n)
            out.quantity = 0
            return _LIMIT_EXCEEDED, first
        out.quantity += plan_of(st)[p].quantity
    if plan_n - first == 1:
        out.warehouse = warehouse_of(st, i64(plan_of(st)[first].cell))
    else:
        out.warehouse = NO_WAREHOUSE
        out.flags |= _SPLIT
    return _OK, plan_n


@inner
def visible_reservation(st: Memory, row: Row, hint: int) -> int:
    """Slot of the reservation a row means, probably `hint`; 0 when it is not there for this key."""
    slot = find_reservation_near(st, row.reservation, hint)
    if slot == 0:
        return 0
    record = reservations_of(st)[slot]
    if record.state == _PREPARED or (record.client != row.client and (row.flags & _ADMIN) == 0):
        return 0
    return slot


@inner
def say_reservation(st: Memory, out: Row, reservation: int) -> None:
    """Put what every answer about a reservation carries into its result."""
    record = reservations_of(st)[reservation]
    out.reservation = u64(record.key)
    out.partition = record.partition
    out.channel = record.channel
    out.made_at = record.made_at
    out.state = record.state
    out.expires_at_ms = record.expires_at_ms if record.heap_at != 0 else 0


@inner
def closed_outcome(st: Memory, reservation: int, wanted: int) -> int:
    """OK when the reservation is in state `wanted`, else why not."""
    state = reservations_of(st)[reservation].state
    if state == wanted:
        return _OK
    return _RESERVATION_EXPIRED if state == _EXPIRED else _RESERVATION_CLOSED


@jit
def _sku_of_line(st: Memory, reservation: int, number: int) -> int:
    """Slot of the SKU of a reservation's line, or 0 when there is no such line."""
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0 and i64(lines_of(st)[line].line) != number:
        line = i64(lines_of(st)[line].next)
    return i64(lines_of(st)[line].sku)


@jit
def plan_take(st: Memory, row: Row, out: Row, r: int, plan_n: int) -> tuple[int, int]:
    """(outcome, next plan index) of a release or fulfil row: all that remains, a line, or a part of one."""
    if row.warehouse != NO_WAREHOUSE and not warehouse_known(st, i64(row.warehouse)):
        return _UNKNOWN_WAREHOUSE, plan_n
    reservation = visible_reservation(st, row, i64(hint_of(st, r).reservation))
    if reservation == 0:
        return _UNKNOWN_RESERVATION, plan_n
    say_reservation(st, out, reservation)
    fulfil = row.kind == _FULFIL
    given = (row.flags & _HAS_QUANTITY) != 0
    wanted = 0
    if given:
        # A quantity without a line has no unit.
        sku = _sku_of_line(st, reservation, i64(row.line))
        if row.line != NO_LINE and sku != 0:
            wanted = checked_quantity(st, sku, row.quantity)
        if row.line == NO_LINE or row.quantity <= 0 or (sku != 0 and wanted == 0):
            return _INVALID_QUANTITY, plan_n
    outcome = closed_outcome(st, reservation, _CONFIRMED)
    if outcome != _OK and (fulfil or reservations_of(st)[reservation].state != _HELD):
        return outcome, plan_n
    if reservations_of(st)[reservation].pending != 0:
        return _CONFLICT, plan_n
    first = plan_n
    taken = 0
    short = False
    line = i64(reservations_of(st)[reservation].first_line)
    while line != 0:
        cell = i64(lines_of(st)[line].cell)
        chosen = cell != 0 and (row.line == NO_LINE or i64(lines_of(st)[line].line) == row.line)
        if chosen and row.warehouse != NO_WAREHOUSE:
            chosen = warehouse_of(st, cell) == row.warehouse
        if chosen:
            quantity = remaining_of(st, line) - lines_of(st)[line].pending
            if given:
                quantity = min(quantity, wanted - taken)
            if quantity > 0:
                if fulfil and cells_of(st)[cell].on_hand - cells_of(st)[cell].pending < quantity:
                    short = True
                plan_n = note(st, plan_n, r, cell, line, quantity)
                taken += quantity
        line = i64(lines_of(st)[line].next)
    out.quantity = taken
    if taken == 0 or (given and taken < wanted):
        out.quantity = 0
        forget_plan(st, first, plan_n)
        return _INVALID_QUANTITY, first
    if short:
        out.quantity = 0
        forget_plan(st, first, plan_n)
        return _INSUFFICIENT_STOCK, first
    return _OK, plan_n
