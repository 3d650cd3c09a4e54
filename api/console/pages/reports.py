"""Every report: what there is, and each as a table and a chart, filtered, and to take away."""

from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.charts import Options
from api.console.client import ApiProblem
from api.console.download import FORMATS
from api.console.frame import frame, route
from api.console.parts import Column, Section, card, drawn, empty, line, presets, table
from api.console.report_view import SKUS, cells, chart, is_number
from api.console.spans import Span, span_of, span_presets, span_words
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, visit_of

ROWS_SHOWN: Final = 1_000
"""on the page; all of them are in the download"""
FRESH_S: Final = 5.0
ICONS: Final = {
    "product_margins": "savings",
    "books": "menu_book",
    "book_corrections": "edit_note",
    "conversion": "ads_click",
    "empty_searches": "search_off",
    "ageing": "event_note",
    "channel_sales": "bar_chart",
    "product_channels": "hub",
    "stock_as_of": "inventory_2",
    "deliveries": "local_shipping",
    "demand": "shopping_cart",
    "unmet_demand": "production_quantity_limits",
    "channel_comparison": "compare",
    "channel_tax": "receipt_long",
    "late_corrections": "history",
    "reservation_funnel": "filter_alt",
    "hourly_profile": "schedule",
    "basket_affinity": "join_inner",
    "suggestions": "recommend",
    "abc_xyz": "sort",
    "slow_stock": "hourglass_bottom",
    "stock_outs": "remove_shopping_cart",
    "turnover": "autorenew",
}
OF_BOOKS: Final = frozenset(("books", "book_corrections"))
"""that lead to where a day is closed"""
TAKES: Final = frozenset(("channel", "warehouse", "sku", "group"))
Described = dict[str, Any]


def register(desk: Desk) -> None:
    """`/reports` and `/reports/{name}`"""

    @route("/reports")
    async def reports(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("Reports"), t("Each as a table, a chart, and a file")), card():
            Section(visit, lambda: described(visit), lambda found: _list(visit, found), lines=10)

    @route("/reports/{name}")
    async def report(request: Request, name: str) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        try:
            found = (await described(visit)).get(name)
        except ApiProblem:
            found = None
        if found is None:
            with frame(visit, t("Reports"), active="/reports"):
                empty("search_off", t("There is no such report"), name, "/reports", t("All reports"))
            return
        takes = {parameter["name"] for parameter in found["parameters"]}
        days = "from" in takes
        span = await span_of(visit, "28") if days else Span("all", None, None)
        words = t(found["about"]) + (f" · {span_words(visit, span)}" if days else "")
        with frame(visit, t(title_of(name)), words, active="/reports"):
            if days:
                span_presets(visit, span)
            if name in OF_BOOKS:
                presets([(t("Close the day"), visit.link("/books", warehouse=visit.query.get("warehouse")), False)])
            await _filters(visit, found, span)
            Section(visit, lambda: _rows(visit, found, span), lambda page: _show(visit, found, span, *page), lines=8)


async def described(visit: Visit) -> dict[str, Described]:
    """All reports by name."""
    found = await visit.desk.api.shared("/v1/reports", for_s=300.0)
    return {each["name"]: each for each in found["items"]}


def title_of(name: str) -> str:
    """channel_sales as Channel sales; to be translated."""
    return name.replace("_", " ").capitalize().replace("Abc xyz", "ABC / XYZ")


def _list(visit: Visit, found: dict[str, Described]) -> None:
    with box("os-list"):
        for name, report in found.items():
            with line(
                visit.t(title_of(name)), visit.t(report["about"]), f"/reports/{name}", ICONS.get(name, "table_chart")
            ):
                ui.icon("chevron_right").classes("os-muted")


