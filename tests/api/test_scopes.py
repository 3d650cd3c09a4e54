"""Who may call what: every endpoint with every scope, and the limits of a key."""

from typing import Any

import pytest

from actors.documents.keys import SCOPES
from api.security import SCOPE_OF_KIND
from engine.kinds import Kind
from tests.api.box import Box, fresh

R = "r" + "0" * 19
LINE = {"sku": "TEE-M", "quantity": 1}
NEW = {"channel": "shop", "ttl_s": 60, "lines": [LINE]}
CELL = {"sku": "TEE-M", "warehouse": "berlin"}
BY_KIND: dict[Kind, dict[str, Any]] = {
    Kind.RECEIVE: {**CELL, "quantity": 1},
    Kind.EXPECT: {**CELL, "delta": 1, "source": "PO"},
    Kind.ADJUST: {**CELL, "delta": 1, "reason": "found"},
    Kind.TRANSFER: {**CELL, "to_warehouse": "hamburg", "quantity": 1},
    Kind.CONFIGURE: {**CELL, "floor": 0},
    Kind.SELL: {**CELL, "quantity": 1, "channel": "shop"},
    Kind.RETURN: {**CELL, "quantity": 1, "channel": "shop"},
    Kind.RESERVE: {"sku": "TEE-M", "quantity": 1, "channel": "shop", "ttl_s": 60},
    Kind.CONFIRM: {"reservation": R},
    Kind.RELEASE: {"reservation": R},
    Kind.FULFIL: {"reservation": R},
    Kind.EXTEND: {"reservation": R, "ttl_s": 60},
}
ANY = frozenset(SCOPES)
ENDPOINTS: list[tuple[str, str, Any, frozenset[str]]] = [
    ("GET", "/v1/limits", None, ANY),
    ("GET", "/metrics", None, frozenset({"read", "reports", "admin"})),
    ("GET", "/v1/stock/TEE-M", None, frozenset({"read", "admin"})),
    ("POST", "/v1/stock:query", {"skus": ["TEE-M"]}, frozenset({"read", "admin"})),
    ("GET", "/v1/feed", None, frozenset({"read", "admin"})),
    ("GET", "/v1/reservations", None, frozenset({"read", "reserve", "admin"})),
    ("GET", f"/v1/reservations/{R}", None, frozenset({"read", "reserve", "admin"})),
    ("GET", "/v1/commands/never-sent", None, frozenset({"read", "reserve", "stock", "sell", "admin"})),
    ("POST", "/v1/reservations", NEW, frozenset({"reserve", "admin"})),
    ("POST", f"/v1/reservations/{R}/confirm", {}, frozenset({"reserve", "admin"})),
    ("POST", f"/v1/reservations/{R}/extend", {"ttl_s": 60}, frozenset({"reserve", "admin"})),
    ("POST", f"/v1/reservations/{R}/release", {}, frozenset({"reserve", "admin"})),
    ("POST", f"/v1/reservations/{R}/fulfil", {}, frozenset({"reserve", "admin"})),
    *(
        ("POST", "/v1/commands", {"id": "x", "kind": kind.text, **fields}, frozenset({SCOPE_OF_KIND[kind], "admin"}))
        for kind, fields in BY_KIND.items()
    ),
]


@pytest.fixture(scope="module")
def keys(box: Box) -> dict[str, str]:
    """One key for each scope, of one client each."""
    return {scope: box.make_key(scope, client=f"only-{scope}") for scope in SCOPES}


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    ENDPOINTS,
    ids=[f"{method} {path} {(body or {}).get('kind', '')}" for method, path, body, _ in ENDPOINTS],
)
def test_an_endpoint_wants_its_scope(
    box: Box, keys: dict[str, str], method: str, path: str, body: Any, allowed: frozenset[str]
) -> None:
    if isinstance(body, dict) and "id" in body:
        body = {**body, "id": fresh()}
    for scope, key in keys.items():
        headers = {"Idempotency-Key": body["id"] if body and "id" in body else fresh()}
        answer = box.call(method, path, key=key, json=body, headers=headers)
        if scope in allowed:
            assert answer.status_code not in (401, 403), (scope, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), scope


