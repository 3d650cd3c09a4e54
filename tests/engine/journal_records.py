"""Records as shards write them, made without a shard, for tests of the journal."""

import numpy as np

from engine.kinds import Kind
from engine.layout import COMMAND, MOVEMENT, NO_LINE, NO_WAREHOUSE, RESULT
from engine.outcomes import Outcome
from engine.record import Record, RecordKind, position_of

START_MS = 1_760_000_000_000
ID_BYTES = 36


def reserve_record(count: int, *, seq: int = 1, epoch: int = 1, shard: int = 0, refused: float = 0.05) -> Record:
    """A batch of `count` reserve rows with ids of 36 characters, of which a share was refused."""
    rng = np.random.default_rng(seq)
    rows = np.zeros(count, COMMAND)
    for field in ("id_hi", "id_lo", "reservation"):
        rows[field] = rng.integers(0, 1 << 64, count, dtype=np.uint64)
    rows["sku_key"] = rng.integers(-(1 << 63), 1 << 63, count)
    rows["content"] = rng.integers(0, 1 << 32, count)
    rows["partition"] = rows["sku_key"].view(np.uint64) >> np.uint64(54)
    rows["quantity"] = rng.integers(1, 5, count) * 1000
    rows["not_after_ms"] = START_MS + 30_000 + rng.integers(0, 50, count)
    rows["text_at"] = np.arange(count) * ID_BYTES
    rows["text_lengths"][:, 0] = ID_BYTES
    rows["ttl_s"], rows["kind"], rows["line"], rows["to_warehouse"] = 900, Kind.RESERVE, NO_LINE, NO_WAREHOUSE
    rows["warehouse"] = rng.integers(0, 500, count)
    rows["channel"] = rng.integers(0, 5, count)

    held = rng.random(count) >= refused
    results = np.zeros(count, RESULT)
    results["outcome"] = np.where(held, Outcome.OK, Outcome.INSUFFICIENT_STOCK)
    results["position"] = position_of(seq, 0) + np.arange(count)
    results["requested"] = rows["quantity"] // 1000
    results["warehouse"] = rows["warehouse"]
    results["available"] = rng.integers(0, 1000, count)
    for field, value in (("quantity", results["requested"]), ("expires_at_ms", START_MS + 900_000), ("state", 1)):
        results[field] = np.where(held, value, 0)
    for field in ("reservation", "partition"):
        results[field] = np.where(held, rows[field], 0)

    behind = np.flatnonzero(held)
    movements = np.zeros(len(behind), MOVEMENT)
    movements["row"] = behind
    for field in ("sku_key", "reservation", "warehouse", "channel"):
        movements[field] = rows[field][behind]
    movements["quantity"] = movements["reserved_delta"] = movements["requested"] = results["requested"][behind]
    movements["on_hand"] = rng.integers(0, 2000, len(behind))
    movements["reserved"] = rng.integers(0, 200, len(behind))
    movements["available"] = movements["on_hand"] - movements["reserved"]
    movements["value"], movements["kind"], movements["state"] = START_MS + 900_000, Kind.RESERVE, 1
    return Record(
        RecordKind.BATCH,
        shard,
        era=1,
        seq=seq,
        epoch=epoch,
        now_ms=START_MS + seq,
        id_window_ms=604_800_000,
        rows=rows,
        results=results,
        movements=movements,
        heap=rng.integers(48, 58, count * ID_BYTES, dtype=np.uint8),
    )


def same_record(one: Record, other: Record) -> bool:
    """Whether two records are equal in every field and every byte."""

    def comparable(record: Record) -> list[object]:
        values = (getattr(record, name) for name in Record.__slots__)
        return [(value.dtype, value.tobytes()) if isinstance(value, np.ndarray) else value for value in values]

    return comparable(one) == comparable(other)
