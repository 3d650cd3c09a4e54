"""The memory of one shard: records by table, hash buckets, and where each table stands.

Address space is reserved for every table up to its named limit when the shard is made; the operating system
gives memory page by page as rows come. So a table never grows by copying, and no call ever waits for that.
Slot 0 of every table is kept empty: a link of 0 means none, which is what fresh memory holds.

A cell is one record of 64 bytes, a cache line: a row of a batch touches one line of it, where a column
per counter would touch five. `state.cells["on_hand"]` is the column as a strided view.
"""

import mmap
import sys
from dataclasses import dataclass, fields
from typing import Any, Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from engine.layout import ALERT_SCAN_CELLS, Limits

Array = npt.NDArray[np.void]
Words = npt.NDArray[np.uint64]

SKU: Final = np.dtype(
    [("key", "<i8"), ("next", "<u4"), ("first_cell", "<u4"), ("decimals", "u1"), ("archived", "u1"), ("pad", "<u2")]
)
CELL: Final = np.dtype(
    [
        ("key", "<i8"),  # slot of the SKU << 16 | warehouse
        ("on_hand", "<i8"),
        ("reserved", "<i8"),
        ("safety_stock", "<i8"),
        ("floor", "<i8"),
        ("incoming", "<i8"),
        ("pending", "<i8"),  # taken by rows of the group being decided; 0 between groups
        ("next", "<u4"),  # WATCHED and RAISED: no cell is ever freed, so none is on a free list
        ("next_in_sku", "<u4"),  # in order of (priority, number) of the warehouse
    ]
)
PLANNING: Final = np.dtype([("reorder_point", "<i8"), ("order_up_to", "<i8")])
RESERVATION: Final = np.dtype(
    [
        ("key", "<i8"),
        ("expires_at_ms", "<i8"),  # 0 = none
        ("made_at", "<u8"),  # position of the command that made it
        ("ordinal", "<i8"),  # order of creation, from 1
        ("reference_key", "<i8"),
        ("closed_at_ms", "<i8"),
        ("next", "<u4"),  # on the free list when freed
        ("first_line", "<u4"),
        ("last_line", "<u4"),
        ("heap_at", "<u4"),  # its place among the deadlines, from 1; 0 = no deadline
        ("next_closed", "<u4"),
        ("client", "<u2"),
        ("channel", "<u2"),
        ("partition", "<u2"),
        ("lines_n", "<u2"),
        ("state", "u1"),
        ("fulfilled_any", "u1"),
        ("pending", "u1"),  # an operation is noted at it
        ("pad", "u1"),
    ]
)
HELD_LINE: Final = np.dtype(
    [
        ("requested", "<i8"),
        ("quantity", "<i8"),
        ("fulfilled", "<i8"),
        ("released", "<i8"),
        ("pending", "<i8"),  # as in a cell
        ("cell", "<u4"),  # 0: nothing was held
        ("sku", "<u4"),
        ("next", "<u4"),
        ("line", "<u2"),
        ("outcome", "u1"),
        ("pad", "u1"),
    ]
)
SOURCE: Final = np.dtype([("key", "<i8"), ("remaining", "<i8"), ("next", "<u4"), ("cell", "<u4")])
OPERATION: Final = np.dtype(
    [
        ("key", "<i8"),  # slot of the reservation
        ("operation", "<i8"),  # the key that APPLY must bring
        ("position", "<u8"),  # of the first row that prepared it
        ("expires_at_ms", "<i8"),  # as it will be
        ("next", "<u4"),
        ("kind", "u1"),
        ("pad", "u1", (3,)),
    ]
)
ID: Final = np.dtype([("key", "<i8"), ("hi", "<u8"), ("position", "<u8"), ("content", "<u4")])
DEADLINE: Final = np.dtype([("at_ms", "<i8"), ("ordinal", "<i8"), ("reservation", "<u4"), ("pad", "<u4")])
WAREHOUSE: Final = np.dtype([("priority", "<i4"), ("rank", "<i4"), ("kind", "u1"), ("archived", "u1"), ("pad", "<u2")])
CHANNEL: Final = np.dtype([("mode", "u1"), ("archived", "u1")])
PLAN: Final = np.dtype([("quantity", "<i8"), ("row", "<u4"), ("cell", "<u4"), ("line", "<u4"), ("pad", "<u4")])
HINT: Final = np.dtype([("sku", "<u4"), ("cell", "<u4"), ("reservation", "<u4"), ("line", "<u4")])

