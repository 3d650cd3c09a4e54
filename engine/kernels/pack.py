"""Columns of a structured array <-> bytes, each column as narrow as its values allow.

`pack` writes every column in the cheapest of three modes: PLAIN (the least value, then unsigned offsets from it),
STEP (the first value, the least step, then offsets of the steps from that) or SAME (equal to its model, which is zero
or a column of the command rows, but for some exceptions: a bit per row, then the exceptions as in PLAIN). Offsets
take 0, 1, 2, 4 or 8 bytes; a column of one value costs 2 to 10 bytes in all. `unpack` is the inverse.

A column is written as: mode | width code << 2; base; STEP: first value; SAME: number of exceptions (4 bytes) and,
unless none, the bits; then the offsets. Numbers are a length (0 to 8) and so many bytes, all little-endian, read
with their sign. Any field is read by one eight-byte load that *ends* with it and an arithmetic shift, so that one
loop serves all sizes and 0xFFFF in a two-byte column is -1, next to the small numbers and not far from them. A
structured array's first field must therefore have eight bytes.

Records are taken in blocks that stay in the L1 and L2 cache while all columns pass over them: gather a column of the
block into `values`, compute there, scatter or write. Functions are called per block, never per value: numba counts
references to every array at every call that is not inlined, which made the loops five times slower.

The arrays named `words`, `data8`, `out2`, `out4` and `out8` are overlapping views of bytes: element k is the integer
that begins at byte k.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
UInt32s = npt.NDArray[np.uint32]
UInt16s = npt.NDArray[np.uint16]
Bytes = npt.NDArray[np.uint8]

OFFSET: Final = 0
SIZE: Final = 1
STEPS: Final = 2
MODEL: Final = 3
"""Entries of a line of the table that describes a structured array, one line per column. STEPS: whether it may be
written as steps. MODEL: NO_MODEL, ZERO, or the offset of the command rows' column of the same size that it mostly
equals."""
NO_MODEL: Final = -2
ZERO: Final = -1
COLUMN_OVERHEAD: Final = 32
"""Most bytes that a column takes beyond its values."""

_PLAIN, _STEP, _SAME = 0, 1, 2
_BLOCK = 256
_LEAST = -(1 << 63)
_MOST = (1 << 63) - 1

# Entries of a column's plan.
_MODE, _WIDTH, _BASE, _FIRST, _AT, _BITS_AT, _EXCEPTIONS = 0, 1, 2, 3, 4, 5, 6
_PLAN_ENTRIES = 7
# Entries of what was found about a column.
_LOW, _HIGH, _LOW_STEP, _HIGH_STEP, _OTHERS, _LOW_OTHER, _HIGH_OTHER = 0, 1, 2, 3, 4, 5, 6
_FOUND_ENTRIES = 7


@jit
def _width_of(low: int, high: int) -> int:
    """Bytes for an offset in [0, high - low]."""
    span = high - low
    if span < 0 or span >= 1 << 32:  # below zero: the difference wrapped
        return 8
    if span >= 1 << 16:
        return 4
    if span >= 1 << 8:
        return 2
    return 1 if span > 0 else 0


@jit
def _put_number(out: Bytes, at: int, value: int) -> int:
    """Write the fewest bytes that keep `value` and its sign; returns where the next byte goes."""
    length = 0
    if value != 0:
        length = 1
        while length < 8 and ((value << (64 - 8 * length)) >> (64 - 8 * length)) != value:
            length += 1
    out[at] = length
    for k in range(length):
        out[at + 1 + k] = (value >> (8 * k)) & 0xFF
    return at + 1 + length


@jit
def _get_number(data: Bytes, at: int) -> int:
    length = np.int64(data[at])
    value = np.int64(0)
    for k in range(length):
        value |= np.int64(data[at + 1 + k]) << (8 * k)
    if 0 < length < 8:
        value = (value << (64 - 8 * length)) >> (64 - 8 * length)
    return value


@jit
def _gather(words: Int64s, at: int, itemsize: int, size: int, count: int, values: Int64s) -> None:
    """The fields of `size` bytes at byte `at` and every `itemsize` bytes on."""
    shift = 64 - 8 * size
    at += size - 8
    for i in range(count):
        values[i] = words[at] >> shift
        at += itemsize


@jit
def _scatter(values: Int64s, out: Bytes, out2: UInt16s, out4: UInt32s, out8: UInt64s, at: int, itemsize: int,
             size: int, count: int) -> None:
    """The inverse of `_gather`."""
    if size == 8:
        for i in range(count):
            out8[at] = values[i]
            at += itemsize
    elif size == 4:
        for i in range(count):
            out4[at] = values[i]
            at += itemsize
    elif size == 2:
        for i in range(count):
            out2[at] = values[i]
            at += itemsize
    else:
        for i in range(count):
            out[at] = values[i]
            at += itemsize


@jit
def _expect(rows: Int64s, rows_count: int, rows_itemsize: int, model: int, size: int, begin: int, count: int,
            row_of: Int64s, by_index: bool, expected: Int64s) -> None:
    """What a column equals if it equals its model; 0 where there is no such command row."""
    shift = 64 - 8 * size
    for i in range(count):
        index = begin + i if by_index else row_of[i]
        if model < 0 or index < 0 or index >= rows_count:
            expected[i] = 0
        else:
            expected[i] = rows[index * rows_itemsize + model + size - 8] >> shift


@jit
def _measure(values: Int64s, expected: Int64s, before: int, begin: int, count: int, steps: int, model: int,
             found: Int64s) -> None:
    """Take the block that begins at record `begin` into what was `found` about its column."""
    low, high = found[_LOW], found[_HIGH]
    for i in range(count):
        low = min(low, values[i])
        high = max(high, values[i])
    found[_LOW], found[_HIGH] = low, high
    if steps:
        low, high = found[_LOW_STEP], found[_HIGH_STEP]
        for i in range(0 if begin else 1, count):
            step = values[i] - before
            before = values[i]
            low = min(low, step)
            high = max(high, step)
        found[_LOW_STEP], found[_HIGH_STEP] = low, high
    if model != NO_MODEL:
        others, low, high = found[_OTHERS], found[_LOW_OTHER], found[_HIGH_OTHER]
        for i in range(count):
            if values[i] != expected[i]:
                others += 1
                low = min(low, values[i])
                high = max(high, values[i])
        found[_OTHERS], found[_LOW_OTHER], found[_HIGH_OTHER] = others, low, high


@jit
def _choose(count: int, steps: int, model: int, found: Int64s, plan: Int64s) -> None:
    """The cheapest mode."""
    plan[_MODE] = _PLAIN
    plan[_WIDTH] = _width_of(found[_LOW], found[_HIGH])
    plan[_BASE] = found[_LOW]
    if steps:
        width = _width_of(found[_LOW_STEP], found[_HIGH_STEP])
        if width < plan[_WIDTH]:
            plan[_MODE], plan[_WIDTH], plan[_BASE] = _STEP, width, found[_LOW_STEP]
    if model != NO_MODEL:
        others = found[_OTHERS]
        width = _width_of(found[_LOW_OTHER], found[_HIGH_OTHER]) if others else 0
        bits = (count + 7) >> 3 if others else 0
        if bits + others * width < plan[_WIDTH] * count:
            plan[_MODE], plan[_WIDTH], plan[_EXCEPTIONS] = _SAME, width, others
            plan[_BASE] = found[_LOW_OTHER] if others else 0


@jit
def _put_heading(out: Bytes, at: int, count: int, plan: Int64s) -> int:
    """Write what stands before the offsets, and plan where they go; returns where the next column begins."""
    mode, width = plan[_MODE], plan[_WIDTH]
    code = 4 if width == 8 else (3 if width == 4 else width)
    out[at] = mode | code << 2
    at = _put_number(out, at + 1, plan[_BASE])
    offsets = count
    if mode == _STEP:
        at = _put_number(out, at, plan[_FIRST])
    if mode == _SAME:
        offsets = plan[_EXCEPTIONS]
        for k in range(4):
            out[at + k] = (offsets >> (8 * k)) & 0xFF
        at += 4
        if offsets:
            plan[_BITS_AT] = at
            at += (count + 7) >> 3
    plan[_AT] = at
    return at + offsets * width


@jit
def _get_heading(data: Bytes, at: int, count: int, plan: Int64s) -> int:
    """Read what `_put_heading` wrote; returns where the next column begins."""
    code = np.int64(data[at]) >> 2
    plan[_MODE] = np.int64(data[at]) & 3
    plan[_WIDTH] = 8 if code == 4 else (4 if code == 3 else code)
    plan[_BASE] = _get_number(data, at + 1)
    at += 2 + np.int64(data[at + 1])
    offsets = count
    if plan[_MODE] == _STEP:
        plan[_FIRST] = _get_number(data, at)
        at += 1 + np.int64(data[at])
    if plan[_MODE] == _SAME:
        offsets = np.int64(0)
        for k in range(4):
            offsets |= np.int64(data[at + k]) << (8 * k)
        plan[_EXCEPTIONS] = offsets
        at += 4
        if offsets:
            plan[_BITS_AT] = at
            at += (count + 7) >> 3
    plan[_AT] = at
    return at + offsets * plan[_WIDTH]


@jit
def _put_bits(values: Int64s, expected: Int64s, count: int, out: Bytes, at: int) -> int:
    """Write a bit per value that is not as expected and move those to the front; returns how many there are."""
    others = 0
    for begin in range(0, count, 8):
        bits = 0
        for i in range(begin, min(begin + 8, count)):
            if values[i] != expected[i]:
                bits |= 1 << (i - begin)
                values[others] = values[i]
                others += 1
        out[at + (begin >> 3)] = bits
    return others


@jit
def _count_bits(data: Bytes, at: int, count: int) -> int:
    ones = 0
    for i in range(count):
        ones += (data[at + (i >> 3)] >> (i & 7)) & 1
    return ones


@jit
def _take_bits(data: Bytes, at: int, count: int, values: Int64s, expected: Int64s) -> None:
    """Put the exceptions where `_put_bits` found them."""
    others = 0
    for i in range(count):
        if (data[at + (i >> 3)] >> (i & 7)) & 1:
            expected[i] = values[others]
            others += 1


@jit
def _to_steps(values: Int64s, before: int, count: int) -> int:
    for i in range(count):
        value = values[i]
        values[i] = value - before
        before = value
    return before


@jit
def _from_steps(values: Int64s, before: int, count: int) -> int:
    for i in range(count):
        before += values[i]
        values[i] = before
    return before


@jit
def _put_offsets(values: Int64s, base: int, width: int, count: int, out: Bytes, out2: UInt16s, out4: UInt32s,
                 out8: UInt64s, at: int) -> None:
    if width == 1:
        for i in range(count):
            out[at + i] = values[i] - base
    elif width == 2:
        for i in range(count):
            out2[at + 2 * i] = values[i] - base
    elif width == 4:
        for i in range(count):
            out4[at + 4 * i] = values[i] - base
    elif width == 8:
        for i in range(count):
            out8[at + 8 * i] = values[i] - base


@jit
def _get_offsets(data8: UInt64s, at: int, width: int, base: int, count: int, values: Int64s) -> None:
    if width == 0:
        values[:count] = base
        return
    shift = np.uint64(64 - 8 * width)
    at += width - 8
    for i in range(count):
        values[i] = base + np.int64(data8[at] >> shift)
        at += width


@jit
def pack(words: Int64s, count: int, itemsize: int, table: Int64s, rows: Int64s, rows_count: int, rows_itemsize: int,
         row_field: int, out: Bytes, out2: UInt16s, out4: UInt32s, out8: UInt64s, at: int) -> int:
    """Write the columns of `words` (`count` records of `itemsize` bytes) into `out` from `at`; returns where they end.

    `rows` are the words of the command rows; `row_field` is the offset of the four-byte field that says which of them
    a record belongs to, -1 for the one at the same index.
    """
    if count == 0:
        return at
    values = np.empty(_BLOCK, np.int64)
    expected = np.empty(_BLOCK, np.int64)
    row_of = np.empty(_BLOCK, np.int64)
    found = np.zeros((len(table), _FOUND_ENTRIES), np.int64)
    plan = np.zeros((len(table), _PLAN_ENTRIES), np.int64)
    for c in range(len(table)):
        found[c, _LOW] = found[c, _LOW_STEP] = found[c, _LOW_OTHER] = _MOST
        found[c, _HIGH] = found[c, _HIGH_STEP] = found[c, _HIGH_OTHER] = _LEAST
        plan[c, _FIRST] = words[table[c, OFFSET] + table[c, SIZE] - 8] >> (64 - 8 * table[c, SIZE])
    before = plan[:, _FIRST].copy()
    for begin in range(0, count, _BLOCK):
        block = min(count - begin, _BLOCK)
        if row_field >= 0:
            _gather(words, begin * itemsize + row_field, itemsize, 4, block, row_of)
        for c in range(len(table)):
            size, steps, model = table[c, SIZE], table[c, STEPS], table[c, MODEL]
            _gather(words, begin * itemsize + table[c, OFFSET], itemsize, size, block, values)
            if model != NO_MODEL:
                _expect(rows, rows_count, rows_itemsize, model, size, begin, block, row_of, row_field < 0, expected)
            _measure(values, expected, before[c], begin, block, steps, model, found[c])
            before[c] = values[block - 1]
    for c in range(len(table)):
        _choose(count, table[c, STEPS], table[c, MODEL], found[c], plan[c])
        before[c] = plan[c, _FIRST] - plan[c, _BASE]
        at = _put_heading(out, at, count, plan[c])
    for begin in range(0, count, _BLOCK):
        block = min(count - begin, _BLOCK)
        if row_field >= 0:
            _gather(words, begin * itemsize + row_field, itemsize, 4, block, row_of)
        for c in range(len(table)):
            size, mode, width, model = table[c, SIZE], plan[c, _MODE], plan[c, _WIDTH], table[c, MODEL]
            if width == 0 and plan[c, _EXCEPTIONS] == 0:
                continue
            _gather(words, begin * itemsize + table[c, OFFSET], itemsize, size, block, values)
            offsets = block
            if mode == _SAME:
                _expect(rows, rows_count, rows_itemsize, model, size, begin, block, row_of, row_field < 0, expected)
                offsets = _put_bits(values, expected, block, out, plan[c, _BITS_AT] + (begin >> 3))
            elif mode == _STEP:
                before[c] = _to_steps(values, before[c], block)
            _put_offsets(values, plan[c, _BASE], width, offsets, out, out2, out4, out8, plan[c, _AT])
            plan[c, _AT] += offsets * width
    return at


@jit
def unpack(data: Bytes, data8: UInt64s, at: int, count: int, itemsize: int, table: Int64s, rows: Int64s,
           rows_count: int, rows_itemsize: int, row_field: int, out: Bytes, out2: UInt16s, out4: UInt32s,
           out8: UInt64s) -> int:
    """Fill `out` with the `count` records that `pack` wrote at `data[at:]`; returns where they end.

    `data8` are the words of `data`, of which at least eight bytes stand before `at`; the rest is as for `pack`, and
    the column at `row_field` is the first of the table. The bytes must have been checked: a wrong hash is never
    unpacked.
    """
    if count == 0:
        return at
    values = np.empty(_BLOCK, np.int64)
    expected = np.empty(_BLOCK, np.int64)
    row_of = np.empty(_BLOCK, np.int64)
    plan = np.zeros((len(table), _PLAN_ENTRIES), np.int64)
    before = np.empty(len(table), np.int64)
    for c in range(len(table)):
        at = _get_heading(data, at, count, plan[c])
        before[c] = plan[c, _FIRST] - plan[c, _BASE]
    # The columns of one value make up a record that is laid down everywhere; the others go on top of it.
    for c in range(len(table)):
        values[0] = plan[c, _BASE]
        _scatter(values, out, out2, out4, out8, table[c, OFFSET], itemsize, table[c, SIZE], 1)
    for begin in range(1, min(count, _BLOCK)):
        out[begin * itemsize : (begin + 1) * itemsize] = out[:itemsize]
    for begin in range(0, count, _BLOCK):
        block = min(count - begin, _BLOCK)
        if begin:
            out[begin * itemsize : (begin + block) * itemsize] = out[: block * itemsize]
        for c in range(len(table)):
            size, mode, width, base = table[c, SIZE], plan[c, _MODE], plan[c, _WIDTH], plan[c, _BASE]
            if table[c, OFFSET] == row_field:
                row_of[:] = base
            if mode == _PLAIN and width == 0:
                continue
            offsets = block
            if mode == _SAME:
                by_index = row_field < 0
                _expect(rows, rows_count, rows_itemsize, table[c, MODEL], size, begin, block, row_of, by_index, expected)
                if plan[c, _EXCEPTIONS]:
                    bits_at = plan[c, _BITS_AT] + (begin >> 3)
                    offsets = _count_bits(data, bits_at, block)
                    _get_offsets(data8, plan[c, _AT], width, base, offsets, values)
                    _take_bits(data, bits_at, block, values, expected)
                _scatter(expected, out, out2, out4, out8, begin * itemsize + table[c, OFFSET], itemsize, size, block)
            else:
                _get_offsets(data8, plan[c, _AT], width, base, block, values)
                if mode == _STEP:
                    before[c] = _from_steps(values, before[c], block)
                _scatter(values, out, out2, out4, out8, begin * itemsize + table[c, OFFSET], itemsize, size, block)
                if table[c, OFFSET] == row_field:
                    for i in range(block):
                        row_of[i] = np.int32(values[i])
            plan[c, _AT] += offsets * width
    return at
