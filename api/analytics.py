"""From a request for figures to a question for the analytics, and from their answer to HTTP.

Parameters are checked here, against what a report says it takes; statements run elsewhere, in the one process that has
the tables. What comes back is handed on piece by piece.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from actors.analytics_link import AnalyticsAway
from actors.documents.keys import Principal
from analytics.questions import MEDIA, Head, Question, Refused
from analytics.reports import REPORTS
from analytics.reports.report import Ask, Report
from api.deps import Runtime
from api.feed import Position
from api.numbers import time_json, time_ms
from api.paging import Query
from api.status import Problem, invalid
from api.texts import check_code, check_text

AFTER: Final = "after"
FORMAT: Final = "format"
_RETRY_AFTER_MS: Final = 1_000
_ACCEPTED: Final = {media.partition(";")[0]: name for name, media in MEDIA.items()}
_SAVED: Final = ("csv", "xlsx", "parquet")
"""Formats that a browser saves as a file."""


def report_of(name: str) -> Report:
    """The report, else 404."""
    report = REPORTS.get(name)
    if report is None:
        raise Problem(404, "not_found", f"the reports are {', '.join(REPORTS)}")
    return report


def given_to(report: Report, query: Query) -> dict[str, Any]:
    """What was asked of a report, checked; 422 for what cannot be."""
    given: dict[str, Any] = {}
    for parameter in report.parameters:
        text = query.get(parameter.name)
        if text is not None:
            given[parameter.name] = _CHECKS[parameter.ask](text, parameter.name)
    for choice in report.choices:
        if (text := query.get(choice.name)) is not None:
            query.one_of(choice.name, choice.pieces)
            given[choice.name] = text
    check_days(given.get("from"), given.get("to"))
    return given


def check_days(first: str | None, last: str | None) -> None:
    """422 for days that end before they begin: no figures would look like no sales."""
    if first is not None and last is not None and last < first:
        raise invalid("to", "not before `from`")


def day(text: str, path: str) -> str:
    """A business day, as it is written; else 422."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise invalid(path, "a day such as 2026-11-22") from None


def moment(text: str, path: str) -> str:
    """RFC 3339 with a zone, as the same moment in UTC; else 422."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
    except ValueError:
        raise invalid(path, "a moment such as 2026-11-22T08:00:00Z") from None
    return time_json(time_ms(at, path))


_CHECKS: Final = {Ask.DAY: day, Ask.CODE: check_code, Ask.TEXT: check_text, Ask.MOMENT: moment}


def check_limits(principal: Principal, given: Mapping[str, Any]) -> None:
    """403 unless a key that is limited to channels or places asks for one of its own."""
    for name, codes in (("channel", principal.channels), ("warehouse", principal.warehouses)):
        if codes is not None and given.get(name) not in codes:
            raise Problem(403, "forbidden", f"the key is limited: ask for one {name} of its own", {"path": name})


def format_of(query: Query, accept: str) -> str:
    """The format asked for by `?format=`, else by Accept, else JSON."""
    asked = query.one_of(FORMAT, {name: name for name in MEDIA})
    if asked is not None:
        return asked
    wanted = (part.partition(";")[0].strip() for part in accept.lower().split(","))
    return next((_ACCEPTED[media] for media in wanted if media in _ACCEPTED), "json")


def seqs_after(runtime: Runtime, cursor: str | None) -> list[int] | None:
    """For each shard the record that must be in the tables for a reader of the feed up to the cursor."""
    if cursor is None:
        return None
    return [_record_before(position) for position in runtime.feed.positions(AFTER, cursor)]


def seqs_now(runtime: Runtime) -> list[int]:
    """For each shard the last record that is durable."""
    return [_record_before(position) for position in runtime.feed.newest()]


def _record_before(position: Position) -> int:
    return position.seq if position.movement else position.seq - 1


async def asked(runtime: Runtime, question: Question) -> tuple[Head, AsyncIterator[bytes]]:
    """The answer; 503 while the analytics are away."""
    try:
        return await runtime.analytics.ask(question)
    except AnalyticsAway:
        raise _away("the analytics do not answer now") from None
    except Refused as refusal:
        raise refused(refusal) from None


async def read(runtime: Runtime, question: Question) -> bytes:
    """The whole of a small answer."""
    return (await read_all(runtime, question))[1]


async def read_all(runtime: Runtime, question: Question) -> tuple[Head, bytes]:
    """The whole of a small answer, and what it is made from."""
    head, pieces = await asked(runtime, question)
    try:
        return head, b"".join([piece async for piece in pieces])
    except AnalyticsAway:
        raise _away("the analytics broke off") from None


def _away(detail: str) -> Problem:
    return Problem(503, "unavailable", detail, {"retry_after_ms": _RETRY_AFTER_MS})


def refused(refusal: Refused) -> Problem:
    """What a refusal is over HTTP."""
    status, code, detail = refusal.problem
    return _away(detail) if status == 503 else Problem(
        status, code, detail, {"retry_after_ms": _RETRY_AFTER_MS} if status == 429 else None
    )  # fmt: skip


def report_response(runtime: Runtime, name: str, format_: str, head: Head, pieces: AsyncIterator[bytes]) -> Response:
    """The answer as it is made; JSON says itself as of when it is, the others in their headers."""
    cursor, at = as_of(runtime, head.seqs), time_json(head.at_ms)
    headers = {"As-Of": at, "As-Of-Cursor": cursor, "Cache-Control": "no-store"}
    if format_ in _SAVED:
        headers["Content-Disposition"] = f'attachment; filename="{name}.{format_}"'
    if format_ == "json":
        begin = orjson.dumps({"as_of": {"cursor": cursor, "at": at}})[:-1] + b","
        return StreamingResponse(_after(begin, pieces), 200, headers, head.media)
    return StreamingResponse(pieces, 200, headers, head.media)


def as_of(runtime: Runtime, seqs: Sequence[int]) -> str:
    """The cursor of the feed behind these records."""
    return runtime.feed.cursor([Position(seq + 1) for seq in seqs])


async def _after(begin: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begin
    async for piece in pieces:
        yield piece
