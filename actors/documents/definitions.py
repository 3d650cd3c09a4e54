"""From documents to definition rows: what a shard is told of a warehouse, a channel, a client or a SKU.

The id of a definition is derived from the document's number and version, so it can be sent until it is
decided, by whoever finishes the change, and has its effect once.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from actors.documents.facts import channel_facts, product_facts, warehouse_facts
from actors.documents.rows import Pending
from actors.documents.schema import DocumentKind
from engine.kinds import Flag, Kind, WarehouseKind
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, TEXTS

Rows = npt.NDArray[np.void]

SYSTEM_CLIENT: Final = 0
"""The number of the client `omnistock`, whose commands definitions are."""
_NEVER_TOO_LATE_MS: Final = 1 << 62
"""A definition whose fate is unknown is sent again with the same id: `too_late` would be pinned to it for ever."""
_ID: Final = TEXTS.index("id")
_NAME: Final = TEXTS.index("name")


def definition_rows(
    pending: Sequence[Pending], warehouse_numbers: Mapping[str, int]
) -> tuple[Rows, npt.NDArray[np.uint8], list[int]]:
    """(COMMAND rows, their heap, the index of each document's first row).

    A channel with a list of warehouses takes one row more for each of them. `warehouse_numbers` knows every
    code that the channels name.
    """
    lists = [_listed(document, warehouse_numbers) for document in pending]
    first_rows = np.cumsum([0, *(1 + len(listed) for listed in lists)]).tolist()
    rows = np.zeros(first_rows.pop(), COMMAND)
    rows["client"] = SYSTEM_CLIENT
    rows["not_after_ms"] = _NEVER_TOO_LATE_MS
    rows["warehouse"] = NO_WAREHOUSE
    rows["to_warehouse"] = NO_WAREHOUSE
    rows["channel"] = NO_WAREHOUSE
    rows["line"] = NO_LINE
    ids = [f"{p.kind}:{p.number}:v{p.version}".encode() for p in pending]
    names = [p.code.encode() for p in pending]
    lengths = rows["text_lengths"]
    lengths[first_rows, _ID] = [len(text) for text in ids]
    lengths[first_rows, _NAME] = [len(text) for text in names]
    rows["text_at"][1:] = np.cumsum(lengths.sum(axis=1, dtype=np.uint32))[:-1]
    rows["kind"][first_rows] = [_KINDS[p.kind] for p in pending]
    rows["flags"][first_rows] = [Flag.ARCHIVED if p.archived else 0 for p in pending]
    for kind, fill in _FILL.items():
        which = [i for i, document in enumerate(pending) if document.kind is kind]
        if which:
            fill(rows, [first_rows[i] for i in which], [pending[i] for i in which])
    for group, (listed, at) in enumerate(zip(lists, first_rows, strict=True), start=1):
        if listed:
            _fill_list(rows[at : at + 1 + len(listed)], listed, group)
    heap = np.frombuffer(b"".join(text for pair in zip(ids, names, strict=True) for text in pair), np.uint8)
    return rows, heap, first_rows


def _listed(pending: Pending, warehouse_numbers: Mapping[str, int]) -> list[int]:
    if pending.kind is not DocumentKind.CHANNEL or pending.archived:
        return []
    return [warehouse_numbers[code] for code in channel_facts(pending.document).warehouses or ()]


def _fill_products(rows: Rows, at: list[int], products: Sequence[Pending]) -> None:
    rows["sku_key"][at] = [p.number for p in products]
    rows["quantity"][at] = [product_facts(p.document).quantity_decimals for p in products]


def _fill_warehouses(rows: Rows, at: list[int], warehouses: Sequence[Pending]) -> None:
    facts = [warehouse_facts(p.document) for p in warehouses]
    rows["warehouse"][at] = [p.number for p in warehouses]
    rows["place_kind"][at] = [WarehouseKind[fact.kind.upper()] for fact in facts]
    rows["priority"][at] = [fact.priority for fact in facts]


def _fill_channels(rows: Rows, at: list[int], channels: Sequence[Pending]) -> None:
    rows["channel"][at] = [p.number for p in channels]
    everywhere = [channel_facts(p.document).warehouses is None for p in channels]
    rows["flags"][at] |= np.where(everywhere, np.uint16(Flag.ALL_WAREHOUSES), np.uint16(0))


def _fill_clients(rows: Rows, at: list[int], clients: Sequence[Pending]) -> None:
    # The client that is defined, not the one that asks: the latter is the system for every definition.
    rows["client"][at] = [p.number for p in clients]


_KINDS: Final = {
    DocumentKind.PRODUCT: Kind.DEFINE_SKU,
    DocumentKind.WAREHOUSE: Kind.DEFINE_WAREHOUSE,
    DocumentKind.CHANNEL: Kind.DEFINE_CHANNEL,
    DocumentKind.CLIENT: Kind.DEFINE_CLIENT,
}
_FILL: Final = {
    DocumentKind.PRODUCT: _fill_products,
    DocumentKind.WAREHOUSE: _fill_warehouses,
    DocumentKind.CHANNEL: _fill_channels,
    DocumentKind.CLIENT: _fill_clients,
}


def _fill_list(rows: Rows, listed: Sequence[int], group: int) -> None:
    rows["group"] = group
    rest = rows[1:]
    rest["kind"] = Kind.DEFINE_CHANNEL_WAREHOUSE
    rest["channel"] = rows["channel"][0]
    rest["warehouse"] = listed
    rest["priority"] = np.arange(len(listed))
    rest["flags"] = Flag.CONTINUES
