"""Reports as files: handed on from the API piece by piece, so that a million rows never stand here."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from api.console.client import ApiProblem
from api.console.visit import Desk

FORMATS: Final = {
    "csv": ("CSV", "text/csv; charset=utf-8"),
    "xlsx": ("Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
    "arrow": ("Arrow", "application/vnd.apache.arrow.stream"),
    "json": ("JSON", "application/json"),
}
_NAME: Final = re.compile(r"^[a-z_]{1,64}$")
_OURS: Final = frozenset(("format", "span", "page"))


def download_routes(desk: Desk) -> APIRouter:
    """`/download/{report}?format=csv&...`, for whoever is signed in."""
    router = APIRouter()

    @router.get("/download/{name}", include_in_schema=False)
    async def download(name: str, request: Request) -> Response:
        format_ = request.query_params.get("format", "csv")
        if not _NAME.match(name) or format_ not in FORMATS:
            return PlainTextResponse("there is no such file", 404)
        asked = {key: value for key, value in request.query_params.items() if key not in _OURS}
        stack = AsyncExitStack()
        try:
            answer = await stack.enter_async_context(
                desk.api.stream(f"/v1/reports/{name}", {**asked, "format": format_})
            )
        except ApiProblem as problem:
            await stack.aclose()
            return PlainTextResponse(str(problem), problem.status or 503)

        async def pieces() -> AsyncIterator[bytes]:
            async with stack:
                async for piece in answer.aiter_bytes():
                    yield piece

        days = "_".join(asked[name] for name in ("from", "to") if name in asked)
        named = re.sub(r"[^A-Za-z0-9_.-]", "", f"{name}_{days}" if days else name)
        headers = {
            "Content-Disposition": f'attachment; filename="{named}.{format_}"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(pieces(), media_type=FORMATS[format_][1], headers=headers)

    return router
