"""One request never becomes two: whatever a proxy in front of us might have read in the same bytes.

Every attack carries a second request inside or behind the first, which would hold a unit under a reference of its
own. It must not have happened, unless the bytes say two requests to everybody.
"""

from collections.abc import Callable
from typing import Any, Final

import orjson
import pytest

from tests.api.box import Box, fresh
from tests.api.wire import RESERVATION, Line, connected

Attack = Callable[["Wire"], bytes]


class Wire:
    """The pieces that attacks are made of, for one attack."""

    def __init__(self, line: Line) -> None:
        self.outer, self.inner = fresh("outer"), fresh("inner")
        self._line = line
        self.body = orjson.dumps({**RESERVATION, "reference": self.outer})
        self.size = len(self.body)
        hidden = {**RESERVATION, "reference": self.inner}
        self.hidden = line.request("/v1/reservations", hidden)
        """the second request, whole"""
        self.chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (self.size, self.body)

    def head(
        self, *headers: str | bytes, path: str = "/v1/reservations", method: str = "POST", host: str = "h"
    ) -> bytes:
        lines = [f"{method} {path} HTTP/1.1".encode(), f"Host: {host}".encode()]
        lines += [f"Authorization: Bearer {self._line.key}".encode(), f"Idempotency-Key: {fresh('smug')}".encode()]
        lines += [each.encode() if isinstance(each, str) else each for each in headers]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def held_under(box: Box, reference: str) -> int:
    return len(box.get("/v1/reservations", params={"reference": reference})["items"])


TE = "Transfer-Encoding: chunked"

