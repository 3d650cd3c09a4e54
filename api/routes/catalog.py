"""Warehouses, channels and products: PUT, GET, DELETE and lists, and products by the array."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from actors.documents.keys import Principal
from actors.documents.messages import Change, Changed, Proposal, RequestId, Verdict
from actors.documents.schema import DocumentKind
from api import catalog
from api.deps import Runtime, get_runtime
from api.direct import too_large
from api.documents import body_of, check, reading
from api.headers import idempotency_key, replayed
from api.paging import code_cursor, code_in_cursor, query_of
from api.security import require
from api.status import Problem
from api.texts import CODE_PATTERN, check_code, check_text
from engine.outcomes import Outcome

GivenRuntime = Annotated[Runtime, Depends(get_runtime)]

Responses = dict[int | str, dict[str, Any]]

SEARCH: Final = "q"
SEARCH_BYTES_MAX: Final = 128
_PAGING: Final = {"limit": {"type": "integer", "minimum": 1}, "cursor": {"type": "string"}}
_SEARCHED: Final = {
    **_PAGING,
    SEARCH: {"type": "string", "description": "the beginning of a SKU, a part of a name, or a barcode"},
}
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of document as the outside knows it."""

    kind: DocumentKind
    plural: str
    code_field: str
    body: type[msgspec.Struct]
    to_document: Callable[[str, bytes], str]
    example_code: str
    example: dict[str, Any]

    @property
    def filters(self) -> dict[str, Any]:
        """What its list can be asked, with the schema of each."""
        return _SEARCHED if self.kind is DocumentKind.PRODUCT else _PAGING

    @property
    def unknown(self) -> str:
        """The problem's code when there is none such."""
        return "unknown_sku" if self.kind is DocumentKind.PRODUCT else f"unknown_{self.kind}"


RESOURCES: Final = (
    Resource(
        DocumentKind.WAREHOUSE,
        "warehouses",
        "code",
        catalog.Warehouse,
        catalog.warehouse_document,
        "riga-1",
        {"name": "Riga, Brīvības 21", "kind": "store", "priority": 20, "time_zone": "Europe/Riga"},
    ),
    Resource(
        DocumentKind.CHANNEL,
        "channels",
        "code",
        catalog.Channel,
        catalog.channel_document,
        "web",
        {"name": "Web shop", "kind": "web", "warehouses": None},
    ),
    Resource(
        DocumentKind.PRODUCT,
        "products",
        "sku",
        catalog.Product,
        catalog.product_document,
        "cup-blue",
        {"name": "Cup, blue", "quantity_decimals": 0, "barcodes": ["4006381333931"], "group": ["Kitchen", "Cups"]},
    ),
)


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1", tags=["catalogue"])
    for resource in RESOURCES:
        _add_routes(made, resource)
    made.add_api_route(
        "/products:batch",
        put_products,
        methods=["POST"],
        summary="Make or replace many products",
        openapi_extra={
            "parameters": [{"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string"}}],
            "requestBody": _body(
                {"type": "array", "items": _schema(catalog.BatchProduct)}, [{"sku": "cup-blue", "name": "Cup, blue"}]
            ),
        },
        responses={
            200: {"content": {_JSON: {"example": {"results": [{"sku": "cup-blue", "outcome": "ok"}]}}}},
            422: _problem("invalid_request, id_reused"),
        },
    )
    return made


