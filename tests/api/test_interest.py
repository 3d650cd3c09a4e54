"""What customers look at, over HTTP: the last word counts, a request that comes again does not."""

from typing import Any

import pytest

from tests.api.box import Box, fresh

DAY = "2026-06-01"


def looked(**more: Any) -> dict[str, Any]:
    return {"sku": "TEE-M", "channel": "shop", "day": DAY, **more}


def figures(box: Box, name: str = "conversion", **asked: str) -> list[Any]:
    cursor = box.get("/v1/feed?limit=1000")["next_cursor"]
    rows: list[Any] = box.get(f"/v1/reports/{name}", params={"from": DAY, "to": DAY, "after": cursor, **asked})["rows"]
    return rows


def test_the_last_word_on_a_day_counts_and_a_late_copy_of_an_earlier_one_does_not(box: Box) -> None:
    first, late = looked(views=10, cart_adds=2), {"Idempotency-Key": fresh()}
    answer = box.call("POST", "/v1/interest", json=first, headers=late)
    assert answer.json() == {"results": [{"sku": "TEE-M", "channel": "shop", "day": DAY, "outcome": "ok"}]}
    assert figures(box)[0][2:4] == [10, 2]
    box.post("/v1/interest", looked(views=25, cart_adds=5))
    assert figures(box)[0][2:4] == [25, 5]
    again = box.call("POST", "/v1/interest", json=first, headers=late)
    assert (again.json(), again.headers["idempotent-replayed"]) == (answer.json(), "true")
    assert figures(box)[0][2:4] == [25, 5]
    other = box.call("POST", "/v1/interest", json=looked(views=11), headers=late)
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")


def test_many_at_once_each_with_its_own_outcome(box: Box) -> None:
    rows = [
        looked(sku="TEE-L", views=7, empty_searches=3),
        looked(sku="NEVER-MADE", views=1),
        looked(channel="never-made", views=1),
        {"query": "green cup", "channel": "shop", "day": DAY, "empty_searches": 4},
    ]
    results = box.post("/v1/interest", rows)["results"]
    assert [result["outcome"] for result in results] == ["ok", "unknown_sku", "unknown_channel", "ok"]
    assert [row[1:3] for row in figures(box, by="sku") if row[1] == "TEE-L"] == [["TEE-L", 7]]
    assert [row[:4] for row in figures(box, "empty_searches")] == [
        ["green cup", None, "shop", 4],
        [None, "TEE-L", "shop", 3],
    ]


def test_what_was_unknown_stays_so_for_the_request_that_said_it(box: Box) -> None:
    rows, late = [looked(views=1), looked(sku="MADE-LATER", views=1)], {"Idempotency-Key": fresh()}
    first = box.call("POST", "/v1/interest", json=rows, headers=late)
    assert [result["outcome"] for result in first.json()["results"]] == ["ok", "unknown_sku"]
    box.put("/v1/products/MADE-LATER", {"name": "Made later"})
    again = box.call("POST", "/v1/interest", json=rows, headers=late)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert box.post("/v1/interest", rows)["results"][1]["outcome"] == "ok"


@pytest.mark.parametrize(
    "wrong",
    [
        looked(views=-1),
        looked(views=1.5),
        looked(day="1 June"),
        looked(query="both"),
        looked(unknown=1),
        {"channel": "shop", "day": DAY},
        {"query": "x", "channel": "shop", "day": DAY, "views": 1},
        [looked(views=1), looked(views=2)],
    ],
)
def test_what_cannot_be_is_refused(box: Box, wrong: Any) -> None:
    answer = box.call("POST", "/v1/interest", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_key_speaks_for_its_own_channels(box: Box) -> None:
    key = box.make_key("sell", client="market-place", channels=["market"])
    assert box.call("POST", "/v1/interest", key=key, json=looked()).status_code == 403
    assert box.call("POST", "/v1/interest", key=key, json=looked(channel="market")).status_code == 200


def test_a_channel_says_what_an_order_costs_it(box: Box) -> None:
    body: dict[str, Any] = {
        "name": "Fees",
        "kind": "market",
        "warehouses": None,
        "fee_rate": 0.15,
        "payment_rate": 0.0195,
    }
    body["fixed_cost"] = {"amount": 290, "currency": "EUR"}
    box.put("/v1/channels/fees", body)
    assert box.get("/v1/channels/fees") == {"code": "fees", **body}
    for wrong in (
        {"fee_rate": 1.5},
        {"fee_rate": -0.1},
        {"payment_rate": 0.0000001},
        {"fixed_cost": {"amount": -1, "currency": "EUR"}},
        {"fixed_cost": {"amount": 1, "currency": "euro"}},
    ):
        answer = box.call("PUT", "/v1/channels/fees", json={**body, **wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), wrong
