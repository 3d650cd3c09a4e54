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
block into `values`, compute there, scatter or write. Functions are called per block, never per value: calls that are
not inlined made the loops five times slower.

Numbers are read and written through overlapping views of the bytes (`Words`): element k is the integer that begins
at byte k.
"""

from typing import Final, NamedTuple

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


class Words(NamedTuple):
    """Some bytes, and views of them as little-endian integers at every byte."""

    by1: Bytes
    by2: UInt16s
    by4: UInt32s
    by8: UInt64s


class Records(NamedTuple):
    """A structured array, to be read."""

    words: Int64s
    """element k is the signed 64-bit integer that begins at byte k"""
    length: int
    itemsize: int


class Scratch(NamedTuple):
    """Memory that a call works in; made by `scratch_for`, because kernels allocate nothing."""

    values: Int64s
    expected: Int64s
    row_of: Int64s
    found: Int64s
    plan: Int64s
    before: Int64s


# Entries of a column's plan.
_MODE, _WIDTH, _BASE, _FIRST, _AT, _BITS_AT, _EXCEPTIONS = 0, 1, 2, 3, 4, 5, 6
_PLAN_ENTRIES = 7
# Entries of what was found about a column.
_LOW, _HIGH, _LOW_STEP, _HIGH_STEP, _OTHERS, _LOW_OTHER, _HIGH_OTHER = 0, 1, 2, 3, 4, 5, 6
_FOUND_ENTRIES = 7


def scratch_for(columns: int) -> Scratch:
    """Memory for one call over a table of `columns` lines."""
    blocks = np.empty((3, _BLOCK), np.int64)
    return Scratch(
        blocks[0],
        blocks[1],
        blocks[2],
        np.zeros((columns, _FOUND_ENTRIES), np.int64),
        np.zeros((columns, _PLAN_ENTRIES), np.int64),
        np.empty(columns, np.int64),
    )


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
def _byte(data: Bytes, at: int) -> int:
    """A byte as a signed number: numba makes floats of sums of signed and unsigned ones."""
    value: int = data[at] & 0xFF
    return value


@jit
def _get_number(data: Bytes, at: int) -> int:
    length = _byte(data, at)
    value = 0
    for k in range(length):
        value |= _byte(data, at + 1 + k) << (8 * k)
    if 0 < length < 8:
        value = (value << (64 - 8 * length)) >> (64 - 8 * length)
    return value


@jit
def _gather(source: Records, offset: int, size: int, begin: int, count: int, values: Int64s) -> None:
    """The fields of `size` bytes at `offset` in `count` records from `begin`."""
    shift = 64 - 8 * size
    at = begin * source.itemsize + offset + size - 8
    for i in range(count):
        values[i] = source.words[at] >> shift
        at += source.itemsize


@jit
def _scatter(values: Int64s, out: Words, itemsize: int, offset: int, size: int, begin: int, count: int) -> None:
    """The inverse of `_gather`."""
    at = begin * itemsize + offset
    if size == 8:
        for i in range(count):
            out.by8[at] = values[i]
            at += itemsize
    elif size == 4:
        for i in range(count):
            out.by4[at] = values[i]
            at += itemsize
    elif size == 2:
        for i in range(count):
            out.by2[at] = values[i]
            at += itemsize
    else:
        for i in range(count):
            out.by1[at] = values[i]
            at += itemsize


@jit
def _expect(rows: Records, model: int, size: int, row_of: Int64s, count: int, expected: Int64s) -> None:
    """What a column equals if it equals its model; 0 where there is no such command row."""
    if model < 0:
        expected[:count] = 0
        return
    shift = 64 - 8 * size
    for i in range(count):
        row = row_of[i]
        expected[i] = 0
        if 0 <= row < rows.length:
            expected[i] = rows.words[row * rows.itemsize + model + size - 8] >> shift


@jit
def _measure(
    values: Int64s, expected: Int64s, before: int, begin: int, count: int, steps: int, model: int, found: Int64s
) -> None:
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
    end: int = at + offsets * width
    return end


@jit
def _get_heading(data: Bytes, at: int, count: int, plan: Int64s) -> int:
    """Read what `_put_heading` wrote; returns where the next column begins."""
    code = _byte(data, at) >> 2
    plan[_MODE] = _byte(data, at) & 3
    plan[_WIDTH] = 8 if code == 4 else (4 if code == 3 else code)
    plan[_BASE] = _get_number(data, at + 1)
    at += 2 + _byte(data, at + 1)
    offsets = count
    if plan[_MODE] == _STEP:
        plan[_FIRST] = _get_number(data, at)
        at += 1 + _byte(data, at)
    if plan[_MODE] == _SAME:
        offsets = 0
        for k in range(4):
            offsets |= _byte(data, at + k) << (8 * k)
        plan[_EXCEPTIONS] = offsets
        at += 4
        if offsets:
            plan[_BITS_AT] = at
            at += (count + 7) >> 3
    plan[_AT] = at
    end: int = at + offsets * plan[_WIDTH]
    return end


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
        ones += _byte(data, at + (i >> 3)) >> (i & 7) & 1
    return ones


@jit
def _take_bits(data: Bytes, at: int, count: int, exceptions: Int64s, values: Int64s) -> None:
    """Put the exceptions where `_put_bits` found them."""
    others = 0
    for i in range(count):
        if _byte(data, at + (i >> 3)) >> (i & 7) & 1:
            values[i] = exceptions[others]
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
def _put_offsets(values: Int64s, base: int, width: int, count: int, out: Words, at: int) -> None:
    if width == 1:
        for i in range(count):
            out.by1[at + i] = values[i] - base
    elif width == 2:
        for i in range(count):
            out.by2[at + 2 * i] = values[i] - base
    elif width == 4:
        for i in range(count):
            out.by4[at + 4 * i] = values[i] - base
    elif width == 8:
        for i in range(count):
            out.by8[at + 8 * i] = values[i] - base


@jit
def _get_offsets(data: Words, at: int, width: int, base: int, count: int, values: Int64s) -> None:
    if width == 0:
        values[:count] = base
        return
    shift = np.uint64(64 - 8 * width)
    at += width - 8
    for i in range(count):
        values[i] = base + np.int64(data.by8[at] >> shift)
        at += width


@jit
def _copy_to(out: Words, to: int, count: int) -> None:
    """Copy the first `count` bytes to byte `to`, behind them."""
    for k in range(0, count - 7, 8):
        out.by8[to + k] = out.by8[k]
    for k in range(count & ~7, count):
        out.by1[to + k] = out.by1[k]


@jit
def _rows_behind(source: Records, row_field: int, begin: int, count: int, row_of: Int64s) -> None:
    """Which command row each record belongs to."""
    if row_field >= 0:
        _gather(source, row_field, 4, begin, count, row_of)
    else:
        for i in range(count):
            row_of[i] = begin + i


@jit
def pack(source: Records, table: Int64s, rows: Records, row_field: int, out: Words, at: int, scratch: Scratch) -> int:
    """Write the columns of `source` into `out` from byte `at`; returns where they end.

    `rows` are the command rows; `row_field` is the offset of the four-byte field that says which of them a record
    belongs to, -1 for the one at the same index. `out` must have room for the array's bytes and COLUMN_OVERHEAD more
    per column.
    """
    if source.length == 0:
        return at
    values, expected, row_of, found, plan, before = scratch
    for c in range(len(table)):
        _gather(source, table[c, OFFSET], table[c, SIZE], 0, 1, values)
        plan[c, _FIRST] = before[c] = values[0]
        found[c, _LOW] = found[c, _LOW_STEP] = found[c, _LOW_OTHER] = _MOST
        found[c, _HIGH] = found[c, _HIGH_STEP] = found[c, _HIGH_OTHER] = _LEAST
    for begin in range(0, source.length, _BLOCK):
        count = min(source.length - begin, _BLOCK)
        _rows_behind(source, row_field, begin, count, row_of)
        for c in range(len(table)):
            _gather(source, table[c, OFFSET], table[c, SIZE], begin, count, values)
            if table[c, MODEL] != NO_MODEL:
                _expect(rows, table[c, MODEL], table[c, SIZE], row_of, count, expected)
            _measure(values, expected, before[c], begin, count, table[c, STEPS], table[c, MODEL], found[c])
            before[c] = values[count - 1]
    for c in range(len(table)):
        _choose(source.length, table[c, STEPS], table[c, MODEL], found[c], plan[c])
        before[c] = plan[c, _FIRST] - plan[c, _BASE]
        at = _put_heading(out.by1, at, source.length, plan[c])
    for begin in range(0, source.length, _BLOCK):
        count = min(source.length - begin, _BLOCK)
        _rows_behind(source, row_field, begin, count, row_of)
        for c in range(len(table)):
            if plan[c, _WIDTH] == 0 and plan[c, _EXCEPTIONS] == 0:
                continue
            _gather(source, table[c, OFFSET], table[c, SIZE], begin, count, values)
            offsets = count
            if plan[c, _MODE] == _SAME:
                _expect(rows, table[c, MODEL], table[c, SIZE], row_of, count, expected)
                offsets = _put_bits(values, expected, count, out.by1, plan[c, _BITS_AT] + (begin >> 3))
            elif plan[c, _MODE] == _STEP:
                before[c] = _to_steps(values, before[c], count)
            _put_offsets(values, plan[c, _BASE], plan[c, _WIDTH], offsets, out, plan[c, _AT])
            plan[c, _AT] += offsets * plan[c, _WIDTH]
    return at


@jit
def unpack(
    data: Words,
    at: int,
    records: int,
    itemsize: int,
    table: Int64s,
    rows: Records,
    row_field: int,
    out: Words,
    scratch: Scratch,
) -> int:
    """Fill `out` with the `records` records that `pack` wrote at byte `at`; returns where they end.

    The rest is as for `pack`; the column at `row_field` must be the first of the table, and at least eight bytes must
    stand before `at`. The bytes must have been checked: what has a wrong hash is never unpacked.
    """
    if records == 0:
        return at
    values, expected, row_of, _, plan, before = scratch
    for c in range(len(table)):
        at = _get_heading(data.by1, at, records, plan[c])
        before[c] = plan[c, _FIRST] - plan[c, _BASE]
        # The columns of one value make up a record that is laid down everywhere; the others go on top of it.
        values[0] = plan[c, _BASE]
        _scatter(values, out, itemsize, table[c, OFFSET], table[c, SIZE], 0, 1)
    for i in range(1, min(records, _BLOCK)):
        _copy_to(out, i * itemsize, itemsize)
    for begin in range(0, records, _BLOCK):
        count = min(records - begin, _BLOCK)
        if begin:
            _copy_to(out, begin * itemsize, count * itemsize)
        if row_field < 0:
            for i in range(count):
                row_of[i] = begin + i
        for c in range(len(table)):
            if plan[c, _MODE] == _SAME:
                _expect(rows, table[c, MODEL], table[c, SIZE], row_of, count, values)
                if plan[c, _EXCEPTIONS]:
                    bits_at = plan[c, _BITS_AT] + (begin >> 3)
                    offsets = _count_bits(data.by1, bits_at, count)
                    _get_offsets(data, plan[c, _AT], plan[c, _WIDTH], plan[c, _BASE], offsets, expected)
                    _take_bits(data.by1, bits_at, count, expected, values)
                    plan[c, _AT] += offsets * plan[c, _WIDTH]
            elif plan[c, _MODE] == _STEP or plan[c, _WIDTH] or table[c, OFFSET] == row_field:
                _get_offsets(data, plan[c, _AT], plan[c, _WIDTH], plan[c, _BASE], count, values)
                plan[c, _AT] += count * plan[c, _WIDTH]
                if plan[c, _MODE] == _STEP:
                    before[c] = _from_steps(values, before[c], count)
            else:
                continue
            if table[c, OFFSET] == row_field:
                for i in range(count):
                    row_of[i] = np.int32(values[i])
            _scatter(values, out, itemsize, table[c, OFFSET], table[c, SIZE], begin, count)
    return at
