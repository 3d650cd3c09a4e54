"""What a direct route is: one that is served in front of FastAPI, with its request, its handler and its answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from actors.documents.keys import Principal
from actors.lone import LoneAnswer
from api.deps import Runtime
from api.status import Headers, Problem

JSON: Final[Headers] = [(b"content-type", b"application/json")]


@dataclass(slots=True)
class Call:
    """One request on a direct route."""

    runtime: Runtime
    principal: Principal
    headers: dict[bytes, bytes]
    query: bytes
    now_ms: int
    """when it arrived"""
    name: str = ""
    """what the path names: a SKU, a reservation or a command"""
    body: bytes = b""


class Answer(NamedTuple):
    """What goes back: a body, or a stream of pieces."""

    status: int
    body: bytes
    headers: Headers = JSON
    stream: AsyncIterator[bytes] | None = None


Finished = Answer | Awaitable[Answer]
"""an answer, or what has to be waited for to have it"""


class LoneCall(NamedTuple):
    """A request that is one row, and how its answer is written."""

    row: bytes
    """a COMMAND row, packed"""
    texts: bytes
    finish: Callable[[LoneAnswer], Finished]


Work = LoneCall | Awaitable[Answer]
"""what a request takes; a row needs no task for it"""
Handler = Callable[[Call], Work]


async def done(call: Call, work: Work) -> Answer:
    """The answer, for whoever waits in a task."""
    if isinstance(work, LoneCall):
        return await waited(work.finish(await call.runtime.client.lone(work.row, work.texts)))
    return await work


async def waited(finished: Finished) -> Answer:
    """The answer itself."""
    return finished if isinstance(finished, Answer) else await finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """A route that is served in front of FastAPI."""

    method: str
    path: str
    """as the OpenAPI page shows it; at most one {parameter}"""
    handler: Handler
    scopes: tuple[str, ...] = ()
    """the key needs one of these; with none given the handler decides"""
    body_bytes: Callable[[Runtime], int] = lambda _: 0
    no_room: Callable[[Runtime, dict[bytes, bytes], int, bytes], Problem | None] | None = None
    """the refusal of a body with these headers, of so many bytes, that begins like this: nobody keeps what follows"""
    streams: bool = False
    """the answer may be a stream"""
    docs: dict[str, Any] = field(default_factory=dict)
    """the OpenAPI operation"""


class Exchange:
    """One request with its whole body on a direct route, from a server that needs no ASGI for it."""

    __slots__ = ("body", "headers", "name", "principal", "query", "route", "started")

    route: Direct
    name: str
    headers: dict[bytes, bytes]
    query: bytes
    principal: Principal
    body: bytes
    started: float
    """by perf_counter"""

    def answer(self, answer: Answer) -> None:
        """Send it; called once."""
        raise NotImplementedError

    def wait_for(self, work: Awaitable[None]) -> None:
        """Have `work` done, which calls `answer`."""
        raise NotImplementedError


def too_large(detail: str) -> Problem:
    """413."""
    return Problem(413, "too_large", detail)
