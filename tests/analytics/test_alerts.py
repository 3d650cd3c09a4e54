"""The list of alerts: what is raised, ranked by what it may cost, and what was said of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from analytics.alerts.listing import alerts
from analytics.alerts.words import moment_text
from analytics.questions import AlertsAsked
from analytics.store import Details
from tests.analytics.tables import Tables, ms
from tests.analytics.test_reports import on, price
from tests.builders import archived, configure, define_sku, define_warehouse, expect, receive, reserve, sell
from tests.world import World


@pytest.fixture
def tables() -> Iterator[Tables]:
    """100 of A-1 and B-2 in both places, to be reordered at 50 and filled up to 90; A-1 came in for 4.00 EUR."""
    world = World.furnished()
    world.now_ms = ms("2026-06-01T10:00+00:00")
    cost = price(400)
    for place in ("north", "south"):
        world.send(receive("A-1", place, 100, **cost), receive("B-2", place, 100))
        world.send(configure(sku, place, reorder_point=50, order_up_to=90) for sku in ("A-1", "B-2"))
    made = Tables(world)
    made.groups(A_1=["Food", "Sweet"], B_2=["Food", "Salty"])
    yield made
    made.close()


def listed(tables: Tables, at: str = "2026-06-11T10:00+00:00", **asked: Any) -> dict[str, Any]:
    tables.follow()
    cursor = tables.store.cursor()
    now_ms = ms(at)
    question = AlertsAsked(now_ms, moment_text(now_ms), **({"limit": 100} | asked))
    found: dict[str, Any] = orjson.loads(alerts(cursor, question, era=0))
    cursor.close()
    return found


def items(tables: Tables, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = listed(tables, **asked)["items"]
    return found


def places(tables: Tables, **asked: Any) -> list[tuple[str, str]]:
    return [(item["sku"], item["warehouse"]) for item in items(tables, **asked)]


def sold_ten_days(tables: Tables, sku: str, place: str, units: int, amount: int, **more: Any) -> None:
    """So many a day for ten days, from the first of June on."""
    for day in range(1, 11):
        on(tables, f"2026-06-{day:02d}T12:00+00:00", sell(sku, place, units, **price(amount, **more)))


def test_an_alert_says_what_is_missing_and_what_that_costs_a_day(tables: Tables) -> None:
    sold_ten_days(tables, "A-1", "north", 6, 1190)
    (alert,) = items(tables)
    # 6 a day, each brings 1190 less 190 of tax less 400 it cost: 600. The first sale was ten days ago.
    assert alert == {
        "id": "a0-0-" + alert["id"].split("-", 2)[2],
        "kind": "reorder",
        "sku": "A-1",
        "name": "A-1",
        "warehouse": "north",
        "group": "Food / Sweet",
        "raised_at": "2026-06-09T12:00:00.000Z",
        "state": "open",
        "acknowledged_by": None,
        "snoozed_by": None,
        "snoozed_until": None,
        "available": 40,
        "position": 40,
        "reorder_point": 50,
        "order_up_to": 90,
        "units_per_day": 6,
        "expected_lost_margin_per_day": {"amount": 3600, "currency": "EUR"},
        "expected_lost_revenue_per_day": {"amount": 6000, "currency": "EUR"},
        "cost_known": True,
    }


def test_without_a_cost_it_knows_no_margin_and_without_a_price_nothing(tables: Tables) -> None:
    sold_ten_days(tables, "B-2", "north", 9, 1190)
    on(tables, "2026-06-10T13:00+00:00", sell("B-2", "south", 60))
    priced, unpriced = items(tables)
    assert (priced["expected_lost_margin_per_day"], priced["cost_known"]) == (None, False)
    assert priced["expected_lost_revenue_per_day"] == {"amount": 9_000, "currency": "EUR"}
    assert (unpriced["expected_lost_margin_per_day"], unpriced["units_per_day"]) == (None, 60)


def test_sales_of_long_ago_are_no_rate(tables: Tables) -> None:
    sold_ten_days(tables, "A-1", "north", 6, 1190)
    assert items(tables, at="2026-06-20T12:00+00:00")[0]["units_per_day"] == pytest.approx(60 / 19, abs=0.01)
    assert items(tables, at="2026-07-07T11:00+00:00")[0]["units_per_day"] == pytest.approx(12 / 28, abs=0.01)
    alert = items(tables, at="2026-08-20T12:00+00:00")[0]
    assert (alert["units_per_day"], alert["expected_lost_margin_per_day"]) == (0, None)


def test_days_without_goods_are_no_days_without_demand(tables: Tables) -> None:
    """What sold until it ran out is lost since, however long ago that was; what is left to sell comes behind."""
    for day in range(1, 11):
        on(tables, f"2026-06-{day:02d}T12:00+00:00", sell("A-1", "north", 6, **price(1190)))
        on(tables, f"2026-06-{day:02d}T15:00+00:00", sell("A-1", "south", 9, **price(1190)))
    on(tables, "2026-06-11T16:00+00:00", sell("A-1", "south", 10, **price(1190)))
    now = "2026-07-01T12:00+00:00"
    out, left = items(tables, at=now)
    # 100 in ten days, from the first of June until the eleventh.
    assert (out["warehouse"], out["available"], out["units_per_day"]) == ("south", 0, 10)
    assert out["expected_lost_margin_per_day"] == {"amount": 6000, "currency": "EUR"}
    # Of 60 those of the last 28 days: from the fourth on.
    assert (left["warehouse"], left["available"], left["units_per_day"]) == ("north", 40, 42 / 28)
    on(tables, "2026-07-01T13:00+00:00", sell("A-1", "north", 39, **price(500_000)))
    assert places(tables, at="2026-07-01T14:00+00:00") == [("A-1", "south"), ("A-1", "north")]
    on(tables, "2026-07-02T13:00+00:00", sell("A-1", "north", 1, **price(500_000)))
    assert places(tables, at="2026-07-02T14:00+00:00") == [("A-1", "north"), ("A-1", "south")]


def test_they_are_ranked_by_what_may_be_lost_each_currency_by_itself(tables: Tables) -> None:
    on(tables, "2026-06-10T12:00+00:00", sell("B-2", "south", 60, **price(50_000, "JPY")))
    on(tables, "2026-06-10T12:01+00:00", sell("A-1", "south", 60, **price(1000)))
    on(tables, "2026-06-10T12:02+00:00", sell("A-1", "north", 60, **price(2000)))
    assert places(tables) == [("A-1", "north"), ("A-1", "south"), ("B-2", "south")]
    assert places(tables, limit=1) == [("A-1", "north")]
    assert listed(tables, limit=1)["next"] == 1
    second = listed(tables, limit=2, offset=1)
    assert ([item["sku"] for item in second["items"]], second["next"]) == (["A-1", "B-2"], None)


def test_they_can_be_put_together_by_group_or_place_with_their_sums(tables: Tables) -> None:
    for sku, place, amount in (("A-1", "north", 2000), ("A-1", "south", 1000), ("B-2", "north", 1600)):
        on(tables, "2026-06-10T12:00+00:00", sell(sku, place, 60, **price(amount)))
    by_group, by_place = listed(tables, by="group"), listed(tables, by="warehouse")
    alone, together = [("B-2", "north")], [("A-1", "north"), ("A-1", "south")]
    assert places(tables) == [*together, *alone], "what is not known comes behind"
    assert [(item["sku"], item["warehouse"]) for item in by_group["items"]] == [*together, *alone]
    assert [(item["sku"], item["warehouse"]) for item in by_place["items"]] == [together[0], *alone, together[1]]
    net = {amount: 60 * amount - round(60 * amount * 19 / 119) for amount in (1000, 1600, 2000)}
    counted = [(each["group"], each["alerts"]) for each in by_group["groups"]]
    assert counted == [("Food / Sweet", 2), ("Food / Salty", 1)]
    (sweet, salty) = by_group["groups"]
    assert sweet["expected_lost_margin_per_day"]["amount"] == pytest.approx(net[2000] + net[1000] - 2 * 60 * 400, abs=2)
    assert sweet["expected_lost_revenue_per_day"]["amount"] == pytest.approx(net[2000] + net[1000], abs=2)
    assert salty["expected_lost_margin_per_day"] is None
    assert salty["expected_lost_revenue_per_day"]["amount"] == pytest.approx(net[1600], abs=2)
    assert [(each["warehouse"], each["alerts"]) for each in by_place["groups"]] == [("north", 2), ("south", 1)]
    assert "groups" not in listed(tables)


def test_what_cleared_is_gone_and_what_is_raised_anew_is_another_alert(tables: Tables) -> None:
    on(tables, "2026-06-02T12:00+00:00", sell("A-1", "north", 50))
    (first,) = items(tables)
    on(tables, "2026-06-03T12:00+00:00", expect("A-1", "north", 40))
    assert items(tables) == []
    on(tables, "2026-06-04T12:00+00:00", reserve("A-1", 45, "north", ttl_s=2_000_000))
    (second,) = items(tables)
    assert (second["sku"], second["position"], second["raised_at"]) == ("A-1", 45, "2026-06-04T12:00:00.000Z")
    assert second["id"] != first["id"]


def test_figures_are_those_of_now(tables: Tables) -> None:
    on(tables, "2026-06-02T12:00+00:00", sell("A-1", "north", 50))
    on(tables, "2026-06-03T12:00+00:00", sell("A-1", "north", 3), configure("A-1", "north", reorder_point=60))
    (alert,) = items(tables)
    assert (alert["position"], alert["reorder_point"], alert["order_up_to"]) == (47, 60, 90)
    assert alert["raised_at"] == "2026-06-02T12:00:00.000Z"


def test_filters(tables: Tables) -> None:
    on(
        tables,
        "2026-06-02T12:00+00:00",
        *(sell(sku, place, 50) for sku in ("A-1", "B-2") for place in ("north", "south")),
    )
    assert len(items(tables)) == 4
    assert sorted(places(tables, warehouse="north")) == [("A-1", "north"), ("B-2", "north")]
    assert sorted(places(tables, group="Sweet")) == [("A-1", "north"), ("A-1", "south")]
    assert len(places(tables, group="Food", kind="reorder")) == 4
    for nothing in ({"group": "Drinks"}, {"kind": "channel_silent"}, {"channel": "web"}):
        assert places(tables, **nothing) == []
    some = items(tables)[2]
    assert items(tables, id=some["id"]) == [some]
    assert items(tables, id="a0-0-0-0") == []


def said(tables: Tables, alert: str, state: str, author: str, until: str | None = None) -> None:
    at_ms = int(datetime(2026, 6, 10, tzinfo=UTC).timestamp() * 1000)
    mark = (alert, state, author, at_ms, ms(until) if until else None)
    tables.store.enter_details(Details(tables.store.documents_version + 1, alert_marks=[mark]))


def test_what_was_said_last_is_the_state_and_a_snooze_ends(tables: Tables) -> None:
    on(tables, "2026-06-02T12:00+00:00", sell("A-1", "north", 50), sell("B-2", "north", 50))
    first, second = (item["id"] for item in sorted(items(tables), key=lambda item: item["sku"]))
    said(tables, first, "acknowledged", "maria")
    said(tables, second, "snoozed", "bert", "2026-06-12T10:00+00:00")
    (alert,) = items(tables, state="acknowledged")
    assert (alert["id"], alert["state"], alert["acknowledged_by"]) == (first, "acknowledged", "maria")
    (alert,) = items(tables, state="snoozed")
    assert (alert["id"], alert["snoozed_by"], alert["snoozed_until"]) == (second, "bert", "2026-06-12T10:00:00.000Z")
    assert items(tables, state="open") == []
    (alert,) = items(tables, state="open", at="2026-06-12T10:00+00:00")
    assert (alert["id"], alert["snoozed_by"], alert["snoozed_until"]) == (second, None, None)
    said(tables, first, "snoozed", "carl", "2026-06-12T10:00+00:00")
    assert [item["id"] for item in items(tables, state="snoozed")] != [second]
    assert items(tables, state="acknowledged") == []


def test_what_is_out_of_use_has_no_alerts(tables: Tables) -> None:
    world = tables.world
    world.send(define_sku("OLD"), define_warehouse("attic", 9))
    world.send(configure("OLD", "north", reorder_point=5), configure("A-1", "attic", reorder_point=5))
    assert sorted(places(tables)) == [("A-1", "attic"), ("OLD", "north")]
    old = (world.encode([define_sku("OLD")])[0]["sku_key"][0].item(), "OLD", 0, "OLD", None, True)
    attic = (world.warehouses["attic"], "attic", "attic", "store", 9, None, None, True)
    world.send(archived(define_sku("OLD")))
    version = tables.store.documents_version + 1
    tables.store.enter_details(Details(version, products=[old], warehouses=[attic]))
    assert places(tables) == []


def test_goods_that_sold_long_ago_are_not_new_when_one_of_them_sells(tables: Tables) -> None:
    in_april: dict[str, Any] = {"occurred_at_ms": ms("2026-04-01T12:00+00:00")}
    on(tables, "2026-06-01T11:00+00:00", sell("A-1", "north", 49, **price(1190, **in_april)))
    on(
        tables,
        "2026-06-10T12:00+00:00",
        sell("A-1", "north", 1, **price(1190)),
        sell("A-1", "south", 50, **price(1190)),
    )
    old, new = sorted(items(tables), key=lambda item: item["warehouse"])
    # One in 28 days, of which 600 are left; fifty of what began to sell yesterday.
    assert (old["units_per_day"], old["expected_lost_margin_per_day"]["amount"]) == (0.04, 21)
    assert (new["units_per_day"], new["expected_lost_margin_per_day"]["amount"]) == (50, 30_000)
