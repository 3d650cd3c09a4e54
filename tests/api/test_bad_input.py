"""What no caller should send: the documented error each time, nothing changes, never a 500."""

import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
import pyarrow as pa
import pytest

from api import shapes
from tests.api.box import BOUND_S, Box, fresh
from tests.api.test_commands import ARROW, post_arrow, receive, sell, stream
from tests.api.test_encode import arrow_table


def post_raw(box: Box, body: bytes, path: str = "/v1/commands", **headers: str) -> Any:
    return box.call(
        "POST", path, content=body, headers={"Content-Type": "application/json", "Idempotency-Key": "", **headers}
    )


def problem_of(answer: Any) -> tuple[int, str, str | None]:
    """(status, code, path), after checking the document itself."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = msgspec.json.decode(answer.content, type=shapes.Problem)
    assert problem.status == answer.status_code
    assert problem.title
    return problem.status, problem.code, problem.path or None if problem.path is not msgspec.UNSET else None


@pytest.fixture(autouse=True)
def nothing_changes(box: Box) -> Iterator[None]:
    """Around every test."""
    before = [box.get(f"/v1/stock/{sku}") for sku in ("TEE-M", "TEE-L", "CHEESE")]
    yield
    assert [box.get(f"/v1/stock/{sku}") for sku in ("TEE-M", "TEE-L", "CHEESE")] == before


def with_quantity(text: str) -> bytes:
    """A receipt, alone, whose quantity is this text."""
    return b'{"id":"%s","kind":"receive","sku":"CHEESE","warehouse":"hamburg","quantity":%s}' % (
        fresh().encode(),
        text.encode(),
    )


NOT_JSON: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("blanks", b"  \n"),
    ("a word", b"hello"),
    ("cut off", b'{"id":"x","kind":"recei'),
    ("cut off in an array", b'[{"id":"x","kind":"receive","sku":"TEE-M"'),
    ("a comma too many", b'[{"id":"x","kind":"confirm","reservation":"r"},]'),
    ("more behind it", b'{"id":"x","kind":"confirm","reservation":"r"} {}'),
    ("not UTF-8", b'{"kind":"confirm","reservation":"r","id":"\xff\xfe"}'),
    ("half a surrogate", b'{"id":"\\ud800"}'),
    ("a bare control character", b'{"id":"a\x01b"}'),
    ("single quotes", b"{'id':'x'}"),
    ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("a quantity 10^5 deep", b'{"id":"x","kind":"confirm","reservation":"r","quantity":' + b"[" * 100_000),
]


@pytest.mark.parametrize("body", [row[1] for row in NOT_JSON], ids=[row[0] for row in NOT_JSON])
def test_what_is_not_json_is_a_400(box: Box, body: bytes) -> None:
    status, code, _ = problem_of(post_raw(box, body))
    assert (status, code) in ((400, "invalid_json"), (422, "invalid_request")), code
    if b"quantity" not in body:
        assert code == "invalid_json"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":', b'{"lines":['])
@pytest.mark.parametrize("path", ["/v1/commands", "/v1/reservations", "/v1/stock:query", "/v1/reservations/r1/release"])
def test_json_100000_deep_is_refused_at_once(box: Box, path: str, opening: bytes) -> None:
    status, code, _ = problem_of(
        post_raw(box, opening * (200_000 // len(opening)), path, **{"Idempotency-Key": fresh()})
    )
    assert (status, code) in ((400, "invalid_json"), (422, "invalid_request"))


NUMBERS: list[tuple[str, str, str]] = [
    ("true", "invalid_request", "$.quantity"),
    ('"5"', "invalid_request", "$.quantity"),
    ("null", "invalid_request", "$.quantity"),
    ("[1]", "invalid_request", "$.quantity"),
    ("NaN", "invalid_request", "$.quantity"),
    ("Infinity", "invalid_request", "$.quantity"),
    ("-Infinity", "invalid_request", "$.quantity"),
    ("0.0001", "invalid_request", "$.quantity"),
    ("1.0005", "invalid_request", "$.quantity"),
    ("1e-4", "invalid_request", "$.quantity"),
    ("1e-400", "invalid_request", "$.quantity"),
    ("1" * 5000, "invalid_request", "$.quantity"),
    ("1e99999999999999999999", "invalid_request", "$"),
]


@pytest.mark.parametrize(("text", "code", "path"), NUMBERS, ids=[row[0][:24] for row in NUMBERS])
def test_what_is_no_quantity_is_refused_with_its_path(box: Box, text: str, code: str, path: str) -> None:
    assert problem_of(post_raw(box, with_quantity(text))) == (422, code, path)
    in_array = b"[" + with_quantity("1") + b"," + with_quantity(text) + b"]"
    found = problem_of(post_raw(box, in_array))
    assert found[:2] == (422, code)
    if path != "$":
        assert found[2] == "$[1].quantity"
    many = b"[" + b",".join([with_quantity("1")] * 40 + [with_quantity(text)]) + b"]"
    assert problem_of(post_raw(box, many))[:2] == (422, code)


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1e18", "-1", "-0", "-0.0", "0", "0e5", "1000000000001", "1" * 40])
def test_an_impossible_quantity_is_an_outcome(box: Box, text: str) -> None:
    answer = post_raw(box, with_quantity(text))
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["outcome"] == "invalid_quantity"


@pytest.mark.parametrize(
    ("text", "quantity"), [("5", 5), ("5.0", 5), ("5.000000", 5), ("1.250", 1.25), ("2e1", 20), ("1e-3", 0.001)]
)
def test_a_quantity_is_read_exactly(box: Box, text: str, quantity: float) -> None:
    (result,) = post_raw(box, with_quantity(text)).json()["results"]
    assert (result["outcome"], result["quantity"]) == ("ok", quantity)
    box.commands({"kind": "adjust", "sku": "CHEESE", "warehouse": "hamburg", "delta": -quantity, "reason": "undo"})


FIELDS: list[tuple[str, Any, int, str, str]] = [
    ("an unknown kind", {"id": "x", "kind": "explode"}, 422, "invalid_request", "$.kind"),
    ("no kind", {"id": "x"}, 422, "invalid_request", "$.kind"),
    ("a field too many", {"id": "x", **receive(), "colour": 1}, 422, "invalid_request", "$.colour"),
    ("a field missing", {"id": "x", "kind": "receive", "sku": "TEE-M"}, 422, "invalid_request", "$.warehouse"),
    ("an id of 65", {"id": "x" * 65, **receive()}, 422, "invalid_request", "$.id"),
    ("an id with a blank", {"id": "a b", **receive()}, 422, "invalid_request", "$.id"),
    ("an id with a slash", {"id": "a/b", **receive()}, 422, "invalid_request", "$.id"),
    ("an id with a dotless i", {"id": "ı", **receive()}, 422, "invalid_request", "$.id"),
    ("a number as id", {"id": 5, **receive()}, 422, "invalid_request", "$.id"),
    ("no id", receive(), 400, "id_missing", "$.id"),
    ("a control character", {"id": "x", **receive(reason="a\x1b[2J")}, 422, "invalid_request", "$.reason"),
    ("a bidi override", {"id": "x", **receive(reference="\u202etxt.exe")}, 422, "invalid_request", "$.reference"),
    ("a line separator", {"id": "x", **receive(source="a\u2028b")}, 422, "invalid_request", "$.source"),
    ("a NUL in a SKU", {"id": "x", **receive(sku="A\x00")}, 422, "invalid_request", "$.sku"),
    (
        "a time without a zone",
        {"id": "x", **receive(not_after="2026-01-01T00:00:00")},
        422,
        "invalid_request",
        "$.not_after",
    ),
    ("a time that is none", {"id": "x", **receive(occurred_at="yesterday")}, 422, "invalid_request", "$.occurred_at"),
    (
        "a time after the last year in UTC",
        {"id": "x", **receive(occurred_at="9999-12-31T23:59:59-01:00")},
        422,
        "invalid_request",
        "$.occurred_at",
    ),
    (
        "a time before the first year in UTC",
        [{"id": "y", **receive()}, {"id": "x", **receive(not_after="0001-01-01T00:00:00+01:00")}],
        422,
        "invalid_request",
        "$[1].not_after",
    ),
    ("money as a number", {"id": "x", **sell(unit_price=12.9)}, 422, "invalid_request", "$.unit_price"),
    (
        "money with a fraction",
        {"id": "x", **sell(unit_price={"amount": 1.5, "currency": "EUR"})},
        422,
        "invalid_request",
        "$.unit_price.amount",
    ),
    ("settled as a word", {"id": "x", **sell(settled="yes")}, 422, "invalid_request", "$.settled"),
    ("a list of lists", [[]], 422, "invalid_request", "$[0]"),
    ("a number", 5, 422, "invalid_request", "$"),
    ("a text", "x", 422, "invalid_request", "$"),
    ("null", None, 422, "invalid_request", "$"),
    (
        "a wrong row among right ones",
        [{"id": "y", **receive()}, {"id": "z", "kind": "receive"}],
        422,
        "invalid_request",
        "$[1].sku",
    ),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "path"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS]
)
def test_a_wrong_field_is_refused_with_its_path(box: Box, body: Any, status: int, code: str, path: str) -> None:
    assert problem_of(post_raw(box, json.dumps(body).encode())) == (status, code, path)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/reservations", {"channel": "shop", "ttl_s": 1, "lines": [{"sku": "TEE-M", "quantity": 1}]}),
        ("/v1/reservations/r1/confirm", {}),
        ("/v1/reservations/r1/extend", {"ttl_s": 1}),
        ("/v1/reservations/r1/release", {}),
        ("/v1/reservations/r1/fulfil", {}),
        ("/v1/commands", receive()),
    ],
)
@pytest.mark.parametrize(
    ("key", "status", "code"),
    [("", 400, "id_missing"), ("x" * 65, 422, "invalid_request"), ("a b", 422, "invalid_request")],
)
def test_an_idempotency_key_is_needed(box: Box, path: str, body: Any, key: str, status: int, code: str) -> None:
    answer = box.call("POST", path, json=body, headers={"Idempotency-Key": key})
    assert problem_of(answer)[:2] == (status, code)


# ---- sizes


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/v1/commands", 10_000_000),
        ("/v1/reservations", 300_000),
        ("/v1/stock:query", 300_000),
        ("/v1/reservations/r1/release", 10_000_000),
        ("/v1/products:batch", 10_000_000),
        ("/v1/products/TEE-M", 300_000),
        ("/v1/products/TEE-M", 10_000_000),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_a_413(box: Box, path: str, size: int, chunked: bool) -> None:
    body = b'[{"id":"' + b"x" * size + b'"}]'
    content: Any = iter([body[at : at + 65_536] for at in range(0, len(body), 65_536)]) if chunked else body
    method = "PUT" if path.startswith("/v1/products/") else "POST"
    answer = box.call(method, path, content=content, headers={"Content-Type": "application/json"})
    assert problem_of(answer)[:2] == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/warehouses/berlin", "DELETE, GET, PUT"),
        ("POST", "/v1/products", "GET"),
        ("GET", "/v1/products:batch", "POST"),
        ("PUT", "/v1/limits", "GET"),
        ("DELETE", "/v1/reservations", "GET, POST"),
    ],
)
def test_a_method_that_an_address_does_not_have_is_told_those_that_it_has(
    box: Box, method: str, path: str, allowed: str
) -> None:
    answer = box.call(method, path)
    assert (*problem_of(answer), answer.headers["allow"]) == (405, "method_not_allowed", None, allowed)


def test_one_command_may_not_use_the_size_of_an_array(box: Box) -> None:
    assert problem_of(post_raw(box, b'{"id":"' + b"x" * 300_000 + b'"}'))[:2] == (413, "too_large")


def test_a_body_of_almost_8_mb_is_read(box: Box) -> None:
    text = "x" * 255
    rows = [{"id": fresh("fat"), **sell(0, reference=text, group=f"{at:07}{text[7:]}")} for at in range(9_999)]
    body = orjson.dumps(rows)
    assert 6_000_000 < len(body) < 8_388_608
    results = post_raw(box, body).json()["results"]
    assert [result["outcome"] for result in results] == ["invalid_quantity"] * len(rows)


def test_a_caller_that_sends_nothing_is_not_waited_for_by_others(box: Box) -> None:
    host, port = box.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), BOUND_S) as slow:
        slow.sendall(
            b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            + box.admin.encode()
            + b"\r\nContent-Length: 100\r\n\r\n["
        )
        assert box.get("/health/live") == {"status": "live"}


# ---- Arrow


def arrow_body(**columns: Any) -> bytes:
    base = {
        "id": pa.array([fresh()]),
        "kind": pa.array(["receive"]),
        "sku": pa.array(["TEE-M"]),
        "warehouse": pa.array(["berlin"]),
        "quantity": pa.array([1], pa.int64()),
    }
    return stream(pa.table({name: array for name, array in {**base, **columns}.items() if array is not None}))


SCHEMAS: list[tuple[str, dict[str, Any], tuple[int, str, str]]] = [
    ("a float quantity", {"quantity": pa.array([1.0])}, (422, "invalid_request", "quantity")),
    ("a text quantity", {"quantity": pa.array(["1"])}, (422, "invalid_request", "quantity")),
    ("a column too many", {"colour": pa.array(["red"])}, (422, "invalid_request", "colour")),
    ("a number as id", {"id": pa.array([1])}, (422, "invalid_request", "id")),
    ("bytes as a SKU", {"sku": pa.array([b"TEE-M"])}, (422, "invalid_request", "sku")),
    ("a list as a SKU", {"sku": pa.array([["TEE-M"]])}, (422, "invalid_request", "sku")),
    ("times without a zone", {"not_after": pa.array([0], pa.timestamp("ms"))}, (422, "invalid_request", "not_after")),
    ("times in seconds", {"not_after": pa.array([0], pa.timestamp("s", "UTC"))}, (422, "invalid_request", "not_after")),
    (
        "a time beyond all years",
        {"occurred_at": pa.array([1 << 62], pa.timestamp("ms", "UTC"))},
        (422, "invalid_request", "$[0].occurred_at"),
    ),
    (
        "four decimals",
        {"quantity": pa.array(["1.0001"]).cast(pa.decimal128(10, 4))},
        (422, "invalid_request", "quantity"),
    ),
    ("no id", {"id": pa.array([None], pa.string())}, (400, "id_missing", "$[0].id")),
    ("no column of ids", {"id": None}, (400, "id_missing", "$[0].id")),
    ("no kind", {"kind": None}, (422, "invalid_request", "$[0].kind")),
    ("an unknown kind", {"kind": pa.array(["explode"])}, (422, "invalid_request", "$[0].kind")),
    ("no quantity", {"quantity": None}, (422, "invalid_request", "$[0].quantity")),
    ("a field of another kind", {"ttl_s": pa.array([5], pa.int32())}, (422, "invalid_request", "$[0].ttl_s")),
    ("a price without its currency", {"unit_cost": pa.array([5])}, (422, "invalid_request", "$[0].currency")),
    ("a bidi reason", {"reason": pa.array(["\u202ex"])}, (422, "invalid_request", "$[0].reason")),
]


@pytest.mark.parametrize(("columns", "problem"), [row[1:] for row in SCHEMAS], ids=[row[0] for row in SCHEMAS])
def test_a_wrong_arrow_schema_is_refused(box: Box, columns: dict[str, Any], problem: tuple[int, str, str]) -> None:
    assert problem_of(post_arrow(box, arrow_body(**columns))) == problem


def test_a_column_that_is_there_twice_is_refused(box: Box) -> None:
    table = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["id", "id"])
    assert problem_of(post_arrow(box, stream(table))) == (422, "invalid_request", "id")


def test_a_truncated_arrow_stream_is_refused_wherever_it_is_cut(box: Box) -> None:
    body = stream(arrow_table([{"id": fresh(), **receive()} for _ in range(3)]))
    end = len(body) - 8  # the end-of-stream mark may be missing
    for cut in [*range(0, end, 97), end - 1]:
        assert problem_of(post_arrow(box, body[:cut]))[:2] == (400, "invalid_arrow"), cut


def test_json_that_is_called_arrow_is_refused(box: Box) -> None:
    assert problem_of(post_arrow(box, b'{"id":"x"}'))[:2] == (400, "invalid_arrow")
    status, code, _ = problem_of(post_raw(box, arrow_body()))
    assert (status, code) == (400, "invalid_json")


def test_a_damaged_arrow_stream_is_never_a_500(box: Box) -> None:
    seed = 20_261_121
    chance = random.Random(seed)
    body = stream(
        arrow_table(
            [
                {
                    "id": fresh("arrow"),
                    "kind": "sell",
                    "sku": "NO-SUCH",
                    "warehouse": "berlin",
                    "quantity": 1,
                    "channel": "shop",
                }
                for _ in range(4)
            ]
        )
    )
    for attempt in range(120):
        damaged = bytearray(body)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        answer = post_arrow(box, bytes(damaged))
        assert answer.status_code in (200, 400, 413, 422), (seed, attempt, answer.text)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_stream_is_read_and_a_bomb_is_not(box: Box, compression: str) -> None:
    def compressed(table: Any) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    rows = [{"id": fresh(), **sell(0)} for _ in range(500)]
    answer = post_arrow(box, compressed(arrow_table(rows)))
    assert pa.ipc.open_stream(answer.content).read_all()["outcome"].to_pylist() == ["invalid_quantity"] * 500
    bomb = pa.table({"id": ["x" * 60] * 400_000})
    body = compressed(bomb)
    assert len(body) < 8_388_608
    assert problem_of(post_arrow(box, body))[:2] == (413, "too_large")


def test_more_than_ten_thousand_arrow_rows_are_too_many(box: Box) -> None:
    table = pa.table({"id": [f"x{at}" for at in range(10_001)]})
    assert problem_of(post_arrow(box, stream(table)))[:2] == (413, "too_large")


def test_arrow_wants_its_content_type(box: Box) -> None:
    answer = post_arrow(box, arrow_body(quantity=pa.array([0])), **{"Content-Type": f"{ARROW}; charset=binary"})
    assert answer.status_code == 200
