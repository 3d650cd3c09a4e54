"""What is where? Products with their stock, a page at a time, by SKU, barcode or name; of all places or of one."""

from typing import Any, Final

from fastapi import Request

from api.console.alerts import alert_page
from api.console.frame import frame, route
from api.console.parts import Column, Section, card, empty, pager, presets, table
from api.console.places import place_filter
from api.console.visit import Desk, Visit, visit_of

PAGE: Final = 50
LOOK: Final = 200
"""products whose stock is asked for at a time where only those without any are shown: so many and a page at most"""
LOOKED_MAX: Final = 10_000
"""that are looked through for one page: a second of the engine's time; the next one goes on from there"""
BELOW: Final = "below"
"""in the address: only what has fallen to its reorder point in the place"""
OUT: Final = "out"
"""in the address: only what has nothing available, in the place or in all of them"""
_FIGURES: Final = {"on_hand": "On hand", "reserved": "Reserved", "available": "Available", "incoming": "Incoming"}
_OF_A_PLACE: Final = {
    "on_hand": "On hand",
    "reserved": "Reserved",
    "safety_stock": "Safety stock",
    "available": "Available",
    "incoming": "Incoming",
}


def register(desk: Desk) -> None:
    """`/stock`"""

    @route("/stock")
    async def stock(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        asked = visit.query.get("q", "").strip()[:64]
        words = t("Found for “{q}”", q=asked) if asked else t("All products, in the order of their SKU")
        if _below(visit):
            words = t("What has fallen to its reorder point, the costliest first")
        elif _out(visit):
            shown = t("What has nothing available, in the order of its SKU")
            words = f"{words} · {shown}" if asked else shown
        with frame(visit, t("Stock"), words):
            await place_filter(visit)
            _ways(visit)
            with card():
                Section(visit, lambda: _page(visit, asked), lambda found: _show(visit, asked, found), lines=10)


def _below(visit: Visit) -> str:
    """The place of which only that is wanted; nothing where all products are."""
    return visit.query.get("warehouse", "") if visit.query.get("only") == BELOW else ""


def _out(visit: Visit) -> bool:
    """Whether only what has nothing available is wanted."""
    return visit.query.get("only") == OUT


def _ways(visit: Visit) -> None:
    """What may be asked for a page at a time, and what a report tells of a place."""
    t, place = visit.t, visit.query.get("warehouse")
    below, out = bool(_below(visit)), _out(visit)
    ways = [
        (t("All products"), visit.here(only=None, cursor=None), not below and not out),
        (t("Out of stock"), visit.here(only=OUT, cursor=None), out),
    ]
    if place:
        ways += [
            (t("At the reorder point or below"), visit.here(only=BELOW, q=None, cursor=None), below),
            (t("Ran out lately"), visit.link("/reports/stock_outs", warehouse=place, span="7"), False),
        ]
    presets(ways)


async def _page(visit: Visit, asked: str) -> dict[str, Any]:
    """A page of products, each with its figures: of the place that is asked for, else its sums over all."""
    api, cursor = visit.desk.api, visit.query.get("cursor")
    params = {"limit": PAGE, "cursor": cursor}
    if _out(visit):
        return await _page_out(visit, asked, cursor)
    if below := _below(visit):
        page = await alert_page(visit, {**params, "kind": "reorder", "warehouse": below})
    else:
        page = await api.shared("/v1/products", {**params, "q": asked}, for_s=2.0)
    return {"rows": await _rows(visit, page["items"]), "next_cursor": page["next_cursor"]}


async def _page_out(visit: Visit, asked: str, cursor: str | None) -> dict[str, Any]:
    """The same of what has nothing available: product by product, as the shards know it now, until a page is full.

    Only the shards know what is there this moment, and only the catalogue who passes a search: one is asked of the
    other, a bounded number of products at a time and for a page.
    """
    rows: list[dict[str, Any]] = []
    looked = 0
    while True:
        page = await visit.desk.api.get("/v1/products", {"limit": LOOK, "cursor": cursor, "q": asked})
        rows += filter(_is_out, await _rows(visit, page["items"]))
        cursor, looked = page["next_cursor"], looked + len(page["items"])
        if cursor is None or len(rows) >= PAGE or looked >= LOOKED_MAX:
            return {"rows": rows, "next_cursor": cursor}


async def _rows(visit: Visit, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """These products with their stock."""
    if not items:
        return []
    place = visit.query.get("warehouse")
    found = await visit.desk.api.ask("/v1/stock:query", {"skus": [item["sku"] for item in items]})
    rows = []
    for item, sums in zip(items, found["items"], strict=True):
        row = {"sku": item["sku"], "name": item["name"] or item["sku"], "cells": sums["cells"]}
        # Where it never was there is no figure, not even 0.
        of = next((cell for cell in sums["cells"] if cell["warehouse"] == place), {}) if place else sums
        rows.append(row | {name: of.get(name) for name in _OF_A_PLACE})
    return rows


def _is_out(row: dict[str, Any]) -> bool:
    """Whether it has been there, and nothing of it is available."""
    return bool(row["cells"]) and row["available"] is not None and row["available"] <= 0


def _show(visit: Visit, asked: str, found: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    place = visit.query.get("warehouse")
    if not found["rows"]:
        _nothing(visit, asked, found["next_cursor"])
        return
    figures = _OF_A_PLACE if place else _FIGURES
    columns = [
        Column("sku", t("SKU"), sortable=False),
        Column("name", t("Name"), sortable=False),
        *(Column(name, t(title), number=True) for name, title in figures.items()),
    ]
    if not place:
        columns.append(Column("places", t("Places"), number=True))
    rows = []
    for row in found["rows"]:
        shown: dict[str, Any] = {
            "sku": row["sku"],
            "sku_href": f"/stock/{row['sku']}",
            "name": row["name"],
            "places": len(row["cells"]),
        }
        for name in figures:
            shown |= {name: row[name], f"{name}_text": f.number(row[name])}
        if place and row["available"] is not None:
            shown["available_href"] = f"/explain/{row['sku']}/{place}"
        if _is_out(row):
            shown["available_class"] = "os-bad"
        rows.append(shown)
    table(visit, columns, rows, per_page=max(PAGE, len(rows)))
    pager(visit, found["next_cursor"], first=not visit.query.get("cursor"))


def _nothing(visit: Visit, asked: str, cursor: str | None) -> None:
    t = visit.t
    if _out(visit):
        more = t("Among {n} products that were looked through", n=visit.f.number(LOOKED_MAX)) if cursor else ""
        empty("inventory", t("Nothing is out of stock"), more)
        pager(visit, cursor, first=not visit.query.get("cursor"))
        return
    if _below(visit):
        empty("notifications_none", t("Nothing has fallen to its reorder point"))
    elif asked:
        words = t("Try the beginning of a SKU, a barcode, or a part of the name")
        empty("search_off", t("Nothing found"), words, "/stock", t("All products"))
    else:
        empty("inventory_2", t("There are no products yet"), t("Register them through the API or by import"))
