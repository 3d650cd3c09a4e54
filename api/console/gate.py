"""Before every page: who is it, and does the request come from our own pages? Plain ASGI, no NiceGUI.

Whoever is not signed in gets the sign-in page and the few files it is made of, and nothing else: no page, no script of
NiceGUI, no socket. A request that changes something, or opens a socket, must come from a page of this very host.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import quote, urlsplit

from api.console.sessions import COOKIE, Sessions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN: Final = frozenset(("/login", "/look/console.css", "/look/icon.svg", "/favicon.ico", "/alive"))
"""Paths for everybody."""
ACCOUNT: Final = "omnistock.account"
"""Where in the scope the gate leaves who it is."""
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (
        b"content-security-policy",
        # NiceGUI's pages are inline modules, and Vue compiles templates in the browser.
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; "
        b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    ),
]


class Gate:
    """Around the whole application."""

    def __init__(self, app: App, sessions: Sessions) -> None:
        self._app, self._sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path = scope["path"]
        if (kind == "websocket" or scope["method"] not in _SAFE) and not is_own(headers, kind == "websocket"):
            await _refuse(kind, 403, b"this request does not come from the console's own pages", send)
            return
        account = self._sessions.find(cookie(headers, COOKIE))
        if account is None and path not in OPEN:
            if kind == "http" and scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b""):
                await _to_login(scope, send)
            else:
                await _refuse(kind, 401, b"sign in first", send)
            return
        scope[ACCOUNT] = account

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except RuntimeError as error:
            # Starlette's way of saying that the browser went away before it was answered.
            if str(error) != "No response returned.":
                raise


def is_own(headers: dict[bytes, bytes], must_say: bool) -> bool:
    """Whether the browser says that one of our pages made this request; a socket has to be said to be ours."""
    origin = headers.get(b"origin")
    if origin is None:
        return not must_say and headers.get(b"sec-fetch-site", b"same-origin") in (b"same-origin", b"none")
    return urlsplit(origin.decode("latin-1")).netloc == headers.get(b"host", b"").decode("latin-1")


def cookie(headers: dict[bytes, bytes], name: str) -> str | None:
    """One cookie of a request."""
    try:
        found = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(name)
    except CookieError:
        return None
    return found.value if found is not None else None


def next_page(path: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    parts = urlsplit(path)
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and "\\" not in path
    return path if good and path.isprintable() and parts.path not in OPEN else "/"


async def _to_login(scope: Scope, send: Send) -> None:
    wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    target = "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='')}"
    headers = [(b"location", target.encode("latin-1", "ignore")), (b"cache-control", b"no-store"), *_HEADERS]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(kind: str, status: int, words: bytes, send: Send) -> None:
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 4000 + status})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words})
