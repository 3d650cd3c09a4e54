"""Sending the rows of a file to the engine, and telling what became of each.

A request is sent again, with the same ids, until it was served whole. A request that is refused because of one
row's shape goes again without that row, one that is too large in two halves.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import orjson

from api.engine_client import PATIENCE_S, EngineClient, NotServed, Refused
from api.import_rows import Kind, Shape
from api.status import TITLES

WAIT_MAX_S: Final = 1.0
_INDEX = re.compile(r'"path":"\$\[(\d+)\]\.?([^"]*)"')
_DETAIL = re.compile(r'"detail":"((?:[^"\\]|\\.)*)"')
_NOT_SERVED: Final = frozenset(("unavailable", "overloaded"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row that is well formed."""

    line: int
    cells: list[str]
    body: dict[str, Any]


@dataclass(slots=True)
class Sent:
    """What became of some rows."""

    done: int = 0
    known: int = 0
    """of those done: imported by an earlier run already"""
    bad: list[tuple[Prepared, str]] = field(default_factory=list)
    """rows that were refused, and why"""

    def add(self, other: "Sent") -> None:
        """Count another part in."""
        self.done += other.done
        self.known += other.known
        self.bad += other.bad


class Sender:
    """Sends the rows of one file; their ids are made of the file's digest and their lines."""

    def __init__(self, client: EngineClient, kind: Kind, shape: Shape, digest: str) -> None:
        self._client = client
        self._shape = shape
        self._prefix = f"{kind}:{digest}"
        self._are_commands = kind is not Kind.PRODUCTS

    async def send(self, rows: Sequence[Prepared]) -> Sent:
        """Send rows in their order; raises Refused for what no row is to blame for, NotServed when patience ends."""
        if not rows:
            return Sent()
        try:
            answer, first_time = await self._served(rows)
        except Refused as refused:
            return await self._without_what_is_to_blame(rows, refused)
        known = first_time and answer.headers.get("Idempotent-Replayed") == "true"
        sent = Sent()
        for row, result in zip(rows, orjson.loads(answer.content)["results"], strict=True):
            if result["outcome"] == "ok":
                sent.done += 1
                sent.known += known
            else:
                sent.bad.append((row, _words(result)))
        return sent

    async def _served(self, rows: Sequence[Prepared]) -> tuple[httpx2.Response, bool]:
        """The answer in which every row was decided, and whether the first attempt brought it."""
        headers = {"Content-Type": "application/json"}
        if self._are_commands:
            body = [{"id": f"{self._prefix}:{row.line}", **row.body} for row in rows]
        else:
            body = [row.body for row in rows]
            headers["Idempotency-Key"] = f"{self._prefix}:{rows[0].line}"
        content = orjson.dumps(body)
        give_up_at = time.monotonic() + PATIENCE_S
        first_time = True
        while True:
            try:
                answer = await self._client.once("POST", self._shape.path, content=content, headers=headers)
                results = orjson.loads(answer.content)["results"]
                left = sum(result["outcome"] in _NOT_SERVED for result in results)
                if not left:
                    return answer, first_time
                failed = NotServed(f"{left} rows not served", WAIT_MAX_S)
            except NotServed as error:
                failed = error
            if time.monotonic() > give_up_at:
                raise failed
            first_time = False
            await asyncio.sleep(min(failed.retry_after_s, WAIT_MAX_S))

    async def _without_what_is_to_blame(self, rows: Sequence[Prepared], refused: Refused) -> Sent:
        if refused.status == 413 and len(rows) > 1:
            half = len(rows) // 2
            sent = await self.send(rows[:half])
            sent.add(await self.send(rows[half:]))
            return sent
        blamed = _INDEX.search(refused.body)
        if refused.status != 422 or blamed is None or int(blamed[1]) >= len(rows):
            raise refused
        at = int(blamed[1])
        detail = _DETAIL.search(refused.body)
        reason = f"{blamed[2]}: {detail[1] if detail else 'refused'}".removeprefix(": ")
        # The rows behind it keep their order; those before it go first.
        sent = await self.send([*rows[:at], *rows[at + 1 :]])
        sent.bad.append((rows[at], reason))
        return sent


def _words(result: dict[str, Any]) -> str:
    outcome = str(result["outcome"])
    if outcome == "id_reused":
        return "id_reused: this row was imported before, read in another way"
    return f"{outcome}: {result.get('detail') or TITLES[outcome]}"