REFUSED: dict[str, Attack] = {
    "a length and pieces": lambda w: w.head(f"Content-Length: {w.size}", TE) + w.chunks + w.hidden,
    "pieces and a length": lambda w: w.head(TE, f"Content-Length: {w.size}") + w.chunks + w.hidden,
    "pieces and the length of nothing": lambda w: w.head("Content-Length: 0", TE) + w.chunks + w.hidden,
    "two lengths": lambda w: w.head(f"Content-Length: {w.size}", "Content-Length: 0") + w.body + w.hidden,
    "the same length twice": lambda w: w.head(*[f"Content-Length: {w.size}"] * 2) + w.body + w.hidden,
    "lengths in a list": lambda w: w.head(f"Content-Length: {w.size}, {w.size}") + w.body + w.hidden,
    "a length with a sign": lambda w: w.head(f"Content-Length: +{w.size}") + w.body + w.hidden,
    "a negative length": lambda w: w.head("Content-Length: -1") + w.body + w.hidden,
    "a length in hexadecimal": lambda w: w.head(f"Content-Length: {w.size:#x}") + w.body + w.hidden,
    "a length with a blank inside": lambda w: w.head("Content-Length: 1 0") + w.body + w.hidden,
    "an empty length": lambda w: w.head("Content-Length: ") + w.body + w.hidden,
    "a length beyond 64 bits": lambda w: w.head("Content-Length: 18446744073709551620") + w.body + w.hidden,
    "a length with the digits of another script": lambda w: w.head("Content-Length: ١".encode()) + w.body + w.hidden,
    "a blank before the colon": lambda w: w.head(f"Content-Length : {w.size}") + w.body + w.hidden,
    "pieces, blank before the colon": lambda w: w.head("Transfer-Encoding : chunked") + w.chunks + w.hidden,
    "an unknown coding": lambda w: w.head("Transfer-Encoding: xchunked") + w.chunks + w.hidden,
    "a quoted coding": lambda w: w.head('Transfer-Encoding: "chunked"') + w.chunks + w.hidden,
    "a coding with a parameter": lambda w: w.head("Transfer-Encoding: chunked;q=1") + w.chunks + w.hidden,
    "a coding behind a vertical tab": lambda w: w.head(b"Transfer-Encoding: \x0bchunked") + w.chunks + w.hidden,
    "a coding before a NUL": lambda w: w.head(b"Transfer-Encoding: chunked\0") + w.chunks + w.hidden,
    "the coding identity": lambda w: w.head("Transfer-Encoding: identity", f"Content-Length: {w.size}") + w.body,
    "identity behind chunked": lambda w: w.head("Transfer-Encoding: chunked, identity") + w.chunks + w.hidden,
    "identity before chunked": lambda w: w.head("Transfer-Encoding: identity, chunked") + w.chunks + w.hidden,
    "compressed and in pieces": lambda w: w.head("Transfer-Encoding: gzip, chunked") + w.chunks + w.hidden,
    "nothing before chunked": lambda w: w.head("Transfer-Encoding: ,chunked") + w.chunks + w.hidden,
    "two headers of coding": lambda w: w.head(TE, "Transfer-Encoding: identity") + w.chunks + w.hidden,
    "two headers of coding, turned": lambda w: w.head("Transfer-Encoding: identity", TE) + w.chunks + w.hidden,
    "chunked twice": lambda w: w.head(TE, TE) + w.chunks + w.hidden,
    "an empty coding": lambda w: w.head("Transfer-Encoding: ") + w.chunks + w.hidden,
    "pieces in HTTP/1.0": lambda w: w.head(TE).replace(b"HTTP/1.1", b"HTTP/1.0") + w.chunks + w.hidden,
    "a folded header": lambda w: w.head(b"X: a\r\n Transfer-Encoding: chunked") + w.chunks + w.hidden,
    "a folded coding": lambda w: w.head(b"Transfer-Encoding:\r\n chunked") + w.chunks + w.hidden,
    "a blank before the first header": lambda w: w.head().replace(b"\r\nHost", b"\r\n Host") + w.hidden,
    "bare line feeds": lambda w: w.head(f"Content-Length: {w.size}").replace(b"\r\n", b"\n") + w.body + w.hidden,
    "one bare line feed": lambda w: w.head(b"X: a\nY: b", f"Content-Length: {w.size}") + w.body + w.hidden,
    "one bare carriage return": lambda w: w.head(b"X: a\rTransfer-Encoding: chunked") + w.chunks + w.hidden,
    "a NUL in a header": lambda w: w.head(b"X: a\0b", f"Content-Length: {w.size}") + w.body + w.hidden,
    "a NUL in a header's name": lambda w: w.head(b"X\0: a", f"Content-Length: {w.size}") + w.body + w.hidden,
    "an escape in a header": lambda w: w.head(b"X: \x1b[2J", f"Content-Length: {w.size}") + w.body + w.hidden,
    "a NUL in the address": lambda w: w.head(path="/v1/reservations\0") + w.hidden,
    "a blank in the address": lambda w: w.head(path="/v1/reservations HTTP/1.1\tx") + w.hidden,
    "a byte beyond ASCII in the address": lambda w: w.head(path="/v1/stock/\xff", method="GET") + w.hidden,
    "no Host": lambda w: w.head(f"Content-Length: {w.size}").replace(b"Host: h\r\n", b"") + w.body + w.hidden,
    "two Hosts": lambda w: w.head("Host: elsewhere", f"Content-Length: {w.size}") + w.body + w.hidden,
    "two keys": lambda w: w.head("Authorization: Bearer x", f"Content-Length: {w.size}") + w.body + w.hidden,
    "two ids": lambda w: w.head("Idempotency-Key: x", f"Content-Length: {w.size}") + w.body + w.hidden,
    "HTTP/0.9": lambda w: b"POST /v1/reservations\r\n\r\n" + w.hidden,
    "HTTP/2": lambda w: w.head(f"Content-Length: {w.size}").replace(b"HTTP/1.1", b"HTTP/2.0") + w.body + w.hidden,
    "HTTP/2's first words": lambda w: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + w.hidden,
    "another protocol": lambda w: w.head().replace(b"HTTP/1.1", b"ICE/1.0") + w.hidden,
    "a tunnel": lambda w: w.head(method="CONNECT", path="h:1") + w.hidden,
    "a method in small letters": lambda w: w.head(method="post") + w.hidden,
    "words that are no method": lambda w: w.head(method="PO ST") + w.hidden,
    "a header without a colon": lambda w: w.head(b"nothing") + w.hidden,
    "a header without a name": lambda w: w.head(b": x") + w.hidden,
}
"""Refused with 400, nothing happens, nothing more is read."""

