"""Which command ids are known: a ring in order of arrival, found by hash, forgotten from its old end.

An entry is (128-bit hash, fingerprint of the content, position of the answer). An id is remembered for
`ID_WINDOW_MS` after the newest of its block came, which the time alone decides; when its entry is taken out of
the ring changes no answer. A full ring refuses work instead of forgetting earlier.
"""

from engine.kernels.jit import i64, inlined, inner, jit, u64
from engine.kernels.memory import (
    Memory,
    bounds_of,
    id_buckets_end,
    id_buckets_of,
    id_spill_of,
    id_times_of,
    ids_end,
    ids_of,
    marks_of,
    tables_of,
)
from engine.kernels.table import find, link, unlink
from engine.state import ID_BLOCK, ID_WINDOW_MS, IDS, IDS_FORGOTTEN, IDS_MADE


@inner
def _is_over(st: Memory, slot: int, now_ms: int) -> bool:
    """Whether the id is older than the window: the newest of its block is."""
    return now_ms - id_times_of(st)[(slot - 1) // ID_BLOCK] > bounds_of(st)[ID_WINDOW_MS]


@inlined
def entry_of(st: Memory, lo: int) -> int:
    """The slot of the entry with these 64 bits, remembered or over, or 0."""
    return find(ids_of(st), id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], i64(lo))


@inner
def is_remembered(st: Memory, slot: int, hi: int, now_ms: int) -> bool:
    """Whether `slot`, from `entry_of`, holds the id and still counts.

    Two ids that share 64 bits but not the other 64 are told apart here: the later one is not found and never
    remembered, which one pair in 2^64 has to live with.
    """
    return slot != 0 and ids_of(st)[slot].hi == hi and not _is_over(st, slot, now_ms)


@jit
def find_id(st: Memory, hi: int, lo: int, now_ms: int) -> int:
    """The slot of an id that is remembered at `now_ms`, or 0."""
    slot = entry_of(st, lo)
    return slot if is_remembered(st, slot, hi, now_ms) else 0


@inlined
def ids_room(st: Memory) -> int:
    """How many more ids fit."""
    return ids_end(st) - 1 - (marks_of(st)[IDS_MADE] - marks_of(st)[IDS_FORGOTTEN])


@jit
def make_ids_room(st: Memory, count: int, now_ms: int) -> bool:
    """Whether `count` more ids fit, after forgetting what is older than the window if need be."""
    if ids_room(st) < count:
        forget_old(st, now_ms, count + ID_BLOCK)
    return ids_room(st) >= count


@inlined
def remember(st: Memory, hi: int, lo: int, content: int, position: int, now_ms: int, old: int) -> None:
    """Add an id that is not known; `old` is its `entry_of`. The caller has checked `ids_room`."""
    if old != 0 and _is_over(st, old, now_ms):
        # The same id came again after the window: only the new entry is to be found.
        unlink(id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], old, i64(lo))
        ids_of(st)[old].position = 0
    place = marks_of(st)[IDS_MADE] % (ids_end(st) - 1)
    slot = 1 + place
    ids_of(st)[slot].key = i64(lo)
    ids_of(st)[slot].hi = hi
    ids_of(st)[slot].content = content
    ids_of(st)[slot].position = u64(position)
    link(id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], slot, i64(lo), id_buckets_end(st))
    id_times_of(st)[place // ID_BLOCK] = now_ms
    marks_of(st)[IDS_MADE] += 1


@jit
def forget_newest(st: Memory, count: int) -> None:
    """Take back the last `count` ids: their rows were not decided after all."""
    for _ in range(count):
        marks_of(st)[IDS_MADE] -= 1
        slot = 1 + marks_of(st)[IDS_MADE] % (ids_end(st) - 1)
        unlink(id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], slot, ids_of(st)[slot].key)


@jit
def forget_old(st: Memory, now_ms: int, most: int) -> None:
    """Forget at most `most` ids, whole blocks whose newest is older than the window, oldest first."""
    capacity = ids_end(st) - 1
    done = 0
    while done < most and marks_of(st)[IDS_FORGOTTEN] < marks_of(st)[IDS_MADE]:
        place = marks_of(st)[IDS_FORGOTTEN] % capacity
        if now_ms - id_times_of(st)[place // ID_BLOCK] <= bounds_of(st)[ID_WINDOW_MS]:
            return
        if ids_of(st)[1 + place].position != 0:
            unlink(id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], 1 + place, ids_of(st)[1 + place].key)
        marks_of(st)[IDS_FORGOTTEN] += 1
        done += 1
