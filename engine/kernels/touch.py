"""Brings what the next rows will need into the cache, many misses at a time.

Deciding a row waits for four or five cache lines one after another, each 100 ns away in a table of a million
cells. These loops ask for the lines of many rows at once, which the machine overlaps; the loop that decides
then finds them near. They change nothing.
"""

from engine.kernels.cells import find_cell
from engine.kernels.jit import Rows, i64, jit, u64
from engine.kernels.memory import (
    Memory,
    cell_buckets_of,
    cells_of,
    id_buckets_of,
    reservation_buckets_of,
    sku_buckets_of,
    sku_spill_of,
    skus_of,
    tables_of,
)
from engine.kernels.reservations import find_reservation
from engine.kernels.table import bucket_of, find, spread
from engine.layout import NO_WAREHOUSE
from engine.state import CELLS, IDS, RESERVATIONS, SKUS

TOUCH_ROWS = 128
"""rows brought near at a time: their lines fit the first-level cache's neighbour with room to spare"""


@jit
def touch(st: Memory, rows: Rows, start: int, end: int) -> int:
    """Load what rows [start, end) will look at; returns a number without meaning, so that nothing is left out."""
    seen = u64(0)
    for r in range(start, end):
        seen ^= id_buckets_of(st)[bucket_of(tables_of(st)[IDS], spread(i64(rows[r].id_lo))), 0]
        if rows[r].sku_key != 0:
            seen ^= sku_buckets_of(st)[bucket_of(tables_of(st)[SKUS], spread(rows[r].sku_key)), 0]
        if rows[r].reservation != 0:
            h = spread(i64(rows[r].reservation))
            seen ^= reservation_buckets_of(st)[bucket_of(tables_of(st)[RESERVATIONS], h), 0]
    total = i64(0)
    for r in range(start, end):
        if rows[r].sku_key != 0:
            sku = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], rows[r].sku_key)
            if rows[r].warehouse == NO_WAREHOUSE:
                total ^= cells_of(st)[i64(skus_of(st)[sku].first_cell)].key
            else:
                h = spread(sku << 16 | i64(rows[r].warehouse))
                seen ^= cell_buckets_of(st)[bucket_of(tables_of(st)[CELLS], h), 0]
        if rows[r].reservation != 0:
            total ^= find_reservation(st, rows[r].reservation)
    for r in range(start, end):
        if rows[r].sku_key != 0 and rows[r].warehouse != NO_WAREHOUSE:
            sku = find(skus_of(st), sku_buckets_of(st), sku_spill_of(st), tables_of(st)[SKUS], rows[r].sku_key)
            total ^= find_cell(st, sku, i64(rows[r].warehouse))
    return total ^ i64(seen)
