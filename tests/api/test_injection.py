"""What callers send reaches logs and problem documents: never as more than text."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from actors.logs import OneEvent
from api.engine_client import BODY_CHARS_MAX, EngineClient, Refused
from tests.api.box import BOUND_S, Box, fresh
from tests.api.wire import connected

ROOT = Path(__file__).resolve().parent.parent.parent
EVIL = "a\r\n2026-01-01 00:00:00,000 omnistock ERROR forged\x1b[2J\x9b31m\x00\u202e\u2028\x85</script>"


@pytest.fixture
def log() -> Any:
    """What a process would write to standard error."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(OneEvent("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def check(text: str) -> None:
    """Nothing moves a cursor, and nothing that was sent begins a line."""
    assert not any((ord(each) < 32 and each != "\n") or 127 <= ord(each) < 160 for each in text), text
    assert "\u202e" not in text
    assert "\u2028" not in text
    assert not any(line.startswith("2026-01-01 00:00:00,000") for line in text.splitlines())


WRITERS = {
    "standard library": 'logging.getLogger("omnistock.test").exception("failed for %s", evil)',
    "structlog": 'structlog.get_logger("omnistock.test").exception("failed for %s", evil)',
    "structlog, as the event": 'structlog.get_logger("omnistock.test").exception(evil)',
    "structlog, as a value": 'structlog.get_logger("omnistock.test").exception("failed", sku=evil, skus=[evil])',
    "structlog, as a name": 'structlog.get_logger("omnistock.test").exception("failed", **{evil: 1})',
    "structlog, bound": 'structlog.get_logger("omnistock.test").bind(sku=evil).exception("failed")',
}
PROGRAM = """
import json, logging, sys
import structlog
from actors.logs import set_up_logging
set_up_logging()
evil = json.load(sys.stdin)
try:
    raise ValueError(evil)
except ValueError:
    {writes}
"""


@pytest.mark.parametrize("writer", WRITERS)
def test_a_line_of_the_log_cannot_be_forged(writer: str) -> None:
    """In a process of its own, with what every process of the stack sets up."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(writes=WRITERS[writer])],
        input=json.dumps(EVIL),
        capture_output=True,
        cwd=ROOT,
        text=True,
        encoding="utf-8",
        timeout=BOUND_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "forged" in done.stderr
    assert "ValueError" in done.stderr
    check(done.stderr)
    first, *others = done.stderr.splitlines()
    assert " omnistock.test ERROR " in first
    assert all(line.startswith("    ") for line in others), done.stderr


PLACES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/commands", {"id": EVIL, "kind": "confirm", "reservation": "r"}),
    ("POST", "/v1/commands", {"id": "x", "kind": EVIL}),
    ("POST", "/v1/commands", {"id": "x", "kind": "confirm", "reservation": EVIL}),
    ("POST", "/v1/commands", {"id": "x", "kind": "confirm", "reservation": "r", EVIL: 1}),
    ("POST", "/v1/commands", [{"id": "x", "kind": "confirm", "reservation": "r", "Größe\u202e\x9b😀": 1}]),
    ("POST", "/v1/reservations", {"channel": EVIL, "ttl_s": 1, "lines": [{"sku": EVIL, "quantity": 1}]}),
    ("POST", "/v1/stock:query", {"skus": [EVIL]}),
    ("PUT", "/v1/products/x", {"name": EVIL}),
    ("PUT", "/v1/products/x", {"name": "x", EVIL: 1}),
    ("PUT", "/v1/warehouses/x", {"name": "x", "kind": EVIL, "priority": 1}),
    ("PUT", "/v1/keys/x", {"secret_sha256": EVIL, "client": EVIL, "scopes": [EVIL]}),
]


@pytest.mark.parametrize(("method", "path", "body"), PLACES)
def test_a_problem_repeats_nothing_that_is_more_than_text(
    box: Box, log: io.StringIO, method: str, path: str, body: Any
) -> None:
    answer = box.call(method, path, json=body, headers={"Idempotency-Key": "" if path.endswith("s") else fresh()})
    assert 400 <= answer.status_code < 500
    assert all(32 <= byte < 127 for byte in answer.content), answer.content
    assert answer.json()["status"] == answer.status_code
    check(log.getvalue())


@pytest.mark.parametrize("place", ["path", "query", "name of a parameter", "cursor", "key", "id", "accept"])
def test_nothing_of_a_head_is_told_as_more_than_text(box: Box, log: io.StringIO, place: str) -> None:
    quoted = str(httpx2.QueryParams({"": EVIL}))[1:].replace("+", "%20")
    paths = {
        "path": f"/v1/stock/{quoted}",
        "query": f"/v1/stock/TEE-M?channel={quoted}",
        "name of a parameter": f"/v1/feed?{quoted}=1",
        "cursor": f"/v1/warehouses?cursor={quoted}",
    }
    line = b"\x80\xff \xe2\x80\xae"
    headers = {"key": b"Authorization: Bearer os_", "id": b"Idempotency-Key: ", "accept": b"Accept: "}
    with connected(box) as wire:
        if place in paths:
            wire.send(wire.request(paths[place], b"", method="GET"))
        else:
            head = wire.request("/v1/reservations", {"x": 1})
            begin = headers[place].split(b" ")[0]
            head = b"\r\n".join(each for each in head.split(b"\r\n") if not each.startswith(begin))
            wire.send(head.replace(b"Host: here", b"Host: here\r\n" + headers[place] + line))
        status, told, body = wire.answer()
    assert 400 <= status < 500
    assert all(32 <= byte < 127 for byte in body), body
    assert orjson.loads(body)["status"] == status
    assert all(each.isascii() and each.isprintable() for each in told.values())
    check(log.getvalue())


def test_a_problem_of_many_scripts_is_the_same_json_in_ascii() -> None:
    from api.status import in_ascii

    document = orjson.dumps({"detail": "é\u202e\x7f\x9b😀\\u0041\"'</script>\n"})
    assert all(32 <= byte < 127 for byte in in_ascii(document))
    assert orjson.loads(in_ascii(document)) == orjson.loads(document)


async def _refusal_of(body: bytes) -> Refused:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(422, content=body))
    async with EngineClient("http://engine", "key", transport) as client:
        with pytest.raises(Refused) as refused:
            await client.once("GET", "/v1/limits")
    return refused.value


def test_the_client_keeps_so_much_of_a_refusal_and_says_that_there_was_more() -> None:
    import asyncio

    short = asyncio.run(_refusal_of(b"x" * BODY_CHARS_MAX))
    assert short.body == "x" * BODY_CHARS_MAX
    long = asyncio.run(_refusal_of(b"x" * 1_000_000))
    assert long.body == "x" * BODY_CHARS_MAX + " ... 996000 more"
    assert "\x1b" not in str(asyncio.run(_refusal_of(b"\x1b[2J")))
