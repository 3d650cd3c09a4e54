"""Where commands show their tables."""

from typing import Final

from rich.console import Console

_WIDE: Final = 1_000


def screen() -> Console:
    """Standard output; where nobody looks wide enough for every cell: a pipe must not cut them."""
    return Console(width=None if Console().is_terminal else _WIDE)
