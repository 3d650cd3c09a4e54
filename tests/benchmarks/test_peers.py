"""What the figures stand beside does the work: Redis and PostgreSQL take the units, once, and on the disk."""

from typing import Any

import psycopg
import pytest
import redis as redis_client

from benchmarks.peers import postgres, redis
from benchmarks.workload import PLENTY, Goods

SKUS, WAREHOUSES = 50, 2
ROWS = 200


def test_redis_takes_units_once_and_syncs_every_answer() -> None:
    program = redis.program()
    if program is None:
        pytest.skip("Redis is not installed: no redis-server")
    with redis.serving(program, Goods(SKUS, WAREHOUSES, WAREHOUSES)) as server:
        client: Any = redis_client.Redis(port=server.port, socket_timeout=60, decode_responses=True)
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        pieces = server.pieces(redis.CONNECTIONS)
        server.run(pieces)
        held = [client.hgetall(key) for key in client.scan_iter("reservation:*", count=10_000)]
        assert len(held) == redis.CONNECTIONS * redis.PIPELINE
        cells = [client.hgetall(key) for key in client.scan_iter("stock:*", count=1_000)]
        assert len(cells) == SKUS * WAREHOUSES
        taken = sum(int(cell["reserved"]) for cell in cells)
        assert taken == sum(int(each["quantity"]) for each in held) > len(held)
        with pytest.raises(AssertionError):
            server.run(pieces[:1])  # ids that are known take nothing, and say so
        cells = [client.hgetall(key) for key in client.scan_iter("stock:*", count=1_000)]
        assert sum(int(cell["reserved"]) for cell in cells) == taken
        client.close()


def test_postgres_takes_units_once_in_durable_transactions() -> None:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no pgbench")
    with postgres.serving(programs, Goods(SKUS, WAREHOUSES, WAREHOUSES)) as server:
        batches = server.batches(4, ROWS)
        server.run(batches)
        with psycopg.connect(server.url, autocommit=True) as connection:
            assert asked(connection, "show fsync") == "on"
            assert asked(connection, "show synchronous_commit") == "on"
            assert asked(connection, "select count(*) from reservation") == 4 * ROWS
            taken = asked(connection, "select sum(reserved) from stock")
            assert taken == asked(connection, "select sum(quantity) from reservation")
            assert asked(connection, "select count(*) from stock where on_hand <> %s", PLENTY) == 0
            with pytest.raises(AssertionError):
                server.run([batches[0][:1]])  # ids that are known take nothing
            assert asked(connection, "select sum(reserved) from stock") == taken
        assert server.singles_per_s(1) > 0
        with psycopg.connect(server.url, autocommit=True) as connection:
            after = asked(connection, "select sum(reserved) from stock")
            assert after == asked(connection, "select sum(quantity) from reservation") > taken


def asked(connection: psycopg.Connection[Any], statement: str, *given: Any) -> Any:
    found = connection.execute(statement.encode(), given or None).fetchone()
    assert found is not None
    return found[0]
