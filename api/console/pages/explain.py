"""Why is this figure what it is? Its parts and their sum, now or at a moment; and why a command ended as it did."""

from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from api.console import charts
from api.console.client import ApiProblem
from api.console.events import kind_words, outcome_words, signed
from api.console.frame import frame, route
from api.console.made_by import ENTRIES as ENTRIES_BACK
from api.console.made_by import command_of
from api.console.parts import Column, Section, badge, card, drawn, empty, failed, line, table
from api.console.text import Text, anchor, box, short
from api.console.visit import Desk, Visit, visit_of

ENTRIES: Final = 200


def register(desk: Desk) -> None:
    """`/explain` and `/explain/{sku}/{warehouse}`"""

    @route("/explain")
    async def ask(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("Explain a figure"), t("Every unit is explained by the entries behind it")):
            with box("os-grid"):
                with card(t("Stock of a product in a place"), classes="os-w6"):
                    await _ask_cell(visit)
                with card(t("A command: why it was refused, or sourced from where it was"), classes="os-w6"):
                    _ask_command(visit)
            if command := visit.query.get("command", ""):
                Section(visit, lambda: _why(visit, command), lambda found: _show_why(visit, found))
            elif reservation := visit.query.get("reservation", ""):
                Section(
                    visit, lambda: _why_held(visit, reservation), lambda found: _show_held(visit, reservation, found)
                )

    @route("/explain/{sku}/{warehouse}")
    async def cell(request: Request, sku: str, warehouse: str) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        try:
            place = (await desk.warehouses()).get(warehouse)
            name = (await desk.names([sku]))[sku]
        except ApiProblem as problem:
            if problem.status not in (404, 422):
                raise
            with frame(visit, sku, active="/explain"):
                failed(visit, problem)
            return
        visit.use_zone((place or {}).get("time_zone"))
        words = f"{sku} · {place['name'] if place else warehouse}"
        with frame(visit, name, words, active="/explain"):
            _moment(visit)
            Section(visit, lambda: _explained(visit, sku, warehouse), lambda found: _show(visit, found), lines=10)
            anchor(f"/stock/{sku}", "os-small", t("This product in every place"))


async def _ask_cell(visit: Visit) -> None:
    t = visit.t
    try:
        places = {code: f"{place['name']} ({code})" for code, place in (await visit.desk.warehouses()).items()}
    except ApiProblem as problem:
        failed(visit, problem)
        return
    sku = ui.input(t("SKU")).props("outlined dense maxlength=64").classes("os-search")
    place = ui.select(places, label=t("Place"), value=next(iter(places), None), with_input=True)
    place.props("outlined dense").classes("os-search")

    def go() -> None:
        if sku.value and place.value:
            ui.navigate.to(f"/explain/{sku.value.strip()}/{place.value}")

    sku.on("keydown.enter", go)
    ui.button(t("Explain"), on_click=go).props("unelevated color=primary")


def _ask_command(visit: Visit) -> None:
    t = visit.t
    command = ui.input(t("Command id"), value=visit.query.get("command", "")).props("outlined dense maxlength=64")
    command.classes("os-search")

    def go() -> None:
        if command.value:
            ui.navigate.to(visit.link("/explain", command=command.value.strip()))

    command.on("keydown.enter", go)
    ui.button(t("Explain"), on_click=go).props("unelevated color=primary")


def _moment(visit: Visit) -> None:
    t = visit.t
    with box("os-filters"):
        title = t("As of, by the clock of {zone}", zone=visit.f.zone_name)
        field = ui.input(title, value=visit.to_clock(visit.query.get("as_of")))
        field.props("type=datetime-local outlined dense stack-label")
        field.on("change", lambda: ui.navigate.to(visit.here(as_of=visit.to_utc(field.value))))
        if visit.query.get("as_of"):
            anchor(visit.here(as_of=None), "os-preset", t("Now"))


async def _explained(visit: Visit, sku: str, warehouse: str) -> dict[str, Any]:
    params = {"limit": ENTRIES, "as_of": visit.query.get("as_of")}
    found: dict[str, Any] = await visit.desk.api.get(f"/v1/explain/{sku}/{warehouse}", params)
    return found


