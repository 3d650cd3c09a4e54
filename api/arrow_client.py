"""The client's side of the Arrow edge: tables into request bodies, answers into arrays, feed pages into a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MEDIA: Final = "application/vnd.apache.arrow.stream"

NOT_PINNED: Final = ("unavailable", "overloaded")
"""Outcomes that a shard did not decide: the row is sent again with the same id."""

_EVENTS: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("command_id", pa.string()),
        ("sku", pa.string()),
        ("warehouse", pa.string()),
        ("quantity", pa.int64()),
        ("on_hand", pa.int64()),
        ("reserved", pa.int64()),
        ("available", pa.int64()),
        ("reservation", pa.string()),
        ("unit_price", pa.int64()),
    ]
)
_TEXTS = [(name, pa.string()) for name in ("id", "kind", "basket", "outcome")]
_FOLLOW_UPS: Final = pa.schema([*_TEXTS, ("first_at", pa.int64()), ("last_at", pa.int64())])


@dataclass(frozen=True, slots=True)
class Answers:
    """What an array of commands was answered with, row by row."""

    outcomes: npt.NDArray[np.object_]
    available: npt.NDArray[np.int64]
    """smallest units; -1 where the answer has none"""
    reservations: npt.NDArray[np.object_]
    """their ids, or None"""

    @property
    def pinned(self) -> npt.NDArray[np.bool_]:
        """Which rows were decided; the others must be sent again."""
        decided: npt.NDArray[np.bool_] = ~np.isin(self.outcomes.astype(str), NOT_PINNED)
        return decided


def encode(rows: Any, not_after_ms: int) -> bytes:
    """An Arrow stream of command rows (a pyarrow table); columns that are empty throughout stay at home."""
    rows = rows.select([name for name in rows.column_names if rows[name].null_count < rows.num_rows])
    until = pa.scalar(datetime.fromtimestamp(not_after_ms / 1000, UTC), pa.timestamp("ms", "UTC"))
    rows = rows.append_column("not_after", pa.repeat(until, rows.num_rows))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def decode(body: bytes, sent: Any) -> Answers | None:
    """The answer to the rows `sent`; None when it is not one answer to each of them, in their order."""
    with pa.ipc.open_stream(body) as reader:
        table = reader.read_all()
    if not table["id"].combine_chunks().equals(sent["id"].combine_chunks()):
        return None
    for name, kind in (("available", pa.int64()), ("reservation", pa.string())):
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, kind))
    return Answers(
        table["outcome"].cast(pa.string()).to_numpy(zero_copy_only=False),
        pc.fill_null(table["available"].cast(pa.int64()), -1).to_numpy(),
        table["reservation"].cast(pa.string()).to_numpy(zero_copy_only=False),
    )


def take(rows: Any, which: npt.NDArray[np.int64]) -> Any:
    """The rows at these ascending indices: a view when they lie side by side, else a copy."""
    first, stop = int(which[0]), int(which[-1]) + 1
    part = rows.slice(first, stop - first)
    if which.size == stop - first:
        return part
    marked = np.zeros(stop - first, np.bool_)
    marked[which - first] = True
    return part.filter(pa.array(marked))


def numbered(texts: Any) -> tuple[npt.NDArray[np.int32], list[str]]:
    """A column of texts as numbers and the text of each number."""
    encoded = texts.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def events_of_stream(body: bytes) -> Any:
    """A page of the feed that came as an Arrow stream."""
    with pa.ipc.open_stream(body) as reader:
        page = reader.read_all()
    missing = [field.name for field in _EVENTS if field.name not in page.column_names]
    for name in missing:
        page = page.append_column(name, pa.nulls(page.num_rows, _EVENTS.field(name).type))
    return page.select(_EVENTS.names).cast(_EVENTS)


def events_of_json(events: Sequence[dict[str, Any]]) -> Any:
    """A page of the feed that came as JSON."""
    columns: dict[str, list[Any]] = {name: [event.get(name) for event in events] for name in _EVENTS.names}
    columns["unit_price"] = [price and price["amount"] for price in columns["unit_price"]]
    return pa.table(columns, _EVENTS)


def joined_events(pages: Iterable[Any]) -> Any:
    """All pages as one table, numbered in the order of the feed in column `n`."""
    table = pa.concat_tables([_EVENTS.empty_table(), *pages])
    return table.add_column(0, "n", pa.array(np.arange(table.num_rows)))


def follow_up_table(notes: Sequence[tuple[str, str, str, str, int, int]]) -> Any:
    """Notes of follow-ups as a table: id, kind, basket, outcome, first_at, last_at."""
    return pa.table({field.name: [note[at] for note in notes] for at, field in enumerate(_FOLLOW_UPS)}, _FOLLOW_UPS)


def table_of(**columns: Any) -> Any:
    """A table from lists and numpy arrays; a list without values is a column of texts."""
    return pa.table(
        {name: pa.array(values, pa.string() if len(values) == 0 else None) for name, values in columns.items()}
    )
