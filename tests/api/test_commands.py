"""POST /v1/commands and GET /v1/commands/{id}, as JSON and as Arrow, on the real engine."""

from typing import Any

import msgspec
import pyarrow as pa
import pytest

from api import shapes
from tests.api.box import Box, fresh
from tests.api.test_encode import arrow_table

ARROW = "application/vnd.apache.arrow.stream"


def receive(quantity: Any = 1, sku: str = "TEE-M", warehouse: str = "berlin", **more: Any) -> dict[str, Any]:
    return {"kind": "receive", "sku": sku, "warehouse": warehouse, "quantity": quantity, **more}


def sell(quantity: Any = 1, sku: str = "TEE-M", warehouse: str = "berlin", **more: Any) -> dict[str, Any]:
    return {"kind": "sell", "sku": sku, "warehouse": warehouse, "quantity": quantity, "channel": "shop", **more}


def reserve(quantity: Any = 1, sku: str = "TEE-M", **more: Any) -> dict[str, Any]:
    return {"kind": "reserve", "sku": sku, "quantity": quantity, "channel": "shop", "ttl_s": 60, **more}


def on_hand(box: Box, sku: str, warehouse: str) -> Any:
    cells = box.get(f"/v1/stock/{sku}")["cells"]
    return {cell["warehouse"]: cell["on_hand"] for cell in cells}.get(warehouse, 0)


