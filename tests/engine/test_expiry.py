"""Holds end at their deadline, exactly, whoever looks and whatever else is going on."""

import itertools

from engine.kinds import Kind, ReservationState
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from tests.builders import confirm, extend, receive, release, reserve, sell, together
from tests.engine.twins import Twins, outcomes
from tests.world import Counters


def with_stock(*quantities: int) -> Twins:
    twins = Twins.furnished()
    for sku, quantity in zip(("A-1", "B-2"), quantities, strict=False):
        twins.send(receive(sku, "north", quantity))
    return twins


def test_expired_hold_gives_units_back() -> None:
    twins = with_stock(5)
    twins.send(hold := reserve("A-1", 3, ttl_s=10))
    deadline_ms = twins.world.now_ms + 10_000
    twins.send(at_ms=deadline_ms - 1)
    assert twins.world.stock("A-1", "north") == Counters(on_hand=5, reserved=3)
    twins.send(at_ms=deadline_ms)
    assert twins.world.stock("A-1", "north") == Counters(on_hand=5)
    assert twins.world.state_of(hold) == ReservationState.EXPIRED


def test_units_of_a_due_hold_are_there_for_the_batch_that_sees_it_end() -> None:
    twins = with_stock(5)
    twins.send(reserve("A-1", 5, ttl_s=10))
    late = [reserve("A-1", 4, "north"), sell("A-1", "north", 1)]
    assert outcomes(twins.send(late, at_ms=twins.world.now_ms + 10_000)) == [Outcome.OK, Outcome.OK]


def test_a_confirm_in_the_batch_of_the_deadline_comes_too_late() -> None:
    twins = with_stock(5)
    twins.send(hold := reserve("A-1", 5, ttl_s=10))
    results = twins.send(confirm(hold), extend(hold), release(hold), at_ms=twins.world.now_ms + 10_000)
    assert outcomes(results) == [Outcome.RESERVATION_EXPIRED] * 3


def test_expiries_come_first_and_are_nobodys_row() -> None:
    twins = with_stock(5)
    twins.send(reserve("A-1", 2, ttl_s=10))
    twins.send(receive("A-1", "north", 1), at_ms=twins.world.now_ms + 10_000)
    assert [(m.kind, m.row, m.quantity) for m in twins.model.movements] == [
        (Kind.EXPIRE, None, -2),
        (Kind.RECEIVE, 0, 1),
    ]


def test_holds_expire_in_order_of_deadline_then_of_making() -> None:
    twins = with_stock(100)
    start_ms = twins.world.now_ms
    holds = [reserve("A-1", quantity, ttl_s=ttl_s) for quantity, ttl_s in enumerate((30, 10, 20, 10, 30, 20, 10), 1)]
    twins.send(holds)
    twins.send(extend(holds[1], 30))
    twins.send(at_ms=start_ms + 60_000)
    assert [-m.quantity for m in twins.model.movements] == [4, 7, 3, 6, 1, 2, 5]


def test_only_what_remains_expires() -> None:
    twins = with_stock(5, 6)
    rows = together(reserve("A-1", 5, ttl_s=10), reserve("B-2", 6, ttl_s=10))
    twins.send(rows)
    twins.send(release(rows[0], 0, 2), release(rows[0], 1))
    twins.send(at_ms=twins.world.now_ms + 10_000)
    assert [(m.sku, m.quantity) for m in twins.model.movements] == [("A-1", -3)]


def test_confirmed_and_released_holds_never_expire() -> None:
    twins = with_stock(5)
    kept, gone = reserve("A-1", 2, ttl_s=10), reserve("A-1", 1, ttl_s=10)
    twins.send(kept, gone)
    twins.send(confirm(kept), release(gone))
    twins.send(at_ms=twins.world.now_ms + 1_000_000)
    assert twins.model.movements == []
    assert twins.world.stock("A-1", "north") == Counters(on_hand=5, reserved=2)


def test_next_due_is_the_earliest_deadline() -> None:
    twins = with_stock(9)
    start_ms = twins.world.now_ms
    first, second = reserve("A-1", 1, ttl_s=10), reserve("A-1", 1, ttl_s=20)
    twins.send(second, first)
    assert twins.world.shard.next_due_ms() == start_ms + 10_000
    twins.send(confirm(first))
    assert twins.world.shard.next_due_ms() == start_ms + 20_000
    twins.send(extend(second, 50))
    assert twins.world.shard.next_due_ms() == start_ms + 50_000


def test_many_holds_that_end_at_once_all_end() -> None:
    twins = with_stock(3000)
    for _ in range(3):
        twins.send(reserve("A-1", 1, ttl_s=5) for _ in range(100))
    twins.send(at_ms=twins.world.now_ms + 5000)
    assert len(twins.model.movements) == 300
    assert twins.world.stock("A-1", "north") == Counters(on_hand=3000)


def test_deadlines_that_fell_into_a_downtime_move_by_it() -> None:
    twins = with_stock(9)
    world = twins.world
    due, later, kept = (reserve("A-1", 1, ttl_s=ttl_s) for ttl_s in (10, 100, 10))
    world.send(due, later, kept)
    world.send(confirm(kept))
    down_ms = world.now_ms
    opened = Record(RecordKind.OPEN, 0, 0, world.next_seq, 2, down_ms + 60_000, downtime_ms=60_000)
    world.shard.apply(opened)
    world.records.append(opened)
    assert world.shard.next_due_ms() == down_ms + 70_000
    world.send(at_ms=down_ms + 69_999)
    assert world.state_of(due) == ReservationState.HELD
    world.send(at_ms=down_ms + 70_000)
    assert world.state_of(due) == ReservationState.EXPIRED
    assert world.state_of(later) == ReservationState.HELD
    world.send(at_ms=down_ms + 100_000)
    assert world.state_of(later) == ReservationState.EXPIRED
    assert world.state_of(kept) == ReservationState.CONFIRMED


def test_every_order_of_extending_keeps_the_right_deadlines() -> None:
    ttls = (11, 12, 13)
    for order in itertools.permutations(range(3)):
        twins = with_stock(9)
        start_ms = twins.world.now_ms
        holds = [reserve("A-1", 1, ttl_s=5) for _ in ttls]
        twins.send(holds)
        twins.send(extend(holds[n], ttls[n]) for n in order)
        for n in range(3):
            twins.send(at_ms=start_ms + ttls[n] * 1000)
            assert [m.hold for m in twins.model.movements] == [("shop", holds[n].id)]
