"""Requests as bytes on a socket: what is served without ASGI is served as HTTP/1.1 says, and the rest is uvicorn's."""

import socket
from typing import Any

import orjson
import pytest

from api.http_protocol import DirectProtocol
from tests.api.box import Box, fresh
from tests.api.wire import RESERVATION, connected


def held(answer: tuple[int, dict[str, str], bytes]) -> str:
    """The reservation that was made."""
    status, headers, body = answer
    assert status == 201, body
    reservation: str = orjson.loads(body)["reservation"]
    assert headers["location"] == f"/v1/reservations/{reservation}"
    assert headers["content-type"] == "application/json"
    assert "date" in headers
    return reservation


def test_a_connection_is_used_again(box: Box) -> None:
    with connected(box) as line:
        made = []
        for _ in range(3):
            line.send(line.request())
            made.append(held(line.answer()))
        assert len(set(made)) == 3


def test_a_request_may_come_byte_by_byte(box: Box) -> None:
    with connected(box) as line:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in line.request():
            line.send(bytes((byte,)))
        held(line.answer())


@pytest.mark.parametrize("between", ["/v1/stock/TEE-M", "/v1/warehouses", "/v1/reservations?limit=1"])
def test_requests_sent_ahead_are_answered_in_order(box: Box, between: str) -> None:
    with connected(box) as line:
        line.send(line.request(), line.request(between, b"", method="GET"), line.request(), line.request())
        made = [held(line.answer())]
        status, _, body = line.answer()
        assert status == 200, body
        assert set(orjson.loads(body)) & {"sku", "items"}
        made += [held(line.answer()), held(line.answer())]
        assert len(set(made)) == 3


@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Expect: 100-continue"])
def test_bodies_that_are_announced_otherwise_are_read_too(box: Box, header: str) -> None:
    with connected(box) as line:
        body = orjson.dumps(RESERVATION)
        if header.startswith("Expect"):
            head, _, _ = line.request("/v1/reservations", body, header).partition(b"\r\n\r\n")
            line.send(head + b"\r\n\r\n")
            assert line.answer() == (100, {}, b"")
            line.send(body)
        else:
            head, _, _ = line.request("/v1/reservations", body, header, sized=False).partition(b"\r\n\r\n")
            line.send(head + b"\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        held(line.answer())
        line.send(line.request())
        held(line.answer())


def test_a_caller_that_wants_the_connection_closed_gets_that(box: Box) -> None:
    with connected(box) as line:
        line.send(line.request("/v1/reservations", RESERVATION, "Connection: close"))
        answer = line.answer()
        held(answer)
        assert answer[1]["connection"] == "close"
        assert line.is_closed()


def test_http_1_0_is_spoken(box: Box) -> None:
    with connected(box) as line:
        line.send(line.request(version="1.0"))
        held(line.answer())
        assert line.is_closed()


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        (lambda line: line.request("/v1/reserv%61tions"), 201),
        (lambda line: line.request("/v1/reservations?what=ever"), 201),
        (lambda line: line.request("/v1/reservations", b"", method="DELETE"), 405),
        (lambda line: line.request("/v1/reservations", b"{", method="PUT"), 405),
        (lambda line: line.request("/v1/reservations/r1/nothing"), 404),
        (lambda line: line.request("/v1/reservations/r1/confirm"), 422),
        (lambda line: line.request("/v1/reservations/r1/confirm", b""), 404),
        (lambda line: line.request("/v1/reservations", b"{"), 400),
        (lambda line: line.request("/v1/reservations", b"x" * 262_145), 413),
        (lambda line: line.request().replace(b"Bearer os_", b"Bearer so_"), 401),
        (lambda line: line.request("/v1/commands", []), 200),
    ],
)
def test_whoever_serves_a_request_its_answer_is_the_same_kind(box: Box, request_of: Any, status: int) -> None:
    with connected(box) as line:
        line.send(request_of(line))
        got, headers, body = line.answer()
        assert got == status, body
        if status >= 400 and int(headers["content-length"]) and got != 405:
            assert headers["content-type"] == "application/problem+json"
            assert orjson.loads(body)["status"] == status


