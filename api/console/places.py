"""Which place a page is about: a field that finds it by its name or its code."""

from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console.visit import Visit

PLACE_COOKIE: Final = "omnistock_place"
_LIST_MAX: Final = 12
"""places that are found in a list; among more one types"""
Places = dict[str, dict[str, Any]]


def own_place(request: Request, visit: Visit, places: Places) -> str:
    """The one that the address names, else the one chosen last, else the most preferred; nothing where there is none.

    Moments are written by its clock from here on.
    """
    chosen = visit.query.get("warehouse") or request.cookies.get(PLACE_COOKIE, "")
    code = chosen if chosen in places else next(iter(places), "")
    visit.use_zone(places.get(code, {}).get("time_zone"))
    return code


def place_choice(visit: Visit, places: Places, code: str) -> None:
    """One of them, which is remembered for pages that are about one place."""

    def go(chosen: str) -> None:
        ui.run_javascript(f'document.cookie="{PLACE_COOKIE}={chosen};path=/;max-age=31536000;samesite=lax"')
        ui.navigate.to(visit.here(warehouse=chosen))

    names = {each: f"{place['name']} ({each})" for each, place in places.items()}
    select = ui.select(names, value=code, with_input=len(names) > _LIST_MAX, on_change=lambda event: go(event.value))
    select.props("outlined dense options-dense").classes("os-search")
    select.props["aria-label"] = visit.t("Place")


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
