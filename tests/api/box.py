"""The whole engine in this process, behind a real socket: shards as threads, documents in SQLite, journals in memory.

Everything is the real thing but the disk under the journals. Used by the fixtures in conftest; a test that
needs a shard to be away or a journal to be full says so through `stores`.
"""

import asyncio
import itertools
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import httpx2
import uvicorn

from actors.analytics_actor import AnalyticsActor, AnalyticsFile
from actors.analytics_link import AnalyticsLink
from actors.client import Client
from actors.datadir import ANALYTICS_SOCKET, DEVICES
from actors.device_link import LocalDevices, local_devices
from actors.documents.database import DocumentsSettings
from actors.documents.details import DetailsReader
from actors.documents.directory import Directory
from actors.documents.keys import make_key
from actors.documents.messages import PutKey
from actors.documents.writer import DocumentsWriter
from actors.local_transport import LocalTransport
from actors.memory_journal import MemoryStore
from actors.partitions import PartitionMap
from actors.planner_sql import PlannerSql
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig
from actors.warmup import warm_up
from analytics.store import FILE, Store
from api.app import create_app
from api.asgi import Front
from api.deps import ApiLimits, Runtime
from api.device_feed import DeviceFeed
from api.feed import Feed
from api.serve import http_config
from engine.layout import Limits
from engine.wire import ShardState

START_S: Final = 600.0
"""The first start on a machine compiles the kernels."""
BOUND_S: Final = 30.0
SMALL: Final = Limits(
    skus_max=1 << 15,
    cells_max=1 << 15,
    ids_max=1 << 18,
    reservations_max=1 << 15,
    lines_max=1 << 17,
    sources_max=1 << 10,
    batch_rows_max=1 << 14,
)
_numbers = itertools.count(1)


def fresh(prefix: str = "id") -> str:
    """An id that no other call has."""
    return f"{prefix}-{next(_numbers)}"


def _make(config: ShardConfig, store: MemoryStore, die: Callable[[str], NoReturn]) -> ShardActor:
    return ShardActor(config, store.journal, lambda _: store.recover(config.limits), die=die)


async def _all_ready(client: Client) -> None:
    while any(each.state != ShardState.READY for each in await client.shards()):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


