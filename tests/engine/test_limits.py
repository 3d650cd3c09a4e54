"""Every table has a limit with a name; full is an outcome, and nothing else changes."""

import pytest

from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import (
    define_channel,
    define_sku,
    define_warehouse,
    expect,
    receive,
    release,
    reserve,
    sell,
    settled,
    ship,
    together,
    transfer,
)
from tests.rows import Row
from tests.world import Counters, World

DAY_MS = 24 * 3600 * 1000
FULL, OK = Outcome.LIMIT_EXCEEDED, Outcome.OK


@pytest.mark.parametrize(
    ("limits", "rows", "outcomes"),
    [
        pytest.param(Limits(skus_max=4), [define_sku("S-1"), define_sku("S-2")], [OK, FULL], id="skus"),
        pytest.param(
            Limits(warehouses_max=4), [define_warehouse("w-1"), define_warehouse("w-2")], [OK, FULL], id="warehouses"
        ),
        pytest.param(
            Limits(channels_max=3), [*define_channel("c-1"), *define_channel("c-2")], [OK, FULL], id="channels"
        ),
        pytest.param(
            Limits(sources_max=1),
            [expect("A-1", "north", 1, "po-1"), expect("A-1", "north", 1, "po-2"), expect("A-1", "north", 1, "po-1")],
            [OK, FULL, OK],
            id="sources",
        ),
        pytest.param(
            Limits(reservations_max=1),
            [receive("A-1", "north", 5), reserve("A-1", 1), reserve("A-1", 1), sell("A-1", "north", 1)],
            [OK, OK, FULL, OK],
            id="reservations",
        ),
    ],
)
def test_a_full_table_refuses_what_is_new_and_goes_on_with_the_rest(
    limits: Limits, rows: list[Row], outcomes: list[Outcome]
) -> None:
    assert World.furnished(limits).outcomes(rows) == outcomes


def test_no_command_makes_a_cell_too_many() -> None:
    world = World.furnished(Limits(cells_max=1))
    world.send(receive("A-1", "north", 5))
    makers = [
        receive("B-2", "north", 1),
        settled("A-1", "south", 1),
        transfer("A-1", "north", "south", 1),
        ship("A-1", "north", "south", 1),
        expect("B-2", "south", 1),
    ]
    assert world.outcomes(makers) == [FULL] * len(makers)
    assert world.cells("A-1") == {"north": Counters(on_hand=5)}
    assert world.cells("B-2") == {}


def test_a_transfer_that_finds_no_room_for_its_source_moves_nothing() -> None:
    world = World.furnished(Limits(sources_max=1))
    world.send(receive("A-1", "north", 5), expect("A-1", "north", 1, "po-1"))
    assert world.outcomes(ship("A-1", "north", "south", 1)) == [FULL]
    assert world.stock("A-1", "north") == Counters(on_hand=5, incoming=1)
    assert world.stock("A-1", "south") == Counters()


def test_a_group_that_finds_no_room_for_its_lines_holds_nothing() -> None:
    world = World.furnished(Limits(lines_max=3))
    world.send(receive("A-1", "north", 50))
    outcomes = world.outcomes(together(*(reserve("A-1", 1) for _ in range(4))))
    assert FULL in outcomes
    assert set(outcomes) <= {FULL, Outcome.GROUP_FAILED}
    assert world.stock("A-1", "north") == Counters(on_hand=50)


def test_groups_that_fall_use_no_room() -> None:
    world = World.furnished(Limits(reservations_max=8, lines_max=64, cells_max=3, sources_max=2))
    world.send(receive("A-1", "north", 5))
    for _ in range(100):
        world.send(together(reserve("A-1", 5, "north"), reserve("B-2", 1, "south"), reserve("A-1", 1)))
    assert world.outcomes(together(reserve("A-1", 2), reserve("A-1", 3))) == [OK, OK]
    assert world.outcomes(receive("B-2", "south", 1), receive("NUTS", "bin", 1)) == [OK, OK]


def test_closed_reservations_make_room_after_the_window() -> None:
    world = World.furnished(Limits(reservations_max=4, lines_max=64))
    world.send(receive("A-1", "north", 5))
    for _ in range(10):
        holds = [reserve("A-1", 1) for _ in range(4)]
        assert world.outcomes(holds) == [OK] * 4
        assert world.outcomes(map(release, holds)) == [OK] * 4
        assert world.outcomes(reserve("A-1", 1)) == [FULL]
        world.send(receive("A-1", "south", 1), at_ms=world.now_ms + 8 * DAY_MS)
    assert world.stock("A-1", "north") == Counters(on_hand=5)


def test_sources_that_ran_out_make_room_at_once() -> None:
    world = World.furnished(Limits(sources_max=2))
    for n in range(20):
        source = f"po-{n}"
        arrive = receive("A-1", "north", 1, source=source)
        assert world.outcomes(expect("A-1", "north", 1, source), arrive) == [OK, OK]


def test_a_full_id_ring_still_replays_and_recovers() -> None:
    world = World.furnished(Limits(ids_max=3 * 4096))
    known = receive("A-1", "north", 1)
    world.send(known)
    for _ in range(4):
        world.send([receive("A-1", "north", 1) for _ in range(4000)])
    late = receive("A-1", "north", 1)
    assert world.outcomes(late) == [Outcome.OVERLOADED]
    assert world.outcomes(known) == [OK]
    before = world.stock("A-1", "north")
    for _ in range(200):
        if world.outcomes(late, at_ms=world.now_ms + DAY_MS) == [OK]:
            break
    assert world.stock("A-1", "north").on_hand == before.on_hand + 1
    assert world.now_ms - world.records[0].now_ms >= 7 * DAY_MS


def test_the_largest_batch_is_decided() -> None:
    world = World.furnished(Limits(batch_rows_max=1000))
    rows = [receive("A-1", "north", 1) for _ in range(1000)]
    assert set(world.outcomes(rows)) == {OK}
    with pytest.raises(AssertionError):
        world.send(*rows, receive("A-1", "north", 1))
