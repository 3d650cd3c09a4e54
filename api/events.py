"""Movements of a journal's record as the events of the feed. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from api.lookup import text_of
from api.numbers import quantity_json, time_json
from engine.ids import reservation_text
from engine.kinds import Flag, Kind, MovementFlag
from engine.layout import NO_ROW, NO_WAREHOUSE, TEXTS
from engine.record import Record, seq_and_row

ALERTS: Final = (Kind.ALERT_RAISED, Kind.ALERT_CLEARED)
KINDS: Final = {
    kind.text: int(kind) for kind in Kind if kind <= Kind.CONFIGURE or kind in (Kind.EXPIRE, Kind.SHORT, *ALERTS)
}
KIND_TEXT: Final = {number: text for text, number in KINDS.items()}
_HIDDEN: Final = np.uint8(MovementFlag.HIDDEN)
_CONTINUES: Final = int(Flag.CONTINUES)
_HAS_PRICE: Final = int(Flag.HAS_PRICE)
_ID, _REFERENCE, _REASON = (TEXTS.index(name) for name in ("id", "reference", "reason"))


class Names(Protocol):
    """The part of the directory that events need."""

    def warehouse_code(self, number: int) -> str:
        """The code of a registered warehouse."""

    def channel_code(self, number: int) -> str:
        """The code of a registered channel."""

    def client_name(self, number: int) -> str:
        """The name of a registered client."""

    def sku_text(self, sku_key: int) -> str | None:
        """The SKU behind a key."""


class Filters(NamedTuple):
    """Which events are wanted; 0 and NO_WAREHOUSE are any."""

    sku_key: int = 0
    warehouse: int = NO_WAREHOUSE
    kind: int = 0


class Piece(NamedTuple):
    """Some events of one record."""

    record: Record
    which: npt.NDArray[np.intp]
    """indices of its movements"""
    prepared: Mapping[int, Record]
    """the records of `prepared_seqs`"""


def wanted(record: Record, begin: int, filters: Filters) -> npt.NDArray[np.intp]:
    """Indices of the record's movements from `begin` that are shown and pass the filters."""
    movements = record.movements[begin:]
    if not len(movements):
        return np.empty(0, np.intp)
    mask = (movements["flags"] & _HIDDEN) == 0
    if filters.sku_key:
        mask &= movements["sku_key"] == filters.sku_key
    if filters.warehouse != NO_WAREHOUSE:
        mask &= movements["warehouse"] == filters.warehouse
    if filters.kind:
        mask &= movements["kind"] == filters.kind
    return np.flatnonzero(mask) + begin


class _Movement(NamedTuple):
    """What of a MOVEMENT is shown."""

    sku_key: int
    quantity: int
    on_hand: int
    reserved: int
    incoming: int
    available: int
    reservation: int
    value: int
    prepared_at: int
    row: int
    warehouse: int
    line: int
    channel: int
    client: int
    partition: int
    kind: int
    decimals: int


class _Cause(NamedTuple):
    """What a command row says about the movements behind it."""

    command_id: str
    occurred_at_ms: int
    reference: str
    reason: str
    unit_price: dict[str, Any] | None


_HOLDING_FOR_NOBODY: Final = frozenset((int(Kind.SELL),))
"""A sale over several shards holds its units until it is decided; that hold is nobody's reservation."""
_ALERTS: Final = frozenset(map(int, ALERTS))
_NOBODY: Final = _Cause("", 0, "", "", None)


def prepared_seqs(record: Record, index: npt.NDArray[np.intp]) -> list[int]:
    """The records that hold the commands behind these movements, where a command spanned several shards."""
    positions = record.movements["prepared_at"][index]
    return sorted({seq_and_row(position)[0] for position in positions[positions != 0].tolist()})


