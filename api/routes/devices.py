"""The devices of stores: PUT, GET, DELETE and a list, each with its health."""

import asyncio
from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from actors import device_messages as m
from actors.documents.keys import Principal
from actors.documents.messages import Change, Proposal
from actors.documents.schema import DocumentKind
from api import device_calls as calls
from api import device_shapes as shapes
from api.deps import Runtime, get_runtime
from api.documents import body_of, check, reading
from api.numbers import time_json
from api.paging import code_cursor, code_in_cursor, query_of
from api.security import require
from api.status import Problem
from api.texts import CODE_PATTERN, check_code

GivenRuntime = Annotated[Runtime, Depends(get_runtime)]
Reader = Annotated[Principal, Depends(require("read", "store"))]
InPath = Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})]

_JSON: Final = "application/json"
_PRINTER: Final = {
    "kind": "receipt_printer",
    "driver": "escpos",
    "transport": "tcp://127.0.0.1:9100",
    "settings": {"profile": "TM-T20II", "columns": 42},
}


async def put_device(request: Request, runtime: GivenRuntime, code: InPath) -> Response:
    """It runs as the document says within a moment; a job under way is ended first."""
    check_code(code, "code")
    body = await body_of(request, runtime.limits.single_body_bytes)
    document = await asyncio.to_thread(calls.device_document, code, body, runtime.device_feed.folder)
    changed = await runtime.documents.submit(Change(DocumentKind.DEVICE, [Proposal(code, document)]))
    verdict = check(changed.verdicts[0])
    shown = b'{"code":"%s",%s' % (code.encode(), document[1:].encode())
    return Response(shown, 201 if verdict.made else 200, media_type=_JSON)


async def get_device(runtime: GivenRuntime, _: Reader, code: InPath) -> Response:
    """Its document, and how it is; a device that says nothing is `unknown`, never fine."""
    document = await document_of(runtime, code)
    return Response(calls.with_state(code, document, await calls.state_of(runtime, code)), media_type=_JSON)


async def delete_device(runtime: GivenRuntime, code: InPath) -> Response:
    """Stop it. What waits for it is given up; what was printed stays known, should it come back."""
    check_code(code, "code")
    changed = await runtime.documents.submit(Change(DocumentKind.DEVICE, [Proposal(code, "", archived=True)]))
    if not check(changed.verdicts[0]).changed:
        raise Problem(404, "unknown_device")
    return Response(status_code=204)


async def list_devices(request: Request, runtime: GivenRuntime, _: Reader) -> Response:
    """In order of their codes."""
    query = query_of(request.scope["query_string"], ("limit", "cursor"))
    limit = query.limit(runtime.limits.page)
    after = code_in_cursor(query.get("cursor"))
    found = await reading(runtime.directory.page(DocumentKind.DEVICE, after, limit + 1))
    page = found[:limit]
    states = await asyncio.gather(*(calls.state_of(runtime, each.code) for each in page))
    items = [calls.with_state(each.code, each.document, state) for each, state in zip(page, states, strict=True)]
    following = code_cursor(page[-1].code) if len(found) > limit else None
    return Response(b'{"items":[%s],"next_cursor":%s}' % (b",".join(items), orjson.dumps(following)), media_type=_JSON)


async def get_tape(runtime: GivenRuntime, code: InPath) -> Response:
    """For who has to find out what happened; what was printed is in it, as the printer got it."""
    await document_of(runtime, code)
    told = await calls.ask(runtime, code, m.AskTape())
    assert isinstance(told, m.TapeTold)
    items = [{"at": time_json(each.at_ms), "sent": each.sent, "bytes": each.data.hex(" ")} for each in told.pieces]
    return Response(orjson.dumps({"items": items}), media_type=_JSON)


async def document_of(runtime: Runtime, code: str) -> str:
    """The device's document, else 404."""
    check_code(code, "code")
    found = await reading(runtime.directory.document(DocumentKind.DEVICE, code))
    if found is None:
        raise Problem(404, "unknown_device")
    return found.document


def shown_as(shape: type, example: Any = None) -> dict[str, Any]:
    """JSON of this shape, for the page."""
    return {"content": {_JSON: {"schema": shapes.named(shape), **({"example": example} if example else {})}}}


def in_query(**schemas: Any) -> dict[str, Any]:
    """Parameters of a query, for the page."""
    return {"parameters": [{"in": "query", "name": name, "schema": schema} for name, schema in schemas.items()]}


def body_as(schema: Any, **examples: Any) -> dict[str, Any]:
    """A body, for the page, with examples that can be sent as they stand."""
    shown = {name: {"value": example} for name, example in examples.items()}
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema, "examples": shown}}}}


LIMIT: Final = {"type": "integer", "minimum": 1}
TEXT: Final = {"type": "string"}


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1/devices", tags=["devices"])
    _, schemas = msgspec.json.schema_components([calls.Device], ref_template="#/components/schemas/{name}")
    saved = {"code": "till-1", **_PRINTER}
    admin = [Depends(require("admin"))]
    made.add_api_route(
        "/{code}",
        put_device,
        methods=["PUT"],
        dependencies=admin,
        response_class=Response,
        summary="Make or replace a device",
        responses={
            200: shown_as(shapes.DeviceSaved, saved),
            201: {**shown_as(shapes.DeviceSaved, saved), "description": "It was made"},
            409: {"description": "conflict"},
        },
        openapi_extra=body_as(schemas["Device"], printer=_PRINTER),
    )
    made.add_api_route(
        "/{code}",
        get_device,
        response_class=Response,
        summary="One device, and how it is",
        responses={200: shown_as(shapes.DeviceShown)},
    )
    made.add_api_route(
        "/{code}",
        delete_device,
        methods=["DELETE"],
        dependencies=admin,
        status_code=204,
        response_class=Response,
        summary="Stop a device; PUT brings it back",
    )
    made.add_api_route(
        "/{code}/tape",
        get_tape,
        dependencies=admin,
        response_class=Response,
        summary="The last bytes both ways",
        responses={200: shown_as(shapes.DeviceTape)},
    )
    made.add_api_route(
        "",
        list_devices,
        response_class=Response,
        summary="The devices, and how they are",
        responses={200: shown_as(shapes.DevicePage)},
        openapi_extra=in_query(limit=LIMIT, cursor=TEXT),
    )
    return made


router = _make_router()
