"""Columns of Arrow tables from the arrays of results and movements, without a Python object for a row."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.numbers import DECIMALS_MAX
from api.render import RESERVATION_BYTES, reservation_digits

_TEN: Final = np.array([1, 10, 100, 1000], np.int64)
_DECIMAL: Final = pa.decimal128(19, DECIMALS_MAX)
MOMENT: Final = pa.timestamp("ms", "UTC")

Array = npt.NDArray[np.void]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def dictionary(numbers: npt.NDArray[np.uint16], text: Callable[[int], str], valid: Bools | None) -> pa.Array:
    """Numbers as their texts, each written once."""
    if valid is not None:
        numbers = np.where(valid, numbers, numbers[valid][0] if valid.any() else 0)
    seen = np.flatnonzero(np.bincount(numbers)) if valid is None or valid.any() else np.empty(0, np.int64)
    index = np.zeros(1 << 16, np.int32)
    index[seen] = np.arange(len(seen))
    indices = pa.array(index[numbers], mask=None if valid is None else ~valid)
    return pa.DictionaryArray.from_arrays(indices, pa.array([text(number) for number in seen.tolist()], pa.string()))


def reservations(results: Array) -> pa.Array:
    """The reservations' ids, null where there is none."""
    given = results["reservation"] != 0
    text = np.frombuffer(bytearray(reservation_digits(results), "ascii"), np.uint8).reshape(-1, RESERVATION_BYTES)
    text[:, 0] = ord("r")
    offsets = np.zeros(len(results) + 1, np.int32)
    np.cumsum(given * np.int32(RESERVATION_BYTES), out=offsets[1:])
    bits = np.packbits(given, bitorder="little")
    data = text if given.all() else text[given]
    return pa.StringArray.from_buffers(
        len(results), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data)), pa.py_buffer(bits)
    )


def exact(units: Int64s, decimals: npt.NDArray[np.uint8], whole: bool, valid: Bools) -> pa.Array:
    """Smallest units as the numbers that people write: whole ones, or decimals with DECIMALS_MAX digits."""
    if whole:
        return pa.array(units, mask=~valid)
    scaled = units * _TEN[DECIMALS_MAX - decimals]
    wide = np.empty((len(units), 2), np.int64)
    wide[:, 0] = scaled
    wide[:, 1] = scaled >> 63
    bits = np.packbits(valid, bitorder="little")
    return pa.Array.from_buffers(_DECIMAL, len(units), [pa.py_buffer(bits), pa.py_buffer(wide)])


def named(keys: npt.NDArray[Any], text: Callable[[int], str | None], valid: Bools | None = None) -> pa.Array:
    """As `dictionary`, for numbers of any size; null where there is no text."""
    different, back = np.unique(keys, return_inverse=True)
    texts = pa.array(list(map(text, different.tolist())), pa.string())
    return pa.DictionaryArray.from_arrays(
        pa.array(back.astype(np.int32), mask=None if valid is None else ~valid), texts
    )


def moments(times_ms: Int64s) -> pa.Array:
    """Times, null where there is none."""
    return pa.array(times_ms, mask=times_ms == 0).cast(MOMENT)


def pieces(data: npt.NDArray[np.uint8], begins: Int64s, lengths: Int64s) -> pa.Array:
    """Texts that lie anywhere in `data`, null for the empty ones."""
    ends = np.cumsum(lengths)
    source = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(begins - (ends - lengths), lengths)
    offsets = np.zeros(len(lengths) + 1, np.int32)
    offsets[1:] = ends
    bits = np.packbits(lengths != 0, bitorder="little")
    return pa.StringArray.from_buffers(
        len(lengths), pa.py_buffer(offsets), pa.py_buffer(data.take(source)), pa.py_buffer(bits)
    )
