"""Redis as a stock engine: a Lua script checks the id and the stock, takes the units and writes the reservation.

Append-only file with `appendfsync always`: an answer is durable. Real rows, packed ahead into the protocol's bytes and
sent by plain sockets from four connections with 1,024 scripts in flight on each, so that Redis is the one that works.
"""

import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis

from benchmarks.peers.servers import free_port, running
from benchmarks.sizes import scratch
from benchmarks.workload import CHANNEL_CODE, ID_BYTES, PLENTY, REFERENCE_BYTES, TTL_S, Goods, uuids

CONNECTIONS: Final = 4
PIPELINE: Final = 1024
_FILL_CELLS: Final = 10_000
_OK: Final = b":1\r\n"

_RESERVE: Final = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
local cell = redis.call('HMGET', KEYS[1], 'on_hand', 'reserved', 'safety_stock', 'floor')
local quantity = tonumber(ARGV[1])
if not cell[1] or cell[1] - cell[2] - cell[3] + cell[4] < quantity then return 0 end
redis.call('HINCRBY', KEYS[1], 'reserved', quantity)
redis.call('HSET', KEYS[2], 'cell', KEYS[1], 'quantity', ARGV[1], 'channel', ARGV[2], 'unit_price', ARGV[3],
    'currency', 'EUR', 'reference', ARGV[4], 'ttl_s', ARGV[5], 'state', 'held')
return 1
"""
_FILL: Final = """
for number = ARGV[1], ARGV[2] do
    for place = 0, ARGV[3] - 1 do
        redis.call('HSET', 'stock:' .. string.format('%d', number) .. ':' .. string.format('%d', place),
            'on_hand', ARGV[4], 'reserved', 0, 'safety_stock', 0, 'floor', 0)
    end
end
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with every cell of the goods."""

    port: int
    script: str
    goods: Goods

    def pieces(self, pipelines: int, *, hot: bool = False) -> list[list[bytes]]:
        """What each connection sends, a pipeline at a time."""
        return [[self._pipeline(hot) for _ in range(pipelines // CONNECTIONS)] for _ in range(CONNECTIONS)]

    def run(self, lanes: Sequence[Sequence[bytes]]) -> None:
        """Send them; every script must have taken its units."""
        failed: list[BaseException] = []

        def lane(pieces: Sequence[bytes]) -> None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for piece in pieces:
                        connection.sendall(piece)
                        answers = b""
                        while len(answers) < PIPELINE * len(_OK):
                            answers += connection.recv(1 << 16) or b"the server closed the connection" * PIPELINE
                        assert answers == _OK * PIPELINE, answers[:200]
            except BaseException as error:  # told to the caller's thread
                failed.append(error)

        threads = [threading.Thread(target=lane, args=(pieces,)) for pieces in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    def _pipeline(self, hot: bool) -> bytes:
        sku, warehouse, quantity = self.goods.wishes(PIPELINE, hot)
        ids = uuids(self.goods.rng, PIPELINE).view(f"S{ID_BYTES}").ravel().tolist()
        references = self.goods.references(PIPELINE).view(f"S{REFERENCE_BYTES}").ravel().tolist()
        prices = self.goods.rng.integers(99, 49_999, PIPELINE)
        return b"".join(
            _packed(
                *(b"EVALSHA", self.script.encode(), b"2", b"stock:%d:%d" % (sku[at], warehouse[at])),
                *(b"reservation:" + ids[at], b"%d" % quantity[at], CHANNEL_CODE.encode(), b"%d" % prices[at]),
                *(references[at], b"%d" % TTL_S),
            )
            for at in range(PIPELINE)
        )


def _packed(*words: bytes) -> bytes:
    """One command in Redis' protocol."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def program() -> str | None:
    """Debian's redis-server."""
    return shutil.which("redis-server")


@contextmanager
def serving(where: str, goods: Goods) -> Iterator[Server]:
    """A server in a directory of its own, with every cell of the goods."""
    with scratch("redis") as directory:
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"]
        client: Any = redis.Redis(port=port, socket_timeout=60)
        with running([where, *options, *durable], Path(directory), lambda: _answers(client)):
            _fill(client, goods)
            client.config_set("appendfsync", "always")
            script = str(client.script_load(_RESERVE))
            client.close()
            yield Server(port, script, goods)


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


def _fill(client: Any, goods: Goods) -> None:
    step = _FILL_CELLS // goods.warehouses
    for first in range(0, goods.skus, step):
        client.eval(_FILL, 0, first, min(first + step, goods.skus) - 1, goods.warehouses, PLENTY)
