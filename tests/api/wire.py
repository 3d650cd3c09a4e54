"""Requests as bytes on a socket, and the answers read off it one by one."""

import select
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.api.box import BOUND_S, Box, fresh

RESERVATION = {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "TEE-M", "quantity": 1}]}


class Line:
    """One connection, on which bytes go out as they are given and answers are read one by one."""

    def __init__(self, box: Box) -> None:
        address = urlsplit(box.url)
        self.key = box.admin
        self.socket = socket.create_connection((address.hostname, address.port), BOUND_S)
        self._file = self.socket.makefile("rb")

    def request(
        self,
        path: str = "/v1/reservations",
        body: Any = RESERVATION,
        *headers: str,
        method: str = "POST",
        version: str = "1.1",
        sized: bool = True,
    ) -> bytes:
        """One request with an Idempotency-Key of its own."""
        text = body if isinstance(body, bytes) else orjson.dumps(body)
        lines = [f"{method} {path} HTTP/{version}", "Host: here", f"Authorization: Bearer {self.key}"]
        lines += [f"Idempotency-Key: {fresh('wire')}", *headers]
        if sized:
            lines.append(f"Content-Length: {len(text)}")
        return "\r\n".join([*lines, "", ""]).encode() + text

    def send(self, *requests: bytes) -> None:
        self.socket.sendall(b"".join(requests))

    def last(self) -> bytes:
        """A question after which the connection ends: 404, when it is read as a request of its own."""
        return self.request("/v1/commands/never-sent", b"", "Connection: close", method="GET")

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) of the next answer."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def answers(self) -> list[tuple[int, dict[str, str], bytes]]:
        """All answers until the other side hangs up."""
        found = []
        try:
            while self._file.peek(1):
                found.append(self.answer())
        except ConnectionResetError:  # it hung up while we were still sending
            pass
        return found

    def has_words(self) -> bool:
        """Whether something is there to read, by now."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def is_closed(self) -> bool:
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@contextmanager
def connected(box: Box) -> Iterator[Line]:
    with closing(Line(box)) as line:
        yield line
