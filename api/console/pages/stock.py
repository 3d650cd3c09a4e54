"""What is where? Products with their stock, a page at a time, found by SKU, barcode or name."""

from typing import Any, Final

from fastapi import Request

from api.console.frame import frame, route
from api.console.parts import Column, Section, card, empty, pager, table
from api.console.visit import Desk, Visit, visit_of

PAGE: Final = 50


def register(desk: Desk) -> None:
    """`/stock`"""

    @route("/stock")
    async def stock(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        asked = visit.query.get("q", "").strip()[:64]
        words = t("Found for “{q}”", q=asked) if asked else t("All products, in the order of their SKU")
        with frame(visit, t("Stock"), words), card():
            Section(visit, lambda: _page(visit, asked), lambda found: _show(visit, asked, found), lines=10)


async def _page(visit: Visit, asked: str) -> dict[str, Any]:
    """A page of products, each with its sums over all places."""
    api = visit.desk.api
    params = {"limit": PAGE, "cursor": visit.query.get("cursor"), "q": asked}
    page: dict[str, Any] = await api.shared("/v1/products", params, for_s=2.0)
    if not page["items"]:
        return {"rows": [], "next_cursor": None}
    found = await api.ask("/v1/stock:query", {"skus": [item["sku"] for item in page["items"]]})
    rows = [{**item, **sums} for item, sums in zip(page["items"], found["items"], strict=True)]
    return {"rows": rows, "next_cursor": page["next_cursor"]}


def _show(visit: Visit, asked: str, found: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    if not found["rows"]:
        if asked:
            empty(
                "search_off",
                t("Nothing found"),
                t("Try the beginning of a SKU, a barcode, or a part of the name"),
                "/stock",
                t("All products"),
            )
        else:
            empty("inventory_2", t("There are no products yet"), t("Register them through the API or by import"))
        return
    columns = [
        Column("sku", t("SKU"), sortable=False),
        Column("name", t("Name"), sortable=False),
        *(Column(name, t(title), number=True) for name, title in _FIGURES.items()),
        Column("places", t("Places"), number=True),
    ]
    rows = []
    for row in found["rows"]:
        cells = row.get("cells", [])
        shown: dict[str, Any] = {
            "sku": row["sku"],
            "sku_href": f"/stock/{row['sku']}",
            "name": row["name"],
            "places": len(cells),
        }
        for name in _FIGURES:
            shown[name] = row.get(name, 0)
            shown[f"{name}_text"] = f.number(row.get(name, 0))
        if cells and row.get("available", 0) <= 0:
            shown["available_class"] = "os-bad"
        rows.append(shown)
    table(visit, columns, rows, per_page=PAGE)
    pager(visit, found["next_cursor"], first=not visit.query.get("cursor"))


_FIGURES: Final = {"on_hand": "On hand", "reserved": "Reserved", "available": "Available", "incoming": "Incoming"}