async def _filters(visit: Visit, found: Described, span: Span) -> None:
    t = visit.t
    takes: dict[str, Any] = {parameter["name"]: parameter["takes"] for parameter in found["parameters"]}
    try:
        known = {"channel": await visit.desk.channels(), "warehouse": await visit.desk.warehouses()}
    except ApiProblem:
        known = {"channel": {}, "warehouse": {}}

    def go(**given: str | None) -> None:
        ui.navigate.to(visit.here(**given))

    with box("os-filters"):
        if "from" in takes:
            for name, title, day in (("from", "From", span.first), ("to", "To", span.last)):
                field = ui.input(t(title), value="" if day is None else day.isoformat())
                field.props("type=date outlined dense stack-label")
                field.on("change", lambda event, name=name: go(**_dates(span, name, _value(event)), span=None))
        for name in ("channel", "warehouse"):
            if name in takes:
                chosen = visit.query.get(name)
                options = {"": t("All"), **{code: each["name"] for code, each in known[name].items()}}
                select = ui.select(
                    options,
                    label=t("Channel" if name == "channel" else "Place"),
                    value=chosen if chosen in options else "",
                )
                select.props("outlined dense options-dense").on_value_change(
                    lambda event, name=name: go(**{name: event.value})
                )
        for name in ("sku", "group"):
            if name in takes:
                text = ui.input(t("SKU" if name == "sku" else "Group"), value=visit.query.get(name, ""))
                text.props("outlined dense clearable maxlength=64")
                text.on("keydown.enter", lambda _, name=name, text=text: go(**{name: text.value}))
                text.on("clear", lambda _, name=name: go(**{name: None}))
        if "at" in takes:
            title = t("As of, by the clock of {zone}", zone=visit.f.zone_name)
            moment = ui.input(title, value=visit.to_clock(visit.query.get("at")))
            moment.props("type=datetime-local outlined dense stack-label")
            moment.on("change", lambda event: go(at=visit.to_utc(_value(event))))
        for name, values in takes.items():
            if isinstance(values, list):
                shown = ui.select(
                    {each: t(each.capitalize()) for each in values},
                    label=t(name.capitalize()),
                    value=visit.query.get(name, values[0]),
                )
                shown.props("outlined dense").on_value_change(lambda event, name=name: go(**{name: event.value}))


def _value(event: Any) -> str:
    """What a native field holds after it changed."""
    return str(event.sender.value or "")


def _dates(span: Span, name: str, value: str) -> dict[str, str | None]:
    return {**span.given, name: value or None}


def asked_of(visit: Visit, found: Described, span: Span) -> dict[str, str | None]:
    """What the address says of what this report takes."""
    takes = {parameter["name"] for parameter in found["parameters"]}
    given: dict[str, str | None] = {name: visit.query.get(name) for name in takes if name not in ("from", "to")}
    if "from" in takes:
        given |= span.given
    return given


Page = tuple[list[dict[str, Any]], bool, dict[str, Any] | None, Options | None]


async def _rows(visit: Visit, found: Described, span: Span) -> Page:
    """(the first rows, whether these are all, as of when, their chart)."""
    if found["name"] == "suggestions" and not visit.query.get("sku"):
        return [], True, None, None
    page, whole = await visit.desk.api.preview(f"/v1/reports/{found['name']}", asked_of(visit, found, span))
    rows = [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
    options = chart(visit, found["name"], found["columns"], rows)
    if options is not None:
        await _name_bars(visit, options, rows)
    return rows[:ROWS_SHOWN], whole and len(rows) <= ROWS_SHOWN, page.get("as_of"), options


async def _name_bars(visit: Visit, options: Options, rows: list[dict[str, Any]]) -> None:
    """Bars of products say what these are called."""
    axis = options.get("yAxis", {})
    skus = {row[name] for row in rows for name in SKUS if name in row}
    if axis.get("data") and set(axis["data"]) <= skus:
        names = await visit.desk.names(axis["data"])
        axis["data"] = [names[sku] for sku in axis["data"]]


def _show(
    visit: Visit,
    found: Described,
    span: Span,
    rows: list[dict[str, Any]],
    whole: bool,
    as_of: dict[str, Any] | None,
    options: Options | None,
) -> None:
    t, f = visit.t, visit.f
    name, columns = found["name"], found["columns"]
    if not rows:
        way = (
            (visit.here(span="all", **{"from": None, "to": None}), t("All time"))
            if span.first or span.last
            else ("", "")
        )
        needs = name == "suggestions" and not visit.query.get("sku")
        empty("search_off", t("Say which SKU") if needs else t("Nothing in these days and filters"), "", *way)
        return
    if options is not None:
        with card():
            drawn(visit, options)
    with card():
        with box("os-row"):
            count = t("{n} rows", n=f.number(len(rows))) if whole else t("the first {n} rows", n=f.number(len(rows)))
            Text(count, "span", "os-muted os-small").props("data-testid=rows")
            if as_of is not None:
                Text(t("as of {moment}", moment=f.moment(as_of["at"], seconds=True)), "span", "os-muted os-small")
            ui.space()
            for format_, (title, _) in FORMATS.items():
                target = visit.link(f"/download/{name}", format=format_, **asked_of(visit, found, span))
                anchor(target, "os-preset", f"↓ {title}").props("download")
        heads = [Column(column["name"], t(heading(column["name"])), is_number(column)) for column in columns]
        table(visit, heads, cells(visit, columns, rows))


def heading(name: str) -> str:
    """refusal_rate as Refusal rate; to be translated."""
    return {"sku": "SKU", "abc": "ABC", "xyz": "XYZ", "warehouse": "Place"}.get(
        name, name.replace("_", " ").capitalize()
    )
