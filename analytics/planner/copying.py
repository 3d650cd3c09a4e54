"""The copy of the tables that planners ask: made from the file as it lies on the disk, without asking whoever owns it.

The owner is never kept waiting, and never hears of it. DuckDB's file is copied as a power cut would leave it: its head
names the blocks that count and is written last, blocks that count are never written over, and what came since stands in
the log beside it. So log first, then file, and if the head is the same afterwards the two belong together; if it is not
(a checkpoint came between), again. What cannot be opened then is not kept either.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import msgspec

COPY: Final = "copy.duckdb"
FRESH_S: Final = 10.0
"""A copy of this age is as good as a new one."""
EFFORT: Final = 20
"""A copy is used for at least so many times the seconds that it took: large tables are not copied all the time."""
TRIES: Final = 5
_HEAD_BYTES: Final = 3 * 4096
"""DuckDB's three headers"""
_LOCK: Final = "copy.lock"
_LOG: Final = ".wal"


class _Made(msgspec.Struct):
    """Of a copy: when it was begun, and how long it took."""

    began_at: float
    took_s: float


_decode_made: Final = msgspec.json.Decoder(_Made).decode


class NoCopy(Exception):
    """There are no tables yet, or they are being written too fast; carries why."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def fresh_copy(source: Path, directory: Path) -> Path:
    """A copy of the tables that is not old, made now if there is none; raises NoCopy."""
    directory.mkdir(mode=0o700, exist_ok=True)
    copy = directory / COPY
    with _alone(directory / _LOCK):
        if not _is_fresh(source, copy):
            _make(source, copy)
    return copy


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_fresh(source: Path, copy: Path) -> bool:
    try:
        made = _decode_made(_note(copy).read_bytes())
        changed_at = max(path.stat().st_mtime for path in (source, _log(source)) if path.exists())
    except (FileNotFoundError, ValueError):
        return False
    age_s = time.time() - made.began_at
    return copy.exists() and (changed_at < made.began_at or 0 <= age_s < max(FRESH_S, EFFORT * made.took_s))


def _make(source: Path, copy: Path) -> None:
    new = copy.with_suffix(".new")
    why = "there are no tables yet"
    for _ in range(TRIES):
        began = time.time()
        _remove(new)  # of a process that was killed
        try:
            if not _copied(source, new):
                why = "the tables are being written too fast to be copied"
                continue
            # Puts the log into the file; whoever asks then opens it for reading only.
            with duckdb.connect(str(new), config={"threads": 1, "memory_limit": "512MB"}) as connection:
                connection.execute("select count(*) from positions").fetchall()
                connection.execute("checkpoint")
        except FileNotFoundError:
            break
        except duckdb.Error as error:
            why = str(error).splitlines()[0]
        else:
            os.replace(new, copy)
            _note(copy).write_bytes(msgspec.json.encode(_Made(began, time.time() - began)))
            return
        finally:
            _remove(new)
    raise NoCopy(why)


def _remove(copy: Path) -> None:
    for path in (copy, _log(copy)):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _copied(source: Path, new: Path) -> bool:
    """Whether file and log belong together."""
    head = _head(source)
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(_log(source), _log(new))
    shutil.copyfile(source, new)
    return _head(source) == head


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _note(copy: Path) -> Path:
    return copy.with_suffix(".json")


def _log(path: Path) -> Path:
    return path.with_name(path.name + _LOG)
