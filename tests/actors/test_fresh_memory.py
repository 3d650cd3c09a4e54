"""Memory is brought in ahead of a fold: where the fold will write, and no more than it will need."""

from itertools import pairwise

import pytest

from actors import fresh_memory
from actors.fresh_memory import AHEAD_BYTES, FreshMemory
from engine.layout import Limits
from engine.shard import Shard
from tests.actors.histories import history

LIMITS = Limits()
MB = 1 << 20


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(first, behind the last) byte of everything that was asked for; the system is not bothered."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(fresh_memory, "_populate", lambda address, size: found.append((address, address + size)))
    return found


def all_steps(memory: FreshMemory) -> None:
    while memory.step():
        pass


def begun(records: int = 20) -> tuple[Shard, FreshMemory]:
    """A shard with the first of many records folded, and whoever looks ahead for the rest."""
    shard, world = Shard(LIMITS), history(records)
    memory = FreshMemory(shard, last_seq=1_000_000)
    for record in world.records:
        shard.apply(record)
    return shard, memory


def test_tables_that_grow_are_brought_in_behind_what_is_in_use(asked: list[tuple[int, int]]) -> None:
    shard, memory = begun()
    all_steps(memory)
    used, tables = shard.arrays(), shard.tables()
    for name in ("ids", "reservations", "lines"):
        table = tables[name]
        begin = table.ctypes.data
        parts = sorted(part for part in asked if begin <= part[0] < begin + table.nbytes)
        assert parts[0][0] <= begin + used[name].nbytes
        assert begin + used[name].nbytes + MB < parts[-1][1] <= begin + used[name].nbytes + AHEAD_BYTES
        assert all(ahead[1] >= behind[0] for ahead, behind in pairwise(parts)), "a hole"


def test_nothing_is_asked_for_beyond_a_table(asked: list[tuple[int, int]]) -> None:
    shard, memory = begun()
    all_steps(memory)
    spans = [(table.ctypes.data, table.ctypes.data + table.nbytes) for table in shard.tables().values()]
    assert asked
    assert all(any(begin <= first and last <= end for begin, end in spans) for first, last in asked)


def test_what_is_there_is_not_asked_for_again(asked: list[tuple[int, int]]) -> None:
    _, memory = begun()
    all_steps(memory)
    asked.clear()
    assert not memory.step()
    assert asked == []


def test_nothing_is_asked_for_when_the_journal_is_at_its_end(asked: list[tuple[int, int]]) -> None:
    shard, world = Shard(LIMITS), history(20)
    memory = FreshMemory(shard, last_seq=len(world.records))
    for record in world.records:
        shard.apply(record)
    assert not memory.step()
    assert asked == []


def test_the_fold_beside_it_comes_to_the_same_state() -> None:
    world = history(40)
    shard = Shard(world.limits)
    with FreshMemory(shard, last_seq=1_000_000):
        for record in world.records:
            shard.apply(record)
    assert shard.state_hash() == world.shard.state_hash()


def test_a_system_that_cannot_do_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(address: int, size: int) -> None:
        raise OSError(22, "madvise")

    monkeypatch.setattr(fresh_memory, "_populate", refused)
    world = history(20)
    shard = Shard(world.limits)
    with FreshMemory(shard, last_seq=1_000_000):
        for record in world.records:
            shard.apply(record)
    assert shard.state_hash() == world.shard.state_hash()
