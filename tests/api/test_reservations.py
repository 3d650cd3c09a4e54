"""Reservations over HTTP: their whole life, refusals with their lines, replays, replacing, lists."""

import asyncio
from typing import Any

import msgspec
import pytest

from api import shapes
from api.deps import Runtime
from api.events import Filters
from api.lookup import RememberedTexts
from engine.ids import sku_key
from engine.kinds import Kind
from tests.api.box import BOUND_S, Box, fresh


def body(*lines: tuple[str, Any] | tuple[str, Any, str], **more: Any) -> dict[str, Any]:
    """A new reservation in channel shop."""
    return {
        "channel": "shop",
        "ttl_s": 600,
        "lines": [dict(zip(("sku", "quantity", "warehouse"), line, strict=False)) for line in lines],
        **more,
    }


def make(box: Box, *lines: Any, **more: Any) -> dict[str, Any]:
    """A reservation that must stand; its document, checked against the documented shape."""
    answer = box.call("POST", "/v1/reservations", json=body(*lines, **more))
    assert answer.status_code == 201, answer.text
    msgspec.json.decode(answer.content, type=shapes.Reservation)
    document: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/reservations/{document['reservation']}"
    return document


def step(box: Box, made: dict[str, Any], name: str, request: Any = None, status: int = 200) -> dict[str, Any]:
    """One step of a reservation."""
    document: dict[str, Any] = box.post(f"/v1/reservations/{made['reservation']}/{name}", request, status=status)
    return document


def refused(box: Box, request: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    answer = box.call("POST", "/v1/reservations", json=request)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    msgspec.json.decode(answer.content, type=shapes.Problem)
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    return problem


def test_a_reservation_is_held_confirmed_and_fulfilled(box: Box) -> None:
    before = box.get("/v1/stock/TEE-M")
    made = make(box, ("TEE-M", 2), reference="cart 1", customer="Ann Ó Faoláin")
    assert (made["state"], made["channel"], made["reference"]) == ("held", "shop", "cart 1")
    assert made["customer"] == "Ann Ó Faoláin"
    assert made["lines"] == [
        {
            "line": 0,
            "sku": "TEE-M",
            "warehouse": "berlin",
            "requested": 2,
            "quantity": 2,
            "fulfilled": 0,
            "released": 0,
            "remaining": 2,
            "outcome": "ok",
        }
    ]
    held = box.get("/v1/stock/TEE-M")
    assert (held["on_hand"], held["available"]) == (before["on_hand"], before["available"] - 2)
    confirmed = step(box, made, "confirm")
    assert confirmed["state"] == "confirmed"
    assert "expires_at" not in confirmed
    assert {name: confirmed[name] for name in ("reference", "customer", "channel")} == {
        name: made[name] for name in ("reference", "customer", "channel")
    }
    part = step(box, made, "fulfil", {"lines": [{"line": 0, "quantity": 1}]})
    assert (part["state"], part["lines"][0]["fulfilled"], part["lines"][0]["remaining"]) == ("confirmed", 1, 1)
    done = step(box, made, "fulfil")
    assert (done["state"], done["lines"][0]["fulfilled"], done["lines"][0]["remaining"]) == ("fulfilled", 2, 0)
    assert box.get(f"/v1/reservations/{made['reservation']}") == done
    after = box.get("/v1/stock/TEE-M")
    assert (after["on_hand"], after["reserved"]) == (before["on_hand"] - 2, before["reserved"])


def test_all_lines_are_held_or_none(box: Box) -> None:
    before = box.get("/v1/stock/TEE-L")
    problem = refused(box, body(("TEE-M", 1), ("TEE-L", 10**6), ("TEE-M", 10**6, "hamburg")), 409, "insufficient_stock")
    assert [line["line"] for line in problem["lines"]] == [1, 2]
    short, short_too = problem["lines"]
    assert (short["sku"], short["requested"], short["available"]) == ("TEE-L", 10**6, before["available"])
    assert short_too["requested"] == 10**6
    assert box.get("/v1/stock/TEE-L") == before


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (("NO-SUCH", 1), 404, "unknown_sku"),
        (("TEE-M", 1, "nowhere"), 404, "unknown_warehouse"),
        (("TEE-M", 0), 422, "invalid_quantity"),
        (("TEE-M", 1.5), 422, "invalid_quantity"),
        (("TEE-M", 10**13), 422, "invalid_quantity"),
    ],
)
def test_a_bad_line_names_itself(box: Box, line: Any, status: int, code: str) -> None:
    problem = refused(box, body(("TEE-M", 1), line), status, code)
    assert [(each["line"], each["outcome"]) for each in problem["lines"]] == [(1, code)]


