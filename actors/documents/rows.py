"""The rows of the document tables: pending documents, and fast ways to read and write many rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Delete, Insert, RowMapping, Table, Update, bindparam, null, select, update
from sqlalchemy.sql.compiler import SQLCompiler

from actors.documents.schema import TABLES, DocumentKind, changes

NOTHING_PENDING: Final = {"pending": null(), "pending_archived": null(), "pending_version": null()}
_KEYS_PER_QUERY_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Pending:
    """A document on its way to the shards."""

    kind: DocumentKind
    code: str
    number: int
    version: int
    """with kind and number it makes the id of the definition, so that sending it twice has no second effect"""
    document: str
    archived: bool
    made: bool
    """no such document is in force"""


def next_version(connection: Connection) -> int:
    """A number that no change had before."""
    statement = update(changes).values(last=changes.c.last + 1).returning(changes.c.last)
    version: int = connection.execute(statement).scalar_one()
    return version


def unfinished(connection: Connection, count_max: int) -> list[Pending]:
    """Documents that are still on their way, oldest first; places and clients before the rest."""
    found: list[Pending] = []
    for kind, table in TABLES.items():
        statement = (
            select(table)
            .where(table.c.pending_version.is_not(None))
            .order_by(table.c.pending_version)
            .limit(count_max - len(found))
        )
        for row in connection.execute(statement).mappings():
            made = row["version"] == 0 or row["archived"]
            version, document, archived = row["pending_version"], row["pending"], row["pending_archived"]
            found.append(Pending(kind, row["code"], row["number"], version, document, archived, made))
    return found


def warehouse_numbers(connection: Connection, codes: Iterable[str]) -> dict[str, int]:
    """The numbers of those of `codes` that are registered."""
    rows = select_in(connection, TABLES[DocumentKind.WAREHOUSE], "code", list(codes))
    return {row["code"]: row["number"] for row in rows}


def client_names(connection: Connection) -> dict[int, str]:
    """The names of all clients, those on their way too."""
    table = TABLES[DocumentKind.CLIENT]
    return {row.number: row.code for row in connection.execute(select(table.c.number, table.c.code))}


def write_pending(connection: Connection, table: Table, pending: Sequence[Pending]) -> None:
    """Write what is wanted of rows that are there."""
    statement = (
        update(table)
        .where(table.c.number == bindparam("b_number"))
        .values(
            pending=bindparam("b_pending"),
            pending_archived=bindparam("b_archived"),
            pending_version=bindparam("b_version"),
        )
    )
    execute_many(
        connection,
        statement,
        [
            {"b_number": p.number, "b_pending": p.document, "b_archived": p.archived, "b_version": p.version}
            for p in pending
        ],
    )


def select_in(connection: Connection, table: Table, column: str, wanted: Sequence[object]) -> list[RowMapping]:
    """The rows whose `column` is one of `wanted`."""
    rows: list[RowMapping] = []
    statement = select(table).where(table.c[column].in_(bindparam("wanted", expanding=True)))
    for at in range(0, len(wanted), _KEYS_PER_QUERY_MAX):
        part = wanted[at : at + _KEYS_PER_QUERY_MAX]
        rows.extend(connection.execute(statement, {"wanted": part}).mappings())
    return rows


def execute_many(
    connection: Connection, statement: Insert | Update | Delete, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Execute a statement for each of `rows`, which have the same keys and plain values.

    Compiled once and handed to the driver as it is: twice as fast as letting SQLAlchemy look at each value.
    """
    if not rows:
        return
    compiled = statement.compile(connection.engine, column_keys=list(rows[0]))
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup
    if names is None:
        connection.exec_driver_sql(compiled.string, [dict(row) for row in rows])
    else:
        connection.exec_driver_sql(compiled.string, [tuple([row[name] for name in names]) for row in rows])
