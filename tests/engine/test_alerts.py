"""Reorder alerts: said once when a cell's position falls to its reorder point, and once when it is well above again."""

from typing import Any

import numpy as np
import pytest

from engine.kinds import Kind
from engine.layout import NO_ROW, NO_WAREHOUSE, Limits
from engine.shard import Shard
from engine.state import RAISED, WATCHED
from tests.builders import (
    adjust,
    configure,
    confirm,
    expect,
    fulfil,
    give_back,
    labelled,
    receive,
    release,
    reserve,
    sell,
    ship,
    together,
    transfer,
)
from tests.engine.test_against_model import check_fold
from tests.engine.twins import Twins
from tests.rows import Row
from tests.world import World

RAISE, CLEAR = Kind.ALERT_RAISED, Kind.ALERT_CLEARED
ROOMY = Limits(skus_max=64, cells_max=256, ids_max=1 << 14, reservations_max=64, lines_max=256, sources_max=64)
Said = list[tuple[Kind, str, int]]


def stocked(**settings: int) -> Twins:
    """20 of A-1 in north, which is to be reordered at 10, and 20 in south."""
    twins = Twins.furnished(ROOMY)
    twins.send(receive("A-1", "north", 20), receive("A-1", "south", 20))
    twins.send(configure("A-1", "north", **{"reorder_point": 10, **settings}))
    return twins


def alerts(twins: Twins, *rows: Row | list[Row], later_ms: int = 0) -> Said:
    """What a batch says: (raised or cleared, place, position)."""
    twins.send(*rows, at_ms=twins.world.now_ms + later_ms)
    return [
        (moved.kind, moved.warehouse, moved.on_hand - moved.reserved + moved.incoming)
        for moved in twins.model.movements
        if moved.kind in (RAISE, CLEAR)
    ]


def copied(shard: Shard) -> dict[str, np.ndarray[Any, Any]]:
    """The state in arrays that may be changed."""
    return {name: kept.copy() for name, kept in shard.arrays().items()}


def test_falling_to_the_reorder_point_is_said_and_one_above_it_is_not() -> None:
    twins = stocked()
    assert alerts(twins, sell("A-1", "north", 9)) == []
    assert alerts(twins, sell("A-1", "north", 1)) == [(RAISE, "north", 10)]
    assert alerts(twins, sell("A-1", "north", 5)) == []
    assert alerts(twins, sell("A-1", "south", 19)) == []


def test_what_is_promised_is_gone_and_what_is_on_its_way_is_there() -> None:
    twins = stocked()
    held = reserve("A-1", 15, "north")
    assert alerts(twins, held) == [(RAISE, "north", 5)]
    assert alerts(twins, expect("A-1", "north", 30)) == [(CLEAR, "north", 35)]
    assert alerts(twins, confirm(held), fulfil(held)) == []
    assert alerts(twins, receive("A-1", "north", 30, source="po-1")) == []
    assert alerts(twins, expect("A-1", "north", 1)) == []


def test_what_a_hold_gives_back_clears_an_alert_whether_released_or_expired() -> None:
    twins = stocked()
    held = reserve("A-1", 15, "north")
    assert alerts(twins, held) == [(RAISE, "north", 5)]
    assert alerts(twins, release(held)) == [(CLEAR, "north", 20)]
    assert alerts(twins, reserve("A-1", 15, "north", ttl_s=5)) == [(RAISE, "north", 5)]
    assert alerts(twins, later_ms=5000) == [(CLEAR, "north", 20)]


@pytest.mark.parametrize(
    ("settings", "clears_at"),
    [
        ({"reorder_point": 10}, 12),
        ({"reorder_point": 19}, 21),
        ({"reorder_point": 20}, 23),
        ({"reorder_point": 1}, 2),
        ({"reorder_point": 9}, 10),
        ({"reorder_point": 20, "order_up_to": 22}, 22),
        ({"reorder_point": 20, "order_up_to": 21}, 21),
        ({"reorder_point": 20, "order_up_to": 90}, 23),
        ({"reorder_point": 20, "order_up_to": 20}, 23),
        ({"reorder_point": 20, "order_up_to": 7}, 23),
    ],
)
def test_it_is_over_a_tenth_above_the_point_but_at_the_latest_when_what_was_wanted_is_ordered(
    settings: dict[str, int], clears_at: int
) -> None:
    twins = Twins.furnished(ROOMY)
    point = settings["reorder_point"]
    twins.send(receive("A-1", "north", point))
    assert alerts(twins, configure("A-1", "north", **settings)) == [(RAISE, "north", point)]
    for position in range(point + 1, clears_at):
        assert alerts(twins, receive("A-1", "north", 1)) == [], position
    assert alerts(twins, receive("A-1", "north", 1)) == [(CLEAR, "north", clears_at)]
    assert alerts(twins, sell("A-1", "north", clears_at - point - 1)) == []
    assert alerts(twins, sell("A-1", "north", 1)) == [(RAISE, "north", point)]


