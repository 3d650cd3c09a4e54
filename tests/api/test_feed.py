"""The feed: gap-free pages, cursors, filters, and the live stream."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import orjson
import pyarrow as pa
import pytest

from actors.journal import JournalCorrupt, JournalReader, RecentRecords
from api import feed, shapes
from api.arrow_client import MEDIA
from engine.record import Record
from tests.api.box import BOUND_S, Box, fresh
from tests.api.test_commands import receive, reserve, sell


def page(box: Box, **query: Any) -> dict[str, Any]:
    """One page, checked against the documented shape."""
    answer = box.call("GET", "/v1/feed", params=query)
    assert answer.status_code == 200, answer.text
    msgspec.json.decode(answer.content, type=shapes.FeedPage)
    found: dict[str, Any] = answer.json()
    return found


def everything(box: Box, limit: int = 1000, **query: Any) -> list[dict[str, Any]]:
    """All events from the oldest on."""
    events: list[dict[str, Any]] = []
    while True:
        found = page(box, limit=limit, **query)
        events += found["events"]
        if not found["events"]:
            return events
        query["after"] = found["next_cursor"]


def end_of(box: Box) -> str:
    """The cursor behind everything."""
    cursor = None
    while True:
        found = page(box, **({"after": cursor} if cursor else {}), limit=1000)
        if not found["events"]:
            return str(found["next_cursor"])
        cursor = found["next_cursor"]


def test_a_receipt_and_a_sale_are_two_events_with_the_counters_after(box: Box) -> None:
    start = end_of(box)
    before = {cell["warehouse"]: cell for cell in box.get("/v1/stock/TEE-M")["cells"]}["berlin"]
    received = {"id": fresh(), **receive(7, reason="delivery", reference="LS 1", occurred_at="2026-11-01T10:00:00Z")}
    sold = {"id": fresh(), **sell(2, unit_price={"amount": 1290, "currency": "EUR"})}
    box.commands(received, sold)
    first, second = page(box, after=start)["events"]
    assert first == {
        "cursor": first["cursor"],
        "shard": first["shard"],
        "seq": first["seq"],
        "at": first["at"],
        "occurred_at": "2026-11-01T10:00:00.000Z",
        "kind": "receive",
        "client": "admin",
        "command_id": received["id"],
        "sku": "TEE-M",
        "warehouse": "berlin",
        "quantity": 7,
        "on_hand": before["on_hand"] + 7,
        "reserved": before["reserved"],
        "available": before["available"] + 7,
        "incoming": 0,
        "reference": "LS 1",
        "reason": "delivery",
    }
    assert (second["kind"], second["quantity"], second["channel"]) == ("sell", -2, "shop")
    assert second["unit_price"] == {"amount": 1290, "currency": "EUR"}
    assert second["on_hand"] == before["on_hand"] + 5


def test_the_life_of_a_reservation_is_on_the_feed(box: Box) -> None:
    start = end_of(box)
    made = box.post(
        "/v1/reservations",
        {"channel": "shop", "ttl_s": 60, "lines": [{"sku": "TEE-M", "quantity": 2}], "reference": "cart"},
        status=201,
    )["reservation"]
    for step in ("confirm", "fulfil"):
        box.post(f"/v1/reservations/{made}/{step}")
    events = page(box, after=start)["events"]
    assert [event["kind"] for event in events] == ["reserve", "confirm", "fulfil"]
    assert {event["reservation"] for event in events} == {made}
    assert events[0]["reference"] == "cart"
    assert events[2]["quantity"] == -2


def test_a_transfer_is_two_events(box: Box) -> None:
    start = end_of(box)
    box.commands({"kind": "transfer", "sku": "TEE-M", "warehouse": "berlin", "to_warehouse": "hamburg", "quantity": 1})
    events = page(box, after=start)["events"]
    assert [(event["warehouse"], event["quantity"]) for event in events] == [("berlin", -1), ("hamburg", 1)]


def test_refusals_and_replays_are_no_events(box: Box) -> None:
    start = end_of(box)
    row = {"id": fresh(), **receive(1)}
    box.commands(row)
    box.commands(row, sell(10**9), sell(0))
    assert len(page(box, after=start)["events"]) == 1


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_of_any_size_make_the_same_feed(box: Box, limit: int) -> None:
    for _ in range(5):
        box.commands(receive(1), receive(1, "TEE-L"), reserve(1), receive(0.5, "CHEESE", "hamburg"))
    whole = everything(box)
    seen = [(event["shard"], event["seq"], event["cursor"]) for event in everything(box, limit)]
    assert seen == [(event["shard"], event["seq"], event["cursor"]) for event in whole]
    for sku in ("TEE-M", "TEE-L", "CHEESE"):
        seqs = [event["seq"] for event in whole if event["sku"] == sku]
        assert seqs == sorted(seqs)


def test_the_fold_of_the_feed_is_the_stock(box: Box) -> None:
    on_hand: dict[tuple[str, str], float] = {}
    for event in everything(box):
        on_hand[event["sku"], event["warehouse"]] = event["on_hand"]
    for sku in ("TEE-M", "TEE-L", "CHEESE"):
        for cell in box.get(f"/v1/stock/{sku}")["cells"]:
            assert on_hand.get((sku, cell["warehouse"]), 0) == cell["on_hand"]


def test_every_event_has_a_cursor_to_go_on_from(box: Box) -> None:
    box.commands(receive(1), receive(1, "TEE-L"), receive(1), receive(1, "TEE-L"))
    whole = everything(box)
    for at in (0, 1, len(whole) // 2, len(whole) - 2):
        rest = page(box, after=whole[at]["cursor"], limit=1000)["events"]
        assert [event["cursor"] for event in rest] == [event["cursor"] for event in whole[at + 1 : at + 1001]]


def test_an_empty_page_gives_the_cursor_back(box: Box) -> None:
    cursor = end_of(box)
    assert page(box, after=cursor) == {"events": [], "next_cursor": cursor}
    assert page(box, after=cursor, sku="NO-SUCH") == {"events": [], "next_cursor": cursor}


def test_filters(box: Box) -> None:
    start = end_of(box)
    box.commands(receive(1), receive(1, "TEE-L"), receive(1, warehouse="hamburg"), sell(1), reserve(1))
    assert len(page(box, after=start)["events"]) == 5
    assert {event["sku"] for event in page(box, after=start, sku="TEE-M")["events"]} == {"TEE-M"}
    assert len(page(box, after=start, sku="TEE-M")["events"]) == 4
    assert len(page(box, after=start, warehouse="hamburg")["events"]) == 1
    assert [event["kind"] for event in page(box, after=start, kind="sell")["events"]] == ["sell"]
    assert page(box, after=start, sku="TEE-L", kind="sell")["events"] == []
    assert page(box, after=start, warehouse="nowhere")["events"] == []
    first = page(box, after=start, sku="TEE-M", limit=1)
    second = page(box, after=first["next_cursor"], sku="TEE-M", limit=1)
    assert first["events"][0]["cursor"] != second["events"][0]["cursor"]


@pytest.mark.parametrize(
    ("query", "status", "code", "path"),
    [
        ("after=nonsense", 422, "invalid_request", "after"),
        ("after=", 422, "invalid_request", "after"),
        ("after=AQAAAAAAAAA", 410, "cursor_expired", None),
        ("limit=0", 422, "invalid_request", "limit"),
        ("limit=1001", 422, "invalid_request", "limit"),
        ("limit=ten", 422, "invalid_request", "limit"),
        ("limit=%D9%A1", 422, "invalid_request", "limit"),
        ("kind=explode", 422, "invalid_request", "kind"),
        ("sku=a%20b", 422, "invalid_request", "sku"),
        ("colour=red", 422, "invalid_request", "colour"),
        ("limit=1&limit=2", 422, "invalid_request", "limit"),
    ],
)
def test_a_bad_query_is_named(box: Box, query: str, status: int, code: str, path: str | None) -> None:
    answer = box.call("GET", f"/v1/feed?{query}")
    assert (answer.status_code, answer.json()["code"], answer.json().get("path")) == (status, code, path)


# ---- the stream


class Stream:
    """A live stream, read by a thread of its own; `wait_for` gives events as they come."""

    def __init__(self, box: Box, **request: Any) -> None:
        headers = {"Authorization": f"Bearer {box.admin}", "Accept": "text/event-stream", **request.pop("headers", {})}
        self._stream = httpx2.Client(base_url=box.url, timeout=BOUND_S, trust_env=False)
        self._answer = self._stream.stream("GET", "/v1/feed", headers=headers, **request)
        self.response = self._answer.__enter__()
        self._lines = self.response.iter_lines()
        assert next(self._lines) == "retry: 1000"  # it has begun
        self._events = self._read()

    def _read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        cursor = ""
        for line in self._lines:
            if line.startswith("id: "):
                cursor = line[4:]
            elif line.startswith("data: "):
                yield cursor, orjson.loads(line[6:])

    def take(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """The next events."""
        return [next(self._events) for _ in range(count)]

    def close(self) -> None:
        self._answer.__exit__(None, None, None)
        self._stream.close()


def test_a_stream_sends_what_happens_from_now_on(box: Box) -> None:
    box.commands(receive(1))
    stream = Stream(box)
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    ids = [result["id"] for result in box.commands(receive(1), sell(1), receive(1, "TEE-L"))]
    received = stream.take(3)
    stream.close()
    assert sorted(event["command_id"] for _, event in received) == sorted(ids)
    assert all(cursor == event["cursor"] for cursor, event in received)


def test_a_stream_goes_on_after_the_last_event_id(box: Box) -> None:
    start = end_of(box)
    box.commands(*(receive(1) for _ in range(5)))
    first = Stream(box, headers={"Last-Event-ID": start})
    seen = first.take(2)
    first.close()
    second = Stream(box, headers={"Last-Event-ID": seen[-1][0]})
    rest = second.take(3)
    second.close()
    events = page(box, after=start)["events"]
    assert [event["cursor"] for _, event in seen + rest] == [event["cursor"] for event in events]


def test_a_stream_is_filtered(box: Box) -> None:
    stream = Stream(box, params={"sku": "TEE-L", "kind": "receive"})
    box.commands(receive(1), sell(1, "TEE-L"), receive(2, "TEE-L"))
    ((_, event),) = stream.take(1)
    stream.close()
    assert (event["sku"], event["kind"], event["quantity"]) == ("TEE-L", "receive", 2)


def test_a_caller_that_hangs_up_lets_its_stream_go(box: Box) -> None:
    assert box.runtime is not None
    streams = [Stream(box) for _ in range(3)]
    assert box.runtime.feed.streams == 3
    gone = threading.Event()
    for stream in streams:
        stream.close()
    for _ in range(100):
        if box.runtime.feed.streams == 0:
            gone.set()
            break
        box.commands(receive(1))
    assert gone.is_set()


def test_an_expired_or_foreign_cursor_ends_a_stream_before_it_begins(box: Box) -> None:
    answer = box.call("GET", "/v1/feed", headers={"Accept": "text/event-stream", "Last-Event-ID": "nonsense"})
    assert (answer.status_code, answer.json()["path"]) == (422, "Last-Event-ID")


def test_a_reservation_over_several_shards_is_told_as_it_was_sent(box: Box) -> None:
    """Its parts are prepared first; the events that come of them carry the caller's own id and texts."""
    start = end_of(box)
    key = fresh("key")
    lines = [
        {"sku": "TEE-M", "quantity": 1, "unit_price": {"amount": 1290, "currency": "EUR"}},
        {"sku": "TEE-L", "quantity": 2},
        {"sku": "CHEESE", "quantity": 0.25},
        {"sku": "TEE-L", "quantity": 3, "warehouse": "berlin"},
    ]
    request = {"channel": "shop", "ttl_s": 60, "lines": lines, "reference": "cart 12"}
    made = box.post("/v1/reservations", request, status=201, headers={"Idempotency-Key": key})
    events = page(box, after=start)["events"]
    assert sorted((event["sku"], event["quantity"]) for event in events) == [
        ("CHEESE", 0.25), ("TEE-L", 2), ("TEE-L", 3), ("TEE-M", 1)
    ]  # fmt: skip
    assert len({event["shard"] for event in events}) == 2
    for event in events:
        told = (event["kind"], event["command_id"], event["reservation"], event["reference"])
        assert told == ("reserve", key, made["reservation"], "cart 12")
        assert ("unit_price" in event) == (event["sku"] == "TEE-M")


