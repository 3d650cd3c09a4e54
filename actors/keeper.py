"""The process that owns Ray: starts the head, creates the actors, watches the shards, ends them in order.

One per run, started by the supervisor, which rebuilds everything when this process or Ray's daemons die.
All others find the actors by name; nobody else creates or kills them. It has no part in any command.
"""

import argparse
import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from actors import cluster
from actors.client import Client
from actors.composition import documents_settings, keep_seqs, make_client, shard_arguments, wall_ms
from actors.datadir import DataDir
from actors.device_office import DeviceOffice
from actors.documents.device_rows import DevicesReader
from actors.documents.gateway import DocumentsActor
from actors.fencing import owner_of
from actors.kernel_cache import is_warm, kernel_cache
from actors.logs import set_up_logging
from actors.pulse import ClusterUp, Pulse
from actors.ray_devices import RayDeviceHost
from actors.ray_settings import RunDirectory
from actors.ray_transport import DocumentsProbe, RayTransport
from actors.serve_settings import GIVE_UP, ServeSettings
from actors.settings import Settings
from actors.shard_limits import shard_limits
from actors.shard_watch import ShardUnreachable, ShardWatch
from actors.socket_server import ListeningShard
from actors.socket_transport import SocketTransport, socket_paths
from actors.supervisor import PULSE_VARIABLE

DOCUMENTS: Final = "documents"
"""The name of the actor that alone writes documents."""

DOCUMENTS_SILENCE_MS: Final = 15_000
"""More than a shard is allowed: what it does on its event loop is done by others too, and in larger pieces."""

FIND_S_MAX: Final = 30.0
"""For an actor's name to be known after the actor was asked for."""

STOP_S_MAX: Final = 10.0
"""For an actor to finish its batch and close what it holds."""

_log = logging.getLogger("omnistock.keeper")


async def keep(serving: ServeSettings, pulse: Pulse, compiling: "subprocess.Popen[bytes] | None") -> int:
    """From the head's start to its end; gives the exit code."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    beating = asyncio.create_task(pulse.beat())
    if compiling is not None and await asyncio.to_thread(compiling.wait, None) != 0:
        _log.error("the kernels cannot be compiled, or do not do what they should; see above")
        return GIVE_UP
    data = DataDir.open(serving.data)
    settings = Settings()
    run = RunDirectory(serving.run)
    arguments = shard_arguments(data, serving.database, settings, shard_limits())
    shards = cluster.create_shards(
        ListeningShard,
        [(*given, str(path)) for given, path in zip(arguments, socket_paths(run.sockets, len(arguments)), strict=True)],
    )
    documents = cluster.create_async(
        DOCUMENTS,
        DocumentsActor,
        documents_settings(data, serving.database),
        partial(client_of_shards, serving.data, run.sockets),
        wall_ms,
    )
    # It opens when it is first asked for something; the schema must be there before anybody asks.
    opening = documents.open.remote()
    run.publish_address(cluster.address())
    pulse.say(ClusterUp(cluster.daemons()))
    reader = DevicesReader(documents_settings(data, serving.database))
    office = DeviceOffice(reader.changed, RayDeviceHost(data.devices), data.devices)
    transport = RayTransport(shards)
    watch = ShardWatch(
        transport, len(shards), settings, lambda shard: owner_of(data.fence(shard)), lambda seqs: keep_seqs(data, seqs)
    )
    # Ray does not notice either that the writer of documents is stopped or stuck.
    beside = ShardWatch(
        DocumentsProbe(documents),
        1,
        replace(settings, probe_silence_max_ms=DOCUMENTS_SILENCE_MS),
        lambda _: cluster.process_of(DocumentsActor),
        lambda _: None,
        name="the writer of documents",
    )
    watching = [asyncio.create_task(each.watch()) for each in (watch, beside, cluster.HeadWatch())]
    minding = asyncio.create_task(office.run())
    await opening
    await asyncio.wait([*watching, asyncio.create_task(told.wait())], return_when=asyncio.FIRST_COMPLETED)
    for task in watching:
        if task.done():
            task.result()  # raises what ended it
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    minding.cancel()
    await asyncio.wait([minding])
    await office.close()
    reader.close()
    # The writer first: it sends to the shards.
    await stop_actors([documents])
    await stop_actors(shards)
    beating.cancel()
    return 0


async def stop_actors(handles: Sequence[Any]) -> None:
    """Have every actor end in order; one that does not is left to the supervisor."""

    async def stop(handle: Any) -> None:
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await handle.stop.remote()
        except Exception as error:  # whatever it is, the journal tells the next opener what was durable
            _log.warning("an actor did not stop in order: %r", error)

    await asyncio.gather(*(stop(handle) for handle in handles))


async def client_of_shards(path: Path, sockets: Path, settings: Settings | None = None) -> Client:
    """In any process that has joined the cluster: its way to the shards of `path`, which listen in `sockets`."""
    data = DataDir.open(path)
    handles = await asyncio.to_thread(cluster.find_shards, data.partitions.shards, FIND_S_MAX)
    transport = SocketTransport(RayTransport(handles), socket_paths(sockets, len(handles)))
    return make_client(transport, data, settings or Settings())


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="the private directory of this run")
    serving = ServeSettings.load(parser.parse_args().run)
    set_up_logging()
    # Side by side with Ray's start, which takes seconds: nothing is compiled twice when shards start together.
    compiling = None if is_warm(kernel_cache()) else subprocess.Popen([sys.executable, "-m", "actors.warmup"])
    cluster.start_head(RunDirectory(serving.run))
    try:
        code = asyncio.run(keep(serving, Pulse(int(os.environ[PULSE_VARIABLE])), compiling))
    except (ShardUnreachable, cluster.HeadSilent) as error:
        _log.error("%s", error)
        code = 1
    # Not through Ray's own farewell, which takes seconds: the supervisor ends what is left of it.
    os._exit(code)


if __name__ == "__main__":
    main()
