"""The ceiling of HTTP in Python: a bare ASGI application on uvicorn that reads a body and answers with one.

`python -m benchmarks.peers.echo --workers 1 --bytes 400` serves like the engine does, one socket and one process per
worker, with uvloop and httptools, and prints its port. With `--responder` it is smaller still: no HTTP at all, the same
bytes for whatever arrives, which shows how fast the load generator can be.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
import uvloop

from actors.listening import Listeners
from actors.process_group import die_with_parent

STOP_S: Final = 10
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_ROOT: Final = Path(__file__).resolve().parent.parent.parent


@contextmanager
def serving(answer_bytes: int, workers: int = 1, *, responder: bool = False) -> Iterator[tuple[str, int]]:
    """Where it answers, while it runs."""
    command = [sys.executable, "-m", "benchmarks.peers.echo", "--workers", str(workers), "--bytes", str(answer_bytes)]
    process = subprocess.Popen(
        [*command, "--responder"] if responder else command,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    assert process.stdout is not None
    try:
        yield "127.0.0.1", int(process.stdout.readline())
    finally:
        process.stdout.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def application(answer: bytes) -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
    """Reads the whole body, answers 201 with `answer`."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]

    async def echo(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return echo


class Responder(asyncio.Protocol):
    """The same answer to everything that arrives."""

    def __init__(self, answer: bytes) -> None:
        self._answer = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._write = cast(asyncio.Transport, transport).write  # uvloop's own class is no subclass

    def data_received(self, data: bytes) -> None:
        """A small request comes in one piece on a loopback connection."""
        self._write(self._answer)


async def _respond(listeners: Listeners, answer: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Responder(answer), sock=listeners.socket_of(0))
    await server.serve_forever()


def main() -> None:
    """The processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--bytes", type=int, default=400)
    parser.add_argument("--responder", action="store_true")
    asked = parser.parse_args()
    answer = b'{"echo": "' + b"x" * max(0, asked.bytes - 12) + b'"}'
    listeners = Listeners.bind("127.0.0.1", 0, asked.workers)
    print(listeners.port, flush=True)
    worker = 0
    for other in range(1, asked.workers):
        parent = os.getpid()
        if not os.fork():
            die_with_parent(parent)
            worker = other
            break
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if asked.responder:
        uvloop.run(_respond(listeners, answer))
        return
    config = uvicorn.Config(
        application(answer), lifespan="off", log_config=None, access_log=False, server_header=False, ws="none"
    )
    uvloop.run(uvicorn.Server(config).serve([listeners.socket_of(worker)]))


if __name__ == "__main__":
    main()