def test_an_unknown_channel_is_unknown(box: Box) -> None:
    refused(box, body(("TEE-M", 1), channel="nobody"), 404, "unknown_channel")


def test_a_partial_reservation_takes_what_there_is(box: Box) -> None:
    there = box.get("/v1/stock/TEE-L")["available"]
    made = make(box, ("TEE-L", there + 5), ("CHEESE", 10**6, "berlin"), partial=True)
    first, second = made["lines"]
    assert (first["requested"], first["quantity"]) == (there + 5, there)
    assert (second["warehouse"], second["quantity"], second["outcome"]) == (None, 0, "insufficient_stock")
    step(box, made, "release")
    refused(box, body(("CHEESE", 1, "berlin"), partial=True), 409, "insufficient_stock")


def test_a_line_is_split_only_if_no_warehouse_has_enough(box: Box) -> None:
    cells = {cell["warehouse"]: cell["available"] for cell in box.get("/v1/stock/TEE-M")["cells"]}
    made = make(box, ("TEE-M", cells["berlin"] + 1))
    assert [(line["warehouse"], line["quantity"]) for line in made["lines"]] == [
        ("berlin", cells["berlin"]),
        ("hamburg", 1),
    ]
    assert {line["line"] for line in made["lines"]} == {0}
    step(box, made, "release", {"lines": [{"line": 0, "warehouse": "hamburg"}]})
    left = box.get(f"/v1/reservations/{made['reservation']}")
    assert [line["remaining"] for line in left["lines"]] == [cells["berlin"], 0]
    step(box, made, "release")


def test_a_channel_sells_only_from_its_warehouses(box: Box) -> None:
    made = make(box, ("TEE-M", 1), channel="market")
    assert made["lines"][0]["warehouse"] == "hamburg"


@pytest.mark.parametrize("again", [1, 3])
def test_the_same_key_gives_the_same_answer(box: Box, again: int) -> None:
    headers = {"Idempotency-Key": fresh("key")}
    request = body(("TEE-M", 1), ("TEE-M", 1, "hamburg"), reference="same")
    first = box.call("POST", "/v1/reservations", json=request, headers=headers)
    before = box.get("/v1/stock/TEE-M")
    box.post(f"/v1/reservations/{first.json()['reservation']}/confirm")
    for _ in range(again):
        answer = box.call("POST", "/v1/reservations", json=request, headers=headers)
        assert (answer.status_code, answer.content) == (201, first.content)
        assert answer.headers["idempotent-replayed"] == "true"
    assert box.get("/v1/stock/TEE-M") == before
    assert "idempotent-replayed" not in first.headers


