"""The frame of every page: header, ways to all pages, the user's menu, and the palette."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from nicegui import ui

from api.console.client import ApiProblem
from api.console.login import LOOKS
from api.console.text import Text, anchor, box
from api.console.visit import Visit
from api.console.words import LANGUAGES

SESSION_LOOK_S: Final = 20.0
"""How often a page that is open asks whether its user is still signed in."""
BRAND: Final = "#2f5bea"
PATIENCE_S: Final = 10.0
"""How long a page may wait for what its frame needs; then it says so and tries again."""


class Way(NamedTuple):
    """A way to a page."""

    path: str
    title: str
    icon: str
    group: str
    tab: bool = False
    """in the bar at the bottom of a phone"""


WAYS: Final = (
    Way("/", "Overview", "space_dashboard", "Now", True),
    Way("/today", "My warehouse today", "storefront", "Now", True),
    Way("/alerts", "Alerts", "notifications_active", "Now", True),
    Way("/feed", "Feed", "bolt", "Now"),
    Way("/devices", "Devices", "print", "Now"),
    Way("/stock", "Stock", "inventory_2", "Stock", True),
    Way("/reservations", "Reservations", "bookmark_added", "Stock"),
    Way("/explain", "Explain a figure", "manage_search", "Stock"),
    Way("/channels", "Channels", "hub", "Decide"),
    Way("/products", "Products", "category", "Decide"),
    Way("/reports", "Reports", "table_chart", "Decide", True),
    Way("/books", "Close the day", "menu_book", "Decide"),
    Way("/metrics", "What figures mean", "functions", "Decide"),
    Way("/users", "Users", "group", "Keep"),
    Way("/keys", "API keys", "key", "Keep"),
)
ADMIN_ONLY: Final = frozenset(("/users", "/keys"))
SHORT: Final = {"/today": "Today"}


def route(path: str) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Any]]:
    """A page at this path; NiceGUI's own patience and words are never met."""

    def made(build: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
        @wraps(build)
        async def patient(*given: Any, **named: Any) -> None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await build(*given, **named)
            except TimeoutError:
                raise ApiProblem(0, "unavailable", "no answer in time") from None

        return ui.page(path, response_timeout=2 * PATIENCE_S)(patient)

    return made


@contextmanager
def frame(visit: Visit, title: str, words: str = "", *, active: str | None = None) -> Iterator[None]:
    """Everything around a page; what is made inside is the page."""
    t = visit.t
    ui.page_title(f"{title} · omnistock")
    ui.colors(primary=BRAND, positive="#0b7a53", negative="#bf2c42", warning="#b7791f", info="#2fb5c9")
    ui.dark_mode({"auto": None, "light": False, "dark": True}[visit.look])
    ui.add_head_html(
        f'<link rel="stylesheet" href="/look/console.css"><script>document.documentElement.lang="{t.language}";'
        f"{_lost_words(visit)}</script>"
    )
    here = active or visit.path
    drawer = _drawer(visit, here)
    _header(visit, drawer)
    with box("os-section os-page") as main:
        with box("os-head"), ui.element("div"):
            Text(title, "h1", "os-title")
            if words:
                Text(words, "p", "os-muted")
        yield
    ui.skip_link(t("Skip to the page"), target=main)
    _tabs(visit, here)
    ui.timer(0.01, visit.desk.learn, once=True)
    door = visit.link("/login", next=None if visit.here() == "/" else visit.here())
    ui.timer(SESSION_LOOK_S, lambda: None if visit.still_signed_in else ui.navigate.to(door))


def _lost_words(visit: Visit) -> str:
    """A script that says in the reader's language what NiceGUI says when the socket is lost: it knows no Polish."""
    words = json.dumps([visit.t("The connection is lost."), visit.t("Trying to reconnect…")])
    return (
        'addEventListener("DOMContentLoaded",()=>document.querySelectorAll("#popup span")'
        f".forEach((each,at)=>each.textContent={words}[at]))"
    )


def _header(visit: Visit, drawer: ui.left_drawer) -> None:
    t = visit.t
    with ui.header(elevated=False).classes("os-header"):
        menu = ui.button(icon="menu", on_click=drawer.toggle).props("flat round dense color=grey-7")
        menu.props(f'aria-label="{t("Menu")}"')
        with anchor("/", "os-brand"):
            ui.element("img").props('src=/look/icon.svg alt=""')
            Text("omnistock")
        with ui.element("form").props("action=/stock method=get role=search").classes("os-search"):
            search = (
                ui.element("input").props("name=q type=search maxlength=64 autocomplete=off").classes("os-search-input")
            )
            search.props["placeholder"] = t("SKU, barcode or name")
            search.props["aria-label"] = t("Search stock")
        _user_menu(visit)


def _user_menu(visit: Visit) -> None:
    t = visit.t
    back = quote(visit.here(), safe="")
    with ui.button(icon="account_circle").props("flat round color=grey-7").classes("os-account") as button:
        button.props["aria-label"] = t("Your account")
        with ui.menu().props("auto-close"), ui.element("div").classes("os-menu"):
            Text(visit.account.name, "strong")
            Text(t(visit.account.role.value.capitalize()), "div", "os-muted os-small")
            ui.separator()
            Text(t("Language"), "div", "os-nav-title")
            for code, name in LANGUAGES.items():
                _choice(f"/prefer?language={code}&next={back}", name, code == t.language)
            Text(t("Look"), "div", "os-nav-title")
            for look, name in zip(LOOKS, ("As the system", "Light", "Dark"), strict=True):
                _choice(f"/prefer?look={look}&next={back}", t(name), look == visit.look)
            ui.separator()
            with ui.element("form").props("method=post action=/logout"), ui.element("button").classes("os-nav"):
                ui.icon("logout")
                Text(t("Sign out"))


def _choice(target: str, name: str, chosen: bool) -> None:
    with anchor(target, "os-nav") as link:
        ui.icon("check" if chosen else "")
        Text(name)
    if chosen:
        link.props("aria-current=true")


def _drawer(visit: Visit, here: str) -> ui.left_drawer:
    t = visit.t
    with ui.left_drawer(value=False).props("show-if-above width=236 breakpoint=1000").classes("os-drawer") as drawer:
        group = ""
        for way in WAYS:
            if way.path in ADMIN_ONLY and not visit.may_admin:
                continue
            if way.group != group:
                group = way.group
                Text(t(group), "div", "os-nav-title")
            with anchor(way.path, "os-nav") as link:
                ui.icon(way.icon)
                Text(t(way.title))
            if way.path == here:
                link.props("aria-current=page")
    return drawer


def _tabs(visit: Visit, here: str) -> None:
    with ui.element("nav").classes("os-tabs"):
        for way in WAYS:
            if way.tab:
                with anchor(way.path, "os-tab") as link:
                    ui.icon(way.icon)
                    Text(visit.t(SHORT.get(way.path, way.title)))
                if way.path == here:
                    link.props("aria-current=page")
