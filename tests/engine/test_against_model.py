"""Long random histories, decided by kernels and oracle side by side, and then folded again from their records.

After every batch every result, every movement, every counter of every cell and every line of every reservation
is compared (`Twins.send`), and the units held must add up. Hypothesis prints the history it shrank a failure to,
and the blob that plays it again; HYPOTHESIS_PROFILE=deep plays many more.
"""

import random
from dataclasses import replace

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from engine.layout import Limits
from engine.shard import Shard
from tests.builders import receive
from tests.engine.histories import Ask, Teller, histories
from tests.engine.twins import Twins

USUAL = Limits(skus_max=64, cells_max=256, ids_max=1 << 16, reservations_max=4096, lines_max=1 << 14, sources_max=256)
BOUNDS = st.builds(
    lambda power, times, off: replace(USUAL, quantity_max=2**power, stock_max=2**power * times + off),
    st.integers(2, 39),
    st.integers(1, 9),
    st.integers(0, 1),
)


def play(twins: Twins, history: list[tuple[int, list[Ask]]]) -> None:
    """Send every batch of a history to both."""
    teller = Teller(twins.model)
    for step_ms, asks in history:
        rows = [row for ask in asks for row in teller.rows(ask)]
        note(f"+{step_ms} ms: {asks}")
        twins.send(rows, at_ms=twins.world.now_ms + step_ms)


def check_fold(twins: Twins) -> None:
    """The records alone give the same state, and so does a snapshot half way with the rest of the records."""
    world = twins.world
    folded = Shard(world.limits)
    half = len(world.records) // 2
    for record in world.records[:half]:
        folded.apply(record)
    resumed = Shard.from_arrays(world.limits, folded.arrays())
    for shard in (folded, resumed):
        for record in world.records[half:]:
            shard.apply(record)
        assert shard.state_hash() == world.shard.state_hash()


@given(histories)
def test_random_histories(history: list[tuple[int, list[Ask]]]) -> None:
    twins = Twins.furnished(USUAL)
    twins.send(receive(sku, place, 30) for sku in ("A-1", "B-2", "NUTS") for place in ("north", "south"))
    play(twins, history)
    check_fold(twins)


@given(histories, BOUNDS)
def test_random_histories_near_the_bounds(history: list[tuple[int, list[Ask]]], limits: Limits) -> None:
    twins = Twins.furnished(limits)
    play(twins, history)
    check_fold(twins)


@pytest.mark.parametrize("seed", range(2))
def test_one_hot_cell_under_a_long_history(seed: int) -> None:
    """Thousands of rows on one cell: what no random choice of cells would reach."""
    chance = random.Random(seed)
    twins = Twins.furnished(USUAL)
    teller = Teller(twins.model)
    twins.send(receive("A-1", "north", 40))
    kinds = ("reserve", "reserve", "confirm", "release", "fulfil", "sell", "receive", "extend", "again")
    for _ in range(60):
        asks = [
            Ask(
                chance.choice(kinds),
                quantity=chance.randrange(1, 6) * 1000,
                number=chance.choice((1, 5, 60)),
                which=chance.randrange(12),
                line=chance.choice((-1, 0)),
                yes=chance.random() < 0.3,
            )
            for _ in range(chance.randrange(30))
        ]
        rows = [row for ask in asks for row in teller.rows(ask)]
        twins.send(rows, at_ms=twins.world.now_ms + chance.choice((0, 1, 1000, 4000)))
    check_fold(twins)
