"""Alerts: what is raised now, ranked, and what people say of it.

Whether an alert is raised follows from the journals; acknowledging or snoozing one is a document beside it, with its
author, and ends with the alert: one that is raised anew is another one.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from actors.documents.keys import Principal
from actors.documents.messages import MarkAlert, RequestId
from analytics.alerts.words import ABOUT, GROUPINGS, KINDS, STATES
from analytics.questions import AlertsAsked
from api import decode
from api.analytics import AFTER, as_of, asked, seqs_after, seqs_now
from api.deps import Runtime, get_runtime
from api.documents import body_of, check
from api.headers import idempotency_key, replayed
from api.numbers import time_json, time_ms
from api.paging import Query, decode_cursor, encode_cursor, query_of
from api.schemas import Body, Moment
from api.security import require
from api.status import Problem, invalid
from api.texts import CODE_MAX, CODE_PATTERN, check_code, check_text
from engine.outcomes import Outcome

router = APIRouter(prefix="/v1", tags=["alerts"])
GivenRuntime = Annotated[Runtime, Depends(get_runtime)]
Reader = Annotated[Principal, Depends(require("reports"))]
Writer = Annotated[Principal, Depends(require("stock", "reports"))]
AlertId = Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})]
SNOOZE_MAX_MS: Final = 366 * 24 * 3_600_000
"""What is not to be heard of for longer is better acknowledged, or its reorder point changed."""
_JSON: Final = "application/json"
_NAMES: Final = ("warehouse", "channel", "group", "kind", "state", "by", "limit", "cursor", AFTER)


class Acknowledge(Body, kw_only=True):
    """Who takes care of it, if not the key's client."""

    by: str | None = None


class Snooze(Body, kw_only=True):
    """Until when it is not to be heard of."""

    until: Moment
    by: str | None = None


_acknowledge: Final = msgspec.json.Decoder(Acknowledge)
_snooze: Final = msgspec.json.Decoder(Snooze)


