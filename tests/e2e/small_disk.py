"""A disk that fills up: a file system of its own in memory, mounted for one test."""

import errno
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """Where it is mounted; `size` in bytes. Skips the test where nothing can be mounted, which root may do."""
    directory = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "omnistock-test", directory],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        directory.rmdir()
        pytest.skip(f"file systems cannot be mounted on this machine: {mounted.stderr.strip()}")
    yield directory
    # Lazily: after a failure something of what was killed may still be at it.
    subprocess.run(["umount", "--lazy", directory], check=True)
    directory.rmdir()


def fill(disk: Path) -> Path:
    """Take all room that is left; whoever removes the file gives it back."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return ballast
