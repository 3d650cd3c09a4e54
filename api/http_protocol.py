"""uvicorn's HTTP protocol, but requests on direct routes are served without ASGI in between.

For a request that is decided in microseconds ASGI is the larger part of the work: a scope, a task, an event, and two
messages each way. Here a request that is there as a whole goes to `Front.begin` as it stands, and its answer leaves in
one write. What is not that simple is left to uvicorn: other routes, streams, bodies that are too large or of unknown
length, a caller that waits for `100 Continue`, an upgrade, HTTP/1.0, and a request that is sent before the one ahead of
it is answered.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.asgi import Front
from api.direct import Answer, Direct, Exchange
from api.one_write import OneWrite

_ODD: Final = (b"transfer-encoding", b"expect", b"upgrade")
"""a request with one of these headers is uvicorn's"""


class _Nobody:
    """Stands where uvicorn would wake whoever waits for more of a request."""

    def set(self) -> None:
        """There is nobody."""


_NOBODY: Final = _Nobody()


class _Exchange(Exchange):
    """One request and its answer; to uvicorn's protocol it is the cycle that is under way."""

    __slots__ = ("_protocol", "disconnected", "keep_alive", "more_body", "pieces", "response_complete")

    message_event = _NOBODY

    def __init__(
        self, protocol: "DirectProtocol", route: Direct, name: str, headers: dict[bytes, bytes], query: bytes
    ) -> None:
        super().__init__(route, name, headers, query)
        self._protocol = protocol
        self.pieces: list[bytes] = []
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False

    def answer(self, answer: Answer) -> None:
        """In one write, unless the caller is gone."""
        self.response_complete = True
        if not self.disconnected:
            self._protocol.write_answer(answer, self.keep_alive)

    def wait_for(self, work: Awaitable[None]) -> None:
        """In a task that the server knows of."""
        self._protocol.spawn(work)


class DirectProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=...)`."""

    transport: OneWrite  # type: ignore[assignment]
    _front: Front | None = None
    _idle_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None
    _heads_of: list[tuple[bytes, bytes]] | None = None
    _default_head = b""

    # uvicorn's own life of a connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller is there."""
        super().connection_made(cast(asyncio.Transport, OneWrite(transport, self.loop)))
        self._front = self.app if isinstance(self.app, Front) else None

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins; the scope is made when it turns out that somebody needs one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Ours, or uvicorn's."""
        exchange = self._exchange()
        if exchange is not None:
            self.cycle = cast(Any, exchange)
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        cycle: Any = self.cycle
        if type(cycle) is _Exchange:
            cycle.pieces.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        cycle: Any = self.cycle
        if type(cycle) is _Exchange:
            pieces = cycle.pieces
            cycle.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            cast(Front, self._front).begin(cycle)
        else:
            super().on_message_complete()

    # Idle connections: uvicorn sets and cancels a timer for each request; here one looks from time to time.

    def on_response_complete(self) -> None:
        """The next request that came meanwhile, else the connection is idle from now on."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _look_whether_idle(self) -> None:
        self._idle_timer = None
        if self._idle_since is None:
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._idle_timer = self.loop.call_later(left_s, self._look_whether_idle)
        else:
            self.timeout_keep_alive_handler()

    # What an exchange needs

    def write_answer(self, answer: Answer, keep_alive: bool) -> None:
        """Head and body at once."""
        if self.transport.is_closing():
            return
        defaults = self.server_state.default_headers
        if defaults is not self._heads_of:  # uvicorn makes a new list for each second's date
            self._heads_of = defaults
            self._default_head = b"".join([b"%s: %s\r\n" % each for each in defaults])
        head = [STATUS_LINE[answer.status], self._default_head]
        head += [b"%s: %s\r\n" % each for each in answer.headers]
        head.append(
            b"content-length: %d\r\n\r\n" % len(answer.body)
            if keep_alive
            else b"content-length: %d\r\nconnection: close\r\n\r\n" % len(answer.body)
        )
        head.append(answer.body)
        self.transport.write_whole(b"".join(head))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def spawn(self, work: Awaitable[None]) -> None:
        """A task that a graceful end waits for."""
        task = self.loop.create_task(cast(Any, work))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _exchange(self) -> _Exchange | None:
        """The request whose headers are complete, if it is ours."""
        front, parser = self._front, self.parser
        if front is None or (self.cycle is not None and not self.cycle.response_complete):
            return None
        method = parser.get_method()
        if (method != b"POST" and method != b"GET") or parser.should_upgrade():
            return None
        path, _, query = self.url.partition(b"?")
        if path[:1] != b"/" or b"%" in path or b"#" in self.url or not path.isascii():
            return None
        route, name, _ = front.find(method.decode(), path.decode())
        headers = dict(self.headers)
        if route is None or route.streams or parser.get_http_version() != "1.1":
            return None
        for odd in _ODD:
            if odd in headers:
                return None
        size = headers.get(b"content-length", b"0")
        if not size.isdigit() or int(size) > front.body_bytes_max(route):
            return None
        exchange = _Exchange(self, route, name, headers, query)
        exchange.keep_alive = parser.should_keep_alive()
        return exchange
