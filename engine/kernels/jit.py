"""The one place that holds numba's options; every kernel is decorated with `jit`.

`cache` saves the compiled code (the directory is keyed by a digest of the sources, because numba does not
notice a change in another file), `nogil` lets shards of one process run side by side, `error_model="numpy"`
leaves no exception paths in the loops. Bounds are checked when NUMBA_BOUNDSCHECK=1 is in the environment.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile `function` in nopython mode at its first call with each set of argument types."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