def _add_routes(made: APIRouter, resource: Resource) -> None:
    in_path = Path(alias=resource.code_field, json_schema_extra={"pattern": CODE_PATTERN})

    async def put(request: Request, runtime: GivenRuntime, code: str = in_path) -> Response:
        check_code(code, resource.code_field)
        document = resource.to_document(code, await body_of(request, runtime.limits.single_body_bytes))
        changed = await runtime.documents.submit(Change(resource.kind, [Proposal(code, document)]))
        verdict = check(changed.verdicts[0])
        body = catalog.answered(resource.code_field, code, document)
        return Response(body, 201 if verdict.made else 200, media_type=_JSON)

    async def get(runtime: GivenRuntime, code: str = in_path) -> Response:
        check_code(code, resource.code_field)
        found = await reading(runtime.directory.document(resource.kind, code))
        if found is None:
            raise Problem(404, resource.unknown)
        return Response(catalog.answered(resource.code_field, code, found.document), media_type=_JSON)

    async def delete(runtime: GivenRuntime, code: str = in_path) -> Response:
        check_code(code, resource.code_field)
        changed = await runtime.documents.submit(Change(resource.kind, [Proposal(code, "", archived=True)]))
        check(changed.verdicts[0])
        return Response(status_code=204)

    async def page(request: Request, runtime: GivenRuntime) -> Response:
        query = query_of(request.scope["query_string"], resource.filters)
        limit = query.limit(runtime.limits.page)
        after = code_in_cursor(query.get("cursor"))
        wanted = query.get(SEARCH)
        # One more than asked for tells whether there is a next page.
        if wanted:
            found = await reading(
                runtime.directory.found_products(check_text(wanted, SEARCH, SEARCH_BYTES_MAX), after, limit + 1)
            )
        else:
            found = await reading(runtime.directory.page(resource.kind, after, limit + 1))
        items = b",".join(catalog.answered(resource.code_field, item.code, item.document) for item in found[:limit])
        following = code_cursor(found[limit - 1].code) if len(found) > limit else None
        return Response(b'{"items":[%s],"next_cursor":%s}' % (items, orjson.dumps(following)), media_type=_JSON)

    one, kind = f"/{resource.plural}/{{{resource.code_field}}}", resource.kind
    writing, read = [Depends(require("admin"))], [Depends(require("read"))]
    shown = {"content": {_JSON: {"example": {resource.code_field: resource.example_code, **resource.example}}}}
    unknown: Responses = {404: _problem(resource.unknown)}
    conflict: Responses = {409: _problem("conflict")}
    made.add_api_route(
        one,
        put,
        methods=["PUT"],
        dependencies=writing,
        operation_id=f"put_{kind}",
        summary=f"Make or replace a {kind}",
        responses={200: shown, 201: {**shown, "description": "It was made"}, **conflict},
        openapi_extra={"requestBody": _body(_schema(resource.body), resource.example)},
    )
    made.add_api_route(
        one,
        get,
        dependencies=read,
        operation_id=f"get_{kind}",
        summary=f"One {kind}",
        responses={200: shown, **unknown},
    )
    made.add_api_route(
        one,
        delete,
        methods=["DELETE"],
        dependencies=writing,
        operation_id=f"delete_{kind}",
        status_code=204,
        summary=f"Archive a {kind} without stock; PUT brings it back",
        responses={**unknown, **conflict},
    )
    made.add_api_route(
        f"/{resource.plural}",
        page,
        dependencies=read,
        operation_id=f"list_{resource.plural}",
        summary=f"The {resource.plural}, in order of their {resource.code_field}",
        openapi_extra={
            "parameters": [{"in": "query", "name": name, "schema": schema} for name, schema in resource.filters.items()]
        },
    )


async def put_products(
    request: Request, runtime: GivenRuntime, principal: Annotated[Principal, Depends(require("admin"))]
) -> Response:
    """Make or replace many products; each has its own outcome."""
    key = idempotency_key(dict(request.scope["headers"]))
    body = await body_of(request, runtime.limits.array_body_bytes)
    proposals: list[Proposal] = []
    for part in catalog.product_documents(body):
        proposals += [Proposal(sku, document) for sku, document in part]
        if len(proposals) > runtime.limits.commands:
            raise too_large(f"more than {runtime.limits.commands} products")
        await asyncio.sleep(0)
    digest = hashlib.sha256()
    for proposal in proposals:
        digest.update(f"{proposal.code}\0{proposal.document}\n".encode())
    request_id = RequestId(principal.client, key, digest.digest())
    changed = await runtime.documents.submit(Change(DocumentKind.PRODUCT, proposals, request_id))
    _check_whole(changed)
    results = [_result(proposal.code, verdict) for proposal, verdict in zip(proposals, changed.verdicts, strict=True)]
    return Response(orjson.dumps({"results": results}), headers=replayed(changed.replayed), media_type=_JSON)


def _check_whole(changed: Changed) -> None:
    """A problem where all rows say the same: the id was used for something else, or nothing could be decided."""
    outcomes = {verdict.outcome for verdict in changed.verdicts}
    if outcomes in ({Outcome.ID_REUSED}, {Outcome.UNAVAILABLE}, {Outcome.OVERLOADED}):
        check(changed.verdicts[0])


def _result(sku: str, verdict: Verdict) -> dict[str, str]:
    result = {"sku": sku, "outcome": verdict.outcome.text}
    if verdict.detail:
        result["detail"] = verdict.detail
    return result


def _schema(body: type[msgspec.Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([body], ref_template="#/components/schemas/{name}")
    schema: dict[str, Any] = components[body.__name__]
    return schema


def _body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"required": True, "content": {_JSON: {"schema": schema, "example": example}}}


def _problem(codes: str) -> dict[str, Any]:
    return {"description": codes, "content": {"application/problem+json": {}}}


router = _make_router()
