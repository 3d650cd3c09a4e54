"""uvicorn's HTTP protocol, but requests on direct routes are served without ASGI in between.

For a request that is decided in microseconds ASGI is the larger part of the work: a scope, a task, an event, and two
messages each way. Here a request that is there as a whole goes to `Front.begin` as it stands, and its answer leaves in
one write. What is not that simple is left to uvicorn: other routes, streams, a key that is not known here, bodies that
are too large or of unknown length, a caller that waits for `100 Continue` or that does not read its answers, HTTP/1.0,
and a request that is sent before the one ahead of it is answered. `api.http_guard` holds both to their limits.
"""

from collections.abc import Awaitable
from time import perf_counter
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from actors.documents.keys import Principal
from api.asgi import Front
from api.direct import Answer, Direct, Exchange
from api.http_guard import GuardedProtocol
from api.status import Problem


class _Nobody:
    """Stands where uvicorn would wake whoever waits for more of a request."""

    def set(self) -> None:
        """There is nobody."""


_NOBODY: Final = _Nobody()


class _Exchange(Exchange):
    """One request and its answer; to uvicorn's protocol it is the cycle that is under way."""

    __slots__ = (
        "_protocol", "_size", "disconnected", "is_whole", "keep_alive", "pieces", "refusal", "response_complete",
    )  # fmt: skip

    message_event = _NOBODY

    def __init__(
        self,
        protocol: "DirectProtocol",
        route: Direct,
        name: str,
        headers: dict[bytes, bytes],
        query: bytes,
        principal: Principal,
        size: int,
    ) -> None:
        """`size`: of its body, for which there is room until it leaves."""
        self.route = route
        self.name = name
        self.headers = headers
        self.query = query
        self.principal = principal
        self.body = b""
        self.started = perf_counter()
        self._protocol = protocol
        self._size = size
        self.pieces: list[bytes] = []
        self.refusal: Problem | None = None
        """known before the body is there: what is left of it is read and forgotten"""
        self.is_whole = False
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False

    def take(self, piece: bytes) -> None:
        """A piece of the body."""
        if self.refusal is not None:
            return
        if not self.pieces:
            self.refusal = cast(Front, self._protocol.front).refusal(self, self._size, piece)
            if self.refusal is not None:
                self.leave()
                return
        self.pieces.append(piece)

    def answer(self, answer: Answer) -> None:
        """In one write, unless the caller is gone."""
        self.response_complete = True
        self.leave()
        if not self.disconnected:
            self._protocol.write_answer(answer, self.keep_alive)

    def wait_for(self, work: Awaitable[None]) -> None:
        """In a task that the server knows of."""
        self._protocol.spawn(work)

    def leave(self) -> None:
        """Its body's room is free again."""
        size, self._size = self._size, 0
        if size:
            cast(Front, self._protocol.front).bodies_bytes -= size


class DirectProtocol(GuardedProtocol):
    """For `uvicorn.Config(http=...)`."""

    _heads_of: list[tuple[bytes, bytes]] | None = None
    _default_head = b""

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        cycle: Any = self.cycle
        if type(cycle) is _Exchange and not cycle.is_whole:
            cycle.leave()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins; the scope is made when it turns out that somebody needs one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.begin_head()

    def on_headers_complete(self) -> None:
        """Ours, or uvicorn's."""
        if self.parser.should_upgrade():
            return
        exchange = self._exchange(*self.check_head())
        if exchange is not None:
            self.cycle = cast(Any, exchange)
            self.begin_body()
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        HttpToolsProtocol.on_message_begin(self)
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        HttpToolsProtocol.on_headers_complete(self)
        self.begin_body()

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        cycle: Any = self.cycle
        if type(cycle) is _Exchange:
            self.moved = True
            cycle.take(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        cycle: Any = self.cycle
        if type(cycle) is _Exchange and not cycle.is_whole:
            self.whole()
            cycle.is_whole = True
            front = cast(Front, self.front)
            if cycle.refusal is not None:
                front.refuse(cycle, cycle.refusal)
                return
            pieces = cycle.pieces
            cycle.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            front.begin(cycle)
        else:
            super().on_message_complete()

    def abandon(self) -> None:
        """The request that is arriving will never be complete."""
        cycle: Any = self.cycle
        if type(cycle) is _Exchange:
            cycle.is_whole = cycle.response_complete = True
            cycle.leave()
        else:
            super().abandon()

    # What an exchange needs

    def write_answer(self, answer: Answer, keep_alive: bool) -> None:
        """Head and body at once."""
        if self.transport.is_closing():
            return
        defaults = self.server_state.default_headers
        if defaults is not self._heads_of:  # uvicorn makes a new list for each second's date
            self._heads_of = defaults
            self._default_head = b"".join([b"%s: %s\r\n" % each for each in defaults])
        head = STATUS_LINE[answer.status] + self._default_head
        for each in answer.headers:
            head += b"%s: %s\r\n" % each
        last = b"" if keep_alive else b"connection: close\r\n"
        self.transport.write_whole(b"%scontent-length: %d\r\n%s\r\n%s" % (head, len(answer.body), last, answer.body))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def spawn(self, work: Awaitable[None]) -> None:
        """A task that a graceful end waits for."""
        task = self.loop.create_task(cast(Any, work))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _exchange(self, version: str, headers: dict[bytes, bytes]) -> _Exchange | None:
        """The request whose headers are complete, if it is ours."""
        front, parser = self.front, self.parser
        if front is None or (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused:
            return None
        if version != "1.1" or b"transfer-encoding" in headers or b"expect" in headers:
            return None
        method, name, query = parser.get_method(), "", b""
        route = front.plain.get((method, self.url))
        if route is None:
            if method != b"POST" and method != b"GET":
                return None
            path, _, query = self.url.partition(b"?")
            if path[:1] != b"/" or b"%" in path or b"#" in self.url or not path.isascii():
                return None
            route, name, _ = front.find(method.decode(), path.decode())
            if route is None:
                return None
        size = headers.get(b"content-length", b"0")
        if route.streams or not size.isdigit():
            return None
        principal = front.admitted(route, headers, int(size))
        if principal is None:
            return None
        exchange = _Exchange(self, route, name, headers, query, principal, int(size))
        exchange.keep_alive = parser.should_keep_alive()
        return exchange
