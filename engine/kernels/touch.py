"""Brings what the next rows will need into the cache, many misses at a time.

Deciding a row would wait for four or five cache lines one after another, each 100 ns away in a table of a million
cells. These loops ask for the lines of rows to come and wait for none: bucket, then record, then what the record
points to. Each of them is STEP rows ahead of the next, so that what one asked for is there when the next looks at it,
and rows are decided meanwhile. What they find on the way they leave as hints; whoever uses one compares the key.
"""

from engine.kernels.jit import Row, Rows, i64, inner, jit
from engine.kernels.machine import endless, prefetch
from engine.kernels.memory import (
    Memory,
    cell_buckets_of,
    cells_of,
    deadlines_of,
    hints_of,
    id_buckets_of,
    lines_of,
    reservation_buckets_of,
    reservations_of,
    sku_buckets_of,
    skus_of,
    tables_of,
)
from engine.kernels.table import bucket_of, probable, spread
from engine.layout import NO_WAREHOUSE
from engine.state import CELLS, HINTS_N, IDS, RESERVATIONS, SKUS

STEP = HINTS_N // 4
"""Rows of a loop; there are four of them."""
FIRST_STEP = -3 * STEP
"""Where `touch` begins: the first rows pass through all its loops before they are decided."""


@inner
def hint_of(st: Memory, r: int) -> Row:
    """What is known beforehand of row `r`: slots that may be wrong or 0."""
    return hints_of(st)[r & (HINTS_N - 1)]


@jit
def touch_ids(st: Memory, rows: Rows, at: int, n: int) -> None:
    """As `touch`, for where the rows' ids are looked up."""
    rows = endless(rows)
    for r in range(max(at + STEP, 0), min(at + 2 * STEP, n)):
        prefetch(id_buckets_of(st), bucket_of(tables_of(st)[IDS], spread(i64(rows[r].id_lo))))


@jit
def touch(st: Memory, rows: Rows, at: int, n: int) -> None:
    """Make ready rows [at, at + STEP) of `n`, and bring those behind them as much nearer.

    To be called with FIRST_STEP and then every STEP rows on. Rows may be commands or movements.
    """
    rows = endless(rows)
    _ask_buckets(st, rows, max(at + 3 * STEP, 0), min(at + 4 * STEP, n))
    _ask_records(st, rows, max(at + 2 * STEP, 0), min(at + 3 * STEP, n))
    _ask_cell_buckets(st, rows, max(at + STEP, 0), min(at + 2 * STEP, n))
    _ask_cells(st, rows, max(at, 0), min(at + STEP, n))


@inner
def _ask_buckets(st: Memory, rows: Rows, start: int, end: int) -> None:
    for r in range(start, end):
        sku_key = rows[r].sku_key
        if sku_key != 0:
            prefetch(sku_buckets_of(st), bucket_of(tables_of(st)[SKUS], spread(sku_key)))
        reservation = i64(rows[r].reservation)
        if reservation != 0:
            prefetch(reservation_buckets_of(st), bucket_of(tables_of(st)[RESERVATIONS], spread(reservation)))


@inner
def _ask_records(st: Memory, rows: Rows, start: int, end: int) -> None:
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
            if reservation != 0:
                prefetch(reservations_of(st), reservation)
                prefetch(reservations_of(st), reservation + 1)
        hint.reservation = reservation


@inner
def _ask_cell_buckets(st: Memory, rows: Rows, start: int, end: int) -> None:
    """Also asks for lines and deadlines, which as well are a step behind the records."""
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


@inner
def _ask_cells(st: Memory, rows: Rows, start: int, end: int) -> None:
    for r in range(start, end):
        hint = hint_of(st, r)
        if hint.sku != 0 and rows[r].warehouse != NO_WAREHOUSE:
            key = i64(hint.sku) << 16 | i64(rows[r].warehouse)
            cell = probable(cell_buckets_of(st), tables_of(st)[CELLS], key)
            prefetch(cells_of(st), cell)
            hint.cell = cell
        if hint.line != 0:
            prefetch(cells_of(st), i64(lines_of(st)[i64(hint.line)].cell))
