"""How large a run is. OMNISTOCK_BENCH_SCALE=0.02 makes everything small, to see that it works; figures are published
only of scale 1."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SCALE: Final = float(os.environ.get("OMNISTOCK_BENCH_SCALE", "1"))
BATCH_ROWS: Final = 8192
CELLS: Final = 1_000_000


def scaled(count: int, least: int = 1) -> int:
    """`count` at scale 1, never below `least`."""
    return max(least, round(count * SCALE))


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A new private directory on the disk that is measured: OMNISTOCK_BENCH_DIR, or the system's temporary one.

    The path stays short, because sockets lie in it. It is removed at the end.
    """
    parent = os.environ.get("OMNISTOCK_BENCH_DIR") or None
    path = Path(tempfile.mkdtemp(prefix=f"ob-{name}-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
