"""Batches over a shard's own socket: answers, lost connections, and the way through the transport behind it.

On asyncio's loop and on uvloop's, whose transports behave differently.
"""

import asyncio
import socket
import stat
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from actors.socket_server import SocketServer
from actors.socket_transport import SocketTransport, socket_paths
from actors.transport import TransportError

Run = Callable[[Callable[[], Awaitable[None]]], None]
TIMEOUT_S = 30.0


class Behind:
    """Answers for shards that do not listen."""

    async def call(self, shard: int, message: bytes, timeout_s: float) -> bytes:
        return b"behind " + message

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        return b"probed"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def runs(scenario: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            await scenario()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main())

    return runs


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:  # sockets want shorter paths than pytest's
        yield Path(made)


def transport_to(directory: Path) -> SocketTransport:
    return SocketTransport(Behind(), socket_paths(directory, 1))


@pytest.mark.parametrize("size", [0, 1, 4, 65_536, 3_000_000])
def test_a_message_of_any_size_is_answered(run: Run, directory: Path, size: int) -> None:
    server = SocketServer(directory / "0", lambda message: b"<" + message + b">")

    async def scenario() -> None:
        transport = transport_to(directory)
        for _ in range(3):
            assert await transport.call(0, b"x" * size, TIMEOUT_S) == b"<" + b"x" * size + b">"
        assert await transport.probe(0, TIMEOUT_S) == b"probed"
        transport.close()

    run(scenario)
    server.close()


def test_calls_go_side_by_side_and_connections_are_kept(run: Run, directory: Path) -> None:
    both = threading.Barrier(2, timeout=TIMEOUT_S)
    threads = set()

    def submit(message: bytes) -> bytes:
        threads.add(threading.get_ident())
        both.wait()
        return message

    server = SocketServer(directory / "0", submit)

    async def scenario() -> None:
        transport = transport_to(directory)
        for _ in range(5):
            answers = await asyncio.gather(*(transport.call(0, text, TIMEOUT_S) for text in (b"a", b"b")))
            assert answers == [b"a", b"b"]
        transport.close()

    run(scenario)
    server.close()
    assert len(threads) == 2


def test_where_nobody_listens_the_call_goes_behind(run: Run, directory: Path) -> None:
    SocketServer(directory / "0", lambda message: message).close()  # leaves its name, as a killed process would

    async def scenario() -> None:
        assert await transport_to(directory).call(0, b"x", TIMEOUT_S) == b"behind x"

    run(scenario)


def test_a_shard_that_ends_in_the_middle_of_a_call_may_have_run_it(run: Run, directory: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(directory / "0"))
    listening.listen()

    def end_in_the_middle() -> None:
        connection, _ = listening.accept()
        connection.recv(4)
        listening.close()  # first, or the next call may still find it
        connection.close()

    threading.Thread(target=end_in_the_middle).start()

    async def scenario() -> None:
        transport = transport_to(directory)
        with pytest.raises(TransportError) as lost:
            await transport.call(0, b"x" * 1000, TIMEOUT_S)
        assert lost.value.may_have_run
        assert await transport.call(0, b"again", TIMEOUT_S) == b"behind again"

    run(scenario)


def test_a_late_answer_is_nobody_s(run: Run, directory: Path) -> None:
    go_on = threading.Event()

    def submit(message: bytes) -> bytes:
        if message == b"slow":
            go_on.wait(TIMEOUT_S)
        return message

    server = SocketServer(directory / "0", submit)

    async def scenario() -> None:
        transport = transport_to(directory)
        with pytest.raises(TransportError) as lost:
            await transport.call(0, b"slow", 0.01)
        assert lost.value.may_have_run
        go_on.set()
        assert await transport.call(0, b"next", TIMEOUT_S) == b"next"
        transport.close()

    run(scenario)
    server.close()


def test_a_successor_takes_the_name_over_and_the_socket_is_private(run: Run, directory: Path) -> None:
    old = SocketServer(directory / "0", lambda message: b"old")
    new = SocketServer(directory / "0", lambda message: b"new")
    assert stat.S_IMODE((directory / "0").stat().st_mode) == 0o600

    async def scenario() -> None:
        transport = transport_to(directory)
        assert await transport.call(0, b"x", TIMEOUT_S) == b"new"
        transport.close()

    run(scenario)
    for server in (old, new):
        server.close()


def test_a_message_that_cannot_be_answered_ends_its_connection_only(run: Run, directory: Path) -> None:
    def submit(message: bytes) -> bytes:
        if message == b"bad":
            raise ValueError("no batch")
        return message

    server = SocketServer(directory / "0", submit)

    async def scenario() -> None:
        transport = transport_to(directory)
        with pytest.raises(TransportError):
            await transport.call(0, b"bad", TIMEOUT_S)
        assert await transport.call(0, b"good", TIMEOUT_S) == b"good"
        transport.close()

    run(scenario)
    server.close()


def test_somebody_who_announces_too_much_is_hung_up_on(directory: Path) -> None:
    server = SocketServer(directory / "0", lambda message: message)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(TIMEOUT_S)
        caller.connect(str(directory / "0"))
        caller.sendall(b"\xff\xff\xff\xff")
        assert caller.recv(1) == b""
    server.close()
