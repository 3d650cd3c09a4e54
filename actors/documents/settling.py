"""What the shards' answers mean for the tables, inside the writer's transaction.

What all shards took is put in force, what all refused is dropped. What only some took is turned round: what was in
force before is sent after it, and until that has arrived the document is on its way again.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select, update

from actors.documents.rows import NOTHING_PENDING, Pending, execute_many, next_version, write_pending
from actors.documents.schema import TABLES


def settle(
    connection: Connection, applied: Sequence[Pending], dropped: Sequence[Pending], torn: Sequence[Pending]
) -> list[Pending]:
    """Returns the definitions that take the torn ones back; they are pending now."""
    version = next_version(connection)
    for kind, table in TABLES.items():
        _put_in_force(connection, table, [p for p in applied if p.kind is kind], version)
        _drop(connection, table, [p for p in dropped if p.kind is kind])
    return [_turned_round(connection, pending, version) for pending in torn]


def _put_in_force(connection: Connection, table: Table, applied: Sequence[Pending], version: int) -> None:
    """Whole changes by one statement each, others one by one."""
    statement = update(table).values(
        document=table.c.pending,
        archived=table.c.pending_archived,
        version=bindparam("b_version"),
        **NOTHING_PENDING,
    )
    singly: list[dict[str, Any]] = []
    for change, count in Counter(p.version for p in applied).items():
        of_change = table.c.pending_version == change
        if connection.execute(select(func.count()).select_from(table).where(of_change)).scalar_one() == count:
            connection.execute(statement.where(of_change), {"b_version": version})
        else:
            singly += [{"b_number": p.number, "b_version": version} for p in applied if p.version == change]
    execute_many(connection, statement.where(table.c.number == bindparam("b_number")), singly)


def _drop(connection: Connection, table: Table, dropped: Sequence[Pending]) -> None:
    statement = update(table).where(table.c.number == bindparam("b_number")).values(**NOTHING_PENDING)
    execute_many(connection, statement, [{"b_number": p.number} for p in dropped])


def _turned_round(connection: Connection, pending: Pending, version: int) -> Pending:
    table = TABLES[pending.kind]
    row = connection.execute(select(table).where(table.c.number == pending.number)).mappings().one()
    never = row["version"] == 0  # then taking it back is archiving it
    document, archived = (pending.document, True) if never else (row["document"], row["archived"])
    former = Pending(pending.kind, pending.code, pending.number, version, document, archived, archived)
    write_pending(connection, table, [former])
    return former
