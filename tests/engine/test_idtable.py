"""The ring of ids by itself, beside a list: who is remembered, who is over, and whose place is used again."""

from dataclasses import dataclass, field

import pytest

from engine.kernels.idtable import entry_of, find_id, forget_newest, forget_old, ids_room, make_ids_room, remember
from engine.kernels.jit import u64
from engine.layout import Limits
from engine.state import ID_BLOCK, State, make_state

WINDOW_MS = 60_000
LIMITS = Limits(
    skus_max=8, cells_max=8, ids_max=2 * ID_BLOCK, reservations_max=4, lines_max=4, sources_max=4, warehouses_max=8,
    channels_max=4, clients_max=4, id_window_ms=WINDOW_MS,
)  # fmt: skip


def key_of(number: int) -> tuple[int, int]:
    """(hi, lo) of the n-th id."""
    return u64(number * 0x9E3779B97F4A7C15 + 1 & 0xFFFF_FFFF_FFFF_FFFF), u64(number << 40 | 1)


@dataclass
class Ring:
    """Ids by the number of their coming, and when they came."""

    state: State = field(default_factory=lambda: make_state(LIMITS))
    made: int = 0

    def come(self, count: int, now_ms: int) -> None:
        """So many new ones at once."""
        for number in range(self.made, self.made + count):
            hi, lo = key_of(number)
            remember(self.state.memory, hi, lo, number, number + 1, now_ms, entry_of(self.state.memory, lo))
        self.made += count

    def again(self, number: int, position: int, now_ms: int) -> None:
        """An old id is new."""
        hi, lo = key_of(number)
        remember(self.state.memory, hi, lo, number, position, now_ms, entry_of(self.state.memory, lo))
        self.made += 1

    def position(self, number: int, now_ms: int) -> int:
        """Of the answer that is remembered for it; 0 = it is not."""
        hi, lo = key_of(number)
        slot = find_id(self.state.memory, hi, lo, now_ms)
        return int(self.state.ids["position"][slot]) if slot else 0

    def knows(self, number: int, now_ms: int) -> bool:
        """Whether its answer is remembered."""
        position = self.position(number, now_ms)
        assert position in (0, number + 1)
        return position != 0

    def room(self) -> int:
        """For so many more."""
        return int(ids_room(self.state.memory))


@pytest.fixture
def ring() -> Ring:
    return Ring()


def test_an_id_is_remembered_for_the_window_after_the_newest_of_its_block(ring: Ring) -> None:
    ring.come(ID_BLOCK - 1, 1_000)
    ring.come(1, 2_000)
    ring.come(2, 3_000)
    for number, newest_ms in ((0, 2_000), (ID_BLOCK - 1, 2_000), (ID_BLOCK, 3_000), (ID_BLOCK + 1, 3_000)):
        assert ring.knows(number, newest_ms + WINDOW_MS)
        assert not ring.knows(number, newest_ms + WINDOW_MS + 1)
    assert not ring.knows(ID_BLOCK + 2, 3_000)


def test_an_id_is_all_of_its_bits(ring: Ring) -> None:
    ring.come(3, 0)
    hi, lo = key_of(1)
    assert find_id(ring.state.memory, hi, lo, 0)
    assert not find_id(ring.state.memory, key_of(2)[0], lo, 0)


def test_a_full_ring_makes_no_room_before_the_window_is_over(ring: Ring) -> None:
    assert ring.room() == 2 * ID_BLOCK
    ring.come(ID_BLOCK, 1_000)
    assert ring.room() == ID_BLOCK
    ring.come(ID_BLOCK, 2_000)
    assert ring.room() == 0
    assert make_ids_room(ring.state.memory, 0, 2_000)
    assert not make_ids_room(ring.state.memory, 1, 1_000 + WINDOW_MS)
    assert ring.room() == 0
    assert ring.knows(0, 1_000 + WINDOW_MS)


