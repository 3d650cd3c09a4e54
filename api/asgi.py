"""The thin ASGI application in front of FastAPI: it serves the stock routes itself.

FastAPI costs 0.4 ms a request before a route's own code runs (measured on one core: 2.5 k requests/s with a
pydantic body, 4.5 k through Starlette's routing alone, 11.5 k bare). The routes here need none of it: they are
found in a dict, their bodies decoded by msgspec, their answers written by orjson. Keys, scopes, limits,
problem documents and metrics are the same as on the routes behind; the OpenAPI page shows both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from functools import partial
from time import perf_counter
from typing import Any, Final

import structlog

from actors.documents.keys import Principal
from actors.lone import LoneAnswer
from api.deps import Runtime
from api.direct import Answer, Call, Direct, Exchange, Finished, LoneCall, done, too_large
from api.metrics import HttpMetrics
from api.names import authenticate, known_principal
from api.security import check_scope
from api.status import Problem

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAINED_MAX: Final = 33_554_432
"""A refused body is read to its end up to this size, because most clients read no answer before they have sent it."""

_RETRY_AFTER_MS: Final = 1_000

_log = structlog.get_logger(__name__)


class ClientGone(Exception):
    """The caller hung up before its request was complete."""


class Front:
    """Serves direct routes, passes everything else on, counts both."""

    def __init__(self, behind: App, runtime: Runtime, routes: Sequence[Direct], metrics: HttpMetrics) -> None:
        self.behind = behind
        self._runtime = runtime
        self._metrics = metrics
        self._routes = {(route.method, _shape(route.path)): route for route in routes}
        self.plain = {(r.method.encode(), r.path.encode()): r for r in routes if "{" not in r.path}
        """routes by the method and the address of a request that says nothing more"""
        self._methods: dict[str, list[str]] = {}
        for method, shape in self._routes:
            self._methods.setdefault(shape, []).append(method)
        self.limits = runtime.limits
        self.bodies_bytes = 0
        """of the requests on direct routes that are arriving or being decided"""
        self.unread: dict[Any, None] = {}
        """connections that take their answers slower than these are written, the longest waiting first"""
        self.unread_bytes = 0
        """that wait for them"""

    def find(self, method: str, path: str) -> tuple[Direct | None, str, str]:
        """The direct route of a request, what its path names, and the path's shape."""
        route = self._routes.get((method, path))
        if route is not None:
            return route, "", path
        shape, name = _shape_and_name(path)
        return self._routes.get((method, shape)), name, shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
            return
        started = perf_counter()
        route, name, shape = self.find(scope["method"], scope["path"])
        if route is None and shape not in self._methods:
            await self._pass_on(scope, receive, send, started)
            return
        try:
            if route is None:
                answer = self._not_allowed(shape)
            else:
                answer = await self._guarded(route, self._answer(route, name, scope, receive))
        except ClientGone:
            return
        if answer.stream is None:
            headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await _stream(answer.stream, receive, send)
        self._metrics.count(route.path if route else "", scope["method"], answer.status, perf_counter() - started)

    def admitted(self, route: Direct, headers: dict[bytes, bytes], size: int) -> Principal | None:
        """Who sends a body of `size` that there is room for now; it has left when the caller takes it off
        `bodies_bytes`. None when somebody has to be asked or refused."""
        if size > self.body_bytes_max(route) or self.bodies_bytes + size > self.limits.bodies_bytes:
            return None
        try:
            principal = known_principal(self._runtime.directory, headers.get(b"authorization"), self._runtime.now_ms())
        except Problem:
            return None
        if principal is not None:
            self.bodies_bytes += size
        return principal

    def refusal(self, exchange: Exchange, size: int, beginning: bytes) -> Problem | None:
        """Of a body of `size` bytes that begins like this, when it is known that there is no room for it."""
        no_room = exchange.route.no_room
        return no_room(self._runtime, exchange.headers, size, beginning) if no_room is not None else None

    def refuse(self, exchange: Exchange, refusal: Problem) -> None:
        """The answer to a request whose body nobody kept."""
        self._send(exchange, _refusal(exchange.route, refusal))

    def begin(self, exchange: Exchange) -> None:
        """Serve a request that is there as a whole: at once, or with the shard's answer, or in a task of its own."""
        route, runtime = exchange.route, self._runtime
        try:
            call = self._call(
                route, exchange.name, exchange.headers, exchange.query, exchange.principal, runtime.now_ms()
            )
            call.body = exchange.body
            work = route.handler(call)
            if isinstance(work, LoneCall):
                answered = partial(self._lone_answered, exchange, work.finish)
                if runtime.client.lone_soon(work.row, work.texts, call.now_ms, answered):
                    return
        except Exception as error:
            self._send(exchange, _refusal(route, error))
        else:
            exchange.wait_for(self._serve(exchange, done(call, work)))

    def _lone_answered(self, exchange: Exchange, finish: Callable[[LoneAnswer], Finished], answer: LoneAnswer) -> None:
        try:
            finished = finish(answer)
        except Exception as error:
            finished = _refusal(exchange.route, error)
        if isinstance(finished, Answer):
            self._send(exchange, finished)
        else:
            exchange.wait_for(self._serve(exchange, finished))

    async def _serve(self, exchange: Exchange, work: Awaitable[Answer]) -> None:
        self._send(exchange, await self._guarded(exchange.route, work))

    def _send(self, exchange: Exchange, answer: Answer) -> None:
        exchange.answer(answer)
        route = exchange.route
        self._metrics.count(route.path, route.method, answer.status, perf_counter() - exchange.started)

    async def _answer(self, route: Direct, name: str, scope: Scope, receive: Receive) -> Answer:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        now_ms = self._runtime.now_ms()
        principal = await authenticate(self._runtime.directory, headers.get(b"authorization"), now_ms)
        call = self._call(route, name, headers, scope["query_string"], principal, now_ms)
        if route.method != "POST":
            return await done(call, route.handler(call))
        bytes_max = route.body_bytes(self._runtime)
        # A body of unknown length counts as the largest.
        size = min(announced_bytes(headers) or bytes_max, bytes_max)
        if self.bodies_bytes + size > self.limits.bodies_bytes:
            raise Problem(429, "overloaded", "too many large requests at once", {"retry_after_ms": _RETRY_AFTER_MS})
        self.bodies_bytes += size
        try:
            call.body = await read_body(headers, receive, bytes_max)
            return await done(call, route.handler(call))
        finally:
            self.bodies_bytes -= size

    def _call(
        self, route: Direct, name: str, headers: dict[bytes, bytes], query: bytes, principal: Principal, now_ms: int
    ) -> Call:
        if route.scopes:
            check_scope(principal, *route.scopes)
        return Call(self._runtime, principal, headers, query, now_ms, name)

    async def _guarded(self, route: Direct, work: Awaitable[Answer]) -> Answer:
        """Its answer, or that of the failure."""
        try:
            return await work
        except ClientGone:
            raise
        except Exception as error:
            return _refusal(route, error)

    def body_bytes_max(self, route: Direct) -> int:
        """How large a request's body may be."""
        return route.body_bytes(self._runtime) if route.method == "POST" else 0

    def count_refusal(self, status: int) -> None:
        """Something that did not become a request was answered."""
        self._metrics.count("", "", status, 0.0)

    def _not_allowed(self, shape: str) -> Answer:
        allowed = ", ".join(sorted(self._methods[shape]))
        problem = Problem(405, "method_not_allowed", f"allowed: {allowed}")
        return Answer(405, problem.body(), [*problem.headers(), (b"allow", allowed.encode())])

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, started: float) -> None:
        status = 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.behind(scope, receive, counted)
        finally:
            route = scope.get("route")
            self._metrics.count(getattr(route, "path", ""), scope["method"], status, perf_counter() - started)


