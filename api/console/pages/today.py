"""My warehouse today, for a phone in the hand: sales against the same weekday, what ran out, what comes, alerts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console import charts
from api.console.alerts import alert_lines, open_alerts
from api.console.by_now import WEEK, SoFar, so_far, units_by_hour
from api.console.client import ApiProblem
from api.console.frame import frame, route
from api.console.pages.overview import main_currency
from api.console.pages.stock import OUT
from api.console.parts import Section, badge, card, drawn, empty, kpi, line
from api.console.places import own_place, place_choice
from api.console.text import Text, anchor, box, short
from api.console.visit import Desk, Visit, business_day, visit_of

AGAIN_S: Final = 30.0
SHOWN: Final = 10
_TITLES: Final = {"net": "Sales", "orders": "Orders", "units": "Units sold"}


def register(desk: Desk) -> None:
    """`/today`"""

    @route("/today")
    async def today(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        places, problem = await _places(visit)
        code = own_place(request, visit, places)
        place = places.get(code)
        day = business_day(place)
        with frame(visit, t("My warehouse today"), visit.f.day(day, weekday=True)):
            if place is None:
                empty(
                    "storefront",
                    t(problem or "There are no places yet"),
                    t("Register one through the API or by import"),
                )
                return
            place_choice(visit, places, code)
            figures = Section(visit, lambda: _so_far(visit, code, day), lambda found: _show_figures(visit, found))
            with box("os-grid"):
                with card(t("Sales by hour"), t("today, with the hour that goes on, beside last week"), "os-w6"):
                    hours = Section(visit, lambda: _so_far(visit, code, day), lambda found: _show_hours(visit, found))
                with card(t("Alerts"), classes="os-w6"):
                    alerts = Section(
                        visit, lambda: open_alerts(visit, warehouse=code), lambda found: alert_lines(visit, found, code)
                    )
                with card(t("Ran out"), t("nothing available, now or earlier today"), "os-w6"):
                    outs = Section(
                        visit, lambda: _outs(visit, code, day), lambda found: _show_outs(visit, code, day, *found)
                    )
                with card(t("On their way"), t("deliveries and transfers that are expected"), "os-w6"):
                    coming = Section(
                        visit, lambda: _incoming(visit, code), lambda found: _show_incoming(visit, code, *found)
                    )

            async def again() -> None:
                if business_day(place) != day:
                    ui.navigate.reload()
                for part in (figures, hours, alerts, outs, coming):
                    await part.renew()

            ui.timer(AGAIN_S, again, immediate=False)


async def _places(visit: Visit) -> tuple[dict[str, dict[str, Any]], str]:
    try:
        return await visit.desk.warehouses(), ""
    except ApiProblem:
        return {}, "The engine does not answer just now"


async def _so_far(visit: Visit, code: str, day: date) -> SoFar:
    return await so_far(visit, day, await visit.desk.warehouses(), code)


def _show_figures(visit: Visit, found: SoFar) -> None:
    t, f = visit.t, visit.f
    currency = main_currency(found.rows) or main_currency(found.hours_before)
    sums = {name: found.compared(visit, name, currency if name == "net" else None) for name in _TITLES}
    with box("os-kpis"):
        for name, (value, hint, trend) in sums.items():
            shown = f.money(value, currency) if name == "net" and currency else f.number(value)
            kpi(t(_TITLES[name]), shown, hint, trend)
        basket = sums["net"].value / sums["orders"].value if sums["orders"].value else None
        kpi(t("Average basket"), f.money(basket, currency), t("today so far"))


def _show_hours(visit: Visit, found: SoFar) -> None:
    t = visit.t
    if not found.hours and not found.hours_before:
        empty("schedule", t("Nothing sold yet"), t("Neither today nor on this weekday last week"))
        return
    now, before = units_by_hour(found.hours, found.day), units_by_hour(found.hours_before, found.day - WEEK)
    shown = range(min({*now, *before}), max({*now, *before}) + 1)
    series = {
        t("today"): [now.get(hour, 0) for hour in shown],
        t("last week"): [before.get(hour, 0) for hour in shown],
    }
    palette = {t("today"): charts.SERIES[0], t("last week"): "rgba(135,147,166,.45)"}
    options = charts.columns([f"{hour % 24}:00" for hour in shown], series, unit=t("units"), palette=palette)
    drawn(visit, options, "os-chart-low")


async def _outs(visit: Visit, code: str, day: Any) -> tuple[list[dict[str, Any]], dict[str, str]]:
    rows = await visit.desk.report(
        "stock_outs", {"warehouse": code, "from": f"{day - timedelta(days=1)}", "to": f"{day}"}
    )
    # Those that still are out come first, of them those that cost most, then the latest.
    rows.sort(
        key=lambda row: (row["ended"] is None, row["lost_sales"] or 0, row["refused"], row["began"]), reverse=True
    )
    return rows, await visit.desk.names([row["sku"] for row in rows[:SHOWN]])


def _show_outs(visit: Visit, code: str, day: date, rows: list[dict[str, Any]], names: dict[str, str]) -> None:
    t, f = visit.t, visit.f
    if not rows:
        empty("inventory", t("Nothing ran out"), t("Everything that was there yesterday still is"))
    for row in rows[:SHOWN]:
        lost = (
            t("{n} asked for meanwhile", n=f.number(row["refused"])) if row["refused"] else t("nobody asked meanwhile")
        )
        with line(
            names[row["sku"]],
            f"{row['sku']} · {lost}",
            f"/explain/{row['sku']}/{row['warehouse']}",
            "production_quantity_limits",
        ):
            if row.get("lost_sales"):
                Text(f"−{f.money(row['lost_sales'], row['currency'])}", "span", "os-number os-bad")
            Text(f.moment(row["began"]), "span", "os-muted os-small os-number")
            badge(t("out") if row["ended"] is None else t("back"), "bad" if row["ended"] is None else "good")
    if len(rows) > SHOWN:
        days = {"from": f"{day - timedelta(days=1)}", "to": f"{day}"}
        anchor(
            visit.link("/reports/stock_outs", warehouse=code, **days), "os-small", t("All {n}", n=f.number(len(rows)))
        )
    anchor(visit.link("/stock", warehouse=code, only=OUT), "os-small", t("All that is out of stock"))


async def _incoming(visit: Visit, code: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    page, _ = await visit.desk.api.preview("/v1/reports/deliveries", {"warehouse": code})
    coming = [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
    return coming, await visit.desk.names([row["sku"] for row in coming[:SHOWN]])


def _show_incoming(visit: Visit, code: str, rows: list[dict[str, Any]], names: dict[str, str]) -> None:
    t, f = visit.t, visit.f
    if not rows:
        empty("local_shipping", t("Nothing is on its way"), t("Expected deliveries appear here with their quantity"))
    for row in rows[:SHOWN]:
        whence = f"{row['sku']} · {short(row['source'])}"
        with line(names[row["sku"]], whence, f"/explain/{row['sku']}/{row['warehouse']}", "local_shipping"):
            Text(f"+{f.number(row['incoming'])}", "span", "os-number os-good")
            if row["due"] is None:
                Text(t("no date"), "span", "os-muted os-small")
            elif datetime.fromisoformat(row["due"]) < datetime.now(UTC):
                badge(t("late, due {when}", when=f.moment(row["due"])), "bad")
            else:
                Text(t("due {when}", when=f.moment(row["due"])), "span", "os-muted os-small os-number")
    if len(rows) > SHOWN:
        more = t("All {n}", n=f.number(len(rows)))
        anchor(visit.link("/reports/deliveries", warehouse=code), "os-small", more)
