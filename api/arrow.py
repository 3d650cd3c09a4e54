"""Arrow at the edge: an untrusted IPC stream to one checked table, and results to a stream.

Nothing here knows a stock command; `api.arrow_rows` turns the table into rows. Everything is done by columns:
no Python object is made for a row.
"""

import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.arrow_values import dictionary, exact, reservations
from api.render import FROM_CELL, HAS_AVAILABLE, HAS_QUANTITY, OUTCOME_TEXT, Names
from api.status import Problem
from engine.layout import NO_WAREHOUSE

ARROW_MEDIA: Final = b"application/vnd.apache.arrow.stream"
_RECORD_BATCH, _DICTIONARY_BATCH = "record batch", "dictionary"

Array = npt.NDArray[np.void]


def read_table(body: bytes, bytes_max: int, rows_max: int) -> pa.Table:
    """The table in an IPC stream, validated in full: offsets, indices and UTF-8.

    400 `invalid_arrow` when it is none; 413 `too_large` with more rows than `rows_max`, or when compressed
    buffers would unpack to more than `bytes_max`.
    """
    try:
        if _unpacked_bytes(body) > bytes_max:
            raise Problem(413, "too_large", f"more than {bytes_max} bytes when unpacked")
        with pa.ipc.open_stream(body) as reader:
            table = reader.read_all()
        if table.num_rows > rows_max:
            raise Problem(413, "too_large", f"more than {rows_max} commands")
        table.validate(full=True)
        return table.unify_dictionaries().combine_chunks()
    except (pa.ArrowException, OSError, ValueError, struct.error, OverflowError) as error:
        raise Problem(400, "invalid_arrow", str(error)[:200]) from None


def _unpacked_bytes(body: bytes) -> int:
    """What the compressed buffers of all batches say they unpack to; 0 when none is compressed."""
    total = 0
    for message in pa.ipc.MessageReader.open_stream(body):
        if message.type not in (_RECORD_BATCH, _DICTIONARY_BATCH):
            continue
        meta = message.metadata.to_pybytes()
        header = _reference(meta, _root(meta), 2)
        if message.type == _DICTIONARY_BATCH:
            header = _reference(meta, header, 1)
        if not _field(meta, header, 3):
            continue
        vector = _reference(meta, header, 2)
        data = message.body.to_pybytes()
        for at in range(_u32(meta, vector)):
            offset, length = struct.unpack_from("<qq", meta, vector + 4 + 16 * at)
            if length > 0:
                (unpacked,) = struct.unpack_from("<q", data, offset)
                total += max(length, unpacked)
    return total


# The four rules of FlatBuffers that are needed to find a field (flatbuffers.dev, "FlatBuffer internals").


def _u32(data: bytes, at: int) -> int:
    value: int = struct.unpack_from("<I", data, at)[0]
    return value


def _root(data: bytes) -> int:
    return _u32(data, 0)


def _field(data: bytes, table: int, number: int) -> int:
    """Where a table's field is, 0 when it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size, _ = struct.unpack_from("<HH", data, vtable)
    at = 4 + 2 * number
    offset = struct.unpack_from("<H", data, vtable + at)[0] if at < size else 0
    return table + offset if offset else 0


def _reference(data: bytes, table: int, number: int) -> int:
    """Where the table or vector that a field refers to begins."""
    at = _field(data, table, number)
    if not at:
        raise ValueError("a message without its header")
    return at + _u32(data, at)


# ---- results


def write_results(ids: Any, kinds: Array, results: Array, names: Names) -> bytes:
    """The answers as an IPC stream; `ids` is a pa.StringArray or a list, `kinds` those of the commands."""
    outcomes = results["outcome"]
    figures = FROM_CELL[outcomes]
    decimals = results["decimals"]
    whole = not decimals.any()
    table = pa.table(
        {
            "id": pa.array(ids, pa.string()) if isinstance(ids, list) else ids,
            "outcome": dictionary(outcomes.astype(np.uint16), OUTCOME_TEXT.__getitem__, None),
            "reservation": reservations(results),
            "warehouse": dictionary(
                results["warehouse"], names.warehouse_code, figures & (results["warehouse"] != NO_WAREHOUSE)
            ),
            "quantity": exact(results["quantity"], decimals, whole, figures & HAS_QUANTITY[kinds]),
            "available": exact(results["available"], decimals, whole, figures & HAS_AVAILABLE[kinds]),
        }
    )
    return write_table(table)


def write_table(table: pa.Table) -> bytes:
    """The table as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
