"""Callers at the door of a worker that is away are let in by another; those of a worker that runs are left to it."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from actors.listening import Listeners
from api.neighbours import LOOKS, TAKEN_AT_ONCE, Neighbours
from tests.e2e.served import wait_until


class Door:
    """Two workers' sockets; the second worker's is looked after."""

    def __init__(self) -> None:
        self._listeners = Listeners.bind("127.0.0.1", 0, 2)
        self.other = socket.fromfd(self._listeners.socket_of(1).fileno(), socket.AF_INET, socket.SOCK_STREAM)
        self.taken: list[socket.socket] = []
        self.neighbours = Neighbours([self.other], self.taken.append)
        self.callers: list[socket.socket] = []

    def come(self, count: int) -> None:
        """Callers, until so many are at the second worker's door."""
        for _ in range(count):
            while True:
                caller = socket.create_connection(self._listeners.local_address)
                self.callers.append(caller)
                # Whoever came to the first one is of no interest here.
                first = self._listeners.socket_of(0)
                first.setblocking(False)
                try:
                    first.accept()[0].close()
                except BlockingIOError:
                    break

    def close(self) -> None:
        self.neighbours.close()
        self._listeners.close()
        for each in (*self.taken, *self.callers):
            each.close()


@pytest.fixture
def door() -> Iterator[Door]:
    with contextlib.closing(Door()) as made:
        yield made


def test_who_waits_over_a_few_looks_is_let_in(door: Door) -> None:
    door.come(3)
    for _ in range(LOOKS - 1):
        door.neighbours.look()
        assert door.taken == []
    door.neighbours.look()
    assert len(door.taken) == 3


def test_who_comes_later_waits_as_long(door: Door) -> None:
    door.come(1)
    for _ in range(LOOKS):
        door.neighbours.look()
    for _ in range(LOOKS):
        door.neighbours.look()
    door.come(1)
    assert len(door.taken) == 1
    for _ in range(LOOKS):
        door.neighbours.look()
    assert len(door.taken) == 2


def test_callers_of_a_worker_that_runs_are_left_to_it(door: Door) -> None:
    for _ in range(3 * LOOKS):
        door.come(1)
        door.neighbours.look()
        accepted, _ = door.other.accept()
        accepted.close()
        door.neighbours.look()
    assert door.taken == []


def test_a_crowd_is_let_in_by_and_by(door: Door) -> None:
    door.come(TAKEN_AT_ONCE + 5)
    for _ in range(LOOKS):
        door.neighbours.look()
    assert len(door.taken) == TAKEN_AT_ONCE
    door.neighbours.look()
    assert len(door.taken) == TAKEN_AT_ONCE + 5


def test_a_door_that_is_closed_is_not_kept_open(door: Door) -> None:
    address = door._listeners.local_address
    door.neighbours.close()
    door.neighbours.look()
    door._listeners.close()

    def refused() -> bool:
        with contextlib.closing(socket.socket()) as caller:
            return caller.connect_ex(address) != 0

    wait_until(refused, "a closed door")
