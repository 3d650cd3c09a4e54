"""What exists: SKUs, warehouses and channels as the documents writer defines and retires them."""

import pytest

from engine.kinds import Kind, WarehouseKind
from engine.outcomes import Outcome
from tests.builders import (
    adjust,
    archived,
    configure,
    define_channel,
    define_sku,
    define_warehouse,
    expect,
    receive,
    reserve,
    row,
    sell,
    ship,
    transfer,
)
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins, outcomes
from tests.world import Counters

OK, CONFLICT = Outcome.OK, Outcome.CONFLICT
ONE = receive("A-1", "north", 1)

SKUS = [
    Case("new", define_sku("C-3"), OK),
    Case("again", define_sku("A-1"), OK, given=[ONE]),
    Case("other decimals before the first cell", define_sku("A-1", 2), OK),
    Case("other decimals after it", define_sku("A-1", 2), CONFLICT, {"A-1@north": Counters(on_hand=1)}, given=[ONE]),
    Case(
        "other decimals, the cell being empty", define_sku("A-1", 2), CONFLICT, given=[ONE, adjust("A-1", "north", -1)]
    ),
    Case("four decimals", define_sku("C-3", 4), Outcome.INVALID_QUANTITY),
    Case("negative decimals", define_sku("C-3", -1), Outcome.INVALID_QUANTITY),
    Case("archived", archived(define_sku("A-1")), OK),
    Case("archived twice", archived(define_sku("A-1")), OK, given=[archived(define_sku("A-1"))]),
    Case("archived with stock", archived(define_sku("A-1")), CONFLICT, given=[ONE]),
    Case("archived with goods on their way", archived(define_sku("A-1")), CONFLICT, given=[expect("A-1", "north", 1)]),
    Case(
        "archived with units held of a floor",
        archived(define_sku("A-1")),
        CONFLICT,
        given=[configure("A-1", "north", floor=1), reserve("A-1", 1, "north")],
    ),
    Case(
        "archived with nothing left",
        archived(define_sku("A-1")),
        OK,
        given=[ONE, configure("A-1", "north", safety_stock=1), sell("A-1", "north", 1)],
    ),
    Case("archived, never defined", archived(define_sku("C-3")), Outcome.UNKNOWN_SKU),
    Case("back from the archive", [define_sku("A-1"), ONE], OK, given=[archived(define_sku("A-1"))]),
    Case(
        "back from the archive with other decimals, its cell still there",
        define_sku("A-1", 1),
        CONFLICT,
        given=[ONE, sell("A-1", "north", 1), archived(define_sku("A-1"))],
    ),
]

WAREHOUSES = [
    Case("new", [define_warehouse("west"), receive("A-1", "west", 1)], OK, {"A-1@west": Counters(on_hand=1)}),
    Case("again, as another kind", define_warehouse("north", 7, WarehouseKind.PICKUP), OK, given=[ONE]),
    Case("archived", archived(define_warehouse("north")), OK),
    Case("archived with stock", archived(define_warehouse("north")), CONFLICT, given=[ONE]),
    Case(
        "archived with goods on their way",
        archived(define_warehouse("south")),
        CONFLICT,
        given=[ONE, ship("A-1", "north", "south", 1)],
    ),
    Case(
        "archived with nothing left",
        archived(define_warehouse("north")),
        OK,
        given=[ONE, transfer("A-1", "north", "south", 1)],
    ),
    Case("archived, never defined", archived(define_warehouse("west")), Outcome.UNKNOWN_WAREHOUSE),
    Case("back from the archive", [define_warehouse("north"), ONE], OK, given=[archived(define_warehouse("north"))]),
]

CHANNELS = [
    Case("new", [*define_channel("fax"), ONE, sell("A-1", "north", 1, "fax")], OK),
    Case(
        "with an unknown warehouse", define_channel("fax", ["west"]), [Outcome.GROUP_FAILED, Outcome.UNKNOWN_WAREHOUSE]
    ),
    Case(
        "changed in vain keeps its old list",
        [*define_channel("till", ["north", "west"]), reserve("A-1", 1, channel="till")],
        [Outcome.GROUP_FAILED, Outcome.GROUP_FAILED, Outcome.UNKNOWN_WAREHOUSE, OK],
        {"A-1@south": Counters(on_hand=1, reserved=1)},
        given=[receive("A-1", "south", 1), ONE],
    ),
    Case(
        "a new list takes the place of the old one",
        [*define_channel("till", ["north"]), reserve("A-1", 1, channel="till"), reserve("A-1", 1, channel="till")],
        [OK, OK, OK, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": Counters(on_hand=1, reserved=1), "A-1@south": Counters(on_hand=1)},
        given=[receive("A-1", "south", 1), ONE],
    ),
    Case(
        "from all to a list and back",
        [*define_channel("web"), reserve("A-1", 1, channel="web")],
        OK,
        {"A-1@north": Counters(on_hand=1, reserved=1)},
        given=[ONE, define_channel("web", ["south"])],
    ),
    Case(
        "a place for a channel that is not known",
        row(Kind.DEFINE_CHANNEL_WAREHOUSE, channel="fax", warehouse="north"),
        Outcome.UNKNOWN_CHANNEL,
    ),
    Case("archived", archived(define_channel("till")[0]), OK),
    Case("archived, never defined", archived(define_channel("fax")[0]), Outcome.UNKNOWN_CHANNEL),
    Case("back from the archive", define_channel("till"), OK, given=[archived(define_channel("till")[0])]),
]


@pytest.mark.parametrize(**table(SKUS))
def test_define_sku(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(WAREHOUSES))
def test_define_warehouse(case: Case) -> None:
    check_twice(case)


@pytest.mark.parametrize(**table(CHANNELS))
def test_define_channel(case: Case) -> None:
    check_twice(case)


def test_an_archived_place_is_left_out_of_its_channels() -> None:
    twins = Twins.furnished()
    twins.send(define_channel("market", ["north", "south"]), receive("A-1", "south", 1))
    twins.send(archived(define_warehouse("north")))
    assert outcomes(twins.send(reserve("A-1", 1, channel="market"))) == [OK]


def test_definitions_move_nothing() -> None:
    twins = Twins.furnished()
    assert twins.model.movements == []
    assert len(twins.world.decide(define_sku("C-3"), define_warehouse("west"), define_channel("fax")).movements) == 0
