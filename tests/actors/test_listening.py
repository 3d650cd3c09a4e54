"""The API's sockets: one per worker on one port, spread evenly, and never taken from another program."""

import socket
from collections import Counter

import pytest

from actors.listening import AddressTaken, Listeners


def test_port_zero_becomes_a_real_one_that_all_workers_share() -> None:
    listeners = Listeners.bind("127.0.0.1", 0, 3)
    ports = {listeners.socket_of(worker).getsockname()[1] for worker in range(3)}
    assert ports == {listeners.port}
    assert listeners.port > 0
    assert listeners.url == f"http://127.0.0.1:{listeners.port}"
    listeners.close()


def test_the_port_of_another_program_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressTaken, match=f"port {port}: another program listens there"):
            Listeners.bind("127.0.0.1", port, 1)


def test_the_port_of_another_engine_is_not_taken_although_it_could_be_shared() -> None:
    first = Listeners.bind("127.0.0.1", 0, 1)
    with pytest.raises(AddressTaken):
        Listeners.bind("127.0.0.1", first.port, 1)
    first.close()


def test_a_host_that_is_not_ours_is_named_in_the_refusal() -> None:
    with pytest.raises(AddressTaken, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        Listeners.bind("192.0.2.1", 0, 1)


def test_connections_reach_every_worker() -> None:
    listeners = Listeners.bind("127.0.0.1", 0, 2)
    clients = [socket.create_connection(listeners.local_address) for _ in range(64)]
    accepted: Counter[int] = Counter()
    for worker in range(2):
        listening = listeners.socket_of(worker)
        listening.setblocking(False)
        while True:
            try:
                connection, _ = listening.accept()
            except BlockingIOError:
                break
            connection.close()
            accepted[worker] += 1
    for client in clients:
        client.close()
    listeners.close()
    assert accepted.total() == 64
    # By the hash of each connection's ports: 64 fall on one side alone once in 2 ** 63 runs.
    assert min(accepted.values()) > 0


def test_anywhere_is_reached_from_here_by_loopback() -> None:
    listeners = Listeners.bind("0.0.0.0", 0, 1)
    assert listeners.local_address == ("127.0.0.1", listeners.port)
    listeners.close()


def test_answers_are_not_held_back_for_more() -> None:
    listeners = Listeners.bind("127.0.0.1", 0, 1)
    with socket.create_connection(listeners.local_address):
        connection, _ = listeners.socket_of(0).accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    listeners.close()
