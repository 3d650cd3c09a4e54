"""What a reader sees when a page cannot be built: why, in words, and the same page again as soon as it can."""

from typing import Final

from fastapi import Request, Response
from nicegui import app, ui
from nicegui.client import Client
from nicegui.page import page

from api.console.client import ApiProblem
from api.console.frame import frame
from api.console.gate import ACCOUNT
from api.console.parts import card, empty, sentence
from api.console.text import anchor
from api.console.visit import Desk, Visit, visit_of

AGAIN_S: Final = 5.0


def register_trouble(desk: Desk) -> None:
    """In the place of NiceGUI's own pages, which speak English and show what was raised."""

    def broken(error: Exception) -> None:
        visit = visit_of(ui.context.client.request, desk)
        t = visit.t
        if not isinstance(error, ApiProblem):
            _say(visit, "error_outline", t("Something went wrong on this page"), t("It is in the log of the server."))
            return
        away = error.status in (0, 429, 503)
        words = t("This page comes back by itself.") if away else error.detail
        _say(visit, "cloud_off" if away else "error_outline", t(sentence(error)), words)
        if away:
            ui.timer(AGAIN_S, lambda: ui.run_javascript("location.reload()"), once=True)

    async def unknown(request: Request, _: Exception) -> Response:
        if request.scope.get(ACCOUNT) is None or "text/html" not in request.headers.get("accept", ""):
            return Response("there is no such page", 404, media_type="text/plain")
        with Client(page(""), request=request) as client:
            visit = visit_of(request, desk)
            _say(visit, "explore_off", visit.t("There is no such page"), request.url.path, again=False)
        return client.build_response(request, 404)

    app.on_page_exception(broken)
    app.add_exception_handler(404, unknown)


def _say(visit: Visit, icon: str, title: str, words: str, *, again: bool = True) -> None:
    t = visit.t
    with frame(visit, title, active=""), card():
        empty(icon, title, words, *((visit.here(), t("Try again")) if again else ("/", t("Overview"))))
        if again:
            anchor("/", "os-small", t("Overview")).style("align-self:center")
