"""Analytics of a served engine: they follow, come back when killed, and are made again from nothing the same."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics.schema import TABLES
from tests.e2e.served import Served, fresh_id, wait_until


def stocked(served: Served) -> None:
    """Two places in two time zones, a channel, eight products on both shards."""
    http = served.http
    for code, zone in (("riga", "Europe/Riga"), ("omsk", "Asia/Omsk")):
        body = {"name": code, "kind": "store", "priority": 1, "time_zone": zone, "day_start": "05:00"}
        assert http.put(f"/v1/warehouses/{code}", json=body).is_success
    assert http.put("/v1/channels/web", json={"name": "Web", "kind": "web", "warehouses": None}).is_success
    for number in range(8):
        assert http.put(f"/v1/products/P{number}", json={"name": f"P{number}", "group": ["All"]}).is_success
    rows = [
        {"id": fresh_id(), "kind": "receive", "sku": f"P{number}", "warehouse": place, "quantity": 50}
        for number in range(8)
        for place in ("riga", "omsk")
    ]
    assert {result["outcome"] for result in served.http.post("/v1/commands", json=rows).json()["results"]} == {"ok"}


def order(served: Served, units: int) -> str:
    """A reservation of every product, over both shards, fulfilled; the feed's cursor behind it."""
    price = {"amount": 250, "currency": "EUR"}
    lines = [{"sku": f"P{number}", "quantity": units, "unit_price": price} for number in range(8)]
    made = served.post("/v1/reservations", {"channel": "web", "ttl_s": 60, "lines": lines})
    assert made.status_code == 201, made.text
    for step in ("confirm", "fulfil"):
        assert served.post(f"/v1/reservations/{made.json()['reservation']}/{step}", {}).status_code == 200
    basket = [
        {"id": fresh_id(), "kind": "sell", "sku": f"P{number}", "warehouse": "riga", "quantity": 1, "channel": "web"}
        | {"group": "basket", "unit_price": price}
        for number in range(8)
    ]
    assert served.http.post("/v1/commands", json=basket).json()["results"][0]["outcome"] == "ok"
    return cursor(served)


def cursor(served: Served) -> str:
    """Behind everything on the feed."""
    after: dict[str, str] = {}
    while (page := served.http.get("/v1/feed", params={"limit": "1000", **after}).json())["events"]:
        after = {"after": page["next_cursor"]}
    return after["after"]


def sales(served: Served, after: str) -> dict[str, Any]:
    """The one row of the channel's sales."""
    answer = served.http.get("/v1/reports/channel_sales", params={"by": "group", "channel": "web", "after": after})
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["rows"]
    return dict(zip(answer.json()["columns"], row, strict=True))


def analytics_up(served: Served) -> bool:
    return "omnistock_analytics_up 1.0" in served.http.get("/metrics").text


@pytest.mark.long
@pytest.mark.parametrize("options", [("--transport", "local"), ("--workers", "2")], ids=["local", "ray"])
def test_figures_survive_kills_and_are_made_again_the_same(tmp_path: Path, options: tuple[str, ...]) -> None:
    data = tmp_path / "data"
    with Served(data, "--shards", "2", *options) as served:
        stocked(served)
        wait_until(lambda: analytics_up(served), "the analytics")
        row = sales(served, order(served, 3))
        wanted = {"channel": "web", "period": "All", "orders": 2, "units": 32, "gross": 8_000, "discount": 0}
        assert row == {**wanted, "returns": 0, "net": 8_000, "tax": 0, "currency": "EUR"}
        for kills in range(1, 3):
            served.process("actors.analytics_actor").send(signal.SIGKILL)
            after = order(served, 1)
            wait_until(lambda: analytics_up(served), "the analytics to be back")
            assert sales(served, after)["units"] == 32 + 16 * kills
        assert told_by_documents(served) == 2
        wait_until(lambda: sales_by_sql(served) == 32 + 16 * 2, "a copy of the tables with all sales in it")
        command = [sys.executable, "-m", "api.cli", "report", "stock_as_of", "warehouse=riga", "--data", str(data)]
        shown = subprocess.run([*command, "--format", "csv"], capture_output=True, text=True, check=True).stdout
        assert shown.startswith("sku,warehouse,on_hand,reserved,incoming,available\nP0,riga,")
        assert served.stop() == 0
    before = tables(data)
    rebuilt = [sys.executable, "-m", "api.cli", "analytics", "rebuild", "--data", str(data)]
    subprocess.run(rebuilt, capture_output=True, check=True)
    assert tables(data) == before


def told_by_documents(served: Served) -> int:
    """Close yesterday and say what was looked at: no journal has either, and both are in the reports."""
    day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    closing = {"day": day, "warehouse": "riga", "channel": "web"}
    assert served.post("/v1/closings", closing).status_code == 201
    assert served.post("/v1/interest", {"sku": "P1", "channel": "web", "day": day, "views": 7}).status_code == 200
    names = ("books", "conversion")
    asked = {"from": day, "to": day, "after": cursor(served)}
    return sum(len(served.http.get(f"/v1/reports/{name}", params=asked).json()["rows"]) for name in names)


def sales_by_sql(served: Served) -> int:
    answer = served.post("/v1/sql", {"sql": "select sum(quantity)::BIGINT // 1000 as units from sales"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["rows"][0][0])


def tables(data: Path) -> dict[str, list[str]]:
    """Every row of every table but how far it goes: the seals of a stop are followed by the next start."""
    with duckdb.connect(str(data / "analytics" / "analytics.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return {
            name: sorted(row[0] for row in connection.execute(f"select to_json(t)::VARCHAR from {name} t").fetchall())
            for name in TABLES
            if name != "positions"
        }


def test_a_directory_that_is_served_is_not_made_again(local_served: Served) -> None:
    command = [sys.executable, "-m", "api.cli", "analytics", "rebuild", "--data", str(local_served.data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is served already" in done.stderr
