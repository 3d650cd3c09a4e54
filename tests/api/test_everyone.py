"""What a planner's key sees of every client's doings, when it says so; and products found by a word."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.box import Box, fresh


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    made = Box(tmp_path_factory.mktemp("data"), analytics=True)
    made.stock_shop()
    yield made
    made.close()


def held(shop: Box, **more: Any) -> str:
    body = {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "TEE-M", "quantity": 1}], **more}
    reservation: str = shop.post("/v1/reservations", body, status=201)["reservation"]
    return reservation


def test_a_key_sees_its_own_and_everyones_only_when_it_asks_and_may_see_reports(shop: Box) -> None:
    theirs = held(shop)
    reader = shop.make_key("read", client="reader")
    planner = shop.make_key("read", "reports", client="planner")
    for key in (reader, planner):
        assert shop.get("/v1/reservations", key=key)["items"] == []
        assert shop.call("GET", f"/v1/reservations/{theirs}", key=key).status_code == 404
    assert theirs in [item["reservation"] for item in shop.get("/v1/reservations?everyone=true", key=planner)["items"]]
    assert shop.get(f"/v1/reservations/{theirs}?everyone=true", key=planner)["reservation"] == theirs
    for path in ("/v1/reservations", f"/v1/reservations/{theirs}"):
        assert shop.call("GET", f"{path}?everyone=true", key=reader).status_code == 403
        assert shop.call("GET", f"{path}?everyone=maybe", key=planner).status_code == 422
        assert shop.call("GET", f"{path}?everyone=false", key=reader).status_code in (200, 404)


def test_seeing_is_not_doing(shop: Box) -> None:
    theirs = held(shop)
    planner = shop.make_key("read", "reports", "reserve", client="planner")
    answer = shop.call("POST", f"/v1/reservations/{theirs}/release?everyone=true", key=planner, json={})
    assert answer.status_code == 404
    assert shop.get(f"/v1/reservations/{theirs}")["state"] == "held"


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("&everyone=true", 403), ("&everyone=maybe", 422), ("&sku=", 422), ("&cursor=x", 422)],
)
def test_that_a_channel_is_unknown_excuses_nothing_else(shop: Box, query: str, status: int) -> None:
    reader = shop.make_key("read", client="reader-of-unknown")
    assert shop.call("GET", f"/v1/reservations?channel=never-made{query}", key=reader).status_code == status


def test_a_key_that_is_limited_to_places_does_not_see_everyones(shop: Box) -> None:
    limited = shop.make_key("read", "reports", client="berliner", warehouses=["berlin"])
    assert shop.call("GET", "/v1/reservations?everyone=true", key=limited).status_code == 403


def test_a_refusal_of_another_client_is_explained_to_who_asks_for_everyones(shop: Box) -> None:
    command = fresh("command")
    body = {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "TEE-L", "quantity": 9_999}]}
    assert shop.call("POST", "/v1/reservations", json=body, headers={"Idempotency-Key": command}).status_code == 409
    planner = shop.make_key("reports", client="planner")
    assert shop.call("GET", f"/v1/commands/{command}/explain", key=planner).status_code == 404
    (line,) = shop.get(f"/v1/commands/{command}/explain?everyone=true", key=planner)["lines"]
    assert line["because"] == "insufficient_stock"


def found(shop: Box, text: str, **more: Any) -> list[str]:
    return [item["sku"] for item in shop.get("/v1/products", params={"q": text, **more})["items"]]


@pytest.fixture(scope="module")
def shelf(shop: Box) -> Box:
    for sku, document in {
        "cup-1": {"name": "Cup, 100% blue", "barcodes": ["4006381333931"]},
        "cup-2": {"name": "Кружка синяя", "group": ["Kitchen", "Cups"]},
        "pot_1": {"name": 'Pot "large"', "note": "name of a cup"},
        "potX1": {"name": "Pot small"},
    }.items():
        shop.put(f"/v1/products/{sku}", document)
    return shop


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("cup-", ["cup-1", "cup-2"]),
        ("CUP", ["cup-1", "cup-2"]),
        ("blue", ["cup-1"]),
        ("4006381333931", ["cup-1"]),
        ("400638", []),
        ("кружка", ["cup-2"]),
        ("СИНЯЯ", ["cup-2"]),
        ("синяя", ["cup-2"]),
        ("100%", ["cup-1"]),
        ("%", ["cup-1"]),
        ("pot_", ["pot_1"]),
        ('"large', ["pot_1"]),
        ("\\", []),
        ("quantity_decimals", []),
        ("nothing", []),
    ],
)
def test_a_product_is_found_by_its_sku_its_name_or_its_barcode(shelf: Box, text: str, skus: list[str]) -> None:
    assert found(shelf, text) == skus


def test_what_is_found_comes_a_page_at_a_time(shelf: Box) -> None:
    page = shelf.get("/v1/products", params={"q": "pot", "limit": 1})
    assert [item["sku"] for item in page["items"]] == ["potX1"] or [item["sku"] for item in page["items"]] == ["pot_1"]
    rest = shelf.get("/v1/products", params={"q": "pot", "limit": 1, "cursor": page["next_cursor"]})
    assert len(rest["items"]) == 1
    assert rest["next_cursor"] is None


def test_only_products_are_searched_and_a_word_has_a_length(shelf: Box) -> None:
    assert shelf.call("GET", "/v1/channels?q=shop").status_code == 422
    assert shelf.call("GET", "/v1/products", params={"q": "x" * 200}).status_code == 422
    assert found(shelf, "") == [item["sku"] for item in shelf.get("/v1/products")["items"]]
