"""A load generator on raw sockets: keep-alive connections, one request on each at a time, no pipelining.

Closed loop: every connection sends its next request when it has its answer. Open loop: requests are due at moments
drawn ahead, whatever the server does, and a latency counts from that moment, also while the request waits for a free
connection; so a server that stalls cannot hide what its callers wait. Requests are whole bytes made before.
"""

import select
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

CONNECT_S: Final = 10.0
SILENCE_S: Final = 30.0
"""Without any answer for so long, the run has failed."""
_PIECE: Final = 1 << 18
_END: Final = b"\r\n\r\n"


@dataclass(slots=True)
class Load:
    """What a run came to."""

    seconds: float
    latencies_ms: npt.NDArray[np.float64]
    status_of: npt.NDArray[np.uint16]
    """of each request's answer, in the same order"""
    bodies: list[bytes]
    """of the answers, when they were to be kept, in the order of the requests"""

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return len(self.latencies_ms) / self.seconds

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(self.status_of.tolist())

    def percentile(self, share: float, *statuses: int) -> float:
        """Milliseconds that this share of the requests (in per cent) did not exceed; only of those with `statuses`."""
        counted = np.isin(self.status_of, statuses) if statuses else slice(None)
        return float(np.percentile(self.latencies_ms[counted], share))

    def all_answered(self, status: int) -> None:
        """Every one with this status."""
        assert set(self.statuses) == {status}, self.statuses


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    send: Callable[[bytes | memoryview], int]
    receive: Callable[[int], bytes]
    number: int = -1
    """of the request under way"""
    due: float = 0.0
    left: memoryview = field(default_factory=lambda: memoryview(b""))
    """of the request, still to be sent"""
    pieces: list[bytes] = field(default_factory=list)
    missing: int = 0
    """bytes of the answer; 0 = its head is not complete"""


class Generator:
    """Connections to one server; use it in `with`."""

    def __init__(self, address: tuple[str, int], connections: int, *, keep: bool = False) -> None:
        """`keep` the bodies of the answers."""
        self._keep = keep
        self._poll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        for _ in range(connections):
            made = socket.create_connection(address, CONNECT_S)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setblocking(False)
            self._connections[made.fileno()] = _Connection(made, made.send, made.recv)
            self._poll.register(made.fileno(), select.EPOLLIN)

    def __enter__(self) -> "Generator":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections.values():
            connection.socket.close()
        self._poll.close()

    def closed_loop(self, requests: Sequence[bytes]) -> Load:
        """As fast as the answers come."""
        self._begin(requests)
        began = time.perf_counter()
        unsent = iter(range(len(requests)))
        for connection, number in zip(self._connections.values(), unsent, strict=False):
            self._send(connection, number, time.perf_counter())
        while self._answered < len(requests):
            ready = self._poll.poll(SILENCE_S)
            assert ready, f"no answer for {SILENCE_S} s"
            for descriptor, what in ready:
                connection = self._connections[descriptor]
                if self._advance(connection, what) and (number := next(unsent, -1)) >= 0:
                    self._send(connection, number, time.perf_counter())
        return self._load(time.perf_counter() - began)

    def open_loop(self, requests: Sequence[bytes], per_s: float, seed: int = 1) -> Load:
        """At moments with random gaps, `per_s` of them a second."""
        self._begin(requests)
        due = np.cumsum(np.random.default_rng(seed).exponential(1 / per_s, len(requests))).tolist()
        idle = deque(self._connections.values())
        waiting: deque[int] = deque()
        upcoming = 0
        began = last = time.perf_counter()
        while self._answered < len(requests):
            now = time.perf_counter() - began
            while upcoming < len(due) and due[upcoming] <= now:
                waiting.append(upcoming)
                upcoming += 1
            while waiting and idle:
                number = waiting.popleft()
                self._send(idle.popleft(), number, began + due[number])
            pause = due[upcoming] - (time.perf_counter() - began) if upcoming < len(due) else SILENCE_S
            # Not epoll's own wait, which counts whole milliseconds; select has microseconds, and an epoll is readable.
            select.select([self._poll.fileno()], [], [], max(0.0, pause))
            for descriptor, what in self._poll.poll(0):
                connection = self._connections[descriptor]
                if self._advance(connection, what):
                    idle.append(connection)
                    last = time.perf_counter()
            assert time.perf_counter() - last < SILENCE_S, f"no answer for {SILENCE_S} s"
        return self._load(time.perf_counter() - began)

    def _begin(self, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._answered = 0
        self._latencies = np.zeros(len(requests))
        self._statuses = np.zeros(len(requests), np.uint16)
        self._bodies: list[tuple[int, bytes]] = []

    def _load(self, seconds: float) -> Load:
        bodies = [body for _, body in sorted(self._bodies)]
        return Load(seconds, self._latencies * 1000, self._statuses, bodies)

    def _send(self, connection: _Connection, number: int, due: float) -> None:
        connection.number, connection.due = number, due
        request = self._requests[number]
        try:
            sent = connection.send(request)
        except BlockingIOError:
            sent = 0
        if sent < len(request):
            connection.left = memoryview(request)[sent:]
            self._poll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _go_on_sending(self, connection: _Connection) -> None:
        try:
            while connection.left:
                connection.left = connection.left[connection.send(connection.left) :]
        except BlockingIOError:
            return

    def _advance(self, connection: _Connection, what: int) -> bool:
        """Whether the answer is complete."""
        if what & select.EPOLLOUT:
            self._go_on_sending(connection)
            if not connection.left:
                self._poll.modify(connection.socket.fileno(), select.EPOLLIN)
        if not what & ~select.EPOLLOUT:
            return False
        piece = connection.receive(_PIECE)
        assert piece, "the server closed the connection"
        connection.pieces.append(piece)
        if connection.missing:
            connection.missing -= len(piece)
            return not connection.missing and self._complete(connection)
        got = piece if len(connection.pieces) == 1 else b"".join(connection.pieces)
        head = got.find(_END)
        if head < 0:
            return False
        connection.missing = head + len(_END) + _body_bytes(got[:head]) - len(got)
        return not connection.missing and self._complete(connection)

    def _complete(self, connection: _Connection) -> bool:
        number = connection.number
        self._latencies[number] = time.perf_counter() - connection.due
        self._statuses[number] = int(connection.pieces[0][9:12])
        if self._keep:
            self._bodies.append((number, b"".join(connection.pieces).split(_END, 1)[1]))
        connection.pieces.clear()
        self._answered += 1
        return True


def _body_bytes(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    assert at >= 0, head
    return int(lower[at + 17 :].split(b"\r\n", 1)[0])


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One request as bytes."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