class Box:
    """Start it, speak to it with `http` or the calls below, `close` it."""

    def __init__(
        self,
        data: Path,
        shards: int = 2,
        limits: ApiLimits | None = None,
        settings: Settings | None = None,
        send_buffer: int = 0,
        analytics: bool = False,
    ) -> None:
        """`send_buffer`: bytes that the system takes of an answer before its caller reads; 0 = as it likes.
        `analytics`: follow the journals and answer reports, as a thread, with tables in a file."""
        self.stores = [MemoryStore(shard) for shard in range(shards)]
        self.runtime: Runtime | None = None
        self._limits = limits or ApiLimits()
        self._settings = settings or Settings()
        self._data = data
        self.analytics_door = data / ANALYTICS_SOCKET
        self._with_analytics = analytics
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._failed: BaseException | None = None
        self.server: uvicorn.Server | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        # asyncio does it only for sockets that say their protocol; without it every answer takes 40 ms.
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if send_buffer:
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self._thread = threading.Thread(target=self._run, name="box", daemon=True)
        self._thread.start()
        assert self._started.wait(START_S), "the engine did not start"
        if self._failed is not None:
            raise self._failed
        host, port = self._listening.getsockname()
        self.url = f"http://{host}:{port}"
        self.admin = (data / "admin.key").read_text().strip()
        self.http = httpx2.Client(base_url=self.url, timeout=BOUND_S, trust_env=False)

    def close(self) -> None:
        """End everything."""
        self.http.close()
        assert self.server is not None
        self.server.should_exit = True
        self._thread.join(BOUND_S)
        assert not self._thread.is_alive()

    # ---- calls

    def call(self, method: str, path: str, *, key: str | None = None, **request: Any) -> httpx2.Response:
        """One request, by the admin unless another key is given; with an Idempotency-Key of its own."""
        headers = {"Authorization": f"Bearer {key or self.admin}", "Idempotency-Key": fresh("key")}
        headers |= request.pop("headers", {})
        return self.http.request(method, path, headers={k: v for k, v in headers.items() if v}, **request)

    def get(self, path: str, **request: Any) -> Any:
        """GET that must succeed."""
        answer = self.call("GET", path, **request)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, status: int = 200, **request: Any) -> Any:
        """POST JSON that must be answered with `status`."""
        answer = self.call("POST", path, json=body, **request)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer.json()

    def put(self, path: str, body: Any) -> None:
        """PUT that must succeed."""
        answer = self.call("PUT", path, json=body)
        assert answer.status_code in (200, 201), answer.text

    def commands(self, *commands: dict[str, Any], **request: Any) -> list[dict[str, Any]]:
        """Results of an array of commands; ids are made up unless given."""
        results: list[dict[str, Any]] = self.post(
            "/v1/commands", [{"id": fresh(), **command} for command in commands], **request
        )["results"]
        return results

    def make_key(self, *scopes: str, client: str = "webshop", **limits: Any) -> str:
        """A key with these scopes."""
        made = make_key(random.randbytes(40))
        message = PutKey(made.id, made.secret_sha256, client, list(scopes), **limits)
        (verdict,) = self.do(lambda runtime: runtime.documents.submit(message)).verdicts
        assert verdict.outcome.text == "ok", verdict
        return made.text

    def do(self, work: Callable[[Runtime], Any]) -> Any:
        """The result of a coroutine that runs beside the server."""
        assert self.runtime is not None
        return asyncio.run_coroutine_threadsafe(work(self.runtime), self._loop).result(BOUND_S)

    def stock_shop(self) -> None:
        """Three warehouses (`lost` is quarantine), two channels, three SKUs, some stock."""
        for priority, (code, kind) in enumerate(
            (("berlin", "warehouse"), ("hamburg", "store"), ("lost", "quarantine"))
        ):
            self.put(f"/v1/warehouses/{code}", {"name": code.title(), "kind": kind, "priority": priority})
        self.put("/v1/channels/shop", {"name": "Shop", "kind": "web", "warehouses": None})
        self.put("/v1/channels/market", {"name": "Market", "kind": "marketplace", "warehouses": ["hamburg"]})
        for sku, decimals in (("TEE-M", 0), ("TEE-L", 0), ("CHEESE", 3)):
            self.put(f"/v1/products/{sku}", {"name": sku.title(), "quantity_decimals": decimals})
        results = self.commands(
            {"kind": "receive", "sku": "TEE-M", "warehouse": "berlin", "quantity": 1000},
            {"kind": "receive", "sku": "TEE-M", "warehouse": "hamburg", "quantity": 500},
            {"kind": "receive", "sku": "TEE-L", "warehouse": "berlin", "quantity": 300},
            {"kind": "receive", "sku": "CHEESE", "warehouse": "hamburg", "quantity": 12.5},
        )
        assert [result["outcome"] for result in results] == ["ok"] * 4, results

    # ---- the engine's thread

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            self._failed = error
            self._started.set()
        finally:
            self._loop.close()

    @contextmanager
    def _analytics(self, documents: DocumentsSettings) -> Iterator[None]:
        if not self._with_analytics:
            yield
            return
        store = Store(self._data / FILE, era=0, shards=len(self.stores))
        file = AnalyticsFile(store, [each.journal() for each in self.stores], DetailsReader(documents))
        actor = AnalyticsActor(file, self.analytics_door)
        thread = threading.Thread(target=actor.run, name="analytics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            actor.stop()
            thread.join(BOUND_S)
            file.close()

    async def _serve(self) -> None:
        warm_up()
        transport = LocalTransport(
            [
                partial(_make, ShardConfig(shard=store.shard, limits=SMALL, settings=self._settings), store)
                for store in self.stores
            ]
        )
        partitions = PartitionMap.even(len(self.stores))
        client = Client(
            transport, partitions, b"sixteen bytes ok", jitter=random.random, first_call=1, settings=self._settings
        )
        documents = DocumentsSettings(self._data)
        writer = DocumentsWriter(documents, client, now_ms=client.now_ms)
        directory = Directory(documents)
        await _all_ready(client)
        await writer.start()
        await directory.start()
        try:
            async with local_devices(self._data / DEVICES, documents) as devices:
                await self._answer(client, directory, writer, devices, partitions.era)
        finally:
            await directory.stop()
            await writer.stop()
            await client.close()
            await asyncio.to_thread(transport.close)

    async def _answer(
        self, client: Client, directory: Directory, writer: DocumentsWriter, devices: LocalDevices, era: int
    ) -> None:
        journals = [store.journal() for store in self.stores]
        self.runtime = Runtime(
            client=client,
            directory=directory,
            feed=Feed(journals, era, directory),
            documents=writer,
            analytics=AnalyticsLink(self.analytics_door, BOUND_S if self._with_analytics else 0.0),
            devices=devices,
            device_feed=DeviceFeed(self._data / DEVICES, lambda: directory.device_numbers),
            sql=PlannerSql(self._data),
            now_ms=client.now_ms,
            limits=self._limits,
            share=self._data,
        )
        config = http_config(create_app(self.runtime), keep_alive_s=5)
        # Else every test would pass, but by ASGI.
        assert isinstance(config.app, Front)
        self.server = uvicorn.Server(config)
        self._started.set()
        with self._analytics(DocumentsSettings(self._data)):
            await self.server.serve([self._listening])
