"""Which shard owns which partition: a versioned map of 1,024 bytes, and nothing else decides it.

A SKU's partition is fixed for ever by its key, a reservation's by its first line. Resharding makes a new map
with the next era; ids and cursors hold partitions, so they stay valid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from engine.layout import PARTITIONS, SPANS

PARTITION_MASK: Final = SPANS - 1
SHARDS_MAX: Final = 256


@dataclass(frozen=True)
class PartitionMap:
    """`table[partition]` is the shard."""

    era: int
    shards: int
    table: bytes

    def __post_init__(self) -> None:
        if len(self.table) != PARTITIONS or not 0 < self.shards <= SHARDS_MAX:
            raise ValueError(f"a map of {len(self.table)} partitions to {self.shards} shards")
        if max(self.table) >= self.shards:
            raise ValueError(f"shard {max(self.table)} of {self.shards}")

    @classmethod
    def even(cls, shards: int, *, era: int = 1) -> Self:
        """Equal ranges of partitions, as a new data directory begins."""
        return cls(era, shards, bytes(partition * shards // PARTITIONS for partition in range(PARTITIONS)))

    @cached_property
    def array(self) -> npt.NDArray[np.uint8]:
        """The table, to look up many at once."""
        return np.frombuffer(self.table, np.uint8)

    def shard_of(self, partition: int) -> int:
        """The shard of a partition, with or without the SPANS bit of a reservation."""
        return self.table[partition & PARTITION_MASK]

    def shard_of_sku(self, sku_key: int) -> int:
        """The shard of a SKU, signed or unsigned key."""
        return self.table[(sku_key >> 54) & PARTITION_MASK]

    def shards_of(self, partitions: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The shards of many partitions."""
        wanted: npt.NDArray[np.int64] = np.asarray(partitions, np.int64) & PARTITION_MASK
        return self.array.take(wanted)

    def shards_of_skus(self, sku_keys: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The shards of many SKUs."""
        return self.array.take((sku_keys >> 54) & PARTITION_MASK)

    def partitions_of(self, shard: int) -> Sequence[int]:
        """What a shard owns."""
        return [partition for partition in range(PARTITIONS) if self.table[partition] == shard]
