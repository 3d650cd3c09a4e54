"""Which command ids are known: a ring in order of arrival, found by hash, forgotten from its old end.

An entry is (128-bit hash, fingerprint of the content, position of the answer). Ids stay at least
`ID_WINDOW_MS`; a full ring refuses work instead of forgetting earlier.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit
from engine.kernels.table import bucket_of, link, unlink
from engine.state import ID_BLOCK, ID_WINDOW_MS, IDS, IDS_FORGOTTEN, IDS_MADE, State

Rows = npt.NDArray[np.void]


@jit
def find_id(st: State, hi: np.uint64, lo: np.uint64) -> int:
    """The slot of an id, or 0."""
    key = np.int64(lo)
    slot = np.int64(st.id_heads[bucket_of(st.tables[IDS], key)])
    while slot != 0 and (st.ids[slot].key != key or st.ids[slot].hi != hi):
        slot = np.int64(st.ids[slot].next)
    return slot


@jit
def ids_room(st: State) -> int:
    """How many more ids fit."""
    return st.ids.shape[0] - 1 - (st.marks[IDS_MADE] - st.marks[IDS_FORGOTTEN])


@jit
def remember(st: State, hi: np.uint64, lo: np.uint64, content: np.uint32, position: int, now_ms: int) -> None:
    """Add an id that is not known; the caller has checked `ids_room`."""
    place = st.marks[IDS_MADE] % (st.ids.shape[0] - 1)
    slot = 1 + place
    st.ids[slot].key = np.int64(lo)
    st.ids[slot].hi = hi
    st.ids[slot].content = content
    st.ids[slot].position = np.uint64(position)
    link(st.ids, st.id_heads, st.tables[IDS], slot, st.marks[IDS_MADE] - st.marks[IDS_FORGOTTEN])
    st.id_times[place // ID_BLOCK] = now_ms
    st.marks[IDS_MADE] += 1


@jit
def forget_newest(st: State, count: int) -> None:
    """Take back the last `count` ids: their rows were not decided after all."""
    for _ in range(count):
        st.marks[IDS_MADE] -= 1
        unlink(st.ids, st.id_heads, st.tables[IDS], 1 + st.marks[IDS_MADE] % (st.ids.shape[0] - 1))


@jit
def forget_old(st: State, now_ms: int, most: int) -> None:
    """Forget at most `most` ids, whole blocks whose newest is older than the window, oldest first."""
    capacity = st.ids.shape[0] - 1
    done = 0
    while done < most and st.marks[IDS_FORGOTTEN] < st.marks[IDS_MADE]:
        place = st.marks[IDS_FORGOTTEN] % capacity
        if now_ms - st.id_times[place // ID_BLOCK] <= st.bounds[ID_WINDOW_MS]:
            return
        unlink(st.ids, st.id_heads, st.tables[IDS], 1 + place)
        st.marks[IDS_FORGOTTEN] += 1
        done += 1
