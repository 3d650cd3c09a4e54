"""What a till asks of scales, displays and scanners: a weight, what the customer sees, the next receipt.

What is scanned comes on the feed of devices, in order and none missed.
"""

from typing import Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Request, Response

from actors import device_messages as m
from api import device_calls as calls
from api import device_shapes as shapes
from api.documents import body_of
from api.headers import idempotency_key, replayed
from api.routes.device_jobs import Till, must_be_allowed
from api.routes.devices import GivenRuntime, InPath, body_as, shown_as
from devices.shown import Shown

_JSON: Final = "application/json"


async def weigh(request: Request, runtime: GivenRuntime, principal: Till, code: InPath) -> Response:
    """As soon as it is still; 409 with the reason when there is no weight to sell by.

    The same id gets the same weight again, for who did not hear it: the goods may be off the scale by then.
    """
    body = await body_of(request, runtime.limits.single_body_bytes)
    headers = dict(request.scope["headers"])
    key = idempotency_key(headers) if headers.get(b"idempotency-key", b"").strip() else ""
    wanted = calls.weighing_wanted(body, key, runtime.now_ms())
    await must_be_allowed(runtime, principal, code)
    told = await calls.ask(runtime, code, wanted)
    assert isinstance(told, m.Weighed)
    return Response(orjson.dumps(calls.weight_json(told)), headers=replayed(told.replayed), media_type=_JSON)


async def show(request: Request, runtime: GivenRuntime, principal: Till, code: InPath) -> Response:
    """From now on, and again after its cable was out; a state that is not shown yet gives way to a newer one."""
    body = await body_of(request, runtime.limits.single_body_bytes)
    wanted = calls.showing_wanted(body, runtime.now_ms())
    await must_be_allowed(runtime, principal, code)
    told = await calls.ask(runtime, code, wanted)
    assert isinstance(told, m.Lines)
    return Response(orjson.dumps({"upper": told.upper, "lower": told.lower}), media_type=_JSON)


async def new_receipt(runtime: GivenRuntime, principal: Till, code: InPath) -> Response:
    """The next customer: marked goods that were scanned and not sold may be scanned again."""
    await must_be_allowed(runtime, principal, code)
    await calls.ask(runtime, code, m.NewReceipt())
    return Response(status_code=204)


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1/devices/{code}", tags=["devices"])
    _, schemas = msgspec.json.schema_components([Shown, calls.Weighing], ref_template="#/components/schemas/{name}")
    states: dict[str, Any] = {"oneOf": [schemas[name] for name in schemas if name != "Weighing"]}
    made.add_api_route(
        "/weigh",
        weigh,
        methods=["POST"],
        response_class=Response,
        summary="Weigh what lies on the scale",
        responses={200: shown_as(shapes.Weight), 409: {"description": "no_weight"}},
        openapi_extra=body_as(schemas["Weighing"], apples={"id": "sale-17-line-2", "tare_grams": 4}),
    )
    made.add_api_route(
        "/shown",
        show,
        methods=["PUT"],
        response_class=Response,
        summary="What the customer sees",
        responses={200: shown_as(shapes.DisplayLines)},
        openapi_extra=body_as(
            states,
            line={"state": "line", "name": "Tea", "amount": "4.50", "subtotal": "9.00"},
            total={"state": "total", "amount": "9.00"},
            change={"state": "change", "tendered": "10.00", "change": "1.00"},
            thanks={"state": "thanks"},
            idle={"state": "idle"},
        ),
    )
    made.add_api_route(
        "/new_receipt",
        new_receipt,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        summary="The next customer stands at the scanner",
    )
    return made


router = _make_router()
