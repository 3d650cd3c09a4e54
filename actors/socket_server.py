"""A shard's own door on its machine: batches over a Unix socket, beside Ray's calls and much cheaper.

A Ray call costs a core about a millisecond whatever is in it; a message here costs a few microseconds and one change
of threads. Ray goes on making, watching and ending the shard's process, and answers probes; what comes in here is the
same Batch, and goes to the same `submit`. A message is its length (four bytes, little-endian) and its bytes; a
connection carries one call at a time, and each has a thread, because `submit` blocks. The socket lies in the run's
private directory. Not being able to listen is no reason not to serve: callers that find no door call through Ray.
"""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from actors.shard_actor import ShardConfig
from actors.shard_home import HousedShard, ShardHome
from actors.transport import BATCHES_AT_ONCE

HEAD_BYTES: Final = 4
MESSAGE_BYTES_MAX: Final = 1 << 30

_SMALL_BYTES: Final = 1 << 16
_CALLERS_WAITING: Final = 64

_log = logging.getLogger(__name__)


class SocketServer:
    """Serves every connection to `path` until the process ends."""

    def __init__(self, path: Path, submit: Callable[[bytes], bytes]) -> None:
        """Begins to listen; raises OSError when it cannot."""
        self._submit = submit
        self._turns = threading.BoundedSemaphore(BATCHES_AT_ONCE)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Under a name of its own first: the door of a predecessor, which may still be open, is replaced at once.
        mine = path.with_name(f"{path.name}.{os.getpid()}")
        mine.unlink(missing_ok=True)
        self._listening.bind(str(mine))
        mine.chmod(0o600)
        self._listening.listen(_CALLERS_WAITING)
        mine.replace(path)
        threading.Thread(target=self._accept, name=f"socket-{path.name}", daemon=True).start()

    def close(self) -> None:
        """Take no more callers."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="socket", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """One caller's calls, one after another; what cannot be answered ends the connection."""
        with connection, contextlib.suppress(OSError):
            head = bytearray(HEAD_BYTES)
            while _filled(connection, head):
                size = int.from_bytes(head, "little")
                if size > MESSAGE_BYTES_MAX:
                    return
                message = bytearray(size)
                if not _filled(connection, message):
                    return
                try:
                    with self._turns:
                        reply = self._submit(bytes(message))
                except Exception:
                    _log.exception("a batch could not be answered")
                    return
                length = len(reply).to_bytes(HEAD_BYTES, "little")
                if len(reply) < _SMALL_BYTES:
                    connection.sendall(length + reply)
                else:
                    connection.sendall(length)
                    connection.sendall(reply)


class ListeningShard(HousedShard):
    """A shard whose process listens at `path`."""

    def __init__(self, config: ShardConfig, home: ShardHome, path: str) -> None:
        super().__init__(config, home)
        try:
            SocketServer(Path(path), self.submit)
        except OSError as error:
            _log.warning("shard %d has no socket, so calls go through Ray: %s", config.shard, error)


def _filled(connection: socket.socket, buffer: bytearray) -> bool:
    """Read until the buffer is full; False when the caller is gone."""
    left = memoryview(buffer)
    while left:
        count = connection.recv_into(left, len(left), socket.MSG_WAITALL)
        if not count:
            return False
        left = left[count:]
    return True
