"""The movements of journal records as columns, for pages of the feed as Arrow streams. Pure.

The same events as `api.events` writes one by one (a test compares them), without a cursor in each: a page has the
one to go on with. Texts are cut out of a record's heap for all its rows at once.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from actors.packing import join
from api.arrow_values import dictionary, exact, moments, named, pieces, reservations
from api.events import ALERTS, KIND_TEXT, Names, Piece, prepared_row
from engine.kinds import Flag, Kind
from engine.layout import COMMAND, NO_ROW, NO_WAREHOUSE, TEXTS
from engine.record import Record, RecordKind, seq_and_row

Array = npt.NDArray[np.void]
Bytes = npt.NDArray[np.uint8]
Int64s = npt.NDArray[np.int64]

_ID, _REFERENCE, _REASON = (TEXTS.index(name) for name in ("id", "reference", "reason"))
_COUNTERS: Final = ("quantity", "on_hand", "reserved", "available", "incoming")
_NOBODY: Final = (np.zeros(1, COMMAND), np.empty(0, np.uint8))
"""What a movement without a command says."""


def has_decimals(piece: Piece) -> bool:
    """Whether any of its quantities may have decimals."""
    return bool(piece.record.movements["decimals"][piece.which].any())


def no_events() -> Piece:
    """What an empty page is made of."""
    return Piece(Record(RecordKind.BATCH, 0, 0, 0, 0, 0), np.empty(0, np.intp), {})


def event_table(piece: Piece, names: Names, whole: bool) -> pa.Table:
    """The events of a piece of a record; `whole`: no quantity of the page has decimals."""
    record, movements = piece.record, piece.record.movements.take(piece.which)
    rows, heap, index = _rows_behind(piece, movements)
    causes = rows.take(index)
    heads = _heads(rows)[index]
    referring = np.where(rows["text_lengths"][index, _REFERENCE] != 0, index, heads)
    priced = (causes["flags"] & np.uint16(Flag.HAS_PRICE)) != 0
    warehouse, channel = movements["warehouse"], movements["channel"]
    # A copy is changed here: `take` made it. A sale's own hold is nobody's reservation.
    movements["reservation"][movements["kind"] == Kind.SELL] = 0
    everywhere = np.ones(len(movements), np.bool_)
    position = movements["on_hand"] - movements["reserved"] + movements["incoming"]
    alerts = np.isin(movements["kind"], ALERTS)
    return pa.table(
        {
            "shard": pa.array(np.full(len(movements), record.shard, np.int32)),
            "seq": pa.array(np.full(len(movements), record.seq, np.int64)),
            "at": moments(np.full(len(movements), record.now_ms, np.int64)),
            "occurred_at": moments(causes["occurred_at_ms"]),
            "kind": dictionary(movements["kind"].astype(np.uint16), KIND_TEXT.__getitem__, None),
            "client": dictionary(movements["client"], names.client_name, None),
            "command_id": _texts(rows, heap, heads, _ID),
            "sku": named(movements["sku_key"], names.sku_text),
            "warehouse": dictionary(warehouse, names.warehouse_code, warehouse != NO_WAREHOUSE),
            **{name: exact(movements[name], movements["decimals"], whole, everywhere) for name in _COUNTERS},
            "position": exact(position, movements["decimals"], whole, alerts),
            "reorder_point": exact(movements["value"], movements["decimals"], whole, alerts),
            "channel": dictionary(channel, names.channel_code, channel != NO_WAREHOUSE),
            "reservation": reservations(movements),
            "reference": _texts(rows, heap, referring, _REFERENCE),
            "reason": _texts(rows, heap, index, _REASON),
            "unit_price": pa.array(causes["unit_price"], mask=~priced),
            "currency": named(causes["currency"], _currency, priced),
        }
    )


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of all, each text of a code in it once."""
    return pa.concat_tables(tables).unify_dictionaries()


def _rows_behind(piece: Piece, movements: Array) -> tuple[Array, Bytes, Int64s]:
    """(rows, their heap, for each movement the index of the row that caused it)."""
    record = piece.record
    parts = [(record.rows, record.heap)]
    index = movements["row"].astype(np.int64)
    ends = len(record.rows)
    prepared = movements["prepared_at"]
    for seq, other in piece.prepared.items():
        for at in np.flatnonzero((prepared >> np.uint64(24)) == seq).tolist():
            _, first = seq_and_row(int(prepared[at]))
            index[at] = ends + prepared_row(other, first, int(movements["line"][at]))
        parts.append((other.rows, other.heap))
        ends += len(other.rows)
    nobody = (movements["row"] == NO_ROW) & (prepared == 0)
    if nobody.any():
        parts.append(_NOBODY)
        index[nobody] = ends
    rows, heap = join(parts)
    return rows, heap, index


def _heads(rows: Array) -> Int64s:
    """For each row the first one of its command."""
    continues = (rows["flags"] & np.uint16(Flag.CONTINUES)) != 0
    return np.maximum.accumulate(np.where(continues, 0, np.arange(len(rows))))


def _texts(rows: Array, heap: Bytes, index: Int64s, number: int) -> pa.Array:
    lengths = rows["text_lengths"][index].astype(np.int64)
    begins = rows["text_at"][index] + lengths[:, :number].sum(axis=1)
    return pieces(heap, begins, lengths[:, number])


def _currency(number: int) -> str:
    return number.to_bytes(4, "little").rstrip(b"\0").decode()
