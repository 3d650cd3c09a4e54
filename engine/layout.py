"""The arrays that travel and that are journaled: dtypes, reserved values and named limits.

Everything is an integer. Quantities of a *command row* are in thousandths of the unit that people write
(5 kg = 5000, 1.250 = 1250), because the sender need not know the SKU's decimals; the shard turns them into
the SKU's *smallest units* (5 pieces = 5 with no decimals) or refuses the row. All other quantities, in
results, movements, lines and cells, are smallest units. Times are milliseconds since 1970-01-01 UTC, money
is in minor units.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

PARTITIONS: Final = 1024
"""Fixed for ever: SKUs and reservations hash to partitions, a versioned map gives partitions to shards."""

SPANS: Final = 1024
"""Bit of a reservation's `partition`: its lines lie in several partitions, so perhaps on several shards."""

QUANTITY_SCALE: Final = 1000
"""Thousandths in one written unit; `quantity_decimals` is at most 3."""

NO_WAREHOUSE: Final = 0xFFFF
"""No warehouse given (a sourced line), or none or several in a result."""
UNKNOWN_NUMBER: Final = 0xFFFE
"""A warehouse or channel text that nobody registered."""
NO_LINE: Final = -1
NO_ROW: Final = 0xFFFFFFFF

COMMAND: Final = np.dtype(
    [
        ("id_hi", "<u8"),  # keyed 128-bit hash of (client, id); continuation rows: 0
        ("id_lo", "<u8"),
        ("sku_key", "<i8"),  # fixed hash of the SKU's text
        ("quantity", "<i8"),  # thousandths: quantity, delta or set_to; configure: safety_stock; DEFINE_SKU: decimals
        ("expected", "<i8"),  # thousandths: adjust: expected_on_hand; configure: floor
        ("unit_price", "<i8"),  # minor units (receive: unit_cost); configure: reorder_point in thousandths
        ("discount", "<i8"),  # minor units; configure: order_up_to in thousandths
        ("reservation", "<u8"),  # reserve: the key it will have; confirm, ...: the one meant
        ("source_key", "<i8"),  # fixed hash of the source's text, 0 = none; transfer in transit: of its id;
        # with Flag.PREPARE and on APPLY: the operation's key
        ("not_after_ms", "<i8"),
        ("issued_at_ms", "<i8"),  # 0 = not said (the earlier of issued_at and a UUIDv7's own time)
        ("occurred_at_ms", "<i8"),  # 0 = not said; journaled, never decides
        ("due_ms", "<i8"),  # expect: 0 = not said; APPLY and DECIDE: the reservation's absolute expires_at;
        # reserve with PREPARE: the reservation that it replaces
        ("reference_key", "<i8"),  # fixed hash of the reference's text, 0 = none
        ("text_at", "<u4"),  # where the row's texts begin in the batch's heap
        ("content", "<u4"),  # fingerprint of the command's content without not_after and issued_at
        ("group", "<u4"),  # adjacent rows with the same non-zero number stand or fall together
        ("ttl_s", "<i4"),
        ("tax_rate", "<i4"),  # millionths (0.19 = 190000)
        ("currency", "<u4"),  # three ASCII letters, first letter in the lowest byte; 0 = none
        ("priority", "<i4"),  # DEFINE_WAREHOUSE: priority; DEFINE_CHANNEL_WAREHOUSE: rank, from 0
        ("client", "<u2"),
        ("warehouse", "<u2"),
        ("to_warehouse", "<u2"),
        ("channel", "<u2"),
        ("partition", "<u2"),  # home partition of `reservation`, with SPANS
        ("line", "<i2"),  # line of the reservation, NO_LINE = all; configure: Setting bits
        ("flags", "<u2"),
        ("kind", "u1"),
        ("place_kind", "u1"),  # DEFINE_WAREHOUSE: WarehouseKind
        ("text_lengths", "u1", (8,)),  # bytes of each text, in the order of TEXTS
    ]
)
"""One row of a batch."""

TEXTS: Final = ("id", "reference", "label", "reason", "source", "customer", "original", "name")
"""The texts of a row, laid end to end in the heap from `text_at`, UTF-8. `label` is the caller's group or
reservation label; `name` is the code or SKU of a definition."""

RESULT: Final = np.dtype(
    [
        ("available", "<i8"),  # of the row's (last) cell after it, or when refused; a refused sourced line: sellable
        ("quantity", "<i8"),  # what was really moved or held
        ("reservation", "<u8"),
        ("expires_at_ms", "<i8"),  # 0 = none
        ("position", "<u8"),  # where this id's pinned answer lies: seq << 24 | row
        ("made_at", "<u8"),  # position of the command that made the reservation: its texts stand there
        ("lines_at", "<u4"),  # the reservation's lines in the answer's line array
        ("lines_n", "<u4"),
        ("partition", "<u2"),  # of the reservation
        ("channel", "<u2"),  # of the reservation
        ("warehouse", "<u2"),
        ("outcome", "u1"),
        ("flags", "u1"),  # ResultFlag
        ("decimals", "u1"),  # of the SKU
        ("state", "u1"),  # of the reservation after the row, or as it is when refused
        ("requested", "<i8"),  # reserve, sell, transfer: in smallest units
    ]
)
"""The answer to the command row at the same index."""

