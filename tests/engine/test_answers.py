"""Questions: stock with its sums, a reservation, and lists of reservations by page."""

import numpy as np

from engine import ids
from engine.kinds import Flag, QuestionKind, ReservationState, WarehouseKind
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome
from tests.builders import (
    archived,
    configure,
    confirm,
    define_sku,
    define_warehouse,
    expect,
    receive,
    release,
    reserve,
    together,
)
from tests.world import World

U64 = (1 << 64) - 1
SUMS = ("on_hand", "reserved", "incoming", "available", "sellable")


def stocked() -> World:
    world = World.furnished()
    world.send(
        receive("A-1", "north", 10),
        receive("A-1", "south", 4),
        receive("A-1", "bin", 7),
        expect("A-1", "north", 3),
        configure("A-1", "north", safety_stock=2),
        configure("A-1", "south", floor=1),
    )
    world.send(reserve("A-1", 4, "south"))
    return world


def stock(world: World, sku: str, channel: str = "") -> dict[str, int]:
    number = world.channels.get(channel, NO_WAREHOUSE)
    (answer,) = world.ask(QuestionKind.STOCK, key=ids.sku_key(sku) & U64, channel=number).answers
    return {name: int(answer[name]) for name in SUMS} | {"outcome": int(answer["outcome"])}


def page(world: World, **asked: int) -> tuple[list[int], int]:
    """(keys of the reservations, where to go on)"""
    asked = {"limit": 100, "channel": NO_WAREHOUSE, "flags": int(Flag.ADMIN)} | asked
    answers = world.ask(QuestionKind.RESERVATIONS, **asked)
    return answers.reservations["reservation"].tolist(), int(answers.answers[0]["next_after"])


def test_sums_are_over_all_cells_and_available_without_quarantine() -> None:
    said = stock(stocked(), "A-1")
    assert {name: said[name] for name in SUMS[:4]} == {"on_hand": 21, "reserved": 4, "incoming": 3, "available": 8}


def test_sellable_is_what_the_channels_own_places_could_promise() -> None:
    world = stocked()
    assert stock(world, "A-1", "web")["sellable"] == 8 + 1
    assert stock(world, "A-1", "till")["sellable"] == 1


def test_sellable_leaves_out_cells_below_zero() -> None:
    world = stocked()
    world.send(configure("A-1", "south", safety_stock=9))
    assert stock(world, "A-1", "web")["sellable"] == 8


def test_a_sku_without_cells_has_none_and_an_unknown_one_is_unknown() -> None:
    world = stocked()
    assert stock(world, "B-2") == dict.fromkeys(SUMS, 0) | {"outcome": Outcome.OK}
    assert stock(world, "C-3")["outcome"] == Outcome.UNKNOWN_SKU


def test_an_archived_sku_still_shows_its_cells() -> None:
    world = World.furnished()
    world.send(receive("A-1", "north", 1), release(reserve("A-1", 1)))
    world.send(define_sku("B-2"), configure("B-2", "north", floor=1))
    world.send(archived(define_sku("B-2")))
    answers = world.ask(QuestionKind.STOCK, key=ids.sku_key("B-2") & U64, channel=NO_WAREHOUSE)
    assert answers.answers[0]["archived"] == 1
    assert len(answers.cells) == 1


def test_what_becomes_quarantine_leaves_the_sums() -> None:
    world = stocked()
    world.send(define_warehouse("north", kind=WarehouseKind.QUARANTINE))
    assert (stock(world, "A-1")["available"], stock(world, "A-1", "web")["sellable"]) == (0, 1)


def test_a_reservation_shows_its_lines_to_its_client_and_to_admins() -> None:
    world = stocked()
    rows = together(reserve("A-1", 5), reserve("A-1", 1, "south"))
    world.send(rows)
    key = world.key_of(("shop", rows[0].id))
    for client, flags, seen in ((0, 0, True), (1, 0, False), (1, int(Flag.ADMIN), True)):
        answers = world.ask(QuestionKind.RESERVATION, key=key, client=client, flags=flags)
        outcome = Outcome.OK if seen else Outcome.UNKNOWN_RESERVATION
        assert (answers.answers[0]["outcome"], len(answers.reservations)) == (outcome, seen)
        assert answers.lines["line"].tolist() == ([0, 1] if seen else [])
    (view,) = world.ask(QuestionKind.RESERVATION, key=key, flags=int(Flag.ADMIN)).reservations
    assert (view["position"] >> 24, view["position"] & 0xFFFFFF) == (world.next_seq - 1, 0)


def test_reservations_are_listed_by_state_channel_sku_reference_and_client() -> None:
    world = stocked()
    world.send(receive("B-2", "north", 5))
    plain = reserve("A-1", 1, reference="order-1")
    other = reserve("B-2", 1, channel="till", warehouse="north")
    theirs = reserve("A-1", 1, client="market")
    world.send(plain, other, theirs)
    world.send(confirm(other))
    keys = {name: world.key_of((r.client, r.id)) for name, r in {"p": plain, "o": other, "t": theirs}.items()}
    everything, _ = page(world)
    assert set(keys.values()) < set(everything)
    assert page(world, state=ReservationState.CONFIRMED)[0] == [keys["o"]]
    assert page(world, channel=world.channels["till"])[0] == [keys["o"]]
    assert page(world, sku_key=ids.sku_key("B-2"))[0] == [keys["o"]]
    assert page(world, reference_key=ids.text_key("order-1"))[0] == [keys["p"]]
    assert page(world, flags=0, client=world.clients["market"])[0] == [keys["t"]]


def test_pages_follow_one_another_without_gap_or_overlap() -> None:
    world = World.furnished()
    world.send(receive("A-1", "north", 50))
    world.send(reserve("A-1", 1) for _ in range(25))
    found: list[int] = []
    after = 0
    for _ in range(20):
        keys, after = page(world, limit=7, after=after)
        found += keys
        if not after:
            break
    assert len(found) == len(set(found)) == 25
    assert np.array_equal(found, page(world)[0])
