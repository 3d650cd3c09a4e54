"""A record that does not fit the state is refused where it stops fitting: at the movement, not at its record."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.shard import ReplayMismatch, Shard
from tests.builders import confirm, expect, fulfil, receive, reserve, together
from tests.engine.test_seeded_histories import ROOMY
from tests.rows import Row
from tests.world import World

Change = Callable[[np.ndarray], None]


def refused_at(world: World, shard: Shard, change: Change | None = None) -> int:
    """The movement of the last record, changed, at which the fold stops."""
    for record in world.records[:-1]:
        shard.apply(record)
    last = world.records[-1]
    movements = last.movements.copy()
    if change is not None:
        change(movements)
    with pytest.raises(ReplayMismatch) as caught:
        shard.apply(replace(last, movements=movements))
    assert caught.value.seq == last.seq
    return caught.value.movement


def second(name: str, by: int) -> Change:
    def change(movements: np.ndarray) -> None:
        movements[name][1] += by

    return change


@pytest.mark.parametrize(
    "change",
    [
        second("sku_key", 1),
        second("warehouse", 1),
        second("reservation", 1),
        second("line", 7),
        second("on_hand", 1),
        second("reserved", 1),
        second("incoming", 1),
        second("available", 1),
    ],
    ids=["goods", "place", "reservation", "line", "on hand", "reserved", "incoming", "available"],
)
def test_a_second_movement_that_does_not_fit_is_named(change: Change) -> None:
    world = World.furnished(ROOMY)
    made = together(reserve("A-1", 2, "north"), reserve("A-1", 1, "north"))
    world.send(receive("A-1", "north", 9))
    world.send(made)
    world.send(confirm(made[0]))
    world.send(receive("B-2", "north", 1), fulfil(made[0], 0, 1))
    assert refused_at(world, Shard(ROOMY), change) == 1


@pytest.mark.parametrize(
    ("limits", "rows"),
    [
        ({"cells_max": 1}, [receive("A-1", "north", 1), receive("A-1", "south", 1)]),
        ({"sources_max": 1}, [expect("A-1", "north", 1, "po-1"), expect("A-1", "north", 1, "po-2")]),
    ],
)
def test_so_is_one_for_which_a_table_is_too_small(limits: dict[str, int], rows: list[Row]) -> None:
    world = World.furnished(ROOMY)
    world.send(rows)
    assert refused_at(world, Shard(replace(ROOMY, **limits))) == 1