def test_a_sale_over_several_shards_names_no_reservation(box: Box) -> None:
    box.commands({"id": fresh(), **receive(1)}, {"id": fresh(), **receive(1, "TEE-L")}, receive(1, "CHEESE"))
    start = end_of(box)
    group = {"group": fresh()}
    box.commands(
        {"id": fresh(), **sell(1), **group},
        {"id": fresh(), **sell(1, "TEE-L"), **group},
        {"id": fresh(), **sell(0.25, "CHEESE"), **group},
    )
    events = page(box, after=start, kind="sell")["events"]
    assert len({event["shard"] for event in events}) == 2
    assert not any("reservation" in event for event in events)
    assert [event for event in arrow_page(box, after=start, kind="sell")[0] if "reservation" in event] == []


def arrow_page(box: Box, **query: Any) -> tuple[list[dict[str, Any]], str]:
    """One page as an Arrow stream, written as the JSON form writes events, and the cursor behind it."""
    answer = box.call("GET", "/v1/feed", params=query, headers={"Accept": MEDIA})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == MEDIA
    with pa.ipc.open_stream(answer.content) as reader:
        rows = reader.read_all().to_pylist()
    events = []
    for row in rows:
        price, currency = row.pop("unit_price"), row.pop("currency")
        event = {name: value for name, value in row.items() if value is not None}
        event |= {name: row[name] for name in ("command_id", "warehouse")}
        for name in ("at", "occurred_at"):
            if name in event:
                event[name] = event[name].isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if price is not None:
            event["unit_price"] = {"amount": price, "currency": currency}
        events.append(event)
    return events, answer.headers["Next-Cursor"]


