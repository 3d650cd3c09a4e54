"""What a key may do: the scope that each command wants.

A request is refused as a whole: when one row of an array wants a scope that the key lacks, nothing runs.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from actors.documents.keys import Principal
from api import schemas as s
from api.deps import get_runtime
from api.names import authenticate
from api.status import Problem
from engine.kinds import Kind

SCOPE_OF_KIND: Final[dict[int, str]] = {
    Kind.RECEIVE: "stock",
    Kind.EXPECT: "stock",
    Kind.ADJUST: "stock",
    Kind.TRANSFER: "stock",
    Kind.CONFIGURE: "stock",
    Kind.SELL: "sell",
    Kind.RETURN: "sell",
    Kind.RESERVE: "reserve",
    Kind.CONFIRM: "reserve",
    Kind.RELEASE: "reserve",
    Kind.FULFIL: "reserve",
    Kind.EXTEND: "reserve",
}
SCOPE_OF: Final = {command: SCOPE_OF_KIND[kind] for command, kind in s.KIND_OF.items()}


def check_scope(principal: Principal, *scopes: str) -> None:
    """403 `forbidden` unless the key has one of `scopes`."""
    if not any(map(principal.may, scopes)):
        raise Problem(403, "forbidden", f"the key lacks the scope {' or '.join(scopes)}")


def check_commands(principal: Principal, commands: Iterable[s.AnyCommand]) -> None:
    """403 `forbidden` unless the key has the scope of every command."""
    if principal.admin:
        return
    needed = {SCOPE_OF[kind] for kind in set(map(type, commands))}
    if any(type(command) is s.Sell and command.settled for command in commands):
        needed.add("store")
    for scope in sorted(needed):
        check_scope(principal, scope)


_bearer = HTTPBearer(auto_error=False, description="an API key, made by `omnistock keys create`")


def require(*scopes: str) -> Callable[..., Awaitable[Principal]]:
    """A FastAPI dependency: the caller, whose key has one of `scopes` (with none given: any key in force)."""

    async def principal(request: Request, _: HTTPAuthorizationCredentials | None = Depends(_bearer)) -> Principal:
        runtime = get_runtime(request)
        header = request.headers.get("authorization")
        found = await authenticate(runtime.directory, header.encode() if header else None, runtime.now_ms())
        if scopes:
            check_scope(found, *scopes)
        return found

    return principal
