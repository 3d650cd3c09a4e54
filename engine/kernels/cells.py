"""SKUs and cells: finding and making them, and the one function that changes a cell's counters.

`move` is the only writer of on_hand, reserved and incoming, and it writes the movement in the same breath,
so that the state and the journal cannot disagree.
"""

from engine.kernels.jit import Rows, i64, inner, jit
from engine.kernels.memory import (
    Memory,
    cell_buckets_end,
    cell_buckets_of,
    cell_spill_of,
    cells_end,
    cells_of,
    channels_of,
    marks_of,
    sku_buckets_of,
    sku_spill_of,
    skus_of,
    source_buckets_end,
    source_buckets_of,
    source_spill_of,
    sources_end,
    sources_of,
    tables_of,
    touched_of,
    warehouses_of,
)
from engine.kernels.table import find, give_back, link, spread, take, unlink
from engine.kinds import WarehouseKind
from engine.layout import QUANTITY_SCALE
from engine.state import CELLS, FREE, SKUS, SOURCES, TOUCHED_N, USED

_QUARANTINE = i64(WarehouseKind.QUARANTINE)
ZERO = i64(0)
"""A typed zero: numba compiles a function anew for each pattern of literal arguments."""
BAD_QUANTITY = i64(-(1 << 62))
"""What `smallest_units` gives for a number that is not a whole count of smallest units."""


@inner
def find_sku(st: Memory, sku_key: int) -> int:
    """Slot of a SKU in use, or 0 when it was never registered or is archived."""
    slot = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], sku_key)
    if slot != 0 and skus_of(st)[slot].archived != 0:
        return 0
    return slot


@inner
def find_sku_near(st: Memory, sku_key: int, hint: int) -> int:
    """`find_sku`, which begins where the SKU probably is."""
    if hint != 0 and skus_of(st)[hint].key == sku_key:
        return 0 if skus_of(st)[hint].archived != 0 else hint
    return find_sku(st, sku_key)


@inner
def find_cell_near(st: Memory, sku: int, warehouse: int, hint: int) -> int:
    """`find_cell`, which begins where the cell probably is."""
    if hint != 0 and cells_of(st)[hint].key == sku << 16 | warehouse:
        return hint
    return find_cell(st, sku, warehouse)


@inner
def warehouse_known(st: Memory, warehouse: int) -> bool:
    """Whether the warehouse is registered and in use."""
    if warehouse >= warehouses_of(st).shape[0]:
        return False
    return warehouses_of(st)[warehouse].kind != 0 and warehouses_of(st)[warehouse].archived == 0


@inner
def channel_known(st: Memory, channel: int) -> bool:
    """Whether the channel is registered and in use."""
    return (
        channel < channels_of(st).shape[0]
        and channels_of(st)[channel].mode != 0
        and channels_of(st)[channel].archived == 0
    )


@inner
def is_quarantine(st: Memory, warehouse: int) -> bool:
    """Whether stock there is set apart from every sum and every sale by reservation."""
    return warehouses_of(st)[warehouse].kind == _QUARANTINE


@inner
def smallest_units(st: Memory, sku: int, thousandths: int) -> int:
    """A row's quantity in the SKU's smallest units, or BAD_QUANTITY when it has too many decimals."""
    decimals = i64(skus_of(st)[sku].decimals)
    step = QUANTITY_SCALE
    for _ in range(decimals):
        step //= 10
    if thousandths % step != 0:
        return BAD_QUANTITY
    return thousandths // step


@inner
def find_cell(st: Memory, sku: int, warehouse: int) -> int:
    """Slot of the cell, or 0."""
    return find(cells_of(st), cell_buckets_of(st), cell_spill_of(st), tables_of(st)[CELLS], sku << 16 | warehouse)


@inner
def warehouse_of(st: Memory, cell: int) -> int:
    """The warehouse number of a cell."""
    return cells_of(st)[cell].key & 0xFFFF


@inner
def sku_of(st: Memory, cell: int) -> int:
    """The SKU slot of a cell."""
    return cells_of(st)[cell].key >> 16


@jit
def make_cell(st: Memory, sku: int, warehouse: int) -> int:
    """Slot of the cell, made if it is new; 0 when the table is full."""
    slot = find_cell(st, sku, warehouse)
    if slot != 0:
        return slot
    slot = take(cells_of(st), tables_of(st)[CELLS], cells_end(st))
    if slot == 0:
        return 0
    key = sku << 16 | warehouse
    cells_of(st)[slot].key = key
    link(cell_buckets_of(st), cell_spill_of(st), tables_of(st)[CELLS], slot, key, cell_buckets_end(st))
    _chain(st, sku, slot)
    return slot


@jit
def _chain(st: Memory, sku: int, slot: int) -> None:
    """Put the cell into its SKU's list, which is in the order in which stock is looked for."""
    rank = warehouses_of(st)[warehouse_of(st, slot)].rank
    before = 0
    at = i64(skus_of(st)[sku].first_cell)
    while at != 0 and warehouses_of(st)[warehouse_of(st, at)].rank < rank:
        before = at
        at = i64(cells_of(st)[at].next_in_sku)
    cells_of(st)[slot].next_in_sku = at
    if before == 0:
        skus_of(st)[sku].first_cell = slot
    else:
        cells_of(st)[before].next_in_sku = slot


