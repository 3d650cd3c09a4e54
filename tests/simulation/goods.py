"""Which goods lie on which shard, and which of them a command is about."""

import random
from dataclasses import dataclass

from tests.simulation.names import GOODS


@dataclass(frozen=True, slots=True)
class Goods:
    """Which SKUs lie on which shard: few commands span shards, for each costs many calls."""

    by_shard: list[list[str]]
    span_rate: float

    def some(self, chance: random.Random, count: int, may_span: bool, beside: str = "") -> list[str]:
        """So many SKUs, of one shard or of any."""
        if may_span and chance.random() < self.span_rate:
            return [chance.choice(GOODS) for _ in range(count)]
        own = self.by_shard[self.shard_of(beside)] if beside else chance.choice(self.by_shard)
        return [chance.choice(own) for _ in range(count)]

    def shard_of(self, sku: str) -> int:
        """Where it lies."""
        return next(shard for shard, own in enumerate(self.by_shard) if sku in own)

    def spans(self, skus: list[str]) -> bool:
        """Whether they lie on several shards."""
        return len({self.shard_of(sku) for sku in set(skus)}) > 1
