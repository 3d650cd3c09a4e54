"""The application: FastAPI for documents and operators, and in front of it the routes of the stock.

`create_app` starts nothing and opens nothing; it is called by the process that made the Runtime.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from http import HTTPStatus
from importlib import metadata
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from actors.documents.directory import DirectoryUnavailable
from api.asgi import App, Front
from api.deps import Runtime
from api.docs_page import add_docs_page
from api.metrics import keep_sharing
from api.openapi import document
from api.operations import DIRECT
from api.root_page import add_root_page
from api.routes import (
    alerts,
    catalog,
    closings,
    device_feed,
    device_jobs,
    device_sales,
    devices,
    interest,
    keys,
    reports,
    service,
    sql,
)
from api.status import Problem, away
from engine.outcomes import Outcome

_RETRY_AFTER_MS = 1_000
_METHODS: Final = ("DELETE", "GET", "POST", "PUT")
_CODE_OF = {400: "invalid_json", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 422: "invalid_request"}


def create_app(runtime: Runtime) -> App:
    """The ASGI application of one process."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sharing = runtime.sharing()
        task = asyncio.create_task(keep_sharing(sharing, runtime.own_counters))
        try:
            yield
        finally:
            runtime.closing.set()
            task.cancel()
            sharing.withdraw()

    app = FastAPI(
        title="omnistock",
        version=metadata.version("omnistock") if _is_installed() else "0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the address that it would send callers to is what they said that our Host is
        strict_content_type=False,
        telemetry={"tracing": False},
    )
    app.state.runtime = runtime
    add_root_page(app)
    add_docs_page(app)
    for each in (
        service,
        catalog,
        keys,
        reports,
        alerts,
        closings,
        interest,
        sql,
        devices,
        device_jobs,
        device_sales,
        device_feed,
    ):
        app.include_router(each.router)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DirectoryUnavailable, _unavailable)
    app.add_exception_handler(Exception, _failed)
    app.openapi = cache(lambda: document(app, DIRECT))  # type: ignore[method-assign]
    return Front(app, runtime, DIRECT, runtime.http)


def _is_installed() -> bool:
    try:
        metadata.version("omnistock")
    except metadata.PackageNotFoundError:
        return False
    return True


def _answer(problem: Problem) -> Response:
    response = Response(problem.body(), problem.status)
    response.raw_headers = [*problem.headers(), (b"content-length", b"%d" % len(response.body))]
    return response


async def _problem(_: Request, error: Any) -> Response:
    return _answer(error)


async def _not_valid(_: Request, error: Any) -> Response:
    """Pydantic's list of errors as the one problem of its first."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return _answer(Problem(400, "invalid_json", str(first.get("ctx", {}).get("error", ""))))
    where, *path = first["loc"]
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    shown = f"${steps}" if where == "body" else ".".join(map(str, path)) or str(where)
    return _answer(Problem(422, "invalid_request", str(first["msg"])[:200], {"path": shown}))


async def _http(request: Request, error: Any) -> Response:
    code = _CODE_OF.get(error.status_code, "invalid_request" if error.status_code < 500 else "internal")
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return _answer(Problem(error.status_code, code, str(error.detail)))
    allowed = ", ".join(sorted(_methods(request)))
    answer = _answer(Problem(error.status_code, code, f"allowed: {allowed}"))
    answer.headers["allow"] = allowed
    return answer


def _methods(request: Request) -> set[str]:
    """What the address can be asked; the router itself only tells of the first route that has it."""
    found: set[str] = set()
    for method in _METHODS:
        for route in request.app.routes:
            if route.matches({**request.scope, "method": method})[0] is Match.FULL:
                found.add(method)
    return found


async def _unavailable(_: Request, error: Any) -> Response:
    problem = away(Outcome.UNAVAILABLE, _RETRY_AFTER_MS)
    problem.detail = str(error)
    return _answer(problem)


async def _failed(_: Request, error: Any) -> Response:
    return _answer(Problem(500, "internal"))
