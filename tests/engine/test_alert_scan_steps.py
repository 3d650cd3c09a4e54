"""A state that another policy of alerts left: what is still to be judged is looked through from where that stopped."""

import numpy as np
import pytest

from engine.kernels.alerts import scan_alerts
from engine.kinds import Kind
from engine.layout import ALERT_POLICY, COMMAND
from engine.record import Record, RecordKind
from engine.shard import Decision, Shard
from engine.state import ALERTS_JUDGED, ALERTS_SCANNED, RAISED, TOUCHED_N, WATCHED
from tests.builders import configure, receive, sell
from tests.engine.test_alerts import ROOMY, copied
from tests.world import START_MS, World

RAISE, CLEAR = int(Kind.ALERT_RAISED), int(Kind.ALERT_CLEARED)
DUE = [RAISE, 0, 0, RAISE, CLEAR, CLEAR, 0]
"""what is due of each cell"""
BEFORE = [0, 0, WATCHED, 0, RAISED, RAISED | WATCHED, RAISED]
AFTER = [RAISED | WATCHED, WATCHED, 0, RAISED | WATCHED, WATCHED, 0, RAISED | WATCHED]


def old_states(scanned: int, count: int = 1) -> list[Shard]:
    """Seven cells with marks of another policy, of which the first `scanned` are judged by ours already."""
    world = World.furnished(ROOMY)
    for sku, points in {"A-1": (5, 4, 0), "B-2": (5, 4, 0), "NUTS": (5,)}.items():
        for place, point in zip(("north", "south", "bin"), points, strict=False):
            world.send(receive(sku, place, 5))
            if point:
                world.send(configure(sku, place, reorder_point=point))
    shards = [Shard.from_arrays(world.limits, copied(world.shard)) for _ in range(count)]
    for shard in shards:
        shard._state.cells["next"][1:8] = BEFORE
        make_old(shard, scanned)
    return shards


def make_old(shard: Shard, scanned: int) -> None:
    marks = shard._state.marks
    marks[ALERTS_JUDGED], marks[ALERTS_SCANNED] = ALERT_POLICY + 1, scanned


def decide_nothing(shard: Shard) -> Decision:
    return shard.decide(np.zeros(0, COMMAND), np.empty(0, np.uint8), now_ms=START_MS, seq=shard.seq + 1)


@pytest.mark.parametrize("scanned", [0, 1, 3, 5, 6])
def test_what_is_left_is_judged_and_the_fold_comes_to_the_same(scanned: int) -> None:
    shard, folded = old_states(scanned, 2)
    assert shard.scan_due
    decision = decide_nothing(shard)
    assert decision.movements["kind"].tolist() == [kind for kind in DUE[scanned:] if kind]
    assert decision.changed
    folded.apply(Record(RecordKind.BATCH, 0, 0, shard.seq, 1, START_MS, movements=decision.movements))
    for each in (shard, folded):
        assert each.cells["next"].tolist() == BEFORE[:scanned] + AFTER[scanned:]
        assert not each.scan_due
        assert each._state.marks[ALERTS_SCANNED] == 0
    assert shard.state_hash() == folded.state_hash()
    assert not decide_nothing(shard).changed


def test_a_shard_without_cells_has_nothing_to_look_through_and_one_with_a_single_cell_has() -> None:
    assert not decide_nothing(Shard(ROOMY)).changed
    world = World.furnished(ROOMY)
    make_old(world.shard, 0)
    assert not decide_nothing(world.shard).changed
    world = World.furnished(ROOMY)
    world.send(receive("A-1", "north", 1))
    make_old(world.shard, 0)
    assert decide_nothing(world.shard).changed


def test_what_rules_without_alerts_moved_is_not_judged_by_the_next_batch() -> None:
    world = World.furnished(ROOMY)
    world.send(receive("A-1", "north", 9), configure("A-1", "north", reorder_point=3))
    rows, heap = world.encode([sell("A-1", "north", 8)])
    decision = world.shard.decide(rows, heap, now_ms=START_MS, seq=world.next_seq, rules=1)
    assert decision.movements["kind"].tolist() == [Kind.SELL]
    rows, heap = world.encode([receive("B-2", "north", 1)])
    decision = world.shard.decide(rows, heap, now_ms=START_MS, seq=world.next_seq + 1)
    assert decision.movements["kind"].tolist() == [Kind.RECEIVE]


FULL_AT = [(9, 8, [1, 4, 5, 6]), (4, 7, [1, 4, 5, 6]), (3, 6, [1, 4, 5]), (1, 2, [1]), (0, 1, [])]


@pytest.mark.parametrize(("room", "stopped", "found"), FULL_AT)
def test_a_scan_stops_where_the_list_of_what_is_due_is_full(room: int, stopped: int, found: list[int]) -> None:
    (shard,) = old_states(0)
    marks, touched = shard._state.marks, shard._state.touched
    begin = len(touched) - room
    marks[TOUCHED_N] = begin
    assert scan_alerts(shard._memory, 1, 8) == stopped
    assert marks[TOUCHED_N] == begin + len(found)
    assert touched[begin : begin + len(found)].tolist() == found
