"""Definitions: the shard's own copy of what it needs to know of SKUs, warehouses, channels and clients.

Only the documents writer sends them. They make no movements; replay runs the same functions again on the
rows that were answered OK.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.cells import chain_all_again, warehouse_known, warehouse_of
from engine.kernels.jit import jit
from engine.kernels.table import find, link, take
from engine.kinds import Flag, Kind
from engine.outcomes import Outcome
from engine.state import CELLS, CHANNEL_ALL, CHANNEL_LIST, SKUS, USED, State

Rows = npt.NDArray[np.void]
_OK = int(Outcome.OK)
_UNKNOWN_SKU = int(Outcome.UNKNOWN_SKU)
_UNKNOWN_WAREHOUSE = int(Outcome.UNKNOWN_WAREHOUSE)
_UNKNOWN_CHANNEL = int(Outcome.UNKNOWN_CHANNEL)
_INVALID_QUANTITY = int(Outcome.INVALID_QUANTITY)
_CONFLICT = int(Outcome.CONFLICT)
_LIMIT_EXCEEDED = int(Outcome.LIMIT_EXCEEDED)
_ARCHIVED = int(Flag.ARCHIVED)
_ALL_WAREHOUSES = int(Flag.ALL_WAREHOUSES)
_DEFINE_SKU = int(Kind.DEFINE_SKU)
_DEFINE_WAREHOUSE = int(Kind.DEFINE_WAREHOUSE)
_DEFINE_CHANNEL = int(Kind.DEFINE_CHANNEL)
_DEFINE_CHANNEL_WAREHOUSE = int(Kind.DEFINE_CHANNEL_WAREHOUSE)


@jit
def _is_bare(st: State, cell: int) -> bool:
    record = st.cells[cell]
    return record.on_hand == 0 and record.reserved == 0 and record.incoming == 0


@jit
def _define_sku(st: State, row: np.void) -> int:
    slot = find(st.skus, st.sku_heads, st.tables[SKUS], row.sku_key)
    if (row.flags & _ARCHIVED) != 0:
        if slot == 0:
            return _UNKNOWN_SKU
        cell = np.int64(st.skus[slot].first_cell)
        while cell != 0:
            if not _is_bare(st, cell):
                return _CONFLICT
            cell = np.int64(st.cells[cell].next_in_sku)
        st.skus[slot].archived = 1
        return _OK
    if row.quantity < 0 or row.quantity > 3:
        return _INVALID_QUANTITY
    if slot == 0:
        slot = take(st.skus, st.tables[SKUS])
        if slot == 0:
            return _LIMIT_EXCEEDED
        st.skus[slot].key = row.sku_key
        link(st.skus, st.sku_heads, st.tables[SKUS], slot, st.tables[SKUS, USED])
    elif st.skus[slot].first_cell != 0 and st.skus[slot].decimals != row.quantity:
        return _CONFLICT
    st.skus[slot].decimals = row.quantity
    st.skus[slot].archived = 0
    return _OK


@jit
def _rank_warehouses(st: State) -> None:
    """Number the warehouses in order of (priority, number), for the lists of cells."""
    for w in range(st.warehouses.shape[0]):
        if st.warehouses[w].kind != 0:
            rank = 0
            for other in range(st.warehouses.shape[0]):
                if st.warehouses[other].kind != 0 and (
                    st.warehouses[other].priority < st.warehouses[w].priority
                    or (st.warehouses[other].priority == st.warehouses[w].priority and other < w)
                ):
                    rank += 1
            st.warehouses[w].rank = rank


@jit
def _define_warehouse(st: State, row: np.void) -> int:
    warehouse = np.int64(row.warehouse)
    if warehouse >= st.warehouses.shape[0]:
        return _LIMIT_EXCEEDED
    record = st.warehouses[warehouse]
    if (row.flags & _ARCHIVED) != 0:
        if record.kind == 0:
            return _UNKNOWN_WAREHOUSE
        for cell in range(1, st.tables[CELLS, USED]):
            if warehouse_of(st, cell) == warehouse and not _is_bare(st, cell):
                return _CONFLICT
        record.archived = 1
        return _OK
    if row.place_kind == 0:
        return _INVALID_QUANTITY
    new = record.kind == 0
    moved = record.priority != row.priority
    record.kind = row.place_kind
    record.archived = 0
    record.priority = row.priority
    if new or moved:
        _rank_warehouses(st)
    if moved and not new:
        chain_all_again(st)
    return _OK


@jit
def _define_channel(st: State, row: np.void) -> int:
    channel = np.int64(row.channel)
    if channel >= st.channels.shape[0]:
        return _LIMIT_EXCEEDED
    record = st.channels[channel]
    if (row.flags & _ARCHIVED) != 0:
        if record.mode == 0:
            return _UNKNOWN_CHANNEL
        record.archived = 1
        return _OK
    record.mode = CHANNEL_ALL if (row.flags & _ALL_WAREHOUSES) != 0 else CHANNEL_LIST
    record.archived = 0
    for w in range(st.channel_ranks.shape[1]):
        st.channel_ranks[channel, w] = 0
    return _OK


@jit
def _define_channel_warehouse(st: State, row: np.void) -> int:
    channel = np.int64(row.channel)
    warehouse = np.int64(row.warehouse)
    if channel >= st.channels.shape[0] or st.channels[channel].mode == 0:
        return _UNKNOWN_CHANNEL
    if not warehouse_known(st, warehouse):
        return _UNKNOWN_WAREHOUSE
    st.channel_ranks[channel, warehouse] = row.priority + 1
    return _OK


@jit
def define(st: State, row: np.void) -> int:
    """Carry out one definition row; returns its outcome."""
    if row.kind == _DEFINE_SKU:
        return _define_sku(st, row)
    if row.kind == _DEFINE_WAREHOUSE:
        return _define_warehouse(st, row)
    if row.kind == _DEFINE_CHANNEL:
        return _define_channel(st, row)
    if row.kind == _DEFINE_CHANNEL_WAREHOUSE:
        return _define_channel_warehouse(st, row)
    if np.int64(row.client) >= st.clients.shape[0]:
        return _LIMIT_EXCEEDED
    st.clients[np.int64(row.client)] = 1
    return _OK
