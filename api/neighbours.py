"""Callers who wait at the door of a worker that is away: killed, stopped, or not up yet.

Each worker has a listening socket of its own (`actors.listening`), and the kernel gives it its share of new connections
whether anybody takes them or not. So a worker looks at the others' sockets too, several times a second, and lets in who
has been found waiting there a few times in a row. Whoever is served so stays, also when the other worker is back.
"""

import select
import socket
from collections.abc import Callable, Sequence
from typing import Final

LOOKS: Final = 3
"""in a row that find somebody waiting: a worker that runs takes its callers between two of them"""
TAKEN_AT_ONCE: Final = 256
"""from one socket at one look: what is taken has to be served"""


class Neighbours:
    """The listening sockets of the other workers; `serve` gets each connection that was taken over."""

    def __init__(self, sockets: Sequence[socket.socket], serve: Callable[[socket.socket], None]) -> None:
        self._sockets = {each.fileno(): each for each in sockets}
        self._serve = serve
        self._found = dict.fromkeys(self._sockets, 0)
        """looks in a row that found somebody waiting"""
        self._poll = select.poll()
        for descriptor, each in self._sockets.items():
            # Somebody else may be quicker: then there is nobody to wait for.
            each.setblocking(False)
            self._poll.register(descriptor, select.POLLIN)

    def look(self) -> None:
        """Called again and again; never waits."""
        if not self._sockets:
            return
        waiting = {descriptor for descriptor, _ in self._poll.poll(0)}
        for descriptor, own in self._sockets.items():
            self._found[descriptor] = self._found[descriptor] + 1 if descriptor in waiting else 0
            if self._found[descriptor] >= LOOKS:
                self._take(own)

    def _take(self, own: socket.socket) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                connection, _ = own.accept()
            except OSError:  # nobody is left, or hung up, or there is no descriptor for one more
                return
            self._serve(connection)

    def close(self) -> None:
        """Look no more: a socket that is still held open here would go on letting callers wait."""
        for descriptor, own in self._sockets.items():
            self._poll.unregister(descriptor)
            own.close()
        self._sockets.clear()
