"""A table of nasty bytes against every endpoint that writes: the documented refusal, nothing changes, never a 500."""

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import orjson
import pyarrow as pa
import pytest

from api import shapes
from tests.api.box import Box, fresh
from tests.api.test_commands import ARROW, receive, stream
from tests.api.test_encode import arrow_table

R = "r" + "0" * 19
GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "/v1/commands": ("POST", {"id": "nasty", "kind": "receive", "sku": "TEE-M", "warehouse": "berlin", "quantity": 1}),
    "/v1/reservations": ("POST", {"channel": "shop", "ttl_s": 60, "lines": [{"sku": "TEE-M", "quantity": 1}]}),
    f"/v1/reservations/{R}/extend": ("POST", {"ttl_s": 60}),
    f"/v1/reservations/{R}/release": ("POST", {"lines": [{"line": 0, "quantity": 1}]}),
    f"/v1/reservations/{R}/fulfil": ("POST", {"lines": [{"line": 0, "quantity": 1}]}),
    "/v1/stock:query": ("POST", {"skus": ["TEE-M"]}),
    "/v1/warehouses/nasty": ("PUT", {"name": "N", "kind": "store", "priority": 1}),
    "/v1/channels/nasty": ("PUT", {"name": "N", "kind": "web", "warehouses": None}),
    "/v1/products/nasty": ("PUT", {"name": "N", "quantity_decimals": 0}),
    "/v1/keys/nasty": ("PUT", {"secret_sha256": "0" * 64, "client": "n", "scopes": ["read"]}),
}
"""Every endpoint that takes a body, and one it would take."""