def test_a_point_that_is_set_is_judged_at_once() -> None:
    twins = stocked()
    assert alerts(twins, configure("A-1", "north", reorder_point=20)) == [(RAISE, "north", 20)]
    assert alerts(twins, configure("A-1", "north", order_up_to=90)) == []
    assert alerts(twins, configure("A-1", "north", reorder_point=19)) == []
    assert alerts(twins, configure("A-1", "north", reorder_point=18)) == [(CLEAR, "north", 20)]
    assert alerts(twins, configure("A-1", "north", reorder_point=30)) == [(RAISE, "north", 20)]
    assert alerts(twins, configure("A-1", "north", reorder_point=0)) == [(CLEAR, "north", 20)]
    assert alerts(twins, adjust("A-1", "north", -20)) == []


def test_a_cell_that_never_had_goods_can_be_wanted() -> None:
    twins = Twins.furnished(ROOMY)
    assert alerts(twins, configure("B-2", "south", reorder_point=3)) == [(RAISE, "south", 0)]


def test_safety_stock_and_floor_are_no_part_of_the_position() -> None:
    twins = stocked()
    assert alerts(twins, configure("A-1", "north", safety_stock=15, floor=3)) == []


def test_a_batch_says_what_it_comes_to_in_the_end() -> None:
    twins = stocked()
    assert alerts(twins, sell("A-1", "north", 15), receive("A-1", "north", 15)) == []
    assert alerts(twins, *(sell("A-1", "north", 1) for _ in range(16))) == [(RAISE, "north", 4)]
    assert alerts(twins, receive("A-1", "north", 9), sell("A-1", "north", 9)) == []


def test_each_cell_of_a_batch_speaks_for_itself_in_the_order_in_which_they_were_changed() -> None:
    twins = stocked()
    twins.send(configure("A-1", "south", reorder_point=10))
    said = alerts(twins, sell("A-1", "south", 2), sell("A-1", "north", 15), sell("A-1", "south", 15))
    assert said == [(RAISE, "south", 3), (RAISE, "north", 5)]
    assert alerts(twins, receive("A-1", "north", 30)) == [(CLEAR, "north", 35)]
    assert alerts(twins, transfer("A-1", "north", "south", 25)) == [(RAISE, "north", 10), (CLEAR, "south", 28)]
    assert alerts(twins, ship("A-1", "south", "north", 20)) == [(RAISE, "south", 8), (CLEAR, "north", 30)]


def test_what_was_changed_before_it_had_a_point_comes_when_it_got_one() -> None:
    twins = stocked()
    before = [sell("A-1", "south", 15), sell("A-1", "north", 15), configure("A-1", "south", reorder_point=10)]
    assert alerts(twins, *before) == [(RAISE, "north", 5), (RAISE, "south", 5)]


def test_what_is_not_done_says_nothing() -> None:
    twins = stocked()
    assert (
        alerts(twins, sell("A-1", "north", 21), labelled("x", sell("A-1", "north", 15), sell("B-2", "north", 1))) == []
    )
    assert alerts(twins, together(reserve("A-1", 15, "north"), reserve("A-1", 99, "south"))) == []


def test_what_was_said_is_not_said_again_after_a_restart() -> None:
    twins = stocked()
    twins.send(sell("A-1", "north", 12))
    world = twins.world
    world.shard = Shard.from_arrays(world.limits, {name: kept.copy() for name, kept in world.shard.arrays().items()})
    assert alerts(twins, sell("A-1", "north", 1)) == []
    assert alerts(twins, give_back("A-1", "north", 9)) == [(CLEAR, "north", 16)]
    check_fold(twins)


def test_whether_an_alert_is_raised_is_in_the_hash_of_the_state() -> None:
    one, other = stocked().world, stocked().world
    for world, first, then in ((one, 11, 1), (other, 8, -2)):
        world.send(adjust("A-1", "north", -first, id="first"))
        world.send(adjust("A-1", "north", then, id="then"))
    assert one.stock("A-1", "north") == other.stock("A-1", "north")
    kept = copied(one.shard)
    watch = kept["cells"]["next"]
    assert watch.tolist().count(WATCHED | RAISED) == 1
    before = one.shard.state_hash()
    watch[watch == WATCHED | RAISED] = WATCHED
    assert Shard.from_arrays(one.limits, kept).state_hash() != before


def test_an_alert_names_the_cell_its_point_and_what_to_order_up_to() -> None:
    world = World.furnished(ROOMY)
    world.send(configure("NUTS", "south", reorder_point=2, order_up_to=9), receive("NUTS", "south", 5))
    moved, raised = world.decide(sell("NUTS", "south", "3.25")).movements
    assert (raised["kind"], raised["row"], raised["quantity"]) == (Kind.ALERT_RAISED, NO_ROW, 0)
    assert (raised["value"], raised["requested"], raised["decimals"]) == (2000, 9000, 3)
    for name in ("sku_key", "warehouse", "on_hand", "reserved", "incoming", "available"):
        assert raised[name] == moved[name], name
    for name in ("on_hand_delta", "reserved_delta", "incoming_delta", "reservation", "flags", "client", "state"):
        assert raised[name] == 0, name
    assert raised["channel"] == NO_WAREHOUSE
