"""One API worker: uvicorn on a socket that the supervisor bound, and a Runtime for the application.

With Ray it joins the cluster and finds the shards by name; in local mode it is the whole engine, shards as
threads. On SIGTERM it takes no new connection, finishes what is in flight, and, when it holds the shards,
seals their journals.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvicorn
import uvloop

from actors.analytics_link import AnalyticsLink
from actors.client import Client
from actors.composition import documents_settings, local_shards, make_client, shard_arguments, wall_ms
from actors.datadir import ANALYTICS, ANALYTICS_SOCKET, DataDir
from actors.device_link import Devices, local_devices
from actors.documents.directory import Directory
from actors.documents.gateway import Documents, RemoteDocuments
from actors.documents.writer import DocumentsWriter
from actors.logs import set_up_logging
from actors.planner_sql import PlannerSql
from actors.pulse import Beat, Pulse, Serving
from actors.ray_settings import RunDirectory
from actors.serve_settings import ServeSettings
from actors.settings import Settings
from actors.shard_limits import shard_limits
from actors.supervisor import PULSE_VARIABLE
from api.app import create_app
from api.asgi import App
from api.deps import ApiLimits, Runtime
from api.device_feed import DeviceFeed
from api.feed import Feed
from api.http_protocol import DirectProtocol
from api.neighbours import Neighbours
from api.set_limits import as_set

GRACEFUL_S: Final = 10
"""For requests in flight; afterwards they are cancelled. Less than the supervisor's own patience."""
KEEP_ALIVE_S: Final = 75
COLLECT_AFTER: Final = (50_000, 20, 50)
"""Garbage collection: objects made and not freed, and how often the younger before the older."""
_LOOK_EVERY_S: Final = 0.05


class Server(uvicorn.Server):
    """uvicorn, but it says when it takes connections, looks after those of workers that are away, and signals belong to
    us: it would raise them again before the journals are sealed."""

    def __init__(self, config: uvicorn.Config, pulse: Pulse, beside: Sequence[socket.socket] = ()) -> None:
        """`beside`: the listening sockets of the other workers."""
        super().__init__(config)
        self._pulse = pulse
        self.neighbours = Neighbours(beside, self._serve_too)
        self._taking: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        self._pulse.say(Serving())

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if not self.should_exit:
            self.neighbours.look()
        return await super().on_tick(counter)

    def _serve_too(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(connection))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with contextlib.suppress(OSError):  # the caller hung up
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> DirectProtocol:
        return DirectProtocol(self.config, self.server_state, self.lifespan.state)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


async def work(serving: ServeSettings, listening: socket.socket, beside: Sequence[socket.socket], pulse: Pulse) -> None:
    """From the first connection taken to the last one answered."""
    beating = asyncio.create_task(pulse.beat())
    async with AsyncExitStack() as ending:
        runtime = await _runtime(serving, ending)
        server = Server(http_config(create_app(runtime)), pulse, beside)

        def end() -> None:
            server.should_exit = True
            server.neighbours.close()
            runtime.closing.set()  # live feeds end by themselves

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, end)
        # What was made so far stays: no collection need look at it again.
        gc.collect()
        gc.freeze()
        # Requests leave hardly any cycles behind, but what they leave in caches made a full collection of 50 to 80 ms
        # every few seconds: the p99 at half load.
        gc.set_threshold(*COLLECT_AFTER)
        await server.serve([listening])
    beating.cancel()


def http_config(app: App, keep_alive_s: int = KEEP_ALIVE_S) -> uvicorn.Config:
    """How the application is served, here and in tests."""
    return uvicorn.Config(
        app,
        http=DirectProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody here asks for a caller's address or scheme; it would hide the Front
        ws="none",
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=GRACEFUL_S,
    )


async def _runtime(serving: ServeSettings, ending: AsyncExitStack) -> Runtime:
    """Everything a request may need; `ending` takes it apart in the opposite order."""
    data = DataDir.open(serving.data)
    if serving.transport == "local":
        client, documents, devices = await _local(serving, data, ending)
    else:
        client, documents, devices = await _remote(serving, data, ending)
    directory = Directory(documents_settings(data, serving.database))
    await directory.start()
    ending.push_async_callback(directory.stop)
    readers = [data.follower(shard, serving.database) for shard in range(data.partitions.shards)]
    return Runtime(
        client=client,
        directory=directory,
        feed=Feed(readers, data.partitions.era, directory),
        documents=documents,
        analytics=AnalyticsLink(data.path / ANALYTICS_SOCKET),
        devices=devices,
        device_feed=DeviceFeed(data.devices, lambda: directory.device_numbers),
        sql=PlannerSql(data.path / ANALYTICS),
        now_ms=client.now_ms,
        limits=as_set(ApiLimits(), os.environ),
        console=serving.console,
        share=RunDirectory(serving.run).metrics,
    )


async def _local(serving: ServeSettings, data: DataDir, ending: AsyncExitStack) -> tuple[Client, Documents, Devices]:
    """Shards and devices as threads, and the documents' writer, in this process."""
    settings = as_set(Settings(), os.environ)
    transport = local_shards(shard_arguments(data, serving.database, settings, shard_limits()))
    ending.push_async_callback(asyncio.to_thread, transport.close)
    client = make_client(transport, data, settings)
    ending.push_async_callback(client.close)
    writer = DocumentsWriter(documents_settings(data, serving.database), client, now_ms=wall_ms)
    await writer.start()
    ending.push_async_callback(writer.stop)
    devices = await ending.enter_async_context(local_devices(data.devices, documents_settings(data, serving.database)))
    return client, writer, devices


async def _remote(serving: ServeSettings, data: DataDir, ending: AsyncExitStack) -> tuple[Client, Documents, Devices]:
    """Shards, devices and the documents' writer as actors of the keeper's cluster."""
    from actors import cluster  # Ray is imported only where it is used: it takes half a second
    from actors.keeper import DOCUMENTS, FIND_S_MAX, client_of_shards
    from actors.ray_devices import RayDevices
    from actors.ray_transport import caller

    settings = as_set(Settings(), os.environ)
    client = await client_of_shards(serving.data, RunDirectory(serving.run).sockets, settings)
    ending.push_async_callback(client.close)
    writer = await asyncio.to_thread(cluster.find, DOCUMENTS, FIND_S_MAX)
    return client, RemoteDocuments(caller(writer.submit)), RayDevices()


def _address(run: RunDirectory, pulse: Pulse) -> str:
    """Of the keeper's cluster, as soon as it is up; the supervisor ends us if it never is."""
    while not run.address.exists():
        pulse.say(Beat())
        time.sleep(_LOOK_EVERY_S)
    return run.address.read_text()


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="the private directory of this run")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--beside", type=int, nargs="*", default=[], help="descriptors of the other workers' sockets")
    asked = parser.parse_args()
    set_up_logging()
    listening = socket.socket(fileno=asked.socket)
    beside = [socket.socket(fileno=each) for each in asked.beside]
    serving = ServeSettings.load(asked.run)
    pulse = Pulse(int(os.environ[PULSE_VARIABLE]))
    if serving.transport == "ray":
        from actors import cluster

        # On the main thread and before the loop: Ray wants to set signal handlers, which ours then replace.
        cluster.join(_address(RunDirectory(serving.run), pulse))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(serving, listening, beside, pulse))
    # Everything of ours is closed. Not through Ray's own farewell, which takes a second.
    os._exit(0)


if __name__ == "__main__":
    main()
