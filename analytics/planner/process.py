"""One statement of a planner: `python -m analytics.planner.process DIR PARENT`, a statement in, an answer out, the end.

Makes or takes a copy of the tables, opens it for reading only, puts up every wall there is, and only then looks at what
was asked: one SELECT. It has no secrets (its environment is empty), no files, no network and no settings, and dies with
whoever started it. What overruns its time is killed by the kernel, in the middle of whatever it does.
"""

import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import duckdb
import pyarrow as pa

from analytics.formats import WRITERS, as_columns, write_xlsx
from analytics.planner.copying import NoCopy, fresh_copy
from analytics.planner.walls import NEEDED, raise_walls
from analytics.questions import (
    MEDIA,
    SQL_MEMORY_BYTES,
    SQL_ROWS_MAX,
    SQL_S_MAX,
    SQL_SLOTS,
    Head,
    Refused,
    SqlAsked,
    decode_sql,
    encode,
)
from analytics.reports.report import Column, Sort
from analytics.store import FILE, positions

DIRECTORY: Final = "sql"
SIZE_BYTES: Final = 4
ROWS_AT_ONCE: Final = 8_192
_PR_SET_PDEATHSIG: Final = 1
_NICENESS: Final = 19
_ROOM_BYTES: Final = 1 << 30
"""For the answer, and for what DuckDB does not count."""
_SETTINGS: Final[dict[str, Any]] = {
    "threads": 1,
    "memory_limit": f"{SQL_MEMORY_BYTES // 1_000_000}MB",
    "max_temp_directory_size": "0B",
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
_POINTERS: Final = ("arrow_scan", "pandas_scan", "python_map_function")
"""Functions that the Python of this process uses to hand addresses to DuckDB."""
_DETAIL_MAX: Final = 500
_EVERY_KIND: Final = """
select 1, 1.5::DOUBLE, 1.5::DECIMAL(9, 3), 'ä', null, [1], {'a': 1}, current_date, now(), localtimestamp,
       interval '1 day', uuid(), 1::HUGEINT, 1::UBIGINT, 'a'::BLOB, true, localtime"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read a SqlAsked from standard input, write a Head and pieces to standard output."""
    directory, parent = (arguments or sys.argv[1:])[:2]
    _die_with(int(parent))
    os.nice(_NICENESS)
    out = sys.stdout.buffer
    try:
        asked = decode_sql(sys.stdin.buffer.read())
        for piece in _answered(Path(directory), asked):
            if piece:
                _write(out, piece)
    except Refused as refusal:
        _write(out, encode(Head(problem=refusal.problem)))
    _write(out, b"")
    out.flush()
    os._exit(0)  # what is behind the walls cannot tidy up, and need not


def _answered(directory: Path, asked: SqlAsked) -> Iterator[bytes]:
    connection = behind_walls(directory, asked.format)
    known = positions(connection)
    head = Head(
        MEDIA[asked.format],
        [known[shard].seq if shard in known else 0 for shard in range(max(known, default=-1) + 1)],
        max((position.at_ms for position in known.values()), default=0),
    )
    # All of it before the head: a statement may yet fail, or be killed.
    pieces = list(answer(connection, asked))
    yield encode(head)
    yield from pieces


def behind_walls(directory: Path, format_: str = "json", seconds: float | None = None) -> duckdb.DuckDBPyConnection:
    """A copy of the tables, and nothing else from now on; raises Refused."""
    own = directory / DIRECTORY
    own.mkdir(mode=0o700, exist_ok=True)
    _take_slot(own)
    try:
        copy = fresh_copy(directory / FILE, own)
    except NoCopy as error:
        raise Refused(503, "unavailable", error.why) from None
    os.chdir(own)
    connection = duckdb.connect(copy.name, read_only=True, config=_SETTINGS)
    for setting in ("global TimeZone = 'UTC'", "enable_external_access = false", "lock_configuration = true"):
        connection.execute(f"set {setting}")
    for _ in answer(connection, SqlAsked(_EVERY_KIND, format_)):
        pass  # what Python loads when it is first wanted has been loaded then
    missing = NEEDED.difference(raise_walls(SQL_MEMORY_BYTES + _ROOM_BYTES, seconds or SQL_S_MAX))
    if missing:
        raise Refused(503, "unavailable", f"this system cannot shut a statement off from: {', '.join(sorted(missing))}")
    return connection


def answer(connection: duckdb.DuckDBPyConnection, asked: SqlAsked) -> Iterator[bytes]:
    """The body; raises Refused."""
    try:
        table, columns = _selected(connection, asked.sql)
        # The other way to make a sheet writes files.
        writer = partial(write_xlsx, in_memory=True) if asked.format == "xlsx" else WRITERS[asked.format]
        yield from writer(table, columns)
    except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError):
        raise Refused(422, "invalid_request", f"it wants more than {SQL_MEMORY_BYTES >> 20} MB of memory") from None
    except (duckdb.Error, pa.ArrowException, ValueError, OverflowError) as error:
        raise Refused(422, "invalid_request", str(error)[:_DETAIL_MAX]) from None


