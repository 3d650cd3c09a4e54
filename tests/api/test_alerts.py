"""Alerts over HTTP: raised on the feed with the sale that did it, listed, and answered by people."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from api.arrow_client import MEDIA
from tests.api.box import Box, fresh

CELL = {"sku": "TEE-M", "warehouse": "berlin"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """An engine with analytics, stocked."""
    made = Box(tmp_path_factory.mktemp("data"), analytics=True)
    made.stock_shop()
    yield made
    made.close()


@pytest.fixture
def sku(shop: Box) -> str:
    """100 of a new product in Berlin, to be reordered at 20."""
    made = fresh("SKU")
    shop.put(f"/v1/products/{made}", {"name": made, "group": ["Clothes", made]})
    cell = {"sku": made, "warehouse": "berlin"}
    done = shop.commands(
        {"kind": "receive", **cell, "quantity": 100, "unit_cost": {"amount": 300, "currency": "EUR"}},
        {"kind": "configure", **cell, "reorder_point": 20, "order_up_to": 100},
    )
    assert [each["outcome"] for each in done] == ["ok", "ok"]
    return made


def sell(shop: Box, sku: str, quantity: int) -> None:
    price = {"amount": 1000, "currency": "EUR"}
    cell = {"sku": sku, "warehouse": "berlin", "channel": "shop", "unit_price": price}
    (done,) = shop.commands({"kind": "sell", **cell, "quantity": quantity})
    assert done["outcome"] == "ok"


def raised(shop: Box, sku: str, **asked: Any) -> list[dict[str, Any]]:
    answer = shop.get("/v1/alerts", params={"group": sku, **asked})
    assert list(answer)[-2:] == ["next_cursor", "as_of"]
    found: list[dict[str, Any]] = answer["items"]
    return found


def say(shop: Box, alert: str, what: str, body: Any, said: str = "", status: int = 200, **more: Any) -> Any:
    answer = shop.call(
        "POST", f"/v1/alerts/{alert}/{what}", json=body, headers={"Idempotency-Key": said or fresh("say")}, **more
    )
    assert answer.status_code == status, answer.text
    return answer


def test_it_is_on_the_feed_behind_the_sale_that_did_it(shop: Box, sku: str) -> None:
    sell(shop, sku, 85)
    done = shop.commands(
        {"kind": "expect", "sku": sku, "warehouse": "berlin", "delta": 60, "source": "po-1"},
    )
    assert done[0]["outcome"] == "ok"
    events = shop.get("/v1/feed", params={"sku": sku, "limit": 100})["events"]
    assert [event["kind"] for event in events] == [
        *("receive", "configure", "sell", "alert.raised", "expect", "alert.cleared")
    ]
    sale, alert, cleared = events[2], events[3], events[5]
    assert (alert["seq"], alert["at"], alert["command_id"]) == (sale["seq"], sale["at"], None)
    assert (alert["quantity"], alert["on_hand"], alert["position"], alert["reorder_point"]) == (0, 15, 15, 20)
    assert (cleared["position"], cleared["reorder_point"]) == (75, 20)
    assert "position" not in sale
    only = shop.get("/v1/feed", params={"sku": sku, "kind": "alert.raised"})["events"]
    assert only == [alert]
    after = shop.get("/v1/feed", params={"sku": sku, "after": sale["cursor"], "limit": 1})["events"]
    assert after == [alert]


def test_the_feed_as_arrow_has_the_same(shop: Box, sku: str) -> None:
    sell(shop, sku, 85)
    events = shop.get("/v1/feed", params={"sku": sku})["events"]
    answer = shop.call("GET", "/v1/feed", params={"sku": sku}, headers={"Accept": MEDIA})
    rows = pa.ipc.open_stream(answer.content).read_all().to_pylist()
    assert [(row["kind"], row["position"], row["reorder_point"]) for row in rows] == [
        (event["kind"], event.get("position"), event.get("reorder_point")) for event in events
    ]


def test_it_is_listed_as_soon_as_the_sale_is_answered(shop: Box, sku: str) -> None:
    assert raised(shop, sku) == []
    sell(shop, sku, 85)
    (alert,) = raised(shop, sku)
    assert (alert["kind"], alert["sku"], alert["warehouse"], alert["state"]) == ("reorder", sku, "berlin", "open")
    assert (alert["position"], alert["reorder_point"], alert["order_up_to"]) == (15, 20, 100)
    assert alert["expected_lost_margin_per_day"] == {"amount": 85 * 700, "currency": "EUR"}
    assert alert["cost_known"]
    assert raised(shop, sku, state="acknowledged") == raised(shop, sku, warehouse="hamburg") == []
    assert raised(shop, sku, kind="reorder", state="open", warehouse="berlin") == [alert]


def test_acknowledged_by_whom_and_the_same_request_again_is_the_same_answer(shop: Box, sku: str) -> None:
    sell(shop, sku, 85)
    (alert,) = raised(shop, sku)
    key = fresh("ack")
    first = say(shop, alert["id"], "acknowledge", {"by": "maria"}, key)
    assert first.json() == {
        "id": alert["id"],
        "state": "acknowledged",
        "acknowledged_by": "maria",
        "snoozed_by": None,
        "snoozed_until": None,
    }
    (now,) = raised(shop, sku)
    assert (now["state"], now["acknowledged_by"]) == ("acknowledged", "maria")
    (done,) = shop.commands({"kind": "receive", "sku": sku, "warehouse": "berlin", "quantity": 100})
    assert done["outcome"] == "ok"
    assert raised(shop, sku) == []
    again = say(shop, alert["id"], "acknowledge", {"by": "maria"}, key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    other = say(shop, alert["id"], "acknowledge", {"by": "bert"}, key, status=422)
    assert other.json()["code"] == "id_reused"
    gone = say(shop, alert["id"], "acknowledge", {}, status=404)
    assert gone.json()["code"] == "unknown_alert"
    sell(shop, sku, 100)
    (anew,) = raised(shop, sku)
    assert (anew["state"], anew["id"] != alert["id"]) == ("open", True)


def test_a_snooze_is_the_keys_clients_and_has_an_end(shop: Box, sku: str) -> None:
    sell(shop, sku, 85)
    (alert,) = raised(shop, sku)
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    said = say(shop, alert["id"], "snooze", {"until": until.isoformat()}).json()
    shown = until.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert (said["state"], said["snoozed_by"], said["snoozed_until"]) == ("snoozed", "admin", shown)
    (now,) = raised(shop, sku, state="snoozed")
    assert (now["snoozed_by"], now["snoozed_until"]) == ("admin", shown)
    say(shop, alert["id"], "snooze", {"until": "2020-01-01T00:00:00Z"})
    assert [each["id"] for each in raised(shop, sku, state="open")] == [alert["id"]]


@pytest.mark.parametrize(
    ("what", "body", "path"),
    [
        ("snooze", {}, "$.until"),
        ("snooze", {"until": "tomorrow"}, "$.until"),
        ("snooze", {"until": "2999-01-01T00:00:00Z"}, "$.until"),
        ("snooze", {"until": "2026-01-01T00:00:00Z", "for": 1}, "$.for"),
        ("acknowledge", {"by": ""}, "$.by"),
        ("acknowledge", {"by": "x" * 65}, "$.by"),
        ("acknowledge", {"by": 7}, "$.by"),
    ],
)
def test_what_is_not_well_formed_is_refused(shop: Box, what: str, body: Any, path: str) -> None:
    problem = say(shop, "a0-0-1-1", what, body, status=422).json()
    assert (problem["code"], problem["path"]) == ("invalid_request", path)


def test_an_answer_wants_an_id_of_its_own(shop: Box) -> None:
    answer = shop.call("POST", "/v1/alerts/a0-0-1-1/acknowledge", json={}, headers={"Idempotency-Key": ""})
    assert (answer.status_code, answer.json()["code"]) == (400, "id_missing")


@pytest.mark.parametrize(
    "query", ["state=closed", "kind=x", "by=channel", "limit=0", "cursor=!", "warehouse=a b", "x=1"]
)
def test_what_cannot_be_asked_is_refused(shop: Box, query: str) -> None:
    assert shop.call("GET", f"/v1/alerts?{query}").status_code == 422


def test_pages(shop: Box, sku: str) -> None:
    for place in ("berlin", "hamburg"):
        shop.commands({"kind": "configure", "sku": sku, "warehouse": place, "reorder_point": 200})
    first = shop.get("/v1/alerts", params={"group": sku, "limit": 1})
    second = shop.get("/v1/alerts", params={"group": sku, "limit": 1, "cursor": first["next_cursor"]})
    places = [item["warehouse"] for page in (first, second) for item in page["items"]]
    assert (sorted(places), second["next_cursor"]) == (["berlin", "hamburg"], None)


def test_a_key_that_is_limited_to_a_place_sees_and_answers_only_its_own(shop: Box, sku: str) -> None:
    sell(shop, sku, 85)
    (alert,) = raised(shop, sku)
    here = shop.make_key("reports", client="berlin-desk", warehouses=["berlin"])
    there = shop.make_key("reports", client="hamburg-desk", warehouses=["hamburg"])
    web = shop.make_key("reports", client="web-desk", channels=["shop"])
    asked = {"group": sku, "warehouse": "berlin"}
    assert len(shop.call("GET", "/v1/alerts", params=asked, key=here).json()["items"]) == 1
    for key, params in ((there, asked), (there, {}), (here, {"channel": "shop"}), (web, asked), (web, {})):
        assert shop.call("GET", "/v1/alerts", params=params, key=key).status_code == 403
    assert shop.call("GET", "/v1/alerts", params={"channel": "shop"}, key=web).json()["items"] == []
    for key in (there, web):
        say(shop, alert["id"], "acknowledge", {}, status=403, key=key)
    headers = {"Idempotency-Key": fresh("ack")}
    done = shop.call("POST", f"/v1/alerts/{alert['id']}/acknowledge", key=here, headers=headers)
    assert (done.status_code, done.json()["acknowledged_by"]) == (200, "berlin-desk")


def test_the_sums_by_group_and_place(shop: Box, sku: str) -> None:
    sell(shop, sku, 85)
    answer = shop.get("/v1/alerts", params={"group": sku, "by": "group"})
    sums = {
        "alerts": 1,
        "expected_lost_margin_per_day": {"amount": 85 * 700, "currency": "EUR"},
        "expected_lost_revenue_per_day": {"amount": 85 * 1000, "currency": "EUR"},
    }
    assert answer["groups"] == [{"group": f"Clothes / {sku}", **sums}]
    answer = shop.get("/v1/alerts", params={"group": sku, "by": "warehouse"})
    assert answer["groups"] == [{"warehouse": "berlin", **sums}]
