"""A line over TCP: a printer's port 9100, a serial-to-network box."""

import contextlib
import errno
import os
import select
import socket
import struct
import threading
from typing import Any, Final

from devices.clock import Clock, Waker
from devices.transports.descriptor import DescriptorLine
from devices.transports.line import LineRefused

KEEPALIVE_IDLE_S: Final = 30
"""A printer that vanished without a word is found by keepalives; most close idle lines after five minutes anyway."""
KEEPALIVE_EVERY_S: Final = 10
KEEPALIVE_LOST: Final = 3


class TcpLine(DescriptorLine):
    """One socket to `host:port`, held for as long as the driver wants: a printer serves one client at a time."""

    def __init__(self, host: str, port: int, clock: Clock, waker: Waker) -> None:
        super().__init__(f"tcp://{host}:{port}", clock, waker)
        self._address = (host, port)
        self._socket: socket.socket | None = None

    def _connect(self, deadline: float) -> int:
        refused: LineRefused | None = None
        for family, address in self._found(deadline):  # a name may have an address at which nobody listens
            try:
                return self._connected(family, address, deadline)
            except LineRefused as error:
                refused = refused or error
        raise refused or LineRefused(self.where, "its name has no address")

    def _found(self, deadline: float) -> list[tuple[int, Any]]:
        """The addresses of its name; looking one up has no deadline of its own, so a thread waits for that."""
        answers: list[list[tuple[int, Any]] | OSError] = []

        def look_up() -> None:
            try:
                found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
                answers.append([(family, address) for family, _, _, _, address in found])
            except OSError as error:
                answers.append(error)

        looking = threading.Thread(target=look_up, name=f"name of {self.where}", daemon=True)
        looking.start()
        looking.join(max(0.0, deadline - self._clock.now()))
        if not answers:
            raise LineRefused(self.where, "no answer to its name")
        found = answers[0]
        if isinstance(found, OSError):
            raise LineRefused(self.where, (found.strerror or str(found)).lower()) from found
        return found

    def _connected(self, family: int, address: Any, deadline: float) -> int:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            self._shake_hands(connection, address, deadline)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_LOST)
        except OSError as error:
            connection.close()
            raise LineRefused(self.where, (error.strerror or str(error)).lower()) from error
        except BaseException:
            connection.close()
            raise
        self._socket = connection
        return connection.fileno()

    def _shake_hands(self, connection: socket.socket, address: Any, deadline: float) -> None:
        outcome = connection.connect_ex(address)
        if outcome == errno.EINPROGRESS:
            poll = select.poll()
            poll.register(connection, select.POLLOUT)
            if not poll.poll(max(0.0, (deadline - self._clock.now()) * 1000)):
                raise LineRefused(self.where, "no answer")
            outcome = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if outcome:
            raise OSError(outcome, os.strerror(outcome))

    def _disconnect(self, descriptor: int, *, throw_away: bool) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            if throw_away:
                # Otherwise the system goes on delivering a job that was given up long ago.
                with contextlib.suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
