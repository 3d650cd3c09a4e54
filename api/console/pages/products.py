"""What sells, who sells it, how long it will last, what is bought together: the products that matter first."""

import asyncio
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console import charts
from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.pages.channels import no_sales
from api.console.parts import Column, Section, card, drawn, empty, table
from api.console.spans import Span, span_of, span_presets, span_words
from api.console.text import box
from api.console.visit import Desk, Visit, visit_of

TOP: Final = 200
"""products in the list, by their sales; all are in the report"""
LED: Final = 15
"""of them, whose leading channel is asked for: a page of the list"""
CHARTED: Final = 12
PAIRS: Final = 50
Rows = list[dict[str, Any]]


def register(desk: Desk) -> None:
    """`/products`"""

    @route("/products")
    async def products(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        span = await span_of(visit)
        with frame(visit, t("Products"), span_words(visit, span)):
            span_presets(visit, span)
            Section(visit, lambda: _top(visit, span), lambda found: _show_both(visit, span, *found), lines=10)
            with card(t("Bought together"), t("pairs in one order, above chance")):
                Section(visit, lambda: _pairs(visit, span), lambda found: _show_pairs(visit, *found))


async def _top(visit: Visit, span: Span) -> tuple[Rows, dict[str, str]]:
    rows = (await _begun(visit, "abc_xyz", span))[:TOP]
    return rows, await visit.desk.names([row["sku"] for row in rows])


async def _begun(visit: Visit, name: str, span: Span) -> Rows:
    """The beginning of a report that may be long."""
    page, _ = await visit.desk.api.preview(f"/v1/reports/{name}", span.given)
    return [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]


async def _leading(visit: Visit, skus: list[str], span: Span) -> dict[str, str]:
    """The channel that sells most of each."""
    found = await asyncio.gather(
        *(visit.desk.report("product_channels", {"sku": sku, **span.given}, for_s=60.0) for sku in skus)
    )
    return {
        rows[0]["sku"]: f"{visit.channel(rows[0]['channel'])} {visit.f.share(rows[0]['share'], 0)}"
        for rows in found
        if rows
    }


def _show_both(visit: Visit, span: Span, rows: Rows, names: dict[str, str]) -> None:
    t = visit.t
    with box("os-grid"):
        with card(t("What sells most"), t("by sales; a product leads to its places, channels and cover"), "os-w8"):
            _show_top(visit, span, rows, names)
        with card(t("The first dozen"), t("part of all sales"), "os-w4"):
            _show_chart(visit, rows, names)


def _show_top(visit: Visit, span: Span, rows: Rows, names: dict[str, str]) -> None:
    t, f = visit.t, visit.f
    if not rows:
        no_sales(visit)
        return
    shown = [
        {
            **row,
            "leader": "",
            "leader_text": "…" if at < LED else "",
            "name": names[row["sku"]],
            "name_href": f"/stock/{row['sku']}",
            "units_text": f.number(row["units"]),
            "sales_text": f.money(row["sales"], row["currency"]),
            "share_text": f.share(row["share"], 2),
            "class": f"{row['abc']}{row['xyz'] or ''}",
        }
        for at, row in enumerate(rows)
    ]
    columns = [
        Column("name", t("Product")),
        Column("sales", t("Sales"), number=True),
        Column("share", t("Share"), number=True),
        Column("units", t("Units"), number=True),
        Column("class", t("Class")),
        Column("leader", t("Sells it most"), sortable=False),
    ]
    made = table(visit, columns, shown, per_page=LED)

    async def led() -> None:
        """Who sells each most is a question for each: nobody waits for that."""
        try:
            leading = await _leading(visit, [row["sku"] for row in rows[:LED]], span)
        except ApiProblem:
            leading = {}
        for row in made.rows[:LED]:
            row["leader_text"] = leading.get(row["sku"], "–")
        made.update()

    ui.timer(0.01, led, once=True)


def _show_chart(visit: Visit, rows: Rows, names: dict[str, str]) -> None:
    if not rows:
        no_sales(visit)
        return
    top = rows[:CHARTED]
    options = charts.bars(
        [names[row["sku"]] for row in top], [round(100 * (row["share"] or 0), 2) for row in top], unit="%"
    )
    drawn(visit, options)


async def _pairs(visit: Visit, span: Span) -> tuple[Rows, dict[str, str]]:
    rows = await _begun(visit, "basket_affinity", span)
    seen: set[frozenset[str]] = set()
    pairs: Rows = []
    for row in sorted(rows, key=lambda row: (row["orders"], row["lift"]), reverse=True):
        pair = frozenset((row["sku"], row["with"]))
        if pair not in seen:
            seen.add(pair)
            pairs.append(row)
        if len(pairs) == PAIRS:
            break
    return pairs, await visit.desk.names(list({sku for row in pairs for sku in (row["sku"], row["with"])}))


def _show_pairs(visit: Visit, rows: Rows, names: dict[str, str]) -> None:
    t, f = visit.t, visit.f
    if not rows:
        empty("join_inner", t("No pairs in these days"), t("Pairs appear when two orders had both"))
        return
    shown = [
        {
            **row,
            "one": names[row["sku"]],
            "one_href": f"/stock/{row['sku']}",
            "other": names[row["with"]],
            "other_href": f"/stock/{row['with']}",
            "confidence_text": f.share(row["confidence"], 0),
            "lift_text": f"{f.number(row['lift'], 1)}×",
        }
        for row in rows
    ]
    columns = [
        Column("one", t("Who buys this")),
        Column("other", t("buys this too")),
        Column("orders", t("Orders with both"), number=True),
        Column("confidence", t("of those with the first"), number=True),
        Column("lift", t("against chance"), number=True),
    ]
    table(visit, columns, shown, per_page=10)
