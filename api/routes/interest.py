"""What customers look at: each channel says for each of its days how often a SKU was seen, taken, or searched in vain.

The last word on a SKU (or a search), channel and day counts, so that a channel may send a day's running totals as often
as it likes; a request that comes twice, late or not, changes nothing the second time. Kept with the documents, because
no journal has it: tables that are made again find it there.
"""

import hashlib
from datetime import date
from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Depends, Request, Response

from actors.documents.keys import Principal
from actors.documents.messages import Changed, Interest, PutInterest, RequestId
from api import decode
from api.deps import Runtime, get_runtime
from api.direct import too_large
from api.documents import body_of, check, reading
from api.headers import idempotency_key, replayed
from api.schemas import Body, Code, Text
from api.security import require
from api.status import Problem, invalid
from api.texts import check_code, check_text, known_sku
from engine.layout import UNKNOWN_NUMBER
from engine.outcomes import Outcome

GivenRuntime = Annotated[Runtime, Depends(get_runtime)]
_JSON: Final = "application/json"
_COUNT_MAX: Final = 10**12
_OF_ROWS: Final = (Outcome.OK, Outcome.UNKNOWN_SKU, Outcome.UNKNOWN_CHANNEL)
"""What one row may come to by itself; any other verdict is of the whole request."""
Count = Annotated[int, msgspec.Meta(ge=0, le=_COUNT_MAX)]


class Looked(Body, kw_only=True):
    """One SKU, or one search, in one channel on one day."""

    channel: Code
    day: Annotated[str, msgspec.Meta(description="the channel's day, such as 2026-11-22")]
    sku: Code | None = None
    query: Annotated[Text, msgspec.Meta(description="what was searched for, instead of a SKU")] | None = None
    views: Count = 0
    cart_adds: Count = 0
    empty_searches: Annotated[Count, msgspec.Meta(description="searches for it that showed nothing")] = 0


_one = msgspec.json.Decoder(Looked)
_many = msgspec.json.Decoder(list[Looked])


async def post_interest(
    request: Request, runtime: GivenRuntime, principal: Annotated[Principal, Depends(require("sell", "reserve"))]
) -> Response:
    """One or an array; each has its own outcome: ok, unknown_sku, unknown_channel."""
    key = idempotency_key(dict(request.scope["headers"]))
    body = await body_of(request, runtime.limits.array_body_bytes)
    looked: list[Looked] = decode.decode(_many, body) if decode.is_array(body) else [decode.decode(_one, body)]
    if len(looked) > runtime.limits.commands:
        raise too_large(f"more than {runtime.limits.commands} rows")
    _check(looked, principal)
    rows = await _known(runtime, looked)
    request_id = RequestId(principal.client, key, hashlib.sha256(msgspec.json.encode(looked)).digest())
    changed = await runtime.documents.submit(PutInterest(rows, request_id)) if rows else Changed([])
    for verdict in changed.verdicts:
        if verdict.outcome not in _OF_ROWS:
            check(verdict)
    # What is answered is what the writer says: a request that comes again knows more names than it did then.
    results = [_result(each, verdict.outcome) for each, verdict in zip(looked, changed.verdicts, strict=True)]
    return Response(orjson.dumps({"results": results}), headers=replayed(changed.replayed), media_type=_JSON)


def _check(looked: list[Looked], principal: Principal) -> None:
    """422 for what cannot be, 403 for a channel that the key may not name."""
    seen: dict[tuple[str, ...], int] = {}
    for at, each in enumerate(looked):
        check_code(each.channel, f"$[{at}].channel")
        try:
            on = date.fromisoformat(each.day).isoformat()
        except ValueError:
            raise invalid(f"$[{at}].day", "a day such as 2026-11-22") from None
        if (each.sku is None) == (each.query is None):
            raise invalid(f"$[{at}]", "either sku or query")
        if each.sku is not None:
            check_code(each.sku, f"$[{at}].sku")
        else:
            check_text(each.query or "", f"$[{at}].query")
            if each.views or each.cart_adds:
                raise invalid(f"$[{at}]", "of a query only empty_searches")
        if principal.channels is not None and each.channel not in principal.channels:
            raise Problem(403, "forbidden", "the key is limited to other channels", {"path": f"$[{at}].channel"})
        before = seen.setdefault((each.channel, on, each.sku or "", each.query or ""), at)
        if before != at:
            raise invalid(f"$[{at}]", f"the same as $[{before}]")


async def _known(runtime: Runtime, looked: list[Looked]) -> list[Interest | Outcome]:
    """With numbers for names; an outcome where there is no such name."""
    directory = runtime.directory
    skus = {each.sku: known_sku(each.sku) for each in looked if each.sku is not None}
    await reading(directory.resolve_missing(channels={each.channel for each in looked}, sku_keys=skus.values()))
    rows: list[Interest | Outcome] = []
    for each in looked:
        channel, sku_key = directory.channel_number(each.channel), skus[each.sku] if each.sku else 0
        if each.sku is not None and directory.sku_text(sku_key) != each.sku:
            rows.append(Outcome.UNKNOWN_SKU)
        elif channel == UNKNOWN_NUMBER:
            rows.append(Outcome.UNKNOWN_CHANNEL)
        else:
            on, figures = date.fromisoformat(each.day).isoformat(), (each.views, each.cart_adds, each.empty_searches)
            rows.append(Interest(on, channel, sku_key, each.query or "", *figures))
    return rows


def _result(looked: Looked, outcome: Outcome) -> dict[str, Any]:
    what = {"sku": looked.sku} if looked.sku is not None else {"query": looked.query}
    return {**what, "channel": looked.channel, "day": looked.day, "outcome": outcome.text}


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1", tags=["reports"])
    _, components = msgspec.json.schema_components([Looked], ref_template="#/components/schemas/{name}")
    one = components["Looked"]
    example = [{"sku": "cup-blue", "channel": "web", "day": "2026-11-22", "views": 120, "cart_adds": 14}]
    content = {_JSON: {"schema": {"oneOf": [one, {"type": "array", "items": one}]}, "example": example}}
    key = {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string"}}
    shown = {"results": [{"sku": "cup-blue", "channel": "web", "day": "2026-11-22", "outcome": "ok"}]}
    made.add_api_route(
        "/interest",
        post_interest,
        methods=["POST"],
        summary="What customers looked at on a day",
        responses={200: {"content": {_JSON: {"example": shown}}}},
        openapi_extra={"parameters": [key], "requestBody": {"required": True, "content": content}},
    )
    return made


router = _make_router()
