"""Reports and explanations: what the analytics can be asked over HTTP."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from actors.documents.keys import Principal
from analytics.questions import MEDIA, CommandAsked, ExplainAsked, ReportAsked
from analytics.reports import REPORTS
from analytics.reports.metrics import metric_of
from analytics.reports.report import Report
from api.analytics import (
    AFTER,
    FORMAT,
    asked,
    check_limits,
    format_of,
    given_to,
    moment,
    read,
    report_of,
    report_response,
    seqs_after,
    seqs_now,
)
from api.deps import Runtime, get_runtime
from api.documents import reading
from api.paging import EVERYONE, YES_OR_NO, decode_cursor, encode_cursor, query_of
from api.security import require
from api.status import Problem
from api.texts import CODE_PATTERN, check_code, known_sku

router = APIRouter(prefix="/v1", tags=["reports"])
GivenRuntime = Annotated[Runtime, Depends(get_runtime)]
Reader = Annotated[Principal, Depends(require("reports"))]
_JSON: Final = "application/json"
_ENTRIES: Final = 100
_PARAMETERS: Final = {each.name: each.about for report in REPORTS.values() for each in report.parameters}
_CHOICES: Final = {each.name: list(each.pieces) for report in REPORTS.values() for each in report.choices}


def _in_query(name: str, about: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": about, "schema": {"type": "string", **schema}}


_AFTER_DOCS: Final = _in_query(AFTER, "a cursor of the feed: wait, for a bounded time, until the figures hold it")
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    410: {"description": "`cursor_expired`"},
    413: {"description": "`too_large`: more rows than one answer has"},
}


@router.get("/reports", summary="What reports there are")
async def list_reports(_: Reader) -> Response:
    """Each with its columns, what their figures are, and what it can be asked."""
    items = list(map(_described, REPORTS.values()))
    return Response(orjson.dumps({"items": items, "next_cursor": None}), media_type=_JSON)


def _described(report: Report) -> dict[str, Any]:
    return {
        "name": report.name,
        "about": report.about,
        "columns": [
            {"name": each.name, "holds": each.sort, "about": each.about}
            | ({} if (metric := metric_of(report.name, each.name)) is None else {"metric": metric._asdict()})
            for each in report.columns
        ],
        "parameters": [
            *({"name": each.name, "takes": each.ask, "about": each.about} for each in report.parameters),
            *({"name": each.name, "takes": list(each.pieces), "about": each.about} for each in report.choices),
        ],
        "formats": list(MEDIA),
    }


@router.get(
    "/reports/{name}",
    summary="A report",
    response_class=Response,
    responses={
        200: {
            "description": 'The report; JSON: `{"columns", "rows", "as_of": {"cursor", "at"}}`',
            "content": {media.partition(";")[0]: {} for media in MEDIA.values()},
        },
        **_ANSWERS,
    },
    openapi_extra={
        "parameters": [
            *(_in_query(name, about) for name, about in _PARAMETERS.items()),
            *(_in_query(name, "the period", enum=values) for name, values in _CHOICES.items()),
            _in_query(FORMAT, "else by Accept, else JSON", enum=list(MEDIA)),
            _AFTER_DOCS,
        ]
    },
)
async def get_report(
    request: Request,
    runtime: GivenRuntime,
    principal: Reader,
    name: Annotated[str, Path(json_schema_extra={"enum": list(REPORTS)})],
) -> Response:
    """Figures from the analytics, which follow the feed a fraction of a second behind."""
    report = report_of(name)
    query = query_of(request.scope["query_string"], (*report.names, FORMAT, AFTER))
    given = given_to(report, query)
    check_limits(principal, given)
    format_ = format_of(query, request.headers.get("accept", ""))
    after = seqs_after(runtime, query.get(AFTER))
    head, pieces = await asked(runtime, ReportAsked(name, given, format_, after))
    return report_response(runtime, name, format_, head, pieces)


@router.get(
    "/products/{sku}/suggestions",
    summary="What to show beside a product",
    response_class=Response,
    responses={200: {"content": {_JSON: {}}}, **_ANSWERS},
    openapi_extra={
        "parameters": [
            _in_query("warehouse", "what is in stock here comes first; else what is in stock anywhere"),
            _in_query("limit", "at most so many; 100 unless given"),
            _in_query("cursor", "`next_cursor` of the page before"),
        ]
    },
)
async def suggestions(
    request: Request,
    runtime: GivenRuntime,
    _: Annotated[Principal, Depends(require("read", "reports"))],
    sku: Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})],
) -> Response:
    """What was bought together with it in any channel, then what its group is looked at; `because` says which.

    Of both, what is in stock comes first.
    """
    sku_key = known_sku(check_code(sku, "sku"))
    await reading(runtime.directory.resolve_missing(sku_keys=[sku_key]))
    if runtime.directory.sku_text(sku_key) != sku:
        raise Problem(404, "unknown_sku")
    query = query_of(request.scope["query_string"], ("warehouse", "limit", "cursor"))
    limit = query.limit(runtime.limits.page)
    (begin,) = decode_cursor("cursor", query.get("cursor"), 1) or (0,)
    given = given_to(report_of("suggestions"), query)
    found = orjson.loads(b"{" + await read(runtime, ReportAsked("suggestions", {**given, "sku": sku})))
    items = [dict(zip(found["columns"][1:], row[1:], strict=True)) for row in found["rows"][begin : begin + limit]]
    for item in items:
        item["sku"] = item.pop("suggested")
    following = encode_cursor([begin + limit]) if begin + limit < len(found["rows"]) else None
    return Response(orjson.dumps({"items": items, "next_cursor": following}), media_type=_JSON)


@router.get(
    "/explain/{sku}/{warehouse}",
    summary="What a cell's figures are made of",
    response_class=Response,
    responses={200: {"content": {_JSON: {}}}, **_ANSWERS},
    openapi_extra={
        "parameters": [
            _in_query("as_of", "the figures at this moment; now unless given", format="date-time"),
            _in_query("limit", f"at most so many entries and holds; {_ENTRIES} unless given"),
            _AFTER_DOCS,
        ]
    },
)
async def explain(
    request: Request,
    runtime: GivenRuntime,
    principal: Reader,
    sku: Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})],
    warehouse: Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})],
) -> Response:
    """Entries, holds, sources and settings whose sum is the figure, with the sum checked."""
    check_code(sku, "sku")
    check_code(warehouse, "warehouse")
    check_limits(principal, {"warehouse": warehouse, "channel": None})
    query = query_of(request.scope["query_string"], ("as_of", "limit", AFTER))
    as_of = query.get("as_of")
    at = moment(as_of, "as_of") if as_of is not None else None
    limit = query.limit(runtime.limits.page)
    after = seqs_after(runtime, query.get(AFTER)) or seqs_now(runtime)
    return Response(await read(runtime, ExplainAsked(sku, warehouse, at, limit, after)), media_type=_JSON)


@router.get(
    "/commands/{command_id}/explain",
    summary="Why a command was refused, or sourced from where it was",
    response_class=Response,
    responses={200: {"content": {_JSON: {}}}, **_ANSWERS},
    openapi_extra={"parameters": [_in_query(EVERYONE, "of any client, not only the key's own", enum=list(YES_OR_NO))]},
)
async def explain_command(
    request: Request,
    runtime: GivenRuntime,
    principal: Reader,
    command_id: Annotated[str, Path(json_schema_extra={"pattern": CODE_PATTERN})],
) -> Response:
    """For each of its lines the places that were asked, in their order, with what each had just before."""
    check_code(command_id, "command_id")
    check_limits(principal, {})
    query = query_of(request.scope["query_string"], (EVERYONE,))
    everyone = query.one_of(EVERYONE, YES_OR_NO)
    client = None if principal.admin or everyone else principal.name
    return Response(await read(runtime, CommandAsked(client, command_id, seqs_now(runtime))), media_type=_JSON)
