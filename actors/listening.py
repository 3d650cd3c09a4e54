"""The listening sockets of the API: made by the supervisor, one per worker, all on one address.

The supervisor keeps them open over the death of a worker, so that callers of a restarted stack wait in the
backlog instead of being refused. One socket each (SO_REUSEPORT), because the kernel then spreads connections
evenly: of a shared one, the worker that wakes first accepts all that are waiting, and keeps them alive.
"""

import contextlib
import errno
import socket
from dataclasses import dataclass, field
from typing import Final

BACKLOG: Final = 2048


class AddressTaken(Exception):
    """Somebody listens there already, or may not be listened there."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason)
        self.host = host
        self.port = port
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot listen on {self.host} port {self.port}: {self.reason}"


@dataclass(slots=True)
class Listeners:
    """The sockets of all workers; `port` is the real one when 0 was asked for."""

    host: str
    port: int
    _family: socket.AddressFamily
    _sockets: dict[int, socket.socket] = field(default_factory=dict)

    @classmethod
    def bind(cls, host: str, port: int, workers: int) -> "Listeners":
        """Listen for all workers; raises AddressTaken."""
        try:
            family, _, _, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
            )[0]
            # With SO_REUSEPORT a second server of the same user would be let in: without it, it is refused.
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            reason = "another program listens there" if error.errno == errno.EADDRINUSE else str(error.strerror)
            raise AddressTaken(host, port, reason) from error
        listeners = cls(host, port, socket.AddressFamily(family))
        for worker in range(workers):
            listeners.socket_of(worker)
        return listeners

    def socket_of(self, worker: int) -> socket.socket:
        """The socket of this worker; stays the same over its deaths, and connections wait in its backlog."""
        if worker not in self._sockets:
            made = socket.socket(self._family, socket.SOCK_STREAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            # Accepted sockets inherit it. Without, an answer written in two pieces waits 40 ms for the caller's
            # delayed acknowledgement: asyncio sets the option only on sockets whose protocol number is said.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.bind((self.host, self.port))
            made.listen(BACKLOG)
            self.port = made.getsockname()[1]
            self._sockets[worker] = made
        return self._sockets[worker]

    @property
    def url(self) -> str:
        """Where callers find it."""
        host = f"[{self.host}]" if self._family is socket.AF_INET6 else self.host
        return f"http://{host}:{self.port}"

    @property
    def local_address(self) -> tuple[str, int]:
        """Where this machine itself can reach it, whatever it listens on."""
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
        return anywhere.get(self.host, self.host), self.port

    def close(self) -> None:
        """Take no new connection."""
        for made in self._sockets.values():
            with contextlib.suppress(OSError):
                made.close()
        self._sockets.clear()
