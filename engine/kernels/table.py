"""Linear hashing over records with `key` and `next`: one bucket is split per insert, nothing is ever rehashed.

Source: W. Litwin, "Linear hashing: a new tool for file and table addressing" (1980). Records keep their slot
for life; only the chains move. A table is (records, heads, tables[t]); slot 0 means none.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit
from engine.state import FREE, MASK, SPLIT, USED

U64 = np.uint64
_MIX1, _MIX2 = U64(0xFF51AFD7ED558CCD), U64(0xC4CEB9FE1A85EC53)
_33 = U64(33)

Records = npt.NDArray[np.void]
Heads = npt.NDArray[np.uint32]
Table = npt.NDArray[np.int64]


@jit
def spread(key: int) -> int:
    """A well-mixed non-negative number from any 64-bit key (the finaliser of MurmurHash3)."""
    h = U64(key)
    h = (h ^ (h >> _33)) * _MIX1
    h = (h ^ (h >> _33)) * _MIX2
    h = h ^ (h >> _33)
    return np.int64(h >> U64(1))


@jit
def bucket_of(table: Table, key: int) -> int:
    """The bucket that holds `key` now."""
    h = spread(key)
    bucket = h & table[MASK]
    if bucket < table[SPLIT]:
        bucket = h & (2 * table[MASK] + 1)
    return bucket


@jit
def find(records: Records, heads: Heads, table: Table, key: int) -> int:
    """The slot of `key`, or 0."""
    slot = np.int64(heads[bucket_of(table, key)])
    while slot != 0 and records[slot].key != key:
        slot = np.int64(records[slot].next)
    return slot


@jit
def _split(records: Records, heads: Heads, table: Table) -> None:
    low = table[SPLIT]
    wide = 2 * table[MASK] + 1
    high = low + table[MASK] + 1
    if high >= heads.shape[0]:
        return  # at the limit: chains grow a little instead
    slot = np.int64(heads[low])
    heads[low] = 0
    while slot != 0:
        following = np.int64(records[slot].next)
        bucket = spread(records[slot].key) & wide
        records[slot].next = heads[bucket]
        heads[bucket] = slot
        slot = following
    table[SPLIT] = low + 1
    if table[SPLIT] > table[MASK]:
        table[MASK] = wide
        table[SPLIT] = 0


@jit
def link(records: Records, heads: Heads, table: Table, slot: int, entries_n: int) -> None:
    """Put record `slot`, whose key is set, into its bucket; `entries_n`: records linked so far."""
    if entries_n > table[MASK] + table[SPLIT]:
        _split(records, heads, table)
    bucket = bucket_of(table, records[slot].key)
    records[slot].next = heads[bucket]
    heads[bucket] = slot


@jit
def unlink(records: Records, heads: Heads, table: Table, slot: int) -> None:
    """Take record `slot` out of its bucket."""
    bucket = bucket_of(table, records[slot].key)
    at = np.int64(heads[bucket])
    if at == slot:
        heads[bucket] = records[slot].next
        return
    while at != 0:
        following = np.int64(records[at].next)
        if following == slot:
            records[at].next = records[slot].next
            return
        at = following


@jit
def take(records: Records, table: Table) -> int:
    """A free slot, or 0 when the table is full. The record may hold what it held before."""
    slot = table[FREE]
    if slot != 0:
        table[FREE] = np.int64(records[slot].next)
        return slot
    slot = table[USED]
    if slot >= records.shape[0]:
        return 0
    table[USED] = slot + 1
    return slot


@jit
def give_back(records: Records, table: Table, slot: int) -> None:
    """Put an unlinked slot on the free list."""
    records[slot].next = table[FREE]
    table[FREE] = slot


@jit
def has_room(records: Records, table: Table, count: int) -> bool:
    """Whether `count` fresh slots are left; freed slots are not counted, which errs on the safe side."""
    return table[USED] + count <= records.shape[0]
