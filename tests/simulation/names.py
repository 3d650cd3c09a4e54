"""The goods and places of a world, and how commands about them become rows of the wire and are read back from it."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np

from engine import ids
from engine.ids import finish_rows
from engine.kinds import Flag, Kind, WarehouseKind
from engine.layout import COMMAND, NO_WAREHOUSE, TEXTS
from engine.wire import Array, Bytes
from tests.builders import define_channel, define_sku, define_warehouse, row
from tests.rows import Hold, Row

SECRET: Final = b"sixteen bytes ok"
PLACES: Final = ("north", "south", "bin")
"""`bin` is a quarantine: goods there are nobody's to sell."""
CHANNELS: Final = ("web", "till")
"""web sells from everywhere, till from south only."""
CLIENTS: Final = ("anna", "bert", "carl")
WEIGHED: Final = "NUTS"
GOODS: Final = (WEIGHED, *(f"SKU-{n}" for n in range(47)))

sku_key, text_key = cache(ids.sku_key), cache(ids.text_key)
SKU_KEYS: Final = {sku: sku_key(sku) for sku in GOODS}
_PACK: Final = struct.Struct("<QQqqqqqQqqqqqqIIIiiIiHHHHHhHBB8B")
assert _PACK.size == COMMAND.itemsize
_NO_NAME: Final = NO_WAREHOUSE
_PLACE_NUMBERS: Final = {"": _NO_NAME} | {name: number for number, name in enumerate(PLACES)}
_CHANNEL_NUMBERS: Final = {"": _NO_NAME} | {name: number for number, name in enumerate(CHANNELS)}
_CLIENT_NUMBERS: Final = {name: number for number, name in enumerate(CLIENTS)}
_PLACE_NAMES: Final = {number: name for name, number in _PLACE_NUMBERS.items()}
_CHANNEL_NAMES: Final = {number: name for name, number in _CHANNEL_NUMBERS.items()}
# Plain numbers and look-ups: these are asked for every row of every journal.
_CONTINUES, _RESERVE = Flag.CONTINUES, Kind.RESERVE
assert TEXTS == ("id", "reference", "label", "reason", "source", "customer", "original", "name")
_KINDS: Final = {int(kind): kind for kind in Kind}
_HOLDING: Final = frozenset((int(Kind.RESERVE), int(Kind.SELL)))
_WITH_SOURCE: Final = frozenset((int(Kind.RECEIVE), int(Kind.EXPECT)))
_COLUMNS: Final = {name: at for at, name in enumerate(COMMAND.names or ())}
_DEFINED: Final = {
    Kind.DEFINE_SKU: "sku", Kind.DEFINE_WAREHOUSE: "warehouse", Kind.DEFINE_CHANNEL: "channel",
    Kind.DEFINE_CLIENT: "client",
}  # fmt: skip

Packed = tuple[bytes, bytes]
"""(a row of COMMAND without its place in the heap, its texts)"""
Key = tuple[int, int]
"""(reservation key, partition with SPANS)"""


