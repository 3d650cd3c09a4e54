"""Channels watched through the tables: the past is counted as it was, and the rows behind an alert are shown."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from analytics.alerts.listing import alerts
from analytics.alerts.watching import ROWS_SHOWN, watch
from analytics.alerts.words import moment_text
from analytics.questions import AlertsAsked
from analytics.store import Details, Store

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)
"""A Monday, in Warsaw half past eight in the evening."""
WEB = 0


class Shop:
    """Tables with ten weeks of sales written straight into them: 40 orders an hour on the web, day and night."""

    def __init__(self) -> None:
        self.store = Store(None, era=0, shards=1)
        self.store.enter_details(
            Details(
                1,
                products=[(11, "A-1", 0, "A", None, False)],
                warehouses=[(0, "north", "North", "store", 1, "Europe/Warsaw", None, False)],
                channels=[(WEB, "web", "Web", "web", None, None, None, None, None, False)],
            )
        )
        self.seq = 0
        chance = np.random.default_rng(1)
        counts = chance.poisson(40, 10 * 168)
        hours = np.sort(np.repeat(np.arange(len(counts)), counts) + chance.random(counts.sum()))
        now = np.datetime64(NOW.replace(tzinfo=None), "ms")
        self.add("sales", now - (hours * 3_600_000).astype("timedelta64[ms]"))

    def add(self, table: str, moments: list[datetime] | np.ndarray, **more: Any) -> None:
        """A row for each, with a reference, on the web, unless said otherwise."""
        count = len(moments)
        ordinals = np.arange(self.seq + 1, self.seq + count + 1)
        self.seq += count
        columns: dict[str, Any] = {
            "shard": 0, "seq": ordinals, "booked_at": moments, "occurred_at": moments, "sku_key": 11, "warehouse": 0,
            "channel": WEB, "command_id": ordinals, "reference": ordinals,
        } | more  # fmt: skip
        if table == "sales":
            columns |= {"n": 0, "order_key": ordinals, "quantity": 2000, "kind": "sell", "discount": 0}
        elif table == "refusals":
            columns |= {"row": 0, "outcome": "insufficient_stock", "kind": "reserve", "requested": 3000} | more
        elif table == "returns":
            columns |= {"n": 0, "quantity": 1000}
        else:
            columns |= {"n": 0, "kind": "release", "hidden": False, "quantity": -1000, "reservation": ordinals}
        each = {name: value for name, value in columns.items() if isinstance(value, list | np.ndarray)}
        same = {name: [value] * count for name, value in columns.items() if name not in each}
        given = pa.table(each | same)
        cursor = self.store.cursor()
        cursor.register("given", given)
        cursor.execute(f"insert into {table} by name select * from given")
        cursor.close()

    def odd(self, now: datetime = NOW, channel: str | None = None) -> list[dict[str, Any]]:
        cursor = self.store.cursor()
        now_ms = int(now.timestamp() * 1000)
        found = watch(cursor, moment_text(now_ms), now_ms, channel)
        cursor.close()
        return found


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.store.close()


def minutes(*before: float) -> list[datetime]:
    return [NOW - timedelta(minutes=each) for each in before]


def test_nothing_is_odd_while_sales_go_on(shop: Shop) -> None:
    assert shop.odd() == []


def test_a_channel_that_goes_dead_is_raised_within_half_an_hour_with_its_last_orders(shop: Shop) -> None:
    assert shop.odd(NOW + timedelta(minutes=10)) == []
    (alert,) = shop.odd(NOW + timedelta(minutes=40))
    assert (alert["kind"], alert["channel"], alert["found"]) == ("channel_silent", "web", 0)
    last = datetime.fromisoformat(alert["rows"][0]["at"])
    raised = datetime.fromtimestamp(alert["raised_at_ms"] / 1000, UTC)
    # 15 orders of 40 an hour.
    assert timedelta(minutes=20) < raised - last < timedelta(minutes=25)
    assert len(alert["rows"]) == ROWS_SHOWN
    assert alert["rows"] == sorted(alert["rows"], key=lambda row: row["at"], reverse=True)
    row = alert["rows"][0]
    assert (row["sku"], row["warehouse"], row["quantity"]) == ("A-1", "north", 2000)
    assert NOW - timedelta(minutes=10) < last <= NOW
    (later,) = shop.odd(NOW + timedelta(hours=3))
    assert later["id"] == alert["id"]
    shop.add("sales", [NOW + timedelta(hours=3)])
    assert shop.odd(NOW + timedelta(hours=3, minutes=1)) == []


def test_a_clock_that_is_ahead_hides_no_silence(shop: Shop) -> None:
    shop.add("sales", minutes(1), occurred_at=NOW + timedelta(days=2))
    assert [alert["kind"] for alert in shop.odd(NOW + timedelta(minutes=40))] == ["channel_silent"]


def test_a_channel_out_of_use_may_be_silent(shop: Shop) -> None:
    shop.store.enter_details(Details(2, channels=[(WEB, "web", "Web", "web", None, None, None, None, None, True)]))
    assert shop.odd(NOW + timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("table", "kind"), [("refusals", "refusal_peak"), ("returns", "return_peak"), ("movements", "release_peak")]
)
def test_a_peak_is_raised_with_the_rows_behind_it(shop: Shop, table: str, kind: str) -> None:
    shop.add(table, minutes(*range(1, 12)))
    assert shop.odd() == []
    shop.add(table, minutes(12), reason="broken") if table != "refusals" else shop.add(table, minutes(12))
    (alert,) = shop.odd()
    assert (alert["kind"], alert["channel"], alert["found"], alert["expected"]) == (kind, "web", 12, 0)
    assert len(alert["rows"]) == 12
    assert alert["rows"][-1]["why"] == ("insufficient_stock" if table == "refusals" else "broken")
    assert datetime.fromtimestamp(alert["raised_at_ms"] / 1000, UTC) == NOW - timedelta(minutes=30)
    (later,) = shop.odd(NOW + timedelta(minutes=14))
    assert (later["id"], later["found"]) == (alert["id"], 12)
    assert len(shop.odd(channel="web")) == 1
    assert shop.odd(channel="till") == []


def test_one_customer_is_one_refusal_and_a_fallen_group_none(shop: Shop) -> None:
    shop.add("refusals", minutes(*[5] * 40), customer="maria")
    shop.add("refusals", minutes(*[5] * 40), outcome="group_failed")
    shop.add("refusals", minutes(*[5] * 40), outcome="ok")
    assert shop.odd() == []


def test_sales_without_a_reference_are_raised_where_others_have_one(shop: Shop) -> None:
    shop.add("sales", minutes(*range(1, 10)), reference=None)
    (alert,) = shop.odd()
    assert (alert["kind"], alert["found"]) == ("unpaid_sales", 9)
    assert [row["reference"] for row in alert["rows"]] == [None] * 9


def test_the_list_shows_them_first_and_what_was_said_of_them(shop: Shop) -> None:
    shop.add("returns", minutes(*range(1, 15)))

    def listed(**asked: Any) -> dict[str, Any]:
        now_ms = int(NOW.timestamp() * 1000)
        cursor = shop.store.cursor()
        found = alerts(cursor, AlertsAsked(now_ms, moment_text(now_ms), **({"limit": 10} | asked)), era=0)
        cursor.close()
        said: dict[str, Any] = orjson.loads(found)
        return said

    (alert,) = listed()["items"]
    assert {name: alert[name] for name in ("kind", "channel", "state", "raised_at", "since", "until")} == {
        "kind": "return_peak",
        "channel": "web",
        "state": "open",
        "raised_at": "2026-06-15T18:00:00.000Z",
        "since": "2026-06-15T17:59:59.999Z",
        "until": "2026-06-15T18:30:00.000Z",
    }
    assert alert["rows"][0]["quantity"] == 1
    shop.store.enter_details(Details(2, alert_marks=[(alert["id"], "acknowledged", "maria", 1, None)]))
    (acknowledged,) = listed(state="acknowledged", kind="return_peak")["items"]
    assert (acknowledged["id"], acknowledged["acknowledged_by"]) == (alert["id"], "maria")
    assert listed(state="open")["items"] == listed(kind="reorder")["items"] == listed(warehouse="north")["items"] == []
    assert listed(id=alert["id"])["items"] == [acknowledged]
