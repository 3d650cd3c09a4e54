"""The console's process, started by `omnistock serve` when somebody first comes to its door.

uvicorn on a socket that the supervisor bound; it beats like every child, and ends at once on SIGTERM: there is nothing
in flight that a browser could not ask for again.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn

from actors.logs import to_standard_error
from actors.pulse import Beat, Pulse
from actors.supervisor import PULSE_VARIABLE
from api.console.app import make_app
from api.console.client import Api
from api.console.own_key import NoKey, own_key

NICENESS: Final = 5
"""When a processor is busy, a sale goes before a page."""
END_S: Final = 2
_RETRY_S: Final = 1.0
_TRIES: Final = 30

_log = logging.getLogger("omnistock.console")


class Server(uvicorn.Server):
    """uvicorn; signals belong to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


async def work(data: Path, api: str, key: str, listening: socket.socket, pulse: Pulse | None) -> None:
    """From the first page to the last."""
    config = uvicorn.Config(
        make_app(data, Api(api, key)),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=END_S,
        lifespan="on",
        ws_max_size=1 << 20,
    )
    server = Server(config)

    def end() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    beating = asyncio.create_task(pulse.beat()) if pulse is not None else None
    await server.serve([listening])
    if beating is not None:
        beating.cancel()


def key_of(data: Path, api: str, pulse: Pulse | None) -> str:
    """The console's key, as soon as the engine gives one; an engine that starts again may need a while."""
    for left in reversed(range(_TRIES)):
        try:
            return own_key(data, api)
        except NoKey as error:
            if not left:
                raise
            _log.warning("%s", error)
        if pulse is not None:
            pulse.say(Beat())
        time.sleep(_RETRY_S)
    raise AssertionError("unreachable")


def main() -> int:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--api", required=True, help="where the API answers")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the listening socket")
    asked = parser.parse_args()
    os.umask(0o077)
    os.nice(NICENESS)
    logging.basicConfig(level=logging.WARNING, handlers=[to_standard_error()])
    descriptor = os.environ.get(PULSE_VARIABLE)
    pulse = Pulse(int(descriptor)) if descriptor else None
    try:
        key = key_of(asked.data, asked.api, pulse)
    except NoKey as error:
        _log.error("%s", error)
        return 1
    asyncio.run(work(asked.data, asked.api, key, socket.socket(fileno=asked.socket), pulse))
    return 0


if __name__ == "__main__":
    sys.exit(main())
