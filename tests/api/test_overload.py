"""Three times what a shard can do: what is let in is done as fast as ever, the rest is refused without waiting for it.

The shard is made slow on purpose, by a disk that takes its time over each record: so its capacity is the same on every
machine, and the tests count instead of racing.
"""

import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from actors.settings import Settings
from engine.record import Record, RecordKind
from tests.api.box import BOUND_S, Box, fresh
from tests.api.wire import RESERVATION, connected
from tests.conftest import Tell
from tests.e2e.served import wait_until

ROWS_A_BATCH = 4
QUEUE = 16
SLOW_S = 0.04
SMALL = Settings(
    queue_rows_max=QUEUE, total_rows_max=QUEUE, batch_rows_max=ROWS_A_BATCH, chunk_rows_max=ROWS_A_BATCH,
    calls_in_flight_max=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One shard, whose disk the tests hold back."""
    made = Box(tmp_path_factory.mktemp("data"), shards=1, settings=SMALL)
    made.put("/v1/warehouses/berlin", {"name": "Berlin", "kind": "warehouse", "priority": 1})
    made.put("/v1/channels/shop", {"name": "Shop", "kind": "web", "warehouses": None})
    made.put("/v1/products/TEE-M", {"name": "Tee", "quantity_decimals": 0})
    made.commands({"kind": "receive", "sku": "TEE-M", "warehouse": "berlin", "quantity": 100_000})
    yield made
    made.close()


class Crowd:
    """Callers, each of whom asks again and again on a connection of its own."""

    def __init__(self, box: Box, callers: int) -> None:
        self.good = 0
        self.refused: list[float] = []
        """how long each refusal took"""
        self.other: list[int] = []
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(box,)) for _ in range(callers)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(BOUND_S)

    def _call(self, box: Box) -> None:
        with connected(box) as line:
            while not self._enough.is_set():
                began = time.monotonic()
                line.send(line.request())
                status, headers, body = line.answer()
                took = time.monotonic() - began
                with self._lock:
                    if status == 201:
                        self.good += 1
                    elif status in (429, 503):
                        assert int(headers["retry-after"]) >= 1
                        assert orjson.loads(body)["retry_after_ms"] >= 50
                        self.refused.append(took)
                    else:
                        self.other.append(status)
                if status != 201:
                    self._enough.wait(0.15)

    def rate(self, answers: int) -> float:
        """Good answers a second, over so many of them."""
        start = self.good + ROWS_A_BATCH
        wait_until(lambda: self.good >= start, "the first answers")
        began, first = time.monotonic(), self.good
        wait_until(lambda: self.good >= first + answers, "answers")
        return (self.good - first) / (time.monotonic() - began)


class SlowDisk:
    """Takes its time over each record, and counts those with rows."""

    def __init__(self) -> None:
        self.records = 0

    def __call__(self, record: Record) -> None:
        self.records += bool(len(record.rows))
        time.sleep(SLOW_S)


def test_at_three_times_the_capacity_as_much_is_done_and_the_rest_is_refused_at_once(box: Box, tell: Tell) -> None:
    store, before = box.stores[0], box.get("/v1/stock/TEE-M")["reserved"]
    fit, crowded = SlowDisk(), SlowDisk()
    try:
        store.before_append = fit
        with Crowd(box, QUEUE - ROWS_A_BATCH) as fitting:
            peak = fitting.rate(100)
        store.before_append = crowded
        with Crowd(box, 3 * QUEUE) as crowd:
            goodput = crowd.rate(100)
    finally:
        store.before_append = lambda _: None
    assert fitting.refused == fitting.other == crowd.other == []
    assert len(crowd.refused) > 50
    assert box.get("/v1/stock/TEE-M")["reserved"] == before + fitting.good + crowd.good
    refused_s = statistics.median(crowd.refused)
    tell(f"{100 * goodput / peak:.0f} % of the peak at three times the load, refusals after {1000 * refused_s:.1f} ms")
    # What the shard does of its work in a record does not depend on how busy the machine is; the rates do.
    assert crowd.good / crowded.records >= 0.9 * fitting.good / fit.records, (crowd.good, crowded.records)
    assert goodput >= 0.5 * peak, (goodput, peak)
    assert refused_s < QUEUE / ROWS_A_BATCH * SLOW_S, refused_s


def test_a_refusal_does_not_wait_for_the_shard_and_what_is_let_in_is_done(box: Box) -> None:
    """The shard stands still: all refusals are there before it has answered anything."""
    store, go_on = box.stores[0], threading.Event()
    reached = threading.Event()

    def stand_still(record: Record) -> None:
        if record.kind == RecordKind.BATCH and len(record.rows):
            reached.set()
            go_on.wait(BOUND_S)

    before = box.get("/v1/stock/TEE-M")["reserved"]
    store.before_append = stand_still
    try:
        with Crowd(box, 3 * QUEUE) as crowd:
            assert reached.wait(BOUND_S)
            wait_until(lambda: len(crowd.refused) >= 2 * QUEUE, "refusals")
            assert crowd.good == 0
            assert box.call("GET", "/health/live").status_code == 200
            go_on.set()
            wait_until(lambda: crowd.good >= QUEUE, "what was let in")
    finally:
        go_on.set()
        store.before_append = lambda _: None
    assert crowd.other == []
    assert box.get("/v1/stock/TEE-M")["reserved"] == before + crowd.good


def test_an_array_that_there_is_no_room_for_is_refused_before_anybody_reads_it(box: Box) -> None:
    """The shard stands still with arrays that take the room; then even what is no array is not looked at."""
    assert box.runtime is not None
    assert box.server is not None
    front = box.server.config.loaded_app
    store, go_on, arrays = box.stores[0], threading.Event(), box.runtime.arrays
    row = {"kind": "receive", "sku": "TEE-M", "warehouse": "berlin", "quantity": 1, "reference": "r" * 200}
    full = orjson.dumps([row | {"id": fresh()} for _ in range(8)])
    limits, box.runtime.limits = box.runtime.limits, replace(box.runtime.limits, arrays_bytes=len(full) + 100)
    before = box.get("/v1/stock/TEE-M")["on_hand"]

    def stand_still(_: Record) -> None:
        go_on.wait(BOUND_S)

    store.before_append = stand_still
    try:
        with connected(box) as first, connected(box) as second, connected(box) as third:
            first.send(first.request("/v1/commands", full))
            wait_until(lambda: arrays.bytes == len(full), "the first array")
            second.send(second.request("/v1/commands", b"[" + b"no array" * 100))
            status, headers, told = second.answer()
            assert (status, orjson.loads(told)["code"], headers["retry-after"]) == (429, "overloaded", "1")
            third.send(third.request("/v1/commands", b"[small"))
            assert third.answer()[0] == 400
            # Of an array that is refused from its first bytes on nothing is kept, and its connection goes on.
            third.send(third.request("/v1/commands", b"", "Content-Length: 70000", sized=False) + b"[" + b" " * 9_999)
            third.send(b" " * 60_000)
            assert third.answer()[0] == 429
            assert front.bodies_bytes == len(full)
            third.send(third.request("/v1/commands", b"[small"))
            assert third.answer()[0] == 400
            go_on.set()
            assert first.answer()[0] == 200
    finally:
        go_on.set()
        store.before_append = lambda _: None
        box.runtime.limits = limits
    wait_until(lambda: arrays.bytes == 0, "room again")
    assert box.get("/v1/stock/TEE-M")["on_hand"] == before + 8
    second_try = box.call("POST", "/v1/commands", content=b"[" + b"no array" * 100)
    assert second_try.status_code == 400


def test_a_caller_over_its_own_rate_is_refused_and_the_others_are_not(box: Box) -> None:
    assert box.runtime is not None
    greedy, modest = box.make_key("reserve", client="greedy"), box.make_key("reserve", client="modest")
    admission = box.runtime.client.admission
    kept = admission.settings
    admission.settings = Settings(client_rows_per_s=1, client_burst_rows=5)
    try:
        statuses = [box.call("POST", "/v1/reservations", json=RESERVATION, key=greedy).status_code for _ in range(20)]
        assert 201 in statuses
        assert statuses.count(429) >= 10
        assert box.call("POST", "/v1/reservations", json=RESERVATION, key=modest).status_code == 201
        lookups = {box.call("GET", "/v1/commands/of-mine", key=greedy).status_code for _ in range(20)}
        assert lookups <= {404, 429}
        assert 429 in lookups
    finally:
        admission.settings = kept
