"""The standby's side of a hand-over: listens in the data directory, lends each state to whoever asks for it.

A thread listens, a thread per hand-over serves; what they lend comes from `actors.warm_shard`, which lets it stand
still as long as the loan lasts.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.handover import (
    ASK,
    COPY_S,
    DONE,
    FORMAT,
    WORD_S,
    Kept,
    Lent,
    NoHandOver,
    Refused,
    close_all,
    receive,
    send,
    short_path,
)

HAND_OVERS_MAX: Final = 64
"""At a time; more than there are shards on a machine."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loan:
    """What is lent."""

    lent: Lent
    descriptor: int
    """of the memory, for reading; the lender closes it"""


class Lending:
    """`close` ends it."""

    def __init__(self, path: Path, lend: Callable[[int], AbstractContextManager[Loan]]) -> None:
        """`lend` raises NoHandOver."""
        self._lend = lend
        self._path = path
        self._slots = threading.BoundedSemaphore(HAND_OVERS_MAX)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with short_path(path) as name:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            self._socket.bind(name)
            # Nobody else could reach it before: the directory is its owner's alone.
            os.chmod(name, 0o600)
        self._socket.listen(HAND_OVERS_MAX)
        threading.Thread(target=self._listen, name="lending", daemon=True).start()

    def close(self) -> None:
        """Listen no more; what is lent is not taken back."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        # Most ways to copy a directory stop at a socket.
        with contextlib.suppress(FileNotFoundError), short_path(self._path) as name:
            os.unlink(name)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if not self._slots.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), name="hand-over", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._hand_over(connection)
        except (OSError, ValueError) as error:  # the successor goes on without, and so do we
            _log.warning("a hand-over broke off: %s", error)
        finally:
            self._slots.release()

    def _hand_over(self, connection: socket.socket) -> None:
        asked, descriptors = receive(connection, ASK, time.monotonic() + WORD_S)
        close_all(descriptors)
        began = time.monotonic()
        try:
            if asked.format != FORMAT:
                raise NoHandOver(f"format {asked.format} is not known to this standby")
            with self._lend(asked.shard) as loan:
                lent_s = time.monotonic() - began
                connection.settimeout(WORD_S)
                send(connection, loan.lent, (loan.descriptor,))
                self._until_done(connection)
        except NoHandOver as error:
            connection.settimeout(WORD_S)
            send(connection, Refused(str(error)))
            return
        _log.info(
            "shard %d: handed over at %d, after %.2f s to catch up and %.2f s to copy",
            asked.shard, loan.lent.seq, lent_s, time.monotonic() - began - lent_s,
        )  # fmt: skip

    def _until_done(self, connection: socket.socket) -> None:
        _, descriptors = receive(connection, DONE, time.monotonic() + COPY_S)
        close_all(descriptors)
        connection.settimeout(WORD_S)
        send(connection, Kept())
