"""Files of the console in the data directory: small, whole or not there, for their owner alone."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

DIRECTORY: Final = "console"
SECRET_BYTES: Final = 32


def directory_of(data: Path) -> Path:
    """DIR/console, made if there is none."""
    made = data / DIRECTORY
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    return made


def write_private(path: Path, content: bytes) -> None:
    """Replace a file as a whole (0600), so that a reader sees the old one or the new one."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def secret(path: Path) -> bytes:
    """The random bytes in this file, made if there are none."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        write_private(path, secrets.token_bytes(SECRET_BYTES))
        found = path.read_bytes()
    if len(found) != SECRET_BYTES:
        raise ValueError(f"{path} is damaged: remove it and everybody signs in again")
    return found


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One at a time, over processes: the command line and the console change the same users."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
