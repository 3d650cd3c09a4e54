"""The kernels without a compiler: the same functions, run by Python with numpy's integers, a thousand times slower.

For NUMBA_DISABLE_JIT=1: a debugger can step through a decision, mutants of the rules need not be compiled, and a state
that both ways agree on is the rules' doing and not the compiler's. numpy's integers wrap as the machine's do.
"""

import ctypes
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt

_WORD = 8
_ENTRIES_N = 7


def _promoted(item: Any) -> Any:
    """A value read from memory as compiled code computes with it: no integer is narrower than 64 bits."""
    if isinstance(item, np.integer):
        return np.int64(item) if item.itemsize < _WORD else item
    if type(item) is np.void:
        return Record(item)
    return item.view(Values) if type(item) is np.ndarray else item


class Record:
    """One record in its place: fields are attributes, to be read and written.

    numpy's own records have attributes of their own, and some bear the names of fields (`flags`).
    """

    __slots__ = ("at",)

    def __init__(self, at: Any) -> None:
        object.__setattr__(self, "at", at)

    def __getattr__(self, name: str) -> Any:
        return _promoted(self.at[name])

    def __setattr__(self, name: str, value: Any) -> None:
        self.at[name] = value


class Values(np.ndarray):
    """An array whose items are what compiled code would read."""

    def __getitem__(self, index: Any) -> Any:
        return _promoted(super().__getitem__(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value.at if type(value) is Record else value)


def interpreted(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with numpy's integers and records in place of the machine's."""

    @wraps(function)
    def called(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):
            return function(*map(_as_compiled, arguments))

    return called


def _as_compiled(value: Any) -> Any:
    kind = type(value)
    if kind is np.ndarray:
        return value.view(Values)
    if kind is np.void:
        return Record(value)
    if kind is int:
        return np.int64(value) if value < 1 << 63 else np.uint64(value)
    return value


def array_at(name: str, dtype: Any, columns: int | str) -> Callable[[Any], npt.NDArray[Any]]:
    """The accessor of one array of a state, by the address that the record of addresses holds."""
    dtype = np.dtype(dtype)

    def access(st: Any) -> npt.NDArray[Any]:
        count, width = int(getattr(st, name + "_n")), 0
        if columns:
            width = columns if isinstance(columns, int) else int(getattr(st, columns + "_n"))
        size = count * (width or 1) * dtype.itemsize
        memory = (ctypes.c_ubyte * size).from_address(int(getattr(st, name)))
        array = np.frombuffer(memory, dtype)
        return (array.reshape(count, width) if width else array).view(Values)

    return access


def length_at(name: str) -> Callable[[Any], int]:
    """How many elements that array has."""
    return lambda st: int(getattr(st, name + "_n"))


# What `engine.kernels.machine` makes of instructions.


def prefetch(_: npt.NDArray[Any], __: int) -> None:
    """Nothing: what is not there yet is waited for."""


def endless(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array as it is."""
    return array


def slot_with(buckets: npt.NDArray[np.uint64], bucket: int, h: int) -> np.int64:
    """The slot of an entry of the bucket that has the hash `h`, or 0."""
    for word in map(int, np.asarray(buckets)[bucket, :_ENTRIES_N]):
        if word >> 32 == h:
            return np.int64(word & 0xFFFFFFFF)
    return np.int64(0)


def entries_in(buckets: npt.NDArray[np.uint64], bucket: int) -> np.int64:
    """How many entries the bucket has."""
    return np.int64(np.count_nonzero(np.asarray(buckets)[bucket, :_ENTRIES_N]))
