"""The page of stock: sums over all places, or one place's own figures; what is below its reorder point, paged."""

from typing import Any

import httpx2
import orjson
import pytest
from nicegui import ui
from nicegui.client import Client
from nicegui.page import page

from api.console.client import Api
from api.console.pages import stock
from api.console.pages.stock import LOOK, PAGE, _page, _show, _ways
from api.console.places import place_filter
from tests.console.shown import Shown
from tests.console.test_client import of, ok, run


def cell(warehouse: str, on_hand: int, reserved: int = 0, safety_stock: int = 0) -> dict[str, Any]:
    available = on_hand - reserved - safety_stock
    figures = {"on_hand": on_hand, "reserved": reserved, "safety_stock": safety_stock, "available": available}
    return {"warehouse": warehouse, **figures, "floor": 0, "incoming": 0}


CELLS = {"cup": [cell("hub", 5, 2, 3), cell("riga-1", 40)], "pot": [cell("riga-1", 7)], "new": []}


class Shop:
    """An engine with three products in two places, one of which has fallen to its reorder point in the hub."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path, params = request.url.path, dict(request.url.params)
        self.asked.append((path, params))
        if path == "/v1/warehouses":
            places = [{"code": code, "name": f"Place {code}", "priority": 1} for code in ("hub", "riga-1")]
            return ok({"items": places, "next_cursor": None})
        if path == "/v1/alerts":
            below = [{"kind": "reorder", "sku": "cup", "name": "Cup", "warehouse": "hub"}]
            return ok({"items": below if params["warehouse"] == "hub" else [], "next_cursor": "more"})
        if path == "/v1/products":
            if "cursor" in params:
                return ok({"items": [], "next_cursor": None})
            return ok({"items": [{"sku": sku, "name": sku.capitalize()} for sku in CELLS], "next_cursor": "more"})
        items = []
        for sku in orjson.loads(request.content)["skus"]:
            sums = {name: sum(c[name] for c in CELLS[sku]) for name in ("on_hand", "reserved", "available", "incoming")}
            items.append({"sku": sku, **sums, "cells": CELLS[sku]})
        return ok({"items": items})


def shown(**query: str) -> tuple[Shown, Shop]:
    shop = Shop()

    async def work(api: Api) -> Shown:
        visit = of(api)
        visit.path, visit.query = "/stock", query
        found = await _page(visit, query.get("q", ""))

        def build() -> None:
            _ways(visit)
            _show(visit, query.get("q", ""), found)

        return Shown(build)

    return run(shop, work), shop


def figures(made: Shown) -> list[tuple[str, ...]]:
    names = ("sku", "on_hand_text", "reserved_text", "available_text")
    return [tuple(row[name] for name in names) for row in made.rows]


def test_of_all_places_a_product_has_its_sums() -> None:
    made, shop = shown(q="c")
    assert figures(made) == [("cup", "45", "2", "40"), ("pot", "7", "0", "7"), ("new", "0", "0", "0")]
    assert [row["places"] for row in made.rows] == [2, 1, 0]
    assert shop.asked[0] == ("/v1/products", {"limit": f"{PAGE}", "q": "c"})
    assert "At the reorder point or below" not in made.ways


def test_of_one_place_its_own_figures_and_none_where_it_never_was() -> None:
    made, _ = shown(warehouse="hub")
    assert figures(made) == [("cup", "5", "2", "0"), ("pot", "–", "–", "–"), ("new", "–", "–", "–")]
    first, other, _ = made.rows
    assert (first["available_href"], first["available_class"]) == ("/explain/cup/hub", "os-bad")
    assert "available_href" not in other
    assert made.ways["Next page"] == "/stock?warehouse=hub&cursor=more"


def test_what_is_below_its_reorder_point_comes_a_page_at_a_time() -> None:
    made, shop = shown(warehouse="hub", only="below", cursor="x")
    assert figures(made) == [("cup", "5", "2", "0")]
    assert shop.asked[0] == (
        "/v1/alerts",
        {"limit": f"{PAGE}", "cursor": "x", "kind": "reorder", "warehouse": "hub"},
    )
    assert made.ways["All products"] == "/stock?warehouse=hub"
    made, _ = shown(warehouse="riga-1", only="below")
    assert "Nothing has fallen to its reorder point" in made.texts


def test_what_is_out_of_stock_has_been_there_and_has_nothing_available() -> None:
    made, shop = shown(warehouse="hub", only="out", q="c")
    assert figures(made) == [("cup", "5", "2", "0")]
    assert shop.asked[0] == ("/v1/products", {"limit": f"{LOOK}", "q": "c"})
    assert made.ways["All products"] == "/stock?warehouse=hub&q=c"
    assert made.ways["Out of stock"] == "/stock?warehouse=hub&only=out&q=c"
    everywhere, _ = shown(only="out")
    assert "Nothing is out of stock" in everywhere.texts, "of the cup there is some elsewhere, the new was never there"


class Large:
    """An engine with many products, of which all, or none, have run out in the hub."""

    def __init__(self, on_hand: int, pages: int) -> None:
        self.on_hand, self.pages = on_hand, pages
        self.cursors: list[str | None] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        params = dict(request.url.params)
        if request.url.path == "/v1/products":
            self.cursors.append(params.get("cursor"))
            at = int(params.get("cursor", 0))
            items = [{"sku": f"cup-{at}-{n}", "name": ""} for n in range(int(params["limit"]))]
            return ok({"items": items, "next_cursor": str(at + 1) if at + 1 < self.pages else None})
        skus = orjson.loads(request.content)["skus"]
        sums = {"on_hand": self.on_hand, "reserved": 0, "available": self.on_hand, "incoming": 0}
        return ok({"items": [{"sku": sku, **sums, "cells": [cell("hub", self.on_hand)]} for sku in skus]})


def out_of(engine: Large, **query: str) -> Shown:
    async def work(api: Api) -> Shown:
        visit = of(api)
        visit.path, visit.query = "/stock", {"only": "out", **query}
        found = await _page(visit, "")
        return Shown(lambda: _show(visit, "", found))

    made: Shown = run(engine, work)
    return made


def test_what_is_out_of_stock_is_looked_for_until_a_page_is_full() -> None:
    engine = Large(on_hand=0, pages=9)
    made = out_of(engine, cursor="3")
    assert (len(made.rows), engine.cursors) == (LOOK, ["3"])
    assert made.ways["Next page"] == "/stock?only=out&cursor=4"


def test_one_page_looks_through_a_bounded_number_of_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "LOOKED_MAX", 3 * LOOK)
    engine = Large(on_hand=7, pages=9)
    made = out_of(engine)
    assert engine.cursors == [None, "1", "2"]
    assert f"Among {3 * LOOK} products that were looked through" in made.texts
    assert made.ways["Next page"] == "/stock?only=out&cursor=3"
    assert "Next page" not in out_of(Large(on_hand=7, pages=2)).ways


def test_without_a_place_nothing_is_below_anything() -> None:
    made, _ = shown(only="below")
    assert len(made.rows) == 3


def test_a_place_is_found_by_its_name_or_code() -> None:
    async def work(api: Api) -> ui.select:
        visit = of(api)
        visit.query = {"warehouse": "closed"}
        with Client(page("/stock"), request=None) as client:
            await place_filter(visit)
        (select,) = [each for each in client.elements.values() if isinstance(each, ui.select)]
        return select

    select = run(Shop(), work)
    assert select.value == "closed"
    assert select.options == {
        "": "All places",
        "hub": "Place hub (hub)",
        "riga-1": "Place riga-1 (riga-1)",
        "closed": "closed",
    }
