"""Which command ids are known: a ring in order of arrival, found by hash, forgotten from its old end.

An entry is (128-bit hash, fingerprint of the content, position of the answer). Ids stay at least
`ID_WINDOW_MS`; a full ring refuses work instead of forgetting earlier.
"""

from engine.kernels.jit import i64, inlined, jit, u64
from engine.kernels.memory import (
    Memory,
    bounds_of,
    id_buckets_of,
    id_spill_of,
    id_times_of,
    ids_of,
    marks_of,
    tables_of,
)
from engine.kernels.table import find, link, unlink
from engine.state import ID_BLOCK, ID_WINDOW_MS, IDS, IDS_FORGOTTEN, IDS_MADE


@inlined
def find_id(st: Memory, hi: int, lo: int) -> int:
    """The slot of an id, or 0."""
    slot = find(ids_of(st), id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], i64(lo))
    # Two ids that share these 64 bits but not the other 64 are told apart here: the later one is not found
    # and never remembered, which one pair in 2^64 has to live with.
    if slot != 0 and ids_of(st)[slot].hi != hi:
        return 0
    return slot


@jit
def ids_room(st: Memory) -> int:
    """How many more ids fit."""
    return ids_of(st).shape[0] - 1 - (marks_of(st)[IDS_MADE] - marks_of(st)[IDS_FORGOTTEN])


@jit
def remember(st: Memory, hi: int, lo: int, content: int, position: int, now_ms: int) -> None:
    """Add an id that is not known; the caller has checked `ids_room`."""
    place = marks_of(st)[IDS_MADE] % (ids_of(st).shape[0] - 1)
    slot = 1 + place
    ids_of(st)[slot].key = i64(lo)
    ids_of(st)[slot].hi = hi
    ids_of(st)[slot].content = content
    ids_of(st)[slot].position = u64(position)
    link(id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], slot, i64(lo))
    id_times_of(st)[place // ID_BLOCK] = now_ms
    marks_of(st)[IDS_MADE] += 1


@jit
def forget_newest(st: Memory, count: int) -> None:
    """Take back the last `count` ids: their rows were not decided after all."""
    for _ in range(count):
        marks_of(st)[IDS_MADE] -= 1
        slot = 1 + marks_of(st)[IDS_MADE] % (ids_of(st).shape[0] - 1)
        unlink(id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], slot, ids_of(st)[slot].key)


@jit
def forget_old(st: Memory, now_ms: int, most: int) -> None:
    """Forget at most `most` ids, whole blocks whose newest is older than the window, oldest first."""
    capacity = ids_of(st).shape[0] - 1
    done = 0
    while done < most and marks_of(st)[IDS_FORGOTTEN] < marks_of(st)[IDS_MADE]:
        place = marks_of(st)[IDS_FORGOTTEN] % capacity
        if now_ms - id_times_of(st)[place // ID_BLOCK] <= bounds_of(st)[ID_WINDOW_MS]:
            return
        unlink(id_buckets_of(st), id_spill_of(st), tables_of(st)[IDS], 1 + place, ids_of(st)[1 + place].key)
        marks_of(st)[IDS_FORGOTTEN] += 1
        done += 1