def _show(visit: Visit, found: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    with card(t("The sum")):
        with box("os-sum").props("data-testid=sum"):
            for words, name, sign in (
                ("On hand", "on_hand", ""),
                ("Reserved", "reserved", "−"),
                ("Safety stock", "safety_stock", "−"),
                ("Available", "available", "="),
            ):
                with ui.element("div"):
                    Text(f"{sign} {f.number(found[name])}".strip(), "b")
                    Text(t(words), "small")
        with box("os-row"):
            good = found["checked"]
            badge(t("the parts add up") if good else t("the parts do not add up"), "good" if good else "bad")
            for words, name in (
                ("Incoming", "incoming"),
                ("Floor", "floor"),
                ("Reorder point", "reorder_point"),
                ("Order up to", "order_up_to"),
            ):
                if found[name]:
                    badge(f"{t(words)} {f.number(found[name])}")
    if not found["entries"]:
        empty("history", t("No entries"), t("Nothing ever moved here"))
        return
    with box("os-grid"):
        with card(t("On hand, by kind of entry"), classes="os-w6"):
            _kinds(visit, found["kinds"])
        with card(t("How it came about"), classes="os-w6"):
            points = [(entry["at"], float(entry["on_hand"])) for entry in reversed(found["entries"])]
            held = [(entry["at"], float(entry["reserved"])) for entry in reversed(found["entries"])]
            drawn(visit, charts.lines({t("On hand"): points, t("Reserved"): held}, steps=True), "os-chart-low")
        with card(t("Open holds"), t("whose sum is Reserved"), "os-w6"):
            _holds(visit, found)
        with card(t("On their way"), t("whose sum is Incoming"), "os-w6"):
            if not found["sources"]:
                empty("local_shipping", t("Nothing is on its way"))
            for source in found["sources"]:
                with line(short(source["source"] or "–"), icon="local_shipping"):
                    Text(f.number(source["quantity"]), "span", "os-number")
    with card(
        t("Last entries"),
        t("{n} more before these", n=f.number(found["entries_left_out"])) if found["entries_left_out"] else "",
    ):
        _entries(visit, found["entries"])


def _kinds(visit: Visit, kinds: list[dict[str, Any]]) -> None:
    t, f = visit.t, visit.f
    rows = [
        {
            "kind": kind_words(visit, kind["kind"]),
            "entries": kind["entries"],
            "entries_text": f.number(kind["entries"]),
            **{name: kind[name] for name in ("on_hand", "reserved", "incoming")},
            **{
                f"{name}_text": signed(visit, kind[name]) if kind[name] else ""
                for name in ("on_hand", "reserved", "incoming")
            },
        }
        for kind in kinds
        # What moved nothing, such as an alert, is no part of a sum.
        if kind["on_hand"] or kind["reserved"] or kind["incoming"]
    ]
    columns = [
        Column("kind", t("Kind")),
        Column("entries", t("Entries"), number=True),
        Column("on_hand", t("On hand"), number=True),
        Column("reserved", t("Reserved"), number=True),
        Column("incoming", t("Incoming"), number=True),
    ]
    table(visit, columns, rows)


def _holds(visit: Visit, found: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    if not found["holds"]:
        empty("bookmark_border", t("Nothing is held"))
    for hold in found["holds"][:50]:
        words = " · ".join(
            each for each in (visit.channel(hold["channel"]), hold["reference"], f.moment(hold["made_at"])) if each
        )
        with line(hold["reservation"][-12:], words, f"/reservations/{hold['reservation']}", "bookmark"):
            Text(f.number(hold["quantity"]), "span", "os-number")
            badge(t(str(hold["state"]).capitalize()), "brand")


def _entries(visit: Visit, entries: list[dict[str, Any]]) -> None:
    t, f = visit.t, visit.f
    rows = []
    for entry in entries:
        row: dict[str, Any] = {
            "at": entry["at"],
            "at_text": f.moment(entry["at"], seconds=True),
            "kind": kind_words(visit, entry["kind"]),
            "reference": entry["reference"] or entry["reason"] or "",
            "command": entry["command_id"] or "",
            "command_text": short(entry["command_id"] or ""),
        }
        if entry["command_id"] and entry["kind"] in ("reserve", "sell"):
            row["command_href"] = visit.link("/explain", command=entry["command_id"])
        for name in ("on_hand", "reserved", "available"):
            row |= {name: entry[name], f"{name}_text": f.number(entry[name])}
        change = entry["on_hand_delta"] or entry["reserved_delta"] or entry["incoming_delta"]
        row |= {"change": change, "change_text": signed(visit, change) if change else ""}
        rows.append(row)
    columns = [
        Column("at", t("When")),
        Column("kind", t("Kind")),
        Column("change", t("Change"), number=True),
        Column("on_hand", t("On hand"), number=True),
        Column("reserved", t("Reserved"), number=True),
        Column("available", t("Available"), number=True),
        Column("reference", t("Reference")),
        Column("command", t("Command")),
    ]
    table(visit, columns, rows)


async def _why(visit: Visit, command: str) -> dict[str, Any]:
    path = f"/v1/commands/{quote(command, safe='')}/explain"
    found: dict[str, Any] = await visit.desk.api.get(path, {"everyone": "true"})
    await visit.desk.names([each["sku"] for each in found["lines"] if each["sku"]])
    return found


async def _why_held(visit: Visit, reservation: str) -> dict[str, Any] | None:
    command = await command_of(visit, reservation)
    return None if command is None else await _why(visit, command)


def _show_held(visit: Visit, reservation: str, found: dict[str, Any] | None) -> None:
    t = visit.t
    way = f"/reservations/{reservation}", t("Reservation")
    if found is None:
        words = t(
            "It is further back than the last {n} entries: ask by the id of its command", n=visit.f.number(ENTRIES_BACK)
        )
        empty("search_off", t("Its command was not found"), words, *way)
        return
    with box("os-row"):
        Text(t("The command that made the reservation"), "span", "os-muted")
        anchor(way[0], "", short(reservation))
    _show_why(visit, found)


def _show_why(visit: Visit, found: dict[str, Any]) -> None:
    t, f = visit.t, visit.f
    command = found["command_id"]
    for each in found["lines"]:
        with card(
            f"{visit.desk.known(each['sku'] or '') or each['sku'] or '–'} · {kind_words(visit, each['kind'])}",
            " · ".join(
                (each["sku"] or "–", visit.channel(each["channel"]), f.moment(each["at"], seconds=True), command)
            ),
        ):
            good = each["outcome"] == "ok"
            with box("os-row"):
                badge(outcome_words(visit, each["outcome"]), "good" if good else "bad")
                if each.get("because") and each["because"] != each["outcome"]:
                    badge(outcome_words(visit, each["because"]), "brand")
                asked = t("{n} asked for, {m} obtained", n=f.number(each["requested"]), m=f.number(each["obtained"]))
                Text(asked, "span", "os-muted")
            taken = {one["warehouse"]: one["quantity"] for one in each["taken_from"]}
            rows = [
                {
                    "rank": -1 if cell["rank"] is None else cell["rank"],
                    "rank_text": t("not asked") if cell["rank"] is None else f.number(cell["rank"] + 1),
                    "warehouse": visit.place(cell["warehouse"]),
                    "warehouse_href": f"/explain/{each['sku']}/{cell['warehouse']}",
                    "available": cell["available"],
                    "available_text": f.number(cell["available"]),
                    "taken": taken.get(cell["warehouse"], 0),
                    "taken_text": f.number(taken.get(cell["warehouse"], 0)),
                }
                for cell in each["places"]
            ]
            columns = [
                Column("rank", t("Asked as"), number=True),
                Column("warehouse", t("Place")),
                Column("available", t("Available just before"), number=True),
                Column("taken", t("Taken"), number=True),
            ]
            table(visit, columns, rows)
