"""The one place that holds numba's options; every kernel is decorated with `jit` or `inlined`.

`cache` saves the compiled code (the directory is keyed by a digest of the sources, because numba does not
notice a change in another file), `nogil` lets shards of one process run side by side, `error_model="numpy"`
leaves no exception paths in the loops, and without reference counts (`_nrt`, kernels allocate nothing) the
state's arrays cost nothing to hand on: with them a reserve took five times as long. Bounds are checked when
NUMBA_BOUNDSCHECK=1 is in the environment.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile `function` in nopython mode at its first call with each set of argument types."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function))


def inlined(function: F) -> F:
    """The same for small functions on the hot path: the compiler puts them into their callers."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", _nrt=False, forceinline=True)(function))
