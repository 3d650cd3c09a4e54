"""Reports over HTTP: names and columns that programs outside rely on, every format, and one's own writes in them."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
import typer
from pyarrow import parquet
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from analytics.questions import MEDIA
from analytics.reports import REPORTS
from api import reports_cli
from tests.api.box import Box, fresh

COLUMNS = {
    "channel_sales": "channel period orders units gross discount returns net tax currency",
    "product_channels": "sku channel units net share",
    "stock_as_of": "sku warehouse on_hand reserved incoming available",
    "unmet_demand": "sku channel day requested obtained unmet",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """An engine with analytics, stocked."""
    made = Box(tmp_path_factory.mktemp("data"), analytics=True)
    made.stock_shop()
    yield made
    made.close()


def end_of_feed(box: Box) -> str:
    """The cursor behind everything that has happened."""
    cursor, page = "", box.get("/v1/feed?limit=1000")
    while page["events"]:
        cursor = page["next_cursor"]
        page = box.get("/v1/feed", params={"after": cursor, "limit": 1000})
    return cursor


def rows_of(box: Box, name: str, **asked: str) -> list[dict[str, Any]]:
    """The report's rows, with everything in them that has happened so far."""
    answer = box.get(f"/v1/reports/{name}", params={"after": end_of_feed(box), **asked})
    assert list(answer) == ["as_of", "columns", "rows"]
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]


def sell(sku: str, quantity: float, amount: int, **more: Any) -> dict[str, Any]:
    price = {"amount": amount, "currency": "EUR"}
    return {"kind": "sell", "sku": sku, "warehouse": "hamburg", "quantity": quantity, "unit_price": price, **more}


def test_the_promised_reports_have_the_promised_columns(shop: Box) -> None:
    for name, columns in COLUMNS.items():
        assert shop.get(f"/v1/reports/{name}")["columns"] == columns.split()
    listed = {item["name"]: item for item in shop.get("/v1/reports")["items"]}
    assert set(listed) == set(REPORTS) >= set(COLUMNS)
    for name, columns in COLUMNS.items():
        assert [column["name"] for column in listed[name]["columns"]] == columns.split()


def test_a_reader_has_its_own_writes(shop: Box) -> None:
    for sold in range(1, 6):
        assert shop.commands({**sell("TEE-M", 1, 500), "channel": "shop"})[0]["outcome"] == "ok"
        (row,) = rows_of(shop, "channel_sales", channel="shop")
        assert (row["units"], row["gross"], row["currency"]) == (sold, 500 * sold, "EUR")


def test_sales_and_returns_of_a_channel_by_product_group(shop: Box) -> None:
    shop.put("/v1/products/HAT", {"name": "Hat", "group": ["Clothes", "Heads"]})
    shop.put("/v1/channels/fair", {"name": "Fair", "kind": "market", "warehouses": None})
    sale, back = fresh(), {"amount": 1190, "currency": "EUR"}
    results = shop.commands(
        {"kind": "receive", "sku": "HAT", "warehouse": "hamburg", "quantity": 9},
        {**sell("HAT", 3, 1190), "id": sale, "channel": "fair", "tax_rate": 0.19, "discount": {**back, "amount": 370}},
        {"kind": "return", "sku": "HAT", "warehouse": "berlin", "quantity": 1, "channel": "shop", "original": sale}
        | {"unit_price": back, "tax_rate": 0.19},
    )
    assert [result["outcome"] for result in results] == ["ok"] * 3
    # 3 x 1190 = 3570, less 370 = 3200; tax 3200 x 19/119 = 510.9; the return 1190, tax 190; it was sold at the fair.
    assert rows_of(shop, "channel_sales", channel="fair", by="group") == [
        {"channel": "fair", "period": "Clothes / Heads", "orders": 1, "units": 3, "gross": 3570, "discount": 370}
        | {"returns": 1190, "net": 2010, "tax": 511 - 190, "currency": "EUR"}
    ]
    assert rows_of(shop, "channel_sales", group="Heads", by="week")[0]["net"] == 2010
    assert rows_of(shop, "product_channels", sku="HAT") == [
        {"sku": "HAT", "channel": "fair", "units": 3, "net": 2010, "share": 1.0}
    ]


