"""SQL of planners: any one SELECT over the tables of the analytics, away from everything that serves."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import APIRouter, Depends, Request, Response

from actors.documents.keys import Principal
from analytics.questions import MEDIA, SQL_CHARACTERS_MAX, Refused, SqlAsked
from analytics.schema import TABLES
from api import decode
from api.analytics import FORMAT, format_of, refused, report_response
from api.deps import Runtime, get_runtime
from api.documents import body_of
from api.paging import query_of
from api.schemas import Body
from api.security import require
from api.status import Problem

GivenRuntime = Annotated[Runtime, Depends(get_runtime)]
Planner = Annotated[Principal, Depends(require("reports"))]
_JSON: Final = "application/json"


class Statement(Body, kw_only=True):
    """POST /v1/sql."""

    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=SQL_CHARACTERS_MAX, description="one SELECT")]


_statement = msgspec.json.Decoder(Statement)


async def run(request: Request, runtime: GivenRuntime, principal: Planner) -> Response:
    """Over a copy of the tables that may be some seconds old (`as_of` says when), in a process of its own.

    It reads no file, reaches no network, changes nothing, and is killed when it overruns its time. Quantities are
    thousandths, money is in minor units.
    """
    _check_unlimited(principal)
    query = query_of(request.scope["query_string"], (FORMAT,))
    format_ = format_of(query, request.headers.get("accept", ""))
    given: Statement = decode.decode(_statement, await body_of(request, runtime.limits.single_body_bytes))
    try:
        head, pieces = await runtime.sql.ask(SqlAsked(given.sql, format_))
    except Refused as refusal:
        raise refused(refusal) from None
    return report_response(runtime, "sql", format_, head, _each(pieces))


async def list_tables(principal: Planner) -> Response:
    """The tables and their columns."""
    _check_unlimited(principal)
    items = [{"name": name, "columns": [column._asdict() for column in columns]} for name, columns in TABLES.items()]
    return Response(orjson.dumps({"items": items, "next_cursor": None}), media_type=_JSON)


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _check_unlimited(principal: Principal) -> None:
    if principal.channels is not None or principal.warehouses is not None:
        raise Problem(403, "forbidden", "the key is limited to channels or warehouses, the tables are not")


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1", tags=["reports"])
    _, components = msgspec.json.schema_components([Statement], ref_template="#/components/schemas/{name}")
    example = {"sql": "select channel, count(*) as lines from sales group by channel"}
    content: dict[str, Any] = {_JSON: {"schema": components["Statement"], "example": example}}
    made.add_api_route(
        "/sql",
        run,
        methods=["POST"],
        summary="A planner's own SELECT over the report tables",
        response_class=Response,
        responses={200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}}},
        openapi_extra={
            "parameters": [{"in": "query", "name": FORMAT, "schema": {"type": "string", "enum": list(MEDIA)}}],
            "requestBody": {"required": True, "content": content},
        },
    )
    made.add_api_route("/sql", list_tables, summary="The tables that a planner may ask", operation_id="list_tables")
    return made


router = _make_router()
