"""Commands that concern one cell (or two): receive, expect, adjust, return, transfer, configure.

Each checks everything and then changes everything; none can fail half-way. Every function returns
(outcome, next movement index).
"""

from engine.kernels.alerts import watch
from engine.kernels.cells import (
    BAD_QUANTITY,
    ZERO,
    add_to_source,
    available_of,
    bound_of,
    channel_known,
    find_cell,
    find_sku,
    make_cell,
    move,
    smallest_units,
    source_slot,
    sources_room,
    warehouse_known,
)
from engine.kernels.jit import Row, Rows, i64, jit
from engine.kernels.memory import Memory, bounds_of, cells_end, cells_of, planning_of, skus_of, sources_of, tables_of
from engine.kernels.plan import checked_quantity
from engine.kinds import Flag, Kind, ResultFlag, Setting
from engine.outcomes import Outcome
from engine.state import CELLS, QUANTITY_MAX, STOCK_MAX, USED

_OK = i64(Outcome.OK)
_UNKNOWN_SKU = i64(Outcome.UNKNOWN_SKU)
_UNKNOWN_WAREHOUSE = i64(Outcome.UNKNOWN_WAREHOUSE)
_UNKNOWN_CHANNEL = i64(Outcome.UNKNOWN_CHANNEL)
_INVALID_QUANTITY = i64(Outcome.INVALID_QUANTITY)
_CONFLICT = i64(Outcome.CONFLICT)
_INSUFFICIENT_STOCK = i64(Outcome.INSUFFICIENT_STOCK)
_LIMIT_EXCEEDED = i64(Outcome.LIMIT_EXCEEDED)
_RECEIVE = i64(Kind.RECEIVE)
_EXPECT = i64(Kind.EXPECT)
_ADJUST = i64(Kind.ADJUST)
_RETURN = i64(Kind.RETURN)
_TRANSFER = i64(Kind.TRANSFER)
_CONFIGURE = i64(Kind.CONFIGURE)
_SHORT = i64(Kind.SHORT)
_SET_TO = i64(Flag.SET_TO)
_HAS_EXPECTED = i64(Flag.HAS_EXPECTED)
_IN_TRANSIT = i64(Flag.IN_TRANSIT)
_SHORT_FLAG = i64(ResultFlag.SHORT)
_SAFETY_STOCK = i64(Setting.SAFETY_STOCK)
_FLOOR = i64(Setting.FLOOR)
_REORDER_POINT = i64(Setting.REORDER_POINT)
_ORDER_UP_TO = i64(Setting.ORDER_UP_TO)


@jit
def cells_room(st: Memory, count: int) -> bool:
    """Whether `count` more cells fit."""
    return tables_of(st)[CELLS, USED] + count <= cells_end(st)


@jit
def _say_cell(st: Memory, out: Row, cell: int, quantity: int) -> None:
    out.quantity = abs(quantity)
    out.available = available_of(st, cell)


@jit
def _emit_short(st: Memory, out: Row, movements: Rows, m: int, r: int, cell: int) -> int:
    """A SHORT movement when a count or a setting left the cell below its bound."""
    below = bound_of(st, cell)
    if below < 0:
        out.flags |= _SHORT_FLAG
        m = move(st, movements, m, r, _SHORT, cell, below, ZERO, ZERO, ZERO, ZERO)
    return m


@jit
def receive(st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int) -> tuple[int, int]:
    """Goods came in, or came back from a customer (`return`); a source's `incoming` goes down."""
    row = rows[r]
    out = results[r]
    sku = find_sku(st, row.sku_key)
    if sku == 0:
        return _UNKNOWN_SKU, m
    out.decimals = skus_of(st)[sku].decimals
    warehouse = i64(row.warehouse)
    if not warehouse_known(st, warehouse):
        return _UNKNOWN_WAREHOUSE, m
    if row.kind == _RETURN and not channel_known(st, i64(row.channel)):
        return _UNKNOWN_CHANNEL, m
    quantity = checked_quantity(st, sku, row.quantity)
    if quantity == 0:
        return _INVALID_QUANTITY, m
    out.warehouse = warehouse
    cell = find_cell(st, sku, warehouse)
    if cell == 0 and not cells_room(st, 1):
        return _LIMIT_EXCEEDED, m
    if cell != 0 and cells_of(st)[cell].on_hand + quantity > bounds_of(st)[STOCK_MAX]:
        out.available = available_of(st, cell)
        return _LIMIT_EXCEEDED, m
    cell = make_cell(st, sku, warehouse)
    arrived = 0
    if row.kind == _RECEIVE and row.source_key != 0:
        source = source_slot(st, cell, row.source_key)
        if source != 0:
            arrived = min(quantity, sources_of(st)[source].remaining)
            add_to_source(st, cell, row.source_key, -arrived)
    m = move(st, movements, m, r, i64(row.kind), cell, quantity, quantity, ZERO, -arrived, row.source_key)
    movements[m - 1].channel = row.channel
    movements[m - 1].client = row.client
    _say_cell(st, out, cell, quantity)
    return _OK, m


