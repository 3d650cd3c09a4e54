"""What became of a command is said afterwards as it was answered, however often parts of it were lost on the way."""

import asyncio
import itertools
import random

import numpy as np
import pytest

from actors.command_lookup import find_command
from actors.gathering import Answered
from api.render import overall
from engine.ids import finish_rows, sku_key
from engine.kinds import Flag, Kind, ReservationState
from engine.outcomes import PINNED_MAX, Outcome
from engine.wire import Array
from tests.actors.shop import CLIENT, SECRET, Spec, encode, labelled, receive, reserve, sell, settle, together
from tests.actors.test_saga import SHARDS
from tests.actors.test_saga_engine import SETTINGS, SKUS, House, request

LOST = 0.12
LOSING_TRIES = 30


@pytest.fixture
def house() -> House:
    """With some of everything."""
    house = House(SHARDS)
    house.send(*(receive(sku, 20, warehouse) for sku in SKUS for warehouse in (0, 1)))
    return house


def commands_of(specs: list[Spec | list[Spec]]) -> list[slice]:
    """The rows of each command: those that continue one have no id of their own."""
    flat = [row for spec in specs for row in ([spec] if isinstance(spec, dict) else spec)]
    heads = [at for at, row in enumerate(flat) if row["id"]]
    return [slice(begin, end) for begin, end in itertools.pairwise([*heads, len(flat)])]


def outcome_of(rows: Array, results: Array) -> Outcome:
    """As the API says it of a command."""
    held = (rows["kind"] == Kind.RESERVE) & (results["outcome"] == Outcome.OK)
    return Outcome.OK if held.any() else overall(results["outcome"].tolist())


def check_told(house: House, specs: list[Spec | list[Spec]], answered: Answered) -> None:
    """Every command of an answered request is found again with the outcome that it was answered."""
    rows, heap = encode(*specs)
    finish_rows(rows, heap, SECRET)
    for command in commands_of(specs):
        head = rows[command.start]
        found = asyncio.run(find_command(CLIENT, int(head["id_hi"]), int(head["id_lo"]), house.ask_all))
        said = outcome_of(rows[command], answered.results[command])
        assert found is not None, (specs, command)
        assert outcome_of(found.rows, found.results) == said, (specs, command)


def until_answered(house: House, chance: random.Random, specs: list[Spec | list[Spec]]) -> Answered:
    """Sent again and again, while what is left undecided is looked for."""
    for tries in range(LOSING_TRIES + 1):
        house.lost = (lambda: chance.random() < LOST) if tries < LOSING_TRIES else (lambda: False)
        answered = house.send(*specs)
        if (answered.results["outcome"] <= PINNED_MAX).all():
            return answered
        if chance.random() < 0.6:
            house.now_ms += chance.choice((1, SETTINGS.undecided_ms))
            asyncio.run(house.coordinator.scan())
    raise AssertionError("never answered")


@pytest.mark.parametrize("seed", range(20))
def test_a_command_is_found_with_the_outcome_that_it_was_answered(house: House, seed: int) -> None:
    chance = random.Random(seed)
    made: list[np.void] = []
    for n in range(8):
        specs = request(chance, made, f"{seed}-{n}")
        answered = until_answered(house, chance, specs)
        house.lost = lambda: False
        check_told(house, specs, answered)
        again = house.send(*specs)
        assert again.results["outcome"].tolist() == answered.results["outcome"].tolist()
        holds = (answered.results["outcome"] == Outcome.OK) & (answered.results["state"] == ReservationState.HELD)
        made += list(answered.results[holds])


def test_a_reservation_that_replaces_another_in_part_is_found_as_made(house: House) -> None:
    wanted = [reserve(sku, 2) | {"flags": 0} for sku in (SKUS[0], SKUS[2])]
    made = house.send(together(wanted[0] | {"flags": Flag.WANT_LINES}, wanted[1])).results[0]
    house.send(sell(SKUS[5], 20))
    old = settle(Kind.RELEASE, made) | {"flags": Flag.REPLACES}
    partial = [reserve(sku, 1) | {"flags": Flag.PARTIAL} for sku in (SKUS[1], SKUS[5])]
    specs: list[Spec | list[Spec]] = [together(old, *partial)]
    answered = house.send(*specs)
    assert answered.results["outcome"].tolist() == [Outcome.OK, Outcome.OK, Outcome.INSUFFICIENT_STOCK]
    check_told(house, specs, answered)


def test_sales_that_have_happened_are_booked_however_late_their_till_asks_again(house: House) -> None:
    specs: list[Spec | list[Spec]] = [labelled(*(sell(sku, 30, flags=Flag.SETTLED) for sku in (SKUS[0], SKUS[2])))]
    lost = iter((False, False, True))
    house.lost = lambda: next(lost, False)
    assert (house.send(*specs).results["outcome"] > PINNED_MAX).all()
    for _ in range(3):
        asyncio.run(house.coordinator.scan())
        house.now_ms += 7_000_000
    answered = house.send(*specs)
    assert answered.results["outcome"].tolist() == [Outcome.OK, Outcome.OK]
    assert house.stock()[sku_key(SKUS[0]), 0] == (-10, 0)
    check_told(house, specs, answered)
    house.check_fold()