def without_cursors(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "cursor"} for event in events]


def test_arrow_pages_say_what_json_pages_say(box: Box) -> None:
    start = end_of(box)
    box.post(
        "/v1/reservations",
        {
            "channel": "shop",
            "ttl_s": 600,
            "lines": [{"sku": "TEE-M", "quantity": 1}, {"sku": "TEE-L", "quantity": 1, "warehouse": "berlin"}],
            "reference": "cart Ω",
        },
        status=201,
    )
    box.commands(
        {"id": fresh(), **receive(7, reason="delivery", reference="LS 1", occurred_at="2026-11-01T10:00:00Z")},
        {"id": fresh(), **sell(2, unit_price={"amount": 1290, "currency": "EUR"})},
        {"id": fresh(), **receive(1, unit_cost={"amount": 5, "currency": "USD"})},
    )
    for query in ({}, {"after": start}, {"after": start, "kind": "sell"}, {"after": start, "sku": "TEE-L"}):
        json_page = page(box, limit=1000, **query)
        events, cursor = arrow_page(box, limit=1000, **query)
        assert events == without_cursors(json_page["events"])
        assert cursor == json_page["next_cursor"]


def test_small_arrow_pages_lose_nothing(box: Box) -> None:
    whole, end = arrow_page(box, limit=50_000)
    pieces: list[dict[str, Any]] = []
    query: dict[str, Any] = {}
    while True:
        events, cursor = arrow_page(box, limit=7, **query)
        pieces += events
        if not events:
            break
        query["after"] = cursor
    assert pieces == whole
    assert cursor == end


def test_an_empty_arrow_page_gives_the_cursor_back(box: Box) -> None:
    end = end_of(box)
    assert arrow_page(box, after=end) == ([], end)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (JournalCorrupt(1, 7, "the hash is wrong"), "the hash is wrong"),
        (OSError(5, "Input/output error", "/srv/shop/shards/001/7.segment"), "its journal cannot be read"),
    ],
)
def test_a_damaged_journal_is_unavailable_and_no_fault_of_the_server(
    box: Box, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    box.commands(receive(1))

    def damaged(journal: JournalReader, first_seq: int, last_seq: int) -> list[Record]:
        raise error

    monkeypatch.setattr(feed, "_read", damaged)
    monkeypatch.setattr(RecentRecords, "get", lambda records, seq: None)
    answer = box.call("GET", "/v1/feed")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert said in answer.json()["detail"]
    assert "/srv" not in answer.text
    assert int(answer.headers["retry-after"]) > 0
