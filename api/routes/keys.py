"""API keys of a running engine: register, list, revoke. The secret is made by the caller and never comes here.

`omnistock keys create` makes key and secret where they are shown, and sends the secret's SHA-256: what is not
sent cannot be logged, and the same request sent twice registers one key.
"""

from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Depends, Request, Response
from msgspec import Meta

from actors.documents.directory import StoredKey
from actors.documents.keys import SCOPES, is_key_id
from actors.documents.messages import PutKey, RevokeKey
from api import decode
from api.deps import Runtime, get_runtime
from api.documents import body_of, check, reading
from api.numbers import time_json, time_ms
from api.paging import code_cursor, code_in_cursor, query_of
from api.schemas import Body, Code, Moment
from api.security import require
from api.status import Problem, invalid
from api.texts import check_code

GivenRuntime = Annotated[Runtime, Depends(get_runtime)]
_JSON: Final = "application/json"
_PAGING: Final = {"limit": {"type": "integer", "minimum": 1}, "cursor": {"type": "string"}}


class NewKey(Body, kw_only=True):
    """A key to register."""

    secret_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    client: Code
    scopes: Annotated[list[str], Meta(min_length=1)]
    channels: list[Code] | None = None
    warehouses: list[Code] | None = None
    expires_at: Moment | None = None


_new_key = msgspec.json.Decoder(NewKey)


async def put_key(request: Request, runtime: GivenRuntime, key_id: str) -> Response:
    """Register a key."""
    if not is_key_id(key_id):
        raise invalid("key_id", "16 hexadecimal digits: what stands between os_ and the next _ of a key")
    given = decode.decode(_new_key, await body_of(request, runtime.limits.single_body_bytes))
    check_code(given.client, "$.client")
    for at, scope in enumerate(given.scopes):
        if scope not in SCOPES:
            raise invalid(f"$.scopes[{at}]", f"one of {', '.join(SCOPES)}")
    for name in ("channels", "warehouses"):
        for at, code in enumerate(getattr(given, name) or ()):
            check_code(code, f"$.{name}[{at}]")
    message = PutKey(
        key_id,
        bytes.fromhex(given.secret_sha256),
        given.client,
        given.scopes,
        given.channels,
        given.warehouses,
        time_ms(given.expires_at, "$.expires_at") or None,
    )
    verdict = check((await runtime.documents.submit(message)).verdicts[0])
    return Response(orjson.dumps({"id": key_id}), 201 if verdict.made else 200, media_type=_JSON)


async def list_keys(request: Request, runtime: GivenRuntime) -> Response:
    """Oldest first, the revoked ones too; no secrets, for there are none."""
    query = query_of(request.scope["query_string"], _PAGING)
    limit, after = query.limit(runtime.limits.page), code_in_cursor(query.get("cursor"))
    keys = await reading(runtime.directory.keys())
    begin = next((at for at, key in enumerate(keys, 1) if key.id == after), 0)  # a key is never taken off the list
    if after and not begin:
        raise invalid("cursor", "not a cursor of this list")
    page = keys[begin : begin + limit]
    await reading(runtime.directory.refresh())
    items = [key_json(key, runtime.directory.client_name(key.client)) for key in page]
    following = code_cursor(page[-1].id) if begin + limit < len(keys) else None
    return Response(orjson.dumps({"items": items, "next_cursor": following}), media_type=_JSON)


async def revoke_key(runtime: GivenRuntime, key_id: str) -> Response:
    """Make a key useless; other API processes know of it within half a second."""
    check_code(key_id, "key_id")
    verdict = check((await runtime.documents.submit(RevokeKey(key_id))).verdicts[0])
    if not verdict.changed:
        raise Problem(404, "unknown_key")
    await reading(runtime.directory.refresh())
    return Response(status_code=204)


def key_json(key: StoredKey, client: str) -> dict[str, Any]:
    """A key as it is listed."""
    return {
        "id": key.id,
        "client": client,
        "scopes": list(key.scopes),
        "channels": key.channels,
        "warehouses": key.warehouses,
        "created_at": time_json(key.created_at_ms),
        "expires_at": _time(key.expires_at_ms),
        "revoked_at": _time(key.revoked_at_ms),
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_json(at_ms)


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1/keys", tags=["keys"], dependencies=[Depends(require("admin"))])
    _, components = msgspec.json.schema_components([NewKey], ref_template="#/components/schemas/{name}")
    example = {"secret_sha256": "0" * 64, "client": "web-shop", "scopes": ["read", "reserve"]}
    body = {"required": True, "content": {_JSON: {"schema": components["NewKey"], "example": example}}}
    made.add_api_route(
        "/{key_id}", put_key, methods=["PUT"], summary="Register a key", openapi_extra={"requestBody": body}
    )
    made.add_api_route(
        "",
        list_keys,
        summary="The keys, without their secrets",
        openapi_extra={
            "parameters": [{"in": "query", "name": name, "schema": schema} for name, schema in _PAGING.items()]
        },
    )
    made.add_api_route("/{key_id}", revoke_key, methods=["DELETE"], status_code=204, summary="Revoke a key")
    return made


router = _make_router()
