"""From the documents' writer and directory to answers: verdicts become problems, an unreadable database a 503."""

from collections.abc import Awaitable
from typing import Final, TypeVar

from fastapi import Request

from actors.documents.directory import DirectoryUnavailable
from actors.documents.messages import Verdict
from api.asgi import ClientGone, read_body
from api.status import STATUS_OF, Problem, away
from engine.outcomes import Outcome

RETRY_AFTER_MS: Final = 1_000

T = TypeVar("T")


def check(verdict: Verdict) -> Verdict:
    """The verdict if it is `ok`, else its problem."""
    if verdict.outcome == Outcome.OK:
        return verdict
    if verdict.outcome in (Outcome.UNAVAILABLE, Outcome.OVERLOADED):
        raise away(verdict.outcome, RETRY_AFTER_MS)
    raise Problem(STATUS_OF[verdict.outcome], verdict.outcome.text, verdict.detail)


async def reading(query: Awaitable[T]) -> T:
    """What the directory reads, else 503 `unavailable`."""
    try:
        return await query
    except DirectoryUnavailable:
        problem = away(Outcome.UNAVAILABLE, RETRY_AFTER_MS)
        problem.detail = "the documents cannot be read"
        raise problem from None


async def body_of(request: Request, bytes_max: int) -> bytes:
    """The body of a request on a FastAPI route, else 413 `too_large`."""
    try:
        return await read_body(dict(request.scope["headers"]), request.receive, bytes_max)
    except ClientGone:
        raise Problem(400, "invalid_json", "the caller hung up before the end of the body") from None
