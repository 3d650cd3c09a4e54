"""The one place that holds numba's options; every kernel is decorated with `jit`, `inlined` or `inner`.

`cache` saves the compiled code (the directory is keyed by a digest of the sources, because numba does not
notice a change in another file), `nogil` lets shards of one process run side by side, `error_model="numpy"`
leaves no exception paths in the loops, and without reference counts (`_nrt`, kernels allocate nothing) the
state's arrays cost nothing to hand on: with them a reserve took five times as long. Bounds are checked when
NUMBA_BOUNDSCHECK=1 is in the environment; with NUMBA_DISABLE_JIT=1 nothing is compiled (`kernels.interpreted`).
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

from engine.kernels.interpreted import interpreted

Row = Any
Rows = Any
"""Records and arrays of records: numba reads their fields as attributes, which no stub of numpy knows."""
i64 = cast("Callable[[Any], int]", np.int64)
"""A machine integer, in kernels and of constants: of plain ones numba compiles a function anew for every value."""
u16 = cast("Callable[[Any], int]", np.uint16)
u32 = cast("Callable[[Any], int]", np.uint32)
u64 = cast("Callable[[Any], int]", np.uint64)
_njit: Any = numba.njit
"""numba's stub does not know `_nrt`."""
F = TypeVar("F", bound=Callable[..., object])


_config: Any = numba.config
COMPILED: Final = not _config.DISABLE_JIT


_OPTIONS: Final = {
    "cache": True, "nogil": True, "error_model": "numpy", "_nrt": False,
    "no_cfunc_wrapper": True,  # nobody calls a kernel from C
}  # fmt: skip


def jit(function: F) -> F:
    """Compile `function` in nopython mode at its first call with each set of argument types."""
    return _compiled(function)


def inlined(function: F) -> F:
    """The same for small functions on the hot path: the compiler puts them into their callers."""
    return _compiled(function, forceinline=True)


def inner(function: F) -> F:
    """`inlined`, for kernels only: called from Python it would crash.

    What makes a function callable from Python is as much to compile as a small function itself: without it the first
    start on a machine takes a quarter less.
    """
    return _compiled(function, forceinline=True, no_cpython_wrapper=True)


def _compiled(function: F, **options: bool) -> F:
    if not COMPILED:
        return cast(F, interpreted(function))
    return cast(F, _njit(**_OPTIONS, **options)(function))
