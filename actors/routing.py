"""Which rows go to which shard, and which commands need several. Pure functions over the rows of one request."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from actors.packing import heads
from actors.partitions import PartitionMap
from engine.kinds import Kind
from engine.layout import SPANS
from engine.wire import Array

Index = npt.NDArray[np.intp]

SETTLING: Final = (Kind.CONFIRM, Kind.RELEASE, Kind.FULFIL, Kind.EXTEND)
_BY_RESERVATION: Final = np.isin(np.arange(256), (*SETTLING, Kind.DECIDE, Kind.APPLY))
"""by kind: the row belongs to the shard of its reservation's home, not of its SKU"""
_SETTLING: Final = np.isin(np.arange(256), SETTLING)
_EVERYWHERE: Final = np.isin(
    np.arange(256), (Kind.DEFINE_WAREHOUSE, Kind.DEFINE_CHANNEL, Kind.DEFINE_CHANNEL_WAREHOUSE, Kind.DEFINE_CLIENT)
)


def shard_of_row(rows: Array, shards: PartitionMap) -> npt.NDArray[np.uint8]:
    """The shard of each row by itself."""
    kinds = rows["kind"]
    by_sku = shards.shards_of_skus(rows["sku_key"])
    by_reservation = _BY_RESERVATION[kinds]
    if not by_reservation.any():
        return by_sku
    return np.where(by_reservation, shards.shards_of(rows["partition"]), by_sku)


def for_every_shard(rows: Array) -> npt.NDArray[np.bool_]:
    """True for definitions that every shard keeps a copy of."""
    found: npt.NDArray[np.bool_] = _EVERYWHERE[rows["kind"]]
    return found


@dataclass(frozen=True, slots=True)
class Units:
    """The commands and groups of a request: rows [begins[u], ends[u]) stand or fall together."""

    begins: Index
    ends: Index
    spanning: npt.NDArray[np.bool_]
    """per unit: its rows do not all belong to one shard, or its reservation may not"""


def units_of(rows: Array, shard_of: npt.NDArray[np.uint8]) -> Units:
    """Find the units, and those that one shard cannot decide."""
    begins = np.flatnonzero(heads(rows))
    ends = np.append(begins[1:], len(rows))
    lowest = np.minimum.reduceat(shard_of, begins)
    highest = np.maximum.reduceat(shard_of, begins)
    settles_spanning = _SETTLING[rows["kind"]] & ((rows["partition"] & SPANS) != 0)
    spanning = (lowest != highest) | np.logical_or.reduceat(settles_spanning, begins)
    return Units(begins, ends, spanning)


def by_shard(shard_of: npt.NDArray[np.uint8]) -> Iterator[tuple[int, Index]]:
    """(shard, indices in order) for every shard that occurs."""
    counts = np.bincount(shard_of)
    for shard in np.flatnonzero(counts).tolist():
        yield shard, np.flatnonzero(shard_of == shard)
