"""Which channel to push and which to close: share, growth, basket, refusals, returns, beside each other."""

from typing import Any, Final

from fastapi import Request

from api.console import charts
from api.console.figures import Figures
from api.console.frame import frame, route
from api.console.pages.overview import main_currency
from api.console.parts import Column, Section, card, drawn, empty, table
from api.console.report_view import funnel_stages
from api.console.spans import Span, span_of, span_presets, span_words
from api.console.text import box
from api.console.visit import Desk, Visit, visit_of

HOURS: Final = 24
Rows = list[dict[str, Any]]


def register(desk: Desk) -> None:
    """`/channels`"""

    @route("/channels")
    async def channels(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        span = await span_of(visit)
        with frame(visit, t("Channels"), span_words(visit, span)):
            span_presets(visit, span)
            with card(t("Beside each other"), t("growth is against as many days before")):
                Section(visit, lambda: _compared(visit, span), lambda rows: _show_compared(visit, span, rows))
            with box("os-grid"):
                with card(t("Share of sales"), t("net of returns"), "os-w5"):
                    Section(visit, lambda: _compared(visit, span), lambda rows: _show_share(visit, span, rows))
                with card(t("Sales over time"), t("net of returns"), "os-w7"):
                    Section(visit, lambda: _over_time(visit, span), lambda rows: _show_over_time(visit, span, rows))
                with card(t("From reservation to goods"), t("units, up to now"), "os-w6"):
                    Section(visit, lambda: _funnel(visit, span), lambda rows: _show_funnel(visit, span, rows))
                with card(t("When they sell"), t("orders by weekday and hour of the place"), "os-w6"):
                    Section(visit, lambda: _hours(visit, span), lambda rows: _show_hours(visit, span, rows))


def no_sales(visit: Visit) -> None:
    """Nothing in these days; and where there may be something."""
    t = visit.t
    empty(
        "event_busy",
        t("No sales in these days"),
        "",
        visit.here(span="all", **{"from": None, "to": None}),
        t("All time"),
    )


async def _compared(visit: Visit, span: Span) -> Rows:
    return await visit.desk.report("channel_comparison", span.given)


def _show_compared(visit: Visit, span: Span, rows: Rows) -> None:
    t, f = visit.t, visit.f
    if not rows:
        no_sales(visit)
        return
    columns = [
        Column("channel", t("Channel")),
        Column("net", t("Net sales"), number=True),
        Column("share", t("Share"), number=True),
        Column("growth", t("Growth"), number=True),
        Column("orders", t("Orders"), number=True),
        Column("units", t("Units"), number=True),
        Column("basket", t("Average basket"), number=True),
        Column("refusal_rate", t("Refused"), number=True),
        Column("return_rate", t("Returned"), number=True),
    ]
    if any(row.get("per_order") is not None for row in rows):
        columns.append(Column("per_order", t("Contribution per order"), number=True))
    table(visit, columns, [_compared_row(f, visit.channel(row["channel"]), t("without a price"), row) for row in rows])


def _compared_row(f: Figures, called: str, unpriced: str, row: dict[str, Any]) -> dict[str, Any]:
    shown = {**row, "channel": called if row["currency"] else f"{called} ({unpriced})"}
    for name in ("net", "basket", "per_order"):
        shown[f"{name}_text"] = f.money(row.get(name), row["currency"])
    for name in ("share", "refusal_rate", "return_rate"):
        shown[f"{name}_text"] = f.share(row[name])
    shown |= {"orders_text": f.number(row["orders"]), "units_text": f.number(row["units"])}
    growth = row["growth"]
    shown["growth_text"] = f.share(growth) if growth is None or growth <= 0 else f"+{f.share(growth)}"
    shown["growth_class"] = "" if not growth else "os-good" if growth > 0 else "os-bad"
    shown["refusal_rate_class"] = "os-bad" if row["refusal_rate"] and row["refusal_rate"] > 0.05 else ""
    return shown


def _show_share(visit: Visit, span: Span, rows: Rows) -> None:
    currency = main_currency(rows)
    parts = [
        (visit.channel(row["channel"]), visit.f.major(row["net"], currency))
        for row in rows
        if currency and row["currency"] == currency and row["net"] > 0
    ]
    if not parts:
        no_sales(visit)
        return
    drawn(visit, charts.ring(parts, visit.channel_colours(row["channel"] for row in rows), unit=currency or ""))


async def _over_time(visit: Visit, span: Span) -> Rows:
    by = "hour" if span.days == 1 else "day" if span.days is not None and span.days <= 92 else "week"
    return await visit.desk.report("channel_sales", {"by": by, **span.given})


def _show_over_time(visit: Visit, span: Span, rows: Rows) -> None:
    currency = main_currency(rows)
    rows = [row for row in rows if row["currency"] == currency]
    if not rows or currency is None:
        no_sales(visit)
        return
    periods = sorted({row["period"] for row in rows})
    series: dict[str, list[float]] = {}
    for row in rows:
        values = series.setdefault(visit.channel(row["channel"]), [0.0] * len(periods))
        values[periods.index(row["period"])] = visit.f.major(row["net"], currency)
    labels = [visit.f.period(period) for period in periods]
    palette = visit.channel_colours(row["channel"] for row in rows)
    options = charts.columns(labels, series, stacked=True, unit=currency, palette=palette)
    drawn(visit, options)


async def _funnel(visit: Visit, span: Span) -> Rows:
    return await visit.desk.report("reservation_funnel", span.given)


def _show_funnel(visit: Visit, span: Span, rows: Rows) -> None:
    t = visit.t
    if not rows:
        empty("filter_alt", t("Nothing was reserved in these days"))
        return
    drawn(visit, charts.funnel(funnel_stages(visit, rows)), "os-chart-low")
    shown = [
        {
            **row,
            "channel": visit.channel(row["channel"]),
            "lost_text": visit.f.number(row["released"] + row["cancelled"]),
            "conversion_text": visit.f.share(row["conversion"]),
            "held_text": visit.f.number(row["held"]),
            "lost": row["released"] + row["cancelled"],
            "expired_text": visit.f.number(row["expired"]),
        }
        for row in rows
    ]
    columns = [
        Column("channel", t("Channel")),
        Column("held", t("Reserved"), number=True),
        Column("lost", t("Given back"), number=True),
        Column("expired", t("Expired"), number=True),
        Column("conversion", t("Conversion"), number=True),
    ]
    table(visit, columns, shown)


async def _hours(visit: Visit, span: Span) -> Rows:
    return await visit.desk.report("hourly_profile", span.given, for_s=60.0)


def _show_hours(visit: Visit, span: Span, rows: Rows) -> None:
    if not rows:
        no_sales(visit)
        return
    orders: dict[tuple[int, int], float] = {}
    for row in rows:
        at = (int(row["hour"]), int(row["weekday"]) - 1)
        orders[at] = orders.get(at, 0) + row["orders"]
    weekdays = [visit.f.weekday(number) for number in range(1, 8)]
    cells = [(hour, weekday, value) for (hour, weekday), value in orders.items()]
    drawn(visit, charts.heat(weekdays, [f"{hour}" for hour in range(HOURS)], cells))