Nasty = Callable[[bytes], bytes]
TEXTS: dict[str, Nasty] = {
    "nothing": lambda _: b"",
    "one bracket": lambda _: b"{",
    "cut in the middle": lambda good: good[: len(good) // 2],
    "more behind it": lambda good: good + b"{}",
    "a comma too many": lambda good: good[:-1] + b",}",
    "a comment": lambda good: b"/* x */" + good,
    "a byte order mark": lambda good: b"\xef\xbb\xbf" + good,
    "UTF-16": lambda good: good.decode().encode("utf-16"),
    "a NUL": lambda good: good + b"\0",
    "overlong UTF-8 for a quote": lambda good: good.replace(b'"', b"\xc0\xa2", 1),
    "overlong UTF-8 in a text": lambda _: b'{"name":"\xc1\x81","id":"\xe0\x80\x80"}',
    "half of a surrogate pair": lambda _: b'{"name":"\\ud800","id":"\\udfff x"}',
    "a surrogate as bytes": lambda _: b'{"name":"\xed\xa0\x80"}',
    "beyond Unicode": lambda _: b'{"name":"\xf4\x90\x80\x80"}',
    "10^5 brackets": lambda _: b"[" * 100_000,
    "10^5 brackets and their ends": lambda _: b"[" * 100_000 + b"]" * 100_000,
    "10^5 objects": lambda _: b'{"lines":' * 100_000,
    "10^5 levels in an unknown field": lambda good: good[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number": lambda _: b"1e400",
    "NaN": lambda _: b"NaN",
    "a text": lambda _: b'"x"',
    "null": lambda _: b"null",
    "true": lambda _: b"true",
    "a list of itself": lambda good: b"[[" + good + b"]]",
    "an unknown field": lambda good: good[:-1] + b',"__proto__":{"admin":true},"constructor":1}',
    "numbers beyond any size": lambda _: (
        b'{"ttl_s":1e999999999,"priority":1e999999999,"quantity_decimals":1e999999999}'
    ),
    "a million digits": lambda _: b'{"ttl_s":' + b"9" * 200_000 + b"}",
}
FIELDS: dict[str, bytes] = {
    "NaN": b"NaN",
    "1e400": b"1e400",
    "-1e400": b"-1e400",
    "minus zero": b"-0.0",
    "a fraction": b"0.00001",
    "2^63": b"9223372036854775808",
    "2^64": b"18446744073709551616",
    "true": b"true",
    "a text of digits": b'"1"',
    "an object": b"{}",
    "null in a list": b"[null]",
    "65 characters": b'"' + b"x" * 65 + b'"',
    "a line break": b'"a\\nb"',
    "an escape": b'"\\u001b[2J"',
    "a bidi override": b'"\\u202ex"',
    "a NUL": b'"\\u0000"',
    "a path": b'"../../etc/passwd"',
    "SQL": b'"\'; DROP TABLE products; --"',
    "a slash": b'"a/b"',
    "nothing": b'""',
}
"""Put in the place of every value, one at a time."""


@pytest.fixture(autouse=True)
def nothing_changes(box: Box) -> Iterator[None]:
    """Around every test."""

    def state() -> list[Any]:
        places = [box.get(f"/v1/{each}", params={"limit": 1000}) for each in ("warehouses", "channels", "products")]
        stock = [box.get(f"/v1/stock/{sku}") for sku in ("TEE-M", "TEE-L", "CHEESE")]
        return [*places, *stock, sum(each["revoked_at"] is None for each in box.get("/v1/keys")["items"])]

    before = state()
    yield
    assert state() == before


def refused(answer: Any) -> None:
    """As the page says, with a problem document."""
    assert answer.status_code in (400, 404, 409, 413, 422), (answer.status_code, answer.text)
    problem = msgspec.json.decode(answer.content, type=shapes.Problem)
    assert problem.status == answer.status_code


def send(box: Box, path: str, body: bytes, media: str = "application/json") -> Any:
    key = "" if path == "/v1/commands" and body[:1] in b"[{" else fresh("nasty")
    return box.call(GOOD[path][0], path, content=body, headers={"Content-Type": media, "Idempotency-Key": key})


@pytest.mark.parametrize("path", GOOD)
def test_texts_that_are_no_such_body(box: Box, path: str) -> None:
    for name, nasty in TEXTS.items():
        if name == "nothing" and path.endswith(("release", "fulfil")):
            continue  # all that remains
        answer = send(box, path, nasty(orjson.dumps(GOOD[path][1])))
        if name == "an unknown field" and "/products/" in path:
            assert answer.status_code in (201, 422)  # a product keeps what it does not know
            box.call("DELETE", path)
        else:
            refused(answer)


def holes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inside in items:
        yield (*path, name)
        yield from holes(inside, (*path, name))


def filled(value: Any, path: tuple[Any, ...], filling: bytes) -> bytes:
    copy = orjson.loads(orjson.dumps(value))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "@@hole@@"
    return orjson.dumps(copy).replace(b'"@@hole@@"', filling)


@pytest.mark.parametrize("path", GOOD)
def test_values_that_cannot_be_in_any_field(box: Box, path: str) -> None:
    for hole in holes(GOOD[path][1]):
        for name, filling in FIELDS.items():
            if name == "a text of digits" and hole in (("id",), ("client",)):
                continue  # a good one
            answer = send(box, path, filled(GOOD[path][1], hole, filling))
            assert answer.status_code < 500, (hole, name, answer.text)
            if answer.status_code in (200, 201):
                undo(box, path, answer, (hole, name))
            else:
                refused(answer)


def undo(box: Box, path: str, answer: Any, what: Any) -> None:
    """Some of these are good somewhere: a name may be SQL, and a quantity of nothing is an outcome."""
    if path.startswith("/v1/commands"):
        assert {each["outcome"] for each in answer.json()["results"]} != {"ok"}, what
    elif path == "/v1/reservations" or path.startswith("/v1/keys"):
        raise AssertionError(what)
    elif not path.startswith("/v1/stock"):
        assert box.call("DELETE", path).status_code == 204


@pytest.mark.parametrize("path", [path for path in GOOD if "commands" not in path and "query" not in path])
def test_a_field_that_is_there_twice_is_one_or_the_other_and_never_both(box: Box, path: str) -> None:
    good = orjson.dumps(GOOD[path][1])
    first = next(iter(GOOD[path][1]))
    answer = send(box, path, good[:-1] + b',"%s":[{"x":1e400}]}' % first.encode())
    refused(answer)


# ---- Arrow


def arrow(**columns: Any) -> bytes:
    base = {"id": [fresh()], "kind": ["receive"], "sku": ["TEE-M"], "warehouse": ["berlin"], "quantity": [1]}
    return stream(pa.table({**base, **columns}))


def nested(depth: int) -> Any:
    kind = pa.int64()
    for _ in range(depth):
        kind = pa.list_(kind)
    return pa.array([None], kind)


def with_lengths(value: int) -> Iterator[bytes]:
    """A good stream in which each aligned word in turn is a huge or negative length."""
    body = stream(arrow_table([{"id": fresh(), **receive()} for _ in range(2)]))
    for at in range(0, len(body) - 8, 40):
        yield body[:at] + struct.pack("<q", value) + body[at + 8 :]


ARROWS: dict[str, Callable[[], bytes]] = {
    "nested 60 deep": lambda: arrow(quantity=nested(60)),
    "a struct as an id": lambda: arrow(id=pa.array([{"a": 1}])),
    "a map as an id": lambda: arrow(id=pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))),
    "a union": lambda: arrow(id=pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array(["x"])], ["a"], [0])),
    "a column of nulls as a kind": lambda: arrow(kind=pa.nulls(1)),
    "run-end encoded": lambda: arrow(sku=pa.RunEndEncodedArray.from_arrays([1], ["TEE-M"])),
    "views of texts": lambda: arrow(sku=pa.array(["TEE-M"], pa.string_view())),
    "a dictionary of dictionaries": lambda: arrow(
        sku=pa.DictionaryArray.from_arrays([0], pa.array(["TEE-M"]).dictionary_encode())
    ),
    "a dictionary of numbers": lambda: arrow(sku=pa.DictionaryArray.from_arrays([0], pa.array([1]))),
    "an index outside its dictionary": lambda: arrow(
        sku=pa.DictionaryArray.from_arrays(pa.array([7], pa.int32()), pa.array(["TEE-M"]), safe=False)
    ),
    "a negative index": lambda: arrow(
        sku=pa.DictionaryArray.from_arrays(pa.array([-1], pa.int32()), pa.array(["TEE-M"]), safe=False)
    ),
    "decimal256": lambda: arrow(quantity=pa.array([1]).cast(pa.decimal256(40, 0))),
    "half a float": lambda: arrow(quantity=pa.array([1.0]).cast(pa.float16())),
    "bad UTF-8": lambda: arrow(
        reference=pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<ii", 0, 2)), pa.py_buffer(b"\xff\xfe"))
    ),
    "an id of 65": lambda: arrow(id=["x" * 65]),
    "no rows and no columns": lambda: stream(pa.table({})) + b"x",
    "ten thousand columns": lambda: stream(pa.table({f"c{at}": [1] for at in range(10_000)})),
}


