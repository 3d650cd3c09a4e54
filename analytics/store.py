"""The DuckDB file of analytics: what was folded goes in together with how far it goes, in one transaction.

So whoever is killed at any step and opens it again goes on where the tables end: no movement twice, none left out.
One process has the file; its threads read through cursors of their own, each a consistent picture.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from analytics.entering import DAY_START, PLACE_AGAIN, TIME_ZONE, enter
from analytics.fold import Folded
from analytics.schema import KEYS, TABLES, VERSION
from analytics.views import statements, widening

FILE: Final = "analytics.duckdb"
MEMORY_BYTES: Final = 1 << 30
"""That DuckDB may take, unless the machine has less to give."""
CHECKPOINT: Final = "24MB"
"""of log, after which it is put into the file"""

VACUUM_TASKS: Final = 0
"""Rows are only ever added: nothing is to be cleaned away. Merging row groups that are not full took a checkpoint from
0.4 to 2 s and more, and nothing is entered meanwhile."""

_log = logging.getLogger(__name__)


class StoreUnusable(Exception):
    """The file is not ours to use: another process has it, or it belongs to other journals; carries why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


_MOVED: Final = (
    """update positions set seq = moved.seq, hash = moved.hash, booked_at = moved.booked_at
       from new_positions moved where moved.shard = positions.shard""",
    "insert into positions select * from new_positions where shard not in (select shard from positions)",
)
"""In place: rows that were replaced would stay in the file."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a journal is in the tables."""

    seq: int
    hash: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class Details:
    """What documents say of goods and places, as rows of the tables of these names, and up to which change."""

    version: int
    products: Sequence[tuple[int, str, int, str, list[str] | None, bool]] = ()
    """sku_key, sku, decimals, name, group_path, archived"""
    warehouses: Sequence[tuple[int, str, str, str, int, str | None, str | None, bool]] = ()
    """number, code, name, kind, priority, time_zone, day_start, archived"""
    channels: Sequence[
        tuple[int, str, str, str, list[str] | None, int | None, int | None, int | None, str | None, bool]
    ] = ()
    """number, code, name, kind, warehouses, fee_rate, payment_rate, fixed_cost, fixed_currency, archived"""
    clients: Sequence[tuple[int, str]] = ()
    """number, name"""
    closings: Sequence[tuple[Any, ...]] = ()
    """as the columns of the table"""
    interest: Sequence[tuple[Any, ...]] = ()
    """as the columns of the table"""
    alert_marks: Sequence[tuple[Any, ...]] = ()
    """alert, state, author, marked_at and until in ms"""


