"""The books over HTTP: a day is written down once, whoever closes it, and what comes later is a dated correction."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.box import Box, fresh

DAY = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
"""over everywhere"""
EUR = {"amount": 1190, "currency": "EUR"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """An engine with analytics, stocked, that sold three tees two days ago."""
    made = Box(tmp_path_factory.mktemp("data"), analytics=True)
    made.stock_shop()
    sold(made, 3)
    yield made
    made.close()


def sold(box: Box, quantity: float, place: str = "hamburg", channel: str = "shop", **more: Any) -> None:
    """Two days ago, told now."""
    line = {"kind": "sell", "sku": "TEE-M", "warehouse": place, "quantity": quantity, "channel": channel}
    line |= {"unit_price": EUR, "tax_rate": 0.19, "occurred_at": f"{DAY}T12:00:00Z", **more}
    assert box.commands(line)[0]["outcome"] == "ok"


def report(box: Box, name: str) -> list[dict[str, Any]]:
    answer = box.get(f"/v1/reports/{name}", params={"after": box.get("/v1/feed?limit=1000")["next_cursor"]})
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]


def test_a_day_is_closed_once_and_what_comes_later_is_a_dated_correction(shop: Box) -> None:
    body = {"day": DAY, "warehouse": "hamburg", "channel": "shop", "author": "Anna"}
    (closed,) = shop.post("/v1/closings", body, status=201)["items"]
    figures = {"currency": "EUR", "orders": 1, "units": 3, "returned": 0, "gross": 3570, "discount": 0}
    assert closed["figures"] == [{**figures, "returns": 0, "net": 3570, "tax": 570}]
    assert closed["taxes"] == [{"currency": "EUR", "rate": 0.19, "sales": 3570, "returns": 0, "net": 3570, "tax": 570}]
    assert (closed["closed_by"], closed["author"]) == ("admin", "Anna")
    assert report(shop, "books")[0]["difference"] == 0

    sold(shop, 2)
    (again,) = shop.post("/v1/closings", {**body, "author": "Boris"}, status=200)["items"]
    assert again == closed
    told = shop.get(f"/v1/closings/{DAY}/hamburg/shop")
    (correction,) = told["corrections"]
    assert correction["booked"] > DAY
    assert (correction["lines"], correction["units"], correction["net"], correction["tax"]) == (1, 2, 2380, 380)
    assert (told["figures"], told["moved"]) == (closed["figures"], [])
    assert told["now"][0]["net"] == 3570 + 2380
    (row,) = report(shop, "books")
    assert (row["closed_net"], row["net"], row["difference"], row["closed_by"]) == (3570, 5950, 2380, "Anna")
    (row,) = report(shop, "book_corrections")
    assert (row["day"], row["net"], row["lines"]) == (DAY, 2380, 1)


def test_a_day_that_moved_is_seen_as_moved(shop: Box) -> None:
    """Noon in Hamburg becomes the next business day when its day begins at 13:00."""
    sold(shop, 1, "berlin")
    shop.post("/v1/closings", {"day": DAY, "warehouse": "berlin", "channel": "shop"}, status=201)
    shop.put("/v1/warehouses/berlin", {"name": "Berlin", "kind": "warehouse", "priority": 0, "day_start": "13:00"})
    told = shop.get(f"/v1/closings/{DAY}/berlin/shop")
    assert (told["corrections"], told["now"]) == ([], [])
    assert [(each["units"], each["net"], each["tax"]) for each in told["moved"]] == [(-1, -1190, -190)]


def test_two_who_close_at_the_same_time_get_one_document(shop: Box) -> None:
    sold(shop, 1, channel="market")

    def close(author: int) -> tuple[int, Any]:
        body = {"day": DAY, "warehouse": "hamburg", "channel": "market", "author": f"closer {author}"}
        answer = shop.call("POST", "/v1/closings", json=body)
        return answer.status_code, answer.json()["items"]

    with ThreadPoolExecutor(4) as closers:
        answers = list(closers.map(close, range(4)))
    assert sorted(status for status, _ in answers) == [200] * 3 + [201]
    assert all(items == answers[0][1] for _, items in answers)


def test_the_same_key_is_the_same_closing(shop: Box) -> None:
    day = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
    body = {"day": day, "warehouse": "hamburg", "channel": "shop"}
    key = {"Idempotency-Key": fresh()}
    first = shop.call("POST", "/v1/closings", json=body, headers=key)
    again = shop.call("POST", "/v1/closings", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json()["items"][0]["figures"] == []  # nothing was sold: that too is written down
    other = shop.call("POST", "/v1/closings", json={**body, "author": "x"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"day": datetime.now(UTC).date().isoformat(), "warehouse": "hamburg"}, 409, "conflict"),
        ({"day": "2999-01-01"}, 409, "conflict"),
        ({"day": "yesterday"}, 422, "invalid_request"),
        ({"day": DAY, "warehouse": "nowhere"}, 404, "unknown_warehouse"),
        ({"day": DAY, "channel": "nothing"}, 404, "unknown_channel"),
        ({"day": DAY, "author": "\u202e"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_closed(shop: Box, body: Any, status: int, code: str) -> None:
    answer = shop.call("POST", "/v1/closings", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_closed_days_are_listed_page_by_page_and_a_limited_key_sees_its_own(shop: Box) -> None:
    whole = shop.get("/v1/closings")["items"]
    assert len(whole) >= 3
    page = shop.get("/v1/closings?limit=1")
    pages = page["items"]
    while page["next_cursor"] is not None:
        page = shop.get("/v1/closings", params={"limit": 1, "cursor": page["next_cursor"]})
        pages += page["items"]
    assert pages == whole
    assert [item["channel"] for item in shop.get(f"/v1/closings?from={DAY}&channel=market")["items"]] == ["market"]
    assert shop.call("GET", "/v1/closings/2020-01-01/hamburg/shop").status_code == 404
    key = shop.make_key("store", client="till", channels=["market"], warehouses=["hamburg"])
    assert shop.call("GET", "/v1/closings", key=key).status_code == 403
    assert shop.call("POST", "/v1/closings", key=key, json={"day": DAY, "channel": "market"}).status_code == 403
    assert shop.call("GET", "/v1/closings?channel=market&warehouse=hamburg", key=key).status_code == 200


def test_the_command_closes_a_day(shop: Box) -> None:
    sold(shop, 1, occurred_at="2026-01-05T12:00:00Z")
    command = [sys.executable, "-m", "api.cli", "close-day", "2026-01-05", "--url", shop.url, "--key", shop.admin]
    options = ["--warehouse", "hamburg", "--channel", "shop", "--author", "Cleo"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert "2026-01-05 is closed" in done.stdout
    assert "Cleo" in done.stdout
    again = subprocess.run([*command, *options[:4]], capture_output=True, text=True, check=True)
    assert "was closed before" in again.stdout
    assert "Cleo" in again.stdout
    wrong = subprocess.run([*command[:4], "2999-01-01", *command[5:]], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "is not over yet" in wrong.stderr
    wrong = subprocess.run([*command[:4], "yesterday", *command[5:]], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
