"""Explanations over HTTP: what a figure is made of, why a line was refused, or taken from where it was."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.box import Box, fresh
from tests.api.test_reports import end_of_feed


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """An engine with analytics, stocked."""
    made = Box(tmp_path_factory.mktemp("data"), analytics=True)
    made.stock_shop()
    yield made
    made.close()


def test_a_figure_is_explained_by_what_it_is_made_of(shop: Box) -> None:
    shop.put("/v1/products/SCARF", {"name": "Scarf"})
    at = {"sku": "SCARF", "warehouse": "berlin"}
    shop.commands({"kind": "receive", **at, "quantity": 300})
    for quantity in (7, 10):
        lines = [{"sku": "SCARF", "quantity": quantity}]
        shop.post("/v1/reservations", {"channel": "shop", "ttl_s": 600, "lines": lines}, status=201)
    shop.commands({"kind": "expect", **at, "delta": 40, "source": "po-7"})
    shop.commands({"kind": "configure", **at, "safety_stock": 3, "floor": 2})
    told = shop.get("/v1/explain/SCARF/berlin", params={"after": end_of_feed(shop)})
    assert told["checked"] is True
    assert told["on_hand"] == 300
    assert told["kinds"][-2:] == [
        {"kind": "receive", "entries": 1, "on_hand": 300, "reserved": 0, "incoming": 0},
        {"kind": "reserve", "entries": 2, "on_hand": 0, "reserved": 17, "incoming": 0},
    ], told
    assert [(hold["quantity"], hold["state"], hold["channel"]) for hold in told["holds"]] == [
        (7, "held", "shop"),
        (10, "held", "shop"),
    ]
    assert told["sources"] == [{"source": "po-7", "quantity": 40}]
    assert (told["safety_stock"], told["floor"], told["available"]) == (3, 2, 280)
    before = shop.get("/v1/explain/SCARF/berlin?as_of=2020-01-01T00:00:00Z")
    assert (before["on_hand"], before["entries"], before["checked"]) == (0, [], True)


def test_a_refusal_and_a_choice_of_places_are_explained(shop: Box) -> None:
    shop.put("/v1/products/CAP", {"name": "Cap"})
    for place, quantity in (("berlin", 5), ("hamburg", 9)):
        shop.commands({"kind": "receive", "sku": "CAP", "warehouse": place, "quantity": quantity})
    taken, refused = fresh(), fresh()
    for command_id, quantity, status in ((taken, 8, 201), (refused, 8, 409)):
        body = {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "CAP", "quantity": quantity}]}
        shop.post("/v1/reservations", body, status=status, headers={"Idempotency-Key": command_id})
    shop.get("/v1/reports/stock_as_of", params={"after": end_of_feed(shop)})
    (line,) = shop.get(f"/v1/commands/{taken}/explain")["lines"]
    assert (line["because"], line["taken_from"]) == ("one_place", [{"warehouse": "hamburg", "quantity": 8}])
    assert [(place["warehouse"], place["available"]) for place in line["places"]] == [("berlin", 5), ("hamburg", 9)]
    (line,) = shop.get(f"/v1/commands/{refused}/explain")["lines"]
    assert (line["because"], line["requested"], line["taken_from"]) == ("insufficient_stock", 8, [])
    assert [(place["warehouse"], place["available"]) for place in line["places"]] == [("berlin", 5), ("hamburg", 1)]


def test_of_equal_places_the_one_registered_first_is_asked_first(shop: Box) -> None:
    for place in ("zurich", "aachen"):
        shop.put(f"/v1/warehouses/{place}", {"name": place, "kind": "store", "priority": 7})
    shop.put("/v1/products/BELT", {"name": "Belt"})
    for place in ("aachen", "zurich"):
        shop.commands({"kind": "receive", "sku": "BELT", "warehouse": place, "quantity": 5})
    key = fresh()
    body = {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "BELT", "quantity": 3}]}
    shop.post("/v1/reservations", body, status=201, headers={"Idempotency-Key": key})
    shop.get("/v1/reports/stock_as_of", params={"after": end_of_feed(shop)})
    (line,) = shop.get(f"/v1/commands/{key}/explain")["lines"]
    assert (line["because"], line["taken_from"]) == ("one_place", [{"warehouse": "zurich", "quantity": 3}])
    assert [(place["warehouse"], place["rank"]) for place in line["places"]] == [("zurich", 0), ("aachen", 1)]
    cells = shop.get("/v1/stock/BELT")["cells"]
    assert [cell["warehouse"] for cell in cells] == ["zurich", "aachen"]
    assert shop.get("/v1/stock/BELT", params={"as_of": "2100-01-01T00:00:00Z"})["cells"] == cells


def test_a_line_that_named_its_place_and_one_that_got_a_part_are_explained_once(shop: Box) -> None:
    shop.put("/v1/warehouses/lock", {"name": "Lock", "kind": "quarantine", "priority": 0})
    shop.put("/v1/products/GLOVE", {"name": "Glove"})
    for place, quantity in (("berlin", 5), ("hamburg", 9), ("lock", 7)):
        shop.commands({"kind": "receive", "sku": "GLOVE", "warehouse": place, "quantity": quantity})

    def told(lines: list[dict[str, Any]], status: int = 201, **more: Any) -> list[dict[str, Any]]:
        key, body = fresh(), {"channel": "shop", "ttl_s": 600, "lines": lines, **more}
        shop.post("/v1/reservations", body, status=status, headers={"Idempotency-Key": key})
        shop.get("/v1/reports/stock_as_of", params={"after": end_of_feed(shop)})
        found: list[dict[str, Any]] = shop.get(f"/v1/commands/{key}/explain")["lines"]
        return found

    (line,) = told([{"sku": "GLOVE", "quantity": 2, "warehouse": "hamburg"}])
    assert (line["because"], line["warehouse"], line["taken_from"][0]["warehouse"]) == ("named", "hamburg", "hamburg")
    assert [(place["warehouse"], place["rank"]) for place in line["places"] if place["rank"] is not None] == [
        ("hamburg", 0)
    ]
    (line,) = told([{"sku": "GLOVE", "quantity": 1, "warehouse": "lock"}], 409)
    assert (line["because"], line["obtained"]) == ("quarantine", 0)
    (line,) = told([{"sku": "GLOVE", "quantity": 20}], partial=True)
    assert (line["because"], line["obtained"], len(line["taken_from"])) == ("partial", 12, 2)
    (line,) = told([{"sku": "GLOVE", "quantity": 20}], 409, partial=True)
    assert (line["because"], line["obtained"]) == ("insufficient_stock", 0)


def test_lines_on_several_shards_are_explained_by_what_there_was_before_any_of_them(shop: Box) -> None:
    lines = [{"sku": f"SOCK-{number}", "quantity": 2} for number in range(6)]
    for line in lines:
        shop.put(f"/v1/products/{line['sku']}", {"name": "Sock"})
        shop.commands({"kind": "receive", "sku": line["sku"], "warehouse": "berlin", "quantity": 5})
    key = fresh()
    body = {"channel": "shop", "ttl_s": 600, "lines": lines}
    shop.post("/v1/reservations", body, status=201, headers={"Idempotency-Key": key})
    shop.get("/v1/reports/stock_as_of", params={"after": end_of_feed(shop)})
    told = shop.get(f"/v1/commands/{key}/explain")["lines"]
    assert sorted(line["sku"] for line in told) == [line["sku"] for line in lines]
    for line in told:
        assert line["taken_from"] == [{"warehouse": "berlin", "quantity": 2}]
        assert [(place["warehouse"], place["available"]) for place in line["places"]] == [("berlin", 5)]