def test_stock_as_of_now_is_the_stock(shop: Box) -> None:
    shop.post(
        "/v1/reservations", {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "TEE-L", "quantity": 7}]}, status=201
    )
    shop.commands({"kind": "expect", "sku": "TEE-L", "warehouse": "berlin", "delta": 40, "source": "po-7"})
    shop.commands({"kind": "configure", "sku": "TEE-L", "warehouse": "berlin", "safety_stock": 3, "floor": 2})
    (row,) = rows_of(shop, "stock_as_of", sku="TEE-L")
    now = shop.get("/v1/stock/TEE-L")
    (cell,) = now["cells"]
    assert row == {name: cell.get(name, "TEE-L") for name in COLUMNS["stock_as_of"].split()}
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert shop.get("/v1/stock/TEE-L", params={"as_of": later}) == now
    assert shop.get("/v1/stock/TEE-L", params={"as_of": "2020-01-01T00:00:00Z"}) == {
        "sku": "TEE-L",
        "on_hand": 0,
        "reserved": 0,
        "available": 0,
        "incoming": 0,
        "cells": [],
    }


def test_what_was_refused_is_unmet_until_the_same_customer_gets_it(shop: Box) -> None:
    def ask(reference: str, quantity: int, status: int) -> None:
        lines = [{"sku": "TEE-L", "quantity": quantity}]
        body = {"channel": "shop", "ttl_s": 600, "lines": lines, "reference": reference}
        shop.post("/v1/reservations", body, status=status)

    for _ in range(3):
        ask("cart-1", 5_000, 409)
    ask("cart-2", 4_000, 409)
    (row,) = rows_of(shop, "unmet_demand", sku="TEE-L")
    assert (row["channel"], row["requested"], row["obtained"], row["unmet"]) == ("shop", 9_000, 0, 9_000)
    ask("cart-2", 10, 201)
    (row,) = rows_of(shop, "unmet_demand", sku="TEE-L")
    assert (row["requested"], row["obtained"], row["unmet"]) == (9_000, 10, 8_990)


@pytest.mark.parametrize("name", MEDIA)
def test_every_format_says_the_same(shop: Box, name: str) -> None:
    asked = {"format": name, "after": end_of_feed(shop)}
    answer = shop.call("GET", "/v1/reports/stock_as_of", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA[name]
    wanted = [list(row.values()) for row in rows_of(shop, "stock_as_of")]
    assert len(wanted) > 3
    assert any(row[2] == 12.5 for row in wanted)
    found: list[list[Any]] = []
    match name:
        case "json":
            found = answer.json()["rows"]
        case "csv":
            head, *rows = csv.reader(io.StringIO(answer.text))
            assert head == COLUMNS["stock_as_of"].split()
            found = [[*row[:2], *map(float, row[2:])] for row in rows]
        case "xlsx":
            sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0)
            names, *found = sheet.to_python()
            assert names == COLUMNS["stock_as_of"].split()
        case "parquet":
            found = [list(row.values()) for row in parquet.read_table(io.BytesIO(answer.content)).to_pylist()]
        case "arrow":
            found = [list(row.values()) for row in pa.ipc.open_stream(answer.content).read_all().to_pylist()]
    assert found == wanted