@pytest.mark.parametrize(
    ("method", "path"),
    sorted(
        {(method, path) for method, path, _, _ in ENDPOINTS} | {("PUT", "/v1/warehouses/x"), ("GET", "/v1/products")}
    ),
)
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer os_" + "0" * 16 + "_" + "0" * 64]
)
def test_without_a_valid_key_nothing_is_told(box: Box, method: str, path: str, header: str) -> None:
    answer = box.call(method, path, json={}, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_some_pages_want_no_key(box: Box, path: str) -> None:
    assert box.call("GET", path, headers={"Authorization": ""}).status_code == 200


def test_one_row_without_its_scope_refuses_all(box: Box, keys: dict[str, str]) -> None:
    before = box.get("/v1/stock/TEE-M")
    rows = [{"id": fresh(), "kind": kind, **BY_KIND[Kind[kind.upper()]]} for kind in ("sell", "receive")]
    answer = box.call("POST", "/v1/commands", key=keys["sell"], json=rows)
    assert answer.status_code == 403
    assert box.get("/v1/stock/TEE-M") == before


def test_settled_wants_the_scope_of_store_boxes(box: Box, keys: dict[str, str]) -> None:
    row = {"kind": "sell", **BY_KIND[Kind.SELL], "settled": True}
    assert (
        box.call(
            "POST", "/v1/commands", key=keys["sell"], json={"id": fresh(), **row}, headers={"Idempotency-Key": ""}
        ).status_code
        == 403
    )
    store_box = box.make_key("sell", "store", client="store-17")
    assert box.commands(row, key=store_box)[0]["outcome"] == "ok"


def test_a_key_is_held_to_its_channels_and_warehouses(box: Box) -> None:
    key = box.make_key("reserve", "sell", channels=["market"], warehouses=["hamburg"], client="market-17")
    sale = {"kind": "sell", "sku": "TEE-M", "quantity": 1, "channel": "market", "warehouse": "hamburg"}
    assert box.commands(sale, key=key)[0]["outcome"] == "ok"
    for elsewhere in ({"warehouse": "berlin"}, {"channel": "shop"}):
        answer = box.call("POST", "/v1/commands", key=key, json=[{"id": fresh(), **sale, **elsewhere}])
        assert (answer.status_code, answer.json()["path"]) == (403, f"$[0].{next(iter(elsewhere))}")
    sourced = {"channel": "market", "ttl_s": 60, "lines": [LINE]}
    assert box.post("/v1/reservations", sourced, key=key, status=403)["path"] == "$.lines[0].warehouse"


def test_reservations_belong_to_their_client_and_the_admin(box: Box, keys: dict[str, str]) -> None:
    mine = box.post("/v1/reservations", NEW, key=keys["reserve"], status=201)["reservation"]
    stranger = box.make_key("reserve", client="somebody-else")
    same_client = box.make_key("reserve", client="only-reserve")
    assert box.call("GET", f"/v1/reservations/{mine}", key=stranger).status_code == 404
    assert box.post(f"/v1/reservations/{mine}/release", key=stranger, status=404)["code"] == "unknown_reservation"
    assert mine not in [each["reservation"] for each in box.get("/v1/reservations", key=stranger)["items"]]
    assert box.get(f"/v1/reservations/{mine}", key=same_client)["state"] == "held"
    assert box.get(f"/v1/reservations/{mine}")["state"] == "held"
    assert box.post(f"/v1/reservations/{mine}/release")["state"] == "released"


def test_ids_belong_to_their_client(box: Box, keys: dict[str, str]) -> None:
    command_id = fresh()
    for scope in ("stock", "admin"):
        (result,) = box.commands({"id": command_id, "kind": "receive", **BY_KIND[Kind.RECEIVE]}, key=keys[scope])
        assert result["outcome"] == "ok"
    assert box.call("GET", f"/v1/commands/{command_id}", key=keys["sell"]).status_code == 404