@jit
def chain_all_again(st: Memory) -> None:
    """Rebuild every SKU's list: the order of the warehouses has changed."""
    for sku in range(1, tables_of(st)[SKUS, USED]):
        at = i64(skus_of(st)[sku].first_cell)
        skus_of(st)[sku].first_cell = 0
        while at != 0:
            following = i64(cells_of(st)[at].next_in_sku)
            _chain(st, sku, at)
            at = following


@inner
def available_of(st: Memory, cell: int) -> int:
    """on_hand - reserved - safety_stock, less what the group being decided has taken; 0 for no cell."""
    if cell == 0:
        return 0
    record = cells_of(st)[cell]
    return record.on_hand - record.reserved - record.safety_stock - record.pending


@inner
def room_of(st: Memory, cell: int) -> int:
    """How much can still be reserved: available + floor; 0 for no cell and in quarantine."""
    if cell == 0 or is_quarantine(st, warehouse_of(st, cell)):
        return 0
    return available_of(st, cell) + cells_of(st)[cell].floor


@inner
def bound_of(st: Memory, cell: int) -> int:
    """How far above its bound the cell is, in quarantine as well; below zero it is short."""
    return available_of(st, cell) + cells_of(st)[cell].floor


@inner
def is_owed(st: Memory, cell: int) -> bool:
    """Whether a sale left the cell short. Safety stock does not bind a till: short is what is owed."""
    return bound_of(st, cell) + cells_of(st)[cell].safety_stock < 0


@jit
def source_slot(st: Memory, cell: int, source_key: int) -> int:
    """Slot of what is on its way to `cell` from that source, or 0."""
    return find(
        sources_of(st),
        source_buckets_of(st),
        source_spill_of(st),
        tables_of(st)[SOURCES],
        source_key ^ (spread(cell) << 32 | cell),
    )


@jit
def add_to_source(st: Memory, cell: int, source_key: int, delta: int) -> bool:
    """Change what is on its way from a source; False when the table is full."""
    slot = source_slot(st, cell, source_key)
    if slot == 0:
        slot = take(sources_of(st), tables_of(st)[SOURCES], sources_end(st))
        if slot == 0:
            return False
        key = source_key ^ (spread(cell) << 32 | cell)
        sources_of(st)[slot].key = key
        sources_of(st)[slot].cell = cell
        sources_of(st)[slot].remaining = 0
        link(source_buckets_of(st), source_spill_of(st), tables_of(st)[SOURCES], slot, key, source_buckets_end(st))
    sources_of(st)[slot].remaining += delta
    if sources_of(st)[slot].remaining == 0:
        key = sources_of(st)[slot].key
        unlink(source_buckets_of(st), source_spill_of(st), tables_of(st)[SOURCES], slot, key)
        sources_of(st)[slot].cell = 0
        give_back(sources_of(st), tables_of(st)[SOURCES], slot)
    return True


@jit
def sources_room(st: Memory) -> bool:
    """Whether one more source fits."""
    return tables_of(st)[SOURCES, FREE] != 0 or tables_of(st)[SOURCES, USED] < sources_end(st)


@inner
def write_movement(
    st: Memory,
    movements: Rows,
    m: int,
    row: int,
    kind: int,
    cell: int,
    quantity: int,
    on_hand_delta: int,
    reserved_delta: int,
    incoming_delta: int,
    value: int,
) -> int:
    """Record one movement of `cell` at index `m`, counters as they are now; returns m + 1."""
    record = cells_of(st)[cell]
    sku = sku_of(st, cell)
    out = movements[m]
    out.sku_key = skus_of(st)[sku].key
    out.decimals = skus_of(st)[sku].decimals
    out.warehouse = warehouse_of(st, cell)
    out.kind = kind
    out.row = row
    out.quantity = quantity
    out.on_hand_delta = on_hand_delta
    out.reserved_delta = reserved_delta
    out.incoming_delta = incoming_delta
    out.on_hand = record.on_hand
    out.reserved = record.reserved
    out.incoming = record.incoming
    out.available = record.on_hand - record.reserved - record.safety_stock
    out.value = value
    out.reservation = 0
    out.requested = 0
    out.prepared_at = 0
    out.line = 0
    out.channel = 0xFFFF
    out.client = 0
    out.partition = 0
    out.flags = 0
    out.state = 0
    return m + 1


@jit
def _touch_watched(st: Memory, cell: int) -> None:
    """Note for the end of the batch that the alert of a cell may be due; see `engine.kernels.alerts`."""
    count = marks_of(st)[TOUCHED_N]
    touched_of(st)[count] = cell
    marks_of(st)[TOUCHED_N] = count + 1


@inner
def move(
    st: Memory,
    movements: Rows,
    m: int,
    row: int,
    kind: int,
    cell: int,
    quantity: int,
    on_hand_delta: int,
    reserved_delta: int,
    incoming_delta: int,
    value: int,
) -> int:
    """Change the counters of `cell` and record it; the caller has checked every bound. Returns m + 1."""
    cells_of(st)[cell].on_hand += on_hand_delta
    cells_of(st)[cell].reserved += reserved_delta
    cells_of(st)[cell].incoming += incoming_delta
    if cells_of(st)[cell].next != 0:
        _touch_watched(st, cell)
    return write_movement(
        st, movements, m, row, kind, cell, quantity, on_hand_delta, reserved_delta, incoming_delta, value
    )
