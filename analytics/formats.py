"""A report's answer as JSON, CSV, XLSX, Parquet or an Arrow stream.

Pieces come as they are made, so that a large answer never lies in memory as text. Spreadsheets must not run what a
caller once gave as a name: texts that would begin a formula begin with an apostrophe in CSV, and are written as texts
in XLSX.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import orjson
import pyarrow as pa
import xlsxwriter
from pyarrow import compute, parquet

from analytics.reports.report import Column, Sort

ROWS_AT_ONCE: Final = 8_192
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the begin of a formula."""
_UNITS: Final = pa.decimal128(38, 3)
_EXACT_MAX: Final = 10**15
"""Thousandths below this go through a double unharmed."""
_MOMENT: Final = pa.timestamp("ms", "UTC")
_TYPES: Final = {
    Sort.TEXT: pa.string(),
    Sort.MONEY: pa.int64(),
    Sort.COUNT: pa.int64(),
    Sort.SHARE: pa.float64(),
    Sort.DAY: pa.date32(),
    Sort.MOMENT: _MOMENT,
}


def as_columns(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """What the statement gave, with the types that the columns' sorts have in Parquet and Arrow."""
    assert table.schema.names == [column.name for column in columns], (table.schema.names, columns)
    typed = [_typed(table.column(at), column.sort) for at, column in enumerate(columns)]
    return pa.table(dict(zip(table.schema.names, typed, strict=True)))


def _typed(values: pa.ChunkedArray, sort: Sort) -> pa.ChunkedArray:
    if sort is Sort.UNITS:
        # Thousandths as whole numbers are the same bytes as the numbers that people write, with three decimals.
        whole = values.cast(pa.decimal128(38, 0))
        chunks = [
            pa.Array.from_buffers(_UNITS, len(chunk), chunk.buffers(), chunk.null_count, chunk.offset)
            for chunk in whole.chunks
        ]
        return pa.chunked_array(chunks, _UNITS)
    if sort is Sort.MONEY and pa.types.is_decimal(values.type):
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            return values  # no real amount has so many digits; a made-up one is written all the same
    return values if values.type == _TYPES[sort] else values.cast(_TYPES[sort])


def write_json(table: pa.Table, columns: Sequence[Column]) -> Iterator[bytes]:
    """`"columns":[...],"rows":[[...]]}`: the rest of an object that the caller has begun."""
    yield b'"columns":' + orjson.dumps(table.schema.names) + b',"rows":['
    before = b""
    for batch in table.to_batches(ROWS_AT_ONCE):
        values = [_for_json(batch.column(at), column.sort) for at, column in enumerate(columns)]
        rows = list(zip(*values, strict=True))
        if rows:
            yield before + orjson.dumps(rows)[1:-1]
            before = b","
    yield b"]}"


def _for_json(values: pa.Array, sort: Sort) -> list[Any]:
    if sort is Sort.UNITS:
        return [None if value is None else number(int(value.scaleb(3))) for value in values.to_pylist()]
    if sort is Sort.MONEY and pa.types.is_decimal(values.type):
        return [None if value is None else orjson.Fragment(str(value)) for value in values.to_pylist()]
    if sort is Sort.MOMENT:
        return _moments(values)
    found: list[Any] = values.to_pylist()
    return found


def number(thousandths: int) -> Any:
    """5000 as 5, 1250 as 1.25; beyond what a double holds exactly, digit by digit. For orjson."""
    if thousandths % 1000 == 0:
        whole = thousandths // 1000
        return whole if -_EXACT_MAX < whole < _EXACT_MAX else orjson.Fragment(str(whole))
    if -_EXACT_MAX < thousandths < _EXACT_MAX:
        return thousandths / 1000
    return orjson.Fragment(str(Decimal(thousandths).scaleb(-3)))


def _moments(values: pa.Array) -> list[str | None]:
    texts: list[str | None] = compute.strftime(values.cast(_MOMENT), format="%Y-%m-%dT%H:%M:%SZ").to_pylist()
    return texts


def write_csv(table: pa.Table, columns: Sequence[Column]) -> Iterator[bytes]:
    """RFC 4180, UTF-8, a head with the columns' names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(harmless, table.schema.names))  # a planner's own SQL names them
    for batch in table.to_batches(ROWS_AT_ONCE):
        values = [_for_text(batch.column(at), column.sort) for at, column in enumerate(columns)]
        writer.writerows(zip(*values, strict=True))
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _for_text(values: pa.Array, sort: Sort) -> list[Any]:
    if sort is Sort.TEXT:
        return [harmless(value) if value else value for value in values.to_pylist()]
    if sort is Sort.UNITS:
        return [None if value is None else _written(value) for value in values.to_pylist()]
    if sort is Sort.MOMENT:
        return _moments(values)
    found: list[Any] = values.to_pylist()
    return found


def _written(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    # Some programs leave out spaces at the beginning.
    return f"'{text}" if text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS) else text


def write_xlsx(table: pa.Table, columns: Sequence[Column], in_memory: bool = False) -> Iterator[bytes]:
    """One sheet, head in bold and frozen; made row by row in a file for the time being, so that memory holds no sheet.

    `in_memory`: for whoever may open no file.
    """
    out = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    book = xlsxwriter.Workbook(out, {**options, "in_memory" if in_memory else "constant_memory": True})
    sheet = book.add_worksheet("report")
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for at, column in enumerate(columns):
        sheet.write_string(0, at, column.name, bold)
    row = 1
    for batch in table.to_batches(ROWS_AT_ONCE):
        values = [_moments(v) if v.type == _MOMENT else v.to_pylist() for v in batch.columns]
        for cells in zip(*values, strict=True):
            for at, value in enumerate(cells):
                if isinstance(value, int | float | Decimal):
                    sheet.write_number(row, at, value)
                elif value is not None:
                    sheet.write_string(row, at, str(value))
            row += 1
    book.close()
    yield out.getvalue()


def write_parquet(table: pa.Table, columns: Sequence[Column]) -> Iterator[bytes]:
    """zstd."""
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    yield out.getvalue()


def write_arrow(table: pa.Table, columns: Sequence[Column]) -> Iterator[bytes]:
    """An IPC stream."""
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as stream:
        for batch in table.to_batches(ROWS_AT_ONCE):
            stream.write_batch(batch)
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


WRITERS: Final[dict[str, Callable[[pa.Table, Sequence[Column]], Iterator[bytes]]]] = {
    "json": write_json,
    "csv": write_csv,
    "xlsx": write_xlsx,
    "parquet": write_parquet,
    "arrow": write_arrow,
}
"""By name, as in `?format=`."""
