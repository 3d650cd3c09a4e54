"""Stock as a reader sees it: cells, sums, channels, queries."""

import msgspec
import pytest

from api import shapes
from tests.api.box import Box
from tests.api.test_commands import receive


def test_sums_are_plain_sums_and_quarantine_is_not_available(box: Box) -> None:
    box.commands(
        receive(5, "TEE-L", "lost"),
        {"kind": "configure", "sku": "TEE-L", "warehouse": "berlin", "safety_stock": 10, "floor": 2},
        {"kind": "expect", "sku": "TEE-L", "warehouse": "hamburg", "delta": 40, "source": "PO-1"},
        {"kind": "reserve", "sku": "TEE-L", "quantity": 3, "channel": "shop", "ttl_s": 600, "warehouse": "berlin"},
    )
    answer = box.call("GET", "/v1/stock/TEE-L?channel=shop")
    stock = msgspec.json.decode(answer.content, type=shapes.Stock)
    cells = {cell.warehouse: cell for cell in stock.cells}
    assert cells["berlin"].available == cells["berlin"].on_hand - 3 - 10
    assert (cells["berlin"].floor, cells["lost"].on_hand, cells["hamburg"].incoming) == (2, 5, 40)
    for name in ("on_hand", "reserved", "incoming"):
        assert getattr(stock, name) == sum(getattr(cell, name) for cell in stock.cells)
    assert stock.available == cells["berlin"].available + cells["hamburg"].available
    assert stock.sellable == cells["berlin"].available + 2 + max(0, cells["hamburg"].available)


def test_a_product_without_stock_has_none(box: Box) -> None:
    box.put("/v1/products/NEW", {"name": "New", "quantity_decimals": 0})
    assert box.get("/v1/stock/NEW") == {
        "sku": "NEW", "on_hand": 0, "reserved": 0, "available": 0, "incoming": 0, "cells": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/stock/NO-SUCH", 404, "unknown_sku"),
        ("/v1/stock/TEE-M?channel=nobody", 404, "unknown_channel"),
        ("/v1/stock/a%20b", 422, "invalid_request"),
        ("/v1/stock/TEE-M?chanel=shop", 422, "invalid_request"),
        ("/v1/stock/TEE-M/cells", 404, "not_found"),
        ("/v1/stock/", 404, "not_found"),
        ("/v1/nothing", 404, "not_found"),
    ],
)
def test_what_is_not_there(box: Box, path: str, status: int, code: str) -> None:
    answer = box.call("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_query_answers_in_the_order_asked(box: Box) -> None:
    skus = ["CHEESE", "TEE-M", "NO-SUCH", "TEE-M", "TEE-L"]
    answer = box.call("POST", "/v1/stock:query", json={"skus": skus, "channel": "market"})
    items = msgspec.json.decode(answer.content, type=shapes.StockItems).items
    assert [item.sku for item in items] == skus
    assert items[1] == items[3]
    assert items[2].outcome == "unknown_sku"
    assert items[2].cells == []
    alone = box.get("/v1/stock/TEE-M?channel=market")
    assert box.post("/v1/stock:query", {"skus": ["TEE-M"], "channel": "market"})["items"] == [alone]


def test_a_query_has_its_limits(box: Box) -> None:
    assert box.post("/v1/stock:query", {"skus": []}) == {"items": []}
    assert len(box.post("/v1/stock:query", {"skus": ["TEE-M"] * 1000})["items"]) == 1000
    assert box.post("/v1/stock:query", {"skus": ["TEE-M"] * 1001}, status=413)["code"] == "too_large"
    assert box.post("/v1/stock:query", {"skus": ["TEE-M"], "channel": "x"}, status=404)["code"] == "unknown_channel"
    assert box.post("/v1/stock:query", {"skus": ["TEE-M", "a b"]}, status=422)["path"] == "$.skus[1]"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/stock/TEE-M"), ("GET", "/v1/stock:query"), ("PUT", "/v1/commands")]
)
def test_a_wrong_method_is_not_allowed(box: Box, method: str, path: str) -> None:
    answer = box.call(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] in ("GET", "POST")
