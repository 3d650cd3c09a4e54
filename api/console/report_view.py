"""A report as people read it: each column written by what it holds, and a chart that shows what the report is for."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from api.console import charts
from api.console.figures import UNSAID, Figures
from api.console.visit import Visit

Rows = list[dict[str, Any]]
Columns = list[dict[str, Any]]

PERCENT: Final = frozenset((
    "share", "growth", "refusal_rate", "return_rate", "conversion", "confidence", "sell_through", "running", "rate",
    "cart_rate", "margin_rate",
))  # fmt: skip
"""of the columns that hold a ratio: those that people read as percent"""
SKUS: Final = frozenset(("sku", "with", "suggested"))
NAMED: Final[dict[str, Callable[[Visit, str], str]]] = {
    "channel": lambda visit, code: visit.channel(code),
    "warehouse": lambda visit, code: visit.place(code),
    "state": lambda visit, code: visit.t(code),
    "closed_by": lambda _, client: client.removeprefix("console:"),
    "because": lambda visit, code: visit.t(code.replace("_", " ")),
}
"""columns of codes that have names, or are a word"""
CHART_BARS: Final = 20


def cells(visit: Visit, columns: Columns, rows: Rows) -> Rows:
    """Rows with what is to be read beside what is to be sorted by, and ways from a SKU to its page."""
    shown: Rows = []
    for row in rows:
        currency = row.get("currency", UNSAID)
        made: dict[str, Any] = {}
        for column in columns:
            name, holds, value = column["name"], column["holds"], row[column["name"]]
            made[name] = value
            made[f"{name}_text"] = written(visit.f, name, holds, value, currency)
            if name in NAMED and value:
                made[f"{name}_text"] = NAMED[name](visit, str(value))
            if name in SKUS and value:
                place = row.get("warehouse")
                made[f"{name}_href"] = f"/explain/{value}/{place}" if place and name == "sku" else f"/stock/{value}"
        shown.append(made)
    return shown


def written(f: Figures, name: str, holds: str, value: Any, currency: str | None) -> str:
    """One cell."""
    if holds == "share" and name in PERCENT:
        return f.share(value)
    if name == "period" and value is not None:
        return f.whole_period(str(value))
    if name == "weekday" and value is not None:
        return f.weekday(int(value))
    return f.cell(value, holds, currency)


def is_number(column: Mapping[str, Any]) -> bool:
    """Whether it stands at the right."""
    return column["holds"] in ("units", "money", "count", "share") and column["name"] != "weekday"


def chart(visit: Visit, name: str, columns: Columns, rows: Rows) -> charts.Options | None:
    """The report's own chart, else the first figure by the first name; None when there is nothing to draw."""
    if not rows:
        return None
    own = CHARTS.get(name)
    return own(visit, rows) if own is not None else _plain(visit, columns, rows)


def _plain(visit: Visit, columns: Columns, rows: Rows) -> charts.Options | None:
    names = [
        column["name"] for column in columns if column["holds"] in ("text", "day") and column["name"] != "currency"
    ]
    figures = [column for column in columns if is_number(column)]
    if not names or not figures:
        return None
    figure = figures[0]
    if columns[0]["holds"] == "day":
        return _by_day(visit, rows, columns[0]["name"], figure)
    by = ("warehouse" if "warehouse" in names and names[0] == "sku" else names[0]) if len(names) > 1 else names[0]
    return _top(visit, rows, by, figure["name"], money=figure["holds"] == "money")


def _by_day(visit: Visit, rows: Rows, day: str, figure: Mapping[str, Any]) -> charts.Options | None:
    """Days stand in their order, however much they brought."""
    sums: dict[str, float] = {}
    for row in rows:
        if row[day] is not None:
            sums[str(row[day])[:10]] = sums.get(str(row[day])[:10], 0.0) + float(row[figure["name"]] or 0)
    days = sorted(sums)
    labels = [visit.f.period(each) for each in days]
    return charts.columns(labels, {figure["name"]: [sums[each] for each in days]}) if days else None


def _top(
    visit: Visit, rows: Rows, by: str, figure: str, *, money: bool = False, unit: str = ""
) -> charts.Options | None:
    currency = _currency(rows) if money else None
    sums: dict[str, float] = {}
    for row in rows:
        if not money or row.get("currency") == currency:
            key = NAMED.get(by, _as_it_is)(visit, str(row[by])) if row[by] is not None else "–"
            sums[key] = sums.get(key, 0.0) + float(row[figure] or 0)
    top = sorted(sums.items(), key=lambda each: each[1], reverse=True)[:CHART_BARS]
    if not any(value for _, value in top):
        return None
    values = [visit.f.major(value, currency) if currency else round(value, 3) for _, value in top]
    return charts.bars([key for key, _ in top], values, unit=currency or unit)


def _as_it_is(_: Visit, code: str) -> str:
    return code


def _currency(rows: Rows) -> str | None:
    counted: dict[str, int] = {}
    for row in rows:
        if row.get("currency"):
            counted[row["currency"]] = counted.get(row["currency"], 0) + 1
    return max(counted, key=lambda each: counted[each], default=None)


