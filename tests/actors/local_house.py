"""Shards as threads over journals in memory, and a client of them: for tests of everything above the shard."""

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from actors.client import Client
from actors.local_transport import LocalTransport, MakeShard
from actors.memory_journal import MemoryStore
from actors.partitions import PartitionMap
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig
from actors.warmup import warm_up
from engine.ids import sku_key
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.actors.shop import SECRET, definitions, encode

T = TypeVar("T")
LIMITS = Limits(skus_max=1 << 10, cells_max=1 << 10, ids_max=1 << 16, reservations_max=1 << 12, lines_max=1 << 14)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run one test's scenario, with its kernels compiled before its time begins to count."""
    _warm()
    return asyncio.run(asyncio.wait_for(scenario, 60))


@functools.cache
def _warm() -> None:
    warm_up()


class LocalHouse:
    """The stores outlive their shards; `client` is what is tested."""

    def __init__(self, shards: int, settings: Settings) -> None:
        self.settings = settings
        self.map = PartitionMap.even(shards)
        self.stores = [MemoryStore(shard) for shard in range(shards)]
        self.transport = LocalTransport([self._maker(store) for store in self.stores])
        self.client = self.new_client(seed=1)

    def new_client(self, seed: int) -> Client:
        chance = random.Random(seed)
        return Client(
            self.transport,
            self.map,
            SECRET,
            jitter=chance.random,
            first_call=chance.getrandbits(61),
            settings=self.settings,
        )

    def skus(self, shard: int, count: int = 1) -> list[str]:
        """SKUs that live on that shard."""
        names = (f"SKU-{n}" for n in range(10_000))
        return [name for name, _ in zip(self._on(shard, names), range(count), strict=False)]

    def _on(self, shard: int, names: Any) -> Any:
        return (name for name in names if self.map.shard_of_sku(sku_key(name)) == shard)

    def _maker(self, store: MemoryStore) -> MakeShard:
        config = ShardConfig(shard=store.shard, limits=LIMITS, settings=self.settings)
        return lambda die: ShardActor(config, store.journal, lambda journal: store.recover(LIMITS), die=die)


@contextlib.asynccontextmanager
async def local_house(shards: int = 1, **settings: Any) -> AsyncIterator[LocalHouse]:
    """Open shards that know four SKUs each."""
    house = LocalHouse(shards, Settings(**settings))
    try:
        for shard in range(shards):
            rows, heap = encode(definitions(house.skus(shard, 4)))
            answered = await house.client.commands(rows, heap, shard=shard)
            assert set(answered.results["outcome"].tolist()) == {Outcome.OK}
        yield house
    finally:
        await house.client.close()
        house.transport.close()