# Tables, as rows of `State.tables`; and its columns.
SKUS, CELLS, RESERVATIONS, LINES, SOURCES, IDS, OPERATIONS = range(7)
USED, MASK, SPLIT, FREE, LINKED, SPILL_USED, SPILL_FREE = range(7)
TABLE_COLUMNS: Final = 8

# Places in `State.marks`.
(
    LAST_SEQ,
    LAST_NOW_MS,
    ORDINALS,  # reservations made so far
    DEADLINES_N,
    IDS_MADE,  # ids remembered so far, the forgotten ones included
    IDS_FORGOTTEN,
    FIRST_CLOSED,
    LAST_CLOSED,
    TOUCHED_N,  # entries of `touched`; 0 between batches
    ALERTS_JUDGED,  # the ALERT_POLICY by which all cells were judged
    ALERTS_SCANNED,  # cells that were looked through for another one so far
) = range(11)
MARKS_N: Final = 16

# Places in `State.bounds`.
QUANTITY_MAX, STOCK_MAX, TTL_S_MAX, ID_WINDOW_MS = range(4)

ENTRIES_MAX: Final = 65_535
"""most (line, warehouse) entries of one reservation"""
PLAN_MAX: Final = 1 << 20
"""most plan entries of one group"""
HINTS_N: Final = 64
"""Rows of which something is known before their turn, a power of two."""
WATCHED: Final = 1
"""Bit of a cell's `next`: it has a reorder point. That stands in `planning` too; but every movement asks for it, and
the cell's own line is at hand then. A byte in an array beside the cells, in no cache, made reserving slower."""
RAISED: Final = 2
"""Bit of a cell's `next`: its alert is raised. The only history that alerts have."""
CHANNEL_LIST: Final = 1
CHANNEL_ALL: Final = 2
ID_BLOCK: Final = 4096
"""ids per entry of `id_times`; the ring holds a whole number of blocks"""
_FIRST_BUCKETS: Final = 1024
_HUGE: Final = 1 << 22
_HUGE_PAGE: Final = 1 << 21
_NORESERVE: Final = 0x4000 if sys.platform == "linux" else 0
"""MAP_NORESERVE, which the mmap module names only from Python 3.13 on"""
_HASHED = (SKUS, CELLS, RESERVATIONS, SOURCES, IDS, OPERATIONS)


@dataclass(frozen=True, slots=True)
class State:
    """All arrays of a shard; kernels take `memory`, one record of addresses."""

    skus: Array
    sku_buckets: Words
    sku_spill: Words
    cells: Array
    cell_buckets: Words
    cell_spill: Words
    planning: Array
    """beside `cells`, same slots"""
    reservations: Array
    reservation_buckets: Words
    reservation_spill: Words
    lines: Array
    sources: Array
    source_buckets: Words
    source_spill: Words
    operations: Array
    operation_buckets: Words
    operation_spill: Words
    ids: Array
    """a ring in order of arrival"""
    id_buckets: Words
    id_spill: Words
    id_times: npt.NDArray[np.int64]
    """per ID_BLOCK of the ring: when its newest id came, ms"""
    deadlines: Array
    """a binary heap by (at_ms, ordinal), from place 1"""
    warehouses: Array
    channels: Array
    channel_ranks: npt.NDArray[np.int16]
    """[channel, warehouse]: place in the channel's list from 1, 0 = not in it"""
    clients: npt.NDArray[np.uint8]
    tables: npt.NDArray[np.int64]
    """[table, ...]: next fresh slot, bucket mask, next bucket to split, free list; entries; spill buckets used, free"""
    marks: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    plan: Array
    """scratch: what the group being decided will take"""
    hints: Array
    """scratch, by row % HINTS_N: where the row's SKU, cell and reservation probably are"""
    touched: npt.NDArray[np.uint32]
    """scratch: cells with an alert or a reorder point that the batch being decided has changed, in order"""

    @property
    def memory(self) -> np.void:
        """MEMORY: where each array lies and how long it is. Valid as long as this object lives."""
        record = np.zeros(1, MEMORY)
        for name in ARRAYS:
            array = getattr(self, name)
            record[name] = array.ctypes.data
            record[name + "_n"] = len(array)
        return cast(np.void, record[0])


