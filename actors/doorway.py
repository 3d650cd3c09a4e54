"""A Unix socket in the data directory: whoever may read the directory may knock, a thread serves each who does.

For the rare and large: a state that is lent to a successor, the answer of a report. What comes a million times a second
has a loop of its own (`actors/socket_server.py`).
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for `path` that fits into the address of a socket, however deep it lies."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


class Doorway:
    """Listens from its making on; `close` ends it."""

    def __init__(self, path: Path, name: str, serve: Callable[[socket.socket], None], guests_max: int) -> None:
        """`serve` is called in a thread of its own and raises nothing; beyond `guests_max`, who comes is sent away."""
        self._path = path
        self._name = name
        self._serve = serve
        self._slots = threading.BoundedSemaphore(guests_max)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with short_path(path) as short:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(short)
            self._socket.bind(short)
            # Nobody else could reach it before: the directory is its owner's alone.
            os.chmod(short, 0o600)
        self._socket.listen(guests_max)
        threading.Thread(target=self._listen, name=f"{name}-door", daemon=True).start()

    def close(self) -> None:
        """Listen no more; who is inside is served to the end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        # Most ways to copy a directory stop at a socket.
        with contextlib.suppress(FileNotFoundError), short_path(self._path) as short:
            os.unlink(short)

    def _listen(self) -> None:
        while True:
            try:
                guest, _ = self._socket.accept()
            except OSError:
                return
            if not self._slots.acquire(blocking=False):
                guest.close()
                continue
            threading.Thread(target=self._let_in, args=(guest,), name=self._name, daemon=True).start()

    def _let_in(self, guest: socket.socket) -> None:
        try:
            with guest:
                self._serve(guest)
        finally:
            self._slots.release()