@jit
def expect(st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int) -> tuple[int, int]:
    """More, or less, is on its way from a source; never less than nothing."""
    row = rows[r]
    out = results[r]
    sku = find_sku(st, row.sku_key)
    if sku == 0:
        return _UNKNOWN_SKU, m
    out.decimals = skus_of(st)[sku].decimals
    warehouse = i64(row.warehouse)
    if not warehouse_known(st, warehouse):
        return _UNKNOWN_WAREHOUSE, m
    delta = smallest_units(st, sku, row.quantity)
    if delta == BAD_QUANTITY or delta == 0 or abs(delta) > bounds_of(st)[QUANTITY_MAX] or row.source_key == 0:
        return _INVALID_QUANTITY, m
    out.warehouse = warehouse
    cell = find_cell(st, sku, warehouse)
    remaining = 0
    source = i64(0)
    if cell != 0:
        out.available = available_of(st, cell)
        source = source_slot(st, cell, row.source_key)
        if source != 0:
            remaining = sources_of(st)[source].remaining
    if remaining + delta < 0:
        return _INVALID_QUANTITY, m
    if (cell == 0 and not cells_room(st, 1)) or (source == 0 and not sources_room(st)):
        return _LIMIT_EXCEEDED, m
    if cell != 0 and cells_of(st)[cell].incoming + delta > bounds_of(st)[STOCK_MAX]:
        return _LIMIT_EXCEEDED, m
    cell = make_cell(st, sku, warehouse)
    add_to_source(st, cell, row.source_key, delta)
    m = move(st, movements, m, r, _EXPECT, cell, delta, ZERO, ZERO, delta, row.source_key)
    movements[m - 1].client = row.client
    _say_cell(st, out, cell, delta)
    return _OK, m


@jit
def adjust(st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int) -> tuple[int, int]:
    """A count or a correction: never refused for lack of room, but said when it leaves the cell short."""
    row = rows[r]
    out = results[r]
    sku = find_sku(st, row.sku_key)
    if sku == 0:
        return _UNKNOWN_SKU, m
    out.decimals = skus_of(st)[sku].decimals
    warehouse = i64(row.warehouse)
    if not warehouse_known(st, warehouse):
        return _UNKNOWN_WAREHOUSE, m
    out.warehouse = warehouse
    cell = find_cell(st, sku, warehouse)
    out.available = available_of(st, cell)
    on_hand = 0 if cell == 0 else cells_of(st)[cell].on_hand
    given = smallest_units(st, sku, row.quantity)
    if given == BAD_QUANTITY or abs(given) > bounds_of(st)[QUANTITY_MAX]:
        return _INVALID_QUANTITY, m
    delta = given
    if (row.flags & _SET_TO) != 0:
        delta = given - on_hand
        if given < 0:
            return _INVALID_QUANTITY, m
    elif delta == 0 or (delta < 0 and on_hand + delta < 0):
        return _INVALID_QUANTITY, m
    expected = smallest_units(st, sku, row.expected)
    if (row.flags & _HAS_EXPECTED) != 0 and expected == BAD_QUANTITY:
        return _INVALID_QUANTITY, m
    if (row.flags & _HAS_EXPECTED) != 0 and expected != on_hand:
        return _CONFLICT, m
    if on_hand + delta > bounds_of(st)[STOCK_MAX] or (cell == 0 and not cells_room(st, 1)):
        return _LIMIT_EXCEEDED, m
    cell = make_cell(st, sku, warehouse)
    m = move(st, movements, m, r, _ADJUST, cell, delta, delta, ZERO, ZERO, ZERO)
    movements[m - 1].client = row.client
    _say_cell(st, out, cell, delta)
    return _OK, _emit_short(st, out, movements, m, r, cell)