def test_a_format_may_be_asked_for_by_accept(shop: Box) -> None:
    answer = shop.call("GET", "/v1/reports/stock_as_of", headers={"Accept": "text/csv, */*"})
    assert answer.headers["content-type"] == MEDIA["csv"]
    assert "stock_as_of.csv" in answer.headers["content-disposition"]
    assert shop.get("/v1/feed", params={"after": answer.headers["as-of-cursor"]})["events"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/reports/nonsense", 404, "not_found"),
        ("/v1/reports/channel_sales?by=decade", 422, "invalid_request"),
        ("/v1/reports/channel_sales?from=yesterday", 422, "invalid_request"),
        ("/v1/reports/channel_sales?from=2026-02-02&to=2026-02-01", 422, "invalid_request"),
        ("/v1/closings?from=2026-02-02&to=2026-02-01", 422, "invalid_request"),
        ("/v1/reports/channel_sales?at=2026-01-01T00:00:00Z", 422, "invalid_request"),
        ("/v1/reports/stock_as_of?at=2026-01-01T00:00:00", 422, "invalid_request"),
        ("/v1/reports/stock_as_of?format=pdf", 422, "invalid_request"),
        ("/v1/reports/stock_as_of?after=xyz", 422, "invalid_request"),
        ("/v1/stock/TEE-M?as_of=2026-01-01T00:00:00Z&channel=shop", 422, "invalid_request"),
        ("/v1/stock/TEE-M?as_of=9999-12-31T23:59:59-01:00", 422, "invalid_request"),
        ("/v1/stock/NONE?as_of=2026-01-01T00:00:00Z", 404, "unknown_sku"),
        ("/v1/explain/NONE/berlin", 404, "unknown_sku"),
        ("/v1/explain/TEE-M/nowhere", 404, "unknown_warehouse"),
        ("/v1/commands/never/explain", 404, "unknown_command"),
        ("/v1/products/NONE/suggestions", 404, "unknown_sku"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(shop: Box, path: str, status: int, code: str) -> None:
    answer = shop.call("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_limited_key_sees_the_figures_of_its_own_channel_only(shop: Box) -> None:
    key = shop.make_key("reports", client="partner", channels=["market"])
    assert shop.call("GET", "/v1/reports/channel_sales", key=key).status_code == 403
    assert shop.call("GET", "/v1/reports/channel_sales?channel=shop", key=key).status_code == 403
    assert shop.call("GET", "/v1/reports/channel_sales?channel=market", key=key).status_code == 200


def test_suggestions_are_what_was_bought_together(shop: Box) -> None:
    for _ in range(2):
        basket = [{**sell(sku, 1, 100), "channel": "shop", "group": "b"} for sku in ("TEE-M", "CHEESE")]
        assert [result["outcome"] for result in shop.commands(*basket)] == ["ok", "ok"]
    end = end_of_feed(shop)
    shop.get("/v1/reports/stock_as_of", params={"after": end})
    items = shop.get("/v1/products/TEE-M/suggestions?warehouse=hamburg&limit=1")["items"]
    assert [(item["sku"], item["orders"], item["available"]) for item in items] == [("CHEESE", 2, 10.5)]
    basket = [
        {**sell(sku, 1, 100), "channel": "shop", "group": "c", "warehouse": "berlin"} for sku in ("TEE-M", "TEE-L")
    ]
    assert [result["outcome"] for result in shop.commands(*basket)] == ["ok", "ok"]
    shop.get("/v1/reports/stock_as_of", params={"after": end_of_feed(shop)})
    first = shop.get("/v1/products/TEE-M/suggestions?limit=1")
    second = shop.get("/v1/products/TEE-M/suggestions", params={"limit": 1, "cursor": first["next_cursor"]})
    assert [item["sku"] for item in first["items"] + second["items"]] == ["CHEESE", "TEE-L"]
    assert second["next_cursor"] is None
    assert shop.get("/v1/products/HAT/suggestions")["items"] == []


def test_suggestions_are_filled_up_with_what_is_looked_at_in_the_same_group(shop: Box) -> None:
    for sku in ("MITT", "SCARF", "BERET", "TOQUE"):
        shop.put(f"/v1/products/{sku}", {"name": sku.title(), "group": ["Winter"]})
        shop.commands({"kind": "receive", "sku": sku, "warehouse": "berlin", "quantity": 9})
    basket = [
        {**sell(sku, 1, 100), "channel": "shop", "group": "w", "warehouse": "berlin"} for sku in ("MITT", "TOQUE")
    ]
    assert [result["outcome"] for result in shop.commands(*basket)] == ["ok", "ok"]
    today = datetime.now(UTC).date().isoformat()
    for channel, sku, counts in (("shop", "SCARF", {"views": 40}), ("market", "BERET", {"views": 2, "cart_adds": 1})):
        shop.post("/v1/interest", {"sku": sku, "channel": channel, "day": today, **counts})
    shop.get("/v1/reports/stock_as_of", params={"after": end_of_feed(shop)})
    items = shop.get("/v1/products/MITT/suggestions")["items"]
    names = ("sku", "because", "orders", "cart_adds", "views", "available")
    assert [tuple(item[name] for name in names) for item in items] == [
        ("TOQUE", "bought_together", 1, 0, 0, 8),
        ("BERET", "interest", 0, 1, 2, 9),
        ("SCARF", "interest", 0, 0, 40, 9),
    ]
    assert [item["sku"] for item in shop.get("/v1/products/MITT/suggestions?limit=2")["items"]] == ["TOQUE", "BERET"]


def test_how_far_the_analytics_are_is_a_metric(shop: Box) -> None:
    end_of_feed(shop)
    text = shop.call("GET", "/metrics").text
    assert "omnistock_analytics_up 1.0" in text
    assert 'omnistock_analytics_lag_seconds{shard="1"}' in text
    assert 'omnistock_analytics_behind_records{shard="0"}' in text


def test_without_analytics_reports_are_unavailable_and_the_stock_is_not(tmp_path: Any) -> None:
    box = Box(tmp_path, shards=1)
    try:
        box.stock_shop()
        answer = box.call("GET", "/v1/reports/stock_as_of")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert box.get("/v1/stock/TEE-M")["on_hand"] == 1500
        assert "omnistock_analytics_up 0.0" in box.call("GET", "/metrics").text
    finally:
        box.close()


@pytest.mark.parametrize("words", [["nope"], ["channel_sales", "by"], ["channel_sales", "by=year"]])
def test_a_report_that_there_is_not_is_wrong_usage(shop: Box, words: list[str]) -> None:
    app = typer.Typer()
    reports_cli.register(app)
    result = CliRunner().invoke(app, [*words, "--url", shop.url, "--key", shop.admin])
    assert result.exit_code == 2, result.output


def test_a_report_in_a_pipe_is_not_cut(shop: Box) -> None:
    app = typer.Typer()
    reports_cli.register(app)
    result = CliRunner().invoke(app, ["channel_comparison", "--url", shop.url, "--key", shop.admin])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == [each.name for each in REPORTS["channel_comparison"].columns]


def test_a_planner_asks_in_sql(shop: Box) -> None:
    shop.get("/v1/reports/stock_as_of", params={"after": end_of_feed(shop)})
    sql = {"sql": "select code, kind from warehouses order by code"}
    answer = shop.call("POST", "/v1/sql", json=sql)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"][:2] == [["berlin", "warehouse"], ["hamburg", "store"]]
    assert answer.headers["as-of-cursor"] == answer.json()["as_of"]["cursor"]
    assert shop.call("POST", "/v1/sql?format=csv", json=sql).text.startswith("code,kind\r\nberlin,warehouse\r\n")
    wrong = shop.call("POST", "/v1/sql", json={"sql": "drop table sales"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    tables = {item["name"]: item["columns"] for item in shop.get("/v1/sql")["items"]}
    assert [column["name"] for column in tables["clients"]] == ["client", "name"]
    limited = shop.make_key("reports", client="partner-sql", channels=["market"])
    assert shop.call("POST", "/v1/sql", key=limited, json=sql).status_code == 403
