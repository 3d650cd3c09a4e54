"""SKUs and cells: finding and making them, and the one function that changes a cell's counters.

`move` is the only writer of on_hand, reserved and incoming, and it writes the movement in the same breath,
so that the state and the journal cannot disagree.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit
from engine.kernels.table import find, link, spread, take
from engine.kinds import WarehouseKind
from engine.layout import QUANTITY_SCALE
from engine.state import CELLS, FREE, SKUS, SOURCES, USED, State

Rows = npt.NDArray[np.void]
_QUARANTINE = int(WarehouseKind.QUARANTINE)
BAD_QUANTITY = -(1 << 62)
"""What `smallest_units` gives for a number that is not a whole count of smallest units."""


@jit
def find_sku(st: State, sku_key: int) -> int:
    """Slot of a SKU in use, or 0 when it was never registered or is archived."""
    slot = find(st.skus, st.sku_heads, st.tables[SKUS], sku_key)
    if slot != 0 and st.skus[slot].archived != 0:
        return 0
    return slot


@jit
def warehouse_known(st: State, warehouse: int) -> bool:
    """Whether the warehouse is registered and in use."""
    if warehouse >= st.warehouses.shape[0]:
        return False
    return st.warehouses[warehouse].kind != 0 and st.warehouses[warehouse].archived == 0


@jit
def channel_known(st: State, channel: int) -> bool:
    """Whether the channel is registered and in use."""
    return channel < st.channels.shape[0] and st.channels[channel].mode != 0 and st.channels[channel].archived == 0


@jit
def is_quarantine(st: State, warehouse: int) -> bool:
    """Whether stock there is set apart from every sum and every sale by reservation."""
    return st.warehouses[warehouse].kind == _QUARANTINE


@jit
def smallest_units(st: State, sku: int, thousandths: int) -> int:
    """A row's quantity in the SKU's smallest units, or BAD_QUANTITY when it has too many decimals."""
    decimals = np.int64(st.skus[sku].decimals)
    step = QUANTITY_SCALE
    for _ in range(decimals):
        step //= 10
    if thousandths % step != 0:
        return BAD_QUANTITY
    return thousandths // step


@jit
def find_cell(st: State, sku: int, warehouse: int) -> int:
    """Slot of the cell, or 0."""
    return find(st.cells, st.cell_heads, st.tables[CELLS], sku << 16 | warehouse)


@jit
def warehouse_of(st: State, cell: int) -> int:
    """The warehouse number of a cell."""
    return st.cells[cell].key & 0xFFFF


@jit
def sku_of(st: State, cell: int) -> int:
    """The SKU slot of a cell."""
    return st.cells[cell].key >> 16


@jit
def make_cell(st: State, sku: int, warehouse: int) -> int:
    """Slot of the cell, made if it is new; 0 when the table is full."""
    slot = find_cell(st, sku, warehouse)
    if slot != 0:
        return slot
    slot = take(st.cells, st.tables[CELLS])
    if slot == 0:
        return 0
    st.cells[slot].key = sku << 16 | warehouse
    link(st.cells, st.cell_heads, st.tables[CELLS], slot, st.tables[CELLS, USED])
    _chain(st, sku, slot)
    return slot


@jit
def _chain(st: State, sku: int, slot: int) -> None:
    """Put the cell into its SKU's list, which is in the order in which stock is looked for."""
    rank = st.warehouses[warehouse_of(st, slot)].rank
    before = 0
    at = np.int64(st.skus[sku].first_cell)
    while at != 0 and st.warehouses[warehouse_of(st, at)].rank < rank:
        before = at
        at = np.int64(st.cells[at].next_in_sku)
    st.cells[slot].next_in_sku = at
    if before == 0:
        st.skus[sku].first_cell = slot
    else:
        st.cells[before].next_in_sku = slot


@jit
def chain_all_again(st: State) -> None:
    """Rebuild every SKU's list: the order of the warehouses has changed."""
    for sku in range(1, st.tables[SKUS, USED]):
        at = np.int64(st.skus[sku].first_cell)
        st.skus[sku].first_cell = 0
        while at != 0:
            following = np.int64(st.cells[at].next_in_sku)
            _chain(st, sku, at)
            at = following


@jit
def available_of(st: State, cell: int) -> int:
    """on_hand - reserved - safety_stock, less what the group being decided has taken; 0 for no cell."""
    if cell == 0:
        return 0
    record = st.cells[cell]
    return record.on_hand - record.reserved - record.safety_stock - record.pending


@jit
def room_of(st: State, cell: int) -> int:
    """How much can still be reserved: available + floor; 0 for no cell and in quarantine."""
    if cell == 0 or is_quarantine(st, warehouse_of(st, cell)):
        return 0
    return available_of(st, cell) + st.cells[cell].floor


@jit
def source_slot(st: State, cell: int, source_key: int) -> int:
    """Slot of what is on its way to `cell` from that source, or 0."""
    return find(st.sources, st.source_heads, st.tables[SOURCES], source_key ^ spread(cell))


@jit
def add_to_source(st: State, cell: int, source_key: int, delta: int) -> bool:
    """Change what is on its way from a source; False when the table is full."""
    slot = source_slot(st, cell, source_key)
    if slot == 0:
        slot = take(st.sources, st.tables[SOURCES])
        if slot == 0:
            return False
        st.sources[slot].key = source_key ^ spread(cell)
        st.sources[slot].cell = cell
        st.sources[slot].remaining = 0
        link(st.sources, st.source_heads, st.tables[SOURCES], slot, st.tables[SOURCES, USED])
    st.sources[slot].remaining += delta
    return True


@jit
def sources_room(st: State) -> bool:
    """Whether one more source fits."""
    return st.tables[SOURCES, FREE] != 0 or st.tables[SOURCES, USED] < st.sources.shape[0]


@jit
def write_movement(
    st: State, movements: Rows, m: int, row: int, kind: int, cell: int, quantity: int, on_hand_delta: int,
    reserved_delta: int, incoming_delta: int, value: int,
) -> int:  # fmt: skip
    """Record one movement of `cell` at index `m`, counters as they are now; returns m + 1."""
    record = st.cells[cell]
    sku = sku_of(st, cell)
    out = movements[m]
    out.sku_key = st.skus[sku].key
    out.decimals = st.skus[sku].decimals
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
    out.line = 0
    out.channel = 0xFFFF
    out.client = 0
    out.partition = 0
    out.flags = 0
    out.state = 0
    return m + 1


@jit
def move(
    st: State, movements: Rows, m: int, row: int, kind: int, cell: int, quantity: int, on_hand_delta: int,
    reserved_delta: int, incoming_delta: int, value: int,
) -> int:  # fmt: skip
    """Change the counters of `cell` and record it; the caller has checked every bound. Returns m + 1."""
    st.cells[cell].on_hand += on_hand_delta
    st.cells[cell].reserved += reserved_delta
    st.cells[cell].incoming += incoming_delta
    return write_movement(
        st, movements, m, row, kind, cell, quantity, on_hand_delta, reserved_delta, incoming_delta, value
    )
