"""The last place in a table, the largest number and the last bit: what is just still taken."""

from dataclasses import replace

import pytest

from engine.kinds import Kind
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import (
    adjust,
    configure,
    count,
    expect,
    receive,
    reserve,
    row,
    settled,
    ship,
    together,
    transfer,
)
from tests.engine.test_seeded_histories import ROOMY
from tests.engine.twins import Twins, outcomes
from tests.rows import Row
from tests.world import World

OK, FULL = Outcome.OK, Outcome.LIMIT_EXCEEDED
MAKERS = {
    "receive": lambda: receive("B-2", "south", 1),
    "adjust": lambda: adjust("B-2", "south", 1),
    "count": lambda: count("B-2", "south", 1),
    "expect": lambda: expect("B-2", "south", 1),
    "configure": lambda: configure("B-2", "south", floor=1),
    "settled": lambda: settled("B-2", "south", 1),
    "transfer": lambda: transfer("A-1", "north", "south", 1),
    "ship": lambda: ship("A-1", "north", "south", 1),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_each_command_can_make_the_last_cell_and_none_makes_another(maker: str) -> None:
    world = World.furnished(replace(ROOMY, cells_max=2))
    world.send(receive("A-1", "north", 5))
    assert world.outcomes(MAKERS[maker]()) == [OK]
    assert world.outcomes(MAKERS[maker]()) == [OK]  # in the cell that is there now
    made = world.shard.counts["cells"]
    assert made == 2
    assert world.outcomes(receive("NUTS", "north", 1), configure("NUTS", "north", floor=1)) == [FULL] * 2
    assert world.outcomes(adjust("NUTS", "north", 1), expect("NUTS", "north", 1)) == [FULL] * 2
    assert world.shard.counts["cells"] == 2


def test_the_second_cell_of_a_group_of_settled_sales_needs_a_place_as_well() -> None:
    for cells, outcome in ((3, OK), (2, FULL)):
        world = World.furnished(replace(ROOMY, cells_max=cells))
        world.send(receive("A-1", "north", 5))
        said = world.outcomes(together(settled("A-1", "south", 1), settled("B-2", "south", 1)))
        assert (outcome in said, world.shard.counts["cells"]) == (True, 3 if outcome == OK else 1)


@pytest.mark.parametrize(("bits", "outcome"), [(0, Outcome.INVALID_QUANTITY), (15, OK), (16, Outcome.INVALID_QUANTITY)])
def test_settings_are_four_bits(bits: int, outcome: Outcome) -> None:
    asked = row(Kind.CONFIGURE, sku="A-1", warehouse="north", line=bits)
    assert World.furnished(ROOMY).outcomes(asked) == [outcome]


def narrow() -> Twins:
    return Twins.furnished(replace(ROOMY, quantity_max=10, stock_max=20))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([receive("A-1", "north", 10), receive("A-1", "north", 10), receive("A-1", "north", 1)], [OK, OK, FULL]),
        ([expect("A-1", "north", 10), expect("A-1", "north", 10), expect("A-1", "north", 1)], [OK, OK, FULL]),
        ([adjust("A-1", "north", 10), adjust("A-1", "north", 10), adjust("A-1", "north", 1)], [OK, OK, FULL]),
        ([settled("A-1", "north", 10), settled("A-1", "north", 10), settled("A-1", "north", 1)], [OK, OK, FULL]),
        ([expect("A-1", "north", 2), expect("A-1", "north", -2), expect("A-1", "north", -1)], None),
        ([expect("A-1", "north", 10), expect("A-1", "north", 10), expect("A-1", "north", -11)], None),
        ([receive("A-1", "north", 10), receive("A-1", "north", 10), adjust("A-1", "north", -11)], None),
        ([receive("A-1", "north", 11)], [Outcome.INVALID_QUANTITY]),
        ([adjust("A-1", "north", 11)], [Outcome.INVALID_QUANTITY]),
        ([expect("A-1", "north", 11)], [Outcome.INVALID_QUANTITY]),
        ([expect("A-1", "north", 0)], [Outcome.INVALID_QUANTITY]),
        ([configure("A-1", "north", floor=10), configure("A-1", "north", floor=11)], [OK, Outcome.INVALID_QUANTITY]),
        ([configure("A-1", "north", reorder_point=11)], [Outcome.INVALID_QUANTITY]),
        ([count("A-1", "north", 0), count("A-1", "north", -1)], [OK, Outcome.INVALID_QUANTITY]),
        ([receive("A-1", "north", 3), adjust("A-1", "north", -3), adjust("A-1", "north", -1)], None),
    ],
)
def test_the_largest_that_is_taken(rows: list[Row], said: list[Outcome] | None) -> None:
    assert outcomes(narrow().send(rows)) == (said or [OK, OK, Outcome.INVALID_QUANTITY])


