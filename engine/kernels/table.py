"""Linear hashing over records with a `key`: one bucket is split now and then, nothing is ever rehashed.

Source: W. Litwin, "Linear hashing: a new tool for file and table addressing" (1980). A bucket is a cache line
of eight words: seven entries (32 bits of hash above the record's slot, packed from the left) and the number
of the bucket it spills into. So a miss costs one line and no record, a hit one line and the record, and a
split, which goes through the buckets in order, needs no record at all. Rows keep their slot for life.
A table is (records, buckets, spill, tables[t]); slot 0 means none.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import Rows, i64, inlined, inner, jit, u64
from engine.kernels.machine import entries_in, prefetch, slot_with
from engine.state import FREE, LINKED, MASK, SPILL_FREE, SPILL_USED, SPLIT, USED

_MIX1, _MIX2 = u64(0xFF51AFD7ED558CCD), u64(0xC4CEB9FE1A85EC53)
_32, _33 = u64(32), u64(33)
_SLOT = u64(0xFFFFFFFF)
_ENTRIES = 7
_LINK = 7
_SPLITS_AHEAD = 4

Buckets = npt.NDArray[np.uint64]
Table = npt.NDArray[np.int64]


@inlined
def spread(key: int) -> int:
    """32 well-mixed bits of any 64-bit key, as a non-negative number (the finaliser of MurmurHash3)."""
    h = u64(key)
    h = (h ^ (h >> _33)) * _MIX1
    h = (h ^ (h >> _33)) * _MIX2
    return i64(h >> _32)


@inlined
def bucket_of(table: Table, h: int) -> int:
    """The bucket of a hash now."""
    bucket = h & table[MASK]
    if bucket < table[SPLIT]:
        bucket = h & (2 * table[MASK] + 1)
    return bucket


@inlined
def find(records: Rows, buckets: Buckets, spill: Buckets, table: Table, key: int) -> int:
    """The slot of `key`, or 0."""
    h = spread(key)
    bucket = bucket_of(table, h)
    slot = slot_with(buckets, bucket, h)
    if slot != 0:
        if records[slot].key == key:
            return slot
        return _find_twin(records, buckets, spill, bucket, key, h)
    if buckets[bucket, _LINK] == 0:
        return 0
    return _find_spilled(records, spill, i64(buckets[bucket, _LINK]), key, h)


@inlined
def probable(buckets: Buckets, table: Table, key: int) -> int:
    """The slot where `key` most probably is, or 0: looks at its bucket alone, so it waits for one line at most."""
    h = spread(key)
    return slot_with(buckets, bucket_of(table, h), h)


@jit
def _find_twin(records: Rows, buckets: Buckets, spill: Buckets, bucket: int, key: int, h: int) -> int:
    """Two keys of this bucket share 32 bits of hash: compare the keys."""
    for k in range(_ENTRIES):
        entry = buckets[bucket, k]
        if entry != 0 and i64(entry >> _32) == h:
            slot = i64(entry & _SLOT)
            if records[slot].key == key:
                return slot
    return _find_spilled(records, spill, i64(buckets[bucket, _LINK]), key, h)


@jit
def _find_spilled(records: Rows, spill: Buckets, bucket: int, key: int, h: int) -> int:
    while bucket != 0:
        for k in range(_ENTRIES):
            entry = spill[bucket, k]
            if entry == 0:
                break
            if i64(entry >> _32) == h:
                slot = i64(entry & _SLOT)
                if records[slot].key == key:
                    return slot
        bucket = i64(spill[bucket, _LINK])
    return 0


@jit
def _put_spilled(buckets: Buckets, spill: Buckets, table: Table, bucket: int, entry: int) -> None:
    at = i64(buckets[bucket, _LINK])
    while at != 0:
        for k in range(_ENTRIES):
            if spill[at, k] == 0:
                spill[at, k] = entry
                return
        at = i64(spill[at, _LINK])
    fresh = table[SPILL_FREE]
    if fresh != 0:
        table[SPILL_FREE] = i64(spill[fresh, _LINK])
    else:
        table[SPILL_USED] += 1
        fresh = table[SPILL_USED]
    spill[fresh, 0] = entry
    spill[fresh, _LINK] = buckets[bucket, _LINK]
    buckets[bucket, _LINK] = fresh


@inner
def _put(buckets: Buckets, spill: Buckets, table: Table, bucket: int, entry: int) -> None:
    used = entries_in(buckets, bucket)
    if used < _ENTRIES:
        buckets[bucket, used] = entry
    else:
        _put_spilled(buckets, spill, table, bucket, entry)


@jit
def _split(buckets: Buckets, spill: Buckets, table: Table, most: int) -> None:
    """Divide the next bucket in two; its spilled entries come back into line where they can."""
    low = table[SPLIT]
    wide = 2 * table[MASK] + 1
    high = low + table[MASK] + 1
    if high >= most:
        return  # at the limit: buckets spill more instead
    table[SPLIT] = low + 1
    # Its turn comes in four or so insertions; in a table of its size nobody else has them near.
    prefetch(buckets, low + _SPLITS_AHEAD)
    prefetch(buckets, high + _SPLITS_AHEAD)
    # Which way an entry goes cannot be guessed: it is written to both, and what counts is where the next one goes.
    kept = i64(0)
    moved = i64(0)
    for k in range(_ENTRIES):
        entry = buckets[low, k]
        stays = i64((i64(entry >> _32) & wide) == low)
        buckets[low, kept] = entry
        buckets[high, moved] = entry
        kept += stays
        moved += 1 - stays
    for k in range(_ENTRIES):
        if k >= kept:
            buckets[low, k] = 0
        if k >= moved:
            buckets[high, k] = 0
    at = i64(buckets[low, _LINK])
    buckets[low, _LINK] = 0
    while at != 0:
        for k in range(_ENTRIES):
            entry = spill[at, k]
            if entry != 0:
                spill[at, k] = 0
                _put(buckets, spill, table, i64(entry >> _32) & wide, entry)
        following = i64(spill[at, _LINK])
        spill[at, _LINK] = table[SPILL_FREE]
        table[SPILL_FREE] = at
        at = following
    if table[SPLIT] > table[MASK]:
        table[MASK] = wide
        table[SPLIT] = 0


@inlined
def link(buckets: Buckets, spill: Buckets, table: Table, slot: int, key: int, most: int) -> None:
    """Enter record `slot` under `key`; splits a bucket when there are more than 3.5 entries for each of at `most`."""
    table[LINKED] += 1
    if 2 * table[LINKED] > 7 * (table[MASK] + 1 + table[SPLIT]):
        _split(buckets, spill, table, most)
    h = spread(key)
    _put(buckets, spill, table, bucket_of(table, h), u64(h) << _32 | u64(slot))


@jit
def unlink(buckets: Buckets, spill: Buckets, table: Table, slot: int, key: int) -> None:
    """Take record `slot` out; the last entry of its bucket takes its place, so that entries stay packed."""
    h = spread(key)
    entry = u64(h) << _32 | u64(slot)
    bucket = bucket_of(table, h)
    table[LINKED] -= 1
    found = -1
    last = -1
    for k in range(_ENTRIES):
        if buckets[bucket, k] == entry:
            found = k
        if buckets[bucket, k] != 0:
            last = k
    if found >= 0:
        buckets[bucket, found] = buckets[bucket, last]
        buckets[bucket, last] = 0
        return
    at = i64(buckets[bucket, _LINK])
    while at != 0:
        found = -1
        last = -1
        for k in range(_ENTRIES):
            if spill[at, k] == entry:
                found = k
            if spill[at, k] != 0:
                last = k
        if found >= 0:
            spill[at, found] = spill[at, last]
            spill[at, last] = 0
            return
        at = i64(spill[at, _LINK])


@jit
def take(records: Rows, table: Table, end: int) -> int:
    """A free slot before `end`, or 0 when the table is full. The record may hold what it held before."""
    slot = table[FREE]
    if slot != 0:
        table[FREE] = i64(records[slot].next)
        return slot
    slot = table[USED]
    if slot >= end:
        return 0
    table[USED] = slot + 1
    return slot


@jit
def give_back(records: Rows, table: Table, slot: int) -> None:
    """Put an unlinked slot on the free list."""
    records[slot].next = table[FREE]
    table[FREE] = slot