@jit
def transfer(st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int) -> tuple[int, int]:
    """From one warehouse to another, at once or by way of the target's `incoming`."""
    row = rows[r]
    out = results[r]
    sku = find_sku(st, row.sku_key)
    if sku == 0:
        return _UNKNOWN_SKU, m
    out.decimals = skus_of(st)[sku].decimals
    warehouse = i64(row.warehouse)
    target = i64(row.to_warehouse)
    if not warehouse_known(st, warehouse) or not warehouse_known(st, target):
        return _UNKNOWN_WAREHOUSE, m
    quantity = checked_quantity(st, sku, row.quantity)
    if quantity == 0:
        return _INVALID_QUANTITY, m
    out.requested = quantity
    out.warehouse = warehouse
    cell = find_cell(st, sku, warehouse)
    out.available = available_of(st, cell)
    if warehouse == target:
        return _CONFLICT, m
    if out.available < quantity:
        return _INSUFFICIENT_STOCK, m
    in_transit = (row.flags & _IN_TRANSIT) != 0
    to_cell = find_cell(st, sku, target)
    if to_cell == 0 and not cells_room(st, 1):
        return _LIMIT_EXCEEDED, m
    if (
        to_cell != 0
        and max(cells_of(st)[to_cell].on_hand, cells_of(st)[to_cell].incoming) + quantity > bounds_of(st)[STOCK_MAX]
    ):
        return _LIMIT_EXCEEDED, m
    if in_transit and not sources_room(st):
        return _LIMIT_EXCEEDED, m
    to_cell = make_cell(st, sku, target)
    m = move(st, movements, m, r, _TRANSFER, cell, -quantity, -quantity, ZERO, ZERO, ZERO)
    movements[m - 1].client = row.client
    if in_transit:
        add_to_source(st, to_cell, row.source_key, quantity)
        m = move(st, movements, m, r, _TRANSFER, to_cell, quantity, ZERO, ZERO, quantity, row.source_key)
    else:
        m = move(st, movements, m, r, _TRANSFER, to_cell, quantity, quantity, ZERO, ZERO, ZERO)
    movements[m - 1].client = row.client
    _say_cell(st, out, cell, quantity)
    return _OK, m


@jit
def _setting(st: Memory, sku: int, bits: int, bit: int, thousandths: int) -> int:
    """The value of one setting in smallest units, 0 when it is not set, BAD_QUANTITY when it is invalid."""
    if bits & bit == 0:
        return 0
    value = smallest_units(st, sku, thousandths)
    if value < 0 or value > bounds_of(st)[QUANTITY_MAX]:
        return BAD_QUANTITY
    return value


@jit
def set_cell(st: Memory, sku: int, cell: int, row: Row) -> None:
    """Write the settings that a configure row carries; they were checked."""
    bits = i64(row.line)
    if bits & _SAFETY_STOCK:
        cells_of(st)[cell].safety_stock = smallest_units(st, sku, row.quantity)
    if bits & _FLOOR:
        cells_of(st)[cell].floor = smallest_units(st, sku, row.expected)
    if bits & _REORDER_POINT:
        planning_of(st)[cell].reorder_point = smallest_units(st, sku, row.unit_price)
        watch(st, cell)
    if bits & _ORDER_UP_TO:
        planning_of(st)[cell].order_up_to = smallest_units(st, sku, row.discount)


@jit
def configure(st: Memory, rows: Rows, results: Rows, r: int, movements: Rows, m: int) -> tuple[int, int]:
    """Safety stock, floor and planning figures of a cell."""
    row = rows[r]
    out = results[r]
    sku = find_sku(st, row.sku_key)
    if sku == 0:
        return _UNKNOWN_SKU, m
    out.decimals = skus_of(st)[sku].decimals
    warehouse = i64(row.warehouse)
    if not warehouse_known(st, warehouse):
        return _UNKNOWN_WAREHOUSE, m
    out.warehouse = warehouse
    bits = i64(row.line)
    if bits <= 0 or bits > 15:
        return _INVALID_QUANTITY, m
    if (
        _setting(st, sku, bits, _SAFETY_STOCK, row.quantity) == BAD_QUANTITY
        or _setting(st, sku, bits, _FLOOR, row.expected) == BAD_QUANTITY
        or _setting(st, sku, bits, _REORDER_POINT, row.unit_price) == BAD_QUANTITY
        or _setting(st, sku, bits, _ORDER_UP_TO, row.discount) == BAD_QUANTITY
    ):
        return _INVALID_QUANTITY, m
    if find_cell(st, sku, warehouse) == 0 and not cells_room(st, 1):
        return _LIMIT_EXCEEDED, m
    cell = make_cell(st, sku, warehouse)
    set_cell(st, sku, cell, row)
    m = move(st, movements, m, r, _CONFIGURE, cell, ZERO, ZERO, ZERO, ZERO, ZERO)
    movements[m - 1].client = row.client
    _say_cell(st, out, cell, 0)
    return _OK, _emit_short(st, out, movements, m, r, cell)