def test_then_it_forgets_the_oldest_and_their_places_are_used_again(ring: Ring) -> None:
    ring.come(ID_BLOCK, 1_000)
    ring.come(ID_BLOCK, 2_000)
    now_ms = 1_000 + WINDOW_MS + 1
    assert not make_ids_room(ring.state.memory, ID_BLOCK + 1, now_ms)
    assert ring.room() == ID_BLOCK
    assert make_ids_room(ring.state.memory, ID_BLOCK, now_ms)
    ring.come(3, now_ms)
    assert ring.room() == ID_BLOCK - 3
    for number in (2 * ID_BLOCK, 2 * ID_BLOCK + 2, ID_BLOCK, 2 * ID_BLOCK - 1):
        assert ring.knows(number, now_ms)
    for number in (0, 3, ID_BLOCK - 1):
        assert not ring.knows(number, now_ms)
        assert not entry_of(ring.state.memory, key_of(number)[1])
    late_ms = 2_000 + WINDOW_MS + 1
    assert ring.knows(2 * ID_BLOCK, late_ms)
    assert not ring.knows(ID_BLOCK, late_ms)


def test_it_forgets_no_more_than_it_is_asked(ring: Ring) -> None:
    ring.come(10, 1_000)
    forget_old(ring.state.memory, 1_000 + WINDOW_MS, 4)
    assert ring.room() == 2 * ID_BLOCK - 10
    forget_old(ring.state.memory, 1_000 + WINDOW_MS + 1, 4)
    assert ring.room() == 2 * ID_BLOCK - 6
    found = [bool(entry_of(ring.state.memory, key_of(number)[1])) for number in range(10)]
    assert found == [False] * 4 + [True] * 6
    forget_old(ring.state.memory, 1_000 + WINDOW_MS + 1, 100)
    assert ring.room() == 2 * ID_BLOCK
    assert not any(entry_of(ring.state.memory, key_of(number)[1]) for number in range(10))


def test_what_was_not_decided_after_all_is_taken_back(ring: Ring) -> None:
    ring.come(2, 1_000)
    ring.come(3, 1_000)
    forget_newest(ring.state.memory, 3)
    ring.made -= 3
    assert ring.room() == 2 * ID_BLOCK - 2
    assert [ring.knows(number, 1_000) for number in range(5)] == [True, True, False, False, False]
    ring.come(3, 1_000)
    assert all(ring.knows(number, 1_000) for number in range(5))


def test_what_is_taken_back_may_lie_at_both_ends_of_the_ring(ring: Ring) -> None:
    ring.come(ID_BLOCK, 1_000)
    ring.come(ID_BLOCK - 2, 2_000)
    now_ms = 1_000 + WINDOW_MS + 1
    assert make_ids_room(ring.state.memory, 5, now_ms)
    ring.come(5, now_ms)
    forget_newest(ring.state.memory, 4)
    ring.made -= 4
    newest = 2 * ID_BLOCK - 2
    assert [ring.knows(number, now_ms) for number in range(newest - 1, newest + 5)] == [True] * 2 + [False] * 4
    ring.come(4, now_ms)
    assert all(ring.knows(number, now_ms) for number in range(newest, newest + 5))


def test_an_id_that_comes_again_after_the_window_is_found_as_the_new_one_alone(ring: Ring) -> None:
    ring.come(3, 1_000)
    ring.come(ID_BLOCK - 3, 1_000)
    over_ms = 1_000 + WINDOW_MS + 1
    ring.again(1, 7_777, over_ms)
    assert ring.position(1, over_ms) == 7_777
    forget_old(ring.state.memory, over_ms, ID_BLOCK)
    assert ring.room() == 2 * ID_BLOCK - 1
    assert ring.position(1, over_ms) == 7_777
    assert ring.position(1, over_ms + WINDOW_MS + 1) == 0


def test_the_first_of_all_may_come_again_too(ring: Ring) -> None:
    ring.come(1, 1_000)
    ring.come(ID_BLOCK - 1, 1_000)
    over_ms = 1_000 + WINDOW_MS + 1
    ring.again(0, 7_777, over_ms)
    assert ring.position(0, over_ms) == 7_777
