"""The state is a fold of the records: replay adds what was decided, and never decides again."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.layout import Limits
from engine.record import Record, RecordKind
from engine.shard import ReplayMismatch, Shard
from tests.builders import (
    adjust,
    archived,
    configure,
    confirm,
    define_channel,
    define_sku,
    define_warehouse,
    expect,
    extend,
    fulfil,
    give_back,
    labelled,
    partly,
    receive,
    release,
    replacing,
    reserve,
    sell,
    settled,
    ship,
    together,
    transfer,
)
from tests.world import World


def busy_world(limits: Limits | None = None) -> World:
    """A world in which every command was used, refused and undone at least once, over several batches."""
    world = World.furnished(limits)
    one, split, late = reserve("A-1", 3), reserve("A-1", 9), reserve("B-2", 1, ttl_s=2)
    group = together(partly("B-2", 50), partly("A-1", 1, "bin"))
    world.send(
        receive("A-1", "north", 8), receive("A-1", "south", 6), receive("B-2", "south", 9), expect("NUTS", "bin", 1)
    )
    world.send(one, split, late, sell("A-1", "south", 50), receive("C-3", "north", 1))
    world.send(group, confirm(one), release(split, 0, 2), one, one)
    world.send(configure("A-1", "north", safety_stock=1, floor=2, reorder_point=3), define_channel("market", ["south"]))
    world.send(at_ms=world.now_ms + 2000)
    world.send(fulfil(one, 0, 2), ship("A-1", "south", "bin", 1, id="truck"), transfer("A-1", "south", "north", 1))
    world.send(receive("A-1", "bin", 1, source="truck"), adjust("A-1", "north", -3), settled("B-2", "north", 2))
    world.send(replacing(split, reserve("A-1", 1)), replacing(one, reserve("A-1", 99)), give_back("A-1", "bin", 1))
    world.send(
        labelled("x", sell("A-1", "south", 1), sell("B-2", "south", 99)), extend(one), archived(define_sku("NUTS"))
    )
    world.send(define_warehouse("south", 0), reserve("A-1", 1), define_sku("C-3", 2), receive("C-3", "north", "0.25"))
    return world


def folded(world: World) -> Shard:
    shard = Shard(world.limits)
    for record in world.records:
        shard.apply(record)
    return shard


def test_the_fold_of_the_records_is_the_decided_state() -> None:
    world = busy_world()
    assert folded(world).state_hash() == world.shard.state_hash()


def test_the_folded_shard_goes_on_like_the_one_that_decided() -> None:
    world = busy_world()
    twin = folded(world)
    rows, heap = world.encode([reserve("A-1", 2), sell("B-2", "south", 1), receive("A-1", "north", 1, source="truck")])
    said = [s.decide(rows, heap, now_ms=world.now_ms + 700_000, seq=world.next_seq) for s in (world.shard, twin)]
    assert said[0].results.tobytes() == said[1].results.tobytes()
    assert said[0].movements.tobytes() == said[1].movements.tobytes()
    assert len(said[0].movements) > 3


def test_a_retry_after_replay_gets_its_position() -> None:
    world = busy_world()
    asked = receive("A-1", "north", 1)
    world.send(asked)
    world.shard = folded(world)
    before = world.stock("A-1", "north")
    assert [int(result["quantity"]) for result in world.send(asked)] == [1]
    assert world.stock("A-1", "north") == before


def test_arrays_there_and_back_are_the_same_shard() -> None:
    world = busy_world()
    twin = Shard.from_arrays(world.limits, world.shard.arrays())
    assert twin.state_hash() == world.shard.state_hash()
    assert (twin.seq, twin.now_ms, twin.next_due_ms()) == (
        world.shard.seq,
        world.shard.now_ms,
        world.shard.next_due_ms(),
    )


def test_arrays_are_read_only_and_a_copy_of_them_is_a_snapshot() -> None:
    world = busy_world()
    arrays, before = world.shard.arrays(), world.shard.state_hash()
    with pytest.raises(ValueError, match="read-only"):
        arrays["cells"].view(np.uint8)[...] = 0
    kept = {name: array.copy() for name, array in arrays.items()}
    world.send(receive("A-1", "north", 5), define_sku("D-4"), reserve("A-1", 1), expect("A-1", "north", 2))
    assert world.shard.state_hash() != before
    assert Shard.from_arrays(world.limits, kept).state_hash() == before


def test_every_prefix_can_be_a_snapshot() -> None:
    world = busy_world()
    shard = Shard(world.limits)
    for record in world.records:
        shard.apply(record)
        shard = Shard.from_arrays(world.limits, shard.arrays())
    assert shard.state_hash() == world.shard.state_hash()


def test_larger_limits_change_nothing_of_the_state() -> None:
    world = busy_world(Limits(cells_max=64, skus_max=8, reservations_max=64, lines_max=256, sources_max=16))
    larger = replace(world.limits, cells_max=4096, skus_max=512, reservations_max=8192, lines_max=1 << 15)
    shard = Shard(larger)
    for record in world.records:
        shard.apply(record)
    assert shard.state_hash() == world.shard.state_hash()
    assert Shard.from_arrays(larger, world.shard.arrays()).state_hash() == world.shard.state_hash()


@pytest.mark.parametrize(
    "change",
    [
        lambda world: receive("A-1", "north", 1),
        lambda world: configure("A-1", "north", order_up_to=1),
        lambda world: expect("A-1", "north", 1, "po-77"),
        lambda world: define_sku("D-4"),
        lambda world: sell("A-1", "west", 1),
    ],
    ids=["a counter", "a setting", "a source", "a name", "a refusal, for its id"],
)
def test_whatever_decides_later_answers_is_in_the_hash(change: Callable[[World], object]) -> None:
    world = busy_world()
    before = world.shard.state_hash()
    world.send([change(world)])  # type: ignore[list-item]
    assert world.shard.state_hash() != before


def test_a_record_out_of_order_is_refused() -> None:
    world = busy_world()
    shard = Shard(world.limits)
    shard.apply(world.records[0])
    with pytest.raises(ReplayMismatch):
        shard.apply(world.records[2])


@pytest.mark.parametrize("name", ["on_hand_delta", "reserved_delta", "on_hand", "reserved", "incoming"])
def test_a_movement_that_does_not_fit_is_noticed(name: str) -> None:
    world = busy_world()
    at = next(i for i, record in enumerate(world.records) if len(record.movements))
    shard = Shard(world.limits)
    for record in world.records[:at]:
        shard.apply(record)
    movements = world.records[at].movements.copy()
    movements[name][0] += 1
    with pytest.raises(ReplayMismatch) as caught:
        shard.apply(replace(world.records[at], movements=movements))
    assert caught.value.seq == world.records[at].seq


def test_opening_and_sealing_records_are_steps_of_the_fold() -> None:
    world = busy_world()
    shard = folded(world)
    for kind in (RecordKind.SEAL, RecordKind.OPEN):
        shard.apply(Record(kind, 0, 0, shard.seq + 1, 2, world.now_ms))
    assert shard.seq == world.next_seq + 1


def test_time_never_goes_back() -> None:
    world = busy_world()
    rows, heap = world.encode([receive("A-1", "north", 1)])
    with pytest.raises(AssertionError):
        world.shard.decide(rows, heap, now_ms=world.now_ms - 1, seq=world.next_seq)
