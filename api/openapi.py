"""The OpenAPI document: FastAPI's own, and the operations of the routes in front of it.

Schemas of the latter are made by msgspec from the very structs that decode the bodies.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import device_shapes, shapes
from api.arrow import ARROW_MEDIA
from api.direct import Direct
from api.operations import CODES, operation_id
from api.status import PROBLEM_MEDIA

_REF: Final = "#/components/schemas/{name}"
_SECURITY: Final[list[dict[str, list[str]]]] = [{"HTTPBearer": []}]
_DESCRIPTION: Final = """One pool of stock for every channel: reserve, confirm, release, fulfil, sell.

The same id with the same content gives the same answer and no second effect, also after a crash."""


def document(app: FastAPI, direct: Sequence[Direct]) -> dict[str, Any]:
    """The whole document, made once."""
    made = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    types = [shapes.Problem, *device_shapes.ON_THE_PAGE]
    for route in direct:
        types.append(route.docs["x-answer"][1])
        if "x-body" in route.docs:
            types.append(route.docs["x-body"][0])
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(map(_key, types), schemas, strict=True))
    made.setdefault("components", {}).setdefault("schemas", {}).update(components)
    made["components"].setdefault("securitySchemes", {"HTTPBearer": {"type": "http", "scheme": "bearer"}})
    problem = {PROBLEM_MEDIA.decode(): {"schema": by_type[_key(shapes.Problem)]}}
    for path, operations in made["paths"].items():
        if not path.startswith("/health/"):
            for operation in operations.values():
                _add_problems(operation, problem, names="{" in path)
    for name in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(name, None)
    for route in direct:
        made["paths"].setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return made


def _add_problems(operation: dict[str, Any], problem: dict[str, Any], names: bool) -> None:
    """What every operation of FastAPI's can be answered with, instead of what FastAPI believes.

    `names`: its path names something, which may not be there.
    """
    codes = [401, 403, 422, 429, 503, *([404] if names else [])]
    if "requestBody" in operation:
        codes += [400, 409, 413]
    responses = operation["responses"]
    for code in codes:
        said = responses.get(str(code), {}).get("description", "Validation Error")
        responses[str(code)] = {"description": CODES[code] if said == "Validation Error" else said}
    for code, response in responses.items():
        if code >= "400":
            response["content"] = problem


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(route: Direct, schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    docs = {name: value for name, value in route.docs.items() if not name.startswith("x-")}
    status, answer = route.docs["x-answer"]
    arrow = {ARROW_MEDIA.decode(): {"schema": {"type": "string", "contentMediaType": ARROW_MEDIA.decode()}}}
    docs["operationId"] = operation_id(route.method, route.path)
    docs["description"] = (route.handler.__doc__ or "").strip()
    docs["security"] = _SECURITY
    content: dict[str, Any] = {"application/json": {"schema": schemas[_key(answer)]}}
    if route.docs["x-arrow"]:
        content |= arrow
    if route.path == "/v1/feed":
        content["text/event-stream"] = {"schema": {"type": "string"}}
    problem = {PROBLEM_MEDIA.decode(): {"schema": schemas[_key(shapes.Problem)]}}
    docs["responses"] = {
        str(status): {"description": docs["summary"], "content": content, "links": route.docs["x-links"]},
        **{str(code): {"description": CODES[code], "content": problem} for code in route.docs["x-codes"]},
    }
    if "x-body" in route.docs:
        body, examples, required = route.docs["x-body"]
        taken: dict[str, Any] = {"application/json": {"schema": schemas[_key(body)], "examples": examples}}
        if route.docs["x-arrow"]:
            taken |= arrow
        docs["requestBody"] = {"required": required, "content": taken}
    return docs
