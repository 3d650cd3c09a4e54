"""Which commands of a request may go side by side, what each is about, and which shards a step concerns."""

from collections.abc import Sequence

import numpy as np
import pytest

from actors.routing import Units
from actors.spanning import (
    Held,
    Key,
    concerned,
    named_reservations,
    rounds_of,
    settled_reservations,
    settling_ids,
    touched_by,
    whole_state,
)
from engine.kinds import Flag, Kind, ReservationState
from engine.layout import COMMAND, LINE, NO_LINE, NO_WAREHOUSE, SPANS
from engine.wire import Array

CONFIRMED, EXPIRED, HELD = ReservationState.CONFIRMED, ReservationState.EXPIRED, ReservationState.HELD
PREPARED, FULFILLED, RELEASED = ReservationState.PREPARED, ReservationState.FULFILLED, ReservationState.RELEASED
MOST_TELLING_FIRST = [CONFIRMED, EXPIRED, HELD, PREPARED, FULFILLED, RELEASED]


def rows_of(*specs: dict[str, int]) -> Array:
    rows = np.zeros(len(specs), COMMAND)
    rows["line"], rows["warehouse"] = NO_LINE, NO_WAREHOUSE
    for row, spec in zip(rows, specs, strict=True):
        for name, value in spec.items():
            row[name] = value
    return rows


def units_of(*lengths: int, spanning: Sequence[bool] = ()) -> Units:
    ends = np.cumsum(lengths)
    return Units(ends - np.array(lengths), ends, np.array(spanning or [True] * len(lengths)))


def part(shard: int, state: ReservationState, *lines: tuple[int, int], sku: int = 0) -> Held:
    """`lines`: (number, warehouse)."""
    own = np.zeros(len(lines), LINE)
    own["sku_key"] = sku
    for row, (number, warehouse) in zip(own, lines, strict=True):
        row["line"], row["warehouse"] = number, warehouse
    return Held(shard, state, 0, own)


@pytest.mark.parametrize("at", range(len(MOST_TELLING_FIRST)))
def test_a_reservation_is_in_the_state_of_its_most_telling_part(at: int) -> None:
    assert whole_state(MOST_TELLING_FIRST[at:][::-1]) == MOST_TELLING_FIRST[at]


def test_what_no_shard_holds_is_in_no_state() -> None:
    assert whole_state([]) == ReservationState.NONE


SETTLING = rows_of(
    {"kind": Kind.RESERVE, "reservation": 1, "partition": SPANS | 5},
    {"kind": Kind.CONFIRM, "reservation": 2, "partition": 5},
    {"kind": Kind.RELEASE, "reservation": 6, "partition": SPANS | 5},
    {"kind": Kind.EXTEND, "reservation": 3, "partition": SPANS},
    {"kind": Kind.FULFIL, "reservation": 4, "partition": SPANS | 5, "flags": Flag.CONTINUES | Flag.REPLACES},
    {"kind": Kind.RELEASE, "reservation": 6, "partition": SPANS | 5, "flags": Flag.WANT_LINES},
    {"kind": Kind.SELL, "reservation": 7, "partition": 0},
)


def test_reservations_are_looked_up_once_each_and_only_those_that_a_step_is_about() -> None:
    assert settled_reservations(SETTLING) == [3, 4, 6]
    assert named_reservations(SETTLING) == [2, 3, 4, 6]


def test_a_step_s_id_is_looked_up_where_it_has_one_and_several_shards_may_know_it() -> None:
    assert settling_ids(SETTLING) == [2, 3, 5]


def test_a_unit_is_about_its_goods_and_a_step_about_its_reservation_and_all_goods_in_it() -> None:
    rows = rows_of(
        {"kind": Kind.RELEASE, "reservation": 6, "sku_key": 90},
        {"kind": Kind.RESERVE, "reservation": 8, "sku_key": 11},
        {"kind": Kind.SELL, "sku_key": 11},
        {"kind": Kind.SELL, "sku_key": 12},
        {"kind": Kind.CONFIRM, "reservation": 9},
    )
    holdings = {6: [part(0, HELD, (0, 0), (1, 0), sku=13), part(1, HELD, (2, 0), sku=14)]}
    assert touched_by(rows, units_of(2, 2, 1), holdings) == [
        {("reservation", 6), ("sku", 13), ("sku", 14), ("sku", 11)},
        {("sku", 11), ("sku", 12)},
        {("reservation", 9)},
    ]


def of(*skus: str) -> set[Key]:
    return {("sku", ord(sku)) for sku in skus}


@pytest.mark.parametrize(
    ("units", "rounds"),
    [
        ([("a", False), ("a", False), ("b", False)], [[0, 1, 2]]),
        ([("ab", True), ("cd", True), ("e", False)], [[0, 1, 2]]),
        ([("ab", True), ("b", False), ("b", False), ("c", False)], [[0, 3], [1, 2]]),
        ([("a", False), ("ab", True), ("c", False)], [[0, 1, 2]]),
        ([("ab", True), ("bc", True), ("cd", True), ("a", False)], [[0], [1, 3], [2]]),
        ([("ab", True), ("c", False), ("ca", False), ("c", True), ("c", False)], [[0, 1], [2, 3], [4]]),
        ([("ab", True), ("", False)], [[0, 1]]),
        ([], []),
    ],
)
def test_nothing_is_decided_beside_an_earlier_command_over_shards_on_the_same_goods(
    units: list[tuple[str, bool]], rounds: list[list[int]]
) -> None:
    spanning = [spans for _, spans in units]
    touched = [of(*skus) for skus, _ in units]
    assert rounds_of(units_of(*[1] * len(units), spanning=spanning), touched) == rounds


PARTS = [
    part(0, HELD, (0, 5), (2, 6)),
    part(1, EXPIRED, (1, 6)),
    part(2, RELEASED, (3, 5)),
    part(3, FULFILLED, (4, 6)),
]


@pytest.mark.parametrize(
    ("step", "shards"),
    [
        ({"kind": Kind.CONFIRM}, [0, 1]),
        ({"kind": Kind.EXTEND}, [0, 1]),
        ({"kind": Kind.EXTEND, "line": 3, "warehouse": 5}, [0, 1]),
        ({"kind": Kind.FULFIL}, [0, 1]),
        ({"kind": Kind.RELEASE, "flags": Flag.WANT_LINES}, [0, 1]),
        ({"kind": Kind.RELEASE, "flags": Flag.REPLACES | Flag.HAS_QUANTITY}, [0, 1]),
        ({"kind": Kind.RELEASE, "line": 0}, [0]),
        ({"kind": Kind.RELEASE, "line": 2, "warehouse": 5}, [0]),
        ({"kind": Kind.FULFIL, "line": 1, "flags": Flag.HAS_QUANTITY}, [1]),
        ({"kind": Kind.FULFIL, "line": 3}, [2]),
        ({"kind": Kind.FULFIL, "line": 9}, []),
        ({"kind": Kind.FULFIL, "flags": Flag.HAS_QUANTITY}, []),
        ({"kind": Kind.RELEASE, "warehouse": 6}, [0, 1]),
        ({"kind": Kind.RELEASE, "warehouse": 5}, [0]),
        ({"kind": Kind.FULFIL, "warehouse": 7}, []),
    ],
)
def test_a_step_concerns_the_shards_whose_part_it_is_about(step: dict[str, int], shards: list[int]) -> None:
    assert concerned(rows_of(step)[0], PARTS) == shards
