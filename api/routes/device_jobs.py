"""Jobs of a device: handed in, looked at, listed, and decided by a person where the device could not tell."""

from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response

from actors import device_messages as m
from actors.documents.keys import Principal
from api import device_calls as calls
from api import device_shapes as shapes
from api.deps import Runtime
from api.documents import body_of
from api.headers import idempotency_key, replayed
from api.paging import decode_cursor, encode_cursor, query_of
from api.routes.devices import LIMIT, TEXT, GivenRuntime, InPath, Reader, body_as, document_of, in_query, shown_as
from api.security import require
from api.texts import check_code

Till = Annotated[Principal, Depends(require("store"))]

_JSON: Final = "application/json"
_PNG: Final = "image/png"
_RECEIPT: Final = {
    "id": "sale-17",
    "kind": "print",
    "document": {
        "blocks": [
            {"text": "Tea & Co", "align": "center", "bold": True},
            {"row": ["Tea", "2 x 4.50", "9.00"]},
            {"rule": True},
            {"qr": "https://example.org/r/17"},
            {"cut": True},
        ]
    },
}
_KICK: Final = {"id": "sale-17-drawer", "kind": "open_drawer", "reason": "sale 17"}


async def post_job(request: Request, runtime: GivenRuntime, principal: Till, code: InPath) -> Response:
    """It is on the disk when this is answered, and is printed once, or somebody is asked.

    The same id with the same content is the same job, whoever sends it; the answer says where it stands now.
    """
    body = await body_of(request, runtime.limits.single_body_bytes)
    headers = dict(request.scope["headers"])
    key = idempotency_key(headers) if headers.get(b"idempotency-key", b"").strip() else ""
    wanted = calls.job_wanted(body, key, principal, runtime.now_ms())
    await must_be_allowed(runtime, principal, code)
    told = await calls.ask(runtime, code, wanted)
    assert isinstance(told, m.JobTold)
    where = {"Location": f"/v1/devices/{code}/jobs/{told.job.id}", **replayed(told.replayed)}
    return Response(orjson.dumps(calls.job_json(told.job)), 202, where, media_type=_JSON)


async def get_job(runtime: GivenRuntime, _: Reader, code: InPath, job_id: InPath) -> Response:
    """Its state, its attempts, and why it is where it is."""
    check_code(job_id, "job_id")
    await document_of(runtime, code)
    told = await calls.ask(runtime, code, m.Find(job_id))
    assert isinstance(told, m.JobTold)
    return Response(orjson.dumps(calls.job_json(told.job)), media_type=_JSON)


async def list_jobs(request: Request, runtime: GivenRuntime, _: Reader, code: InPath) -> Response:
    """In the order they came, or the newest first; those in the state `unknown` wait for somebody to look."""
    query = query_of(request.scope["query_string"], ("limit", "cursor", "state", "order"))
    limit = query.limit(runtime.limits.page)
    (after,) = decode_cursor("cursor", query.get("cursor"), 1) or (0,)
    state, newest = query.one_of("state", calls.STATES), bool(query.one_of("order", calls.ORDERS))
    await document_of(runtime, code)
    told = await calls.ask(runtime, code, m.ListJobs([] if state is None else [state], after, limit + 1, newest))
    assert isinstance(told, m.JobsTold)
    page = told.jobs[:limit]
    following = encode_cursor([page[-1].number]) if len(told.jobs) > limit else None
    shown = {"items": [calls.job_json(job) for job in page], "next_cursor": following}
    return Response(orjson.dumps(shown), media_type=_JSON)


async def get_picture(runtime: GivenRuntime, _: Reader, code: InPath, job_id: InPath) -> Response:
    """What it puts on the paper, as a PNG, from the very bytes that the printer gets; as long as these are kept."""
    check_code(job_id, "job_id")
    await document_of(runtime, code)
    told = await calls.ask(runtime, code, m.Draw(job_id))
    assert isinstance(told, m.Drawn)
    return Response(told.png, media_type=_PNG)


async def decide_job(
    request: Request, runtime: GivenRuntime, principal: Till, code: InPath, job_id: InPath
) -> Response:
    """Of a job in the state `unknown`: printed, or not; then a copy that says so is ordered, as a job of its own."""
    check_code(job_id, "job_id")
    body = await body_of(request, runtime.limits.single_body_bytes)
    wanted = calls.decision_wanted(job_id, body, principal, runtime.now_ms())
    await must_be_allowed(runtime, principal, code)
    told = await calls.ask(runtime, code, wanted)
    assert isinstance(told, m.JobTold)
    shown = calls.job_json(told.job) | ({"copy": told.copy} if told.copy else {})
    return Response(orjson.dumps(shown), headers=replayed(told.replayed), media_type=_JSON)


async def must_be_allowed(runtime: Runtime, principal: Principal, code: str) -> None:
    """403 for a key that is limited to other warehouses, 404 for a device that is not there."""
    calls.check_place(principal, orjson.loads(await document_of(runtime, code)))


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1/devices/{code}/jobs", tags=["devices"])
    kinds = {"oneOf": [shapes.named(shapes.PrintJob), shapes.named(shapes.DrawerJob)]}
    decision = {
        "type": "object",
        "properties": {"printed": {"type": "boolean"}},
        "required": ["printed"],
        "additionalProperties": False,
    }
    made.add_api_route(
        "",
        post_job,
        methods=["POST"],
        status_code=202,
        response_class=Response,
        summary="Print something, or open the drawer",
        responses={202: shown_as(shapes.DeviceJob)},
        openapi_extra=body_as(kinds, receipt=_RECEIPT, drawer=_KICK),
    )
    made.add_api_route(
        "",
        list_jobs,
        response_class=Response,
        summary="Jobs of a device",
        responses={200: shown_as(shapes.DeviceJobPage)},
        openapi_extra=in_query(
            state={"type": "string", "enum": list(calls.STATES)},
            order={"type": "string", "enum": list(calls.ORDERS)},
            limit=LIMIT,
            cursor=TEXT,
        ),
    )
    made.add_api_route(
        "/{job_id}",
        get_job,
        response_class=Response,
        summary="Where a job stands",
        responses={200: shown_as(shapes.DeviceJob)},
    )
    made.add_api_route(
        "/{job_id}/picture",
        get_picture,
        response_class=Response,
        summary="What a job looks like on the paper",
        responses={200: {"content": {_PNG: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    made.add_api_route(
        "/{job_id}/decide",
        decide_job,
        methods=["POST"],
        response_class=Response,
        summary="Say what became of a job that is unknown",
        responses={200: shown_as(shapes.DeviceJob)},
        openapi_extra=body_as(decision, printed={"printed": True}, not_printed={"printed": False}),
    )
    return made


router = _make_router()