def test_a_caller_that_hangs_up_early_harms_nobody_and_its_row_is_decided(box: Box) -> None:
    with connected(box) as line:
        request = line.request("/v1/reservations", {**RESERVATION, "reference": fresh("gone")})
        reference = orjson.loads(request.partition(b"\r\n\r\n")[2])["reference"]
        line.send(request)
        line.socket.shutdown(socket.SHUT_WR)
    with connected(box) as line:
        line.send(line.request())
        held(line.answer())  # decided after it, for both are rows of one SKU
    found = box.get("/v1/reservations", params={"reference": reference})["items"]
    assert len(found) == 1


def test_nonsense_is_answered_and_ends_the_connection(box: Box) -> None:
    with connected(box) as line:
        line.send(b"NONSENSE\r\n\r\n")
        assert line.answer()[0] == 400
        assert line.is_closed()


def test_two_lengths_are_no_request(box: Box) -> None:
    with connected(box) as line:
        line.send(line.request("/v1/reservations", RESERVATION, "Content-Length: 3"))
        assert line.answer()[0] == 400
        assert line.is_closed()


def test_direct_routes_are_counted_whoever_serves_them(box: Box) -> None:
    def created() -> int:
        assert box.runtime is not None
        served = box.runtime.http.served.get("POST /v1/reservations 201")
        return sum(served.counts) if served else 0

    before = created()
    with connected(box) as line:
        line.send(line.request())
        held(line.answer())
        line.send(line.request("/v1/reserv%61tions"))
        held(line.answer())
        line.send(line.request("/health/live", b"", method="GET"))  # what was answered before it is counted by now
        line.answer()
    assert created() == before + 2


def test_the_steps_of_a_lone_reservation_are_told_as_its_creation_was(box: Box) -> None:
    with connected(box) as line:
        line.send(line.request("/v1/reservations", {**RESERVATION, "reference": "cart 1", "customer": "Ann"}))
        reservation = held(line.answer())
        for step, body, state in (
            ("extend", {"ttl_s": 900}, "held"),
            ("confirm", b"", "confirmed"),
            ("fulfil", {"lines": [{"line": 0, "quantity": 1}]}, "fulfilled"),
        ):
            request = line.request(f"/v1/reservations/{reservation}/{step}", body)
            line.send(request)
            status, headers, told = line.answer()
            assert (status, orjson.loads(told)["state"]) == (200, state), told
            assert "idempotent-replayed" not in headers
            line.send(request)
            status, headers, again = line.answer()
            assert (status, again) == (200, told)
            assert headers["idempotent-replayed"] == "true"
            shown = orjson.loads(told)
            assert (shown["reference"], shown["customer"], shown["channel"]) == ("cart 1", "Ann", "shop")
        line.send(line.request(f"/v1/reservations/{reservation}/release", b""))
        status, _, refused = line.answer()
        assert (status, orjson.loads(refused)["code"]) == (409, "reservation_closed")


def test_one_command_is_answered_alike_alone_and_in_an_array(box: Box) -> None:
    command = {"kind": "receive", "sku": "TEE-L", "warehouse": "berlin", "quantity": 1}
    with connected(box) as line:
        line.send(line.request("/v1/commands", command))
        status, _, alone = line.answer()
        assert status == 200
        line.send(line.request("/v1/commands", [{**command, "id": fresh(), "quantity": 1}]))
        status, _, in_array = line.answer()
        (one,), (other,) = orjson.loads(alone)["results"], orjson.loads(in_array)["results"]
        assert one.keys() == other.keys()
        assert other["available"] == one["available"] + 1


def test_an_idle_connection_is_closed_after_its_time(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = property(lambda _: 0.05, lambda _, __: None)
    monkeypatch.setattr(DirectProtocol, "timeout_keep_alive", soon, raising=False)
    with connected(box) as line:
        line.send(line.request())
        held(line.answer())
        assert line.is_closed()
