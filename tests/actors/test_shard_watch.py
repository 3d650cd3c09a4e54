"""The watchdog with real processes: a shard that dies, stops or hangs comes back by itself, while calls go on."""

import asyncio
import contextlib
import errno
import signal
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from actors import cluster
from actors.process_group import Process
from actors.ray_settings import RunDirectory
from actors.ray_transport import RayTransport
from actors.settings import Settings
from actors.shard_watch import ShardWatch
from actors.transport import ShardStatus, TransportError
from tests.actors.echo_shard import EchoShard

pytestmark = pytest.mark.long
SETTINGS = Settings(probe_period_ms=100, probe_silence_max_ms=1_000, busy_max_ms=10_000, starting_max_ms=30_000)
BACK_S = 20.0


@pytest.fixture(scope="module")
def transport(ray_run: RunDirectory) -> RayTransport:
    return RayTransport(cluster.create_shards(EchoShard, [(0,), (1,)], prefix="watched"))


@contextlib.asynccontextmanager
async def watching(transport: RayTransport, kept: list[Sequence[int]]) -> AsyncIterator[None]:
    watch = ShardWatch(transport, 2, SETTINGS, owner_of=lambda _: None, keep_seqs=kept.append)
    task = asyncio.create_task(watch.watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def answered(transport: RayTransport, shard: int) -> ShardStatus:
    """A call to the shard goes through; gives who answers now."""
    give_up_at = time.monotonic() + BACK_S
    while True:
        try:
            await transport.call(shard, b"hello", 1.0)
            return ShardStatus.from_bytes(await transport.probe(shard, 1.0))
        except TransportError:
            assert time.monotonic() < give_up_at, "the shard did not come back"
            await asyncio.sleep(0.02)


async def seen(kept: list[Sequence[int]], shard: int, seq: int) -> None:
    """The watchdog has heard of it from the shard, and so knows the process."""
    give_up_at = time.monotonic() + BACK_S
    while not kept or kept[-1][shard] < seq:
        assert time.monotonic() < give_up_at, kept
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_shard_that_is_stopped_or_killed_comes_back_by_itself(transport: RayTransport, number: int) -> None:
    async def test() -> None:
        kept: list[Sequence[int]] = []
        async with watching(transport, kept):
            before = await answered(transport, 0)
            process = Process(before.pid, before.started)
            await seen(kept, 0, before.seq)
            assert process.send(number)
            after = await answered(transport, 0)
            assert after.pid != before.pid
            assert not process.alive()
            # The other shard was left alone.
            assert (await answered(transport, 1)).epoch == 1

    asyncio.run(test())


def test_what_is_durable_is_kept_for_the_next_opener(transport: RayTransport) -> None:
    async def test() -> None:
        kept: list[Sequence[int]] = []
        async with watching(transport, kept):
            seq = (await answered(transport, 1)).seq
            await seen(kept, 1, seq)

    asyncio.run(test())


def test_a_disk_without_room_for_a_note_does_not_end_the_watch(transport: RayTransport) -> None:
    kept: list[Sequence[int]] = []
    full = [True, True]

    def keep(seqs: Sequence[int]) -> None:
        if full and full.pop():
            raise OSError(errno.ENOSPC, "No space left on device")
        kept.append(seqs)

    async def test() -> None:
        watch = ShardWatch(transport, 2, SETTINGS, owner_of=lambda _: None, keep_seqs=keep)
        task = asyncio.create_task(watch.watch())
        await seen(kept, 1, (await answered(transport, 1)).seq)
        assert (full, task.done()) == ([], False)
        task.cancel()

    asyncio.run(asyncio.wait_for(test(), BACK_S))
