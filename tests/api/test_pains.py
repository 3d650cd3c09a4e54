"""What users of other systems suffer from, each as a story that must end well here: one test a pain.

The numbers are those of the collection of pains that this engine was built against: D1 overselling, D2 two lines of
one SKU, D3 holds in the buyer's own way, D4 counters that drift, D7 feeds, D8 a master that counts while we sell.
"""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from actors.settings import Settings
from engine.ids import sku_key
from engine.record import Record
from tests.api.box import BOUND_S, Box, fresh
from tests.e2e.served import wait_until

_numbers = itertools.count(1)


class Shelf(NamedTuple):
    """A SKU of its own for each test, with so many units in one shop; perhaps a second one that goes along with it."""

    box: Box
    sku: str
    beside: str = ""
    """on another shard: as much of it is held, given back and shipped"""

    @property
    def skus(self) -> list[str]:
        return [self.sku, self.beside] if self.beside else [self.sku]

    def stock(self) -> tuple[int, int, int]:
        """(on hand, reserved, available), of each of its SKUs."""
        found = [self.box.get(f"/v1/stock/{sku}") for sku in self.skus]
        ((on_hand, reserved, available),) = {(each["on_hand"], each["reserved"], each["available"]) for each in found}
        assert on_hand - reserved == available
        return on_hand, reserved, available

    def line(self, quantity: int = 1) -> dict[str, Any]:
        return {"sku": self.sku, "quantity": quantity, "warehouse": "berlin"}

    def hold(self, *quantities: int, status: int = 201, **more: Any) -> Any:
        lines = [self.line(each) | {"sku": sku} for each in quantities or (1,) for sku in self.skus]
        body = {"channel": "shop", "ttl_s": 600, "lines": lines, **more}
        return self.box.post("/v1/reservations", body, status=status)

    def part(self, quantity: int) -> dict[str, Any]:
        """Of a hold of one quantity: so much of each SKU."""
        return {"lines": [{"line": line, "quantity": quantity} for line in range(len(self.skus))]}

    def step(self, reservation: str, step: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        return self.box.post(f"/v1/reservations/{reservation}/{step}", body, status=status, **more)

    def command(self, kind: str, **fields: Any) -> dict[str, Any]:
        (result,) = self.box.commands({"kind": kind, "sku": self.sku, "warehouse": "berlin", **fields})
        return result

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.box.get("/v1/feed", params={"sku": self.sku, "limit": 1000})["events"]
        return found


@pytest.fixture
def shelf(box: Box) -> Iterator[Shelf]:
    """Three units; whatever a test did, the feed explains every figure."""
    yield from stocked(Shelf(box, f"PAIN-{next(_numbers)}"))


@pytest.fixture(params=["one SKU", "two SKUs on two shards"])
def shelves(box: Box, request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """The same, and once more with three units of another SKU that another shard has."""
    sku = f"PAIN-{next(_numbers)}"
    others = (f"PAIN-{next(_numbers)}" for _ in itertools.count())
    elsewhere = next(other for other in others if shard_of(box, other) != shard_of(box, sku))
    yield from stocked(Shelf(box, sku, "" if request.param == "one SKU" else elsewhere))


def shard_of(box: Box, sku: str) -> int:
    assert box.runtime is not None
    return box.runtime.client.partitions.shard_of_sku(sku_key(sku))


def stocked(shelf: Shelf) -> Iterator[Shelf]:
    box = shelf.box
    for sku in shelf.skus:
        box.put(f"/v1/products/{sku}", {"name": "A thing", "quantity_decimals": 0})
        (received,) = box.commands({"kind": "receive", "sku": sku, "warehouse": "berlin", "quantity": 3})
        assert received["outcome"] == "ok"
    yield shelf
    for sku in shelf.skus:
        if events := Shelf(box, sku).events():
            found = box.get(f"/v1/stock/{sku}")
            assert (events[-1]["on_hand"], events[-1]["reserved"]) == (found["on_hand"], found["reserved"])


def test_d1_many_buyers_want_the_last_units_and_nobody_gets_one_that_is_not_there(shelf: Shelf) -> None:
    def buy(_: int) -> int:
        body = {"channel": "shop", "ttl_s": 600, "lines": [shelf.line()]}
        status: int = shelf.box.call("POST", "/v1/reservations", json=body).status_code
        return status

    with ThreadPoolExecutor(8) as buyers:
        statuses = list(buyers.map(buy, range(24)))
    assert sorted(statuses) == [201] * 3 + [409] * 21
    assert shelf.stock() == (3, 3, 0)


def test_d1_a_till_and_a_web_shop_do_not_sell_the_same_unit(shelf: Shelf) -> None:
    shelf.hold(3)
    assert shelf.command("sell", quantity=1, channel="shop")["outcome"] == "insufficient_stock"
    assert shelf.stock() == (3, 3, 0)


@pytest.mark.parametrize("quantities", [(2, 2), (1, 1, 1, 1), (3, 1)])
def test_d2_lines_of_one_sku_in_one_call_see_each_other(shelf: Shelf, quantities: tuple[int, ...]) -> None:
    refused = shelf.hold(*quantities, status=409)
    assert refused["code"] == "insufficient_stock"
    assert shelf.stock() == (3, 0, 3)


def test_d2_lines_of_one_sku_that_fit_together_are_held_together(shelf: Shelf) -> None:
    assert [line["quantity"] for line in shelf.hold(1, 2)["lines"]] == [1, 2]
    assert shelf.stock() == (3, 3, 0)


def test_d2_rows_of_one_sku_in_one_array_see_each_other(shelf: Shelf) -> None:
    sale = {"kind": "sell", "sku": shelf.sku, "warehouse": "berlin", "quantity": 2, "channel": "shop"}
    assert [each["outcome"] for each in shelf.box.commands(sale, sale)] == ["ok", "insufficient_stock"]
    assert shelf.stock() == (1, 0, 1)


def test_d3_a_buyer_who_does_not_pay_gives_the_units_back_by_waiting(shelf: Shelf) -> None:
    held = shelf.hold(3, ttl_s=1)
    wait_until(lambda: shelf.stock() == (3, 0, 3), "the end of the hold")
    path = f"/v1/reservations/{held['reservation']}"
    assert shelf.box.get(path)["state"] == "expired"


def test_d3_a_hold_that_lapses_while_the_buyer_pays_is_refused_and_not_half_confirmed(shelf: Shelf) -> None:
    held = shelf.hold(2, ttl_s=1)["reservation"]
    wait_until(lambda: shelf.stock() == (3, 0, 3), "the end of the hold")
    other = shelf.hold(3)["reservation"]
    assert shelf.step(held, "confirm", status=409)["code"] == "reservation_expired"
    assert shelf.step(held, "fulfil", status=409)["code"] == "reservation_expired"
    assert shelf.stock() == (3, 3, 0)
    assert shelf.step(other, "confirm")["state"] == "confirmed"


def test_d3_a_hold_that_lapses_between_the_confirm_and_its_decision_is_refused(tmp_path: Path) -> None:
    """The confirm came in time, and waited behind a sale for which the shard's disk took long."""
    box = Box(tmp_path, shards=1, settings=Settings(calls_in_flight_max=1))
    box.stock_shop()
    shelf = Shelf(box, "TEE-M")
    on_hand, _, _ = shelf.stock()
    runtime, (store,) = box.runtime, box.stores
    assert runtime is not None
    reached, go_on = threading.Event(), threading.Event()

    def stand_still(record: Record) -> None:
        if len(record.rows):
            reached.set()
            assert go_on.wait(BOUND_S)

    try:
        held = shelf.hold(2, ttl_s=3)
        expires_at = datetime.fromisoformat(held["expires_at"])
        store.before_append = stand_still
        with ThreadPoolExecutor(2) as callers:
            sale = callers.submit(shelf.command, "sell", quantity=1, channel="shop")
            assert reached.wait(BOUND_S)
            confirm = callers.submit(shelf.step, held["reservation"], "confirm", status=409)
            wait_until(lambda: runtime.client.admission.queued_rows(0) == 2, "the confirm behind the sale")
            assert datetime.now(UTC) < expires_at, "it came too late"
            wait_until(lambda: datetime.now(UTC) > expires_at, "the end of the hold")
            assert not confirm.done()
            go_on.set()
            assert sale.result()["outcome"] == "ok"
            assert confirm.result()["code"] == "reservation_expired"
        assert box.get(f"/v1/reservations/{held['reservation']}")["state"] == "expired"
        assert shelf.stock() == (on_hand - 1, 0, on_hand - 1)
    finally:
        go_on.set()
        box.close()


def test_d3_a_hold_that_is_extended_or_confirmed_in_time_does_not_lapse(shelf: Shelf) -> None:
    paying, paid, lapsing = (shelf.hold(ttl_s=1)["reservation"] for _ in range(3))
    shelf.step(paying, "extend", {"ttl_s": 600})
    shelf.step(paid, "confirm")
    wait_until(lambda: shelf.stock() == (3, 2, 1), "the end of the hold that nobody cared for")
    assert shelf.step(lapsing, "confirm", status=409)["code"] == "reservation_expired"
    assert shelf.step(paying, "confirm")["state"] == "confirmed"


def test_d3_a_buyer_is_not_blocked_by_the_own_earlier_hold(shelves: Shelf) -> None:
    """The cart is changed: all three units are in the buyer's own hold, and there are no others."""
    first = shelves.hold(3)["reservation"]
    shelves.hold(2, status=409)
    second = shelves.hold(2, replaces=first)
    assert second["state"] == "held"
    assert shelves.stock() == (3, 2, 1)
    assert shelves.box.get(f"/v1/reservations/{first}")["state"] == "released"


def test_d3_a_buyer_replaces_the_own_hold_on_the_last_unit(shelves: Shelf) -> None:
    shelves.hold(2)
    mine = shelves.hold(1)["reservation"]
    replaced = shelves.hold(1, replaces=mine)
    assert replaced["reservation"] != mine
    assert shelves.stock() == (3, 3, 0)


def test_d3_a_replacement_that_is_refused_leaves_the_earlier_hold_as_it_was(shelves: Shelf) -> None:
    mine = shelves.hold(2)
    assert shelves.hold(4, status=409, replaces=mine["reservation"])["code"] == "insufficient_stock"
    assert shelves.box.get(f"/v1/reservations/{mine['reservation']}")["state"] == "held"
    assert shelves.stock() == (3, 2, 1)


def test_d4_a_confirm_that_is_repeated_changes_nothing_more(shelves: Shelf) -> None:
    held = shelves.hold(2)["reservation"]
    key = {"Idempotency-Key": fresh("confirm")}
    first = shelves.step(held, "confirm", headers=key)
    assert shelves.step(held, "confirm", headers=key) == first
    assert shelves.step(held, "confirm", status=409)["code"] == "reservation_closed"  # another id is another confirm
    assert shelves.stock() == (3, 2, 1)


def test_d4_a_shipment_that_is_told_twice_ships_once(shelves: Shelf) -> None:
    held = shelves.hold(2)["reservation"]
    shelves.step(held, "confirm")
    key = {"Idempotency-Key": fresh("ship")}
    first = shelves.step(held, "fulfil", shelves.part(1), headers=key)
    assert shelves.step(held, "fulfil", shelves.part(1), headers=key) == first
    assert shelves.stock() == (2, 1, 1)


def test_d4_a_cancel_after_a_partial_shipment_gives_back_the_rest_and_no_more(shelves: Shelf) -> None:
    held = shelves.hold(3)["reservation"]
    shelves.step(held, "confirm")
    shelves.step(held, "fulfil", shelves.part(1))
    ended = shelves.step(held, "release")
    given_back = [(line["fulfilled"], line["released"], line["remaining"]) for line in ended["lines"]]
    assert (ended["state"], given_back) == ("fulfilled", [(1, 2, 0)] * len(shelves.skus))
    assert shelves.stock() == (2, 0, 2)
    assert shelves.step(held, "release", status=409)["code"] == "reservation_closed"
    assert shelves.stock() == (2, 0, 2)


def test_d4_more_than_is_held_is_never_given_back(shelf: Shelf) -> None:
    held = shelf.hold(1)["reservation"]
    part = shelf.part(2)
    assert shelf.step(held, "release", part, status=422)["code"] == "invalid_quantity"
    assert shelf.stock() == (3, 1, 2)


def test_d4_a_product_is_not_deleted_under_its_holds(shelf: Shelf) -> None:
    held = shelf.hold(1)["reservation"]
    answer = shelf.box.call("DELETE", f"/v1/products/{shelf.sku}")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    shelf.step(held, "confirm")
    shelf.step(held, "fulfil")
    assert shelf.stock() == (2, 0, 2)
    shelf.command("adjust", set_to=0, reason="gone")
    assert shelf.box.call("DELETE", f"/v1/products/{shelf.sku}").status_code == 204
    assert shelf.command("receive", quantity=1)["outcome"] == "unknown_sku"


def test_d4_every_figure_is_the_sum_of_what_the_feed_says(shelf: Shelf) -> None:
    held = shelf.hold(2)["reservation"]
    shelf.step(held, "confirm")
    shelf.step(held, "fulfil", shelf.part(1))
    shelf.step(held, "release")
    shelf.command("return", quantity=1, channel="shop")
    moved = {"receive": 1, "return": 1, "adjust": 1, "fulfil": 1, "sell": 1}
    on_hand = sum(event["quantity"] for event in shelf.events() if event["kind"] in moved)
    assert on_hand == shelf.stock()[0] == 3


def test_d7_two_quick_changes_are_two_events_each_with_its_own_figures(shelf: Shelf) -> None:
    shelf.box.commands(
        *({"kind": "sell", "sku": shelf.sku, "warehouse": "berlin", "quantity": 1, "channel": "shop"} for _ in range(3))
    )
    assert [event["on_hand"] for event in shelf.events() if event["kind"] == "sell"] == [2, 1, 0]


def test_d7_an_order_is_on_the_feed_and_not_only_what_staff_does(shelf: Shelf) -> None:
    held = shelf.hold(1)["reservation"]
    shelf.step(held, "confirm")
    shelf.step(held, "fulfil")
    told = [(event["kind"], event["reservation"]) for event in shelf.events() if "reservation" in event]
    assert ("reserve", held) in told
    assert ("fulfil", held) in told


def test_d7_one_source_of_incoming_goods_is_corrected_without_the_others(shelf: Shelf) -> None:
    for source, units in (("PO-1", 10), ("PO-2", 5)):
        shelf.command("expect", delta=units, source=source)
    shelf.command("expect", delta=-10, source="PO-1")
    assert shelf.box.get(f"/v1/stock/{shelf.sku}")["incoming"] == 5
    shelf.command("receive", quantity=5, source="PO-2")
    assert shelf.box.get(f"/v1/stock/{shelf.sku}")["incoming"] == 0
    assert shelf.stock() == (8, 0, 8)


def test_d8_a_master_that_counts_low_does_not_block_the_shipment_of_what_was_promised(shelf: Shelf) -> None:
    """The master's count has the order's units in it, or has taken them out already: both are said, and both ship."""
    held = shelf.hold(2)["reservation"]
    shelf.step(held, "confirm")
    assert shelf.command("adjust", set_to=2, reason="count")["outcome"] == "ok"
    assert shelf.step(held, "fulfil")["state"] == "fulfilled"
    assert shelf.stock() == (0, 0, 0)


def test_d8_a_count_below_what_is_promised_is_taken_and_told_and_never_a_new_hold(shelf: Shelf) -> None:
    shelf.hold(3)
    assert shelf.command("adjust", set_to=1, reason="count")["outcome"] == "ok"
    assert shelf.stock() == (1, 3, -2)
    assert "short" in [event["kind"] for event in shelf.events()]
    shelf.hold(1, status=409)


def test_d8_a_count_of_an_earlier_moment_is_refused_when_something_was_sold_since(shelf: Shelf) -> None:
    shelf.command("sell", quantity=1, channel="shop")
    late = shelf.command("adjust", set_to=10, expected_on_hand=3, reason="count")
    assert late["outcome"] == "conflict"
    assert shelf.stock() == (2, 0, 2)
