"""From a reservation to the command that made it, and to why that was sourced from where it was."""

from typing import Any

import httpx2
import pytest

from api.console.client import Api, ApiProblem
from api.console.made_by import command_of
from api.console.pages.explain import _show_held, _why_held
from api.console.pages.reservations import _show
from tests.console.shown import Shown
from tests.console.test_client import of, ok, problem, run
from tests.console.test_figures import visit

OURS, MADE_AT = "r1-00000000000000aa", "2026-11-22T10:00:00.000Z"
LINES: list[dict[str, Any]] = [{"sku": "cup", "warehouse": "hub", "quantity": 2, "remaining": 2, "outcome": "ok"}]
HOLD = {"reservation": OURS, "made_at": MADE_AT}


def entry(kind: str, command: str | None, reservation: str | None = OURS) -> dict[str, Any]:
    return {"kind": kind, "command_id": command, "reservation": reservation}


class Cells:
    """An engine that has one reservation, and tells of its cell now, then as of when it was made."""

    def __init__(self, *cells: dict[str, Any], lines: list[dict[str, Any]] = LINES) -> None:
        self.cells, self.lines = list(cells), lines
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.asked.append((path, dict(request.url.params)))
        if path == f"/v1/reservations/{OURS}":
            return ok({"reservation": OURS, "lines": self.lines})
        if path.startswith("/v1/explain/"):
            return ok(self.cells.pop(0))
        if path == "/v1/commands/order-17/explain":
            place: dict[str, Any] = {"warehouse": "hub", "rank": 0, "available": 5}
            line: dict[str, Any] = {"sku": "cup", "kind": "reserve", "channel": "web", "at": MADE_AT, "outcome": "ok"}
            line |= {"requested": 2, "obtained": 2, "because": "one_place", "places": [place]}
            line["taken_from"] = [{"warehouse": "hub", "quantity": 2}]
            return ok({"command_id": "order-17", "lines": [line]})
        return problem(404, "unknown_reservation" if "reservations" in path else "unknown_sku")


def test_the_entry_that_made_it_names_the_command() -> None:
    entries = [entry("confirm", "paid-17"), entry("reserve", "other", "r1-b"), entry("reserve", "order-17")]
    engine = Cells({"entries": entries, "holds": [HOLD]})
    assert run(engine, lambda api: command_of(of(api), OURS)) == "order-17"
    assert [path for path, _ in engine.asked] == [f"/v1/reservations/{OURS}", "/v1/explain/cup/hub"]


def test_of_one_that_is_held_for_long_the_entries_of_then_are_asked_for() -> None:
    engine = Cells({"entries": [], "holds": [HOLD]}, {"entries": [entry("reserve", "order-17")], "holds": []})
    assert run(engine, lambda api: command_of(of(api), OURS)) == "order-17"
    assert engine.asked[-1][1]["as_of"] == MADE_AT


def test_another_line_may_know_what_the_first_has_forgotten() -> None:
    old: dict[str, Any] = {"entries": [], "holds": []}
    lines = [*LINES, {**LINES[0], "sku": "pot"}]
    engine = Cells(old, {"entries": [entry("reserve", "order-17")], "holds": []}, lines=lines)
    assert run(engine, lambda api: command_of(of(api), OURS)) == "order-17"


def test_the_page_shows_why_it_was_taken_from_there() -> None:
    async def work(api: Api) -> Shown:
        visit = of(api)
        found = await _why_held(visit, OURS)
        return Shown(lambda: _show_held(visit, OURS, found))

    page: Shown = run(Cells({"entries": [entry("reserve", "order-17")], "holds": []}), work)
    assert "2 asked for, 2 obtained" in page.texts
    assert page.rows[0] | {"warehouse": "hub", "taken": 2, "rank_text": "1"} == page.rows[0]
    assert f"/reservations/{OURS}" in page.ways.values()


def test_what_is_too_far_back_is_said_to_be() -> None:
    async def work(api: Api) -> Shown:
        visit = of(api)
        found = await _why_held(visit, OURS)
        return Shown(lambda: _show_held(visit, OURS, found))

    page: Shown = run(Cells({"entries": [], "holds": []}), work)
    assert "It is further back than the last 1,000 entries: ask by the id of its command" in page.texts


def test_a_reservation_that_is_not_there_is_said_not_to_be() -> None:
    with pytest.raises(ApiProblem, match="unknown_reservation"):
        run(Cells(), lambda api: command_of(of(api), "r1-c"))


def test_each_of_the_list_leads_there() -> None:
    item = {"reservation": OURS, "state": "held", "channel": "web", "lines": LINES}
    reader = visit()
    page = Shown(lambda: _show(reader, {"items": [item], "next_cursor": None}))
    assert page.rows[0]["why_href"] == f"/explain?reservation={OURS}"
