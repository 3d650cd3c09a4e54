"""The judge of the chaos itself: told the truth it finds nothing, and of every lie it says what is wrong."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.e2e.chaos.load import Attempt, Call
from tests.e2e.chaos.verdict import Evidence, judge


@dataclass(frozen=True, slots=True)
class Happening:
    """What moved, as the engine would journal it; the figures behind it follow."""

    kind: str
    sku: str
    warehouse: str
    quantity: int
    command: str | None
    reservation: str | None = None


R: Final = "r1"
SHIPPED: Final = (("tee", "north", 2), ("cap", "south", 1))
TRUTH: Final = (
    Happening("receive", "tee", "north", 10, "in.0"),
    Happening("receive", "cap", "south", 3, "in.1"),
    *(Happening("reserve", *held, "hold", R) for held in SHIPPED),
    *(Happening("confirm", *held, "pay", R) for held in SHIPPED),
    *(Happening("fulfil", sku, place, -units, "ship", R) for sku, place, units in SHIPPED),
    Happening("reserve", "tee", "north", 4, "late", "r2"),
    Happening("expire", "tee", "north", -4, None, "r2"),
    Happening("adjust", "tee", "north", -1, "count"),
    Happening("transfer", "tee", "north", -3, "move"),
    Happening("transfer", "tee", "south", 3, "move"),
    Happening("sell", "tee", "south", -1, "sale.0"),
    Happening("sell", "cap", "south", -2, "sale.1"),
)
"""Seven tee are left then, four and two of them; of cap nothing is."""

Lie = Callable[[], Evidence]
ON_HAND: Final = ("receive", "adjust", "transfer", "sell", "fulfil")
RESERVED: Final = ("reserve", "expire", "fulfil")


def told(*happened: Happening) -> Evidence:
    """What the engine and its callers say of this; the callers were answered as of the truth."""
    cells: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    events = []
    for seq, each in enumerate(happened, 1):
        cell = cells[each.sku, each.warehouse]
        cell[0] += each.quantity * (each.kind in ON_HAND)
        cell[1] += each.quantity * (each.kind in RESERVED)
        counters = {"on_hand": cell[0], "reserved": cell[1], "available": cell[0] - cell[1]}
        event = {"kind": each.kind, "sku": each.sku, "warehouse": each.warehouse, "quantity": each.quantity}
        events.append(
            event | counters | {"command_id": each.command, "reservation": each.reservation, "shard": 0, "seq": seq}
        )
    calls = asked()
    stock = {place: (on_hand, reserved, on_hand - reserved) for place, (on_hand, reserved) in cells.items()}
    reservations = {R: view(SHIPPED, "fulfilled"), "r2": view([("tee", "north", 4)], "expired")}
    lookups = {"hold": {"outcome": "ok"}, "sale.1": {"outcome": "ok"}, "dear": {"outcome": "insufficient_stock"}}
    again = [None if call.answer else Attempt(9.0, 9.1, 200, results("sale.0", "sale.1")) for call in calls]
    again[1] = calls[1].answer
    return Evidence(calls, again, events, stock, reservations, lookups)


def asked() -> list[Call]:
    """Every command of the truth, one that was refused, and a sale to which no answer came at once."""
    held = [{"sku": sku, "warehouse": place, "quantity": units} for sku, place, units in SHIPPED]
    late = [{"sku": "tee", "warehouse": "north", "quantity": 4}]
    sale = [
        {"id": f"sale.{n}", "kind": "sell", "sku": sku, "warehouse": "south", "quantity": units, "group": "sale"}
        for n, (sku, units) in enumerate((("tee", 1), ("cap", 2)))
    ]
    return [
        answered("receive", [
            {"id": "in.0", "kind": "receive", "sku": "tee", "warehouse": "north", "quantity": 10},
            {"id": "in.1", "kind": "receive", "sku": "cap", "warehouse": "south", "quantity": 3},
        ]),
        answered("reserve many", {"lines": held}, "hold", 201, {"reservation": R, "lines": held}),
        answered("confirm", {}, "pay", 200, {"lines": [line | {"remaining": line["quantity"]} for line in held]}),
        answered("fulfil", {}, "ship", 200, {"lines": [line | {"fulfilled": line["quantity"]} for line in held]}),
        answered("reserve one", {"lines": late}, "late", 201, {"reservation": "r2", "lines": late}),
        answered("reserve one", {"lines": late}, "dear", 409, {"code": "insufficient_stock"}),
        answered("adjust", [{"id": "count", "kind": "adjust", "sku": "tee", "warehouse": "north", "delta": -1}]),
        answered("transfer", [
            {"id": "move", "kind": "transfer", "sku": "tee", "warehouse": "north", "to_warehouse": "south",
             "quantity": 3},
        ]),
        Call(1, "sell group", "/v1/commands", sale, None, [Attempt(1.0, 1.1, 0)]),
    ]  # fmt: skip


def answered(kind: str, body: Any, key: str | None = None, status: int = 200, said: Any = None) -> Call:
    """A call and its answer; of rows without a key: that all were done."""
    made = kind.startswith("reserve")
    path = "/v1/commands" if key is None else "/v1/reservations" if made else f"/v1/reservations/{R}/{kind}"
    said = said or results(*(row["id"] for row in body))
    return Call(0, kind, path, body, key, [Attempt(1.0, 1.1, status, said)])


def results(*ids: str, outcome: str = "ok") -> dict[str, Any]:
    return {"results": [{"id": command_id, "outcome": outcome} for command_id in ids]}


def view(lines: Any, state: str) -> dict[str, Any]:
    """As `GET /v1/reservations/{id}` tells one of which nothing is held any more."""
    return {
        "state": state,
        "lines": [{"sku": sku, "warehouse": place, "remaining": 0} for sku, place, _ in lines],
    }


def without(*wrong: Happening) -> Evidence:
    return told(*(each for each in TRUTH if each not in wrong))


def where(kind: str, sku: str) -> Happening:
    return next(each for each in TRUTH if (each.kind, each.sku) == (kind, sku))


def on_event(at: int, **other: Any) -> Evidence:
    """One event says something else."""
    evidence = told(*TRUTH)
    evidence.events[at].update(other)
    return evidence


def with_again(at: int, answer: Attempt) -> Evidence:
    """A call that was sent once more was answered so."""
    evidence = told(*TRUTH)
    return replace(evidence, again=[*evidence.again[:at], answer, *evidence.again[at + 1 :]])


def with_stock(sku: str, place: str, units: int) -> Evidence:
    evidence = told(*TRUTH)
    return replace(evidence, stock=evidence.stock | {(sku, place): (units, 0, units)})


def with_reservation(name: str, said: Any) -> Evidence:
    evidence = told(*TRUTH)
    return replace(evidence, reservations=evidence.reservations | {name: said})


COUNTERS: Final = "on_hand on every event is that of the fold of all before it, reserved at least that"
BOUND: Final = "no reservation, sale or transfer took a cell below nothing, or further below"
STOCK: Final = "the stock is what came in less what went out, cell by cell"
ORDER: Final = "the feed has every shard's records in order"
KNOWN: Final = "every event has a command that was sent, or is an expiry"
ONE_ANSWER: Final = "an id has one answer, however often and whenever it is sent"
RESOLVED: Final = "every unknown becomes known"
LOOKED_UP: Final = "GET /v1/commands/{id} tells the outcome that was answered"
ONE_EFFECT: Final = "an accepted command has its whole effect exactly once, a refused one none"
WHOLE: Final = "the lines of a reservation, and the rows of a group, stand or fall together"
STATE: Final = "a reservation is what the feed says happened to it, and one state on all its shards"

LIES: Final[dict[str, tuple[Lie, set[str]]]] = {
    # what is not so: (the evidence of it, every statement that it contradicts)
    "an effect is lost": (lambda: without(where("adjust", "tee")), {ONE_EFFECT}),
    "an effect is doubled": (lambda: told(*TRUTH, where("adjust", "tee")), {ONE_EFFECT}),
    "a refused command had an effect": (
        lambda: told(*TRUTH, Happening("reserve", "tee", "north", 4, "dear")),
        {ONE_EFFECT},
    ),
    "half a transfer arrives": (
        lambda: told(*(replace(each, quantity=2) if each.quantity == 3 and each.command == "move" else each
                       for each in TRUTH)),
        {ONE_EFFECT},
    ),
    "half a reservation is held": (lambda: without(where("reserve", "cap")), {ONE_EFFECT, WHOLE, COUNTERS, STATE}),
    "half a group is sold": (lambda: without(where("sell", "cap")), {ONE_EFFECT, WHOLE}),
    "half a group is answered as done": (
        lambda: with_again(8, Attempt(9.0, 9.1, 200, {
            "results": [*results("sale.0")["results"], *results("sale.1", outcome="group_failed")["results"]]
        })),
        {ONE_EFFECT, WHOLE, LOOKED_UP},
    ),
    "an answer changes": (lambda: with_again(1, Attempt(9.0, 9.1, 409, {"code": "conflict"})),
                          {ONE_ANSWER, ONE_EFFECT, LOOKED_UP}),
    "a row of an answer changes": (
        lambda: with_again(7, Attempt(9.0, 9.1, 200, results("move") | {"more": 1})), {ONE_ANSWER},
    ),
    "nobody ever knows": (lambda: with_again(8, Attempt(9.0, 9.1, 503, results("sale.0", "sale.1"))), {RESOLVED}),
    "the stock is wrong": (lambda: with_stock("tee", "south", 3), {STOCK}),
    "stock is there of which nobody heard": (lambda: with_stock("hat", "north", 1), {STOCK}),
    "it is oversold": (
        lambda: told(*TRUTH[:-1], replace(TRUTH[-1], quantity=-3)), {BOUND, ONE_EFFECT},
    ),
    "an event has wrong figures": (lambda: on_event(0, on_hand=11, available=11), {COUNTERS}),
    "an event goes back": (lambda: on_event(5, seq=1), {ORDER}),
    "nobody asked for it": (lambda: told(*TRUTH, Happening("receive", "tee", "north", 1, "ghost")), {KNOWN}),
    "a look-up tells something else": (
        lambda: replace(told(*TRUTH), lookups={"hold": {"outcome": "conflict"}}), {LOOKED_UP},
    ),
    "a look-up knows nothing": (lambda: replace(told(*TRUTH), lookups={"hold": None}), {LOOKED_UP}),
    "a reservation is in another state": (lambda: with_reservation(R, view(SHIPPED, "held")), {STATE}),
    "a reservation holds what was given back": (
        lambda: with_reservation(R, {"state": "fulfilled", "lines": [
            {"sku": "tee", "warehouse": "north", "remaining": 2}, {"sku": "cap", "warehouse": "south", "remaining": 0},
        ]}),
        {STATE},
    ),
    "a reservation is not there": (lambda: with_reservation(R, {"code": "unknown_reservation"}), {STATE}),
    "it expires and is still held": (lambda: without(where("expire", "tee")), {STATE}),
}  # fmt: skip


def wrong(evidence: Evidence) -> set[str]:
    return {check.statement for check in judge(evidence) if check.wrong}


def test_of_the_truth_nothing_is_wrong_and_every_statement_is_about_something() -> None:
    checks = judge(told(*TRUTH))
    assert [check.wrong for check in checks] == [[] for _ in checks]
    assert all(check.looked_at for check in checks)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_said_by_the_statements_that_it_contradicts(lie: str) -> None:
    evidence, contradicted = LIES[lie]
    assert wrong(evidence()) == contradicted


def test_every_statement_of_the_judge_is_contradicted_by_some_lie() -> None:
    statements = {check.statement for check in judge(told(*TRUTH))}
    assert set().union(*(contradicted for _, contradicted in LIES.values())) == statements