BROKEN_PIECES: dict[str, Attack] = {
    "a size with a prefix": lambda w: w.head(TE) + b"0x" + w.chunks + w.hidden,
    "a size with a sign": lambda w: w.head(TE) + b"+" + w.chunks + w.hidden,
    "a negative size": lambda w: w.head(TE) + b"-1\r\n" + w.hidden,
    "a blank before the size": lambda w: w.head(TE) + b" " + w.chunks + w.hidden,
    "a blank behind the size": lambda w: w.head(TE) + w.chunks.replace(b"\r\n", b" \r\n", 1) + w.hidden,
    "a size beyond 64 bits": lambda w: w.head(TE) + b"f" * 17 + b"\r\n" + w.hidden,
    "no size": lambda w: w.head(TE) + b"\r\n" + w.chunks + w.hidden,
    "a line feed behind the size": lambda w: w.head(TE) + w.chunks.replace(b"\r\n", b"\n", 1) + w.hidden,
    "a line feed in an extension": lambda w: w.head(TE) + w.chunks.replace(b"\r\n", b";a\n", 1) + w.hidden,
    "a carriage return in an extension": lambda w: w.head(TE) + w.chunks.replace(b"\r\n", b";a\rb\r\n", 1) + w.hidden,
    "a NUL in an extension": lambda w: w.head(TE) + w.chunks.replace(b"\r\n", b";\0\r\n", 1) + w.hidden,
    "a piece longer than its size": lambda w: w.head(TE) + b"1\r\n" + w.body + b"\r\n0\r\n\r\n" + w.hidden,
    "a length behind the pieces": lambda w: (
        w.head(TE) + w.chunks[:-2] + b"Content-Length: %d\r\n\r\n" % len(w.hidden) + w.hidden
    ),
}


def answers_to(box: Box, attack: Attack) -> tuple[Wire, list[tuple[int, dict[str, str], bytes]]]:
    with connected(box) as line:
        wire = Wire(line)
        line.send(attack(wire), line.last())
        return wire, line.answers()


@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED)
def test_what_could_be_read_in_two_ways_is_refused_and_ends_the_connection(box: Box, attack: Attack) -> None:
    wire, answers = answers_to(box, attack)
    assert [status for status, _, _ in answers] == [400]
    _, headers, body = answers[0]
    assert headers["connection"] == "close"
    assert (headers["content-type"], orjson.loads(body)["code"]) == ("application/problem+json", "invalid_http")
    assert held_under(box, wire.outer) == held_under(box, wire.inner) == 0


@pytest.mark.parametrize("attack", BROKEN_PIECES.values(), ids=BROKEN_PIECES)
@pytest.mark.parametrize("slowly", [False, True])
def test_a_body_in_broken_pieces_ends_the_connection_and_does_nothing(box: Box, attack: Attack, slowly: bool) -> None:
    with connected(box) as line:
        wire = Wire(line)
        data = attack(wire)
        if slowly:  # the request is under way before the broken piece is there
            head, _, rest = data.partition(b"\r\n\r\n")
            line.send(head + b"\r\n\r\n")
            assert box.get("/health/live")
            line.send(rest)
        else:
            line.send(data)
        line.send(line.last())
        answers = line.answers()
    assert [status for status, _, _ in answers] == [400], answers
    assert held_under(box, wire.outer) == held_under(box, wire.inner) == 0


KEY: Final = b"%(key)s\r\n\r\n"
"""Where the admin's key is put in."""

ONE: dict[str, tuple[Attack, int]] = {
    "the address in its long form": (
        lambda w: w.head(f"Content-Length: {w.size}", path="http://elsewhere/v1/reservations", host="here") + w.body,
        201,
    ),
    "a second request as a body": (lambda w: w.head(f"Content-Length: {len(w.hidden)}") + w.hidden, 400),
    "a second request as the body of a question": (
        lambda w: w.head(f"Content-Length: {len(w.hidden)}", path="/v1/limits", method="GET") + w.hidden,
        200,
    ),
    "a second request as the body of a direct question": (
        lambda w: w.head(f"Content-Length: {len(w.hidden)}", path="/v1/stock/TEE-M", method="GET") + w.hidden,
        200,
    ),
    "a second request as a body of an address that is none": (
        lambda w: w.head(f"Content-Length: {len(w.hidden)}", path="/v1/nothing") + w.hidden,
        404,
    ),
    "a second request in pieces": (lambda w: w.head(TE) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(w.hidden), w.hidden), 400),
    "a second request as an extension of a piece": (
        lambda w: w.head(TE) + w.chunks.replace(b"\r\n", b';a="GET /v1/limits HTTP/1.1"\r\n', 1),
        201,
    ),
    "headers behind the pieces": (
        lambda w: w.head(TE).replace(b"Authorization", b"X") + w.chunks[:-2] + b"Authorization: Bearer " + KEY,
        401,
    ),
    "an id behind the pieces": (
        lambda w: w.head(TE).replace(b"Idempotency-Key", b"X") + w.chunks[:-2] + b"Idempotency-Key: behind\r\n\r\n",
        400,
    ),
    "a second request behind a connection's end": (
        lambda w: w.head("Connection: close", f"Content-Length: {w.size}") + w.body + w.hidden,
        201,
    ),
    "a second request behind a refusal at a connection's end": (
        lambda w: w.head("Connection: close", "Content-Length: 1") + b"{" + w.hidden,
        400,
    ),
}


