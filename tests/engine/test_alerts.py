"""Reorder alerts: said once when a cell's position falls to its reorder point, and once when it is well above again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.kinds import Flag, Kind, Setting
from engine.layout import ALERT_SCAN_CELLS, COMMAND, NO_ROW, NO_WAREHOUSE, Limits
from engine.record import Record, RecordKind
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
from tests.world import START_MS, World

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


# States from before there were alerts, and other policies: every cell is looked through.

PLACES = 100
HALF = ALERT_SCAN_CELLS // 2 // PLACES * PLACES


class Bare:
    """A shard of very many cells, written by numbers."""

    def __init__(self, skus: int) -> None:
        self.shard = Shard(Limits(cells_max=1 << 18, skus_max=1 << 12, ids_max=1 << 20, sources_max=16))
        self.records: list[Record] = []
        self._ids = 0
        self.send(self.rows(Kind.DEFINE_WAREHOUSE, PLACES, warehouse=np.arange(PLACES), place_kind=1))
        self.send(self.rows(Kind.DEFINE_SKU, skus, sku_key=1 + np.arange(skus)))
        self.skus = skus

    def rows(self, kind: Kind, count: int, **columns: object) -> np.ndarray:
        rows = np.zeros(count, COMMAND)
        rows["kind"], rows["warehouse"] = kind, NO_WAREHOUSE
        rows["id_lo"] = 1 + self._ids + np.arange(count, dtype=np.uint64)
        rows["id_hi"] = rows["content"] = 7
        self._ids += count
        for name, values in columns.items():
            rows[name] = values
        return rows

    def on_cells(self, kind: Kind, **columns: object) -> np.ndarray:
        """A row for each cell."""
        cells = np.arange(self.skus * PLACES)
        return self.rows(kind, len(cells), sku_key=1 + cells // PLACES, warehouse=cells % PLACES, **columns)

    def send(self, rows: np.ndarray, rules: int = 1) -> Sequence[int]:
        """In batches; gives how many movements each made."""
        moved = []
        for begin in range(0, max(len(rows), 1), 16_384):
            part, heap = rows[begin : begin + 16_384], np.empty(0, np.uint8)
            seq = self.shard.seq + 1
            decision = self.shard.decide(part, heap, now_ms=START_MS, seq=seq, rules=rules)
            moved.append(len(decision.movements))
            if decision.changed:
                self.records.append(
                    Record(
                        RecordKind.BATCH, 0, 0, seq, 1, START_MS, rules, id_window_ms=self.shard.id_window_ms,
                        rows=part, results=decision.results, movements=decision.movements, heap=heap,
                    )
                )  # fmt: skip
        return moved


@pytest.fixture(scope="module")
def old() -> Bare:
    """98,300 cells, of which the later half is at its reorder point, decided by rules without alerts."""
    bare = Bare(3 * ALERT_SCAN_CELLS // 2 // PLACES)
    cells = bare.skus * PLACES
    stock = np.where(np.arange(cells) < HALF, 9000, 5000)
    bare.send(bare.on_cells(Kind.RECEIVE, quantity=stock))
    bare.send(bare.on_cells(Kind.CONFIGURE, line=int(Setting.REORDER_POINT), unit_price=5000))
    return bare


def without_watch(shard: Shard) -> Shard:
    """As a snapshot of an earlier version gives it."""
    arrays = copied(shard)
    arrays["cells"]["next"] = 0
    return Shard.from_arrays(shard.limits, arrays)


def test_rules_without_alerts_say_nothing_and_their_state_has_the_hash_that_it_had(old: Bare) -> None:
    assert not any((record.movements["kind"] >= Kind.ALERT_RAISED).any() for record in old.records)
    earlier = without_watch(old.shard)
    assert earlier.state_hash() == old.shard.state_hash()
    assert earlier.scan_due


def test_an_old_state_is_looked_through_a_part_at_a_time_and_the_fold_and_the_decision_agree(old: Bare) -> None:
    shard, folded, again = without_watch(old.shard), Shard(old.shard.limits), Shard(old.shard.limits)
    for record in old.records:
        folded.apply(record)
        again.decide(record.rows, record.heap, now_ms=record.now_ms, seq=record.seq, rules=record.rules)
    nothing, heap, found = np.zeros(0, COMMAND), np.empty(0, np.uint8), []
    while shard.scan_due:
        seq = shard.seq + 1
        decision = shard.decide(nothing, heap, now_ms=START_MS, seq=seq)
        assert decision.changed
        found.append(len(decision.movements))
        folded.apply(Record(RecordKind.BATCH, 0, 0, seq, 1, START_MS, movements=decision.movements))
        same = again.decide(nothing, heap, now_ms=START_MS, seq=seq)
        assert same.movements.tobytes() == decision.movements.tobytes()
        assert shard.state_hash() == folded.state_hash() == again.state_hash()
    cells = old.skus * PLACES
    assert found == [ALERT_SCAN_CELLS - HALF, cells - ALERT_SCAN_CELLS]
    assert not shard.decide(nothing, heap, now_ms=START_MS, seq=shard.seq + 1).changed
    watch = shard.cells["next"]
    assert (watch == folded.cells["next"]).all()
    assert watch.tolist() == [WATCHED] * HALF + [WATCHED | RAISED] * (cells - HALF)


def test_rows_that_come_before_all_is_looked_through_are_judged_at_once(old: Bare) -> None:
    shard = without_watch(old.shard)
    row = np.zeros(1, COMMAND)
    row["kind"], row["id_lo"], row["sku_key"], row["flags"] = Kind.ADJUST, 1 << 40, 1, Flag.SET_TO
    row["quantity"] = 4000
    decision = shard.decide(row, np.empty(0, np.uint8), now_ms=START_MS, seq=shard.seq + 1)
    kinds = decision.movements["kind"].tolist()
    assert kinds == [Kind.ADJUST] + [Kind.ALERT_RAISED] * (1 + ALERT_SCAN_CELLS - HALF)
    named = decision.movements[["sku_key", "warehouse"]][1:].tolist()
    assert len(set(named)) == len(named)
