"""Shards as Ray actors: what a caller sees of calls, deaths, stops and probes. The shard is an echo."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from actors import cluster
from actors.process_group import Process, descendants
from actors.ray_settings import INLINE_BYTES_MAX, SOCKET_PATH_BYTES_MAX, RunDirectory, ray_environment
from actors.ray_transport import RayTransport
from actors.transport import ShardStatus, TransportError
from tests.actors.echo_shard import EchoShard

BACK_S = 20.0
"""A killed shard takes about 1.5 s to come back; the machine may be busy."""


@pytest.fixture(scope="module")
def transport(ray_run: RunDirectory) -> RayTransport:
    return RayTransport(cluster.create_shards(EchoShard, [(0,), (1,)]))


async def status(transport: RayTransport, shard: int) -> ShardStatus:
    """As soon as it answers."""
    give_up_at = time.monotonic() + BACK_S
    while True:
        try:
            return ShardStatus.from_bytes(await transport.probe(shard, 1.0))
        except TransportError:
            assert time.monotonic() < give_up_at, "the shard did not come back"
            await asyncio.sleep(0.02)


async def process_of(transport: RayTransport, shard: int) -> Process:
    found = await status(transport, shard)
    return Process(found.pid, found.started)


@pytest.mark.parametrize("size", [0, 1_000, INLINE_BYTES_MAX - 1_000, INLINE_BYTES_MAX + 1, 5_000_000])
def test_a_message_of_any_size_comes_back_as_it_was(transport: RayTransport, size: int) -> None:
    async def test() -> None:
        message = os.urandom(size)
        assert await transport.call(1, message, 10) == message
        assert await transport.call(1, b"answer %d" % size, 10) == bytes(size)

    asyncio.run(test())


def test_a_probe_is_answered_while_a_batch_is_being_decided(transport: RayTransport) -> None:
    async def test() -> None:
        await status(transport, 0)
        batch = asyncio.create_task(transport.call(0, b"sleep 2", 10))
        await asyncio.sleep(0)
        assert ShardStatus.from_bytes(await transport.probe(0, 1.5)).shard == 0
        assert not batch.done()
        assert await batch == b"sleep 2"

    asyncio.run(test())


def test_a_call_that_raises_is_a_transport_error_and_the_shard_goes_on(transport: RayTransport) -> None:
    async def test() -> None:
        with pytest.raises(TransportError, match="asked to raise") as caught:
            await transport.call(0, b"raise", 10)
        assert caught.value.may_have_run
        assert caught.value.shard == 0
        assert await transport.call(0, b"hello", 10) == b"hello"

    asyncio.run(test())


def test_a_head_that_does_not_answer_is_noticed() -> None:
    asked, answers = threading.Semaphore(0), threading.Event()

    def ask() -> None:
        asked.release()
        assert answers.wait(BACK_S)

    async def test() -> None:
        answers.set()
        watching = asyncio.create_task(cluster.HeadWatch(ask, silence_s_max=1.0).watch())
        for _ in range(3):
            assert await asyncio.to_thread(asked.acquire, timeout=BACK_S)
        assert not watching.done()
        answers.clear()
        with pytest.raises(cluster.HeadSilent):
            await asyncio.wait_for(watching, BACK_S)
        answers.set()

    asyncio.run(test())


def test_a_call_that_times_out_may_have_run(transport: RayTransport) -> None:
    async def test() -> None:
        with pytest.raises(TransportError, match="no answer within") as caught:
            await transport.call(0, b"sleep 1", 0.2)
        assert caught.value.may_have_run
        assert await transport.call(0, b"hello", 10) == b"hello"

    asyncio.run(test())


def test_a_killed_shard_fails_its_call_and_comes_back_as_another_process(transport: RayTransport) -> None:
    async def test() -> None:
        before = await process_of(transport, 0)
        call = asyncio.create_task(transport.call(0, b"sleep 60", 60))
        await transport.probe(0, 5)
        assert before.send(signal.SIGKILL)
        with pytest.raises(TransportError, match="process ended") as caught:
            await call
        assert caught.value.may_have_run
        after = await process_of(transport, 0)
        assert after != before
        assert not before.alive()

    asyncio.run(test())


def test_a_stopped_shard_answers_nothing_until_it_is_killed(transport: RayTransport) -> None:
    async def test() -> None:
        before = await process_of(transport, 0)
        assert before.send(signal.SIGSTOP)
        with pytest.raises(TransportError, match="no answer within"):
            await transport.probe(0, 0.5)
        assert before.send(signal.SIGKILL)
        assert await process_of(transport, 0) != before

    asyncio.run(test())


def test_another_process_joins_and_finds_the_shards_by_name(ray_run: RunDirectory, transport: RayTransport) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    found = subprocess.run(
        [sys.executable, "-m", "tests.actors.joining_program", address],
        env={**os.environ, **ray_environment(ray_run)},
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, b"hello from shard 1")


def test_without_the_token_nobody_joins(ray_run: RunDirectory, tmp_path: Path) -> None:
    import ray

    wrong = tmp_path / "token"
    wrong.write_text("0" * 64)
    address = ray.get_runtime_context().gcs_address
    joining = subprocess.Popen(
        [sys.executable, "-m", "tests.actors.joining_program", address],
        env={**os.environ, **ray_environment(ray_run), "RAY_AUTH_TOKEN_PATH": str(wrong)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert joining.stderr is not None
    # It would try for 20 s: the first refusal says enough.
    refused = any(b"InvalidAuthToken" in line for line in joining.stderr)
    joining.kill()
    output, _ = joining.communicate()
    assert refused
    assert output == b""


def test_every_socket_of_ray_listens_on_loopback_only(ray_run: RunDirectory, transport: RayTransport) -> None:
    listening = listening_addresses({process.pid for process in descendants(os.getpid())} | {os.getpid()})
    assert len(listening) >= 4
    assert {address for address in listening if not address.startswith(("127.", "::1"))} == set()


def test_nobody_else_reads_the_run_directory(ray_run: RunDirectory) -> None:
    assert stat.S_IMODE(ray_run.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(ray_run.token.stat().st_mode) == 0o600
    assert len(ray_run.token.read_text()) == 64
    sockets = list(ray_run.ray.glob("session_*/sockets/*"))
    assert sockets
    assert max(len(os.fsencode(path)) for path in sockets) <= SOCKET_PATH_BYTES_MAX


def test_workers_run_at_the_same_priority_as_everybody_else(transport: RayTransport) -> None:
    async def test() -> None:
        shard = await process_of(transport, 1)
        assert os.getpriority(os.PRIO_PROCESS, shard.pid) == os.getpriority(os.PRIO_PROCESS, 0)

    asyncio.run(test())


def listening_addresses(pids: set[int]) -> list[str]:
    """The local addresses, as text, of every listening TCP socket that one of these processes holds."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(link)
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(_address(fields[1].split(":")[0]))
    return found


def _address(text: str) -> str:
    """An address as /proc/net/tcp prints it: words of 32 bits, each in the machine's byte order."""
    import ipaddress

    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
