"""Who may call what: every endpoint with every scope, and the limits of a key."""

from typing import Any

import pytest
from fastapi import FastAPI

from actors.documents.keys import SCOPES
from api.asgi import Front
from api.operations import DIRECT
from api.security import SCOPE_OF_KIND
from engine.kinds import Kind
from tests.api.box import Box, fresh
from tests.api.test_commands import ARROW, stream
from tests.api.test_encode import arrow_table

R = "r" + "0" * 19
LINE = {"sku": "TEE-M", "quantity": 1}
NEW = {"channel": "shop", "ttl_s": 60, "lines": [LINE]}
CELL = {"sku": "TEE-M", "warehouse": "berlin"}
PLACES = (("warehouses", "berlin"), ("channels", "shop"), ("products", "TEE-M"))
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
ADMIN = frozenset({"admin"})
READ = frozenset({"read", "admin"})
STORE = frozenset({"store", "admin"})
DIGEST = "0" * 64
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
    *(("PUT", f"/v1/{plural}/not-made", {"name": ""}, ADMIN) for plural, _ in PLACES),
    *(("GET", f"/v1/{plural}/{code}", None, READ) for plural, code in PLACES),
    *(("GET", f"/v1/{plural}", None, READ) for plural, _ in PLACES),
    *(("DELETE", f"/v1/{plural}/never-made", None, ADMIN) for plural, _ in PLACES),
    ("POST", "/v1/products:batch", [], ADMIN),
    *(
        ("GET", path, None, frozenset({"reports", "admin"}))
        for path in (
            "/v1/reports",
            "/v1/reports/stock_as_of",
            "/v1/explain/TEE-M/berlin",
            "/v1/commands/never-sent/explain",
        )
    ),
    ("GET", "/v1/products/TEE-M/suggestions", None, frozenset({"read", "reports", "admin"})),
    ("PUT", "/v1/devices/not-made", {"kind": "receipt_printer"}, ADMIN),
    ("DELETE", "/v1/devices/never-made", None, ADMIN),
    *(
        ("GET", path, None, frozenset({"read", "store", "admin"}))
        for path in (
            "/v1/devices",
            "/v1/devices/never-made",
            "/v1/devices/never-made/jobs",
            "/v1/devices/never-made/jobs/j",
            "/v1/devices/never-made/jobs/j/picture",
            "/v1/feed/devices",
        )
    ),
    ("POST", "/v1/devices/never-made/jobs", {"id": "x", "kind": "open_drawer"}, STORE),
    ("POST", "/v1/devices/never-made/jobs/j/decide", {"printed": True}, STORE),
    ("GET", "/v1/devices/never-made/tape", None, ADMIN),
    ("POST", "/v1/devices/never-made/weigh", {"id": "x"}, STORE),
    ("PUT", "/v1/devices/never-made/shown", {"state": "idle"}, STORE),
    ("POST", "/v1/devices/never-made/new_receipt", None, STORE),
    ("GET", "/v1/sql", None, frozenset({"reports", "admin"})),
    ("POST", "/v1/sql", {"sql": ""}, frozenset({"reports", "admin"})),
    (
        "POST",
        "/v1/interest",
        {"sku": "TEE-M", "channel": "shop", "day": "never"},
        frozenset({"sell", "reserve", "admin"}),
    ),
    ("POST", "/v1/closings", {"day": "never"}, frozenset({"reports", "store", "admin"})),
    ("GET", "/v1/closings", None, frozenset({"reports", "store", "admin"})),
    ("GET", "/v1/closings/2020-01-01/berlin/shop", None, frozenset({"reports", "store", "admin"})),
    ("GET", "/v1/alerts", None, frozenset({"reports", "admin"})),
    *(
        ("POST", f"/v1/alerts/never-raised/{answer}", body, frozenset({"stock", "reports", "admin"}))
        for answer, body in (("acknowledge", {}), ("snooze", {"until": "2026-12-01T08:00:00Z"}))
    ),
    ("GET", "/v1/keys", None, ADMIN),
    ("PUT", "/v1/keys/not-made", {"secret_sha256": DIGEST, "client": "x", "scopes": ["nothing"]}, ADMIN),
    ("DELETE", "/v1/keys/never-made", None, ADMIN),
]
OPEN = {"/", "/health/live", "/health/ready", "/docs", "/openapi.json"}
"""Without a key; and the page that leads to them, and what /docs loads."""
LIMITED: list[tuple[str, str, Any, str]] = [
    ("POST", "/v1/commands", {"kind": "receive", **CELL, "quantity": 1}, "warehouse"),
    ("POST", "/v1/commands", {"kind": "expect", **CELL, "delta": 1, "source": "PO"}, "warehouse"),
    ("POST", "/v1/commands", {"kind": "adjust", **CELL, "delta": 1, "reason": "found"}, "warehouse"),
    ("POST", "/v1/commands", {"kind": "configure", **CELL, "floor": 0}, "warehouse"),
    ("POST", "/v1/commands", {"kind": "transfer", **CELL, "to_warehouse": "hamburg", "quantity": 1}, "warehouse"),
    (
        "POST",
        "/v1/commands",
        {"kind": "transfer", "sku": "TEE-M", "warehouse": "hamburg", "to_warehouse": "berlin", "quantity": 1},
        "to_warehouse",
    ),
    ("POST", "/v1/commands", {"kind": "sell", **CELL, "quantity": 1, "channel": "market"}, "warehouse"),
    ("POST", "/v1/commands", {"kind": "return", **CELL, "quantity": 1, "channel": "market"}, "warehouse"),
    (
        "POST",
        "/v1/commands",
        {"kind": "sell", "sku": "TEE-M", "warehouse": "hamburg", "quantity": 1, "channel": "shop"},
        "channel",
    ),
    (
        "POST",
        "/v1/commands",
        {"kind": "return", "sku": "TEE-M", "warehouse": "hamburg", "quantity": 1, "channel": "shop"},
        "channel",
    ),
    (
        "POST",
        "/v1/commands",
        {"kind": "reserve", **CELL, "quantity": 1, "channel": "market", "ttl_s": 60},
        "warehouse",
    ),
    (
        "POST",
        "/v1/commands",
        {"kind": "reserve", "sku": "TEE-M", "quantity": 1, "channel": "market", "ttl_s": 60},
        "warehouse",
    ),
    (
        "POST",
        "/v1/commands",
        {"kind": "reserve", "sku": "TEE-M", "warehouse": "hamburg", "quantity": 1, "channel": "shop", "ttl_s": 60},
        "channel",
    ),
    ("POST", "/v1/commands", {"kind": "release", "reservation": R, "line": 0, "warehouse": "berlin"}, "warehouse"),
    ("POST", "/v1/commands", {"kind": "fulfil", "reservation": R, "line": 0, "warehouse": "berlin"}, "warehouse"),
    ("POST", "/v1/reservations", {**NEW, "channel": "shop"}, "channel"),
    ("POST", "/v1/reservations", {**NEW, "channel": "market"}, "lines[0].warehouse"),
    (
        "POST",
        "/v1/reservations",
        {**NEW, "channel": "market", "lines": [{**LINE, "warehouse": "hamburg"}, {**LINE, "warehouse": "berlin"}]},
        "lines[1].warehouse",
    ),
    ("POST", f"/v1/reservations/{R}/release", {"lines": [{"line": 0, "warehouse": "berlin"}]}, "lines[0].warehouse"),
    ("POST", f"/v1/reservations/{R}/fulfil", {"lines": [{"line": 0, "warehouse": "berlin"}]}, "lines[0].warehouse"),
]
"""What a key for channel `market` and warehouse `hamburg` may not name, and where it did."""


