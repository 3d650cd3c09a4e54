"""The standby's side of a hand-over: listens in the data directory, lends each state to whoever asks for it.

A thread per hand-over serves; what it lends comes from `actors.warm_shard`, which lets it stand still as long as the
loan lasts.
"""

import logging
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.doorway import Doorway
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
        self._door = Doorway(path, "hand-over", self._serve, HAND_OVERS_MAX)

    def close(self) -> None:
        """Listen no more; what is lent is not taken back."""
        self._door.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._hand_over(connection)
        except (OSError, ValueError) as error:  # the successor goes on without, and so do we
            _log.warning("a hand-over broke off: %s", error)

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
