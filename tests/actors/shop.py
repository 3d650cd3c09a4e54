"""Rows as the API's encoder leaves them, for tests of the client and the shards: unfinished, with texts.

Quantities are whole pieces. Warehouse 0 and 1 and channel 0 (all warehouses) are defined by `definitions`.
"""

import itertools
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from engine.ids import sku_key
from engine.kinds import Flag, Kind, QuestionKind, WarehouseKind
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, QUANTITY_SCALE, QUESTION, TEXTS
from engine.wire import Array, Bytes

SECRET = b"sixteen bytes ok"
NEVER_MS = 1 << 62
CLIENT = 7
Spec = dict[str, Any]
_numbers = itertools.count(1)


def row(kind: Kind, sku: str = "", quantity: int = 0, **more: Any) -> Spec:
    """One row; `id` is made up unless given, everything else has the names of COMMAND or TEXTS."""
    more.setdefault("id", f"c-{next(_numbers)}")
    return {"kind": kind, "sku": sku, "quantity": quantity * QUANTITY_SCALE} | more


def receive(sku: str, quantity: int, warehouse: int = 0, **more: Any) -> Spec:
    return row(Kind.RECEIVE, sku, quantity, warehouse=warehouse, **more)


def sell(sku: str, quantity: int, warehouse: int = 0, **more: Any) -> Spec:
    return row(Kind.SELL, sku, quantity, warehouse=warehouse, channel=0, **more)


def reserve(sku: str, quantity: int, warehouse: int = 0, ttl_s: int = 600, **more: Any) -> Spec:
    flags = more.pop("flags", 0) | Flag.WANT_LINES
    more.setdefault("line", 0)
    return row(Kind.RESERVE, sku, quantity, warehouse=warehouse, channel=0, ttl_s=ttl_s, flags=flags, **more)


def settle(kind: Kind, result: np.void, **more: Any) -> Spec:
    """Confirm, release, fulfil or extend what `result` says was made."""
    flags = more.pop("flags", 0) | Flag.WANT_LINES
    more["reservation"], more["partition"] = int(result["reservation"]), int(result["partition"])
    return row(kind, flags=flags, **more)


def together(*specs: Spec) -> list[Spec]:
    """One command: the first row's id is the id of all."""
    group = next(_numbers)
    rest = [spec | {"id": "", "flags": spec.get("flags", 0) | Flag.CONTINUES} for spec in specs[1:]]
    return _lines([spec | {"group": group} for spec in (specs[0], *rest)])


def labelled(*specs: Spec) -> list[Spec]:
    """Rows with ids of their own that stand or fall together."""
    group = next(_numbers)
    return _lines([spec | {"group": group, "label": "basket"} for spec in specs])


def _lines(specs: Iterable[Spec]) -> list[Spec]:
    numbers = itertools.count()
    return [spec | {"line": next(numbers)} if spec["kind"] == Kind.RESERVE else spec for spec in specs]


def definitions(skus: Sequence[str]) -> list[Spec]:
    """Goods by the piece, two warehouses, a channel that sells from both."""
    return [
        *(row(Kind.DEFINE_SKU, sku, name=sku) for sku in skus),
        row(Kind.DEFINE_WAREHOUSE, warehouse=0, priority=1, place_kind=WarehouseKind.WAREHOUSE, name="north"),
        row(Kind.DEFINE_WAREHOUSE, warehouse=1, priority=2, place_kind=WarehouseKind.STORE, name="south"),
        row(Kind.DEFINE_CHANNEL, channel=0, flags=Flag.ALL_WAREHOUSES, name="web"),
        row(Kind.DEFINE_CLIENT, name="shop"),
    ]


def encode(*specs: Spec | Iterable[Spec]) -> tuple[Array, Bytes]:
    """(rows, heap), not finished."""
    flat = [each for spec in specs for each in ([spec] if isinstance(spec, dict) else spec)]
    rows = np.zeros(len(flat), COMMAND)
    heap = bytearray()
    rows["client"], rows["line"], rows["not_after_ms"] = CLIENT, NO_LINE, NEVER_MS
    rows["warehouse"] = rows["to_warehouse"] = rows["channel"] = NO_WAREHOUSE
    for place, spec in enumerate(flat):
        rows["text_at"][place] = len(heap)
        rows["content"][place] = zlib.crc32(repr((spec.get("warehouse"), spec.get("channel"))).encode())
        for name, value in spec.items():
            if name == "sku":
                rows["sku_key"][place] = sku_key(value)
            elif name not in TEXTS:
                rows[name][place] = value
        for at, name in enumerate(TEXTS):
            text = spec.get(name, "").encode()
            rows["text_lengths"][place, at] = len(text)
            heap += text
    return rows, np.frombuffer(bytes(heap), np.uint8)


def ask(kind: QuestionKind, **fields: Any) -> Array:
    """One question; `sku` stands for its key."""
    question = np.zeros(1, QUESTION)
    question["kind"], question["client"], question["channel"] = kind, CLIENT, NO_WAREHOUSE
    for name, value in fields.items():
        if name == "sku":
            question["key"] = sku_key(value) & (1 << 64) - 1
        else:
            question[name] = value
    return question
