"""The load generator against the echo: every request is answered, and a late answer counts from when it was due."""

from collections.abc import Iterator

import pytest

from benchmarks.generator import Generator, post
from benchmarks.peers import echo

Address = tuple[str, int]


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with echo.serving(100) as found:
        yield found


def requests(count: int, size: int = 50) -> list[bytes]:
    return [post("/v1/echo", b"x" * size, {"Idempotency-Key": f"id-{number}"}) for number in range(count)]


def test_closed_loop_answers_every_request_once(address: Address) -> None:
    with Generator(address, 4, keep=True) as generator:
        load = generator.closed_loop(requests(101))
    load.all_answered(201)
    assert len(load.bodies) == len(load.latencies_ms) == 101
    assert len(load.bodies[0]) == 100
    assert (load.latencies_ms > 0).all()


def test_more_connections_than_requests(address: Address) -> None:
    with Generator(address, 8) as generator:
        assert generator.closed_loop(requests(3)).statuses == {201: 3}


def test_a_body_larger_than_the_socket_takes_at_once(address: Address) -> None:
    with Generator(address, 2) as generator:
        generator.closed_loop(requests(4, size=6_000_000)).all_answered(201)


def test_open_loop_keeps_to_its_rate(address: Address) -> None:
    with Generator(address, 4) as generator:
        load = generator.open_loop(requests(100), per_s=400)
    load.all_answered(201)
    assert load.per_s < 600


def test_open_loop_counts_the_wait_for_a_connection(address: Address) -> None:
    """All are due at once and there is one connection: the last has waited for all others."""
    with Generator(address, 1) as generator:
        load = generator.open_loop(requests(50), per_s=1e6)
    assert load.latencies_ms[-1] > 0.8 * 1000 * load.seconds