class Names:
    """Which reservation has which key; the same for the whole world."""

    def __init__(self) -> None:
        self.keys: dict[Hold, Key] = {}
        self.holds: dict[int, Hold] = {}
        self.skus: dict[int, str] = {sku_key(sku): sku for sku in GOODS} | {0: ""}
        self.sources: dict[int, str] = {0: ""}

    def encode(self, rows: Sequence[Row]) -> tuple[Array, Bytes]:
        """COMMAND rows as the API's encoder leaves them, not finished, and their texts."""
        return together([self.packed(each) for each in rows])

    def learn(self, rows: Sequence[Row], encoded: Array, heap: Bytes) -> list[tuple[int, int]]:
        """The id hashes of encoded rows (0, 0 where one continues); what they would reserve is known from now on."""
        finished = np.frombuffer(bytearray(encoded), COMMAND)
        finish_rows(finished, heap, SECRET)
        head = rows[0]
        found = []
        for each, values in zip(rows, finished.tolist(), strict=True):
            if not each.has(_CONTINUES) and not (each.group and each.group == head.group):
                head = each
            if each.kind == _RESERVE and (head.client, head.id) not in self.keys:
                key = values[_COLUMNS["reservation"]]
                self.keys[head.client, head.id] = (key, values[_COLUMNS["partition"]])
                self.holds[key] = (head.client, head.id)
            found.append((values[0], values[1]))
        return found

    def hold(self, key: int) -> Hold | None:
        """The reservation of that key; a sale over several shards holds under a key that nobody knows."""
        return self.holds.get(key, ("", f"#{key:x}")) if key else None

    def packed(self, r: Row) -> Packed:
        """One row and its texts, for `together`."""
        name = getattr(r, _DEFINED[r.kind]) if r.kind in _DEFINED else ""
        texts = (r.id, r.reference, r.label, r.reason, r.source, r.customer, r.original, name)
        encoded = [text.encode() if text else b"" for text in texts]
        if r.source and text_key(r.source) not in self.sources:
            self.sources[text_key(r.source)] = r.source
        key, partition = self.keys[r.reservation] if r.reservation is not None else (0, 0)
        row = _PACK.pack(
            0, 0, sku_key(r.sku), r.quantity, r.expected, r.unit_price, r.discount, key, 0, r.not_after_ms,
            r.issued_at_ms, r.occurred_at_ms, r.due_ms, 0, 0, _codes(r.warehouse, r.to_warehouse, r.channel),
            r.group, r.ttl_s, r.tax_rate, 0, r.priority, _CLIENT_NUMBERS[r.client], _PLACE_NUMBERS[r.warehouse],
            _PLACE_NUMBERS[r.to_warehouse], _CHANNEL_NUMBERS[r.channel], partition, r.line, r.flags, r.kind,
            r.place_kind, *map(len, encoded),
        )  # fmt: skip
        return row, b"".join(encoded)

    def read(self, values: tuple[Any, ...], command_id: str) -> Row:
        """A journaled row (as plain values) in the oracle's words; `group` and keys are the record's."""
        (
            _, _, sku, quantity, expected, unit_price, discount, reservation, source, not_after_ms, issued_at_ms,
            occurred_at_ms, due_ms, _, _, _, group, ttl_s, _, _, priority, client, warehouse, to_warehouse, channel,
            _, line, flags, kind, place_kind, _,
        ) = values  # fmt: skip
        settles = kind not in _HOLDING
        return Row(
            kind=_KINDS[kind],
            id=command_id,
            client=CLIENTS[client],
            sku=self.skus[sku],
            warehouse=_PLACE_NAMES[warehouse],
            to_warehouse=_PLACE_NAMES[to_warehouse],
            channel=_CHANNEL_NAMES[channel],
            quantity=quantity,
            expected=expected,
            unit_price=unit_price,
            discount=discount,
            reservation=self.hold(reservation) if settles else None,
            source=self.sources.get(source, "") if kind in _WITH_SOURCE else "",
            not_after_ms=not_after_ms,
            issued_at_ms=issued_at_ms,
            occurred_at_ms=occurred_at_ms,
            due_ms=due_ms,
            group=group,
            ttl_s=ttl_s,
            priority=priority,
            line=line,
            flags=_flags(flags),
            place_kind=place_kind,
        )


def together(parts: Sequence[Packed]) -> tuple[Array, Bytes]:
    """Rows as one request: COMMAND rows and their texts."""
    rows = np.frombuffer(bytearray().join([row for row, _ in parts]), COMMAND)
    lengths = np.array([len(texts) for _, texts in parts])
    rows["text_at"] = np.cumsum(lengths) - lengths
    return rows, np.frombuffer(b"".join([texts for _, texts in parts]), np.uint8)


@cache
def _flags(bits: int) -> Flag:
    return Flag(bits)


@cache
def _codes(warehouse: str, to_warehouse: str, channel: str) -> int:
    return zlib.crc32(f"{warehouse}\0{to_warehouse}\0{channel}".encode())


def definitions() -> list[Row]:
    """What every shard is told first."""
    return [
        *(define_sku(sku, 3 if sku == WEIGHED else 0, client=CLIENTS[0], id=f"d-{sku}") for sku in GOODS),
        define_warehouse("north", priority=1, client=CLIENTS[0], id="d-north"),
        define_warehouse("south", priority=2, client=CLIENTS[0], id="d-south"),
        define_warehouse("bin", priority=0, kind=WarehouseKind.QUARANTINE, client=CLIENTS[0], id="d-bin"),
        *_channel("web", None),
        *_channel("till", ["south"]),
        *(row(Kind.DEFINE_CLIENT, client=client, id=f"d-{client}") for client in CLIENTS),
    ]


def _channel(code: str, places: Sequence[str] | None) -> list[Row]:
    rows = define_channel(code, places)
    return [replace(each, client=CLIENTS[0], id=f"d-{code}" if each.id else "") for each in rows]
