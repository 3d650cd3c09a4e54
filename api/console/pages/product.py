"""One product: where it lies, how that changed, who sells it most, how long it will last, what goes with it."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Request

from api.console import charts
from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.parts import Column, Section, card, drawn, empty, kpi, line, presets, table
from api.console.spans import Span, span_of, span_presets
from api.console.text import Text, box
from api.console.thresholds import threshold_dialog
from api.console.visit import Desk, Visit, visit_of

ENTRIES: Final = 1000
"""of the history chart"""
PLACES_SHOWN: Final = 6
TOGETHER: Final = 8


def register(desk: Desk) -> None:
    """`/stock/{sku}`"""

    @route("/stock/{sku}")
    async def product(request: Request, sku: str) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        try:
            document: dict[str, Any] = await desk.api.shared(f"/v1/products/{sku}")
        except ApiProblem as problem:
            if problem.status not in (404, 422):
                raise
            with frame(visit, sku, active="/stock"):
                empty("search_off", t("There is no such product"), sku, "/stock", t("All products"))
            return
        span = await span_of(visit, "all")
        group = " / ".join(document.get("group") or [])
        with frame(visit, document["name"], " · ".join(each for each in (sku, group) if each), active="/stock"):
            if visit.may_plan:
                threshold_dialog(visit, sku, lambda: stock.load())
            stock = Section(visit, lambda: _stock(visit, sku), lambda found: _show_stock(visit, sku, found))
            with card(t("History"), t("on hand after each movement")):
                Section(visit, lambda: _history(visit, sku), lambda found: _show_history(visit, sku, *found))
            span_presets(visit, span)
            with box("os-grid"):
                with card(t("Who sells it most"), t("units by channel"), "os-w6"):
                    Section(visit, lambda: _channels(visit, sku, span), lambda found: _show_channels(visit, found))
                with card(t("How long it will last"), t("at the speed of these days"), "os-w6"):
                    Section(visit, lambda: _cover(visit, sku, span), lambda found: _show_cover(visit, found))
                with card(t("To show beside it"), t("bought together in any channel, then looked at; in stock first")):
                    Section(visit, lambda: _together(visit, sku), lambda found: _show_together(visit, *found))


async def _stock(visit: Visit, sku: str) -> dict[str, Any]:
    found: dict[str, Any] = await visit.desk.api.get(f"/v1/stock/{sku}")
    return found


def _show_stock(visit: Visit, sku: str, found: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    with box("os-kpis"):
        kpi(
            t("Available"),
            f.number(found["available"]),
            t("on hand − reserved − safety stock"),
            -1 if found["available"] <= 0 else 0,
        )
        kpi(t("On hand"), f.number(found["on_hand"]), t("in {n} places", n=len(found["cells"])))
        kpi(t("Reserved"), f.number(found["reserved"]), t("held for customers"), href=f"/reservations?sku={sku}")
        kpi(t("Incoming"), f.number(found["incoming"]), t("on their way"))
    with card(t("By place"), t("a figure leads to its explanation")):
        if not found["cells"]:
            empty("inventory_2", t("It lies nowhere yet"), t("Nothing was ever received, sold or reserved"))
            return
        names = ("on_hand", "reserved", "safety_stock", "available", "incoming")
        titles = ("On hand", "Reserved", "Safety stock", "Available", "Incoming")
        rows = []
        # A SKU may lie in hundreds of places: those that have some, or get some, come first.
        for cell in sorted(found["cells"], key=lambda cell: (cell["on_hand"], cell["incoming"]), reverse=True):
            where = f"/explain/{sku}/{cell['warehouse']}"
            row: dict[str, Any] = {"warehouse": visit.place(cell["warehouse"]), "warehouse_href": where}
            for name in names:
                row |= {name: cell[name], f"{name}_text": f.number(cell[name])}
            row["available_href"] = where
            rows.append(row)
        columns = [Column("warehouse", t("Place"))]
        columns += [Column(name, t(title), number=True) for name, title in zip(names, titles, strict=True)]
        table(visit, columns, rows)


async def _history(visit: Visit, sku: str) -> tuple[list[str], str, list[dict[str, Any]]]:
    """(its places, the one shown, its entries oldest first)."""
    found = await visit.desk.api.get(f"/v1/stock/{sku}")
    cells = sorted(found["cells"], key=lambda cell: cell["on_hand"], reverse=True)
    places = [cell["warehouse"] for cell in cells]
    if not places:
        return [], "", []
    place = visit.query.get("place", "")
    place = place if place in places else places[0]
    explained = await visit.desk.api.shared(f"/v1/explain/{sku}/{place}", {"limit": ENTRIES}, for_s=2.0)
    return places, place, list(reversed(explained["entries"]))


def _show_history(visit: Visit, sku: str, places: list[str], place: str, entries: list[dict[str, Any]]) -> None:
    t = visit.t
    if not entries:
        empty("show_chart", t("No movements yet"))
        return
    shown = places[:PLACES_SHOWN] if place in places[:PLACES_SHOWN] else [*places[: PLACES_SHOWN - 1], place]
    presets([(visit.place(each), visit.here(place=each), each == place) for each in shown])
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    series = {
        # What it was after the last movement it still is.
        t(title): [*((entry["at"], float(entry[name])) for entry in entries), (now, float(entries[-1][name]))]
        for name, title in (("on_hand", "On hand"), ("available", "Available"))
    }
    drawn(visit, charts.lines(series, unit=t("units"), steps=True, area=True))


async def _channels(visit: Visit, sku: str, span: Span) -> list[dict[str, Any]]:
    return await visit.desk.report("product_channels", {"sku": sku, **span.given})


def _show_channels(visit: Visit, rows: list[dict[str, Any]]) -> None:
    if not rows:
        empty("pie_chart", visit.t("No sales in these days"))
        return
    parts = [(visit.channel(row["channel"]), row["units"]) for row in rows]
    palette = visit.channel_colours(row["channel"] for row in rows)
    drawn(visit, charts.ring(parts, palette, unit=visit.t("units")), "os-chart-low")
    with box("os-list"):
        for row in rows:
            with line(visit.channel(row["channel"]), visit.t("{n} units", n=visit.f.number(row["units"]))):
                Text(visit.f.share(row["share"]), "span", "os-number")


async def _cover(visit: Visit, sku: str, span: Span) -> list[dict[str, Any]]:
    return await visit.desk.report("turnover", {"sku": sku, **span.given})


def _show_cover(visit: Visit, rows: list[dict[str, Any]]) -> None:
    t, f = visit.t, visit.f
    if not rows:
        empty("hourglass_empty", t("Nothing to reckon with"))
        return
    shown = [
        {
            **row,
            "warehouse": visit.place(row["warehouse"]),
            "warehouse_href": f"/explain/{row['sku']}/{row['warehouse']}",
            "cover_text": t("{n} days", n=f.number(round(row["days_of_cover"])))
            if row["days_of_cover"] is not None
            else "–",
            "cover": row["days_of_cover"],
            "sold_text": f.number(row["sold"]),
            "on_hand_text": f.number(row["on_hand"]),
            "sell_through_text": f.share(row["sell_through"], 0),
        }
        # Where it sells comes first: that is where it will be missing.
        for row in sorted(rows, key=lambda row: row["sold"], reverse=True)
    ]
    columns = [
        Column("warehouse", t("Place")),
        Column("sold", t("Sold"), number=True),
        Column("on_hand", t("On hand"), number=True),
        Column("cover", t("Cover"), number=True),
        Column("sell_through", t("Sell-through"), number=True),
    ]
    table(visit, columns, shown, per_page=8)


async def _together(visit: Visit, sku: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    found = await visit.desk.api.shared(f"/v1/products/{sku}/suggestions", {"limit": TOGETHER}, for_s=60.0)
    items = found["items"]
    names, _ = await asyncio.gather(visit.desk.names([item["sku"] for item in items]), asyncio.sleep(0))
    return items, names


def _show_together(visit: Visit, items: list[dict[str, Any]], names: dict[str, str]) -> None:
    t, f = visit.t, visit.f
    if not items:
        empty(
            "join_inner",
            t("Nothing yet"),
            t("Pairs appear when an order had both, others when a channel says what is looked at"),
        )
    for item in items:
        if item["because"] == "bought_together":
            words = t(
                "{n} orders had both, {share} of those with this",
                n=f.number(item["orders"]),
                share=f.share(item["confidence"], 0),
            )
        else:
            words = t(
                "same group: in {carts} carts, looked at {views} times",
                carts=f.number(item["cart_adds"]),
                views=f.number(item["views"]),
            )
        with line(names[item["sku"]], f"{item['sku']} · {words}", f"/stock/{item['sku']}"):
            Text(
                t("{n} available", n=f.number(item["available"])),
                "span",
                "os-number os-small" + (" os-bad" if item["available"] <= 0 else ""),
            )
