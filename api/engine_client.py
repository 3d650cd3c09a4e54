"""A client of the engine's HTTP API, as the replay and the demo use it: asyncio, patient, no rules of its own.

A call that was not served (no connection, a time-out, 429, 503) is told apart from one that was refused: the first
raises `NotServed` or is waited out, the second raises `Refused`. Nothing here decides what to send again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Final

import httpx2
import orjson

from actors.logs import escaped
from api import arrow_client

TIMEOUT_S: Final = 60.0
"""Longest wait for one answer."""
PATIENCE_S: Final = 180.0
"""How long a call is tried again before the engine counts as gone."""
FEED_PAGE: Final = 1_000
FEED_STREAM_PAGE: Final = 50_000
"""Events of a page asked for as Arrow."""
BODY_CHARS_MAX: Final = 4_000
"""Kept of the body of a refusal: the problem and some twenty of its lines, and never megabytes in a log."""
_JSON: Final = {"Content-Type": "application/json"}


class NotServed(Exception):
    """The call may or may not have run: try again, with the same ids."""

    def __init__(self, why: str, retry_after_s: float) -> None:
        super().__init__(why, retry_after_s)
        self.why = why
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.why


class Refused(Exception):
    """The engine answered with a status that trying again will not change."""

    def __init__(self, call: str, status: int, body: str) -> None:
        super().__init__(call, status, body)
        self.call, self.status, self.body = call, status, body

    def __str__(self) -> str:
        return escaped(f"{self.call}: {self.status} {self.body}")


def _shortened(body: str) -> str:
    more = len(body) - BODY_CHARS_MAX
    return body if more <= 0 else f"{body[:BODY_CHARS_MAX]} ... {more} more"


class EngineClient:
    """One connection pool to one engine, with one API key."""

    def __init__(self, url: str, key: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._http = httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=False,
        )
        self._feed_streams = True

    async def __aenter__(self) -> "EngineClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def once(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One call; raises NotServed or Refused unless the answer is 2xx."""
        try:
            answer = await self._http.request(method, path, **request)
        except httpx2.TransportError as error:
            raise NotServed(f"{type(error).__name__} on {path}", 0.2) from error
        if answer.status_code in (429, 503):
            raise NotServed(f"{answer.status_code} on {path}", float(answer.headers.get("Retry-After", "0.2")))
        if not answer.is_success:
            raise Refused(f"{method} {path}", answer.status_code, _shortened(answer.text))
        return answer

    async def patiently(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """The same, tried again until PATIENCE_S are over: for reads and for calls with an idempotency key."""
        started = time.monotonic()
        while True:
            try:
                return await self.once(method, path, **request)
            except NotServed as failed:
                if time.monotonic() - started > PATIENCE_S:
                    raise
                await asyncio.sleep(min(failed.retry_after_s, 1.0))

    async def put(self, path: str, document: dict[str, Any]) -> None:
        """PUT a document; the same one twice changes nothing."""
        await self.patiently("PUT", path, content=orjson.dumps(document), headers=_JSON)

    async def post(self, path: str, body: Any, idempotency_key: str | None = None) -> Any:
        """POST JSON and read JSON."""
        headers = _JSON | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
        answer = await self.patiently("POST", path, content=orjson.dumps(body), headers=headers)
        return orjson.loads(answer.content)

    async def get(self, path: str, **params: Any) -> Any:
        """GET JSON."""
        return orjson.loads((await self.patiently("GET", path, params=params)).content)

    async def commands(self, rows: Any, not_after_ms: int) -> arrow_client.Answers:
        """One attempt at an array of commands, a pyarrow table in and arrays out."""
        headers = {"Content-Type": arrow_client.MEDIA, "Accept": arrow_client.MEDIA}
        body = arrow_client.encode(rows, not_after_ms)
        answer = await self.once("POST", "/v1/commands", content=body, headers=headers)
        answers = arrow_client.decode(answer.content, rows)
        if answers is None:
            raise Refused("POST /v1/commands", 200, "not one answer to each row, in their order")
        return answers

    async def commands_json(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """One attempt at an array of commands as JSON."""
        answer = await self.once("POST", "/v1/commands", content=orjson.dumps(list(commands)), headers=_JSON)
        results: list[dict[str, Any]] = orjson.loads(answer.content)["results"]
        if [result["id"] for result in results] != [command["id"] for command in commands]:
            raise Refused("POST /v1/commands", 200, "not one answer to each command, in their order")
        return results

    async def feed(self, after: str | None = None) -> AsyncIterator[tuple[Any, str | None]]:
        """Pages of events (tables of `arrow_client`) with the cursor after each, until the feed's end for now."""
        while True:
            page, cursor = await self._feed_page(after)
            yield page, cursor
            # An empty page that has come further is not the end: the engine looked for long and found nothing yet.
            if cursor is None or cursor == after:
                return
            after = cursor

    async def _feed_page(self, after: str | None) -> tuple[Any, str | None]:
        params: dict[str, Any] = {"after": after} if after else {}
        if self._feed_streams:
            try:
                headers = {"Accept": arrow_client.MEDIA}
                answer = await self.patiently(
                    "GET", "/v1/feed", params=params | {"limit": FEED_STREAM_PAGE}, headers=headers
                )
            except Refused:
                self._feed_streams = False
            else:
                if answer.headers.get("Content-Type", "").startswith(arrow_client.MEDIA):
                    return arrow_client.events_of_stream(answer.content), answer.headers.get("Next-Cursor")
                self._feed_streams = False
        page = await self.get("/v1/feed", **params, limit=FEED_PAGE)
        return arrow_client.events_of_json(page["events"]), page["next_cursor"]
