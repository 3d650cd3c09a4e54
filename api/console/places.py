"""Which place a page is about: a field that finds it by its name or its code."""

from nicegui import ui

from api.console.visit import Visit


async def place_filter(visit: Visit) -> None:
    """All places, or the one that the address names; to choose another leads to its first page."""
    t = visit.t
    chosen = visit.query.get("warehouse", "")
    options = {"": t("All places")}
    options |= {code: f"{place['name']} ({code})" for code, place in (await visit.desk.warehouses()).items()}
    options.setdefault(chosen, chosen)

    def go(code: str | None) -> None:
        ui.navigate.to(visit.here(warehouse=code or None, cursor=None))

    # What is cleared, or left empty, is every place.
    select = ui.select(
        options, label=t("Place"), value=chosen, with_input=True, on_change=lambda event: go(event.value)
    )
    select.props("outlined dense options-dense").classes("os-search")
