"""Where compiled kernels are kept, so that a process loads them in a second instead of compiling for a minute.

numba sees that a kernel's own file changed (another time or place), but not that a function inlined into it
from another file did: it would go on running old rules. So the directory's name is a digest of all sources
that are compiled, of where and when numba sees them, and of the versions of what compiles them. Set for every
process by whoever starts it, before numba is imported.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

VARIABLE: Final = "NUMBA_CACHE_DIR"
KEPT_S: Final = 30 * 24 * 3600
"""A directory of other sources that nobody started from for so long is dropped."""
KEPT_MAX: Final = 8
"""Of those not used for a day, so many are kept: whoever works on the kernels makes one with every change."""

_DAY_S: Final = 24 * 3600
_WARM: Final = "warm"


def kernel_cache_environment() -> dict[str, str]:
    """The variable that every process with kernels must be started with; the directory exists."""
    directory = kernel_cache()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.touch()
    _drop_old(directory.parent, directory)
    return {VARIABLE: str(directory)}


def kernel_cache() -> Path:
    """The directory for these sources, this numba and this Python; private to the user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "omnistock" / f"kernels-{digest(_sources())}"


def digest(sources: Iterable[Path]) -> str:
    """A name for what is compiled and by what."""
    found = hashlib.sha256()
    python = ".".join(map(str, sys.version_info[:3]))
    found.update(f"{version('numba')} {version('llvmlite')} {version('numpy')} {python}".encode())
    for path in sorted(sources):
        data = path.read_bytes()
        found.update(f"\0{path}\0{path.stat().st_mtime_ns}\0{len(data)}\0".encode() + data)
    return found.hexdigest()[:16]


def is_warm(directory: Path) -> bool:
    """Whether everything has been compiled into it once."""
    return (directory / _WARM).exists()


def mark_warm(directory: Path) -> None:
    """Say so; called when `actors.warmup` came to its end."""
    (directory / _WARM).touch()


def _sources() -> list[Path]:
    engine = Path(__file__).resolve().parent.parent / "engine"
    return [*engine.glob("*.py"), *engine.glob("kernels/*.py")]


def _drop_old(parent: Path, current: Path) -> None:
    now = time.time()
    ages = []
    for directory in parent.glob("kernels-*"):
        with contextlib.suppress(OSError):  # somebody else may drop it too
            ages.append((now - directory.stat().st_mtime, directory))
    for place, (age_s, directory) in enumerate(sorted(ages)):
        if directory != current and age_s > (KEPT_S if place < KEPT_MAX else _DAY_S):
            shutil.rmtree(directory, ignore_errors=True)
