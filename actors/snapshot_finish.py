"""The second half of a snapshot: the hash of the state, the digest, the sync, the name. A process of its own.

`python -m actors.snapshot_finish FILE ID_WINDOW_MS`, started by the standby once the state has been copied into the
file, at low priority. In the standby itself it would hold the interpreter's lock while it waits for a processor, and
the folding would wait with it.
"""

import argparse
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from actors.shard_limits import shard_limits
from actors.snapshot import SnapshotFile
from engine.shard import Shard

NICENESS: Final = 10
_LOOK_EVERY_S: Final = 0.25


def finish(new: Path, id_window_ms: int) -> Path:
    """Put the copied state under its name; raises OSError, ValueError."""
    with SnapshotFile.resume(new) as file:
        return file.finish(Shard.over(shard_limits(), file.arrays(), id_window_ms).state_hash())


def finish_apart(new: Path, id_window_ms: int, stopping: threading.Event) -> None:
    """The same in a process of its own, which is ended when `stopping` is set; raises OSError when it was not done."""
    command = [sys.executable, "-m", "actors.snapshot_finish", str(new), str(id_window_ms)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        while not stopping.is_set():
            try:
                code = process.wait(_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
            if code:
                raise OSError(f"{new} was not finished: exit code {code}")
            return
    finally:
        process.kill()
        process.wait()
    new.unlink(missing_ok=True)


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser("actors.snapshot_finish", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("id_window_ms", type=int)
    given = parser.parse_args()
    os.nice(NICENESS)
    finish(given.file, given.id_window_ms)


if __name__ == "__main__":
    main()
