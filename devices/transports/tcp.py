"""A line over TCP: a printer's port 9100, a serial-to-network box."""

import contextlib
import errno
import os
import select
import socket
import struct
from typing import Final

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
        try:
            found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
        except OSError as error:
            raise LineRefused(self.where, error.strerror or str(error)) from error
        family, kind, protocol, _, address = found[0]
        connection = socket.socket(family, kind, protocol)
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

    def _shake_hands(self, connection: socket.socket, address: object, deadline: float) -> None:
        outcome = connection.connect_ex(address)  # type: ignore[arg-type]
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