@dataclass(slots=True)
class Store:
    """Open from the start until `close`; only one thread enters."""

    path: Path | None
    """the file; None = memory only, for tests"""
    era: int
    shards: int
    threads: int = 1
    memory_bytes: int = MEMORY_BYTES
    documents_version: int = field(init=False)
    """up to which change of the documents the names are known; kept here, for it is looked at ten times a second"""
    _connection: duckdb.DuckDBPyConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = self._open()
        ((self.documents_version,),) = self._connection.execute("select documents from file").fetchall()

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            return self._connect()
        except StoreUnusable:
            raise
        except duckdb.Error as error:
            if self.path is None:
                raise
            if "lock" in str(error):
                raise StoreUnusable(str(self.path), str(error)) from error
            # A file that cannot be read holds nothing that the journals do not.
            _log.error("%s is made anew from the journals: %s", self.path, error)
            remove(self.path)
            return self._connect()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = self._bare()
        found = connection.execute("select count(*) from duckdb_tables() where table_name = 'file'").fetchall()
        if found[0][0]:
            (made,) = connection.execute("select version, era, shards from file").fetchall()
            if made == (VERSION, self.era, self.shards):
                return connection
            connection.close()
            assert self.path is not None
            _log.warning("%s is of another version or of other journals, and is made anew", self.path)
            remove(self.path)
            connection = self._bare()
        connection.execute("begin")
        for statement in statements():
            connection.execute(statement)
        connection.execute("insert into file values (?, ?, ?, 0)", [VERSION, self.era, self.shards])
        connection.execute("commit")
        return connection

    def _bare(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.path or ":memory:"), config=self._settings())
        connection.execute("set global TimeZone = 'UTC'")  # whatever this machine's is
        return connection

    def _settings(self) -> dict[str, Any]:
        settings = {
            "threads": self.threads,
            "memory_limit": f"{self.memory_bytes // 1_000_000}MB",
            "checkpoint_threshold": CHECKPOINT,
            "max_vacuum_tasks": VACUUM_TASKS,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
        if self.path is not None:
            settings["temp_directory"] = str(self.path.with_suffix(".tmp"))
        return settings

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """For another thread; it sees what is committed when it begins."""
        return self._connection.cursor()

    def positions(self) -> dict[int, Position]:
        """How far each journal is in the tables; a shard of which nothing is there is left out."""
        return positions(self._connection)

    def enter(self, pieces: Mapping[int, tuple[Folded, bytes]]) -> None:
        """Add what was folded of each shard, and that it goes up to the record with this hash.

        All at once: a statement costs 2 ms before it has seen a row.
        """
        names = {name for folded, _ in pieces.values() for name in folded.tables}
        tables = {
            name: pa.concat_tables([folded.tables[name] for folded, _ in pieces.values() if name in folded.tables])
            for name in names
        }
        with self._transaction(), self._given({**tables, "positions": _as_positions(pieces)}):
            if any(folded.wide for folded, _ in pieces.values()):
                self._widen()
            enter(self._connection, frozenset(names))
            for statement in _MOVED:
                self._connection.execute(statement)

    def _widen(self) -> None:
        """Room for amounts of any size, from now on."""
        found = self._connection.execute("select typeof(any_value(gross)) from (select gross from sales limit 0)")
        if found.fetchall() != [("HUGEINT",)]:
            for statement in widening():
                self._connection.execute(statement)

    def enter_details(self, details: Details) -> None:
        """Have names as the documents have them; figures by business day follow a place whose day has changed."""
        with self._transaction():
            before = self._days()
            self._replace(
                "products", details.products, ("sku_key", "sku", "decimals", "name", "group_path", "archived")
            )
            self._replace(
                "warehouses",
                [
                    (*row[:5], row[5] or TIME_ZONE, row[6] or DAY_START, row[7])
                    for row in details.warehouses
                ],
                ("warehouse", "code", "name", "kind", "priority", "time_zone", "day_start", "archived"),
            )  # fmt: skip
            self._replace("channels", details.channels, tuple(column.name for column in TABLES["channels"]))
            self._replace("clients", details.clients, ("client", "name"))
            for table, rows in (("closings", details.closings), ("interest", details.interest)):
                self._replace(table, rows, tuple(column.name for column in TABLES[table]), KEYS[table])
            marks = [(*mark, _moment(at_ms), _moment(until_ms)) for *mark, at_ms, until_ms in details.alert_marks]
            self._replace("alert_marks", marks, ("alert", "state", "author", "marked_at", "until"))
            for warehouse, day in self._days().items():
                if before.get(warehouse, day) != day:
                    for table in ("sales", "returns"):
                        self._connection.execute(PLACE_AGAIN.format(table=table), {"warehouse": warehouse})
            self._connection.execute("update file set documents = ?", [details.version])
        self.documents_version = details.version

    def _days(self) -> dict[int, tuple[Any, ...]]:
        found = self._connection.execute("select warehouse, time_zone, day_start from warehouses").fetchall()
        return {row[0]: row[1:] for row in found}

    def _replace(
        self, table: str, rows: Sequence[tuple[Any, ...]], columns: tuple[str, ...], key: tuple[str, ...] = ()
    ) -> None:
        """Rows with the key of one of these give way to it; the key is the first column unless said.

        A column that is not given stays as it was.
        """
        if not rows:
            return
        types = {column.name: column.type for column in TABLES[table]}
        given = pa.table({name: list(column) for name, column in zip(columns, zip(*rows, strict=True), strict=True)})
        typed = ", ".join(f"{name}::{types[name]} as {name}" for name in columns)
        same = " and ".join(f"{table}.{name} is not distinct from given.{name}" for name in key or columns[:1])
        kept = "".join(f", {table}.{name}" for name in types if name not in columns)
        with self._given({table: given}):
            self._connection.execute(
                f"create temp table given as select given.*{kept}"
                f" from (select {typed} from new_{table}) given left join {table} on {same}"
            )
            self._connection.execute(f"delete from {table} using given where {same}")
            self._connection.execute(f"insert into {table} by name from given")
            self._connection.execute("drop table given")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                self._connection.execute("rollback")
            raise

    @contextmanager
    def _given(self, tables: dict[str, pa.Table]) -> Iterator[None]:
        for name, table in tables.items():
            self._connection.register(f"new_{name}", table)
        try:
            yield
        finally:
            for name in tables:
                self._connection.unregister(f"new_{name}")


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)


def _as_positions(pieces: Mapping[int, tuple[Folded, bytes]]) -> pa.Table:
    return pa.table(
        {
            "shard": pa.array(list(pieces), pa.uint16()),
            "seq": pa.array([folded.last_seq for folded, _ in pieces.values()], pa.int64()),
            "hash": pa.array([hash_ for _, hash_ in pieces.values()], pa.binary()),
            "booked_at": pa.array([folded.last_ms for folded, _ in pieces.values()], pa.timestamp("ms", "UTC")),
        }
    )


def positions(connection: duckdb.DuckDBPyConnection) -> dict[int, Position]:
    """As a connection's transaction sees them."""
    found = connection.execute("select shard, seq, hash, epoch_ms(booked_at) from positions").fetchall()
    return {shard: Position(seq, hash_, at_ms) for shard, seq, hash_, at_ms in found}


def remove(path: Path) -> None:
    """Remove the file and what belongs to it."""
    for each in (path, path.with_name(path.name + ".wal")):
        each.unlink(missing_ok=True)