def _in_query(name: str, about: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": about, "schema": {"type": "string", **schema}}


def _body_docs(body: type[msgspec.Struct], example: dict[str, str], required: bool) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([body], ref_template="#/components/schemas/{name}")
    content = {_JSON: {"schema": components[body.__name__], "example": example}}
    key = {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string"}}
    return {"parameters": [key], "requestBody": {"required": required, "content": content}}


_KINDS_ABOUT: Final = "; ".join(f"`{kind}`: {ABOUT[kind]}" for kind in KINDS)
_LIST_DOCS: Final = {
    "parameters": [
        _in_query("warehouse", "only reorder alerts of this place"),
        _in_query("channel", "only alerts on this channel"),
        _in_query("group", "only products with this name in their group path"),
        _in_query("kind", f"only this kind. {_KINDS_ABOUT}", enum=list(KINDS)),
        _in_query("state", "only in this state", enum=list(STATES)),
        _in_query("by", "those alike together, with their sums in `groups`", enum=list(GROUPINGS)),
        _in_query("limit", "at most so many", type="integer", minimum=1),
        _in_query("cursor", "`next_cursor` of the page before"),
        _in_query(AFTER, "a cursor of the feed: wait, for a bounded time, until the alerts hold it"),
    ]
}


@router.get(
    "/alerts",
    summary="What is raised now, what may cost most first",
    response_class=Response,
    responses={200: {"content": {_JSON: {}}}},
    openapi_extra=_LIST_DOCS,
)
async def list_alerts(request: Request, runtime: GivenRuntime, principal: Reader) -> Response:
    """Alerts on channels, then reorder alerts by the margin that may be lost a day."""
    query = query_of(request.scope["query_string"], _NAMES)
    given = {name: _checked(query, name) for name in ("warehouse", "channel")}
    _check_own(principal, given)
    (offset,) = decode_cursor("cursor", query.get("cursor"), 1) or (0,)
    question = _question(
        runtime,
        query.limit(runtime.limits.page),
        offset=offset,
        kind=query.one_of("kind", {kind: kind for kind in KINDS}),
        state=query.one_of("state", {state: state for state in STATES}),
        by=query.one_of("by", {by: by for by in GROUPINGS}),
        group=check_text(group, "group") if (group := query.get("group")) is not None else None,
        after=seqs_after(runtime, query.get(AFTER)) or seqs_now(runtime),
        **given,
    )
    found, moment = await _found(runtime, question)
    following = found.pop("next")
    found["next_cursor"] = None if following is None else encode_cursor([following])
    return Response(orjson.dumps(found | {"as_of": moment}), media_type=_JSON)


def _checked(query: Query, name: str) -> str | None:
    text = query.get(name)
    return None if text is None else check_code(text, name)


def _check_own(principal: Principal, given: Mapping[str, Any]) -> None:
    """403 unless a key that is limited to places or channels is about one of its own: no alert has both."""
    limits = {"warehouse": principal.warehouses, "channel": principal.channels}
    named = {name: codes for name, codes in limits.items() if codes is not None and given.get(name) is not None}
    if any(given[name] not in codes for name, codes in named.items()) or (
        not named and any(codes is not None for codes in limits.values())
    ):
        raise Problem(403, "forbidden", "the key is limited: ask for one warehouse or channel of its own")


async def _found(runtime: Runtime, question: AlertsAsked) -> tuple[dict[str, Any], dict[str, str]]:
    """What the analytics say, and as of when."""
    head, pieces = await asked(runtime, question)
    found: dict[str, Any] = orjson.loads(b"".join([piece async for piece in pieces]))
    return found, {"cursor": as_of(runtime, head.seqs), "at": time_json(head.at_ms)}


def _question(runtime: Runtime, limit: int, **given: Any) -> AlertsAsked:
    now_ms = runtime.now_ms()
    return AlertsAsked(now_ms, time_json(now_ms), limit, **given)


@router.post(
    "/alerts/{alert_id}/acknowledge",
    summary="Say that somebody takes care of it",
    response_class=Response,
    responses={200: {"content": {_JSON: {}}}},
    openapi_extra=_body_docs(Acknowledge, {"by": "maria"}, required=False),
)
async def acknowledge(request: Request, runtime: GivenRuntime, principal: Writer, alert_id: AlertId) -> Response:
    """Acknowledged until it clears."""
    body = await body_of(request, runtime.limits.single_body_bytes)
    given = decode.decode(_acknowledge, body or b"{}")
    return await _mark(request, runtime, principal, alert_id, "acknowledged", given.by, None)


@router.post(
    "/alerts/{alert_id}/snooze",
    summary="Not to be heard of for a while",
    response_class=Response,
    responses={200: {"content": {_JSON: {}}}},
    openapi_extra=_body_docs(Snooze, {"until": "2026-12-01T08:00:00Z"}, required=True),
)
async def snooze(request: Request, runtime: GivenRuntime, principal: Writer, alert_id: AlertId) -> Response:
    """Open again when the time has come, unless it has cleared."""
    given = decode.decode(_snooze, await body_of(request, runtime.limits.single_body_bytes))
    until_ms = time_ms(given.until, "$.until")
    if until_ms > runtime.now_ms() + SNOOZE_MAX_MS:
        raise invalid("$.until", "at most a year ahead")
    return await _mark(request, runtime, principal, alert_id, "snoozed", given.by, until_ms)


async def _mark(
    request: Request, runtime: Runtime, principal: Principal, alert_id: str, state: str, by: str | None,
    until_ms: int | None,
) -> Response:  # fmt: skip
    key = idempotency_key(dict(request.scope["headers"]))
    check_code(alert_id, "alert_id")
    author = principal.name if by is None else check_text(by, "$.by", CODE_MAX)
    found, _ = await _found(runtime, _question(runtime, 1, id=alert_id, after=seqs_now(runtime)))
    for alert in found["items"]:
        _check_own(principal, alert)
    content = hashlib.sha256(f"{alert_id}\0{state}\0{by}\0{until_ms}".encode()).digest()
    request_id = RequestId(principal.client, key, content)
    changed = await runtime.documents.submit(
        MarkAlert(alert_id, state, author, request_id, until_ms, raised=bool(found["items"]))
    )
    if changed.verdicts[0].outcome == Outcome.CONFLICT:
        raise Problem(404, "unknown_alert", "no such alert is raised now")
    check(changed.verdicts[0])
    said = {
        "id": alert_id,
        "state": state,
        "acknowledged_by": author if state == "acknowledged" else None,
        "snoozed_by": author if state == "snoozed" else None,
        "snoozed_until": None if until_ms is None else time_json(until_ms),
    }
    return Response(orjson.dumps(said), headers=replayed(changed.replayed), media_type=_JSON)
