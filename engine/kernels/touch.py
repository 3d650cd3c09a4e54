"""Brings what the next rows will need into the cache, many misses at a time.

Deciding a row would wait for four or five cache lines one after another, each 100 ns away in a table of a million
cells. These loops ask for the lines of many rows at once and wait for none: bucket, then record, then what the record
points to. What they find on the way they leave as hints; whoever uses one compares the key.
"""

from engine.kernels.jit import Row, Rows, i64, inlined, jit
from engine.kernels.memory import (
    Memory,
    cell_buckets_of,
    cells_of,
    deadlines_of,
    hints_of,
    id_buckets_of,
    lines_of,
    prefetch,
    reservation_buckets_of,
    reservations_of,
    sku_buckets_of,
    skus_of,
    tables_of,
)
from engine.kernels.table import bucket_of, probable, spread
from engine.layout import NO_WAREHOUSE
from engine.state import CELLS, HINTS_N, IDS, RESERVATIONS, SKUS


@inlined
def hint_of(st: Memory, r: int) -> Row:
    """What is known beforehand of row `r`: slots that may be wrong or 0."""
    return hints_of(st)[r & (HINTS_N - 1)]


@inlined
def touch_ids(st: Memory, rows: Rows, start: int, end: int) -> None:
    """Ask for where the ids of rows [start, end) are looked up."""
    for r in range(start, end):
        prefetch(id_buckets_of(st), bucket_of(tables_of(st)[IDS], spread(i64(rows[r].id_lo))))


@jit
def touch(st: Memory, rows: Rows, start: int, end: int) -> None:
    """Ask for what `rows` [start, end) will look at; at most HINTS_N of them. Rows may be commands or movements."""
    for r in range(start, end):
        sku_key = rows[r].sku_key
        if sku_key != 0:
            prefetch(sku_buckets_of(st), bucket_of(tables_of(st)[SKUS], spread(sku_key)))
        reservation = i64(rows[r].reservation)
        if reservation != 0:
            prefetch(reservation_buckets_of(st), bucket_of(tables_of(st)[RESERVATIONS], spread(reservation)))
    for r in range(start, end):
        hint = hint_of(st, r)
        sku = i64(0)
        if rows[r].sku_key != 0:
            sku = probable(sku_buckets_of(st), tables_of(st)[SKUS], rows[r].sku_key)
            prefetch(skus_of(st), sku)
        hint.sku = sku
        reservation = i64(0)
        if rows[r].reservation != 0:
            reservation = probable(reservation_buckets_of(st), tables_of(st)[RESERVATIONS], i64(rows[r].reservation))
            prefetch(reservations_of(st), reservation)
            prefetch(reservations_of(st), reservation + 1)
        hint.reservation = reservation
    for r in range(start, end):
        hint = hint_of(st, r)
        sku = i64(hint.sku)
        cell = i64(0)
        if sku != 0:
            if rows[r].warehouse == NO_WAREHOUSE:
                cell = i64(skus_of(st)[sku].first_cell)
                prefetch(cells_of(st), cell)
            else:
                h = spread(sku << 16 | i64(rows[r].warehouse))
                prefetch(cell_buckets_of(st), bucket_of(tables_of(st)[CELLS], h))
        hint.cell = cell
        reservation = i64(hint.reservation)
        line = i64(0)
        if reservation != 0:
            line = i64(reservations_of(st)[reservation].first_line)
            prefetch(lines_of(st), line)
            prefetch(deadlines_of(st), i64(reservations_of(st)[reservation].heap_at))
        hint.line = line
    for r in range(start, end):
        hint = hint_of(st, r)
        if hint.sku != 0 and rows[r].warehouse != NO_WAREHOUSE:
            key = i64(hint.sku) << 16 | i64(rows[r].warehouse)
            cell = probable(cell_buckets_of(st), tables_of(st)[CELLS], key)
            prefetch(cells_of(st), cell)
            hint.cell = cell
        if hint.line != 0:
            prefetch(cells_of(st), i64(lines_of(st)[i64(hint.line)].cell))