def _refusal(route: Direct, error: Exception) -> Answer:
    """What is answered instead; called where the error is being handled."""
    if not isinstance(error, Problem):
        _log.exception("request_failed", path=route.path, method=route.method)
        error = Problem(500, "internal")
    return Answer(error.status, error.body(), error.headers())


def _shape(path: str) -> str:
    """The path with a star for its parameter."""
    return "/".join("*" if part.startswith("{") else part for part in path.split("/"))


def _shape_and_name(path: str) -> tuple[str, str]:
    """/v1/reservations/r17/confirm -> (/v1/reservations/*/confirm, r17)."""
    parts = path.split("/")
    if len(parts) < 4 or parts[1] != "v1" or not parts[3]:
        return path, ""
    name = parts[3]
    parts[3] = "*"
    return "/".join(parts), name


def announced_bytes(headers: dict[bytes, bytes]) -> int:
    """The body's length as the head says it; 0 when it does not."""
    announced = headers.get(b"content-length", b"0").strip()
    return int(announced) if announced.isdigit() else 0


async def read_body(headers: dict[bytes, bytes], receive: Receive, bytes_max: int) -> bytes:
    """The whole body, else 413 `too_large`: by what was announced, and by what came."""
    size = announced_bytes(headers)
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request" and size <= bytes_max:
        body: bytes = message.get("body", b"")
        if len(body) <= bytes_max:
            return body
    pieces: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= bytes_max:
            pieces.append(piece)
        if not message.get("more_body") or size > DRAINED_MAX:
            break
        message = await receive()
    if size > bytes_max:
        raise too_large(f"more than {bytes_max} bytes")
    return b"".join(pieces)


async def _stream(pieces: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Send pieces until they end or the caller hangs up; a slow caller holds up only itself."""

    async def pump() -> None:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def hung_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(pump()), asyncio.create_task(hung_up())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