def _selected(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[pa.Table, list[Column]]:
    lowered = sql.lower()
    if any(name in lowered for name in _POINTERS):
        raise Refused(422, "invalid_request", "a function that is not for callers")
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise Refused(422, "invalid_request", "one SELECT, and nothing else")
    batches, rows = [], 0
    with connection.sql(statements[0].query).to_arrow_reader(ROWS_AT_ONCE) as reader:
        schema = reader.schema
        for batch in reader:
            batches.append(batch)
            rows += batch.num_rows
            if rows > SQL_ROWS_MAX:
                raise Refused(413, "too_large", f"more than {SQL_ROWS_MAX} rows: ask for less")
    return _typed(pa.Table.from_batches(batches, schema))


def _typed(table: pa.Table) -> tuple[pa.Table, list[Column]]:
    """With columns of the sorts that reports have; what they do not have is written as text."""
    names = _different(table.schema.names)
    columns = [Column(name, _sort(field.type), "") for name, field in zip(names, table.schema, strict=True)]
    values = [_plain(column, each.sort) for column, each in zip(table.columns, columns, strict=True)]
    return as_columns(pa.Table.from_arrays(values, names), columns), columns


def _sort(kind: pa.DataType) -> Sort:
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return Sort.COUNT
    if pa.types.is_decimal(kind) or kind == pa.uint64():
        return Sort.MONEY
    if pa.types.is_floating(kind):
        return Sort.SHARE
    if pa.types.is_date(kind):
        return Sort.DAY
    if pa.types.is_timestamp(kind):
        return Sort.MOMENT
    return Sort.TEXT


def _plain(column: pa.ChunkedArray, sort: Sort) -> pa.ChunkedArray:
    if sort is Sort.MOMENT:
        return column.cast(pa.timestamp("ms", "UTC"), safe=False)
    if column.type == pa.uint64():
        return column.cast(pa.decimal128(20, 0))
    if sort is not Sort.TEXT:
        return column
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.string())
    return pa.chunked_array([[None if value is None else str(value) for value in column.to_pylist()]], pa.string())


def _different(names: Sequence[str]) -> list[str]:
    """Two columns may not have one name in every format: the second `x` is `x_2`."""
    found: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found


def _take_slot(directory: Path) -> None:
    """One of a few, until this process ends; refused when all are taken."""
    for number in range(SQL_SLOTS):
        descriptor = os.open(directory / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            os.close(descriptor)
    raise Refused(429, "overloaded", "too many statements at once")


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _write(out: BinaryIO, piece: bytes) -> None:
    out.write(len(piece).to_bytes(SIZE_BYTES, "little") + piece)


if __name__ == "__main__":
    main()
