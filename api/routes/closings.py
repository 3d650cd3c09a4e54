"""The books: a business day of a channel at a place is closed once, and keeps its figures for ever.

What is written down goes to the documents, which have one writer: two who close the same day at the same time get one
document. Lines that come later change no document; they are its corrections, dated by when they were booked.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from actors.documents.keys import Principal
from actors.documents.messages import Changed, CloseDay, Closing, RequestId
from analytics.questions import CorrectionsAsked, DayAsked
from api import decode
from api.analytics import as_of, check_days, check_limits, day, read, read_all, seqs_now
from api.deps import Runtime, get_runtime
from api.documents import body_of, check, reading
from api.headers import idempotency_key, replayed
from api.numbers import time_json
from api.paging import decode_cursor, encode_cursor, query_of
from api.schemas import Body, Code, Text
from api.security import require
from api.status import Problem
from api.texts import CODE_PATTERN, check_code, check_text
from engine.layout import UNKNOWN_NUMBER

GivenRuntime = Annotated[Runtime, Depends(get_runtime)]
Bookkeeper = Annotated[Principal, Depends(require("reports", "store"))]
_JSON: Final = "application/json"
_FIRST, _LAST = "0001-01-01", "9999-12-31"
_ADDED: Final = ("units", "returned", "gross", "discount", "returns", "net", "tax")


class NewClosing(Body, kw_only=True):
    """POST /v1/closings."""

    day: Annotated[str, msgspec.Meta(description="the business day, over in every place that is asked for")]
    warehouse: Annotated[Code, msgspec.Meta(description="only this place; else all")] | None = None
    channel: Annotated[Code, msgspec.Meta(description="only this channel; else all with anything that day")] | None = (
        None
    )
    author: Annotated[Text, msgspec.Meta(description="the person who closes it")] | None = None


_new_closing = msgspec.json.Decoder(NewClosing)


async def close(request: Request, runtime: GivenRuntime, principal: Bookkeeper) -> Response:
    """Write down what the day came to, for each place and channel; what is closed already is answered as it stands."""
    key = idempotency_key(dict(request.scope["headers"]))
    given: NewClosing = decode.decode(_new_closing, await body_of(request, runtime.limits.single_body_bytes))
    wanted = day(given.day, "$.day")
    for name in ("warehouse", "channel"):
        if (code := getattr(given, name)) is not None:
            check_code(code, f"$.{name}")
    if given.author is not None:
        check_text(given.author, "$.author")
    check_limits(principal, {"warehouse": given.warehouse, "channel": given.channel})
    await _numbers(runtime, [given.warehouse or ""], [given.channel or ""])
    question = DayAsked(wanted, runtime.now_ms(), given.warehouse, given.channel, seqs_now(runtime))
    head, body = await read_all(runtime, question)
    found = orjson.loads(body)["items"]
    signed = {
        "closed_at": time_json(runtime.now_ms()),
        "closed_by": principal.name,
        "author": given.author,
        "as_of": {"cursor": as_of(runtime, head.seqs), "at": time_json(head.at_ms)},
        "records": head.seqs,
    }
    places, channels = [item["warehouse"] for item in found], [item["channel"] for item in found]
    numbers = await _numbers(runtime, places, channels)
    closings = [
        Closing(wanted, *pair, orjson.dumps({"day": wanted, **_names(item), **signed, **_sums(item)}).decode())
        for item, pair in zip(found, numbers, strict=True)
    ]
    content = "\0".join([wanted, given.warehouse or "", given.channel or "", given.author or ""])
    request_id = RequestId(principal.client, key, hashlib.sha256(content.encode()).digest())
    changed = await runtime.documents.submit(CloseDay(closings, request_id)) if closings else Changed([])
    verdicts = [check(verdict) for verdict in changed.verdicts]
    made = any(verdict.made for verdict in verdicts)
    documents = await _closed(runtime, wanted, wanted, given.warehouse, given.channel)
    return Response(_listed(documents), 201 if made else 200, headers=replayed(changed.replayed), media_type=_JSON)


async def list_closings(request: Request, runtime: GivenRuntime, principal: Bookkeeper) -> Response:
    """The closed days, as they were written."""
    query = query_of(request.scope["query_string"], ("from", "to", "warehouse", "channel", "limit", "cursor"))
    names = {name: query.get(name) for name in ("warehouse", "channel")}
    for name, code in names.items():
        if code is not None:
            check_code(code, name)
    check_limits(principal, names)
    first, last = (day(query.get(name) or whole_, name) for name, whole_ in (("from", _FIRST), ("to", _LAST)))
    check_days(first, last)
    limit = query.limit(runtime.limits.page)
    behind = decode_cursor("cursor", query.get("cursor"), 3)
    after = None if behind is None else (date.fromordinal(max(1, min(behind[0], date.max.toordinal()))).isoformat(),
                                         behind[1], behind[2])  # fmt: skip
    found = await _closed(runtime, first, last, names["warehouse"], names["channel"], after, limit + 1)
    return Response(_listed(found[:limit], len(found) > limit), media_type=_JSON)


async def get_closing(
    runtime: GivenRuntime,
    principal: Bookkeeper,
    closed_day: Annotated[str, Path(alias="day")],
    warehouse: Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})],
    channel: Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})],
) -> Response:
    """One closed day as it was written, with what came later and what is left to explain."""
    wanted = day(closed_day, "day")
    check_code(warehouse, "warehouse")
    check_code(channel, "channel")
    check_limits(principal, {"warehouse": warehouse, "channel": channel})
    found = await _closed(runtime, wanted, wanted, warehouse, channel)
    if not found:
        raise Problem(404, "not_found", f"{wanted} of {channel} in {warehouse} is not closed")
    document = orjson.loads(found[0].document)
    question = CorrectionsAsked(wanted, warehouse, channel, document["records"], seqs_now(runtime))
    later = orjson.loads(await read(runtime, question))
    moved = _moved(later["figures"], document["figures"], later["corrections"])
    answer = {**document, "now": later["figures"], "corrections": later["corrections"], "moved": moved}
    return Response(orjson.dumps(answer), media_type=_JSON)


async def _numbers(runtime: Runtime, places: Sequence[str], channels: Sequence[str]) -> list[tuple[int, int]]:
    """Of places and channels, pair by pair; an empty code has none. 404 for one that is not known."""
    directory = runtime.directory
    await reading(directory.resolve_missing(warehouses=filter(None, places), channels=filter(None, channels)))
    pairs = []
    for place, channel in zip(places, channels, strict=True):
        pair = directory.warehouse_number(place), directory.channel_number(channel)
        for number, code, name in zip(pair, (place, channel), ("warehouse", "channel"), strict=True):
            if code and number == UNKNOWN_NUMBER:
                raise Problem(404, f"unknown_{name}", code)
        pairs.append(pair)
    return pairs


async def _closed(
    runtime: Runtime,
    first: str,
    last: str,
    warehouse: str | None,
    channel: str | None,
    after: tuple[str, int, int] | None = None,
    count_max: int = 1 << 20,
) -> list[Any]:
    ((place, of),) = await _numbers(runtime, [warehouse or ""], [channel or ""])
    places, channels = ([place] if warehouse else None), ([of] if channel else None)
    return await reading(runtime.directory.closed_days(first, last, places, channels, after, count_max))


def _names(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("warehouse", "channel")}


def _sums(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("figures", "taxes")}


def _listed(closings: Sequence[Any], more: bool = False) -> bytes:
    cursor = None
    if more:
        last = closings[-1]
        cursor = encode_cursor([date.fromisoformat(last.day).toordinal(), last.warehouse, last.channel])
    items = b",".join(closing.document.encode() for closing in closings)
    return b'{"items":[%s],"next_cursor":%s}' % (items, orjson.dumps(cursor))


def _moved(
    now: list[dict[str, Any]], closed: list[dict[str, Any]], later: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What the corrections do not explain: lines that now belong to another day or channel."""
    sums: dict[str | None, dict[str, Any]] = {}
    for sign, figures in ((1, now), (-1, closed), (-1, later)):
        for each in figures:
            of = sums.setdefault(each["currency"], dict.fromkeys(_ADDED, 0))
            for name in _ADDED:
                of[name] += sign * each[name]
    exact = ({"currency": currency, **{n: round(v, 3) for n, v in of.items()}} for currency, of in sums.items())
    return [each for each in exact if any(each[name] for name in _ADDED)]


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1", tags=["reports"])
    _, components = msgspec.json.schema_components([NewClosing], ref_template="#/components/schemas/{name}")
    example = {"day": "2026-11-21", "warehouse": "riga-1", "author": "Anna Ozola"}
    content = {_JSON: {"schema": components["NewClosing"], "example": example}}
    key = {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string"}}
    paging = [
        {"in": "query", "name": name, "schema": {"type": "string"}}
        for name in ("from", "to", "warehouse", "channel", "limit", "cursor")
    ]
    made.add_api_route(
        "/closings",
        close,
        methods=["POST"],
        summary="Close a business day",
        responses={
            200: {"description": "All of it was closed before"},
            201: {"description": "It was closed now"},
            404: {"description": "unknown_warehouse, unknown_channel"},
        },
        openapi_extra={"parameters": [key], "requestBody": {"required": True, "content": content}},
    )
    made.add_api_route(
        "/closings",
        list_closings,
        summary="Closed days",
        responses={404: {"description": "unknown_warehouse, unknown_channel"}},
        openapi_extra={"parameters": paging},
    )
    made.add_api_route(
        "/closings/{day}/{warehouse}/{channel}", get_closing, summary="A closed day, and what came later"
    )
    return made


router = _make_router()