ARRAYS: Final = tuple(field.name for field in fields(State))
MEMORY: Final = np.dtype([(name, "<u8") for name in ARRAYS] + [(name + "_n", "<i8") for name in ARRAYS])


class Reserve(Protocol):
    """Where a table's memory comes from."""

    def __call__(self, dtype: "np.dtype[np.void] | type[np.generic]", count: int) -> npt.NDArray[Any]:
        """`count` zero records whose memory is taken from the system only when touched."""
        ...


def reserve_array(dtype: "np.dtype[np.void] | type[np.generic]", count: int) -> npt.NDArray[Any]:
    """`count` zero records in memory of this process alone: see Reserve."""
    size = max(1, np.dtype(dtype).itemsize * count)
    if size >= _HUGE:
        size = -(-size // _HUGE_PAGE) * _HUGE_PAGE  # which the system then lays where huge pages begin
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
    memory = mmap.mmap(-1, size, flags=flags)
    if size >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        # Random access to gigabytes: with 4 KB pages half of a row's time goes into finding the pages.
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype, count)


def _power_of_two(count: int) -> int:
    return max(_FIRST_BUCKETS, 1 << (count - 1).bit_length())


def movements_room(limits: Limits) -> int:
    """How many movements the rows of a batch, and what expires before them, have room for."""
    return max(limits.movements_max, 4 * limits.batch_rows_max)


def make_state(limits: Limits, reserve: Reserve = reserve_array) -> State:
    """An empty shard's memory."""

    def buckets(count: int) -> npt.NDArray[np.uint64]:
        return reserve(np.uint64, 8 * _power_of_two(count // 3)).reshape(-1, 8)

    def spill(count: int) -> npt.NDArray[np.uint64]:
        return reserve(np.uint64, 8 * (count // 7 + _FIRST_BUCKETS)).reshape(-1, 8)

    tables = reserve(np.int64, 7 * TABLE_COLUMNS).reshape(7, TABLE_COLUMNS)
    tables[:, USED] = 1
    for table in _HASHED:
        tables[table, MASK] = _FIRST_BUCKETS - 1
    bounds = np.array([limits.quantity_max, limits.stock_max, limits.ttl_s_max, limits.id_window_ms], np.int64)
    return State(
        skus=reserve(SKU, limits.skus_max + 1),
        sku_buckets=buckets(limits.skus_max),
        sku_spill=spill(limits.skus_max),
        cells=reserve(CELL, limits.cells_max + 1),
        cell_buckets=buckets(limits.cells_max),
        cell_spill=spill(limits.cells_max),
        planning=reserve(PLANNING, limits.cells_max + 1),
        reservations=reserve(RESERVATION, limits.reservations_max + 1),
        reservation_buckets=buckets(limits.reservations_max),
        reservation_spill=spill(limits.reservations_max),
        lines=reserve(HELD_LINE, limits.lines_max + 1),
        sources=reserve(SOURCE, limits.sources_max + 1),
        source_buckets=buckets(limits.sources_max),
        source_spill=spill(limits.sources_max),
        operations=reserve(OPERATION, limits.operations_max + 1),
        operation_buckets=buckets(limits.operations_max),
        operation_spill=spill(limits.operations_max),
        ids=reserve(ID, -(-limits.ids_max // ID_BLOCK) * ID_BLOCK + 1),
        id_buckets=buckets(limits.ids_max),
        id_spill=spill(limits.ids_max),
        id_times=reserve(np.int64, limits.ids_max // ID_BLOCK + 2),
        deadlines=reserve(DEADLINE, limits.reservations_max + 1),
        warehouses=reserve(WAREHOUSE, limits.warehouses_max),
        channels=reserve(CHANNEL, limits.channels_max),
        channel_ranks=reserve(np.int16, limits.channels_max * limits.warehouses_max).reshape(
            limits.channels_max, limits.warehouses_max
        ),
        clients=reserve(np.uint8, limits.clients_max),
        tables=tables,
        marks=reserve(np.int64, MARKS_N),
        bounds=bounds,
        plan=reserve(PLAN, PLAN_MAX),
        hints=np.zeros(HINTS_N, HINT),
        touched=reserve(np.uint32, max(movements_room(limits), ALERT_SCAN_CELLS)),
    )
