"""Shards for the tests of the documents: the real rules in memory, with switches for what can go wrong."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.ids import finish_rows, partition_of
from engine.kinds import Kind
from engine.layout import COMMAND, NO_WAREHOUSE, RESULT, TEXTS, Limits
from engine.outcomes import Outcome
from engine.shard import Shard

SMALL = Limits(
    skus_max=1 << 15,
    cells_max=1 << 12,
    ids_max=1 << 17,
    reservations_max=1 << 8,
    lines_max=1 << 8,
    sources_max=1 << 8,
    batch_rows_max=1 << 14,
)


@dataclass(frozen=True)
class Answered:
    results: npt.NDArray[np.void]


@dataclass
class MemoryShards:
    """Knows what `actors.documents.delivery.Shards` asks for."""

    shard_count: int = 2
    away: set[int] = field(default_factory=set)
    """these answer `unavailable` and decide nothing"""
    lost_answers: set[int] = field(default_factory=set)
    """these decide, and answer `unavailable`"""
    silent: set[int] = field(default_factory=set)
    """these never answer"""
    calls: list[tuple[int | None, list[str]]] = field(default_factory=list)
    """(shard asked, names defined) of each call"""
    ids: list[list[str]] = field(default_factory=list)
    rows: list[npt.NDArray[np.void]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shards = [Shard(SMALL) for _ in range(self.shard_count)]
        self.now_ms = 1_000_000

    def shard_of(self, sku_key: int) -> int:
        return partition_of(sku_key) * self.shard_count // 1024

    async def commands(
        self, rows: npt.NDArray[np.void], heap: npt.NDArray[np.uint8], *, shard: int | None = None
    ) -> Answered:
        assert not rows["id_hi"].any(), "the rows were finished before"
        self.calls.append((shard, texts_of(rows, heap, "name")))
        self.ids.append(texts_of(rows, heap, "id"))
        self.rows.append(rows)
        finish_rows(rows, heap, bytes(16))
        results = np.zeros(len(rows), RESULT)
        homes = np.array([self.shard_of(key) for key in rows["sku_key"].tolist()])
        for number in range(self.shard_count) if shard is None else (shard,):
            mine = np.arange(len(rows)) if shard is not None else np.flatnonzero(homes == number)
            if len(mine):
                results[mine] = await self._decide(number, rows[mine], heap)
        return Answered(results)

    async def _decide(
        self, number: int, rows: npt.NDArray[np.void], heap: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.void]:
        if number in self.silent:
            await asyncio.get_running_loop().create_future()
        unavailable = np.zeros(len(rows), RESULT)
        unavailable["outcome"] = Outcome.UNAVAILABLE
        if number in self.away:
            return unavailable
        shard = self.shards[number]
        decision = shard.decide(rows, heap, now_ms=self.now_ms, seq=shard.seq + 1)
        return unavailable if number in self.lost_answers else decision.results

    async def receive(self, sku_key: int, warehouse: int, quantity: int, command_id: str) -> Outcome:
        """Bring goods in, so that archiving is refused."""
        rows = command(Kind.RECEIVE, sku_key=sku_key, warehouse=warehouse, quantity=quantity * 1000)
        rows["text_lengths"][0, 0] = len(command_id)
        heap = np.frombuffer(command_id.encode(), np.uint8)
        answered = await self.commands(rows, heap, shard=self.shard_of(sku_key))
        return Outcome(int(answered.results["outcome"][0]))


def command(kind: Kind, **columns: int) -> npt.NDArray[np.void]:
    """One COMMAND row."""
    rows = np.zeros(1, COMMAND)
    rows["kind"] = kind
    rows["not_after_ms"] = 1 << 62
    for name in ("warehouse", "to_warehouse", "channel"):
        rows[name] = NO_WAREHOUSE
    rows["line"] = -1
    for name, value in columns.items():
        rows[name] = value
    return rows


def texts_of(rows: npt.NDArray[np.void], heap: npt.NDArray[np.uint8], name: str) -> list[str]:
    """The text of that name of the rows that have one."""
    which = TEXTS.index(name)
    lengths = rows["text_lengths"].astype(np.int64)
    begins = rows["text_at"].astype(np.int64) + lengths[:, :which].sum(axis=1)
    data = heap.tobytes()
    pairs = zip(begins.tolist(), lengths[:, which].tolist(), strict=True)
    return [data[at : at + length].decode() for at, length in pairs if length]