def test_what_moves_must_fit_where_it_goes() -> None:
    for asked in (transfer, ship):
        twins = narrow()
        twins.send(receive("A-1", "north", 10), receive("A-1", "south", 10))
        twins.send(receive("A-1", "south", 5), expect("A-1", "south", 10))
        fits, over = (asked("A-1", "north", "south", units) for units in (5, 1))
        assert outcomes(twins.send(fits, over)) == [OK, FULL if asked is transfer else OK]
    twins = narrow()
    twins.send(receive("A-1", "north", 10), expect("A-1", "south", 10), expect("A-1", "south", 10, "po-2"))
    assert outcomes(twins.send(ship("A-1", "north", "south", 1))) == [FULL]


def test_settled_sales_of_one_group_from_a_cell_that_is_not_there_add_up() -> None:
    for second, said in ((10, [OK] * 2), (11, None)):
        twins = Twins.furnished(replace(ROOMY, quantity_max=20, stock_max=20))
        rows = together(settled("A-1", "north", 10), settled("A-1", "north", second))
        others = together(settled("A-1", "south", 15), settled("B-2", "south", 15), settled("B-2", "north", 15))
        assert outcomes(twins.send(rows)) == (said or [Outcome.GROUP_FAILED, FULL])
        assert outcomes(twins.send(others)) == [OK] * 3
        assert twins.world.stock("A-1", "north").on_hand == (-20 if said else 0)


def test_held_units_have_a_bound_too() -> None:
    twins = Twins.furnished(replace(ROOMY, quantity_max=20, stock_max=20))
    twins.send(configure("A-1", "north", floor=20))
    twins.send(receive("A-1", "north", 20))
    assert outcomes(twins.send(reserve("A-1", 12, "north"), reserve("A-1", 8, "north"))) == [OK, OK]
    assert outcomes(twins.send(reserve("A-1", 1, "north"), reserve("A-1", 1))) == [FULL, FULL]


def test_a_line_too_many_and_the_last_one() -> None:
    for lines, outcome in ((4, OK), (3, FULL)):
        world = World.furnished(replace(ROOMY, lines_max=lines))
        world.send(receive("A-1", "north", 5))
        said = world.outcomes(together(reserve("A-1", 1), reserve("A-1", 1)))
        assert outcome in said
    world = World.furnished(replace(ROOMY, lines_max=2))
    world.send(receive("A-1", "north", 5))
    assert world.outcomes(reserve("A-1", 1, "north"), reserve("A-1", 1, "north")) == [OK, FULL]


def test_names_have_a_bound() -> None:
    limits: Limits = replace(ROOMY, clients_max=2)
    world = World.furnished(limits)
    world.clients |= {"first": 0, "second": 1, "third": 2}
    before = world.shard.state_hash()
    definitions = [row(Kind.DEFINE_CLIENT, client=name) for name in ("second", "third")]
    assert world.outcomes(definitions) == [OK, FULL]
    assert world.shard._state.clients.tolist() == [0, 1]
    assert world.shard.state_hash() != before