def events(
    record: Record, index: npt.NDArray[np.intp], prepared: Mapping[int, Record], names: Names
) -> Iterator[dict[str, Any]]:
    """The events of the movements at `index`, without their cursors; `prepared`: the records of `prepared_seqs`."""
    at = time_json(record.now_ms)
    causes: dict[tuple[int, int], _Cause] = {(0, NO_ROW): _NOBODY}
    # As plain tuples: a field of a numpy record costs six times as much.
    columns = (record.movements[name][index].tolist() for name in _Movement._fields)
    for movement in map(_Movement._make, zip(*columns, strict=True)):
        behind, row = record, movement.row
        if movement.prepared_at:
            seq, first = seq_and_row(movement.prepared_at)
            behind = prepared[seq]
            row = prepared_row(behind, first, movement.line)
        key = (0 if behind is record else behind.seq, row)
        if key not in causes:
            causes[key] = _cause(behind, row)
        yield _event(record, movement, causes[key], at, names)


def prepared_row(record: Record, first: int, line: int) -> int:
    """The row of a line of the command whose first row is `first`; sales carry no line: they are counted."""
    rows = record.rows
    group = int(rows["group"][first])
    if not group:
        return first
    if int(rows["kind"][first]) == Kind.SELL:
        return min(first + line, len(rows) - 1)
    for row in range(first, len(rows)):
        if int(rows["group"][row]) != group:
            break
        if int(rows["line"][row]) == line:
            return row
    return first


def _event(record: Record, movement: _Movement, cause: _Cause, at: str, names: Names) -> dict[str, Any]:
    decimals = movement.decimals
    event: dict[str, Any] = {"cursor": "", "shard": record.shard, "seq": record.seq, "at": at}
    if cause.occurred_at_ms:
        event["occurred_at"] = time_json(cause.occurred_at_ms)
    warehouse = movement.warehouse
    event["kind"] = KIND_TEXT[movement.kind]
    event["client"] = names.client_name(movement.client)
    event["command_id"] = cause.command_id or None
    event["sku"] = names.sku_text(movement.sku_key)
    event["warehouse"] = names.warehouse_code(warehouse) if warehouse != NO_WAREHOUSE else None
    event["quantity"] = quantity_json(movement.quantity, decimals)
    event["on_hand"] = quantity_json(movement.on_hand, decimals)
    event["reserved"] = quantity_json(movement.reserved, decimals)
    event["available"] = quantity_json(movement.available, decimals)
    event["incoming"] = quantity_json(movement.incoming, decimals)
    if movement.kind in _ALERTS:
        position = movement.on_hand - movement.reserved + movement.incoming
        event["position"] = quantity_json(position, decimals)
        event["reorder_point"] = quantity_json(movement.value, decimals)
    if movement.channel != NO_WAREHOUSE:
        event["channel"] = names.channel_code(movement.channel)
    if movement.reservation and movement.kind not in _HOLDING_FOR_NOBODY:
        event["reservation"] = reservation_text(movement.partition, movement.reservation)
    if cause.reference:
        event["reference"] = cause.reference
    if cause.reason:
        event["reason"] = cause.reason
    if cause.unit_price:
        event["unit_price"] = cause.unit_price
    return event


def _cause(record: Record, at: int) -> _Cause:
    """A row that continues a command has the id and the reference of the command's first row."""
    row = record.rows[at]
    head = at
    while int(record.rows["flags"][head]) & _CONTINUES and head > 0:
        head -= 1
    first = record.rows[head]
    price = None
    if int(row["flags"]) & _HAS_PRICE:
        currency = int(row["currency"]).to_bytes(4, "little").rstrip(b"\0").decode()
        price = {"amount": int(row["unit_price"]), "currency": currency}
    return _Cause(
        text_of(first, record.heap, _ID),
        int(row["occurred_at_ms"]),
        text_of(row, record.heap, _REFERENCE) or text_of(first, record.heap, _REFERENCE),
        text_of(row, record.heap, _REASON),
        price,
    )
