"""What a connection is held to before anything on it is a request: sizes, times, and one meaning of each byte.

uvicorn trusts that something stands in front of it. Here nothing need: a head has a size and a time, a body has a
time, an answer must be read, and connections are counted. What two readers of HTTP could take differently is refused
and ends the connection: so a request is one request, whatever proxy it came through. What cannot become a request is
answered behind the requests that came before it.
"""

import asyncio
from typing import Final, cast

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.asgi import Front
from api.deps import ApiLimits
from api.one_write import OneWrite
from api.status import Problem

LOOK_EVERY_S: Final = 2.0
"""How often a connection is looked at, at least: times are exact to that."""
_ONCE: Final = (b"host", b"authorization", b"idempotency-key", b"content-type")
"""Two of these would be two meanings."""
_OF_CONNECTIONS: Final = (b"close", b"keep-alive")
_NOBODYS_FAULT: Final = (httptools.HttpParserInvalidURLError, UnicodeDecodeError)
"""What uvicorn raises where it reads an address that is none."""

_log = structlog.get_logger(__name__)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol within limits; `limits` are the application's."""

    transport: OneWrite  # type: ignore[assignment]
    front: Front | None = None
    limits: ApiLimits
    _receiving_since: float | None = None
    """when the head, or else the body, of the request that is arriving began"""
    _in_head = False
    _idle_since: float | None = None
    _stalled_since: float | None = None
    _unread_bytes = 0
    """of the answers that the caller does not take, at the latest look"""
    _look: asyncio.TimerHandle | None = None
    unanswered = 0
    """requests whose heads are complete"""
    _refusal: Problem | None = None
    """what is answered when all before it is; nothing is read any more"""
    _framing_bytes = 0
    """that came in a row without completing a head or adding to a body"""
    moved = False
    """whether the bytes at hand did"""
    _fed_bytes = 0

    # ---- the life of a connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller is there."""
        super().connection_made(cast(asyncio.Transport, OneWrite(transport, self.loop)))
        self.front = self.app if isinstance(self.app, Front) else None
        self.limits = self.front.limits if self.front is not None else ApiLimits()
        if len(self.connections) > self.limits.connections:
            self._refuse(Problem(503, "unavailable", "too many connections", {"retry_after_ms": 1_000}))
            return
        self._idle_since = self.loop.time()
        limits = self.limits
        self._look_s = min(LOOK_EVERY_S, self.timeout_keep_alive, limits.head_s, limits.body_s, limits.unread_s)
        self._look = self.loop.call_later(self._look_s, self._look_at_it)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._count_unread(0)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        upgrades = 0
        while self._refusal is None:
            self.moved, self._fed_bytes = False, len(data)
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                upgrades += 1
                if upgrades > 1 or self.parser.get_method() == b"CONNECT":
                    self._refuse(_not_http("no tunnels"))
                    return
                data = self._without_upgrade() + data[upgrade.args[0] :]
                continue
            except httptools.HttpParserCallbackError as error:
                self._refuse(_meant(error))
            except httptools.HttpParserError as error:
                self._refuse(_not_http(str(error)))
            else:
                self._framing_bytes = 0 if self.moved else self._framing_bytes + len(data)
                if self._framing_bytes > self.limits.head_bytes:
                    self._refuse(_head_too_large(self.limits.head_bytes))
            return

    # ---- what the parser finds

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.begin_head()

    def begin_head(self) -> None:
        """The head of a request begins."""
        self._idle_since = None
        self._receiving_since = self.loop.time()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; what comes behind a body in pieces is none, whatever it says."""
        if self._in_head:
            # What uvicorn does, without another call for each.
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def check_head(self) -> tuple[str, dict[bytes, bytes]]:
        """The head is complete: its version and its fields. Raises Problem, which ends the connection, unless it
        means one thing."""
        self.moved = True
        headers, fields = self.headers, dict(self.headers)
        version = self.parser.get_http_version()
        if version != "1.1" and version != "1.0":
            raise _not_http("HTTP/1.1 is spoken here")
        if b"host" not in fields and version == "1.1":
            raise _not_http("a request without Host")
        if len(fields) < len(headers):
            names = [name for name, _ in headers]
            for name in _ONCE:
                if names.count(name) > 1:
                    raise _not_http(f"{name.decode()} is there twice")
        if b"transfer-encoding" in fields:
            codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
            if codings != [b"chunked"] or version == "1.0":
                raise _not_http("no other Transfer-Encoding than chunked, and that in HTTP/1.1")
        if self._framing_bytes + self._fed_bytes > self.limits.head_bytes:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in headers)
            if size > self.limits.head_bytes:
                raise _head_too_large(self.limits.head_bytes)
        return version, fields

    def begin_body(self) -> None:
        """The request is one that will be answered; its body begins."""
        self._in_head = False
        self._receiving_since = self.loop.time()
        self.unanswered += 1

    def on_headers_complete(self) -> None:
        """The request can be begun."""
        if self.parser.should_upgrade():
            return  # nothing here upgrades: see _without_upgrade
        self.check_head()
        super().on_headers_complete()
        self.begin_body()

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        self.moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        if self.parser.should_upgrade():
            return
        self.whole()
        super().on_message_complete()

    def whole(self) -> None:
        """No more of this request will come."""
        self._receiving_since, self.moved = None, True
        if not self.unanswered:
            self._idle_since = self.loop.time()  # it was answered before

    def on_response_complete(self) -> None:
        """The next request that came meanwhile, else a refusal that waited, else the connection is idle."""
        self.unanswered -= 1
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self._refusal is None:
            self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._refusal is not None:
            self._refuse_now(self._refusal)
        elif self._receiving_since is None:
            self._idle_since = self.loop.time()

    def _unset_keepalive_if_required(self) -> None:
        """There is no timer of uvicorn's own."""

    def _without_upgrade(self) -> bytes:
        """The head again, for a parser of its own, without the wish to speak another protocol.

        Java's HttpClient asks for h2c in its requests. The parser takes all that follows for the other protocol: a
        body would be lost, and `release` without one means everything.
        """
        lines = [b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)]
        for name, value in self.headers:
            if name == b"connection":
                value = b", ".join(word for word in value.split(b",") if word.strip().lower() in _OF_CONNECTIONS)
            if name != b"upgrade" and (value or name != b"connection"):
                lines.append(b"%s: %s" % (name, value))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    # ---- refusals

    def _refuse(self, problem: Problem) -> None:
        """Read no more, answer `problem` when every request before it has its answer, and hang up."""
        self._refusal = problem
        arriving = self._receiving_since is not None and not self._in_head
        self._receiving_since = self._idle_since = None
        if arriving and self.cycle is not None:
            if self.cycle.response_complete or getattr(self.cycle, "response_started", False):
                self.transport.close()  # it was answered before it was complete
                return
            if self.pipeline and self.pipeline[0][0] is self.cycle:
                self.pipeline.popleft()
            self.unanswered -= 1
            self.abandon()
        if self.unanswered:
            self.flow.pause_reading()
        else:
            self._refuse_now(problem)

    def abandon(self) -> None:
        """The request that is arriving will never be complete."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _refuse_now(self, problem: Problem) -> None:
        if self.front is not None:
            self.front.count_refusal(problem.status)
        self.write_last(problem)

    def write_last(self, problem: Problem) -> None:
        """The connection's last answer."""
        body = problem.body()
        lines = [STATUS_LINE[problem.status]]
        lines += [b"%s: %s\r\n" % each for each in [*self.server_state.default_headers, *problem.headers()]]
        lines += [b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body), body]
        self.transport.write_whole(b"".join(lines))
        self.transport.close()

    # ---- time

    def _look_at_it(self) -> None:
        """Whether the caller keeps the connection without using it."""
        now_s, limits = self.loop.time(), self.limits
        self._look = self.loop.call_later(self._look_s, self._look_at_it)
        if self._stalled_since is not None:
            before, now = self._unread_bytes, self._count_unread(self.transport.get_write_buffer_size())
            if now < before:
                self._stalled_since = now_s
            elif now_s - self._stalled_since > limits.unread_s:
                self.transport.abort()
                return
        if self._receiving_since is not None:
            patience_s = limits.head_s if self._in_head else limits.body_s
            if now_s - self._receiving_since > patience_s and not self.flow.read_paused:
                self._refuse(Problem(408, "too_slow", f"more than {patience_s:g} s"))
        elif self._idle_since is not None and now_s - self._idle_since > self.timeout_keep_alive:
            self.timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The caller does not read as fast as we write."""
        super().pause_writing()
        self._stalled_since = self.loop.time()
        self._count_unread(self.transport.get_write_buffer_size())
        if self.front is not None and self.front.unread_bytes > self.limits.unread_bytes:
            next(iter(self.front.unread)).transport.abort()

    def resume_writing(self) -> None:
        """It has taken almost everything."""
        super().resume_writing()
        self._stalled_since = None
        self._count_unread(0)

    def _count_unread(self, size: int) -> int:
        """Let the application know how much waits for this caller."""
        if self.front is not None:
            self.front.unread_bytes += size - self._unread_bytes
            if size:
                self.front.unread.setdefault(self)
            else:
                self.front.unread.pop(self, None)
        self._unread_bytes = size
        return size


def _meant(error: httptools.HttpParserCallbackError) -> Problem:
    """What a callback raised."""
    cause = error.__context__
    if isinstance(cause, Problem):
        return cause
    if isinstance(cause, _NOBODYS_FAULT):
        return _not_http("an address that is none")
    _log.error("request_failed", exc_info=cause)
    return Problem(500, "internal")


def _not_http(detail: str) -> Problem:
    return Problem(400, "invalid_http", detail)


def _head_too_large(bytes_max: int) -> Problem:
    return Problem(431, "too_large", f"a head of more than {bytes_max} bytes")
