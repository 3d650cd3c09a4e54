"""Commands over three real shards get the answers, and leave the stock, that one shard with all the goods gives.

Everything above and below is real as well: the coordinator's steps, the kernels, journals (in memory) and their fold.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actors.answers import Answers, of_reply
from actors.clock import ShardClock
from actors.gathering import Answered, no_results
from actors.memory_journal import MemoryStore
from actors.metrics import ShardMetrics
from actors.note import Note
from actors.open_shard import OpenShard
from actors.over_shards import Entry, OverShards
from actors.packing import pick, place
from actors.partitions import PartitionMap
from actors.routing import by_shard, shard_of_row, units_of
from actors.saga import Step
from actors.settings import Settings
from engine.ids import finish_rows, sku_key
from engine.kinds import Flag, Kind, ReservationState, ResultFlag
from engine.layout import LINE, NO_WAREHOUSE, Limits
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from engine.shard import Shard
from engine.wire import Array, Batch, Reply
from tests.actors.shop import SECRET, Spec, definitions, encode, labelled, receive, reserve, sell, settle, together
from tests.actors.test_saga import MAP, SHARDS, sku_on

LIMITS = Limits(
    skus_max=64, cells_max=64, ids_max=4096, reservations_max=256, lines_max=1024, sources_max=8,
    warehouses_max=8, channels_max=4, clients_max=16,
)  # fmt: skip
SETTINGS = Settings()
START_MS = 1_760_000_000_000
SKUS = [sku_on(shard, nth) for shard in range(SHARDS) for nth in range(2)]
SAID = (
    "outcome",
    "quantity",
    "requested",
    "warehouse",
    "state",
    "expires_at_ms",
    "reservation",
    "partition",
    "decimals",
)
MARKS = ResultFlag.SHORT | ResultFlag.SPLIT


class House:
    """Some shards, each with the goods that the map gives it, and a clock for all of them."""

    def __init__(self, shards: int) -> None:
        self.now_ms = START_MS
        self.lost: Callable[[], bool] = lambda: False
        """whether rows on their way to a shard, or their answer, are lost"""
        self.map = MAP if shards == SHARDS else PartitionMap.even(shards)
        self.stores = [MemoryStore(shard) for shard in range(shards)]
        self.engines = [Shard(LIMITS) for _ in range(shards)]
        self.shards = [self._opened(store, engine) for store, engine in zip(self.stores, self.engines, strict=True)]
        self.coordinator = OverShards(SETTINGS, self.map, self._decide, self.ask_all, lambda: self.now_ms)
        for shard, opened in enumerate(self.shards):
            rows, heap = encode(definitions([sku for sku in SKUS if self.map.shard_of_sku(sku_key(sku)) == shard]))
            finish_rows(rows, heap, SECRET)
            assert set(opened.run(Batch(rows, heap)).results["outcome"].tolist()) == {Outcome.OK}

    def send(self, *specs: Spec | list[Spec]) -> Answered:
        """One request."""
        rows, heap = encode(*specs)
        finish_rows(rows, heap, SECRET)
        shard_of = shard_of_row(rows, self.map)
        results, lines, _ = asyncio.run(self.coordinator.decided(rows, heap, shard_of, units_of(rows, shard_of)))
        return Answered(results, lines)

    def stock(self) -> dict[tuple[int, int], tuple[int, int]]:
        """(on_hand, reserved) of every cell by SKU and warehouse, after what is due has expired everywhere."""
        for shard in self.shards:
            shard.tick()
        return {
            (int(engine._state.skus["key"][cell["key"] >> 16]), int(cell["key"] & 0xFFFF)): (
                int(cell["on_hand"]),
                int(cell["reserved"]),
            )
            for engine in self.engines
            for cell in engine.cells
        }

    def moved(self) -> list[tuple[int, ...]]:
        """What the feed shows, but for its order: sales and what is short."""
        names = ("kind", "sku_key", "warehouse", "quantity", "on_hand", "available")
        return sorted(
            tuple(int(movement[name]) for name in names)
            for store in self.stores
            for record in store.records
            for movement in record.movements
            if movement["kind"] in (Kind.SELL, Kind.SHORT)
        )

    def check_fold(self) -> None:
        """The journals alone give the same state, and nothing is left undecided."""
        for store, engine in zip(self.stores, self.engines, strict=True):
            assert store.recover(LIMITS).state_hash() == engine.state_hash()
            assert not engine._state.reservations["pending"].any()

    def _readings(self) -> tuple[int, int]:
        return (self.now_ms - START_MS) * 1_000_000, self.now_ms * 1_000_000

    def _opened(self, store: MemoryStore, engine: Shard) -> OpenShard:
        journal = store.journal()
        opened = Record(RecordKind.OPEN, store.shard, 0, 1, journal.open().epoch, START_MS)
        journal.append(opened)
        engine.apply(opened)
        clock = ShardClock(START_MS, *self._readings())
        return OpenShard(journal, engine, clock, opened, SETTINGS, ShardMetrics(), Note(""), self._readings)

    async def _decide(self, step: Step, entry: Entry) -> Answered:
        results, lines = no_results(len(step.rows), Outcome.UNAVAILABLE), [np.empty(0, LINE)]
        for shard, index in by_shard(step.shard_of):
            if self.lost():
                continue
            reply = self.shards[shard].run(Batch(*pick(step.rows, step.heap, index)))
            if self.lost():
                continue
            own = reply.results.copy()
            own["lines_at"] += np.uint32(sum(map(len, lines)))
            lines.append(reply.lines)
            place(results, index, own)
        return Answered(results, np.concatenate(lines))

    async def ask_all(self, questions: Array) -> list[Answers]:
        """What every shard says."""

        def asked(shard: int, opened: OpenShard) -> Answers:
            reply: Reply = opened.run(Batch(questions=questions))
            answers = of_reply(reply, 0, len(questions))
            answers.shard = shard
            return answers

        return [asked(shard, opened) for shard, opened in enumerate(self.shards)]


class Both:
    """Three shards beside one: every request goes to both, and both must say the same."""

    def __init__(self) -> None:
        self.three, self.one = House(SHARDS), House(1)

    def send(self, *specs: Spec | list[Spec]) -> Answered:
        """One request to both; what the three said."""
        said, expected = self.three.send(*specs), self.one.send(*specs)
        assert said_by(said) == said_by(expected), specs
        assert self.three.stock() == self.one.stock(), specs
        assert self.three.moved() == self.one.moved()
        return said

    def pass_ms(self, passed_ms: int) -> None:
        self.three.now_ms += passed_ms
        self.one.now_ms += passed_ms


def said_by(answered: Answered) -> list[object]:
    """All that a caller is told, but for what is there in each cell."""
    said: list[object] = []
    for result in answered.results:
        lines = answered.lines[int(result["lines_at"]) :][: int(result["lines_n"])]
        row = {name: int(result[name]) for name in SAID}
        if row["outcome"] != Outcome.OK:
            row = {"outcome": row["outcome"], "quantity": row["quantity"]}
        said.append((row, int(result["flags"]) & (MARKS | ResultFlag.REPLAYED), sorted(map(told_of_line, lines))))
    return said


def told_of_line(line: np.void) -> list[int]:
    names = ("line", "sku_key", "warehouse", "requested", "quantity", "fulfilled", "released", "outcome")
    return [int(line[name]) for name in names]


@pytest.fixture
def both() -> Both:
    both = Both()
    both.send(*(receive(sku, 20, warehouse) for sku in SKUS for warehouse in (0, 1)))
    return both


def basket(chance: random.Random, name: str) -> list[Spec]:
    """A reservation of several goods, perhaps in part, perhaps wherever they are."""
    partial = Flag.PARTIAL if chance.random() < 0.3 else 0
    ttl_s = chance.choice((5, 60, 600))
    quantities, places = (1, 2, 5, 25), (0, 1, NO_WAREHOUSE)
    skus = chance.sample(SKUS, chance.randint(2, 4))
    lines = [
        reserve(sku, chance.choice(quantities), chance.choice(places), ttl_s, flags=partial, id=name) for sku in skus
    ]
    # As the API asks: the first line is told of all.
    return together(lines[0], *(line | {"flags": partial} for line in lines[1:]))


def step(chance: random.Random, made: np.void, name: str) -> Spec:
    """Something done with a reservation."""
    kind = chance.choice((Kind.CONFIRM, Kind.CONFIRM, Kind.EXTEND, Kind.RELEASE, Kind.FULFIL, Kind.FULFIL))
    more: dict[str, Any] = {"ttl_s": chance.choice((5, 900)), "id": name}
    if kind in (Kind.RELEASE, Kind.FULFIL):
        if chance.random() < 0.4:
            more["line"] = chance.randrange(4)
            if chance.random() < 0.5:
                more |= {"quantity": chance.choice((1, 2, 30)), "flags": Flag.HAS_QUANTITY}
        elif chance.random() < 0.4:
            more["warehouse"] = chance.choice((0, 1))
    return settle(kind, made, **more)


def request(chance: random.Random, made: list[np.void], name: str) -> list[Spec | list[Spec]]:
    """One to three commands, of which most span shards."""
    specs: list[Spec | list[Spec]] = []
    for n in range(chance.randint(1, 3)):
        command, sort = f"{name}-{n}", chance.random()
        if made and sort < 0.5:
            specs.append(step(chance, chance.choice(made[-5:]), command))
        elif made and sort < 0.6:
            old = settle(Kind.RELEASE, chance.choice(made[-5:]), id=command) | {"flags": Flag.REPLACES}
            specs.append(together(old, *basket(chance, command)))
        elif sort < 0.75:
            flags = Flag.SETTLED if chance.random() < 0.3 else 0
            sales = [sell(sku, chance.choice((1, 3, 30)), chance.choice((0, 1)), flags=flags) for sku in SKUS]
            specs.append(labelled(*chance.sample(sales, chance.randint(2, 3))))
        elif sort < 0.85:
            specs.append(sell(chance.choice(SKUS), 2))
        else:
            specs.append(basket(chance, command))
    return specs


@pytest.mark.parametrize("seed", range(16))
def test_three_shards_answer_as_one_does(both: Both, seed: int) -> None:
    chance = random.Random(seed)
    made: list[np.void] = []
    for n in range(6):
        specs = request(chance, made, f"{seed}-{n}")
        answered = both.send(*specs)
        if chance.random() < 0.3:
            again = both.send(*specs)
            assert again.results["outcome"].tolist() == answered.results["outcome"].tolist()
            assert both.three.stock() == both.one.stock()
        holds = (answered.results["outcome"] == Outcome.OK) & (answered.results["state"] == ReservationState.HELD)
        made += list(answered.results[holds])
        both.pass_ms(chance.choice((0, 1, 4000, 6000)))
    both.three.check_fold()


def test_a_reservation_is_not_replaced_by_one_in_part_that_gets_nothing(both: Both) -> None:
    lines = [reserve(sku, 2) | {"flags": 0} for sku in (SKUS[0], SKUS[2])]
    made = both.send(together(lines[0] | {"flags": Flag.WANT_LINES}, lines[1])).results[0]
    both.send(*(sell(sku, 20, place) for sku in (SKUS[1], SKUS[5]) for place in (0, 1)))
    old = settle(Kind.RELEASE, made) | {"flags": Flag.REPLACES}
    sold_out = [reserve(sku, 1) | {"flags": Flag.PARTIAL} for sku in (SKUS[1], SKUS[5])]
    refused = both.send(together(old, *sold_out)).results["outcome"].tolist()
    assert refused == [Outcome.GROUP_FAILED, *[Outcome.INSUFFICIENT_STOCK] * 2]
    confirmed = both.send(settle(Kind.CONFIRM, made)).results[0]
    assert (confirmed["outcome"], confirmed["state"]) == (Outcome.OK, ReservationState.CONFIRMED)
    both.three.check_fold()
