"""What is over is forgotten, its place is used again, and nothing of what was there before is left in it."""

import random
from dataclasses import replace

import pytest

from engine.layout import Limits
from engine.outcomes import Outcome
from engine.state import IDS_FORGOTTEN, IDS_MADE
from tests.builders import confirm, expect, extend, fulfil, receive, release, reserve, sell, together
from tests.engine.test_seeded_histories import ROOMY
from tests.rows import Row
from tests.world import World

WINDOW_MS = 60_000
LIMITS = Limits(
    skus_max=16, cells_max=16, ids_max=4096, reservations_max=4, lines_max=12, sources_max=2,
    warehouses_max=8, channels_max=4, clients_max=8, id_window_ms=WINDOW_MS,
)  # fmt: skip


def stocked(limits: Limits = LIMITS) -> World:
    world = World.furnished(limits)
    world.send(receive("A-1", "north", 50), receive("B-2", "north", 50))
    return world


def test_a_reservation_in_a_place_that_was_used_before_begins_from_nothing() -> None:
    world = stocked()
    for turn in range(4):
        first = together(reserve("A-1", 3), reserve("B-2", 2), reserve("A-1", 1))
        others = [reserve("A-1", 1, ttl_s=5) for _ in range(3)]
        decision = world.decide(first, *others)
        assert set(decision.results["outcome"].tolist()) == {Outcome.OK}
        assert decision.lines["fulfilled"].tolist() == decision.lines["released"].tolist() == [0] * len(decision.lines)
        assert decision.lines["requested"].tolist()[:3] == [3, 2, 1]
        assert world.outcomes(reserve("A-1", 1)) == [Outcome.LIMIT_EXCEEDED]
        settled = world.decide(confirm(first[0]), fulfil(first[0], 0, 1), release(first[0]))
        assert settled.results["quantity"].tolist() == [6, 1, 5]
        assert [line["released"] for line in settled.lines[-3:]] == [2, 2, 1]
        world.send(at_ms=world.now_ms + 5000)
        assert world.shard.counts["deadlines"] == 0
        world.send(receive("B-2", "south", 1), at_ms=world.now_ms + WINDOW_MS + 1)
        assert world.shard.counts["reservations"] == 4
        assert world.shard.counts["lines"] <= 12
        assert world.stock("A-1", "north").on_hand == 50 - 1 - turn
    assert world.stock("A-1", "north").reserved == 0


def test_a_closed_reservation_is_known_through_the_window_and_not_after() -> None:
    world = stocked()
    held = reserve("A-1", 1)
    world.send(held)
    world.send(release(held))
    world.send(receive("A-1", "north", 1), at_ms=world.now_ms + WINDOW_MS)
    assert world.outcomes(confirm(held)) == [Outcome.RESERVATION_CLOSED]
    world.send(receive("A-1", "north", 1), at_ms=world.now_ms + 1)
    assert world.outcomes(confirm(held)) == [Outcome.UNKNOWN_RESERVATION]
    again = replace(held, issued_at_ms=world.now_ms)
    assert world.outcomes(again) == [Outcome.OK]


def test_an_id_is_known_through_the_window_and_its_place_is_used_again() -> None:
    world = stocked(replace(LIMITS, ids_max=2 * 4096))
    # As if so many had come and gone before: the ring is about to begin anew.
    world.shard._state.marks[IDS_MADE] = world.shard._state.marks[IDS_FORGOTTEN] = 4 * 4096 - 3
    first = [sell("A-1", "north", 1) for _ in range(6)]
    world.send(first)
    assert world.shard.counts["ids"] == 6
    world.send(first, at_ms=world.now_ms + WINDOW_MS)
    assert world.stock("A-1", "north").on_hand == 44
    other = sell("A-1", "north", 1)
    world.send(other, at_ms=world.now_ms + 1)
    assert world.shard.counts["ids"] == 4  # the last three and this one lie in a newer block
    world.send(first[:2])
    assert world.stock("A-1", "north").on_hand == 41
    world.send(other)
    assert world.stock("A-1", "north").on_hand == 41
    world.send(sell("B-2", "north", 1), at_ms=world.now_ms + WINDOW_MS + 1)
    assert world.shard.counts["ids"] == 7  # a block is as young as its newest


def test_an_id_that_comes_again_after_the_window_is_new_and_known_from_then_on() -> None:
    world = stocked()
    sale, late = sell("A-1", "north", 1), sell("A-1", "north", 1)
    world.send(sale)
    world.send(late, at_ms=world.now_ms + WINDOW_MS)
    # Its block has a newer one in it, so it is still there; but that one is over as well now.
    world.send(sale, at_ms=world.now_ms + WINDOW_MS + 1)
    assert world.stock("A-1", "north").on_hand == 47
    assert world.outcomes(sale, sale) == [Outcome.OK] * 2
    assert world.stock("A-1", "north").on_hand == 47
    assert world.outcomes(replace(sale, quantity=2000)) == [Outcome.ID_REUSED]


def test_sources_come_and_go_in_the_same_places() -> None:
    world = stocked()
    for n in range(6):
        pairs = [("A-1", f"po-{n}", 5), ("B-2", f"po-{n}", 3)]
        assert world.outcomes(expect(sku, "north", units, source) for sku, source, units in pairs) == [Outcome.OK] * 2
        assert world.outcomes(expect("A-1", "north", 1, "one too many")) == [Outcome.LIMIT_EXCEEDED]
        assert (world.stock("A-1", "north").incoming, world.stock("B-2", "north").incoming) == (5, 3)
        world.send(receive("A-1", "north", 4, source=f"po-{n}"), expect("B-2", "north", -3, f"po-{n}"))
        assert world.outcomes(expect("B-2", "north", -1, f"po-{n}")) == [Outcome.INVALID_QUANTITY]
        world.send(receive("A-1", "north", 4, source=f"po-{n}"))
        assert (world.stock("A-1", "north").incoming, world.stock("B-2", "north").incoming) == (0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_deadlines_come_in_order_whatever_was_set_moved_and_dropped(seed: int) -> None:
    chance = random.Random(seed)
    world = stocked(ROOMY)
    due: dict[Row, int] = {}
    for _ in range(60):
        sort = chance.random()
        if sort < 0.55 or not due:
            row = reserve("A-1", 1, ttl_s=chance.randrange(1, 500))
            if world.outcomes(row) == [Outcome.OK]:
                due[row] = world.now_ms + row.ttl_s * 1000
        else:
            row = chance.choice(list(due))
            if sort < 0.75:
                ttl_s = chance.randrange(1, 900)
                world.send(extend(row, ttl_s))
                due[row] = max(due[row], world.now_ms + ttl_s * 1000)
            else:
                world.send(chance.choice((confirm, release))(row))
                del due[row]
        heap = world.shard._state.deadlines[1 : len(due) + 1]["at_ms"].tolist()
        assert sorted(heap) == sorted(due.values())
        assert all(heap[place // 2 - 1] <= heap[place - 1] for place in range(2, len(heap) + 1))
        assert world.shard.next_due_ms() == min(due.values(), default=0)
    for at_ms in sorted(set(due.values())):
        decision = world.decide(at_ms=at_ms)
        assert len(decision.movements) == list(due.values()).count(at_ms)
