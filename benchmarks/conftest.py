"""Kernels are compiled before anything is timed, and where they are kept is said before anything imports numba."""

import os
import subprocess
import sys

import pytest

from actors.kernel_cache import VARIABLE, is_warm, kernel_cache, kernel_cache_environment

if VARIABLE not in os.environ:
    os.environ |= kernel_cache_environment()


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """For the processes of `serve` and of Ray, which use the directory that is named after the sources."""
    environment = {**os.environ, **kernel_cache_environment()}
    if not is_warm(kernel_cache()):
        subprocess.run([sys.executable, "-m", "actors.warmup"], env=environment, timeout=900, check=True)
