"""All columns of a record packed or unpacked in one call.

A shard that serves lone callers journals records of a few rows: what counts for them is not the loops but how often
one goes from Python into compiled code, and with how many arrays. Here it is once per record.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit
from engine.kernels.pack import Records, Scratch, Words, pack, unpack

Bytes = npt.NDArray[np.uint8]
Int64s = npt.NDArray[np.int64]

ARRAYS_N: Final = 4
"""rows, results, movements, lines: as in `counts`"""


@jit
def pack_record(
    rows: Int64s, results: Int64s, movements: Int64s, lines: Int64s, rows_n: int, results_n: int, movements_n: int,
    lines_n: int, heap: Bytes, shapes: Int64s, tables: Int64s, scratch: Scratch, out: Words, at: int,
) -> int:  # fmt: skip
    """Write the columns of the four arrays and the heap into `out` from byte `at`; returns where they end.

    The arrays are given as `Records.words`. shapes[4]: (size of a record, place of its row field, end of its lines in
    `tables`); the lines of all arrays stand in `tables` one behind the other. `scratch` is for the longest. For the
    rest see `engine.kernels.pack`.
    """
    sources, counts = (rows, results, movements, lines), (rows_n, results_n, movements_n, lines_n)
    commands = Records(rows, rows_n, shapes[0, 0])
    for which in range(ARRAYS_N):
        if counts[which]:
            scratch.plan[:] = 0
            scratch.found[:] = 0
            records = Records(sources[which], counts[which], shapes[which, 0])
            table = tables[(shapes[which - 1, 2] if which else 0) : shapes[which, 2]]
            at = pack(records, table, commands, shapes[which, 1], out, at, scratch)
    for k in range(len(heap)):
        out.by1[at + k] = heap[k]
    return at + len(heap)


@jit
def unpack_record(
    data: Words, at: int, rows_n: int, results_n: int, movements_n: int, lines_n: int, shapes: Int64s, tables: Int64s,
    scratch: Scratch, out: Words, words: Int64s,
) -> int:  # fmt: skip
    """Fill `out` with the records of the four arrays, one array behind the other; returns where their columns in
    `data` end. `words` is `out` as `Records.words`. For the rest see `pack_record`.
    """
    counts = (rows_n, results_n, movements_n, lines_n)
    commands = Records(words, rows_n, shapes[0, 0])
    begin = 0
    for which in range(ARRAYS_N):
        count, size = counts[which], shapes[which, 0]
        if count:
            scratch.plan[:] = 0
            table = tables[(shapes[which - 1, 2] if which else 0) : shapes[which, 2]]
            part = Words(out.by1[begin:], out.by2[begin:], out.by4[begin:], out.by8[begin:])
            at = unpack(data, at, count, size, table, commands, shapes[which, 1], part, scratch)
            begin += count * size
    return at
