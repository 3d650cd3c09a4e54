"""From journal records to what is entered into the tables, by columns: no Python object is made for a row.

Everything here follows from the records alone. What also wants what is in the tables already (the price at which a
reservation was made, the business day of a place) is added by `analytics.entering`.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from analytics.columns import HAS_PRICE
from analytics.fold_movements import of_movements
from analytics.fold_rows import of_rows
from analytics.rows_behind import Int64s, Stretch
from engine.kinds import Kind
from engine.layout import QUANTITY_SCALE
from engine.record import Record

WIDE_PRICE: Final = 1_000_000_000
"""Minor units for one written unit, ten million euros ..."""
WIDE_QUANTITY: Final = 1_000_000_000_000
"""... and thousandths, a thousand million pieces: up to both, sums of a line's amounts fit 64 bits."""
_SOLD: Final = (int(Kind.SELL), int(Kind.FULFIL), int(Kind.RETURN))


class Folded(NamedTuple):
    """What some records of one shard add."""

    tables: dict[str, pa.Table]
    """by name; those that are empty are left out. `sales_at_once` and `fulfilments` become `sales`"""
    last_seq: int
    last_ms: int
    wide: bool
    """whether a price or a quantity is beyond WIDE_PRICE or WIDE_QUANTITY"""


def fold(records: Sequence[Record], read: Callable[[int], Record]) -> Folded:
    """What these records, in order and of one shard, add; `read` gives an earlier record of the same journal."""
    stretch = Stretch(records, read)
    tables = {
        **(of_movements(stretch) if len(stretch.movements) else {}),
        **(of_rows(stretch) if len(stretch.results) else {}),
    }
    last = records[-1]
    given = {name: table for name, table in tables.items() if table.num_rows}
    return Folded(given, last.seq, last.now_ms, _is_wide(stretch))


def _is_wide(stretch: Stretch) -> bool:
    rows, movements = stretch.rows, stretch.movements
    priced = (rows["flags"] & HAS_PRICE) != 0
    units = movements["quantity"][np.isin(movements["kind"], _SOLD)]
    most = (_most(rows["unit_price"][priced]), _most(rows["discount"][priced]), _most(units) * QUANTITY_SCALE)
    return most[0] > WIDE_PRICE or most[1] > WIDE_PRICE or most[2] > WIDE_QUANTITY


def _most(values: Int64s) -> int:
    """The largest amount, of whatever sign."""
    return max(int(values.max()), -int(values.min())) if len(values) else 0