def test_a_refusal_is_pinned_too(box: Box) -> None:
    headers = {"Idempotency-Key": fresh("key")}
    request = body(("TEE-L", 1, "hamburg"))
    box.commands({"kind": "adjust", "sku": "TEE-L", "warehouse": "hamburg", "set_to": 0, "reason": "count"})
    first = box.call("POST", "/v1/reservations", json=request, headers=headers)
    box.commands({"kind": "receive", "sku": "TEE-L", "warehouse": "hamburg", "quantity": 5})
    second = box.call("POST", "/v1/reservations", json=request, headers=headers)
    assert (first.status_code, second.status_code, second.content) == (409, 409, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("steps", ["confirm", "fulfil"])
def test_a_refused_step_is_pinned_and_says_so(box: Box, steps: str) -> None:
    headers = {"Idempotency-Key": fresh("key")}
    made = make(box, ("TEE-M", 1))
    if steps == "confirm":
        step(box, made, "release")
    answers = [
        box.call("POST", f"/v1/reservations/{made['reservation']}/{steps}", json={}, headers=headers) for _ in "12"
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].content == answers[1].content
    assert ["idempotent-replayed" in answer.headers for answer in answers] == [False, True]
    if steps == "fulfil":
        step(box, made, "release")


def test_the_same_key_with_another_body_is_refused(box: Box) -> None:
    headers = {"Idempotency-Key": fresh("key")}
    request = body(("TEE-M", 1))
    box.post("/v1/reservations", request, status=201, headers=headers)
    for change in ({"ttl_s": 601}, {"reference": "x"}, {"lines": [*request["lines"], *request["lines"]]}):
        assert box.post("/v1/reservations", {**request, **change}, status=422, headers=headers)["code"] == "id_reused"


def test_steps_are_replayed_as_they_were(box: Box) -> None:
    made = make(box, ("TEE-M", 2))
    headers = {"Idempotency-Key": fresh("key")}
    path = f"/v1/reservations/{made['reservation']}"
    first = box.call("POST", f"{path}/confirm", headers=headers)
    box.post(f"{path}/fulfil")
    again = box.call("POST", f"{path}/confirm", headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.json()["state"] == "confirmed"


def test_a_wrong_step_says_where_the_reservation_is(box: Box) -> None:
    made = make(box, ("TEE-M", 1))
    problem = step(box, made, "fulfil", status=409)
    assert (problem["code"], problem["state"]) == ("reservation_closed", "held")
    step(box, made, "release")
    for name in ("confirm", "release", "fulfil"):
        problem = step(box, made, name, status=409)
        assert (problem["code"], problem["state"]) == ("reservation_closed", "released"), name


def test_more_than_remains_is_refused_and_nothing_is_done(box: Box) -> None:
    made = make(box, ("TEE-M", 2), ("TEE-M", 3, "hamburg"))
    parts = {"lines": [{"line": 0, "quantity": 1}, {"line": 1, "quantity": 4}]}
    problem = step(box, made, "release", parts, status=422)
    assert problem["code"] == "invalid_quantity"
    assert [line["line"] for line in problem["lines"]] == [1]
    assert [line["remaining"] for line in box.get(f"/v1/reservations/{made['reservation']}")["lines"]] == [2, 3]
    assert step(box, made, "release", {"lines": [{"line": 7}]}, status=422)["code"] == "invalid_quantity"


def test_several_parts_are_one_step(box: Box) -> None:
    made = make(box, ("TEE-M", 2), ("TEE-M", 3, "hamburg"))
    left = step(box, made, "release", {"lines": [{"line": 0, "quantity": 1}, {"line": 1}]})
    assert [line["remaining"] for line in left["lines"]] == [1, 0]
    assert left["state"] == "held"


def test_a_deadline_only_moves_later(box: Box) -> None:
    made = make(box, ("TEE-M", 1))
    assert step(box, made, "extend", {"ttl_s": 1})["expires_at"] == made["expires_at"]
    assert step(box, made, "extend", {"ttl_s": 3600})["expires_at"] > made["expires_at"]


def test_a_reservation_that_replaces_another_releases_it(box: Box) -> None:
    there = box.get("/v1/stock/TEE-L")["available"]
    old = make(box, ("TEE-L", there), reference="old")
    new = make(box, ("TEE-L", there - 1), reference="new", replaces=old["reservation"])
    assert new["reservation"] != old["reservation"]
    assert box.get(f"/v1/reservations/{old['reservation']}")["state"] == "released"
    assert box.get(f"/v1/reservations/{new['reservation']}")["reference"] == "new"
    refused(box, body(("TEE-L", there + 1), replaces=new["reservation"]), 409, "insufficient_stock")
    assert box.get(f"/v1/reservations/{new['reservation']}")["state"] == "held"
    problem = refused(box, body(("TEE-L", 1), replaces=old["reservation"]), 409, "reservation_closed")
    assert problem["path"] == "$.replaces"
    step(box, new, "release")


@pytest.mark.parametrize("lines", [[("TEE-L", 1)], [("CHEESE", 0.5), ("TEE-M", 1), ("TEE-L", 1)]])
def test_what_replaced_a_reservation_over_shards_is_found_by_its_key(box: Box, lines: list[tuple[str, float]]) -> None:
    old = make(box, ("TEE-M", 1), ("TEE-L", 2), ("CHEESE", 0.5))
    key = fresh("key")
    request = body(*lines, replaces=old["reservation"])
    new = box.post("/v1/reservations", request, status=201, headers={"Idempotency-Key": key})
    found = box.get(f"/v1/commands/{key}")
    assert (found["kind"], found["outcome"]) == ("reserve", "ok")
    assert {name: found[name] for name in ("reservation", "state", "expires_at", "lines")} == {
        name: new[name] for name in ("reservation", "state", "expires_at", "lines")
    }
    problem = refused(box, body(("TEE-L", 1), replaces=old["reservation"]), 409, "reservation_closed")
    assert (problem["path"], problem["state"]) == ("$.replaces", "released")
    step(box, new, "release")


def test_the_id_of_a_step_is_known_on_the_shards_that_it_was_not_about(box: Box) -> None:
    goods = [f"STEP-{number}" for number in range(4)]
    for sku in goods:
        box.put(f"/v1/products/{sku}", {"name": sku})
    rows = ({"kind": "receive", "sku": sku, "warehouse": "berlin", "quantity": 2} for sku in goods)
    assert {row["outcome"] for row in box.commands(*rows)} == {"ok"}
    made = make(box, *((sku, 2) for sku in goods))
    path, again = f"/v1/reservations/{made['reservation']}/release", {"Idempotency-Key": fresh("key")}
    part = {"lines": [{"line": 0, "quantity": 1}]}
    first = box.post(path, part, headers=again)
    for other in ({"lines": [{"line": line}]} for line in range(len(goods))):
        answer = box.call("POST", path, json=other, headers=again)
        assert (answer.status_code, answer.json()["code"]) == (422, "id_reused"), other
    assert box.get(f"/v1/reservations/{made['reservation']}") == first
    assert box.post(path, part, headers=again) == first
    step(box, made, "release")


def test_a_reservation_over_shards_takes_the_units_of_the_one_that_it_replaces(box: Box) -> None:
    goods = [f"LAST-{number}" for number in range(4)]
    for sku in goods:
        box.put(f"/v1/products/{sku}", {"name": sku})
    received = box.commands(*({"kind": "receive", "sku": sku, "warehouse": "berlin", "quantity": 1} for sku in goods))
    assert {row["outcome"] for row in received} == {"ok"}
    old = make(box, *((sku, 1) for sku in goods))
    too_much = body((goods[0], 2), *((sku, 1) for sku in goods[1:]), replaces=old["reservation"])
    refusal = refused(box, too_much, 409, "insufficient_stock")
    assert [(line["line"], line["requested"], line["available"]) for line in refusal["lines"]] == [(0, 2, 1)]
    assert box.get(f"/v1/reservations/{old['reservation']}")["state"] == "held"
    new = make(box, *((sku, 1) for sku in reversed(goods)), replaces=old["reservation"])
    assert box.get(f"/v1/reservations/{old['reservation']}")["state"] == "released"
    for sku in goods:
        assert [box.get(f"/v1/stock/{sku}")[name] for name in ("reserved", "available")] == [1, 0]
        events = box.get("/v1/feed", params={"sku": sku})["events"]
        assert [event["kind"] for event in events] == ["receive", "reserve", "release", "reserve"]
        assert min(event["available"] for event in events) == 0
    step(box, new, "release")


def test_lists_are_filtered_and_paged(box: Box) -> None:
    key = box.make_key("reserve", "read", client="lister")
    made = []
    for number in range(7):
        request = body(("TEE-M" if number % 2 else "TEE-L", 1), reference=f"ref {number // 2}")
        if number == 3:
            request["channel"] = "market"
            request["lines"] = [{"sku": "TEE-M", "quantity": 1}]
        made.append(box.post("/v1/reservations", request, status=201, key=key))
    box.post(f"/v1/reservations/{made[0]['reservation']}/release", key=key)

    def listed(query: str) -> set[int]:
        answer = box.call("GET", f"/v1/reservations{query}", key=key)
        page = msgspec.json.decode(answer.content, type=shapes.ReservationPage)
        ids = {item.reservation for item in page.items}
        return {number for number, each in enumerate(made) if each["reservation"] in ids}

    assert listed("") == set(range(7))
    assert listed("?state=released") == {0}
    assert listed("?state=held") == set(range(1, 7))
    assert listed("?channel=market") == {3}
    assert listed("?channel=nobody") == set()
    assert listed("?reference=ref%201") == {2, 3}
    assert listed("?sku=TEE-L") == {0, 2, 4, 6}
    assert listed("?sku=TEE-L&state=held&reference=ref%202") == {4}
    assert listed("?sku=NO-SUCH") == set()
    seen: list[str] = []
    query, pages = "?limit=2", 0
    while query:
        page = box.get(f"/v1/reservations{query}", key=key)
        seen += [item["reservation"] for item in page["items"]]
        assert len(page["items"]) <= 2
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        pages += 1
    assert sorted(seen) == sorted(each["reservation"] for each in made)
    assert pages >= 4


def test_the_texts_are_found_by_a_process_that_did_not_make_the_reservation(box: Box) -> None:
    made = make(box, ("TEE-M", 1), reference="cart 9", customer="Bob")
    assert box.runtime is not None
    box.runtime.texts = RememberedTexts()
    confirmed = step(box, made, "confirm")
    assert (confirmed["reference"], confirmed["customer"]) == ("cart 9", "Bob")


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("no lines", body(), "$.lines"),
    ("no channel", {"ttl_s": 1, "lines": []}, "$.channel"),
    ("a ttl of nothing", body(("TEE-M", 1), ttl_s=0), "$.ttl_s"),
    ("a ttl with a fraction", body(("TEE-M", 1), ttl_s=1.5), "$.ttl_s"),
    ("a field that is not there", body(("TEE-M", 1), color="red"), "$.color"),
    ("a quantity in quotes", body(("TEE-M", "1")), "$.lines[0].quantity"),
    ("yes as a quantity", body(("TEE-M", 1), ("TEE-M", True)), "$.lines[1].quantity"),
    ("four decimals", body(("CHEESE", 0.0001)), "$.lines[0].quantity"),
    ("a SKU with a space", body(("TEE M", 1)), "$.lines[0].sku"),
    ("partial as a number", body(("TEE-M", 1), partial=1), "$.partial"),
    ("a bidi customer", body(("TEE-M", 1), customer="a\u202eb"), "$.customer"),
    ("what it replaces is no code", body(("TEE-M", 1), replaces="a b"), "$.replaces"),
    (
        "another currency",
        body(("TEE-M", 1))
        | {"lines": [{"sku": "TEE-M", "quantity": 1, "unit_price": {"amount": 1, "currency": "eur"}}]},
        "$.lines[0].unit_price.currency",
    ),
]


@pytest.mark.parametrize(("request_", "path"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_is_not_well_formed_is_refused_with_its_path(box: Box, request_: dict[str, Any], path: str) -> None:
    assert refused(box, request_, 422, "invalid_request")["path"] == path


def test_a_thousand_lines_and_not_one_more(box: Box) -> None:
    lines = [("TEE-M", 1)] * 1000
    made = make(box, *lines, partial=True)
    assert {line["line"] for line in made["lines"]} == set(range(1000))
    step(box, made, "release")
    assert refused(box, body(*lines, ("TEE-M", 1)), 413, "too_large")


def test_a_reservation_expires(box: Box) -> None:
    made = make(box, ("TEE-M", 1), ttl_s=1)
    assert box.do(lambda runtime: _has_expired(runtime, made["reservation"]))
    assert box.get(f"/v1/reservations/{made['reservation']}")["state"] == "expired"
    problem = step(box, made, "confirm", status=409)
    assert (problem["code"], problem["state"]) == ("reservation_expired", "expired")


async def _has_expired(runtime: Runtime, reservation: str) -> bool:
    """Whether the feed says so before long."""
    expired = Filters(kind=int(Kind.EXPIRE))
    async with asyncio.timeout(BOUND_S):
        async for message in runtime.feed.stream(runtime.feed.oldest(), expired, runtime.closing):
            if reservation.encode() in message:
                return True
    return False


def test_what_the_request_says_is_not_looked_up_in_the_documents(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes a millisecond: the SKU's text stands in the request, and is then known for the steps."""
    box.put("/v1/products/NEVER-SEEN", {"name": "New", "quantity_decimals": 0})
    box.commands({"kind": "receive", "sku": "NEVER-SEEN", "warehouse": "berlin", "quantity": 5})
    assert box.runtime is not None
    directory = box.runtime.directory
    assert directory.sku_text(sku_key("NEVER-SEEN")) is None
    asked: list[object] = []
    monkeypatch.setattr(directory, "resolve_missing", lambda **names: asked.append(names))
    held = make(box, ("NEVER-SEEN", 1))
    confirmed = box.post(f"/v1/reservations/{held['reservation']}/confirm")
    assert held["lines"][0]["sku"] == confirmed["lines"][0]["sku"] == "NEVER-SEEN"
    assert asked == []
