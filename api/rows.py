"""One COMMAND row by name, its texts, and the struct that packs it: what every encoder of rows shares.

A row is filled by name in a `Row`, then packed by one precompiled struct whose format is read off the COMMAND
dtype: for a single row 8 us less than numpy columns take. Arrays go by columns (`api.command_columns`).
"""

import struct
from functools import lru_cache
from typing import Final, Protocol
from zlib import crc32

import msgspec

from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, TEXTS

NOT_AFTER_DEFAULT_MS: Final = 30_000
"""A command waits this long at most, unless it says otherwise."""
_LETTER: Final = {"u8": "Q", "i8": "q", "u4": "I", "i4": "i", "u2": "H", "i2": "h", "u1": "B"}
NO_TEXTS: Final = bytes(len(TEXTS))


class Names(Protocol):
    """The part of the directory that encoding needs."""

    def warehouse_number(self, code: str) -> int:
        """UNKNOWN_NUMBER when nobody registered it."""

    def channel_number(self, code: str) -> int:
        """UNKNOWN_NUMBER when nobody registered it."""


class Row(msgspec.Struct, gc=False):
    """One COMMAND row by name, in the dtype's order."""

    id_hi: int = 0
    id_lo: int = 0
    sku_key: int = 0
    quantity: int = 0
    expected: int = 0
    unit_price: int = 0
    discount: int = 0
    reservation: int = 0
    source_key: int = 0
    not_after_ms: int = 0
    issued_at_ms: int = 0
    occurred_at_ms: int = 0
    due_ms: int = 0
    reference_key: int = 0
    text_at: int = 0
    content: int = 0
    group: int = 0
    ttl_s: int = 0
    tax_rate: int = 0
    currency: int = 0
    priority: int = 0
    client: int = 0
    warehouse: int = NO_WAREHOUSE
    to_warehouse: int = NO_WAREHOUSE
    channel: int = NO_WAREHOUSE
    partition: int = 0
    line: int = NO_LINE
    flags: int = 0
    kind: int = 0
    place_kind: int = 0
    text_lengths: bytes = NO_TEXTS


def _format() -> str:
    letters = []
    for name in COMMAND.names or ():
        field = COMMAND[name]
        letters.append("8s" if field.subdtype else _LETTER[field.str[1:]])
    return "<" + "".join(letters)


_pack = struct.Struct(_format()).pack
values = msgspec.structs.astuple


def packed(row: Row) -> bytes:
    """The row as COMMAND has it."""
    return _pack(*values(row))


class Texts(msgspec.Struct, gc=False):
    """The texts of a row, in the order of layout.TEXTS."""

    id: str = ""
    reference: str = ""
    label: str = ""
    reason: str = ""
    source: str = ""
    customer: str = ""
    original: str = ""
    name: str = ""


@lru_cache(maxsize=1 << 16)
def place_crc(warehouse: str, to_warehouse: str, channel: str) -> int:
    """What the row's fingerprint knows of the places' texts; their numbers may be given later."""
    return crc32(f"{warehouse}\0{to_warehouse}\0{channel}".encode())


def uuid7_ms(command_id: str) -> int:
    """The time that a UUIDv7 carries, 0 for any other id."""
    if len(command_id) != 36 or command_id[14] != "7" or command_id[8] != "-" or command_id[13] != "-":
        return 0
    try:
        return int(command_id[:8] + command_id[9:13], 16)
    except ValueError:
        return 0
