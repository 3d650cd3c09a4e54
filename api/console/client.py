"""The console's way to the API: HTTP like any other client, with named waits and errors that pages can show.

Reads go with the console's own key, and many pages that ask the same thing within a moment share one answer; changes
go with the key of the user who makes them.
"""

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import orjson

TIMEOUT_S: Final = 60.0
CONNECT_S: Final = 5.0
CONNECTIONS: Final = 24
QUESTIONS: Final = 2
"""reports and explanations asked for at once: the analytics take four, and others ask them too"""
BUSY_TRIES: Final = 4
BUSY_S: Final = 0.5
PAGES_MAX: Final = 20
"""pages of 1,000 that are read of a list"""
SHARED_MAX: Final = 500
"""answers kept for a moment"""
PREVIEW_BYTES: Final = 768 * 1024
"""of a report that a page shows; all of it is in the download"""

Params = Mapping[str, str | int | None]


class ApiProblem(Exception):
    """The API refused, or did not answer (status 0)."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.status, self.code, self.detail = status, code, detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class Api:
    """One connection pool, one key."""

    def __init__(self, url: str, key: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.url = url
        self._http = httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(TIMEOUT_S, connect=CONNECT_S),
            limits=httpx2.Limits(max_connections=CONNECTIONS),
            transport=transport,
            trust_env=False,
        )
        self._questions = asyncio.Semaphore(QUESTIONS)
        self._shared: OrderedDict[tuple[Any, ...], tuple[float, asyncio.Task[Any]]] = OrderedDict()

    async def close(self) -> None:
        """End its connections."""
        for _, task in self._shared.values():
            task.cancel()
        await self._http.aclose()

    async def get(self, path: str, params: Params | None = None) -> Any:
        """JSON, a text, or a picture's bytes; raises ApiProblem."""
        if not is_question(path):
            return await self._call("GET", path, params=_given(params))
        async with self._questions:
            for left in reversed(range(BUSY_TRIES)):
                try:
                    return await self._call("GET", path, params=_given(params))
                except ApiProblem as problem:
                    if problem.status != 429 or not left:
                        raise
                await asyncio.sleep(BUSY_S)
        raise AssertionError("unreachable")

    async def shared(self, path: str, params: Params | None = None, *, for_s: float = 5.0) -> Any:
        """The same, or the answer that somebody got to the same question less than `for_s` ago."""
        key = (path, tuple(sorted(_given(params).items())))
        found = self._shared.get(key)
        if found is None or time.monotonic() - found[0] > for_s:
            found = (time.monotonic(), asyncio.create_task(self.get(path, params)))
            self._shared[key] = found
            self._shared.move_to_end(key)
            while len(self._shared) > SHARED_MAX:
                self._shared.popitem(last=False)
        try:
            # A page that is closed must not take the answer from the others.
            return await asyncio.shield(found[1])
        except ApiProblem:
            if self._shared.get(key) is found:
                del self._shared[key]
            raise

    async def ask(self, path: str, body: Any) -> Any:
        """POST that only reads."""
        return await self._call("POST", path, json=body)

    async def change(self, key: str, method: str, path: str, body: Any = None) -> Any:
        """A change by the user with this key; a call that got lost is sent once more with the same id."""
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())}
        request: dict[str, Any] = {"headers": headers} | ({} if body is None else {"json": body})
        try:
            done = await self._call(method, path, **request)
        except ApiProblem as problem:
            if problem.status not in (0, 429, 503):
                raise
            await asyncio.sleep(0.3)
            done = await self._call(method, path, **request)
        # Whoever changed one of a kind must not be shown what these were before.
        kind = "/".join(path.split("/")[:3])
        for asked in [asked for asked in self._shared if asked[0].startswith(kind)]:
            del self._shared[asked]
        return done

    async def as_user(self, key: str, path: str, params: Params | None = None) -> Any:
        """A read that only this user may make."""
        return await self._call("GET", path, params=_given(params), headers={"Authorization": f"Bearer {key}"})

    async def preview(self, path: str, params: Params) -> tuple[dict[str, Any], bool]:
        """(a report, whether that is all of it): the first PREVIEW_BYTES, however large it is."""
        pieces: list[bytes] = []
        size = 0
        async with self._questions, self.stream(path, {**params, "format": "json"}) as answer:
            async for piece in answer.aiter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size >= PREVIEW_BYTES:
                    break
            else:
                whole: dict[str, Any] = orjson.loads(b"".join(pieces))
                return whole, True
        return begun(b"".join(pieces)), False

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """An answer piece by piece; raises ApiProblem unless it is a good one."""
        try:
            async with self._http.stream("GET", path, params=_given(params), headers=dict(headers or {})) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _problem(answer)
                yield answer
        except httpx2.TransportError as error:
            raise ApiProblem(0, "unavailable", type(error).__name__) from None

    async def _call(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = await self._http.request(method, path, **request)
        except httpx2.TransportError as error:
            raise ApiProblem(0, "unavailable", type(error).__name__) from None
        if not answer.is_success:
            raise _problem(answer)
        kind = answer.headers.get("content-type", "")
        if kind.startswith("text/"):
            return answer.text
        if kind.startswith("image/"):
            return answer.content
        return orjson.loads(answer.content) if answer.content else None


async def all_pages(page: Callable[[Params], Awaitable[Any]]) -> list[dict[str, Any]]:
    """A list's items, PAGES_MAX pages of them at most; `page` asks for one by its `limit` and `cursor`."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        found = await page({"limit": 1_000, "cursor": cursor})
        items += found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    return items


def is_question(path: str) -> bool:
    """Whether the analytics answer this, of whom only a few may be asked at once."""
    return path.startswith(("/v1/reports/", "/v1/explain/", "/v1/alerts")) or path.endswith(
        ("/explain", "/suggestions")
    )


def begun(data: bytes) -> dict[str, Any]:
    """The report of which this is the beginning: all rows that are whole."""
    end = len(data)
    while (end := data.rfind(b"],[", 0, end)) > 0:
        try:
            found: dict[str, Any] = orjson.loads(data[:end] + b"]]}")
        except orjson.JSONDecodeError:
            continue  # those three were inside a text
        return found
    return {"columns": [], "rows": []}


def _given(params: Params | None) -> dict[str, str | int]:
    return {name: value for name, value in (params or {}).items() if value not in (None, "")}


def _problem(answer: httpx2.Response) -> ApiProblem:
    try:
        body = orjson.loads(answer.content)
        return ApiProblem(
            answer.status_code, str(body.get("code", "")), str(body.get("detail") or body.get("title", ""))
        )
    except (orjson.JSONDecodeError, AttributeError):
        return ApiProblem(answer.status_code, f"{answer.status_code}", "")
