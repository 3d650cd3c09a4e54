"""A shard filled with goods, with all the memory it will use brought in before anything is timed.

A machine in a cloud may give a process fresh memory at 0.3 to 5 GB/s, at its own pace: an untouched page would then
cost more than the rows that lie on it, and the figure would be one of the hypervisor. In service the same memory comes
in once, page by page, over hours.
"""

import numpy as np

from benchmarks.workload import NOW_MS, Batch, Goods
from engine.kinds import Kind
from engine.layout import Limits
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from engine.shard import Decision, Shard
from engine.state import ARRAYS

_PAGE = 4096


def limits_for(goods: Goods, rows: int, reservations: int) -> Limits:
    """Tables just large enough for the goods, and then so many rows and reservations."""
    return Limits(
        skus_max=goods.skus + 1024,
        cells_max=goods.cells + 1024,
        ids_max=goods.cells + goods.skus + rows + (1 << 16),
        reservations_max=reservations + (1 << 16),
        lines_max=reservations + (1 << 16),
    )


def touch(shard: Shard) -> None:
    """Write to every page of the shard's tables without changing anything."""
    for name in ARRAYS:
        # There is no public way to the tables beyond what is in use, and nobody else needs one.
        pages = getattr(shard._state, name).reshape(-1).view(np.uint8)[::_PAGE]
        np.bitwise_or(pages, 0, out=pages)


def decide(shard: Shard, batch: Batch) -> Decision:
    """Decide finished rows as the next record."""
    return shard.decide(batch.rows, batch.heap, now_ms=NOW_MS, seq=shard.seq + 1)


def all_ok(decision: Decision) -> None:
    """Every row must have been carried out: a refusal is cheaper, and would flatter the figure."""
    outcomes, counts = np.unique(decision.results["outcome"], return_counts=True)
    assert outcomes.tolist() == [Outcome.OK], dict(zip(outcomes.tolist(), counts.tolist(), strict=True))


def record_of(batch: Batch, decision: Decision, seq: int) -> Record:
    """What a shard actor would journal."""
    return Record(
        RecordKind.BATCH,
        shard=0,
        era=1,
        seq=seq,
        epoch=1,
        now_ms=NOW_MS,
        rows=batch.rows,
        results=decision.results,
        movements=decision.movements,
        lines=decision.lines,
        heap=batch.heap,
    )


def filled(goods: Goods, limits: Limits) -> Shard:
    """A shard that knows the goods and has their opening stock; its memory is brought in."""
    shard = Shard(limits)
    touch(shard)
    for batch in (*goods.definitions(), *goods.opening()):
        decision = decide(shard, batch.finished())
        if batch.rows["kind"][0] != Kind.DEFINE_WAREHOUSE:
            all_ok(decision)
    assert shard.counts["cells"] == goods.cells
    return shard