def _sales(visit: Visit, rows: Rows) -> charts.Options | None:
    currency = _currency(rows)
    priced = [row for row in rows if row["currency"] == currency] if currency else []
    if not priced or currency is None:
        return None
    periods = sorted({str(row["period"]) for row in priced})
    series: dict[str, list[float]] = {}
    for row in priced:
        values = series.setdefault(visit.channel(row["channel"]), [0.0] * len(periods))
        values[periods.index(str(row["period"]))] += visit.f.major(row["net"], currency)
    # Hours of several days are told apart by their day.
    several = len({period[:10] for period in periods}) > 1 and "T" in periods[0]
    labels = [
        f"{visit.f.period(each[:10])} {visit.f.period(each)}" if several else visit.f.period(each) for each in periods
    ]
    palette = visit.channel_colours(row["channel"] for row in priced)
    return charts.columns(labels, series, stacked=True, unit=currency, palette=palette)


def funnel_stages(visit: Visit, rows: Rows) -> list[tuple[str, float]]:
    """From what was asked for to what left the house, as far as the report says."""
    steps = (("requested", "Requested"), ("held", "Reserved"), ("confirmed", "Confirmed"), ("fulfilled", "Fulfilled"))
    return [(visit.t(title), sum(row[name] for row in rows)) for name, title in steps if name in rows[0]]


def _funnel(visit: Visit, rows: Rows) -> charts.Options | None:
    return charts.funnel(funnel_stages(visit, rows))


def _hours(visit: Visit, rows: Rows) -> charts.Options | None:
    orders: dict[tuple[int, int], float] = {}
    for row in rows:
        at = (int(row["hour"]), int(row["weekday"]) - 1)
        orders[at] = orders.get(at, 0) + row["orders"]
    shades = [(hour, weekday, value) for (hour, weekday), value in orders.items()]
    return charts.heat([visit.f.weekday(day) for day in range(1, 8)], [str(hour) for hour in range(24)], shades)


def _pareto(visit: Visit, rows: Rows) -> charts.Options | None:
    counted: dict[str, int] = {}
    for row in rows:
        counted[f"{row['abc']}{row['xyz'] or ''}"] = counted.get(f"{row['abc']}{row['xyz'] or ''}", 0) + 1
    classes = sorted(counted)
    return charts.columns(classes, {visit.t("products"): [counted[each] for each in classes]}, unit=visit.t("products"))


def _shares(visit: Visit, rows: Rows) -> charts.Options | None:
    currency = _currency(rows)
    parts = [
        (visit.channel(row["channel"]), visit.f.major(row["net"], currency))
        for row in rows
        if currency and row["currency"] == currency and row["net"] > 0
    ]
    palette = visit.channel_colours(row["channel"] for row in rows)
    return charts.ring(parts, palette, unit=currency or "") if parts else None


def _days(figure: str) -> Callable[[Visit, Rows], charts.Options | None]:
    def drawn(visit: Visit, rows: Rows) -> charts.Options | None:
        days = sorted({str(row["day"]) for row in rows})
        series: dict[str, list[float]] = {}
        for row in rows:
            values = series.setdefault(visit.channel(row["channel"]), [0.0] * len(days))
            values[days.index(str(row["day"]))] += row[figure]
        labels = [visit.f.period(day[:10]) for day in days]
        palette = visit.channel_colours(str(row["channel"]) for row in rows)
        return charts.columns(labels, series, stacked=True, unit=visit.t("units"), palette=palette)

    return drawn


CHARTS: Final[dict[str, Callable[[Visit, Rows], charts.Options | None]]] = {
    "channel_sales": _sales,
    "channel_comparison": _shares,
    "reservation_funnel": _funnel,
    "hourly_profile": _hours,
    "abc_xyz": _pareto,
    "unmet_demand": _days("unmet"),
    "late_corrections": _days("units"),
    "product_channels": lambda visit, rows: _top(visit, rows, "channel", "units", unit=visit.t("units")),
    "stock_outs": lambda visit, rows: (
        _top(visit, rows, "sku", "lost_sales", money=True) or _top(visit, rows, "sku", "hours", unit=visit.t("hours"))
    ),
    "turnover": lambda visit, rows: _top(visit, rows, "sku", "sold", unit=visit.t("units")),
    "slow_stock": lambda visit, rows: _top(visit, rows, "sku", "on_hand", unit=visit.t("units")),
    "stock_as_of": lambda visit, rows: _top(visit, rows, "warehouse", "on_hand", unit=visit.t("units")),
    "basket_affinity": lambda visit, rows: _top(visit, rows, "with", "orders", unit=visit.t("orders")),
    "suggestions": lambda visit, rows: _top(visit, rows, "suggested", "orders", unit=visit.t("orders")),
    "channel_tax": lambda visit, rows: (
        _top(visit, rows, "channel", "tax", money=True) or _top(visit, rows, "channel", "net", money=True)
    ),
}
