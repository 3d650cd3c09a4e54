"""Definitions: the shard's own copy of what it needs to know of SKUs, warehouses, channels and clients.

Only the documents writer sends them. They make no movements; replay runs the same functions again on the
rows that were answered OK.
"""

from engine.kernels.cells import chain_all_again, warehouse_known, warehouse_of
from engine.kernels.jit import Row, Rows, i64, jit
from engine.kernels.memory import (
    Memory,
    cells_of,
    channel_ranks_of,
    channels_of,
    clients_of,
    sku_buckets_end,
    sku_buckets_of,
    sku_spill_of,
    skus_end,
    skus_of,
    tables_of,
    warehouses_of,
)
from engine.kernels.table import find, link, take
from engine.kinds import Flag, Kind
from engine.outcomes import Outcome
from engine.state import CELLS, CHANNEL_ALL, CHANNEL_LIST, SKUS, USED

_OK = i64(Outcome.OK)
_UNKNOWN_SKU = i64(Outcome.UNKNOWN_SKU)
_UNKNOWN_WAREHOUSE = i64(Outcome.UNKNOWN_WAREHOUSE)
_UNKNOWN_CHANNEL = i64(Outcome.UNKNOWN_CHANNEL)
_INVALID_QUANTITY = i64(Outcome.INVALID_QUANTITY)
_CONFLICT = i64(Outcome.CONFLICT)
_GROUP_FAILED = i64(Outcome.GROUP_FAILED)
_LIMIT_EXCEEDED = i64(Outcome.LIMIT_EXCEEDED)
_ARCHIVED = i64(Flag.ARCHIVED)
_ALL_WAREHOUSES = i64(Flag.ALL_WAREHOUSES)
_DEFINE_SKU = i64(Kind.DEFINE_SKU)
_DEFINE_WAREHOUSE = i64(Kind.DEFINE_WAREHOUSE)
_DEFINE_CHANNEL = i64(Kind.DEFINE_CHANNEL)
_DEFINE_CHANNEL_WAREHOUSE = i64(Kind.DEFINE_CHANNEL_WAREHOUSE)


@jit
def _is_bare(st: Memory, cell: int) -> bool:
    record = cells_of(st)[cell]
    return record.on_hand == 0 and record.reserved == 0 and record.incoming == 0


@jit
def _define_sku(st: Memory, row: Row) -> int:
    slot = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], row.sku_key)
    if (row.flags & _ARCHIVED) != 0:
        if slot == 0:
            return _UNKNOWN_SKU
        cell = i64(skus_of(st)[slot].first_cell)
        while cell != 0:
            if not _is_bare(st, cell):
                return _CONFLICT
            cell = i64(cells_of(st)[cell].next_in_sku)
        skus_of(st)[slot].archived = 1
        return _OK
    if row.quantity < 0 or row.quantity > 3:
        return _INVALID_QUANTITY
    if slot == 0:
        slot = take(skus_of(st), tables_of(st)[SKUS], skus_end(st))
        if slot == 0:
            return _LIMIT_EXCEEDED
        skus_of(st)[slot].key = row.sku_key
        link(sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], slot, row.sku_key, sku_buckets_end(st))
    elif skus_of(st)[slot].first_cell != 0 and skus_of(st)[slot].decimals != row.quantity:
        return _CONFLICT
    skus_of(st)[slot].decimals = row.quantity
    skus_of(st)[slot].archived = 0
    return _OK


@jit
def _rank_warehouses(st: Memory) -> None:
    """Number the warehouses in order of (priority, number), for the lists of cells."""
    for w in range(warehouses_of(st).shape[0]):
        if warehouses_of(st)[w].kind != 0:
            rank = 0
            for other in range(warehouses_of(st).shape[0]):
                if warehouses_of(st)[other].kind != 0 and (
                    warehouses_of(st)[other].priority < warehouses_of(st)[w].priority
                    or (warehouses_of(st)[other].priority == warehouses_of(st)[w].priority and other < w)
                ):
                    rank += 1
            warehouses_of(st)[w].rank = rank


@jit
def _define_warehouse(st: Memory, row: Row) -> int:
    warehouse = i64(row.warehouse)
    if warehouse >= warehouses_of(st).shape[0]:
        return _LIMIT_EXCEEDED
    record = warehouses_of(st)[warehouse]
    if (row.flags & _ARCHIVED) != 0:
        if record.kind == 0:
            return _UNKNOWN_WAREHOUSE
        for cell in range(1, tables_of(st)[CELLS, USED]):
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
def _define_channel(st: Memory, row: Row) -> int:
    channel = i64(row.channel)
    if channel >= channels_of(st).shape[0]:
        return _LIMIT_EXCEEDED
    record = channels_of(st)[channel]
    if (row.flags & _ARCHIVED) != 0:
        if record.mode == 0:
            return _UNKNOWN_CHANNEL
        record.archived = 1
        return _OK
    record.mode = CHANNEL_ALL if (row.flags & _ALL_WAREHOUSES) != 0 else CHANNEL_LIST
    record.archived = 0
    for w in range(channel_ranks_of(st).shape[1]):
        channel_ranks_of(st)[channel, w] = 0
    return _OK


@jit
def _define_channel_warehouse(st: Memory, row: Row) -> int:
    channel = i64(row.channel)
    warehouse = i64(row.warehouse)
    if channel >= channels_of(st).shape[0] or channels_of(st)[channel].mode == 0:
        return _UNKNOWN_CHANNEL
    if not warehouse_known(st, warehouse):
        return _UNKNOWN_WAREHOUSE
    channel_ranks_of(st)[channel, warehouse] = row.priority + 1
    return _OK


@jit
def define(st: Memory, row: Row) -> int:
    """Carry out one definition row; returns its outcome."""
    if row.kind == _DEFINE_SKU:
        return _define_sku(st, row)
    if row.kind == _DEFINE_WAREHOUSE:
        return _define_warehouse(st, row)
    if row.kind == _DEFINE_CHANNEL:
        return _define_channel(st, row)
    if row.kind == _DEFINE_CHANNEL_WAREHOUSE:
        return _define_channel_warehouse(st, row)
    if i64(row.client) >= clients_of(st).shape[0]:
        return _LIMIT_EXCEEDED
    clients_of(st)[i64(row.client)] = 1
    return _OK


@jit
def define_channel_group(st: Memory, rows: Rows, results: Rows, i: int, end: int) -> None:
    """A channel with its list of warehouses, rows [i, end): all of it, or nothing when a warehouse is unknown."""
    stands = True
    for r in range(i + 1, end):
        if rows[r].kind != _DEFINE_CHANNEL_WAREHOUSE or rows[r].channel != rows[i].channel:
            results[r].outcome = _CONFLICT
            stands = False
        elif not warehouse_known(st, i64(rows[r].warehouse)):
            results[r].outcome = _UNKNOWN_WAREHOUSE
            stands = False
    for r in range(i, end):
        if stands:
            results[r].outcome = define(st, rows[r])
        elif results[r].outcome == 0:
            results[r].outcome = _GROUP_FAILED
