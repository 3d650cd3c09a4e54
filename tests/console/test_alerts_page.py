"""The page of alerts: figures of the whole, whatever part of it is shown; by state, by place, by product group."""

from typing import Any

import httpx2

from api.console.alert_sums import alert_sums
from api.console.client import Api
from api.console.pages.alerts import PAGE, _found, _show, _ways
from tests.console.shown import Shown
from tests.console.test_client import of, ok, run

SILENT = {"id": "s", "kind": "channel_silent", "channel": "web", "found": 0, "expected": 15.2, "state": "open"}
PLACES = {"open": {"riga-1": 2_900, "hub": 100}, "acknowledged": {"riga-1": 1_500}, "snoozed": {"north": 500}}
EACH = 10
"""cents a day that each alert may lose"""


def money(amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def reorder(n: int) -> dict[str, Any]:
    return {
        "id": f"a{n}",
        "kind": "reorder",
        "sku": f"cup-{n}",
        "name": f"Cup {n}",
        "warehouse": "riga-1",
        "state": "open",
        "position": 2,
        "reorder_point": 5,
        "expected_lost_margin_per_day": money(EACH),
    }


class Raised:
    """An engine with five thousand alerts on cells and one on a channel, as `GET /v1/alerts` answers of them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        asked = dict(request.url.params)
        self.asked.append(asked)
        states = [asked["state"]] if "state" in asked else list(PLACES)
        odd = [SILENT] if "open" in states and "warehouse" not in asked else []
        items = [*odd, *map(reorder, range(int(asked["limit"]) - len(odd)))]
        page: dict[str, Any] = {"items": items, "next_cursor": "c"}
        if asked.get("by") == "warehouse":
            counts: dict[str, int] = {}
            for state in states:
                for code, n in PLACES[state].items():
                    counts[code] = counts.get(code, 0) + n
            page["groups"] = [
                {"warehouse": code, "alerts": n, "expected_lost_margin_per_day": money(EACH * n)}
                for code, n in counts.items()
            ]
            page["groups"].append(
                {"warehouse": "hub", "alerts": 7, "expected_lost_margin_per_day": money(3, "PLN")}
                if states != ["open"]
                else {"warehouse": "hub", "alerts": 1, "expected_lost_margin_per_day": None}
            )
        elif asked.get("by") == "group":
            page["groups"] = [
                {"group": "Kitchen / Cups", "alerts": 4_000, "expected_lost_margin_per_day": money(EACH * 4_000)},
                {"group": None, "alerts": 1_000, "expected_lost_margin_per_day": None},
            ]
        return ok(page)


def shown(**query: str) -> tuple[Shown, Raised]:
    engine = Raised()

    async def work(api: Api) -> Shown:
        visit = of(api)
        visit.path, visit.query = "/alerts", query
        found = await _found(visit)

        def build() -> None:
            _ways(visit)
            _show(visit, found, lambda: None)

        return Shown(build)

    return run(engine, work), engine


def figure(page: Shown, title: str) -> str:
    """What stands under this title."""
    return page.texts[page.texts.index(title, page.texts.index("nobody is at it yet") - 2) + 1]


def test_figures_are_of_all_alerts_and_not_of_the_page() -> None:
    page, engine = shown()
    assert len([text for text in page.texts if text.startswith("Cup ")]) == PAGE - 1
    assert figure(page, "Open") == "3,002"
    assert figure(page, "Lost each day") == "€500.00 · 0.03\N{NO-BREAK SPACE}zł"
    assert figure(page, "Places") == "3"
    assert figure(page, "Channels") == "1"
    assert "expected, in 5,007 alerts" in page.texts
    assert {asked.get("state") for asked in engine.asked} == {None, "open"}


def test_of_one_state_all_but_the_open_ones_are_of_that_state() -> None:
    page, engine = shown(state="snoozed", warehouse="north")
    assert figure(page, "Open") == "3,001"
    assert figure(page, "Places") == "2"
    assert figure(page, "Channels") == "0"
    assert all(asked["warehouse"] == "north" for asked in engine.asked)
    assert page.ways["All"] == "/alerts?warehouse=north"
    assert page.ways["Acknowledged"] == "/alerts?state=acknowledged&warehouse=north"


def test_those_of_a_place_stand_together_with_their_sum_and_lead_to_their_list() -> None:
    page, engine = shown(by="warehouse", state="acknowledged")
    assert [(row["label"], row["alerts"], row["lost_text"]) for row in page.rows] == [
        ("riga-1", 1_500, "€150.00"),
        ("hub", 7, "0.03\N{NO-BREAK SPACE}zł"),
    ]
    assert page.rows[0]["label_href"] == "/alerts?state=acknowledged&warehouse=riga-1"
    assert engine.asked[0]["by"] == "warehouse"


def test_those_of_a_product_group_too_and_what_is_in_none() -> None:
    page, _ = shown(by="group")
    assert [(row["label"], row["label_href"], row["lost_text"]) for row in page.rows] == [
        ("Kitchen / Cups", "/alerts?group=Cups", "€400.00"),
        ("without a group", "", "–"),
    ]


def test_a_list_of_one_group_leads_back_to_all() -> None:
    page, engine = shown(group="Cups", state="nonsense", by="nonsense")
    assert page.ways["All groups"] == "/alerts?state=nonsense&by=nonsense"
    assert all(asked["group"] == "Cups" for asked in engine.asked)
    assert {asked.get("state") for asked in engine.asked} == {None, "open"}


def test_no_alerts_in_a_state_is_not_said_to_be_none_at_all() -> None:
    def words(state: str) -> str:
        async def engine(_: httpx2.Request) -> httpx2.Response:
            return ok({"items": [], "groups": [], "next_cursor": None})

        async def work(api: Api) -> str:
            visit = of(api)
            visit.query = {"state": state}
            found = await _found(visit)
            return Shown(lambda: _show(visit, found, lambda: None)).words()

        return str(run(engine, work))

    assert "None in this state" in words("open")
    assert "Set reorder points" in words("")


def test_where_no_sale_had_a_price_nothing_is_taken_for_nought() -> None:
    page = {"items": [], "groups": [{"warehouse": "w", "alerts": 2, "expected_lost_margin_per_day": None}]}

    async def engine(_: httpx2.Request) -> httpx2.Response:
        return ok({**page, "next_cursor": None})

    sums = run(engine, lambda api: alert_sums(of(api), {}))
    assert (sums.alerts, sums.places, sums.lost) == (2, 1, {})