def stream(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def post_arrow(box: Box, body: bytes, **headers: str) -> Any:
    return box.call("POST", "/v1/commands", content=body, headers={"Content-Type": ARROW, **headers})


def results_of(answer: Any) -> list[dict[str, Any]]:
    """Checked against the documented shape."""
    assert answer.status_code == 200, answer.text
    msgspec.json.decode(answer.content, type=shapes.Results)
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_a_command_alone_is_answered_like_an_array_of_one(box: Box) -> None:
    body = {"id": fresh(), **receive(5)}
    before = on_hand(box, "TEE-M", "berlin")
    alone = box.call("POST", "/v1/commands", json=body, headers={"Idempotency-Key": ""})
    array = box.call("POST", "/v1/commands", json=[{**body, "id": fresh()}])
    (first,), (second,) = results_of(alone), results_of(array)
    assert first == {
        "id": body["id"],
        "outcome": "ok",
        "warehouse": "berlin",
        "quantity": 5,
        "available": first["available"],
    }
    assert second["available"] == first["available"] + 5
    assert on_hand(box, "TEE-M", "berlin") == before + 10


def test_the_header_can_be_the_id_of_a_command_alone(box: Box) -> None:
    command_id = fresh()
    answer = box.call("POST", "/v1/commands", json=receive(), headers={"Idempotency-Key": f'"{command_id}"'})
    assert results_of(answer)[0]["id"] == command_id
    own_id = fresh()
    both = box.call("POST", "/v1/commands", json={"id": own_id, **receive()}, headers={"Idempotency-Key": fresh()})
    assert results_of(both)[0]["id"] == own_id


def test_the_same_id_and_content_gives_the_same_answer_and_no_second_effect(box: Box) -> None:
    rows = [{"id": fresh(), **receive(3)}, {"id": fresh(), **reserve(2)}, {"id": fresh(), **sell(10**9)}]
    first = box.call("POST", "/v1/commands", json=rows)
    before = box.get("/v1/stock/TEE-M")
    second = box.call("POST", "/v1/commands", json=rows)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.content == first.content
    assert box.get("/v1/stock/TEE-M") == before


def test_the_same_id_with_other_content_is_id_reused(box: Box) -> None:
    row = {"id": fresh(), **receive(3)}
    assert results_of(box.call("POST", "/v1/commands", json=[row]))[0]["outcome"] == "ok"
    for change in ({"quantity": 4}, {"warehouse": "hamburg"}, {"reason": "why"}, {"reference": "r"}):
        assert results_of(box.call("POST", "/v1/commands", json=[{**row, **change}]))[0]["outcome"] == "id_reused", (
            change
        )


def test_the_same_id_twice_in_one_array_runs_once(box: Box) -> None:
    row = {"id": fresh(), **receive(3)}
    before = on_hand(box, "TEE-M", "berlin")
    first, second = results_of(box.call("POST", "/v1/commands", json=[row, row]))
    assert first == second
    assert on_hand(box, "TEE-M", "berlin") == before + 3


def test_rows_take_effect_in_array_order(box: Box) -> None:
    results = box.commands(
        {"kind": "adjust", "sku": "TEE-L", "warehouse": "hamburg", "set_to": 0, "reason": "count"},
        sell(1, "TEE-L", "hamburg"),
        receive(1, "TEE-L", "hamburg"),
        sell(1, "TEE-L", "hamburg"),
        sell(1, "TEE-L", "hamburg"),
    )
    outcomes = [result["outcome"] for result in results]
    assert outcomes == ["ok", "insufficient_stock", "ok", "ok", "insufficient_stock"]
    assert results[1]["requested"] == 1
    assert results[1]["available"] == 0


VALUES: list[tuple[str, dict[str, Any], str]] = [
    ("unknown SKU", receive(sku="NO-SUCH"), "unknown_sku"),
    ("unknown warehouse", receive(warehouse="nowhere"), "unknown_warehouse"),
    ("unknown channel", sell(channel="nobody"), "unknown_channel"),
    ("unknown reservation", {"kind": "confirm", "reservation": "r" + "0" * 19}, "unknown_reservation"),
    ("no reservation's text", {"kind": "confirm", "reservation": "what-is-this"}, "unknown_reservation"),
    ("a quantity of nothing", sell(0), "invalid_quantity"),
    ("less than nothing", receive(-1), "invalid_quantity"),
    ("half a piece", sell(0.5), "invalid_quantity"),
    ("a quantity beyond the limit", receive(10**12 + 1), "invalid_quantity"),
    ("a quantity beyond any number", receive(10**30), "invalid_quantity"),
    ("too late", sell(not_after="2020-01-01T00:00:00Z"), "too_late"),
    ("too late since clocks began", sell(not_after="1970-01-01T00:00:00Z"), "too_late"),
    ("too late since Caesar", sell(not_after="0001-01-01T00:00:00Z"), "too_late"),
    ("an id of last year", sell(id="01890a5d-ac96-774b-bcce-b302099a8057"), "id_too_old"),
    ("issued last year", sell(issued_at="2025-01-01T00:00:00Z"), "id_too_old"),
    ("issued when clocks began", sell(issued_at="1970-01-01T00:00:00Z"), "id_too_old"),
]


@pytest.mark.parametrize(("command", "outcome"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_a_value_error_is_the_outcome_of_its_row(box: Box, command: dict[str, Any], outcome: str) -> None:
    before = box.get("/v1/stock/TEE-M")
    rows = [{"id": fresh(), **command}]
    assert results_of(box.call("POST", "/v1/commands", json=rows))[0]["outcome"] == outcome
    assert box.get("/v1/stock/TEE-M") == before


def test_a_group_of_sales_stands_or_falls_together(box: Box) -> None:
    before = box.get("/v1/stock/TEE-M")
    results = box.commands(sell(1, group="g1"), sell(10**9, group="g1"), sell(1))
    assert [result["outcome"] for result in results] == ["group_failed", "insufficient_stock", "ok"]
    assert box.get("/v1/stock/TEE-M")["on_hand"] == before["on_hand"] - 1


def test_labelled_rows_are_one_reservation(box: Box) -> None:
    results = box.commands(
        reserve(1, reservation="cart"), reserve(2, reservation="cart"), reserve(3, reservation="other")
    )
    assert results[0]["reservation"] == results[1]["reservation"] != results[2]["reservation"]
    shown = box.get(f"/v1/reservations/{results[0]['reservation']}")
    assert [(line["line"], line["quantity"]) for line in shown["lines"]] == [(0, 1), (1, 2)]
    again = box.commands({"kind": "confirm", "reservation": results[0]["reservation"]})
    assert (again[0]["outcome"], again[0]["state"]) == ("ok", "confirmed")


def test_weighed_goods_keep_their_decimals(box: Box) -> None:
    before = on_hand(box, "CHEESE", "hamburg")
    results = box.commands(
        receive(1.25, "CHEESE", "hamburg"), sell(0.001, "CHEESE", "hamburg"), receive(5.0, "CHEESE", "hamburg")
    )
    assert [result["quantity"] for result in results] == [1.25, 0.001, 5]
    assert on_hand(box, "CHEESE", "hamburg") == pytest.approx(before + 6.249, abs=1e-9)


def test_an_empty_array_has_no_results(box: Box) -> None:
    assert results_of(box.call("POST", "/v1/commands", json=[])) == []


def test_ten_thousand_rows_and_not_one_more(box: Box) -> None:
    rows = [{"id": fresh("bulk"), **receive(1, "TEE-L")} for _ in range(10_000)]
    results = results_of(box.call("POST", "/v1/commands", json=rows))
    assert [result["id"] for result in results] == [row["id"] for row in rows]
    assert {result["outcome"] for result in results} == {"ok"}
    answer = box.call("POST", "/v1/commands", json=[*rows, {"id": fresh(), **receive()}])
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# ---- Arrow


def test_arrow_in_and_out(box: Box) -> None:
    rows = [
        {"id": fresh(), **receive(5, "TEE-L", "hamburg")},
        {"id": fresh(), **reserve(2, "TEE-L")},
        {"id": fresh(), **sell(1, sku="NO-SUCH")},
        {"id": fresh(), **reserve(10**6, "TEE-L", warehouse="hamburg")},
    ]
    answer = post_arrow(box, stream(arrow_table(rows)))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.column_names == ["id", "outcome", "reservation", "warehouse", "quantity", "available"]
    assert pa.types.is_dictionary(table["outcome"].type)
    assert pa.types.is_dictionary(table["warehouse"].type)
    assert pa.types.is_int64(table["quantity"].type)
    found = table.to_pylist()
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert [row["outcome"] for row in found] == ["ok", "ok", "unknown_sku", "insufficient_stock"]
    assert [row["warehouse"] for row in found] == ["hamburg", "berlin", None, "hamburg"]
    assert [row["quantity"] for row in found] == [5, 2, None, 0]
    assert box.get(f"/v1/reservations/{found[1]['reservation']}")["lines"][0]["quantity"] == 2
    assert [row["reservation"] is None for row in found] == [True, False, True, True]


def test_arrow_answers_decimals_where_a_sku_has_them(box: Box) -> None:
    rows = [{"id": fresh(), **receive(1.25, "CHEESE", "hamburg")}, {"id": fresh(), **receive(3)}]
    table = pa.ipc.open_stream(post_arrow(box, stream(arrow_table(rows))).content).read_all()
    assert pa.types.is_decimal128(table["quantity"].type)
    assert [str(value) for value in table["quantity"].to_pylist()] == ["1.250", "3.000"]


def test_the_answer_comes_in_the_form_that_is_asked_for(box: Box) -> None:
    rows = [{"id": fresh(), **receive()}]
    as_json = post_arrow(box, stream(arrow_table(rows)), Accept="application/json")
    assert as_json.headers["idempotent-replayed"] == "true" if "idempotent-replayed" in as_json.headers else True
    assert results_of(as_json)[0]["outcome"] == "ok"
    as_arrow = box.call("POST", "/v1/commands", json=rows, headers={"Accept": ARROW})
    assert as_arrow.headers["idempotent-replayed"] == "true"
    assert pa.ipc.open_stream(as_arrow.content).read_all()["outcome"].to_pylist() == ["ok"]


def test_json_and_arrow_rows_are_the_same_commands(box: Box) -> None:
    """The fingerprint of a row does not depend on how it came."""
    rows = [
        {"id": fresh(), **sell(1, unit_price={"amount": 1290, "currency": "EUR"}, tax_rate=0.19, reference="b 1")},
        {"id": fresh(), **reserve(1, customer="Ann")},
    ]
    first = results_of(box.call("POST", "/v1/commands", json=rows))
    again = post_arrow(box, stream(arrow_table(rows)))
    assert again.headers["idempotent-replayed"] == "true"
    assert pa.ipc.open_stream(again.content).read_all()["outcome"].to_pylist() == [row["outcome"] for row in first]


def test_what_left_a_cell_below_its_bound_is_marked(box: Box) -> None:
    sku = fresh("SHORT")
    box.put(f"/v1/products/{sku}", {"name": "Short"})
    told = box.commands(
        receive(2, sku),
        sell(2, sku, settled=True),
        sell(1, sku, settled=True),
        sell(1, sku),
        receive(5, sku),
        {"kind": "configure", "sku": sku, "warehouse": "berlin", "safety_stock": 9},
    )
    assert [result["outcome"] for result in told] == ["ok", "ok", "ok", "insufficient_stock", "ok", "ok"]
    assert [result.get("short") for result in told] == [None, None, True, None, None, True]
    assert answer_of(box, told[2]["id"])["short"] is True
    alone = box.post("/v1/commands", {"id": fresh(), **sell(9, sku, settled=True)}, headers={"Idempotency-Key": ""})
    assert alone["results"][0]["short"] is True


def test_steps_of_a_reservation_tell_no_available_for_they_are_about_many_cells(box: Box) -> None:
    (made,) = box.commands(reserve(3))
    steps = [
        {"id": fresh(), "kind": "confirm", "reservation": made["reservation"]},
        {"id": fresh(), "kind": "release", "reservation": made["reservation"], "line": 0, "quantity": 1},
        {"id": fresh(), "kind": "fulfil", "reservation": made["reservation"]},
    ]
    told = results_of(box.call("POST", "/v1/commands", json=steps))
    assert [result["outcome"] for result in told] == ["ok"] * 3
    assert [result.get("quantity") for result in told] == [None, 1, 2]
    assert not any("available" in result for result in told)
    table = pa.ipc.open_stream(post_arrow(box, stream(arrow_table(steps))).content).read_all()
    assert table["quantity"].to_pylist() == [None, 1, 2]
    assert table["available"].to_pylist() == [None] * 3


# ---- GET /v1/commands/{id}


def answer_of(box: Box, command_id: str) -> dict[str, Any]:
    answer = box.call("GET", f"/v1/commands/{command_id}")
    assert answer.status_code == 200, answer.text
    msgspec.json.decode(answer.content, type=shapes.CommandAnswer)
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("command", [receive(2), sell(10**9), reserve(1), sell(0), receive(1.5, "CHEESE", "hamburg")])
def test_a_command_can_be_asked_for_by_its_id(box: Box, command: dict[str, Any]) -> None:
    (result,) = box.commands(command)
    assert answer_of(box, result["id"]) == {**result, "kind": command["kind"]}


def test_a_reservation_can_be_asked_for_by_its_key(box: Box) -> None:
    key = fresh("key")
    lines = [{"sku": "TEE-M", "quantity": 1}, {"sku": "TEE-M", "quantity": 2}]
    body = {"channel": "shop", "ttl_s": 60, "lines": lines}
    made = box.post("/v1/reservations", body, status=201, headers={"Idempotency-Key": key})
    found = answer_of(box, key)
    assert (found["outcome"], found["kind"], found["reservation"]) == ("ok", "reserve", made["reservation"])
    assert found["lines"] == made["lines"]
    refused = fresh("key")
    lines.append({"sku": "TEE-M", "quantity": 10**9})
    box.post("/v1/reservations", body, status=409, headers={"Idempotency-Key": refused})
    found = answer_of(box, refused)
    assert found["outcome"] == "insufficient_stock"
    assert [line["line"] for line in found["failed_lines"]] == [2]


def test_a_command_that_never_arrived_is_unknown(box: Box) -> None:
    answer = box.call("GET", f"/v1/commands/{fresh('never')}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_command")
