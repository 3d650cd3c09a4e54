"""Starting and ending other people's servers: a temporary directory, a free port or a socket, an end by pid."""

import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from actors.process_group import die_with_parent

START_S: Final = 60.0
STOP_S: Final = 30.0


@contextmanager
def running(
    command: Sequence[str | Path], directory: Path, answers: Callable[[], bool], *, user: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The server, from its first answer on; ended at once, for nobody wants its data any more."""
    log = directory / "log"
    with log.open("wb") as words:
        process = subprocess.Popen(
            command,
            user=user,
            stdout=words,
            stderr=words,
            cwd=directory,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    try:
        give_up_at = time.monotonic() + START_S
        while not answers():
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{command[0]} does not answer: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGQUIT if user is not None else signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def other_user() -> int | None:
    """Whom a server that refuses to be root runs as; None when this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return None
