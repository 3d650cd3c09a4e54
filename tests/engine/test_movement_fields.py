"""Beside its counters, a movement says whose it is: what replay, the feed and the documents read from it."""

import numpy as np
import pytest

from engine.ids import sku_key
from engine.kinds import Flag, Kind, ReservationState, ResultFlag
from engine.layout import NO_ROW, NO_WAREHOUSE
from tests.builders import (
    adjust,
    configure,
    confirm,
    expect,
    extend,
    fulfil,
    give_back,
    partly,
    receive,
    release,
    reserve,
    sell,
    settled,
    ship,
    together,
    transfer,
)
from tests.engine.test_seeded_histories import ROOMY
from tests.rows import Row
from tests.world import World

NOBODY = 0xFFFF


@pytest.fixture
def world() -> World:
    world = World.furnished(ROOMY)
    world.clients["first"] = 1
    world.send(receive("NUTS", place, 9) for place in ("north", "south"))
    return world


def of(world: World, *rows: Row | list[Row]) -> np.ndarray:
    """The movements of a batch."""
    return world.decide(*rows).movements


@pytest.mark.parametrize(
    ("row", "kinds", "channel"),
    [
        (receive("NUTS", "south", "1.5", client="market"), [Kind.RECEIVE], NOBODY),
        (give_back("NUTS", "south", "1.5", client="market"), [Kind.RETURN], 1),
        (expect("NUTS", "south", "1.5", client="market"), [Kind.EXPECT], NOBODY),
        (adjust("NUTS", "south", "1.5", client="market"), [Kind.ADJUST], NOBODY),
        (sell("NUTS", "south", "1.5", client="market"), [Kind.SELL], 1),
        (settled("NUTS", "south", "10", client="market"), [Kind.SELL, Kind.SHORT], 1),
        (transfer("NUTS", "south", "north", "1.5", client="market"), [Kind.TRANSFER] * 2, NOBODY),
        (ship("NUTS", "south", "north", "1.5", client="market"), [Kind.TRANSFER] * 2, NOBODY),
    ],
)
def test_a_movement_names_goods_place_client_and_channel(
    world: World, row: Row, kinds: list[Kind], channel: int
) -> None:
    movements = of(world, row)
    client = world.clients["market"]
    assert movements["kind"].tolist() == kinds
    assert set(movements["sku_key"].tolist()) == {sku_key("NUTS")}
    assert set(movements["decimals"].tolist()) == {3}
    assert movements["warehouse"][0] == world.warehouses["south"]
    if row.kind == Kind.TRANSFER:
        assert movements["warehouse"][1] == world.warehouses["north"]
    for movement in movements:
        is_short = movement["kind"] == Kind.SHORT
        assert (movement["client"], movement["channel"]) == ((0, NOBODY) if is_short else (client, channel))
        for name in ("reservation", "requested", "prepared_at", "line", "partition", "flags", "state", "row"):
            assert movement[name] == 0, name


def test_incoming_names_its_source(world: World) -> None:
    for row in (
        expect("NUTS", "south", 2),
        receive("NUTS", "south", 1, source="po-1"),
        ship("NUTS", "north", "south", 1),
    ):
        table, _ = world.encode([row])
        movements = of(world, row)
        assert movements["value"][-1] == table["source_key"][0] != 0
    assert of(world, transfer("NUTS", "north", "south", 1))["value"].tolist() == [0, 0]


def test_configure_names_client_and_says_what_is_short(world: World) -> None:
    movements = of(world, configure("NUTS", "south", safety_stock=11))
    assert movements["kind"].tolist() == [Kind.CONFIGURE, Kind.SHORT]
    assert movements["quantity"].tolist() == [0, -2000]
    assert movements["client"].tolist() == [world.clients["shop"], 0]
    assert movements["available"].tolist() == [-2000, -2000]


def test_every_step_of_a_reservation_names_it_and_its_state(world: World) -> None:
    group = together(partly("NUTS", "1.5", "south", client="market"), partly("NUTS", 1, "bin", client="market"))
    held = group[0]
    table, _ = world.encode(group)
    key, partition = int(table["reservation"][0]), int(table["partition"][0])

    def check(movements: np.ndarray, kind: Kind, state: ReservationState, value: int, quantity: int) -> None:
        assert set(movements["kind"].tolist()) == {kind}
        assert set(movements["reservation"].tolist()) == {key}
        assert set(movements["partition"].tolist()) == {partition}
        assert set(movements["client"].tolist()) == {world.clients["market"]}
        assert set(movements["channel"].tolist()) == {world.channels["web"]}
        assert set(movements["state"].tolist()) == {state}
        assert set(movements["value"].tolist()) == {value}
        assert set(movements["decimals"].tolist()) == {3}
        assert movements["quantity"][0] == quantity
        assert (movements["line"][0], movements["requested"][0]) == (0, 1500)

    due_ms = world.now_ms + 600_000
    made = of(world, group)
    check(made, Kind.RESERVE, ReservationState.HELD, due_ms, 1500)
    assert made["warehouse"].tolist() == [world.warehouses["south"], NO_WAREHOUSE]
    assert (made["flags"].tolist(), made["line"].tolist(), made["requested"].tolist()) == ([0, 1], [0, 1], [1500, 1000])
    check(of(world, extend(held, 900)), Kind.EXTEND, ReservationState.HELD, world.now_ms + 900_000, 0)
    check(of(world, confirm(held)), Kind.CONFIRM, ReservationState.CONFIRMED, 0, 1500)
    check(of(world, fulfil(held, 0, "0.5")), Kind.FULFIL, ReservationState.CONFIRMED, 0, -500)
    check(of(world, release(held)), Kind.RELEASE, ReservationState.FULFILLED, 0, -1000)


def test_an_expiry_is_nobodys_row(world: World) -> None:
    world.send(reserve("NUTS", 1, ttl_s=1))
    movements = world.decide(at_ms=world.now_ms + 1000).movements
    assert (movements["kind"].tolist(), movements["row"].tolist()) == ([Kind.EXPIRE], [NO_ROW])
    assert movements["state"].tolist() == [ReservationState.EXPIRED]


def test_an_answer_names_the_decimals_the_place_and_what_is_there(world: World) -> None:
    decision = world.decide(
        sell("NUTS", "south", "1.5"),
        adjust("NUTS", "south", "-0.5"),
        expect("NUTS", "south", 1),
        reserve("NUTS", "10.5", flags=Flag(0)),
        transfer("NUTS", "south", "north", 99),
        configure("NUTS", "south", floor=1),
    )
    results = decision.results
    assert results["decimals"].tolist() == [3] * 6
    south = world.warehouses["south"]
    assert results["warehouse"].tolist() == [south, south, south, NO_WAREHOUSE, south, south]
    assert results["available"].tolist()[:3] == [7500, 7000, 7000]
    assert results["requested"].tolist() == [1500, 0, 0, 10_500, 99_000, 0]
    assert results["flags"].tolist() == [0, 0, 0, ResultFlag.SPLIT, 0, 0]
