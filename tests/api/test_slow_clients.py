"""Callers that dawdle: they are given up in time, what is kept for them is bounded, and others are not held up."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import orjson
import pytest

from api.asgi import Front
from api.deps import ApiLimits
from tests.api.box import BOUND_S, Box
from tests.api.wire import RESERVATION, Line, connected
from tests.e2e.served import wait_until

SHORT = ApiLimits(
    head_bytes=4_096,
    head_s=0.3,
    body_s=0.6,
    unread_s=0.5,
    connections=40,
    bodies_bytes=9_000_000,
    unread_bytes=3_000_000,
    streams=20,
)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """With little patience; the fixture of the same name for the other modules has the usual."""
    made = Box(tmp_path_factory.mktemp("data"), limits=SHORT, send_buffer=16_384)
    made.stock_shop()
    rows = [{"kind": "receive", "sku": "TEE-M", "warehouse": "berlin", "quantity": 1, "reference": "x" * 200}] * 3_000
    made.commands(*rows, {"kind": "receive", "sku": "TEE-L", "warehouse": "berlin", "quantity": 100_000})
    yield made
    made.close()


@pytest.fixture(autouse=True)
def others_are_served(box: Box) -> Iterator[None]:
    """Before and after every test, and nothing of it is left."""
    yield
    assert box.get("/v1/stock/TEE-M")["sku"] == "TEE-M"
    front = served_by(box)
    wait_until(lambda: front.bodies_bytes == 0 and front.unread_bytes == 0 and not front.unread, "room again")


def served_by(box: Box) -> Front:
    assert box.server is not None
    front = box.server.config.loaded_app
    assert isinstance(front, Front)
    return front


def refused(line: Line) -> tuple[int, str]:
    status, headers, body = line.answer()
    assert headers["connection"] == "close"
    assert line.is_closed()
    return status, orjson.loads(body)["code"]


def drip(box: Box, line: Line, drop: bytes) -> None:
    """Send a little at a time until the other side has had enough, which must be soon."""
    give_up_at = time.monotonic() + BOUND_S
    with suppress(BrokenPipeError, ConnectionResetError):
        while not line.has_words():
            assert time.monotonic() < give_up_at, "it is listened to for ever"
            line.send(drop)
            box.get("/health/live")


def test_a_head_that_does_not_end_is_given_up(box: Box) -> None:
    with connected(box) as line:
        line.send(b"POST /v1/reservations HTTP/1.1\r\nHost: here\r\n")
        assert refused(line) == (408, "too_slow")


def test_a_head_that_goes_on_for_ever_is_given_up_all_the_same(box: Box) -> None:
    with connected(box) as line:
        line.send(b"POST /v1/reservations HTTP/1.1\r\nHost: here\r\n")
        drip(box, line, b"X: y\r\n")


@pytest.mark.parametrize("path", ["/v1/reservations", "/v1/reserv%61tions", "/v1/warehouses/x"])
@pytest.mark.parametrize("announced", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_given_up(box: Box, path: str, announced: str) -> None:
    with connected(box) as line:
        method = "PUT" if path.endswith("x") else "POST"
        line.send(line.request(path, b"", announced, method=method, sized=False))
        assert refused(line) == (408, "too_slow")


def test_a_body_that_comes_in_drops_is_given_up_and_does_nothing(box: Box) -> None:
    before = box.get("/v1/stock/TEE-M")
    with connected(box) as line:
        request = line.request()
        line.send(request[:-40])
        drip(box, line, b" ")
    assert box.get("/v1/stock/TEE-M") == before


def test_a_slow_request_behind_a_good_one_does_not_take_its_answer(box: Box) -> None:
    with connected(box) as line:
        line.send(line.request(), b"POST /v1/reservations HTTP/1.1\r\n")
        assert line.answer()[0] == 201
        assert refused(line) == (408, "too_slow")


def test_a_connection_on_which_nothing_comes_is_closed(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "api.http_protocol.DirectProtocol.timeout_keep_alive", property(lambda _: 0.2, lambda *_: None), raising=False
    )
    with connected(box) as silent, connected(box) as blank:
        blank.send(b"\r\n")
        assert silent.is_closed()
        assert blank.is_closed()


@pytest.mark.parametrize(
    ("begun", "filling"),
    [
        (b"", b"\r\n"),
        (b"", b"X" * 64),
        (b"GET /", b"X" * 64),
        (b"GET /v1/limits HTTP/1.1\r\nHost: here\r\n", b"X: y\r\n"),
        (b"GET /v1/limits HTTP/1.1\r\nHost: here\r\n", b"X" * 64),
        (b"GET /v1/limits HTTP/1.1\r\nHost: here\r\nX: ", b"y" * 64),
    ],
)
def test_a_head_has_a_size(box: Box, begun: bytes, filling: bytes) -> None:
    with connected(box) as line:
        piece = filling * (2_000 // len(filling))
        line.send(begun)
        try:
            for _ in range(100):
                line.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            return
        answers = line.answers()
        assert len(answers) <= 1
        for status, _, body in answers:
            assert (status, orjson.loads(body)["code"]) in ((431, "too_large"), (400, "invalid_http"))


def test_a_head_that_comes_in_one_piece_has_the_same_size(box: Box) -> None:
    with connected(box) as line:
        line.send(line.request("/v1/limits", b"", "X: " + "y" * 3_500, method="GET"))
        assert line.answer()[0] == 200
        line.send(line.request("/v1/limits", b"", "X: " + "y" * 4_096, method="GET"))
        assert refused(line) == (431, "too_large")


@pytest.mark.parametrize("extra", [b"1;" + b"x" * 64_000, b"0\r\nX: " + b"y" * 64_000, b"0\r\n" + b"X: y\r\n" * 20_000])
def test_what_stands_between_the_pieces_of_a_body_has_a_size_too(box: Box, extra: bytes) -> None:
    with connected(box) as line:
        head, _, _ = line.request("/v1/reservations", b"", "Transfer-Encoding: chunked", sized=False).partition(
            b"\r\n\r\n"
        )
        line.send(head + b"\r\n\r\n")
        try:
            for begin in range(0, len(extra), 2_000):
                line.send(extra[begin : begin + 2_000])
                box.get("/health/live")
        except (BrokenPipeError, ConnectionResetError):
            return
        assert refused(line) == (431, "too_large")


def test_bodies_that_are_on_their_way_have_one_room_for_all(box: Box) -> None:
    body = orjson.dumps({"kind": "confirm", "reservation": "r"})
    with connected(box) as first, connected(box) as second, connected(box) as third:
        first.send(first.request("/v1/commands", b"", "Content-Length: 8000000", sized=False) + b"[")
        front = served_by(box)
        wait_until(lambda: front.bodies_bytes >= 8_000_000, "the first body")
        second.send(second.request("/v1/commands", b"[" + b" " * 1_500_000))
        status, headers, told = second.answer()
        assert (status, orjson.loads(told)["code"], headers["retry-after"]) == (429, "overloaded", "1")
        third.send(third.request("/v1/commands", body))
        assert third.answer()[0] == 200  # what is small has room


def test_without_a_key_nobody_makes_the_server_keep_a_body(box: Box) -> None:
    front = served_by(box)
    with ExitStack() as opened:
        lines = [opened.enter_context(connected(box)) for _ in range(10)]
        for line in lines:
            line.key = "os_" + "0" * 16 + "_" + "0" * 64
            line.send(line.request("/v1/commands", b"", "Content-Length: 8000000", sized=False) + b"[" + b" " * 100_000)
        for line in lines:
            assert line.answer()[0] == 401
        assert front.bodies_bytes == 0


def test_a_connection_too_many_is_told_so(box: Box) -> None:
    with ExitStack() as opened:
        lines = [opened.enter_context(connected(box)) for _ in range(SHORT.connections + 5)]
        # The box's own connections are among them.
        wait_until(lambda: sum(line.has_words() for line in lines) >= 5, "the refusals")
        closed = [line for line in lines if line.has_words()]
        assert len(closed) <= 8
        for line in closed:
            status, headers, body = line.answer()
            assert (status, orjson.loads(body)["code"]) == (503, "unavailable")
            assert headers["retry-after"] == "1"
            assert line.is_closed()


def flooded(box: Box, line: Line, path: str, requests: int) -> None:
    """Requests whose answers are not read."""
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.socket.setblocking(False)
    one = line.request(path, b"", method="GET")
    for _ in range(requests):
        try:
            line.socket.send(one)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            break
    line.socket.setblocking(True)


@pytest.mark.parametrize("path", ["/v1/feed?limit=1000", "/v1/reservations?limit=1000"])
def test_answers_that_nobody_reads_do_not_pile_up(box: Box, path: str) -> None:
    if "reservations" in path:
        lines = [{"sku": "TEE-L", "quantity": 1, "warehouse": "berlin"}] * 500
        for _ in range(9):
            box.post("/v1/reservations", {**RESERVATION, "lines": lines}, status=201)
    size = len(box.call("GET", path).content)
    assert size > 400_000
    front = served_by(box)
    with ExitStack() as opened:
        for _ in range(3):
            flooded(box, opened.enter_context(connected(box)), path, 200)
        wait_until(lambda: front.unread_bytes > 0, "an answer that is not read")
        # One answer each, and not the two hundred that were asked for.
        for _ in range(5):
            box.get("/health/live")
            assert front.unread_bytes < 3 * 2 * size + 1_000_000
        wait_until(lambda: front.unread_bytes == 0, "the end of those that do not read")


def test_a_live_feed_that_nobody_reads_is_ended_and_its_place_is_free(box: Box) -> None:
    start = box.get("/v1/feed", params={"limit": 1})["next_cursor"]
    assert box.runtime is not None
    feed = box.runtime.feed
    with connected(box) as line:
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.send(line.request(f"/v1/feed?after={start}", b"", "Accept: text/event-stream", method="GET"))
        wait_until(lambda: feed.streams == 1, "the feed")
        front = served_by(box)
        wait_until(lambda: feed.streams == 0, "its end")
        assert front.unread_bytes == 0


def test_a_live_feed_that_is_read_slowly_but_read_is_kept(box: Box) -> None:
    start = box.get("/v1/feed", params={"limit": 1})["next_cursor"]
    with connected(box) as line:
        line.send(line.request(f"/v1/feed?after={start}", b"", "Accept: text/event-stream", method="GET"))
        got = b""
        while got.count(b"\nid: ") < 2_000:
            piece = line.socket.recv(8_192)
            assert piece
            got += piece
            box.get("/health/live")


def test_many_idle_connections_cost_little_and_hold_nobody_up(tmp_path: Path) -> None:
    box = Box(tmp_path)
    try:
        box.stock_shop()
        with ExitStack() as opened:
            lines = [opened.enter_context(connected(box)) for _ in range(300)]
            for line in lines[::2]:
                line.send(b"POST /v1/commands HTTP/1.1\r\nHost: h\r\n")
            assert box.post("/v1/reservations", RESERVATION, status=201)["state"] == "held"
            assert not any(line.has_words() for line in lines)
    finally:
        box.close()
