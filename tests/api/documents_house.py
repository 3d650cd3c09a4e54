"""The catalogue's and the keys' routes over the real writer and directory, with shards in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
from fastapi import FastAPI, Request, Response

from actors.documents.database import DocumentsSettings
from actors.documents.first_start import admin_key_path
from api.deps import ApiLimits, Runtime
from api.routes import catalog, keys
from api.status import Problem
from tests.actors.documents.house import NOW_MS, looking, writing
from tests.actors.documents.shards import MemoryShards


class House:
    """One caller with an admin key, and what is behind the routes."""

    def __init__(self, http: httpx2.AsyncClient, shards: MemoryShards, runtime: Runtime) -> None:
        self.http = http
        self.shards = shards
        self.runtime = runtime

    async def put(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        return await self.http.put(f"/v1/{path}", json=body, headers=headers)

    async def get(self, path: str) -> httpx2.Response:
        return await self.http.get(f"/v1/{path}")

    async def delete(self, path: str) -> httpx2.Response:
        return await self.http.delete(f"/v1/{path}")

    async def batch(self, body: Any, key: str = "batch-1") -> httpx2.Response:
        return await self.http.post("/v1/products:batch", json=body, headers={"Idempotency-Key": key})


def in_house(data: Path, scene: Callable[[House], Awaitable[None]], limits: ApiLimits | None = None) -> None:
    """Run a scene."""

    async def run() -> None:
        async with house(data, limits or ApiLimits()) as opened:
            await scene(opened)

    asyncio.run(run())


@asynccontextmanager
async def house(data: Path, limits: ApiLimits) -> AsyncIterator[House]:
    """Opened, and closed in the end."""
    settings = DocumentsSettings(data)
    shards = MemoryShards()
    async with writing(settings, shards) as writer, looking(settings) as directory:
        nothing = cast(Any, None)  # these routes ask neither shards nor the feed
        runtime = Runtime(
            client=nothing, directory=directory, feed=nothing, documents=writer, analytics=nothing,
            devices=nothing, device_feed=nothing, sql=nothing, now_ms=lambda: NOW_MS, limits=limits,
        )  # fmt: skip
        key = admin_key_path(data).read_text().strip()
        transport = httpx2.ASGITransport(application(runtime))
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as http:
            yield House(http, shards, runtime)


def application(runtime: Runtime) -> FastAPI:
    """The two routers and the problem documents."""
    app = FastAPI()
    app.state.runtime = runtime
    app.include_router(catalog.router)
    app.include_router(keys.router)

    async def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        headers = {name.decode(): value.decode() for name, value in error.headers()}
        return Response(error.body(), error.status, headers)

    app.add_exception_handler(Problem, problem)
    return app


def problem_of(response: httpx2.Response) -> tuple[int, str, str | None]:
    """(status, code, path) of a problem document."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    return response.status_code, body["code"], body.get("path")
