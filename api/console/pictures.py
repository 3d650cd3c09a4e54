"""Receipts as pictures: handed on from the API, and kept by the browser: a page drawn anew shows the same."""

import re
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from api.console.client import ApiProblem
from api.console.visit import Desk

PICTURE_FOR_S: Final = 60.0
"""How long an answer serves others; the address changes when the job does."""
BROWSER_FOR_S: Final = 3_600
_CODE: Final = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")


def picture_address(code: str, job: dict[str, Any]) -> str:
    """Where a page finds the picture of a job."""
    return f"/pictures/{quote(code)}/{quote(job['id'])}?as={quote(job['changed_at'])}"


async def picture_of(desk: Desk, code: str, job_id: str) -> bytes:
    """A PNG; raises ApiProblem, with 404 when nothing of it can be shown."""
    found: bytes = await desk.api.shared(f"/v1/devices/{code}/jobs/{job_id}/picture", for_s=PICTURE_FOR_S)
    return found


def picture_routes(desk: Desk) -> APIRouter:
    """`/pictures/{device}/{job}`, for whoever is signed in."""
    router = APIRouter()

    @router.get("/pictures/{code}/{job_id}", include_in_schema=False)
    async def picture(code: str, job_id: str) -> Response:
        if not (_CODE.match(code) and _CODE.match(job_id)):
            return PlainTextResponse("there is no such picture", 404)
        try:
            png = await picture_of(desk, code, job_id)
        except ApiProblem as problem:
            return PlainTextResponse(str(problem), problem.status or 503)
        return Response(png, media_type="image/png", headers={"Cache-Control": f"private, max-age={BROWSER_FOR_S}"})

    return router