MOVEMENT: Final = np.dtype(
    [
        ("sku_key", "<i8"),
        ("quantity", "<i8"),  # signed, as on the feed
        ("on_hand_delta", "<i8"),
        ("reserved_delta", "<i8"),
        ("incoming_delta", "<i8"),
        ("on_hand", "<i8"),  # counters after
        ("reserved", "<i8"),
        ("incoming", "<i8"),
        ("available", "<i8"),
        ("reservation", "<u8"),
        # reserve, extend, confirm: expires_at_ms after; incoming movements: source_key; alerts: reorder_point
        ("value", "<i8"),
        ("requested", "<i8"),  # reserve: of the line; alerts: order_up_to
        ("prepared_at", "<u8"),  # carried out over several shards: position of the first row that prepared it
        ("row", "<u4"),  # the command row behind it, or NO_ROW
        ("warehouse", "<u2"),
        ("line", "<u2"),  # line of the reservation
        ("channel", "<u2"),
        ("client", "<u2"),
        ("partition", "<u2"),  # of the reservation
        ("kind", "u1"),
        ("flags", "u1"),  # MovementFlag
        ("decimals", "u1"),
        ("state", "u1"),  # of the reservation after the movement
    ]
)
"""One thing that changed. Replay adds the deltas and checks the counters after."""

LINE: Final = np.dtype(
    [
        ("reservation", "<u8"),
        ("sku_key", "<i8"),
        ("requested", "<i8"),
        ("quantity", "<i8"),
        ("fulfilled", "<i8"),
        ("released", "<i8"),
        ("line", "<u2"),
        ("warehouse", "<u2"),  # NO_WAREHOUSE: nothing was held for the line
        ("outcome", "u1"),
        ("decimals", "u1"),
    ]
)
"""One (line, warehouse) of a reservation, as answered."""

QUESTION: Final = np.dtype(
    [
        ("key", "<u8"),  # sku_key (as unsigned), reservation key or id_hi
        ("key_lo", "<u8"),  # id_lo
        ("after", "<u8"),  # RESERVATIONS: the ordinal to go on after
        ("limit", "<u4"),
        ("client", "<u2"),
        ("channel", "<u2"),  # STOCK: for `sellable`; RESERVATIONS: NO_WAREHOUSE = any
        ("kind", "u1"),
        ("state", "u1"),  # RESERVATIONS: 0 = any
        ("flags", "<u2"),  # Flag.ADMIN
        ("reference_key", "<i8"),  # RESERVATIONS: 0 = any
        ("sku_key", "<i8"),  # RESERVATIONS: 0 = any
    ]
)
"""A read, answered after the rows of its batch."""

ANSWER: Final = np.dtype(
    [
        ("on_hand", "<i8"),  # sums over cells
        ("reserved", "<i8"),
        ("incoming", "<i8"),
        ("available", "<i8"),  # without quarantine
        ("sellable", "<i8"),
        ("position", "<u8"),  # COMMAND: where the pinned answer lies
        ("next_after", "<u8"),  # RESERVATIONS: 0 = no more
        ("items_at", "<u4"),  # in the array of cell views (STOCK) or reservation views
        ("items_n", "<u4"),
        ("outcome", "u1"),  # OK or UNKNOWN_SKU, UNKNOWN_CHANNEL, UNKNOWN_RESERVATION, ID_TOO_OLD (unknown command)
        ("decimals", "u1"),
        ("archived", "u1"),
    ]
)
"""The answer to the question at the same index."""

CELL_VIEW: Final = np.dtype(
    [
        ("on_hand", "<i8"),
        ("reserved", "<i8"),
        ("safety_stock", "<i8"),
        ("floor", "<i8"),
        ("incoming", "<i8"),
        ("available", "<i8"),
        ("reorder_point", "<i8"),
        ("order_up_to", "<i8"),
        ("warehouse", "<u2"),
    ]
)
"""One cell as a reader sees it."""

RESERVATION_VIEW: Final = np.dtype(
    [
        ("reservation", "<u8"),
        ("expires_at_ms", "<i8"),  # 0 = none
        ("position", "<u8"),  # of the command that made it: its reference and customer stand there
        ("ordinal", "<u8"),
        ("lines_at", "<u4"),
        ("lines_n", "<u4"),
        ("partition", "<u2"),
        ("client", "<u2"),
        ("channel", "<u2"),
        ("state", "u1"),
    ]
)
"""One reservation as a reader sees it; its lines are in the line array."""

REORDER_HYSTERESIS: Final = 10
"""A reorder alert clears when the position is above the reorder point by more than one part of so many of it: goods
that come and go around the point would raise it again and again. Below ten units one above the point is enough, and
so is what `order_up_to` asks for, however near that is."""
ALERT_POLICY: Final = 1
"""Raised when alerts are judged otherwise: then every shard looks through all its cells once."""
ALERT_SCAN_CELLS: Final = 1 << 16
"""Cells that one batch looks through then: 0.5 ms, and as many movements at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that a shard is built with. Address space is reserved up to them; memory is used as rows come."""

    skus_max: int = 1 << 22
    cells_max: int = 1 << 24
    ids_max: int = 1 << 27
    reservations_max: int = 1 << 25
    lines_max: int = 1 << 26
    sources_max: int = 1 << 22
    operations_max: int = 1 << 18
    """commands over several shards that are prepared and not yet settled"""
    warehouses_max: int = 4096
    channels_max: int = 256
    clients_max: int = 4096
    batch_rows_max: int = 16_384
    movements_max: int = 1 << 18
    """movements that the rows of a batch have room for at least; a row beyond it is `overloaded`: not run, not
    remembered. Alerts have room of their own"""
    quantity_max: int = 10**12
    """smallest units in one row"""
    stock_max: int = 10**15
    """smallest units in one counter"""
    ttl_s_max: int = 2_592_000
    id_window_ms: int = 7 * 24 * 3600 * 1000
    """how long ids and closed reservations are remembered at least"""
