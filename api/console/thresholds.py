"""What a planner sets for a cell: safety stock, floor, reorder point, order-up-to. In the planner's own name."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from nicegui import ui

from api.console.client import ApiProblem
from api.console.events import outcome_words
from api.console.parts import sentence
from api.console.text import Text, box
from api.console.visit import Visit

FIELDS: Final = {
    "safety_stock": "Safety stock",
    "floor": "Floor",
    "reorder_point": "Reorder point",
    "order_up_to": "Order up to",
}
HINTS: Final = {
    "safety_stock": "withheld from remote channels",
    "floor": "how far below zero orders may go",
    "reorder_point": "an alert is raised when on hand − reserved + incoming falls to it",
    "order_up_to": "what an order fills up to",
}


def threshold_dialog(visit: Visit, sku: str, done: Callable[[], Awaitable[None]]) -> None:
    """The button, and the form behind it."""
    t = visit.t
    with ui.dialog() as dialog, ui.card().classes("os-card").style("max-width:26rem"):
        Text(t("Thresholds of {sku}", sku=sku), "h2", "os-card-title")
        place = ui.select([], label=t("Place"), with_input=True).props("outlined dense").classes("os-search")
        fields: dict[str, ui.number] = {}
        for name, title in FIELDS.items():
            number = ui.number(t(title), min=0, precision=3).props("outlined dense clearable")
            number.props["hint"] = t(HINTS[name])
            fields[name] = number.classes("os-search")
        with box("os-row"):
            ui.space()
            ui.button(t("Cancel"), on_click=dialog.close, color=None).props("flat").classes("os-soft")
            ui.button(t("Save"), on_click=lambda: save()).props("unelevated color=primary")

    filled: list[str | None] = [None]

    async def fill(code: str | None) -> None:
        if code is None or code == filled[0]:
            return
        filled[0] = code
        # Nobody types into a field that is about to be filled: what was typed would be gone.
        for field in fields.values():
            field.disable()
        try:
            found: dict[str, Any] = await visit.desk.api.get(f"/v1/explain/{sku}/{code}", {"limit": 1})
        except ApiProblem:
            found = {}
        if filled[0] == code:
            for name, field in fields.items():
                field.set_value(found.get(name))
                field.enable()

    async def show() -> None:
        try:
            stock = await visit.desk.api.get(f"/v1/stock/{sku}")
            everywhere = list(await visit.desk.warehouses())
        except ApiProblem as problem:
            ui.notify(t(sentence(problem)), type="negative")
            return
        own = [cell["warehouse"] for cell in stock["cells"]]
        place.set_options([*own, *(code for code in everywhere if code not in own)])
        if place.value is None and own:
            place.set_value(own[0])
        filled[0] = None
        await fill(place.value)
        dialog.open()

    async def save() -> None:
        given = {name: _whole(field.value) for name, field in fields.items() if field.value is not None}
        if place.value is None or not given:
            ui.notify(t("Choose a place and at least one figure"), type="warning")
            return
        command = {"id": str(uuid.uuid4()), "kind": "configure", "sku": sku, "warehouse": place.value, **given}
        try:
            found = await visit.desk.api.change(visit.account.key, "POST", "/v1/commands", command)
        except ApiProblem as problem:
            ui.notify(t(sentence(problem)), type="negative")
            return
        outcome = found["results"][0]["outcome"]
        if outcome != "ok":
            ui.notify(outcome_words(visit, outcome), type="negative")
            return
        ui.notify(t("Saved"), type="positive")
        dialog.close()
        await done()

    place.on_value_change(lambda event: fill(event.value))
    with box("os-row"):
        ui.button(t("Set thresholds"), icon="tune", on_click=show).props("unelevated color=primary")


def _whole(value: float) -> float | int:
    """5 rather than 5.0: a quantity has no more decimals than its SKU."""
    return int(value) if value == int(value) else value
