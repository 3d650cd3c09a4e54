"""What a batch has no room for is `overloaded`: not run, not remembered, and right as soon as there is room.

A batch has room for 64 movements here. Holds that are due expire first, so their number says how much is left.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.kinds import Flag
from engine.layout import Limits
from engine.outcomes import Outcome
from engine.shard import Shard
from engine.state import IDS_MADE
from tests.builders import (
    adjust,
    confirm,
    extend,
    labelled,
    receive,
    replacing,
    reserve,
    sell,
    together,
    transfer,
)
from tests.rows import Row
from tests.world import World

LIMITS = Limits(
    skus_max=16, cells_max=16, ids_max=4096, reservations_max=256, lines_max=512, sources_max=16,
    batch_rows_max=16, movements_max=64, warehouses_max=8, channels_max=4, clients_max=8,
)  # fmt: skip
ROOM = 64
OK, FULL = Outcome.OK, Outcome.OVERLOADED


def with_due(count: int, lines: int = 0) -> tuple[World, Row]:
    """A world in which so many holds of a line each are due now, and a hold of `lines` lines that is not."""
    world = World.furnished(LIMITS)
    world.send(receive(sku, place, 900) for sku in ("A-1", "B-2") for place in ("north", "south"))
    held = together(*(reserve("A-1", 1, "south") for _ in range(lines or 1)))
    world.send(held)
    for begin in range(0, count, 16):
        world.send(reserve("A-1", 1, "south", ttl_s=1) for _ in range(min(16, count - begin)))
    world.now_ms += 1000
    return world, held[0]


@pytest.mark.parametrize(
    "row",
    [
        lambda: sell("A-1", "north", 1),
        lambda: reserve("A-1", 1, "north", flags=Flag(0)),
        lambda: transfer("A-1", "north", "south", 1),
        lambda: adjust("A-1", "north", 1),
        lambda: receive("A-1", "north", 1),
    ],
)
def test_a_row_is_run_when_four_movements_have_room(row: object) -> None:
    asked: Row = row()  # type: ignore[operator]
    world, _ = with_due(ROOM - 4)
    assert world.outcomes(asked) == [OK]
    world, _ = with_due(ROOM - 3)
    assert world.outcomes(asked) == [FULL]
    assert world.outcomes(asked) == [OK]
    assert len(world.records[-1].results) == 1


@pytest.mark.parametrize("step", [confirm, extend])
def test_a_step_on_all_lines_needs_room_for_each(step: object) -> None:
    for free, outcome in ((4 + 5, OK), (4 + 4, FULL)):
        world, held = with_due(ROOM - free, lines=5)
        assert world.outcomes(step(held)) == [outcome]  # type: ignore[operator]


def test_a_group_needs_room_for_all_its_rows() -> None:
    for free, outcome in ((12, OK), (11, FULL)):
        world, _ = with_due(ROOM - free)
        group = labelled("x", *(sell("A-1", "north", 1) for _ in range(3)))
        assert world.outcomes(group) == [outcome] * 3
        assert world.outcomes(group) == [OK] * 3
        assert world.stock("A-1", "north").on_hand == 897


def test_a_split_line_needs_room_for_every_part_and_is_not_remembered_without() -> None:
    # Both places have a part of it: two parts, twice each, and the row.
    for free, outcome in ((5, OK), (4, FULL)):
        world, held = with_due(ROOM - free)
        split = reserve("B-2", 1000, flags=Flag(0))
        assert world.outcomes(split) == [outcome]
        reserved = world.stock("B-2", "north").reserved + world.stock("B-2", "south").reserved
        assert reserved == (1000 if outcome == OK else 0)
        assert world.shard._state.cells["pending"].tolist() == [0] * 17
        assert world.outcomes(split, sell("A-1", "north", 1)) == [OK, OK]
        assert world.outcomes(confirm(split), confirm(held)) == [OK, OK]


def test_a_replacement_needs_room_for_the_lines_that_it_frees() -> None:
    # Two rows of a group: eight; but a plan of one, twice, and its row, and five lines of the old one are nine.
    for free, outcome in ((9, OK), (8, OK), (7, FULL)):
        world, held = with_due(ROOM - free, lines=5)
        assert world.outcomes(replacing(held, reserve("A-1", 1, "north"))) == [outcome] * 2
    for free, outcome in ((10, OK), (9, FULL)):
        world, held = with_due(ROOM - free, lines=7)
        assert world.outcomes(replacing(held, reserve("A-1", 1, "north"))) == [outcome] * 2
        assert world.stock("A-1", "south").reserved == (0 if outcome == OK else 7)
        assert world.shard._state.cells["pending"].tolist() == [0] * 17


def test_a_full_batch_does_not_lose_the_rest_of_the_expiries() -> None:
    world, _ = with_due(ROOM + 6)
    late = sell("A-1", "north", 1)
    assert world.outcomes(late) == [FULL]
    assert len(world.records[-1].movements) == ROOM
    assert world.outcomes(late) == [OK]
    assert len(world.records[-1].movements) == 6 + 1
    assert world.stock("A-1", "south").reserved == 1


def with_ids_left(count: int, movements: int = 1 << 17) -> World:
    """A world whose ring of ids has room for so many more; its batches, for nearly any number of movements."""
    world = World.furnished(replace(LIMITS, movements_max=movements))
    world.send(receive("A-1", "north", 9))
    world.shard._state.marks[IDS_MADE] = 4096 - count
    world.shard._state.id_times[0] = world.now_ms
    return world


@pytest.mark.parametrize(
    ("left", "rows", "outcomes"),
    [
        (2, [sell("A-1", "north", 1), sell("A-1", "north", 1), sell("A-1", "north", 1)], [OK, OK, FULL]),
        (2, together(sell("A-1", "north", 1), sell("A-1", "north", 1), sell("A-1", "north", 1)), [OK] * 3),
        (1, together(reserve("A-1", 1), reserve("A-1", 1)), [OK] * 2),
        (0, together(reserve("A-1", 1), reserve("A-1", 1)), [FULL] * 2),
        (2, labelled("x", sell("A-1", "north", 1), sell("A-1", "north", 1)), [OK] * 2),
        (1, labelled("x", sell("A-1", "north", 1), sell("A-1", "north", 1)), [FULL] * 2),
        (
            1,
            [*labelled("x", sell("A-1", "north", 1), sell("A-1", "north", 1)), sell("A-1", "north", 1)],
            [FULL] * 2 + [OK],
        ),
    ],
)
def test_a_full_ring_refuses_what_is_new(left: int, rows: Sequence[Row], outcomes: list[Outcome]) -> None:
    for movements in (ROOM, 1 << 17):
        assert with_ids_left(left, movements).outcomes(rows) == outcomes
    world = with_ids_left(4000)
    assert world.outcomes(rows) == [OK] * len(rows)


def test_what_is_known_needs_no_room_in_the_ring() -> None:
    single, command = sell("A-1", "north", 1), together(reserve("A-1", 1), reserve("A-1", 1))
    world = with_ids_left(4000)
    assert world.outcomes(single, command) == [OK] * 3
    assert world.shard._state.marks[IDS_MADE] == 96 + 2
    world.shard._state.marks[IDS_MADE] = 4096
    assert world.outcomes(single) == [OK]
    assert world.outcomes(command) == [OK] * 2
    assert world.outcomes(sell("A-1", "north", 1)) == [FULL]
    assert world.stock("A-1", "north").on_hand == 8


def test_a_ring_whose_oldest_are_over_makes_room() -> None:
    world = with_ids_left(0)
    late = sell("A-1", "north", 1)
    window_ms = LIMITS.id_window_ms
    assert world.outcomes(late, at_ms=world.now_ms + window_ms) == [FULL]
    assert world.outcomes(late, at_ms=world.now_ms + 1) == [OK]
    assert world.stock("A-1", "north").on_hand == 8


def test_the_fold_makes_room_as_the_decision_did() -> None:
    world = World.furnished(LIMITS)
    world.send(receive("A-1", "north", 9))
    folded = Shard(LIMITS)
    for record in world.records:
        folded.apply(record)
    for shard in (world.shard, folded):
        shard._state.marks[IDS_MADE] = 4095
        shard._state.id_times[0] = world.now_ms
    world.send(sell("A-1", "north", 1))
    folded.apply(world.records[-1])
    world.send(sell("A-1", "north", 1), at_ms=world.now_ms + LIMITS.id_window_ms + 1)
    folded.apply(world.records[-1])
    assert folded.state_hash() == world.shard.state_hash()
