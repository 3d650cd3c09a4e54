"""Linear hashing beside a dict: whatever is linked is found, and the buckets stay as they are promised to be."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

from engine.kernels.table import bucket_of, find, give_back, link, probable, spread, take, unlink
from engine.state import FREE, LINKED, MASK, SPILL_FREE, SPILL_USED, SPLIT, TABLE_COLUMNS, USED

RECORD = np.dtype([("key", "<i8"), ("next", "<i8")])
BITS = (1 << 64) - 1
MIX = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
ENTRIES, LINK = 7, 7


def key_with(h: int, other: int = 0) -> int:
    """A key whose 32 bits of hash are `h`; another one for each `other`."""
    mixed = h << 32 | other
    for factor in reversed(MIX):
        mixed = mixed * pow(factor, -1, 1 << 64) & BITS
        mixed ^= mixed >> 33
    return mixed - (1 << 64) if mixed >> 63 else mixed


class Table:
    """A table of at most `most` buckets, that begins with two, beside a dict of the same."""

    def __init__(self, room: int = 400, most: int = 16) -> None:
        self.records = np.zeros(room + 1, RECORD)
        self.buckets, self.spill = np.zeros((most, 8), np.uint64), np.zeros((200, 8), np.uint64)
        self.table = np.zeros(TABLE_COLUMNS, np.int64)
        self.table[USED], self.table[MASK] = 1, 1
        self.most = most
        self.slots: dict[int, int] = {}

    def add(self, key: int) -> None:
        slot = take(self.records, self.table, len(self.records))
        assert slot > 0
        assert slot not in self.slots.values()
        self.records["key"][slot] = key
        before = self.size
        link(self.buckets, self.spill, self.table, slot, key, self.most)
        self.slots[key] = slot
        crowded = 2 * len(self.slots) > 7 * before and before < self.most
        assert self.size == before + crowded  # one bucket more when there are more than 3.5 entries for each

    def remove(self, key: int) -> None:
        slot = self.slots.pop(key)
        unlink(self.buckets, self.spill, self.table, slot, key)
        give_back(self.records, self.table, slot)

    def slot_of(self, key: int) -> int:
        return int(find(self.records, self.buckets, self.spill, self.table, key))

    @property
    def size(self) -> int:
        """Buckets in use."""
        return int(self.table[MASK] + 1 + self.table[SPLIT])

    def check(self) -> None:
        """Every key is found, in its own bucket or what that spills into, and no entry stands behind a gap."""
        entries: dict[int, int] = {}
        in_use = set()
        for bucket in range(len(self.buckets)):
            at, row = 0, self.buckets[bucket]
            while True:
                words = [int(word) for word in row[:ENTRIES]]
                assert all(words[: sum(map(bool, words))])
                for word in filter(None, words):
                    assert int(bucket_of(self.table, word >> 32)) == bucket
                    entries[word & 0xFFFFFFFF] = word >> 32
                at = int(row[LINK])
                if not at:
                    break
                assert at not in in_use
                in_use.add(at)
                row = self.spill[at]
        assert entries == {slot: int(spread(key)) for key, slot in self.slots.items()}
        assert {key: self.slot_of(key) for key in self.slots} == self.slots
        assert self.table[LINKED] == len(self.slots)
        free, at = set(), int(self.table[SPILL_FREE])
        while at:
            assert at not in free
            assert not self.spill[at, :ENTRIES].any()
            free.add(at)
            at = int(self.spill[at, LINK])
        assert free | in_use == set(range(1, int(self.table[SPILL_USED]) + 1))
        assert not free & in_use


def test_keys_are_spread_as_the_finaliser_of_murmur_does() -> None:
    for h in (0, 1, 0x12345678, 0xFFFFFFFF):
        assert [int(spread(key_with(h, other))) for other in (0, 1, 99, 0xFFFFFFFF)] == [h] * 4
    assert int(spread(1)) == 0xB456BCFC


@pytest.mark.parametrize("seed", range(4))
def test_a_table_is_a_dict(seed: int) -> None:
    chance = random.Random(seed)
    table = Table(most=16 if seed % 2 else 64)
    for step in range(160):
        if table.slots and chance.random() < 0.35:
            table.remove(chance.choice(list(table.slots)))
        else:
            table.add(chance.choice((chance.randrange(1 << 40), key_with(chance.randrange(1 << 32) & ~7, step))))
        if step % 16 == 0:
            table.check()
    table.check()
    assert table.slot_of(-5) == 0
    for key in list(table.slots):
        table.remove(key)
        assert table.slot_of(key) == 0
    table.check()


@pytest.mark.parametrize("removed", [range(20), range(19, -1, -1), range(0, 20, 3), (7, 8, 13, 14, 6, 0)])
def test_one_bucket_that_spills_keeps_all_and_gives_its_room_back(removed: Any) -> None:
    table = Table(most=2)
    keys = [key_with(2 * n << 8) for n in range(1, 21)]
    for key in keys:
        table.add(key)
        table.check()
    spilled = int(table.table[SPILL_USED])
    assert spilled == 2  # seven entries in line, seven and six behind
    for place in removed:
        table.remove(keys[place])
        assert table.slot_of(keys[place]) == 0
        table.check()
    for place in removed:
        table.add(keys[place])
    table.check()
    assert table.table[SPILL_USED] <= spilled + 1


def test_keys_of_the_same_hash_are_told_apart() -> None:
    table = Table(most=2)
    twins = [key_with(0xABCD0000, other) for other in range(17)]
    for key in twins:
        assert table.slot_of(key) == 0
        table.add(key)
        table.check()
    assert table.slot_of(key_with(0xABCD0000, 99)) == 0
    for key in twins[::2]:
        table.remove(key)
        assert table.slot_of(key) == 0
        table.check()


def test_a_key_whose_hash_is_not_there_is_looked_for_in_the_spill_too() -> None:
    table = Table(most=2)
    keys = [key_with(2 * n) for n in range(1, 20)]
    for key in keys:
        table.add(key)
    for missing in (0, 50, 52):
        assert table.slot_of(key_with(missing)) == 0
    assert [int(probable(table.buckets, table.table, key)) for key in keys[:7]] == [
        table.slots[key] for key in keys[:7]
    ]
    assert int(probable(table.buckets, table.table, keys[10])) == 0


def test_a_split_sends_each_entry_where_it_belongs_and_takes_spilled_ones_back_in_line() -> None:
    table = Table(most=64)
    counts: Counter[int] = Counter()
    for n in range(1, 120):
        table.add(key_with(n << 1 if n < 60 else n << 10))
        table.check()
        counts = Counter(int(bucket_of(table.table, int(spread(key)))) for key in table.slots)
        in_line = {bucket: int(np.count_nonzero(table.buckets[bucket, :ENTRIES])) for bucket in counts}
        assert in_line == {bucket: min(count, ENTRIES) for bucket, count in counts.items()}
    assert max(counts.values()) > 3 * ENTRIES


def test_slots_come_in_order_then_the_last_given_back_first_and_end_with_the_table() -> None:
    table = Table(room=3)
    taken = [int(take(table.records, table.table, 4)) for _ in range(4)]
    assert taken == [1, 2, 3, 0]
    assert table.table[USED] == 4
    for slot in (2, 1, 3):
        give_back(table.records, table.table, slot)
    assert table.table[FREE] == 3
    assert [int(take(table.records, table.table, 4)) for _ in range(4)] == [3, 1, 2, 0]
