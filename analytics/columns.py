"""Columns that several tables have alike: where a row stands, when it was, its goods, texts and price.

No Python object is made for a row.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute

from analytics.rows_behind import Array, Bools, Int64s, Stretch
from engine.kinds import Flag, Kind
from engine.layout import NO_WAREHOUSE, QUANTITY_SCALE

TEN: Final = np.array([QUANTITY_SCALE // 10**decimals for decimals in range(4)], np.int64)
"""by decimals: what makes smallest units thousandths"""
HAS_PRICE: Final = np.uint16(Flag.HAS_PRICE)
_MOMENT: Final = pa.timestamp("ms", "UTC")
_EARLIEST_MS: Final = -62_135_596_800_000 + 2 * 86_400_000
_LATEST_MS: Final = 253_402_300_799_999 - 2 * 86_400_000
"""Two days within the years 1 to 9999: a clock on a wall is up to 14 hours off UTC, a business day up to 24."""


def names(members: Sequence[Any]) -> pa.Array:
    """By their numbers, as they are written."""
    by_number = {int(member): getattr(member, "text", member.name.lower()) for member in members}
    return pa.array([by_number.get(number, "") for number in range(max(by_number) + 1)], pa.string())


KINDS: Final = names(list(Kind))


def place(stretch: Stretch, which: Int64s) -> dict[str, Any]:
    """Where these movements stand in the journals."""
    return {
        "shard": np.full(len(which), stretch.shard, np.uint16),
        "seq": stretch.seqs[stretch.of_movement[which]],
        "n": stretch.n[which].astype(np.int32),
    }


def goods(rows: Array) -> dict[str, Any]:
    """Of movements and of command rows, which name them alike."""
    return {
        "sku_key": rows["sku_key"],
        **{name: pa.array(rows[name], mask=rows[name] == NO_WAREHOUSE) for name in ("warehouse", "channel")},
        "client": rows["client"],
    }


def texts(stretch: Stretch, causes: Int64s, *more: str) -> dict[str, pa.Array]:
    """The command's id and reference, and others that its first row may have for all."""
    return {
        "command_id": stretch.texts(stretch.heads[causes], "id"),
        **{name: stretch.texts(stretch.with_text(causes, name), name) for name in ("reference", *more)},
    }


def price(rows: Array) -> dict[str, Any]:
    """As command rows say it."""
    given = (rows["flags"] & HAS_PRICE) != 0
    different, back = np.unique(rows["currency"], return_inverse=True)
    codes = [number.to_bytes(4, "little").rstrip(b"\0").decode("ascii", "replace") for number in different.tolist()]
    return {
        "unit_price": pa.array(rows["unit_price"], mask=~given),
        "currency": pa.DictionaryArray.from_arrays(
            pa.array(back.astype(np.int32), mask=rows["currency"] == 0), pa.array(codes, pa.string())
        ),
    }


def occurred(stretch: Stretch, which: Int64s, rows: Array) -> pa.Array:
    """When these movements happened, by the rows behind them."""
    return moments(said_or(rows, stretch.times[stretch.of_movement[which]]))


def said_or(rows: Array, booked: Int64s) -> Int64s:
    """When it happened: as the caller said, within the years in which every place's clock and day can be written."""
    said = rows["occurred_at_ms"]
    return np.where(said != 0, np.clip(said, _EARLIEST_MS, _LATEST_MS), booked)


def moments(times_ms: Int64s, valid: Bools | None = None) -> pa.Array:
    """Null where not valid."""
    return pa.array(times_ms, mask=None if valid is None else ~valid).cast(_MOMENT)


def named(numbers: npt.NDArray[np.uint8], words: pa.Array, valid: Bools | None = None) -> pa.Array:
    """The word of each number; null where not valid."""
    return pa.DictionaryArray.from_arrays(
        pa.array(numbers.astype(np.int32), mask=None if valid is None else ~valid), words
    )


def where(condition: pa.Array, words: pa.Array, otherwise: pa.Array | None = None) -> pa.Array:
    """These words, else others, else null."""
    return compute.if_else(condition, words, pa.nulls(len(words), pa.string()) if otherwise is None else otherwise)
