"""The demo's store on a served engine: receipts of the replay and of customers, one in doubt, labels that wait."""

import asyncio
import contextlib
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from analytics.retailer import Fate, SalesFiles, make_plan
from api.customers import Goods, Shelf, Street, Tally
from api.demo_store import LABELS, REPLAYED, TILL, DemoStore
from api.engine_client import EngineClient, Refused
from api.replay import Watcher, replay
from tests.e2e.served import BACK_S, Served

WANTED = {
    ("till", "sold"),
    ("till", "returned"),
    ("web", "looked at"),
    ("web", "fulfilled"),
    ("marketplace", "fulfilled"),
    ("clerk", "ordered"),
}
"""What customers and staff of the demo do, sooner or later."""


async def jobs_of(client: EngineClient, code: str) -> dict[str, str]:
    with contextlib.suppress(Refused):  # the store is just opening
        found = await client.get(f"/v1/devices/{code}/jobs", limit=100)
        return {job["id"]: job["state"] for job in found["items"]}
    return {}


async def until_over(client: EngineClient, code: str, count: int) -> dict[str, str]:
    """As soon as so many jobs have come to an end, or to a person."""
    async with asyncio.timeout(BACK_S):
        while True:
            jobs = await jobs_of(client, code)
            if len(jobs) >= count and {"queued", "sending", "sent"}.isdisjoint(jobs.values()):
                return jobs
            await asyncio.sleep(0.05)


def test_sales_of_the_replay_and_of_customers_are_printed_and_the_store_leaves_nothing_behind(
    local_served: Served,
) -> None:
    files = SalesFiles.installed()
    plan = make_plan(files, rows=3_000, seed=7)
    baskets = {(row["store"], row["basket"]) for row in plan.lines.to_pylist() if row["fate"] == Fate.TILL}
    ((store_code, count),) = Counter(store for store, _ in baskets).most_common(1)
    assert count > REPLAYED + 2
    names = dict(zip(plan.products["sku"].to_pylist(), plan.products["name"].to_pylist(), strict=True))
    sale: list[dict[str, Any]] = [{"sku": next(iter(names)), "quantity": 2, "unit_price": {"amount": 250}}]
    tally = Tally()

    async def run() -> dict[str, str]:
        async with EngineClient(local_served.url, local_served.key) as client:
            await replay(client, plan, files, Watcher(), 1_000)
            store = DemoStore(client, store_code, names, tally)
            async with store.open(plan):
                await until_over(client, TILL, REPLAYED)
                for _ in range(5):  # only one of those that come at once gets a receipt
                    store.sold(store_code, str(uuid.uuid4()), sale)
                store.sold("elsewhere", str(uuid.uuid4()), sale)
                jobs = await until_over(client, TILL, REPLAYED + 2)
                labels = await client.get(f"/v1/devices/{LABELS}")
                assert labels["health"]["reasons"] == ["paper_out"]
                assert set((await jobs_of(client, LABELS)).values()) == {"queued"}
            assert [device for device in (await client.get("/v1/devices"))["items"] if "demo" in device["code"]] == []
            return jobs

    jobs = asyncio.run(run())
    states = list(jobs.values())
    assert states.count("unknown") == 1, jobs
    assert states.count("confirmed") == REPLAYED + 1
    assert [who for who, _ in tally.counts] == ["store"], tally.latest


def test_customers_leave_something_to_see_in_every_report(tmp_path: Path) -> None:
    """Sales, returns, fees, interest, searches in vain, deliveries that are due."""
    with Served(tmp_path / "data", "--transport", "local") as served:
        street = asyncio.run(_lived(served))
        assert served.stop() == 0
    assert ("engine", "refused") not in street.tally.counts, street.tally.latest


async def _lived(served: Served) -> Street:
    """Until everybody has done what there is to do, and the reports show it."""
    skus = [f"STREET-{n}" for n in range(6)]
    goods = {sku: Goods(sku, 500 + 100 * n, 300) for n, sku in enumerate(skus)}

    async with EngineClient(served.url, served.key) as client:
        await client.put("/v1/warehouses/street", {"name": "Street", "kind": "store", "priority": 1})
        for channel, kind in (("till", "till"), ("web", "web"), ("collect", "web")):
            await client.put(f"/v1/channels/{channel}", {"name": channel, "kind": kind, "warehouses": None})
        for sku in skus:
            await client.put(f"/v1/products/{sku}", {"name": sku, "quantity_decimals": 0, "barcodes": []})
        street = Street(client, [Shelf("street", skus)], goods)
        await street.open()
        moving = asyncio.create_task(street.run())
        try:
            async with asyncio.timeout(BACK_S):
                while True:
                    if set(street.tally.counts) >= WANTED or moving.done():
                        break
                    await asyncio.sleep(0.05)
        finally:
            moving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await moving
        async with asyncio.timeout(BACK_S):  # reports follow a moment behind
            while True:
                figures = await client.get("/v1/reports/channel_comparison")
                found = {row[0]: dict(zip(figures["columns"], row, strict=True)) for row in figures["rows"]}
                if {"till", "marketplace"} <= set(found) and found["till"]["return_rate"]:
                    break
                await asyncio.sleep(0.1)
        assert found["marketplace"]["contribution"] < found["marketplace"]["margin"]
        for report in ("conversion", "empty_searches"):
            assert (await client.get(f"/v1/reports/{report}"))["rows"], report
        return street
