"""The whole house in one process, with its surroundings made of seeded chance: see docs/simulation.md."""

import os


def kernels_cached() -> None:
    """Have numba find the kernels compiled; before it is imported, where no conftest does it."""
    from actors.kernel_cache import kernel_cache_environment

    for name, value in kernel_cache_environment().items():
        os.environ.setdefault(name, value)