@pytest.mark.parametrize(("attack", "status"), ONE.values(), ids=ONE)
def test_one_request_is_one_request(box: Box, attack: Attack, status: int) -> None:
    wire, answers = answers_to(box, lambda w: attack(w).replace(b"%(key)s", box.admin.encode()))
    at_its_end = answers[0][1].get("connection") == "close"
    assert [got for got, _, _ in answers] == ([status] if at_its_end else [status, 404]), answers
    assert held_under(box, wire.outer) == (status == 201)
    assert held_under(box, wire.inner) == 0


@pytest.mark.parametrize("refused", ["too large", "too large and in pieces", "without a key", "with an unknown key"])
def test_a_request_behind_a_refused_body_is_itself_and_not_its_end(box: Box, refused: str) -> None:
    """The whole refused body is taken off the wire before the next request is read."""
    with connected(box) as line:
        wire = Wire(line)
        large = b"x" * 300_000 + wire.hidden  # what follows the limit looks like a request
        if refused == "too large":
            line.send(wire.head(f"Content-Length: {len(large)}") + large)
        elif refused == "too large and in pieces":
            line.send(wire.head(TE) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large))
        else:
            head = wire.head(f"Content-Length: {len(large)}")
            line.send(head.replace(b"Bearer ", b"Bearer x" if refused == "with an unknown key" else b"Basic ") + large)
        line.send(line.request("/v1/reservations", {**RESERVATION, "reference": wire.outer}), line.last())
        statuses = [status for status, _, _ in line.answers()]
    assert statuses == [413 if refused.startswith("too large") else 401, 201, 404]
    assert (held_under(box, wire.outer), held_under(box, wire.inner)) == (1, 0)


@pytest.mark.parametrize("before", ["/v1/reservations", "/v1/reserv%61tions"])
@pytest.mark.parametrize("nonsense", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"X" * 40_000])
def test_a_refusal_waits_for_the_answers_before_it(box: Box, before: str, nonsense: bytes) -> None:
    """Else a caller, or a proxy between many of them, would take it for the answer to the request ahead of it."""
    with connected(box) as line:
        line.send(line.request(before), line.request(before), nonsense)
        assert [status for status, _, _ in line.answers()] == [201, 201, 400]


def test_nothing_is_answered_twice(box: Box) -> None:
    """A request that was refused at its head gets no second answer when its body turns out to be broken."""
    with connected(box) as line:
        wire = Wire(line)
        line.send(wire.head(TE).replace(b"Bearer ", b"Basic "))
        assert line.answer()[0] == 401
        line.send(b"nonsense\r\n")
        assert line.is_closed()


@pytest.mark.parametrize("words", ["Upgrade", "Upgrade, HTTP2-Settings", "keep-alive, Upgrade"])
def test_a_wish_for_another_protocol_is_overheard_and_the_body_is_read(box: Box, words: str) -> None:
    """Java's HttpClient asks like this. A lost body would be a release of everything, where a part was meant."""
    asked = (f"Connection: {words}", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    two = {**RESERVATION, "lines": [{"sku": "TEE-M", "quantity": 2}]}
    with connected(box) as line:
        line.send(line.request("/v1/reservations", two, *asked))
        status, _, body = line.answer()
        assert status == 201, body
        path = f"/v1/reservations/{orjson.loads(body)['reservation']}/release"
        line.send(line.request(path, {"lines": [{"line": 0, "quantity": 1}]}, *asked), line.request())
        status, _, body = line.answer()
        assert (status, orjson.loads(body)["lines"][0]["remaining"]) == (200, 1)
        assert line.answer()[0] == 201
        line.send(line.request(path, b"", "Connection: close, Upgrade", "Upgrade: h2c"))
        status, headers, body = line.answer()
        assert (status, orjson.loads(body)["state"], headers["connection"]) == (200, "released", "close")
        assert line.is_closed()


def test_many_wishes_for_another_protocol_at_once_are_refused(box: Box) -> None:
    with connected(box) as line:
        asking: Any = ("/v1/stock/TEE-M", b"", "Connection: Upgrade", "Upgrade: h2c")
        line.send(*(line.request(*asking, method="GET") for _ in range(1_000)))
        statuses = [status for status, _, _ in line.answers()]
    assert set(statuses[:-1]) <= {200}
    assert statuses[-1] == 400
