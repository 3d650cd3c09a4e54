"""Health, metrics and limits, and what happens when a shard is full, away or over its limits."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.documents.directory import Directory
from actors.metrics import ClientMetrics
from actors.settings import Settings
from api.deps import ApiLimits
from api.metrics import Counters, HttpMetrics, Sharing
from engine.record import Record
from tests.api.box import BOUND_S, SMALL, Box, fresh
from tests.api.test_commands import post_arrow, receive, sell, stream
from tests.api.test_encode import arrow_table


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Box]:
    """An engine that admits twenty rows at a time."""
    made = Box(tmp_path, shards=1, settings=Settings(queue_rows_max=20, total_rows_max=20))
    made.stock_shop()
    yield made
    made.close()


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Box]:
    """An engine that waits half a second for a shard; a test may break it."""
    settings = Settings(call_timeout_ms=300, answer_within_ms=500, question_within_ms=300)
    made = Box(tmp_path, shards=1, settings=settings)
    made.stock_shop()
    yield made
    made.close()


def samples(box: Box, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    text = box.call("GET", "/metrics").text
    total = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                total += sample.value
    return total


def test_health_wants_no_key_and_lists_the_shards(box: Box) -> None:
    assert box.call("GET", "/health/live", headers={"Authorization": ""}).status_code == 200
    answer = box.call("GET", "/health/ready", headers={"Authorization": ""})
    assert answer.status_code == 200
    shards = answer.json()["shards"]
    assert [(each["shard"], each["state"]) for each in shards] == [(0, "ready"), (1, "ready")]
    assert all(each["seq"] > 0 and each["epoch"] == 1 for each in shards)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_a_load_balancer_may_ask_by_head(box: Box, path: str) -> None:
    answer = box.call("HEAD", path, headers={"Authorization": ""})
    assert (answer.status_code, answer.content) == (200, b"")


def test_it_is_not_ready_before_the_first_key_is_in_force(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Directory, "has_clients", False)
    answer = box.call("GET", "/health/ready", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")


def test_limits_are_listed(box: Box) -> None:
    limits = box.get("/v1/limits")
    assert limits["single_body_bytes"] == 262_144
    assert limits["array_body_bytes"] == 8_388_608
    assert limits["commands"] == 10_000
    assert [limits[name] for name in ("reservation_lines", "page", "query_skus")] == [1_000] * 3
    assert (limits["ttl_s_min"], limits["ttl_s_max"], limits["quantity_max"]) == (1, 2_592_000, 10**12)


def test_metrics_count_requests_rows_and_outcomes(box: Box) -> None:
    def counted() -> tuple[float, ...]:
        return (
            samples(box, "omnistock_http_request_seconds_count", route="/v1/commands", status="200"),
            samples(box, "omnistock_client_rows_total"),
            samples(box, "omnistock_shard_outcomes_total", outcome="insufficient_stock"),
            samples(box, "omnistock_shard_append_seconds_count"),
        )

    before = counted()
    box.commands(receive(1), sell(10**9), sell(10**9))
    after = counted()
    assert [now - then for now, then in zip(after, before, strict=True)][:3] == [1, 3, 2]
    assert after[3] > before[3]
    assert samples(box, "omnistock_shard_state", state="ready") == 2


def test_metrics_tell_how_full_the_tables_of_the_shards_are(box: Box) -> None:
    def cells() -> float:
        return samples(box, "omnistock_shard_table_rows", table="cells")

    before = cells()
    box.put("/v1/products/TABLE-ROW", {"name": "New", "quantity_decimals": 0})
    box.commands(receive(1) | {"sku": "TABLE-ROW"})
    assert cells() == before + 1
    assert samples(box, "omnistock_shard_table_room", table="cells") == 2 * SMALL.cells_max


def test_metrics_do_not_name_what_callers_made_up(box: Box) -> None:
    for path in ("/v1/stock/NOT-A-SKU-AT-ALL", "/nowhere/at-all", "/v1/reservations/r-made-up/confirm"):
        box.call("GET", path)
    text = box.call("GET", "/metrics").text
    assert not re.search("NOT-A-SKU|nowhere|made-up", text)


def test_workers_show_each_others_counters(tmp_path: Path) -> None:
    def counters(process: str, count: int) -> Counters:
        http = HttpMetrics()
        for _ in range(count):
            http.count("/v1/commands", "POST", 200, 0.001)
        return Counters(process, http, ClientMetrics(rows=count))

    ours, theirs = Sharing(tmp_path, "1"), Sharing(tmp_path, "2")
    theirs.put(counters("2", 7))
    assert [each.client.rows for each in ours.others()] == [7]
    assert ours.others()[0].http.served["POST /v1/commands 200"].counts[3] == 7
    (tmp_path / "3.counters").write_bytes(b"half a fi")
    assert len(ours.others()) == 1
    theirs.withdraw()
    assert ours.others() == []


def test_over_the_queue_is_a_429_at_once_and_nothing_ran(narrow: Box) -> None:
    before = narrow.get("/v1/stock/TEE-M")
    rows = [{"id": fresh(), **receive(1)} for _ in range(15)]
    reached, go_on = threading.Event(), threading.Event()

    def hold(_: Record) -> None:
        reached.set()
        assert go_on.wait(BOUND_S)

    narrow.stores[0].before_append = hold
    filling = threading.Thread(target=lambda: narrow.commands(*(receive(0) for _ in range(15)), receive(1)))
    filling.start()
    assert reached.wait(BOUND_S)
    began = time.monotonic()
    answers = [narrow.call("POST", "/v1/commands", json=rows), post_arrow(narrow, stream(arrow_table(rows)))]
    waited_s = time.monotonic() - began
    narrow.stores[0].before_append = lambda _: None
    go_on.set()
    filling.join(BOUND_S)
    assert waited_s < 1
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (429, "overloaded")
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert problem["retry_after_ms"] > 0
        assert [each["outcome"] for each in problem["results"]] == ["overloaded"] * 15
    assert narrow.get("/v1/stock/TEE-M")["on_hand"] == before["on_hand"] + 1
    assert [each["outcome"] for each in narrow.commands(*rows[:5])] == ["ok"] * 5


def test_a_full_journal_refuses_writes_and_answers_reads(hasty: Box) -> None:
    hasty.stores[0].full = True
    # Room that was promised before the disk was full may still be used by one batch.
    answers = [hasty.call("POST", "/v1/commands", json=[{"id": fresh(), **receive(1)}]) for _ in range(2)]
    answer = answers[-1]
    assert (answer.status_code, answer.json().get("code")) == (503, "unavailable"), answer.text
    assert "retry-after" in answer.headers
    new = {"channel": "shop", "ttl_s": 60, "lines": [{"sku": "TEE-M", "quantity": 1}]}
    assert hasty.post("/v1/reservations", new, status=503)["retry_after_ms"] > 0
    done = sum(earlier.status_code == 200 for earlier in answers)
    assert hasty.get("/v1/stock/TEE-M")["on_hand"] == 1500 + done
    assert hasty.get("/health/ready")["shards"][0]["state"] == "read_only"
    hasty.stores[0].full = False
    assert hasty.commands(receive(1))[0]["outcome"] == "ok"


def test_a_shard_that_is_away_is_a_503(hasty: Box) -> None:
    hasty.stores[0].broken = "the disk is gone"
    answer = hasty.call("POST", "/v1/commands", json=[{"id": fresh(), **receive(1)}])
    assert (answer.status_code, answer.json().get("code")) == (503, "unavailable"), answer.text
    for path in ("/v1/stock/TEE-M", "/v1/reservations", f"/v1/commands/{fresh()}"):
        answer = hasty.call("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
        assert "retry-after" in answer.headers
    ready = hasty.call("GET", "/health/ready")
    assert ready.status_code == 503
    assert ready.json()["shards"][0]["state"] in ("starting", "away")


def test_named_limits_can_be_set(tmp_path: Path) -> None:
    limits = ApiLimits(commands=2, reservation_lines=1, page=5, query_skus=1, single_body_bytes=500, streams=0)
    small = Box(tmp_path, shards=1, limits=limits)
    assert small.call("POST", "/v1/commands", json=[receive()] * 3).json()["code"] == "too_large"
    assert small.get("/v1/limits")["commands"] == 2
    assert small.post("/v1/stock:query", {"skus": ["a", "b"]}, status=413)["code"] == "too_large"
    assert small.call("GET", "/v1/feed?limit=6").status_code == 422
    answer = small.call("GET", "/v1/feed", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    assert "retry-after" in answer.headers
    small.close()