@pytest.mark.parametrize("make", ARROWS.values(), ids=ARROWS)
def test_arrow_that_is_no_table_of_commands(box: Box, make: Callable[[], bytes]) -> None:
    answer = send(box, "/v1/commands", make(), ARROW)
    if answer.status_code != 200:
        refused(answer)
    else:
        assert make is ARROWS["no rows and no columns"]


@pytest.mark.parametrize("value", [-1, 1 << 62, -(1 << 63), 1 << 31])
def test_lengths_in_an_arrow_stream_are_not_believed(box: Box, value: int) -> None:
    for body in with_lengths(value):
        broken = body.replace(b"TEE-M", b"GONE!")  # should it be readable after all, then of nothing that there is
        answer = send(box, "/v1/commands", broken, ARROW)
        assert answer.status_code in (200, 400, 413, 422), answer.text


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_bomb_may_be_in_a_dictionary_too(box: Box, compression: str) -> None:
    table = pa.table({"id": ["x"], "sku": pa.array(["y" * 60_000_000]).dictionary_encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    body = bytes(sink.getvalue())
    assert len(body) < 1_000_000
    answer = send(box, "/v1/commands", body, ARROW)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# ---- addresses, queries and heads

NASTY_WORDS = [
    "%00",
    "%0d%0aX:%20y",
    "%2e%2e%2f",
    "..%2fetc",
    "%ff%fe",
    "%c0%af",
    "a%20b",
    "%E2%80%AE",
    "%25",
    "%",
    "'--",
]


@pytest.mark.parametrize("word", [*NASTY_WORDS, "x" * 65])
def test_words_in_addresses_and_queries(box: Box, word: str) -> None:
    for path in ("/v1/stock/", "/v1/reservations/", "/v1/commands/", "/v1/products/", "/v1/warehouses/", "/v1/keys/"):
        for method in ("GET", "DELETE", "PUT", "POST"):
            answer = box.call(method, path + word, json={})
            assert answer.status_code in (400, 404, 405, 422), (method, path, answer.status_code)
    for path in (
        "/v1/feed?after=", "/v1/feed?limit=", "/v1/feed?sku=", "/v1/feed?kind=", "/v1/reservations?state=",
        "/v1/reservations?cursor=", "/v1/products?cursor=", "/v1/products?limit=", "/v1/stock/TEE-M?channel=",
    ):  # fmt: skip
        assert box.call("GET", path + word).status_code in (404, 422), path


def test_chance_finds_no_500(box: Box) -> None:
    seed = 20_261_122
    chance = random.Random(seed)
    for path in GOOD:
        good = orjson.dumps(GOOD[path][1])
        for attempt in range(25):
            body = bytearray(good.replace(b"TEE-M", b"GONE!").replace(b"nasty", fresh("n").encode()))
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(body))
                body[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
            answer = send(box, path, bytes(body))
            assert answer.status_code < 500, (seed, path, attempt, answer.text)
            if answer.status_code in (200, 201) and GOOD[path][0] == "PUT":
                box.call("DELETE", path)
