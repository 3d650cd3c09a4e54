"""What analytics reads of the documents: names, groups, places and their days, by the change that put them in force."""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from actors.documents.alert_marks import marks_after
from actors.documents.database import DocumentsSettings, reading_engine, revision
from actors.documents.reading import last_change
from actors.documents.schema import HEAD, TABLES, DocumentKind
from analytics.store import Details


class _Product(msgspec.Struct):
    name: str = ""
    quantity_decimals: int = 0
    group: list[str] | None = None


class _Warehouse(msgspec.Struct):
    name: str = ""
    kind: str = ""
    priority: int = 0
    time_zone: str | None = None
    day_start: str | None = None


class _Channel(msgspec.Struct):
    name: str = ""
    kind: str = ""
    warehouses: list[str] | None = None


_product: Final = msgspec.json.Decoder(_Product).decode
_warehouse: Final = msgspec.json.Decoder(_Warehouse).decode
_channel: Final = msgspec.json.Decoder(_Channel).decode


class DetailsReader:
    """Of one documents database, which may not be there yet."""

    def __init__(self, settings: DocumentsSettings) -> None:
        self._settings = settings
        self._engine: Engine | None = None

    def read_after(self, version: int) -> Details | None:
        """What was put in force after that change; None when nothing was, or it cannot be read now."""
        try:
            if self._engine is None:
                self._engine = reading_engine(self._settings)
            with self._engine.connect() as connection:
                if not version and revision(connection) != HEAD:
                    return None
                newest = last_change(connection)
                return None if newest <= version else _details(connection, version, newest)
        except SQLAlchemyError:  # there is no file yet, it is being written to, or the server is away
            return None

    def close(self) -> None:
        """Let go of the database."""
        if self._engine is not None:
            self._engine.dispose()


def _details(connection: Connection, version: int, newest: int) -> Details:
    def changed(kind: DocumentKind) -> list[Any]:
        table = TABLES[kind]
        statement = select(table.c.number, table.c.code, table.c.document, table.c.archived).where(
            table.c.version > version, table.c.version <= newest
        )
        return list(connection.execute(statement))

    products = [(row, _product(row.document)) for row in changed(DocumentKind.PRODUCT)]
    warehouses = [(row, _warehouse(row.document)) for row in changed(DocumentKind.WAREHOUSE)]
    channels = [(row, _channel(row.document)) for row in changed(DocumentKind.CHANNEL)]
    return Details(
        newest,
        [(r.number, r.code, d.quantity_decimals, d.name, d.group, r.archived) for r, d in products],
        [
            (r.number, r.code, d.name, d.kind, d.priority, d.time_zone, d.day_start, r.archived)
            for r, d in warehouses
        ],
        [(r.number, r.code, d.name, d.kind, d.warehouses, r.archived) for r, d in channels],
        [(row.number, row.code) for row in changed(DocumentKind.CLIENT)],
        alert_marks=[tuple(row) for row in marks_after(connection, version, newest)],
    )  # fmt: skip
