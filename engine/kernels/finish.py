"""Fills what a row's own content determines: id hash, content fingerprint, reservation key, source key.

Called once per request by the process that encoded it, before the rows are sent to shards.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import Row, Rows, i64, jit, u16, u32, u64
from engine.kernels.siphash import siphash128
from engine.kinds import Flag, Kind
from engine.layout import SPANS, TEXTS

_MIX = u64(0x9E3779B97F4A7C15)
_29, _32, _54 = u64(29), u64(32), u64(54)
_NO_PREFIX = u64(0)
PUBLIC_K0 = u64(0x6F6D6E6973746F63)
PUBLIC_K1 = u64(0x6B2D6E616D657331)
_CONTENT_FLAGS = u16(
    Flag.PARTIAL
    | Flag.SETTLED
    | Flag.IN_TRANSIT
    | Flag.SET_TO
    | Flag.HAS_EXPECTED
    | Flag.HAS_QUANTITY
    | Flag.ARCHIVED
    | Flag.ALL_WAREHOUSES
    | Flag.COMMIT
    | Flag.HAS_PRICE
    | Flag.REPLACES
)
_CONTINUES = i64(Flag.CONTINUES)
_IN_TRANSIT = i64(Flag.IN_TRANSIT)
_RESERVE = i64(Kind.RESERVE)
_TRANSFER = i64(Kind.TRANSFER)
_DECIDE = i64(Kind.DECIDE)
_ID, _REFERENCE, _SOURCE = (TEXTS.index(name) for name in ("id", "reference", "source"))
_SPANS = u16(SPANS)


@jit
def _mix(h: int, value: int) -> int:
    h = (h ^ value) * _MIX
    return h ^ (h >> _29)


@jit
def text_key(heap: npt.NDArray[np.uint8], start: int, length: int) -> int:
    """The fixed hash of a text, 0 for the empty one."""
    if length == 0:
        return 0
    _, lo = siphash128(heap, start, length, _NO_PREFIX, PUBLIC_K0, PUBLIC_K1)
    return i64(lo)


@jit
def text_keys(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], keys: npt.NDArray[np.int64]) -> None:
    """keys[i] = text_key of data[offsets[i] : offsets[i + 1]], as an Arrow utf8 column lies in memory."""
    for i in range(keys.shape[0]):
        keys[i] = text_key(data, i64(offsets[i]), i64(offsets[i + 1]) - i64(offsets[i]))


@jit
def _text_of(heap: npt.NDArray[np.uint8], row: Row, text: int) -> int:
    """text_key of one of the row's texts."""
    start = i64(row.text_at)
    for before in range(text):
        start += i64(row.text_lengths[before])
    return text_key(heap, start, i64(row.text_lengths[text]))


@jit
def _content(rows: Rows, heap: npt.NDArray[np.uint8], i: int, h: int) -> int:
    row = rows[i]
    h = _mix(h, u64(row.content))  # the sender's checksum of the warehouse and channel texts
    if row.kind == _DECIDE:
        # The same whichever way it goes: the first decision is the one that its id stands for.
        return _mix(h, row.reservation)
    h = _mix(h, u64(row.kind) | (u64(row.flags & _CONTENT_FLAGS) << _32))
    h = _mix(h, u64(row.sku_key))
    h = _mix(h, u64(row.quantity))
    h = _mix(h, u64(row.expected))
    h = _mix(h, u64(row.unit_price))
    h = _mix(h, u64(row.discount))
    h = _mix(h, u64(row.occurred_at_ms))
    h = _mix(h, u64(row.due_ms))
    h = _mix(h, u64(row.ttl_s) | (u64(row.tax_rate) << _32))
    h = _mix(h, u64(row.currency) | (u64(row.priority) << _32))
    h = _mix(h, u64(row.line))
    if row.kind != _RESERVE:
        h = _mix(h, row.reservation)
    start = i64(row.text_at) + i64(row.text_lengths[_ID])
    length = 0
    for t in range(1, 8):
        length += i64(row.text_lengths[t])
        h = _mix(h, u64(row.text_lengths[t]))
    if length:
        _, lo = siphash128(heap, start, length, _NO_PREFIX, PUBLIC_K0, PUBLIC_K1)
        h = _mix(h, lo)
    return h


@jit
def finish_rows(rows: Rows, heap: npt.NDArray[np.uint8], k0: int, k1: int) -> None:
    """Fill the derived columns of `rows` (COMMAND[n], modified) from the texts in `heap`.

    reference_key, source_key: hashes of those texts. id_hi, id_lo: keyed hash of (client, id), 0 on rows that
    continue a command. content: fingerprint of the command, on its first row, the rows that continue it
    included. reservation, partition: on reserve rows, the same for a whole group, derived from its first id,
    so that a retry makes the same key.
    """
    n = rows.shape[0]
    i = 0
    while i < n:
        end = i + 1
        if rows[i].group != 0:
            while end < n and rows[end].group == rows[i].group:
                end += 1
        group_hi = u64(0)
        group_lo = u64(0)
        first_reserve = -1
        spans = False
        head = i
        h = u64(0)
        for r in range(i, end):
            if (rows[r].flags & _CONTINUES) == 0 or r == i:
                if r > i:
                    rows[head].content = u32(h >> _32)
                head = r
                start = i64(rows[r].text_at)
                length = i64(rows[r].text_lengths[_ID])
                hi, lo = siphash128(heap, start, length, u64(rows[r].client), k0, k1)
                rows[r].id_hi = hi
                rows[r].id_lo = lo
                if r == i:
                    group_hi = hi
                    group_lo = lo
                if rows[r].kind == _TRANSFER and (rows[r].flags & _IN_TRANSIT) != 0:
                    rows[r].source_key = text_key(heap, start, length)
                h = u64(0)
            if rows[r].text_lengths[_REFERENCE] != 0:
                rows[r].reference_key = _text_of(heap, rows[r], _REFERENCE)
            if rows[r].text_lengths[_SOURCE] != 0:
                rows[r].source_key = _text_of(heap, rows[r], _SOURCE)
            h = _content(rows, heap, r, h)
            if rows[r].kind == _RESERVE:
                if first_reserve < 0:
                    first_reserve = r
                # Another key than the ids' own, so that a reservation's id says nothing of a command's.
                _, key = siphash128(heap, 0, 0, group_hi ^ (group_lo * _MIX), k1, k0)
                rows[r].reservation = key
                home = u16(u64(rows[first_reserve].sku_key) >> _54)
                rows[r].partition = home
                if u16(u64(rows[r].sku_key) >> _54) != home:
                    spans = True
        if spans:
            for r in range(first_reserve, end):
                if rows[r].kind == _RESERVE:
                    rows[r].partition |= _SPANS
        rows[head].content = u32(h >> _32)
        i = end
