"""One client process with a Ray cluster of its own, told what to do by lines of JSON: the other side of `bench_ray`.

A process of its own because Ray reads its environment when it is imported. Rows are made when it is told to
`prepare`; `run` only sends them, so that what its caller times is the way through Ray and back.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from actors import cluster
from actors.client import Client
from actors.composition import make_client, shard_arguments
from actors.datadir import DataDir
from actors.journal import Journal
from actors.process_group import die_with_parent
from actors.ray_settings import RunDirectory
from actors.ray_transport import RayTransport
from actors.settings import Settings
from actors.shard_home import HousedShard, ShardHome
from benchmarks.filled import touch
from benchmarks.sizes import BATCH_ROWS
from benchmarks.workload import Batch, Goods, LifeCycle
from engine.kinds import Kind
from engine.layout import Limits
from engine.outcomes import Outcome
from engine.shard import Shard

OPEN_S: Final = 300.0
_WAREHOUSES: Final = 5


@dataclass
class TouchedHome(ShardHome):
    """A new shard has its memory brought in; one that was killed comes back as it does in service."""

    def recover(self, journal: Journal) -> Shard:
        """The shard as its journal has it."""
        engine = super().recover(journal)
        if not journal.durable_seq:
            touch(engine)
        return engine


class Session:
    """The client, the goods, and what is ready to be sent."""

    def __init__(self, data: DataDir, limits: Limits, touched: bool, cells: int) -> None:
        self._data = data
        self._goods = Goods(cells // _WAREHOUSES, _WAREHOUSES, _WAREHOUSES, now_ms=time.time_ns() // 1_000_000)
        self._cycle: LifeCycle | None = None
        arguments = shard_arguments(data, None, Settings(), limits)
        if touched:
            arguments = [(config, TouchedHome(data.path, config.shard, None, limits)) for config, _ in arguments]
        self._transport = RayTransport(cluster.create_shards(HousedShard, arguments))
        self._client: Client | None = None
        self._ready: list[Batch] = []
        self._in_flight = 0

    async def fill(self) -> dict[str, Any]:
        """Define the goods and receive their opening stock."""
        client = await self._with(2)
        for batch in self._goods.definitions():
            for shard in range(client.shard_count):
                own = batch.copied()
                await client.commands(own.rows, own.heap, shard=shard)
        await self._send(self._goods.opening(), 4)
        return {"cells": self._goods.cells}

    async def prepare(self, kind: str, batches: int, in_flight: int) -> dict[str, Any]:
        """Make the rows of the next `run`."""
        await self._with(in_flight)
        if kind == "mixed":
            if self._cycle is None:
                self._cycle = LifeCycle(self._goods, self._data.secret)
                await self._send(self._cycle.warm_up(), 4)
            self._ready = [self._cycle.batch() for _ in range(batches)]
        else:
            self._ready = [self._goods.reserves(hot=kind == "hot") for _ in range(batches)]
        return {"rows": batches * BATCH_ROWS}

    async def run(self) -> dict[str, Any]:
        """Send them; gives the seconds that it took."""
        began = time.perf_counter()
        await self._send(iter(self._ready), 2 * self._in_flight)
        return {"seconds": time.perf_counter() - began}

    async def storm(self, gusts: int, gust_seconds: float, seconds: float, more: int) -> dict[str, Any]:
        """Mixed rows, made on the way, with the standby beside: `gusts` of them, then one for `seconds`, then `more`
        short ones; the shard is killed after each. Gives the rows of each part and the seconds until it was back."""
        standby = self._standby()
        try:
            await self.prepare("mixed", 0, 2)
            early = [await self._gust(gust_seconds) for _ in range(gusts)]
            began = time.monotonic()
            rows = await self._blow(seconds)
            took = time.monotonic() - began
            late = [(rows, await self._kill()), *[await self._gust(gust_seconds) for _ in range(more)]]
            return {
                "early_rows": sum(rows for rows, _ in early),
                "early_back_s": [back for _, back in early],
                "rows": rows,
                "seconds": took,
                "late_back_s": [back for _, back in late],
            }
        finally:
            standby.terminate()
            standby.wait()

    async def _gust(self, seconds: float) -> tuple[int, float]:
        return await self._blow(seconds), await self._kill()

    async def _blow(self, seconds: float) -> int:
        """Mixed rows for so long; how many it were."""
        assert self._cycle is not None
        cycle, end, count = self._cycle, time.monotonic() + seconds, 0

        def batches() -> Iterator[Batch]:
            nonlocal count
            while time.monotonic() < end:
                count += 1
                yield cycle.batch()

        await self._send(batches(), 4)
        return count * BATCH_ROWS

    def _standby(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "actors.standby", "--data", str(self._data.path)]
        return subprocess.Popen(command, preexec_fn=partial(die_with_parent, os.getpid()))

    async def _kill(self) -> float:
        """SIGKILL to the shard's process; gives the seconds until a new reservation is answered."""
        assert self._client is not None
        (status, *_) = await self._client.shards()
        os.kill(status.pid, signal.SIGKILL)
        began = time.monotonic()
        while True:
            batch = self._goods.reserves(1)
            answered = await self._client.commands(batch.rows, batch.heap)
            if answered.results["outcome"][0] == Outcome.OK:
                return time.monotonic() - began
            await asyncio.sleep(0.01)

    async def until_ready(self) -> None:
        """The kernels may have to be compiled first."""
        client = await self._with(2)
        give_up_at = time.monotonic() + OPEN_S
        while not all(status.state.text == "ready" for status in await client.shards()):
            assert time.monotonic() < give_up_at, await client.shards()
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Stop the client; the shards end with the cluster."""
        if self._client is not None:
            await self._client.close()

    async def _with(self, in_flight: int) -> Client:
        if self._client is None or self._in_flight != in_flight:
            await self.close()
            self._client = make_client(self._transport, self._data, Settings(calls_in_flight_max=in_flight))
            self._in_flight = in_flight
        return self._client

    async def _send(self, batches: Iterator[Batch], senders: int) -> None:
        """Every row must be carried out."""
        assert self._client is not None
        client = self._client

        async def sender() -> None:
            for batch in batches:
                kind = Kind(int(batch.rows["kind"][0]))
                answered = await client.commands(batch.rows, batch.heap)
                outcomes = answered.results["outcome"]
                assert (outcomes == Outcome.OK).all(), (kind, {Outcome(int(each)) for each in outcomes})

        await asyncio.gather(*(sender() for _ in range(senders)))


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a private run directory")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cells", type=int, required=True)
    parser.add_argument("--rows", type=int, default=0, help="the most rows; 0 = the engine's usual limits, untouched")
    asked = parser.parse_args()
    # Ray writes to standard output when a worker dies; what is answered there must not be mixed with it.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    data = DataDir.make_or_open(asked.data, default_shards=max(1, len(os.sched_getaffinity(0)) // 2))
    limits = Limits()
    if asked.rows:
        most = asked.rows + asked.cells
        limits = Limits(ids_max=2 * most, reservations_max=most, lines_max=most, cells_max=asked.cells + 1024)
    cluster.start_head(RunDirectory(asked.run))
    session = Session(data, limits, bool(asked.rows), asked.cells)
    doing: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        each.__name__: each for each in (session.fill, session.prepare, session.run, session.storm)
    }
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(session.until_ready())
        print(json.dumps({"shards": data.partitions.shards}), file=answers, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            found = runner.run(_awaited(doing[request.pop("do")](**request)))
            print(json.dumps(found), file=answers, flush=True)
        runner.run(session.close())
    cluster.leave()


async def _awaited(doing: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await doing


if __name__ == "__main__":
    main()
