"""As of any moment: the tables give what replaying the journal up to then gives, cell for cell."""

import random
from collections.abc import Callable, Iterator

import orjson
import pytest

from analytics.explaining import explain, stock
from analytics.questions import ExplainAsked
from api.numbers import time_json
from engine.ids import sku_key
from engine.kinds import QuestionKind
from engine.layout import NO_WAREHOUSE
from engine.shard import Shard
from tests.actors.histories import history
from tests.analytics.tables import Tables
from tests.world import World

SKUS = ("A-1", "B-2", "NUTS")
Cells = dict[tuple[str, str], tuple[float, ...]]


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    """A life of 200 batches, with expiries, transfers and settings, followed to its end."""
    made = Tables(history(200, seed=23)).follow()
    yield made
    made.close()


def replayed(world: World, at_ms: int) -> Cells:
    """Every cell after the records up to that moment were folded."""
    other = World(world.limits)
    other.warehouses, other.shard = world.warehouses, Shard(world.limits)
    for record in world.records:
        if record.now_ms <= at_ms:
            other.shard.apply(record)
    found: Cells = {}
    for sku in SKUS:
        key = sku_key(sku) & (1 << 64) - 1
        answers = other.ask(QuestionKind.STOCK, key=key, channel=NO_WAREHOUSE)
        names = {number: code for code, number in world.warehouses.items()}
        for cell in answers.cells:
            counters = ("on_hand", "reserved", "incoming", "available")
            found[sku, names[int(cell["warehouse"])]] = tuple(float(cell[name]) for name in counters)
    return found


def moments(world: World, tell: Callable[[str], None]) -> list[int]:
    seed = random.randrange(1 << 30)
    tell(f"seed {seed}")
    rng = random.Random(seed)
    times = [record.now_ms for record in world.records]
    exact = rng.sample(times, 6)
    return [0, *exact, *(at - 1 for at in exact), rng.randrange(times[0], times[-1]), times[-1], times[-1] + 10**9]


def test_the_report_is_the_replay(tables: Tables, tell: Callable[[str], None]) -> None:
    for at_ms in moments(tables.world, tell):
        rows = tables.report("stock_as_of", at=time_json(at_ms))
        assert {row[:2]: row[2:] for row in rows} == replayed(tables.world, at_ms), at_ms


def test_a_skus_stock_is_the_replay_with_its_settings(tables: Tables, tell: Callable[[str], None]) -> None:
    cursor = tables.store.cursor()
    for at_ms in moments(tables.world, tell):
        wanted = replayed(tables.world, at_ms)
        for sku in ("A-1", "B-2"):
            told = orjson.loads(stock(cursor, sku, time_json(at_ms)))
            cells = {(sku, cell["warehouse"]): cell for cell in told["cells"]}
            counters = ("on_hand", "reserved", "incoming", "available")
            assert {key: tuple(float(cell[name]) for name in counters) for key, cell in cells.items()} == {
                key: value for key, value in wanted.items() if key[0] == sku
            }
            for (_, place), cell in cells.items():
                assert cell["safety_stock"] == cell["on_hand"] - cell["reserved"] - cell["available"]
                if at_ms >= tables.world.now_ms:
                    assert cell["floor"] == tables.world.stock(sku, place).floor
    cursor.close()


def test_every_cells_figures_are_the_sum_of_what_explains_them(tables: Tables, tell: Callable[[str], None]) -> None:
    cursor = tables.store.cursor()
    for at_ms in moments(tables.world, tell):
        for (sku, place), counters in replayed(tables.world, at_ms).items():
            told = orjson.loads(explain(cursor, ExplainAsked(sku, place, time_json(at_ms), entries_max=5)))
            assert told["checked"] is True
            assert tuple(told[name] for name in ("on_hand", "reserved", "incoming", "available")) == counters
            assert sum(kind["on_hand"] for kind in told["kinds"]) == counters[0]
            assert sum(hold["quantity"] for hold in told["holds"]) <= counters[1]
            assert len(told["entries"]) + told["entries_left_out"] == sum(kind["entries"] for kind in told["kinds"])
    cursor.close()