@pytest.fixture(scope="module")
def keys(box: Box) -> dict[str, str]:
    """One key for each scope, of one client each."""
    return {scope: box.make_key(scope, client=f"only-{scope}") for scope in SCOPES}


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    ENDPOINTS,
    ids=[
        f"{method} {path} {body.get('kind', '') if isinstance(body, dict) else ''}"
        for method, path, body, _ in ENDPOINTS
    ],
)
def test_an_endpoint_wants_its_scope(
    box: Box, keys: dict[str, str], method: str, path: str, body: Any, allowed: frozenset[str]
) -> None:
    if isinstance(body, dict) and "id" in body:
        body = {**body, "id": fresh()}
    for scope, key in keys.items():
        headers = {"Idempotency-Key": body["id"] if isinstance(body, dict) and "id" in body else fresh()}
        answer = box.call(method, path, key=key, json=body, headers=headers)
        if scope in allowed:
            assert answer.status_code not in (401, 403), (scope, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), scope


@pytest.mark.parametrize(
    ("method", "path"),
    sorted({(method, path) for method, path, _, _ in ENDPOINTS}),
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


def test_every_operation_has_its_row(box: Box) -> None:
    """A new endpoint without a row here fails: of FastAPI's own routes, of the direct ones, and of the page."""
    assert box.server is not None
    rows = {(method, shape_of(path)) for method, path, _, _ in ENDPOINTS}
    direct = {(route.method, shape_of(route.path)) for route in DIRECT}
    assert direct <= rows
    page = box.call("GET", "/openapi.json").json()["paths"]
    shown = {(method.upper(), shape_of(path)) for path, operations in page.items() for method in operations}
    assert {(method, path) for method, path in shown if path not in OPEN} == rows


def test_no_route_is_hidden_from_the_page(box: Box) -> None:
    """What FastAPI serves beside the page's operations is the page itself and what it loads."""
    assert box.server is not None
    page = box.call("GET", "/openapi.json").json()["paths"]
    front = box.server.config.loaded_app
    assert isinstance(front, Front)
    assert isinstance(front.behind, FastAPI)
    included = [getattr(route, "original_router", None) for route in front.behind.routes]
    routes = [route for router in (front.behind, *filter(None, included)) for route in router.routes]
    for path in filter(None, (getattr(route, "path", None) for route in routes)):
        assert path in page or path in OPEN or path.startswith("/docs/"), path


def shape_of(path: str) -> str:
    """/v1/stock/{sku} and /v1/stock/TEE-M -> /v1/stock/*; some have names of two or three parts, or a device's job."""
    parts = path.split("/")
    if parts[2:3] in (["explain"], ["closings"]):
        return "/".join([*parts[:3], *("*" for _ in parts[3:])])
    if parts[2:3] == ["devices"]:
        parts[5:6] = ["*"] * len(parts[5:6])
    return "/".join([*parts[:3], "*", *parts[4:]] if len(parts) > 3 else parts)


@pytest.mark.parametrize("form", ["alone", "in an array", "as Arrow"])
@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    LIMITED,
    ids=[f"{path} {body.get('kind', '')} {field}" for _, path, body, field in LIMITED],
)
def test_a_limited_key_may_not_name_another_place(
    box: Box, limited: str, method: str, path: str, body: Any, field: str, form: str
) -> None:
    if path != "/v1/commands":
        answer = box.call(method, path, key=limited, json=body)
        prefix = "$."
    elif form == "as Arrow":
        table = stream(arrow_table([{"id": fresh(), **body}]))
        answer = box.call(method, path, key=limited, content=table, headers={"Content-Type": ARROW})
        prefix = "$[0]."
    else:
        command = {"id": fresh(), **body}
        sent = command if form == "alone" else [command]
        answer = box.call(method, path, key=limited, json=sent, headers={"Idempotency-Key": ""})
        prefix = "$." if form == "alone" else "$[0]."
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
    assert answer.json()["path"] == prefix + field


@pytest.fixture(scope="module")
def limited(box: Box) -> str:
    """A key for one channel and one warehouse, with every scope but `admin`."""
    scopes = [scope for scope in SCOPES if scope != "admin"]
    return box.make_key(*scopes, client="limited", channels=["market"], warehouses=["hamburg"])


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
