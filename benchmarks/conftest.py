"""Where compiled kernels are kept is said before anything imports numba; everything else is in the benchmarks."""

import os

from actors.kernel_cache import VARIABLE, kernel_cache_environment

if VARIABLE not in os.environ:
    os.environ |= kernel_cache_environment()
