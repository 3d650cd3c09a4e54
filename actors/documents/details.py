"""What analytics reads of the documents: names, groups, places and their days, by the change that put them in force."""

from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from actors.documents.alert_marks import marks_after
from actors.documents.closings import Closed, closed_after
from actors.documents.database import DocumentsSettings, reading_engine, revision
from actors.documents.interest import interest_after
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


class _Money(msgspec.Struct):
    amount: int
    currency: str


class _Channel(msgspec.Struct):
    name: str = ""
    kind: str = ""
    warehouses: list[str] | None = None
    fee_rate: Decimal | None = None
    payment_rate: Decimal | None = None
    fixed_cost: _Money | None = None

    @property
    def costs(self) -> tuple[int | None, int | None, int | None, str | None]:
        """fee_rate and payment_rate in millionths, fixed_cost, its currency"""
        fixed = self.fixed_cost
        return (
            _millionths(self.fee_rate),
            _millionths(self.payment_rate),
            None if fixed is None else fixed.amount,
            None if fixed is None else fixed.currency,
        )


def _millionths(rate: Decimal | None) -> int | None:
    return None if rate is None else int(rate * 1_000_000)


class _Figures(msgspec.Struct):
    currency: str | None = None
    orders: int = 0
    units: Decimal = Decimal()
    returned: Decimal = Decimal()
    gross: int = 0
    discount: int = 0
    returns: int = 0
    net: int = 0
    tax: int = 0

    @property
    def row(self) -> tuple[Any, ...]:
        """As the table has it, units in thousandths."""
        units, returned = int(self.units * 1000), int(self.returned * 1000)
        money = self.gross, self.discount, self.returns, self.net, self.tax
        return (self.currency, self.orders, units, returned, *money)


class _Closed(msgspec.Struct):
    closed_at: str
    closed_by: str
    records: list[int]
    figures: list[_Figures]
    author: str | None = None


_product: Final = msgspec.json.Decoder(_Product).decode
_warehouse: Final = msgspec.json.Decoder(_Warehouse).decode
_channel: Final = msgspec.json.Decoder(_Channel).decode
_closed: Final = msgspec.json.Decoder(_Closed).decode


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


def _closing(closed: Closed) -> list[tuple[Any, ...]]:
    """A row for each currency; one of zeros when there was nothing."""
    document = _closed(closed.document)
    head = closed.day, closed.warehouse, closed.channel
    by = document.closed_at, document.closed_by, document.author, document.records
    return [(*head, *by, *each.row) for each in document.figures or [_Figures()]]


def _details(connection: Connection, version: int, newest: int) -> Details:
    newest, interest = interest_after(connection, version, newest)

    def changed(kind: DocumentKind) -> list[Any]:
        table = TABLES[kind]
        statement = select(table.c.number, table.c.code, table.c.document, table.c.archived).where(
            table.c.version > version, table.c.version <= newest
        )
        return list(connection.execute(statement))

    products = [(row, _product(row.document)) for row in changed(DocumentKind.PRODUCT)]
    warehouses = [(row, _warehouse(row.document)) for row in changed(DocumentKind.WAREHOUSE)]
    channels = [(row, _channel(row.document)) for row in changed(DocumentKind.CHANNEL)]
    closings = [figure for closed in closed_after(connection, version, newest) for figure in _closing(closed)]
    return Details(
        newest,
        [(r.number, r.code, d.quantity_decimals, d.name, d.group, r.archived) for r, d in products],
        [
            (r.number, r.code, d.name, d.kind, d.priority, d.time_zone, d.day_start, r.archived)
            for r, d in warehouses
        ],
        [(r.number, r.code, d.name, d.kind, d.warehouses, *d.costs, r.archived) for r, d in channels],
        [(row.number, row.code) for row in changed(DocumentKind.CLIENT)],
        closings,
        [(r.day, r.channel, r.sku_key or None, r.query or None, *r[4:]) for r in interest],
        alert_marks=[tuple(row) for row in marks_after(connection, version, newest)],
    )  # fmt: skip
