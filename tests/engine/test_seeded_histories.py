"""Short random histories of every sort of command, the same each time: kernels and oracle side by side, then the fold.

Beside `test_against_model`, where Hypothesis looks for what nobody has seen yet, these are what is always played, also
without the compiler and against mutants of the rules.
"""

import random
from dataclasses import replace

import pytest

from engine.layout import Limits
from tests.builders import configure, receive
from tests.engine.histories import Ask, Teller
from tests.engine.test_against_model import check_fold
from tests.engine.twins import Twins

ROOMY = Limits(skus_max=64, cells_max=256, ids_max=1 << 14, reservations_max=1024, lines_max=1 << 12, sources_max=64)
TIGHT = replace(ROOMY, quantity_max=12, stock_max=40)
SKUS, PLACES = ("A-1", "B-2", "NUTS"), ("north", "south", "north", "south", "bin", "west")
STOCK = ("receive", "expect", "adjust", "give back", "transfer", "configure")
ON_HOLDS = ("confirm", "extend", "release", "fulfil")
TTLS_S = (1, 5, 60, 600, 600, 0)
STEPS_MS = (0, 0, 1, 999, 1000, 5000, 60_000)


def asked(chance: random.Random, what: str) -> Ask:
    """Something of the sort, mostly possible."""
    of_reservations = what in (*ON_HOLDS, "reserve")
    return Ask(
        what,
        sku=chance.choice((*SKUS, *SKUS, "C-3")),
        place=chance.choice(PLACES),
        to=chance.choice(PLACES),
        channel=chance.choice(("web", "web", "till", "till", "fax")),
        quantity=chance.choice((1000, 1000, 2000, 3000, 5000, 9000, 30_000, -1000, 250)),
        number=chance.choice(TTLS_S) if of_reservations else chance.choice((0, 1, 2, 3, 4, 1000, 2000, 9000, 11)),
        which=chance.randrange(16),
        line=chance.choice((-1, -1, 0, 0, 1, 2)),
        yes=chance.random() < 0.4,
        client=chance.choice(("shop",) * 9 + ("market",)),
    )


def any_ask(chance: random.Random) -> Ask:
    """A command or a group of any sort."""
    sort = chance.randrange(20)
    if sort < 4:
        return asked(chance, chance.choice(STOCK))
    if sort < 9:
        return asked(chance, chance.choice(("sell", "reserve", "reserve", "reserve")))
    if sort < 14:
        return asked(chance, chance.choice(ON_HOLDS))
    if sort < 18:
        what, inner = chance.choice(
            (("basket", "reserve"), ("basket", "reserve"), ("sale", "sell"), ("several", "release"))
        )
        lines = tuple(asked(chance, inner) for _ in range(chance.randrange(1, 4)))
        return replace(asked(chance, "reserve"), what=what, lines=lines)
    return asked(chance, chance.choice(("again", "again", "redefine")))


def play(twins: Twins, chance: random.Random, batches: int) -> None:
    """Batches of random asks, and then what the fold of their records gives."""
    teller = Teller(twins.model)
    for _ in range(batches):
        rows = [row for _ in range(chance.randrange(1, 9)) for row in teller.rows(any_ask(chance))]
        twins.send(rows, at_ms=twins.world.now_ms + chance.choice(STEPS_MS))
    check_fold(twins)


@pytest.mark.parametrize("seed", range(16))
def test_a_history_of_everything(seed: int) -> None:
    twins = Twins.furnished(ROOMY)
    twins.send(receive(sku, place, 20) for sku in SKUS for place in ("north", "south"))
    twins.send(configure(sku, "north", safety_stock=2, floor=seed % 5) for sku in SKUS)
    play(twins, random.Random(seed), 12)


@pytest.mark.parametrize("seed", range(6))
def test_a_history_between_narrow_bounds(seed: int) -> None:
    twins = Twins.furnished(TIGHT)
    twins.send(receive(sku, place, 12) for sku in SKUS for place in ("north", "south"))
    play(twins, random.Random(100 + seed), 12)
